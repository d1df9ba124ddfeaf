"""The way that a function takes through its choices (if, np.where, cond), as numbers.

A choice that moves with what a solution or an integral is differentiated by may be a jump at a place that moves, which
the derivative of the pieces knows nothing of. Where the numbers differ between two places, there is a choice between
them; one that does not move is made at a fixed place, and adds nothing to a derivative.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops.axes import shape_of
from chainrule.ops.elementwise import where
from chainrule.ops.op import Op, joint
from chainrule.trace.symbolic import open_body
from chainrule.transforms.branches import cond_op, run_cond
from chainrule.transforms.loop_bodies import Flags
from chainrule.transforms.replay import apply, replay

__all__ = ["Choice", "Jump", "Ways", "check_op", "jump_between", "ways_of"]

#: A change of a function at one place, relative to its size around, that counts as a jump.
_JUMP = 1e-6
#: Changes between two places that are looked at.
_MOST = 100


@dataclass(frozen=True)
class Choice:
    """One choice of a function.

    Attributes
    ----------
    moves : bool
        Whether it is made by an input that moves.
    around : int
        The place among the choices of the one in whose branch this one is, or -1.
    """

    moves: bool
    around: int


@dataclass(frozen=True)
class Ways:
    """The ways through a function.

    Attributes
    ----------
    graph : Graph
        Of the function's inputs; gives a number for each choice, which is 0 in a branch that is not taken.
    choices : tuple of Choice
        What the numbers are of; those within a choice stand behind it.
    """

    graph: Graph
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Jump:
    """A jump at a choice that moves.

    Attributes
    ----------
    share : float
        Where on the line.
    before, after : array
        The function on both sides.
    """

    share: float
    before: Any
    after: Any


def ways_of(body: Graph, moving: Flags) -> Ways | None:
    """The ways through a function.

    Parameters
    ----------
    body : Graph
        The function.
    moving : tuple of bool
        By input, whether it moves.

    Returns
    -------
    Ways or None
        None where no choice moves.
    """
    key = ("ways", moving)
    if key not in body.derived:
        # Derivatives choose, too, where they let a zero stay zero; their quick form does without.
        found = _ways(body.derived.get("quick", body), moving)
        body.derived[key] = found if any(choice.moves for choice in found.choices) else None
    return body.derived[key]  # type: ignore[no-any-return]


def jump_between(
    way: Callable[[float], Sequence[float]],
    f: Callable[[float], Any],
    choices: Sequence[Choice],
    shares: tuple[float, float],
    around: Sequence[Any],
) -> Jump | None:
    """The first jump of a function between two places, at a choice that moves.

    Parameters
    ----------
    way, f : callable
        The number of each choice, and the function, at a place, a share of some line.
    choices : sequence of Choice
        What the numbers are of.
    shares : tuple of float
        The two places, between 0 and 1.
    around : sequence of array
        The function at places around: where it is zero at the choice itself, as max(x - c, 0) is, they are its size.

    Returns
    -------
    Jump or None
        None where it is continuous at all of them.
    """
    for low, high in _moving_changes(way, choices, *shares):
        before, after = f(low), f(high)
        if np.max(np.abs(after - before)) > _JUMP * np.max(np.abs([before, after, *around])):
            return Jump(low, before, after)
    return None


def check_op(
    name: str, check: Callable[..., Any], infer: Callable[..., Any], infer_weak: Callable[..., Any] | None = None
) -> Op:
    """An operation that raises where something is wrong, and otherwise hands its first input on.

    Parameters
    ----------
    name : str
        Its name.
    check, infer, infer_weak : callable
        Evaluation, shape and dtype, and weakness, as for `chainrule.ops.op.joint`.

    Returns
    -------
    Op
        With the derivative of that input alone.
    """
    return joint(name, check, infer, _pull, _push, keeps=(), infer_weak=infer_weak)


def _pull(wanted: Flags, g: Any, ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    return [g, *(None,) * (len(inputs) - 1)]


def _push(tangents: list[Any], ans: Any, *inputs: Any, **params: Any) -> Any:
    return tangents[0]


def _moving_changes(
    way: Callable[[float], Sequence[float]], choices: Sequence[Choice], low: float, high: float
) -> Iterator[tuple[float, float]]:
    """Where a choice that moves is made the other way: the shares right before and right after."""
    for _ in range(_MOST):
        first = way(low)
        if first == way(high):
            return
        a, b = low, high
        while b - a > 1e-15:
            middle = (a + b) / 2
            a, b = (middle, b) if way(middle) == first else (a, middle)
        if _moves(choices, [x != y for x, y in zip(first, way(b), strict=True)]):
            yield a, b
        low = b


def _moves(choices: Sequence[Choice], changed: Sequence[bool]) -> bool:
    """Whether one that moves is among those that changed; what is in a branch changes with the choice around it."""
    within: list[bool] = []
    for choice in choices:
        within.append(choice.around >= 0 and (changed[choice.around] or within[choice.around]))
    return any(x.moves and y and not z for x, y, z in zip(choices, changed, within, strict=True))


def _ways(graph: Graph, moving: Flags) -> Ways:
    moved = {x for x, m in zip(graph.inputs, moving, strict=True) if m}
    choices: list[Choice] = []
    marks: list[Any] = []
    with open_body() as level:
        inputs = [level.like(x) for x in graph.inputs]
        found: dict[Node, Any] = dict(zip(graph.inputs, inputs, strict=True))
        for node in graph.nodes:
            args = tuple(found[x] if isinstance(x, Node) else x for x in node.inputs)
            found[node] = apply(node, args)
            flags = tuple(isinstance(x, Node) and x in moved for x in node.inputs)
            if any(flags):
                moved.add(node)
            if node.op is where or node.op is cond_op:
                choices.append(Choice(flags[0], -1))
                marks.append(_mark(args[0]))
            if node.op is cond_op:
                yes, no = (_ways(node.params[side], flags[1:]) for side in ("if_true", "if_false"))
                for side in (yes, no):
                    first = len(choices)
                    around = first - 1 - (len(yes.choices) if side is no else 0)
                    choices += [Choice(x.moves, around if x.around < 0 else first + x.around) for x in side.choices]
                if yes.choices or no.choices:
                    marks += run_cond(
                        args, _padded(yes.graph, 0, len(no.choices)), _padded(no.graph, len(yes.choices), 0)
                    )
        # Both branches of a choice have to have the same inputs.
        assert not level.arrays
        return Ways(level.graph([x.node for x in inputs], marks, f"{graph.name}, its ways"), tuple(choices))


def _padded(graph: Graph, before: int, after: int) -> Graph:
    """With zeros for what the other branch chooses."""
    with open_body() as level:
        inputs = [level.like(x) for x in graph.inputs]
        marks = [*([0.0] * before), *replay(graph, inputs), *([0.0] * after)]
        return level.graph([x.node for x in inputs], [np.float64(0.0) + x for x in marks], graph.name)


def _mark(decision: Any) -> Any:
    """A number that differs where one of the entries does."""
    if not shape_of(decision):
        return np.float64(1.0) + (decision != 0) * 1.0
    return 1.0 + np.sum(np.cumsum(np.reshape((decision != 0) * 1.0, -1)))
