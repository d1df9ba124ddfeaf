"""What the values of an explained function are called, and how they are computed, as text."""

import itertools
from collections.abc import Iterable
from typing import Any

from chainrule.graph import Node, constant_text

__all__ = ["formula_text", "names_of_values"]


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
