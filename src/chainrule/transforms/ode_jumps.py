"""Right-hand sides that jump: where the solution crosses a switch, its derivative would have a jump of its own.

Where f takes another way at a switch that moves with the state or with what is differentiated by, the sensitivities
of the solution jump by (f before - f after) times the derivative of the time of the switch (I. A. Hiskens and
M. A. Pai, Trajectory sensitivity analysis of hybrid systems, 2000). That is zero where f is continuous, as in most
models of several pieces. Here it is looked at, and a jump is an error instead of a derivative without it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op
from chainrule.transforms.closures import quick_runner, ready
from chainrule.transforms.loop_bodies import Flags
from chainrule.transforms.ode_solvers import Rate, Solver, solve
from chainrule.transforms.ways import Ways, check_op, jump_between, ways_of

__all__ = ["unless_it_jumps"]

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
    if _ways_of(body, moving) is None:
        return ys
    return checked_op(ys, ts, *params, body=body, solver=solver, moving=moving)


def _ways_of(body: Graph, moving: Flags) -> Ways | None:
    # The state moves with them. Choices by time alone happen at fixed times, and add nothing to a derivative.
    return ways_of(body, (True, False, *moving))


# The check, as an operation that hands its first input on.


def _checked(ys: Any, ts: Any, *params: Any, body: Graph, solver: Solver, moving: Flags) -> Any:
    through = _ways_of(body, moving)
    assert through is not None
    if len(ts) < 2 or ts[0] == ts[-1]:
        return ys
    run, values, rate = quick_runner(through.graph), ready(params), Rate(body, params)
    parts = -(-_PLACES // (len(ts) - 1))
    times = np.interp(np.arange(parts * (len(ts) - 1) + 1) / parts, np.arange(len(ts)), ts)
    states = solve(solver, rate, np.asarray(ys[0]), times)

    def way(t: float, y: Any) -> list[float]:
        return [float(x) for x in run(y, t, *values)]

    ways = [way(t, y) for t, y in zip(times.tolist(), states, strict=True)]
    for k in [k for k in range(len(ways) - 1) if ways[k] != ways[k + 1]][:_MOST]:
        line = _line(times[k : k + 2], states[k : k + 2])
        near = slice(max(k - 1, 0), k + 3)
        around = [rate(t, y) for t, y in zip(times[near].tolist(), states[near], strict=True)]
        jump = jump_between(
            partial(_along, way, line), partial(_along, rate, line), through.choices, (0.0, 1.0), around
        )
        if jump is not None:
            raise SolutionError(
                f"scipy.integrate: the right-hand side jumps near t={line(jump.share)[0]:.3g}, where the solution "
                "comes to a choice (if, np.where or chainrule.cond) by the state or by what is differentiated by: "
                f"from {_short(jump.before)} to {_short(jump.after)}. The derivative of the solution has a part from "
                "that, which is not computed. Solve up to there, by solve_ivp with a terminal event, and go on from "
                f"t_events and y_events.{user_line()}"
            )
    return ys


def _along(f: Callable[[float, Any], Any], line: Callable[[float], Any], share: float) -> Any:
    return f(*line(share))


def _line(times: Any, states: Any) -> Callable[[float], tuple[float, Any]]:
    """The straight line between two places of the solution."""
    return lambda share: (
        float(times[0] + share * (times[1] - times[0])),
        states[0] + share * (states[1] - states[0]),
    )


def _short(x: Any) -> str:
    return np.array2string(np.asarray(x), precision=6, threshold=6, edgeitems=2)


def _infer(ys: Any, *rest: Any, **params: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return shape_of(ys), ys.dtype


checked_op: Op = check_op("chainrule.ode_without_jumps", _checked, _infer)
