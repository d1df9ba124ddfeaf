"""The operation behind `scipy.integrate.odeint` and `solve_ivp`: the solution of y' = f(t, y, p).

Its forward rule is the system of sensitivity equations, solved beside the state. Its reverse rule is the adjoint
system, solved backwards, whose cost is that of a few solutions, whatever the number of parameters (L. S. Pontryagin and
others, The Mathematical Theory of Optimal Processes, 1962; R. Serban and A. C. Hindmarsh, CVODES, 2005).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint
from chainrule.trace.batch import Batch, Batched, all_examples, batched
from chainrule.trace.tracer import Tracer
from chainrule.transforms.loop_bodies import Flags, is_smooth, picked
from chainrule.transforms.loops import run_loop, scan_op
from chainrule.transforms.ode_adjoint import adjoint, adjoint_op, connect
from chainrule.transforms.ode_bodies import sensitivity_body
from chainrule.transforms.ode_jumps import checked_op, unless_it_jumps
from chainrule.transforms.ode_solvers import Rate, Solver, solve
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.replay import as_strong

__all__ = ["ode_op"]

#: Components of the tangents that are solved beside one state.
_MOST_TOGETHER = 128


def _run(y0: Any, ts: Any, *params: Any, body: Graph, solver: Solver) -> Any:
    return solve(solver, Rate(body, params), np.asarray(y0), np.asarray(ts))


def _infer(y0: Any, ts: Any, *params: Any, body: Graph, solver: Solver) -> tuple[tuple[Any, ...], np.dtype[Any]]:
    return (*shape_of(ts), *shape_of(y0)), body.inputs[0].dtype


def _rates(ys: Any, ts: Any, params: Sequence[Any], body: Graph) -> Any:
    """The rate of change at every output."""
    steps = {"body": body, "carries": 0, "sequences": 2, "length": shape_of(ts)[0], "reverse": False}
    return run_loop(scan_op, [ys, ts, *params], steps)[0]


def _pull(wanted: Flags, g: Any, ans: Any, y0: Any, ts: Any, *params: Any, body: Graph, solver: Solver) -> list[Any]:
    by_params = tuple(w and is_smooth(x) for w, x in zip(wanted[2:], body.inputs[2:], strict=True))
    if wanted[0] or any(by_params):
        ans = unless_it_jumps(ans, ts, params, body, solver, by_params)
    start, *parts = adjoint(ans, ts, g, params, body, solver, by_params)
    found = iter(parts)
    by_times = None
    if wanted[1]:
        rates = _rates(ans, ts, params, body)
        # A later output moves with its rate; a later start is as if y0 had been lower by the rate there.
        moved = np.real(np.sum(g[1:] * rates[1:], axis=1))
        by_times = np.concatenate([np.reshape(-np.real(np.sum(start * rates[0])), (1,)), moved])
    return [start + g[0], by_times, *(next(found) if w else None for w in by_params)]


def _push(tangents: list[Any], ans: Any, y0: Any, ts: Any, *params: Any, body: Graph, solver: Solver) -> Any:
    by_start, by_times, *by_params = tangents
    state = body.inputs[0]
    n = state.shape[0]
    given = tuple(t is not None and is_smooth(x) for t, x in zip(by_params, body.inputs[2:], strict=True))
    dots = [
        as_strong(t, x.dtype) for t, x in zip(picked(by_params, given), picked(body.inputs[2:], given), strict=True)
    ]
    if by_start is not None or any(given):
        ans = unless_it_jumps(ans, ts, params, body, solver, given)
        y0 = ans[0]
    rates = None if by_times is None else _rates(ans, ts, params, body)
    begin = np.zeros(n, state.dtype) if by_start is None else as_strong(by_start, state.dtype)
    if rates is not None:
        begin = begin - rates[0] * by_times[0]
    change = _sensitivity(begin, dots, [y0, ts, *params], body, solver, given)
    return change if rates is None else change + rates * by_times[:, None]


def _sensitivity(begin: Any, dots: list[Any], given: list[Any], body: Graph, solver: Solver, moving: Flags) -> Any:
    """The tangents of the states, from that of the first one and those of parameters."""
    y0, ts, *params = given
    n, count = body.inputs[0].shape[0], 1
    batch = _directions([begin, *dots], given, n)
    if batch is not None:
        # Several directions at one point, as for a Jacobian: all of them beside one state.
        count = batch.size
        begin, *dots = (all_examples(x, batch) for x in (begin, *dots))
    graph, arrays = sensitivity_body(body, moving, None if batch is None else count)
    start = np.concatenate([y0, np.reshape(begin, (-1,))])
    all_of_them = solver.followed_by(1 + count, 0)
    change = ode_op(start, ts, *params, *dots, *arrays, body=graph, solver=all_of_them)[:, n:]
    if batch is None:
        return change
    return batched(np.moveaxis(np.reshape(change, (-1, count, n)), 1, 0), batch)


def _directions(tangents: list[Any], point: list[Any], n: int) -> Batch | None:
    """The batch whose examples are tangents alone, where it is the innermost level and they are not too many."""
    traced = [x for x in (*tangents, *point) if isinstance(x, Tracer)]
    innermost = max(traced, key=lambda x: x.recording.level, default=None)
    if not isinstance(innermost, Batched) or innermost.recording.size * n > _MOST_TOGETHER:
        return None
    batch: Batch = innermost.recording
    return None if any(isinstance(x, Tracer) and x.recording is batch for x in point) else batch


ode_op: Op = joint("chainrule.ode", _run, _infer, _pull, _push, keeps=(0, -1))
connect(ode_op)
for _op in (ode_op, adjoint_op, checked_op):
    done_one_by_one(_op)
