"""Where arrays differ from the right ones, and what follows from which do."""

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.inspection.checking.found import Difference
from chainrule.inspection.checking.names import array_name
from chainrule.inspection.checking.numbers import Array
from chainrule.inspection.checking.search import Arrays, Match, close, order, scaled
from chainrule.inspection.notation import Notation

__all__ = ["deductions", "differences"]


def differences(
    match: Match, arrays: Arrays, bounds: Sequence[Mapping[str, float]], numbers: Sequence[int]
) -> tuple[Difference, ...]:
    """The wrong arrays from the output backwards, beside the right ones in the same layout and scale.

    Parameters
    ----------
    match : Match
        The right gradients in the layout and scale that fit best.
    arrays : sequence of dicts
        Somebody's, in chainrule's layout.
    bounds : sequence of dicts
        As `bounds` gives them.
    numbers : sequence of int
        Of the layers, from 1.
    """
    found = []
    for k, name in order(arrays):
        theirs, ours = arrays[k][name], scaled(match.hypothesis.gradients[k], name, match.scale)
        if ours is None or theirs.shape != ours.shape:
            continue
        if close(theirs, ours, name, match.scale, bounds[k][name]):
            continue
        off = np.abs(theirs - ours)
        factor = match.scale.each if name == "sensitivities" else max(match.scale.data, match.scale.penalty)
        bound = bounds[k][name] * factor
        where = tuple(map(int, np.unravel_index(int(np.argmax(off)), off.shape)))
        found.append(
            Difference(
                layer=numbers[k],
                array=name,
                found_size=float(np.max(np.abs(theirs))),
                right_size=float(np.max(np.abs(ours))),
                where=match.layout.place(name, where),
                found=float(theirs[where]),
                right=float(ours[where]),
                wrong=int(np.sum(off > bound)),
                entries=theirs.size,
                remark=_remark(theirs, ours, bound),
            )
        )
    return tuple(found)


def _remark(theirs: Array, ours: Array, bound: float) -> str:
    """What holds for the array as a whole."""
    if not np.any(theirs):
        return "all of it is zero"
    norm = float(np.sum(ours * ours))
    if ours.size > 1 and norm > 0:
        factor = float(np.sum(theirs * ours)) / norm
        if factor and np.all(np.abs(theirs - factor * ours) <= bound * max(1.0, abs(factor))):
            return f"it is {factor:.6g} times the right one"
    if ours.ndim == 2 and ours.shape[0] == ours.shape[1] > 1 and np.all(np.abs(theirs - ours.T) <= bound):
        return "it is the right one transposed"
    return ""


def deductions(
    arrays: Arrays, wrong: Sequence[Difference], numbers: Sequence[int], notation: Notation
) -> tuple[str, ...]:
    """What follows from which arrays are right, for the first wrong layer from the output backwards."""
    if not wrong:
        return ()
    layer = wrong[0].layer
    bad = {one.array for one in wrong if one.layer == layer}
    given = set(arrays[numbers.index(layer)])
    good = given - bad
    number = notation.number(layer)
    by_bias, deltas = (array_name(name, notation, (layer,)) for name in ("bias", "sensitivities"))
    if "weights" in bad and "bias" in good:
        return (
            f"The {by_bias} of layer {number} is right, and so are the {deltas} that it sums: what the "
            "weights were multiplied by in the forward pass is to be looked at.",
        )
    if "sensitivities" in good:
        return (f"The {deltas} of layer {number} are right: look at how the gradients are made of them.",)
    if layer == numbers[-1]:
        return (
            f"Layer {number} is the last: look at the derivative of the loss, and at that of the output's activation.",
        )
    return (
        f"The arrays of the layers after layer {number} are right: look at how the {deltas} come back to it, and "
        "at the derivative of its activation.",
    )
