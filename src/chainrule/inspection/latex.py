"""A backward pass and its equations in LaTeX."""

import re
from typing import TYPE_CHECKING

from chainrule.inspection.conversion import arrays_of
from chainrule.inspection.notation import Notation
from chainrule.inspection.tables import columns_of

if TYPE_CHECKING:
    from chainrule.inspection.equations import Equations
    from chainrule.inspection.quantities import Backprop

__all__ = ["backprop_latex", "equations_latex"]


def backprop_latex(seen: "Backprop", notation: Notation) -> str:
    """What `Backprop.latex` returns."""
    _, heads, rows = seen.table(notation)
    symbols = [notation.latex_symbol(name) for name in columns_of(seen, notation)]
    if heads[1] == "units":
        columns, titles = f"rrl{'r' * len(symbols)}", [*map(_text, heads[:3]), *symbols]
        cells = [[*row[:2], _text(row[2]), *map(_number, row[3:])] for row in rows]
    else:
        columns, titles = "rll", [_text(head) for head in ("layer", "quantity", "value")]
        cells = [
            [row[0], _text(row[1]), f"{latex} = {_number(row[3])}"]
            for row, latex in zip(rows, _of_rows(seen, notation), strict=True)
        ]
    lines = [" & ".join(line) + r" \\" for line in (titles, *cells)]
    return "\n".join([rf"\begin{{array}}{{{columns}}}", lines[0] + r" \hline", *lines[1:], r"\end{array}"])


def _of_rows(seen: "Backprop", notation: Notation) -> list[str]:
    """The symbols of the rows of one example's table."""
    arrays = arrays_of(seen, notation, expanded=False)
    quantities = columns_of(seen, notation)
    return [
        notation.latex_symbol(name, layer.number)
        for layer, own in zip(seen.layers, arrays, strict=True)
        for name in ("inputs", *quantities)
        if name in own
    ]


def _text(words: str) -> str:
    return rf"\text{{{words}}}"


def equations_latex(equations: "Equations") -> str:
    """What `Equations.latex` returns."""
    lines = [f"{one.latex.replace(' = ', ' &= ', 1)} && {_number(f'{one.residual:.1g}')}" + r" \\" for one in equations]
    return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])


def _number(text: str) -> str:
    r"""``1.2 \cdot 10^{-16}`` for ``1.2e-16``, wherever it stands."""
    return re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{'-' if m[1] == '-' else ''}{m[2]}}}", text)
