"""Which slip, in which convention, gives somebody's arrays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from chainrule.inspection.checking.conventions import Scale
from chainrule.inspection.checking.given import Layout
from chainrule.inspection.checking.numbers import Array, Gradients, Numbers
from chainrule.inspection.checking.slips import SLIPS, Slip
from chainrule.inspection.checking.steps import Inapplicable, Walked, walk

__all__ = [
    "Arrays",
    "Hypothesis",
    "Match",
    "Problem",
    "first_wrong",
    "hypotheses",
    "matches",
    "order",
    "scaled",
    "slipped_matches",
]

Arrays = Sequence[Mapping[str, Array]]


class Hypothesis(NamedTuple):
    """Gradients that somebody may have computed: with a slip at some layers (places from 0), or without."""

    slip: Slip | None
    at: tuple[int, ...]
    gradients: tuple[Gradients, ...]


@dataclass(frozen=True)
class Problem:
    """What has to be explained.

    Attributes
    ----------
    readings : sequence of (Layout, Arrays)
        Somebody's arrays, as each layout that fits reads them.
    scales : tuple of Scale
        Those that may be.
    bounds : sequence of dicts
        The largest difference that is rounding, for each array of each layer.
    """

    readings: Sequence[tuple[Layout, Arrays]]
    scales: tuple[Scale, ...]
    bounds: Sequence[Mapping[str, float]]


class Match(NamedTuple):
    """A hypothesis in a layout and a scale, and how many arrays it explains, counted from the output backwards."""

    hypothesis: Hypothesis
    layout: Layout
    scale: Scale
    explained: int


def order(arrays: Arrays) -> list[tuple[int, str]]:
    """Place and name of every array, from the output backwards: in a layer the sensitivities first."""
    rank = {"sensitivities": 0, "bias": 1, "weights": 2}
    return [
        (k, name)
        for k in range(len(arrays) - 1, -1, -1)
        for name in sorted(arrays[k], key=lambda name: (rank.get(name, 3), name))
    ]


def scaled(gradients: Gradients, name: str, scale: Scale) -> Array | None:
    """One array of a layer in a scale; None where the hypothesis says nothing about it."""
    if name == "sensitivities":
        return scale.sensitivity_sign * scale.each * gradients.sensitivities
    if name not in gradients.parameters:
        return None
    found: Array = scale.sign * (
        scale.data * gradients.parameters[name] + scale.penalty * gradients.penalties.get(name, 0.0)
    )
    return found


def close(theirs: Array, ours: Array | None, name: str, scale: Scale, bound: float) -> bool:
    """Whether an array is as the hypothesis has it, to rounding."""
    if ours is None:
        return True
    if theirs.shape != ours.shape:
        return False
    factor = scale.each if name == "sensitivities" else max(scale.data, scale.penalty)
    return bool(np.all(np.abs(theirs - ours) <= bound * factor))


def matches(problem: Problem, hypothesis: Hypothesis, least: int) -> Iterator[Match]:
    """The layouts and scales in which a hypothesis explains at least so many arrays from the output backwards."""
    for layout, arrays in problem.readings:
        places = order(arrays)
        for scale in problem.scales:
            count = 0
            for k, name in places:
                if name not in problem.bounds[k]:  # of another layer, in this layout
                    break
                ours = scaled(hypothesis.gradients[k], name, scale)
                if not close(arrays[k][name], ours, name, scale, problem.bounds[k][name]):
                    break
                count += 1
            if count >= least:
                yield Match(hypothesis, layout, scale, count)


def slipped_matches(
    problem: Problem, base: tuple[Gradients, ...], known: Iterable[Hypothesis], least: int
) -> list[Match]:
    """As `matches`, for many hypotheses that have most arrays in common with the right ones.

    Where the right gradients fail, in a reading and a scale, at an array before the first that a slip changes, the
    slip fails there too, and is not looked at.

    Parameters
    ----------
    problem : Problem
        What has to be explained.
    base : tuple of Gradients
        The right gradients, computed step by step as the slips are, so that arrays without a slip are the same ones.
    known : iterable of Hypothesis
        The slips.
    least : int
        How many arrays have to be explained.
    """
    readings = [(reading, order(reading[1])) for reading in problem.readings]
    truth = Hypothesis(None, (), base)
    reached = [
        [next(matches(replace(problem, readings=[reading], scales=(scale,)), truth, 0)) for scale in problem.scales]
        for reading, _ in readings
    ]
    found: list[Match] = []
    for one in known:
        for (reading, places), rows in zip(readings, reached, strict=True):
            start = next((i for i, (k, name) in enumerate(places) if _changed(one.gradients[k], base[k], name)), None)
            if start is not None:
                scales = tuple(row.scale for row in rows if row.explained >= start)
                found += matches(replace(problem, readings=[reading], scales=scales), one, least)
    return found


def _changed(found: Gradients, base: Gradients, name: str) -> bool:
    if found is base:
        return False
    if name == "sensitivities":
        return not np.array_equal(found.sensitivities, base.sensitivities)
    if name not in base.parameters:
        return False
    return not (
        np.array_equal(found.parameters[name], base.parameters[name])
        and np.array_equal(found.penalties[name], base.penalties[name])
    )


def first_wrong(problem: Problem, truth: Hypothesis) -> list[Match]:
    """The readings in which the right gradients explain the most arrays from the output backwards."""
    found = list(matches(problem, truth, 0))
    most = max(match.explained for match in found)
    return [match for match in found if match.explained == most]


def hypotheses(
    n: Numbers, truth: Hypothesis, bounds: Sequence[Mapping[str, float]], base: Walked | None = None
) -> Iterator[Hypothesis]:
    """Every slip, at all layers that have room for it, at the hidden ones, and at each alone, where it shows.

    Parameters
    ----------
    n : Numbers
        The right numbers.
    truth : Hypothesis
        The right gradients.
    bounds : sequence of dicts
        A slip that changes no array by more than this is none: with linear units the derivative may be left out.
    base : Walked, optional
        The way back without a slip.
    """
    base = walk(n) if base is None else base
    for slip in SLIPS.values():
        singles = [
            Hypothesis(slip, (k,), gradients)
            for k in range(n.last + 1)
            if (gradients := _walked(n, slip, (k,), base)) is not None
            and _differs(gradients, truth.gradients, bounds, base)
        ]
        at = tuple(one.at[0] for one in singles)
        if slip.alone:
            # The hidden ones of a loop, the layers of which another part is written apart.
            sets = [at, tuple(k for k in at if k != n.last), tuple(k for k in at if k != 0)]
            for several in dict.fromkeys(one for one in sets if len(one) > 1):
                if (gradients := _walked(n, slip, several, base)) is not None:
                    yield Hypothesis(slip, several, gradients)
            yield from singles
        elif (gradients := _walked(n, slip, tuple(range(n.last + 1)), base)) is not None and _differs(
            gradients, truth.gradients, bounds, base
        ):
            yield Hypothesis(slip, at or tuple(range(n.last + 1)), gradients)


def _walked(n: Numbers, slip: Slip, at: tuple[int, ...], base: Walked) -> tuple[Gradients, ...] | None:
    try:
        return tuple(walk(n, slip.steps, at, base).gradients.values())
    except Inapplicable:
        return None


def _differs(
    found: Sequence[Gradients], truth: Sequence[Gradients], bounds: Sequence[Mapping[str, float]], base: Walked
) -> bool:
    return any(
        x.shape != y.shape or bool(np.any(np.abs(x - y) > bound[name]))
        for one, other, bound, own in zip(found, truth, bounds, base.gradients.values(), strict=True)
        if one is not own  # That part of the way is the right one.
        for name, x, y in (
            ("sensitivities", one.sensitivities, other.sensitivities),
            *(
                (
                    name,
                    one.parameters[name] + one.penalties[name],
                    other.parameters[name] + other.penalties[name],
                )
                for name in one.parameters
            ),
        )
    )
