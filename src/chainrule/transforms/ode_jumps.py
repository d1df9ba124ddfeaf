"""Right-hand sides that jump: where the solution crosses a switch, its derivative would have a jump of its own.

Where f takes another way at a switch that moves with the state or with what is differentiated by, the sensitivities
of the solution jump by (f before - f after) times the derivative of the time of the switch (I. A. Hiskens and
M. A. Pai, Trajectory sensitivity analysis of hybrid systems, 2000). That is zero where f is continuous, as in most
models of several pieces. Here it is looked at, and a jump is an error instead of a derivative without it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph, Node
from chainrule.ops.axes import shape_of
from chainrule.ops.elementwise import where
from chainrule.ops.op import Op, joint
from chainrule.trace.symbolic import open_body
from chainrule.transforms.branches import cond_op, run_cond
from chainrule.transforms.closures import quick_runner, ready
from chainrule.transforms.loop_bodies import Flags
from chainrule.transforms.ode_solvers import Rate, Solver, solve
from chainrule.transforms.replay import apply

__all__ = ["unless_it_jumps"]

#: A change of f at one place, relative to its size, that counts as a jump.
_JUMP = 1e-6
#: Places of the solution at which the way is asked for, at least, and changes of it that are looked at.
_PLACES = 128
_MOST = 100


def unless_it_jumps(ys: Any, ts: Any, params: Sequence[Any], body: Graph, solver: Solver, moving: Flags) -> Any:
    """The solution itself, where its derivative is that of the differential equation alone.

    Parameters
    ----------
    ys, ts : array
        The solution and its times.
    params : sequence
        What the body reads besides state and time.
    body : Graph
        The system.
    solver : Solver
        How it was solved.
    moving : tuple of bool
        The parameters that are differentiated by.

    Returns
    -------
    array
        `ys`.

    Raises
    ------
    SolutionError
        Where the right-hand side jumps at a switch that moves.
    """
    if _way_of(body, moving) is None:
        return ys
    return checked_op(ys, ts, *params, body=body, solver=solver, moving=moving)


# The way that a right-hand side takes, as one number.


def _way_of(body: Graph, moving: Flags) -> Graph | None:
    """A graph of one number that differs where other choices are made; None where none of them moves.

    Choices by time alone happen at fixed times, and add nothing to a derivative.
    """
    key = ("way", moving)
    if key not in body.derived:
        # Derivatives choose, too, where they let a zero stay zero; their quick form does without.
        body.derived[key] = _way(body.derived.get("quick", body), (True, False, *moving))
    return body.derived[key]  # type: ignore[no-any-return]


def _way(graph: Graph, moving: Flags) -> Graph | None:
    moved = {x for x, m in zip(graph.inputs, moving, strict=True) if m}
    with open_body() as level:
        inputs = [level.like(x) for x in graph.inputs]
        found: dict[Node, Any] = dict(zip(graph.inputs, inputs, strict=True))
        marks: list[Any] = []
        for node in graph.nodes:
            args = tuple(found[x] if isinstance(x, Node) else x for x in node.inputs)
            found[node] = apply(node, args)
            flags = tuple(isinstance(x, Node) and x in moved for x in node.inputs)
            if any(flags):
                moved.add(node)
            if node.op is where and flags[0]:
                marks.append(np.sum(args[0] * _weights(shape_of(args[0]), len(marks))))
            elif node.op is cond_op:
                if flags[0]:
                    marks.append(args[0] * _weights((), len(marks)))
                inner = [_way(node.params[side], flags[1:]) for side in ("if_true", "if_false")]
                if any(part is not None for part in inner):
                    sides = [_zero(node.params["if_true"]) if part is None else part for part in inner]
                    marks += run_cond(args, *sides)
        # A graph without inputs of its own would not be the same for both branches.
        if not marks or level.arrays:
            return None
        return level.graph([x.node for x in inputs], [sum(marks) + 0.0], f"{graph.name}, its way")


def _zero(graph: Graph) -> Graph:
    with open_body() as level:
        return level.graph([level.like(x).node for x in graph.inputs], [np.float64(0.0)], graph.name)


def _weights(shape: tuple[int, ...], number: int) -> Any:
    return np.random.default_rng(number).uniform(0.5, 1.5, shape)


# The check, as an operation that hands its first input on.


def _checked(ys: Any, ts: Any, *params: Any, body: Graph, solver: Solver, moving: Flags) -> Any:
    graph = _way_of(body, moving)
    assert graph is not None
    if len(ts) < 2 or ts[0] == ts[-1]:
        return ys
    run, values, rate = quick_runner(graph), ready(params), Rate(body, params)
    parts = -(-_PLACES // (len(ts) - 1))
    times = np.interp(np.arange(parts * (len(ts) - 1) + 1) / parts, np.arange(len(ts)), ts)
    states = solve(solver, rate, np.asarray(ys[0]), times)

    def way(t: float, y: Any) -> float:
        return float(run(y, t, *values)[0])

    ways = [way(t, y) for t, y in zip(times.tolist(), states, strict=True)]
    for k in [k for k in range(len(ways) - 1) if ways[k] != ways[k + 1]][:_MOST]:
        (t, _), (f, g) = _both_sides(way, rate, times[k : k + 2], states[k : k + 2])
        if np.max(np.abs(g - f)) > _JUMP * max(np.max(np.abs(f)), np.max(np.abs(g))):
            raise SolutionError(
                f"scipy.integrate: the right-hand side jumps near t={t:.3g}, where the solution comes to a choice "
                f"(if, np.where or chainrule.cond) by the state or by what is differentiated by: from {_short(f)} "
                f"to {_short(g)}. The derivative of the solution has a part from that, which is not computed. "
                "Solve up to there, by solve_ivp with a terminal event, and go on from t_events and y_events."
                f"{user_line()}"
            )
    return ys


def _both_sides(way: Callable[[float, Any], float], rate: Rate, times: Any, states: Any) -> Any:
    """On the straight line between two places a point at which the way changes; and f right before and after."""

    def line(share: float) -> tuple[float, Any]:
        return float(times[0] + share * (times[1] - times[0])), states[0] + share * (states[1] - states[0])

    first, a, b = way(*line(0.0)), 0.0, 1.0
    while b - a > 1e-15:
        middle = (a + b) / 2
        if way(*line(middle)) == first:
            a = middle
        else:
            b = middle
    return line(a), (rate(*line(a)), rate(*line(b)))


def _short(x: Any) -> str:
    return np.array2string(np.asarray(x), precision=6, threshold=6, edgeitems=2)


def _infer(ys: Any, *rest: Any, **params: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return shape_of(ys), ys.dtype


def _pull(wanted: Flags, g: Any, ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    return [g, *(None,) * (len(inputs) - 1)]


def _push(tangents: list[Any], ans: Any, *inputs: Any, **params: Any) -> Any:
    return tangents[0]


checked_op: Op = joint("chainrule.ode_without_jumps", _checked, _infer, _pull, _push, keeps=())
