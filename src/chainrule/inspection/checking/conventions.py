"""Scale and sign in which gradients are written, and the sentence for each way that differs from what was expected."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from chainrule.inspection.checking.given import Layout
from chainrule.inspection.notation import SQUARES, Notation
from chainrule.inspection.notations import NOTATIONS
from chainrule.nn.loss_row import Loss

__all__ = ["Scale", "deviations", "fitting_notations", "scales"]


@dataclass(frozen=True)
class Scale:
    """What gradients of the mean loss, and derivatives of an example's loss, are multiplied by.

    Attributes
    ----------
    cost : {"mean", "sum", "mean over outputs"}
        Whether losses are averaged over examples, summed, or averaged over examples and outputs.
    square : float
        The factor of the loss, beside the one it has.
    sign, sensitivity_sign : int
        -1 where they are negated.
    data : float
        Factor of the gradients of the mean loss, without sign.
    penalty : float
        Factor of what regularisers add, without sign.
    each : float
        Factor of the sensitivities, without sign.
    shared : bool
        Whether the sensitivities are divided by the number of examples already.
    """

    cost: str
    square: float
    sign: int
    sensitivity_sign: int
    data: float
    penalty: float
    each: float
    shared: bool


def scales(loss: Loss, total: float, outputs: int, *, penalised: bool, sensitivities: bool) -> Iterator[Scale]:
    """Every scale and sign that some text or library has.

    Parameters
    ----------
    loss : Loss
        Of an example.
    total : float
        What the sum of the losses is divided by.
    outputs : int
        Number of outputs.
    penalised, sensitivities : bool
        Whether there are regularisers, and whether sensitivities were handed in; what is not there has one scale.
    """
    own = SQUARES.get(loss.name)
    squares = (1.0,) if own is None else (1.0, 0.5 / own, 1.0 / own)
    costs = {"mean": 1.0, "sum": total, "mean over outputs": 1.0 / outputs}
    for square, (cost, factor), sign in product(dict.fromkeys(squares), costs.items(), (1, -1)):
        data = square * factor
        # Where the factors of the losses make 1, another one of the regulariser is no convention.
        penalties = (data, 1.0, factor) if penalised and not _same(data, 1.0) else (data,)
        for penalty in dict.fromkeys(penalties):
            for sensitivity_sign, shared in product((sign, -sign), (False, True)) if sensitivities else [(sign, False)]:
                outer = 1.0 / outputs if cost == "mean over outputs" and shared else 1.0
                each = square * outer / (total if shared else 1.0)
                yield Scale(cost, square, sign, sensitivity_sign, data, penalty, each, shared)


def fitting_notations(layout: Layout, scale: Scale, loss: Loss, total: float) -> tuple[str, ...]:
    """The notations that have this layout, scale and sign."""
    return tuple(
        key
        for key, row in NOTATIONS.items()
        if row.bias_row == (layout.bias == "first")
        and layout.bias != "last"
        and not (layout.backwards or layout.columns or scale.shared)
        and row.transposed == layout.transposed
        and _same(row.gradient_factor(loss, total), scale.sign * scale.data)
        and _same(scale.data, scale.penalty)
        and _same(row.sign * row.factor(loss), scale.sensitivity_sign * scale.each)
    )


def deviations(layout: Layout, scale: Scale, expected: Notation, loss: Loss) -> tuple[str, ...]:
    """Say in what a layout and scale differ from a notation, one sentence each."""
    found = []
    if layout.transposed != expected.transposed:
        shape = "(units, inputs)" if layout.transposed else "(inputs, units)"
        found.append(f"the weights lie the other way round: {shape}")
    if (layout.bias == "first") != expected.bias_row or layout.bias == "last":
        place = {
            "apart": "has an array of its own",
            "first": "is row 0 of the weights",
            "last": "is the last row of the weights",
        }
        found.append(f"the bias {place[layout.bias]}")
    if layout.backwards:
        found.append("the layers are listed from the last to the first")
    if layout.columns:
        found.append("the sensitivities have a column an example")
    if scale.cost != expected.cost:
        how = {
            "mean": "the mean over the examples",
            "sum": "the sum over the examples",
            "mean over outputs": "the mean over examples and outputs",
        }
        found.append(f"the cost is {how[scale.cost]}, not the {expected.cost}")
    if not _same(scale.square, expected.factor(loss)):
        found.append(f"the squared error has the factor {SQUARES[loss.name] * scale.square:g}")
    if scale.sign != expected.sign:
        added = "subtracted" if scale.sign > 0 else "added"
        found.append(f"the sign is the opposite: these arrays are {added} in a step")
    if scale.sensitivity_sign != scale.sign:
        found.append("the sensitivities have the opposite sign of the gradients")
    if scale.shared:
        found.append("the sensitivities are divided by the number of examples already")
    if not _same(scale.penalty, scale.data):
        found.append("the regulariser is not multiplied by the factor of the losses")
    return tuple(found)


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))
