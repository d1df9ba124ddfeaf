"""The operation of the adjoint system: the derivatives by the start and by the parameters of a solution.

From the last output backwards, state, adjoint and derivatives by parameters are solved as one system. At every output
the state is set to what the solution was there, and the derivative that arrives there is added to the adjoint.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import SolutionError
from chainrule.graph import Graph
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.op import Op, joint, structural
from chainrule.ops.outputs import Outputs
from chainrule.trace.recording import arrays_entering
from chainrule.trace.symbolic import open_body
from chainrule.transforms.loop_bodies import Flags, picked
from chainrule.transforms.loops import run_loop, scan_op
from chainrule.transforms.ode_backwards import Backwards, drift, solved_backwards
from chainrule.transforms.ode_bodies import adjoint_body
from chainrule.transforms.ode_solvers import CANNOT_GO_BACK, Rate, Solver
from chainrule.transforms.replay import as_strong, outputs_of, pull_through, push_through

__all__ = ["adjoint", "connect"]

# The operation whose derivative this is; the two need one another.
_ode: list[Op] = []


def connect(op: Op) -> None:
    """Tell which operation solves a system."""
    _ode[:] = [op]


def adjoint(ys: Any, ts: Any, g: Any, params: Sequence[Any], body: Graph, solver: Solver, wanted: Flags) -> list[Any]:
    """Solve the adjoint system.

    Parameters
    ----------
    ys : array of shape (m, n)
        The solution.
    ts : array of shape (m,)
        At these times.
    g : array of shape (m, n)
        The derivative by the solution.
    params : sequence
        What the body reads besides state and time.
    body : Graph
        The system.
    solver : Solver
        How it was solved.
    wanted : tuple of bool
        The parameters whose derivative is asked for.

    Returns
    -------
    list
        The derivative by the state at the first time, which leaves out ``g[0]``; then those by the parameters.
    """
    _, arrays = adjoint_body(body, wanted)
    given = [ys, ts, as_strong(g, body.inputs[0].dtype), *params, *arrays]
    ans = adjoint_op(*given, body=body, solver=solver, asked=wanted)
    start, by_params = outputs_of(ans, 2)
    found, k = [start], 0
    for x in picked(body.inputs[2:], wanted):
        part = np.reshape(by_params[k : k + x.size], x.shape)
        found.append(as_strong(part if part.dtype.kind == x.dtype.kind else np.real(part), x.dtype))
        k += x.size
    return found


def _components(body: Graph, wanted: Flags) -> tuple[int, int]:
    return body.inputs[0].shape[0], sum(x.size for x in picked(body.inputs[2:], wanted))


def _run(ys: Any, ts: Any, g: Any, *rest: Any, body: Graph, solver: Solver, asked: Flags) -> Outputs:
    n, others = _components(body, asked)
    # The adjoint is linear in g: with one of size 1 the tolerances hold for it whatever the unit of the objective.
    size = np.max(np.abs(g), initial=0.0)
    if size == 0 or not np.isfinite(size):
        return Outputs([np.full(length, size, ys.dtype) for length in (n, others)])
    params = rest[: len(asked)]
    system = Backwards(
        n,
        others,
        Rate(body, params),
        Rate(*_closed(body, (False,) * len(asked), params)),
        Rate(adjoint_body(body, asked)[0], rest),
        solver,
    )
    start, by_params = solved_backwards(system, ys, ts, g / size)
    return Outputs([start * size, by_params * size])


def _closed(body: Graph, asked: Flags, params: Sequence[Any]) -> tuple[Graph, Sequence[Any]]:
    graph, arrays = adjoint_body(body, asked)
    return graph, [*params, *arrays]


def _infer(ys: Any, ts: Any, g: Any, *rest: Any, body: Graph, solver: Solver, asked: Flags) -> Any:
    n, others = _components(body, asked)
    dtype = body.inputs[0].dtype
    return ((n,), (others,)), (dtype, dtype)


# The derivative of the adjoint is that of its definition: a scan over the intervals, backwards.


def _definition(body: Graph, solver: Solver, wanted: Flags, steps: int) -> tuple[Graph, list[Any]]:
    key = ("adjoint definition", solver, wanted, steps)
    if key not in body.derived:
        with arrays_entering(lambda array: array):  # As the bodies, it outlives a recording around it.
            body.derived[key] = _defined(body, solver, wanted, steps)
    return body.derived[key]  # type: ignore[no-any-return]


def _defined(body: Graph, solver: Solver, wanted: Flags, steps: int) -> tuple[Graph, list[Any]]:
    graph, _ = adjoint_body(body, wanted)
    n, others = _components(body, wanted)
    dtype, params = graph.inputs[0].dtype, graph.inputs[2:]
    interval, more = _interval(graph, n, others, solver)
    with open_body() as level:
        ys = level.input("y", (steps + 1, n), dtype)
        ts = level.input("t", (steps + 1,), np.float64)
        g = level.input("d y", (steps + 1, n), dtype)
        values = [level.like(x) for x in params]
        nodes = [x.node for x in (ys, ts, g, *values)]
        size = stop_gradient(np.max(np.abs(g)))
        scale = np.where(size > 0, size, 1.0)
        starts = [np.zeros(n, dtype), np.zeros(others, dtype)]
        sequences = [ys[1:], ys[:-1], ts[1:], ts[:-1], g[1:] / scale]
        ends = run_loop(
            scan_op,
            [*starts, *sequences, *values, *more],
            {"body": interval, "carries": 2, "sequences": len(sequences), "length": steps, "reverse": True},
        )
        made = level.graph(nodes, [ends[0] * scale, ends[1] * scale], graph.name)
    return made, level.arrays


def _interval(graph: Graph, n: int, others: int, solver: Solver) -> tuple[Graph, list[Any]]:
    """One interval, as the body of a scan."""
    dtype, params = graph.inputs[0].dtype, graph.inputs[2:]
    with open_body() as level:
        a, q = level.input("a", (n,), dtype), level.input("q", (others,), dtype)
        y, before = level.input("y", (n,), dtype), level.input("y before", (n,), dtype)
        t, earlier = level.input("t", (), np.float64), level.input("t before", (), np.float64)
        g = level.input("d y", (n,), dtype)
        values = [level.like(x) for x in params]
        nodes = [x.node for x in (a, q, y, before, t, earlier, g, *values)]
        found = _ode[0](
            np.concatenate([y, a + g, q]),
            np.stack([t, earlier]),
            *values,
            body=graph,
            solver=replace(solver.followed_by(2, others), is_backwards=True),
        )
        end = returned(found[1], before, solver=solver)
        made = level.graph(nodes, [end[n : 2 * n], end[2 * n :]], f"{graph.name}, one interval")
    return made, level.arrays


def _pull(wanted: Flags, g: list[Any], ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    graph, arrays = _defined_for(inputs, params)
    return pull_through(graph, [*inputs, *arrays], (*wanted, *(False for _ in arrays)), g)[: len(inputs)]


def _push(tangents: list[Any], ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    graph, arrays = _defined_for(inputs, params)
    return push_through(graph, [*inputs, *arrays], [*tangents, *(None for _ in arrays)])


def _defined_for(inputs: Sequence[Any], params: dict[str, Any]) -> tuple[Graph, list[Any]]:
    return _definition(params["body"], params["solver"], params["asked"], inputs[1].shape[0] - 1)


adjoint_op: Op = joint("chainrule.ode_adjoint", _run, _infer, _pull, _push, keeps=(-1,))


# A state that was solved backwards has to come back to where it started.

#: Times the tolerances that it may be away from there, in derivatives of higher order.
_DRIFT = 1e4


def _returned(x: Any, expected: Any, *, solver: Solver) -> Any:
    if drift(x[: len(expected)], expected, solver) > _DRIFT:
        raise SolutionError(CANNOT_GO_BACK)
    return x


def _infer_returned(x: Any, expected: Any, *, solver: Solver) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return x.shape, x.dtype


def _transpose_returned(i: int, g: Any, ans: Any, x: Any, expected: Any, *, solver: Solver) -> Any:
    return g if i == 0 else np.zeros(expected.shape, expected.dtype)


def _push_returned(i: int, t: Any, ans: Any, x: Any, expected: Any, *, solver: Solver) -> Any:
    return t if i == 0 else np.zeros(x.shape, x.dtype)


returned: Op = structural(
    "chainrule.ode_returned", _returned, _infer_returned, _transpose_returned, _push_returned, keeps=(2,)
)
