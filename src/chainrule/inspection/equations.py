"""The equations of backpropagation, evaluated from the numbers of a pass in the layout of a notation.

They compute nothing that is shown elsewhere: the numbers come from the derivative of the graph, and an equation's
residual says how well they satisfy it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.inspection import layer_equations as kinds
from chainrule.inspection.conversion import arrays_of
from chainrule.inspection.notation import Notation, plain
from chainrule.inspection.text import render_table
from chainrule.nn.activations import ACTIVATIONS

if TYPE_CHECKING:
    from chainrule.inspection.quantities import Backprop, LayerBackprop

__all__ = ["Equation", "Equations", "equations_of"]


@dataclass(frozen=True, eq=False)
class Equation:
    """One equation for one layer.

    Attributes
    ----------
    name : str
        ``"signals"``, ``"output error"``, ``"output sensitivity"``, ``"back"``, ``"sensitivity"``, or ``"gradient by
        weights"``, ``"gradient by bias"`` and so on.
    layer : int
        Number of the layer in chainrule's count, from 1.
    left, right : array
        Its sides: what the pass has, and what the formula makes of the other numbers of the pass.
    residual : float
        Largest difference of the sides, in parts of the largest sum of absolute values that the formula adds up: some
        units of rounding, whatever cancels. Not a number where a side is not.
    left_out : int
        How many entries of the right side of an output sensitivity are not finite though the left one is: far out an
        output rounds to 0 or 1, where the derivative of a logarithm is infinite. They take no part in the residual.
    latex : str
        The formula.
    """

    name: str
    layer: int
    left: Any
    right: Any
    residual: float
    left_out: int
    latex: str

    @property
    def text(self) -> str:
        """The formula as plain text."""
        return plain(self.latex)


@dataclass(frozen=True)
class Equations:
    """The equations of a pass from the last layer to the first; printing them shows a table.

    Attributes
    ----------
    notation : Notation
        In which they are written and evaluated.
    all : tuple of Equation
        One after the other; iterating gives these.

    Examples
    --------
    >>> from chainrule import backprop, nn
    >>> network, x = nn.Network.of(2, (3,)), np.ones((5, 2))
    >>> seen = backprop(network, x, x[:, :1], parameters=network.initialize(0), loss="half_squared")
    >>> for equation in seen.equations("nielsen"):
    ...     assert equation.residual < 1e-15
    ...     print(equation.text)
    z^3 = w^3 a^2 + b^3
    ∇_a C = a^3 − y
    δ^3 = ∇_a C ∘ σ′(z^3)
    ∂C/∂w^3 = 1/n Σ_x δ^3 (a^2)ᵀ
    ∂C/∂b^3 = 1/n Σ_x δ^3
    z^2 = w^2 a^1 + b^2
    ∂C/∂a^2 = (w^3)ᵀ δ^3
    δ^2 = ((w^3)ᵀ δ^3) ∘ σ′(z^2)
    ∂C/∂w^2 = 1/n Σ_x δ^2 (a^1)ᵀ
    ∂C/∂b^2 = 1/n Σ_x δ^2
    """

    notation: Notation
    all: tuple[Equation, ...]

    def __iter__(self) -> Iterator[Equation]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def residuals(self) -> dict[tuple[int, str], float]:
        """The residual by number of the layer, in chainrule's count, and name of the equation."""
        return {(equation.layer, equation.name): equation.residual for equation in self.all}

    @property
    def largest(self) -> float:
        """The largest residual."""
        # NumPy's maximum keeps what is not a number.
        return float(np.max([equation.residual for equation in self.all]))

    def table(self) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
        """A title, heads, and a row for each equation."""
        rows: list[tuple[str, ...]] = [
            (
                str(self.notation.number(one.layer)),
                one.name,
                one.text,
                f"{one.residual:.1g}" + (f" ({one.left_out} not finite left out)" if one.left_out else ""),
            )
            for one in self.all
        ]
        title = "equations of backpropagation, with the largest difference of their sides relative to their terms"
        return title, ("layer", "equation", "formula", "residual"), rows

    def __str__(self) -> str:
        title, heads, rows = self.table()
        return render_table(title, heads, rows, numbers=(0, 3))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from chainrule.inspection.html import equations_html

        return equations_html(self)

    def latex(self) -> str:
        """Write the equations in LaTeX, one below the other, with their residuals."""
        from chainrule.inspection.latex import equations_latex

        return equations_latex(self)


