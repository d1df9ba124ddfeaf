"""What the values of an explained function are called, and how they are computed, as text."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chainrule.graph import Node, constant_text
from chainrule.inspection.formulas import latex_name
from chainrule.inspection.notation import Notation, plain

__all__ = ["Derivatives", "derivatives_in", "formula_text", "names_of_values"]


@dataclass(frozen=True)
class Derivatives:
    """How the derivative of the output by a value is written.

    Attributes
    ----------
    letter, latex_letter : str
        What the output is called.
    bars : bool
        Whether it is the value with a bar, in place of a fraction.

    Examples
    --------
    >>> Derivatives("L", "L", bars=False).text("v1"), Derivatives("E", "E", bars=True).text("rate")
    ('dL/dv1', 'rate_bar')
    """

    letter: str
    latex_letter: str
    bars: bool

    def text(self, name: str) -> str:
        """The derivative by a value, as plain text."""
        if not self.bars:
            return f"d{self.letter}/d{name}"
        # A bar over a letter with a number; names of several letters as in code.
        return f"{name[0]}\u0304{name[1:]}" if re.fullmatch(r"[^\W\d_]\d*", name) else f"{name}_bar"

    def latex(self, name: str) -> str:
        """The same in LaTeX."""
        if self.bars:
            return rf"\overline{{{latex_name(name)}}}"
        return rf"\frac{{\partial {self.latex_letter}}}{{\partial {latex_name(name)}}}"


def derivatives_in(notation: Notation, taken: Iterable[str]) -> Derivatives:
    """How a notation writes them: by its letter for the objective, or another where a value has that name."""
    names = set(taken)
    own = "L" if notation.key == "chainrule" else notation.latex_symbol("objective")
    latex = next(letter for letter in (own, *"LFYZQRSU") if plain(letter) not in names)
    return Derivatives(plain(latex), latex, notation.bars)


def names_of_values(order: Iterable[Node]) -> dict[Node, str]:
    """Inputs have the names of their arguments; what is computed is called v1, v2 and so on."""
    count = itertools.count(1)
    return {node: node.name if node.op is None else f"v{next(count)}" for node in order}


_INFIX = {
    "np.add": "+",
    "np.subtract": "-",
    "np.multiply": "*",
    "np.divide": "/",
    "np.power": "**",
    "np.matmul": "@",
}


def formula_text(node: Node, names: dict[Node, str]) -> str:
    """How a value is computed, such as ``v1 + b``."""
    texts = [names[x] if isinstance(x, Node) else constant_text(x) for x in node.inputs]
    if node.name in _INFIX:
        return f" {_INFIX[node.name]} ".join(texts)
    if node.name == "np.negative":
        return f"-{texts[0]}"
    if node.name == "index" and len(texts) == 1:
        return f"{texts[0]}[{', '.join(_index_text(part) for part in node.params['template'])}]"
    texts += [f"{name}={value!r}" for name, value in node.params.items() if value is not None and value is not False]
    return f"{node.name.rsplit('.', 1)[-1]}({', '.join(texts)})"


def _index_text(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends) + (f":{part.step}" if part.step is not None else "")
    return "..." if part is Ellipsis else str(part)