def equations_of(seen: "Backprop", notation: Notation) -> Equations:
    """Evaluate the equations of a pass in a notation.

    Parameters
    ----------
    seen : Backprop
        The pass.
    notation : Notation
        Its layout and scale are those in which the formulas are evaluated.

    Returns
    -------
    Equations
        For dense layers in full; for others what holds there. A layer of one's own has those that hold for any.
    """
    arrays = arrays_of(seen, notation, expanded=False)
    found: list[Equation] = []
    with np.errstate(all="ignore"):
        for layer, own in zip(reversed(seen.layers), reversed(arrays), strict=True):
            sides = [
                *kinds.signal_sides(layer, own, notation),
                *_sensitivity_sides(seen, layer, arrays, notation),
                *kinds.gradient_sides(seen, layer, own, notation),
            ]
            found += [_equation(layer.number, *one) for one in sides]
    return Equations(notation, tuple(found))


def _sensitivity_sides(
    seen: "Backprop", layer: "LayerBackprop", arrays: tuple[dict[str, Any], ...], notation: Notation
) -> Iterator[kinds.Sides]:
    own, number = arrays[layer.number - 1], layer.number
    is_last, matrix = number == len(seen.layers), layer.slope.ndim == 3
    back, sizes = own["back"], np.abs(own["back"])
    symbol, form = notation.latex_symbol("back", number), ", matrix" if matrix else ""
    if is_last:
        factor = notation.square_factor(seen.loss)
        if factor is not None:
            latex = notation.latex_formula("output error", number)
            if notation.square is None and factor == 0.5:
                latex = latex.replace("2 (", "(")
            error = notation.sign * 2 * factor * (own["activations"] - seen.targets)
            scale = 2 * factor * (np.abs(own["activations"]) + np.abs(seen.targets))
            yield "output error", latex, back, error, scale
        name, latex = "output sensitivity", notation.latex_formula("output sensitivity" + form, number)
    else:
        # Who uses the activations: the next layer, and sums that skip layers.
        users = [one for one in seen.layers if number in (one.number - 1, one.skip)]
        parts = [kinds.returned(one, arrays[one.number - 1], notation) for one in users]
        name = "sensitivity"
        latex = _product(notation, number, matrix)
        if all(part is not None for part in parts):
            known = [part for part in parts if part is not None]
            back, sizes = sum(part[1] for part in known), sum(part[2] for part in known)
            yield "back", f"{symbol} = {' + '.join(part[0] for part in known)}", own["back"], back, sizes
            if len(users) == 1 and kinds.is_dense(users[0]):
                latex = notation.latex_formula("sensitivity" + form, number)
    if matrix:
        slope = np.abs(own["slope"])
        if layer.layer.activation_row is ACTIVATIONS["softmax"]:
            # Its slope is a difference itself, of a on the diagonal and a a^T.
            a = layer.activations
            slope = a[:, :, np.newaxis] * np.eye(a.shape[1], dtype=a.dtype) + a[:, :, np.newaxis] * a[:, np.newaxis]
        sides = np.einsum("no,nos->ns", back, own["slope"]), np.einsum("no,nos->ns", sizes, slope)
    else:
        sides = back * own["slope"], sizes * np.abs(own["slope"])
    yield name, latex, own["sensitivities"], *sides


def _product(notation: Notation, number: int, matrix: bool) -> str:
    """The two factors of a sensitivity, whatever kind of layer comes next."""
    delta, back, slope, a, s = (
        notation.latex_symbol(name, number) for name in ("sensitivities", "back", "slope", "activations", "signals")
    )
    return f"{delta} = {back} " + (rf"\cdot \frac{{\partial {a}}}{{\partial {s}}}" if matrix else rf"\odot {slope}")


def _equation(layer: int, name: str, latex: str, left: Any, right: Any, sizes: Any) -> Equation:
    out = np.isfinite(left) & ~np.isfinite(right) & (name == "output sensitivity")
    difference = np.where(out, 0.0, np.abs(left - right))
    scale = float(np.max(np.where(out, 0.0, sizes), initial=0.0))
    largest = float(np.max(difference, initial=0.0))
    residual = largest / scale if scale else (0.0 if largest == 0 else np.inf)
    return Equation(name, layer, left, right, residual, int(np.count_nonzero(out)), latex)
