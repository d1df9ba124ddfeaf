"""The operation of the adjoint system: the derivatives by the start and by the parameters of a solution.

From the last output backwards, state, adjoint and derivatives by parameters are solved as one system. At every output
the state is set to what the solution was there, and the derivative that arrives there is added to the adjoint.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Graph
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs
from chainrule.trace.recording import arrays_entering
from chainrule.trace.symbolic import open_body
from chainrule.transforms.loop_bodies import Flags, is_smooth, picked
from chainrule.transforms.ode_backwards import Backwards, solved_backwards
from chainrule.transforms.ode_bodies import adjoint_body
from chainrule.transforms.ode_solvers import Rate, Solver
from chainrule.transforms.replay import as_strong, outputs_of, pull_through, replay

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
    return [start, *_parted(by_params, body, wanted)]


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


# The derivative of the adjoint. That is the gradient of <g, y> by the start and the parameters, and second derivatives
# are symmetric: along a direction v it is the gradient of <g, dy/dv>, and what arrives there as v goes back to
# everything else as the derivative of <g, dy/dv>. So it takes the tangents of a solution along a direction, and their
# adjoint; these have ways to be solved for stiff systems, too.


def _tangents(body: Graph, solver: Solver, steps: int, by_start: bool, by_times: bool, given: Flags) -> Any:
    """A graph: from the solution, its times, the parameters and a direction to the tangents of the solution."""
    key = ("tangents", solver, steps, by_start, by_times, given)
    if key not in body.derived:
        with arrays_entering(lambda array: array):  # As the bodies, it outlives a recording around it.
            body.derived[key] = _made(body, solver, steps, by_start, by_times, given)
    return body.derived[key]


def _made(
    body: Graph, solver: Solver, steps: int, by_start: bool, by_times: bool, given: Flags
) -> tuple[Graph, list[Any]]:
    state, _, *params = body.inputs
    n = state.shape[0]
    with open_body() as level:
        ys, ts = level.input("y", (steps, n), state.dtype), level.input("t", (steps,), np.float64)
        values = [level.like(x) for x in params]
        start = level.input("v y0", (n,), state.dtype) if by_start else None
        times = level.input("v t", (steps,), np.float64) if by_times else None
        dots = [
            level.input(f"v {x.name}", x.shape, x.dtype) if on else None for x, on in zip(params, given, strict=True)
        ]
        nodes = [x.node for x in (ys, ts, *values, start, times, *dots) if x is not None]
        push = _ode[0].push_all
        assert push is not None
        change = push([start, times, *dots], ys, ys[0], ts, *values, body=body, solver=solver)
        return level.graph(nodes, [change], f"{body.name}, along a direction"), level.arrays


def _pull(
    wanted: Flags, g: list[Any], ans: Any, ys: Any, ts: Any, seed: Any, *rest: Any, body: Graph, solver: Solver,
    asked: Flags,
) -> list[Any]:  # fmt: skip
    params = rest[: len(asked)]
    by_start, by_params = g
    given = asked if by_params is not None else (False,) * len(asked)
    graph, arrays = _tangents(body, solver, ys.shape[0], by_start is not None, False, given)
    direction = [] if by_start is None else [by_start]
    direction += [] if by_params is None else _parted(by_params, body, asked)
    values = [ys, ts, *params, *direction, *arrays]
    by_seed = None
    if wanted[2]:
        change = replay(graph, values)[0]
        # The first row of what arrives at a solution goes past the adjoint.
        by_seed = np.concatenate([np.zeros((1, ys.shape[1]), change.dtype), change[1:]])
    back = [None] * len(values)
    asked_now = (*wanted[:2], *wanted[3 : 3 + len(asked)])
    if any(asked_now):
        rest_of_them = (False,) * (len(values) - len(asked_now))
        back = pull_through(graph, values, (*asked_now, *rest_of_them), [seed])
    return [*back[:2], by_seed, *back[2 : 2 + len(asked)], *(None for _ in rest[len(asked) :])]


def _push(
    tangents: list[Any], ans: Any, ys: Any, ts: Any, seed: Any, *rest: Any, body: Graph, solver: Solver, asked: Flags
) -> list[Any]:
    by_states, by_times, by_seed, *others = tangents
    params, by_params = rest[: len(asked)], others[: len(asked)]
    given = tuple(t is not None and is_smooth(x) for t, x in zip(by_params, body.inputs[2:], strict=True))
    total = None
    if by_states is not None or by_times is not None or any(given):
        graph, arrays = _tangents(body, solver, ys.shape[0], by_states is not None, by_times is not None, given)
        direction = [] if by_states is None else [by_states[0]]
        direction += [] if by_times is None else [by_times]
        direction += [as_strong(t, x.dtype) for t, x, on in zip(by_params, body.inputs[2:], given, strict=True) if on]
        values = [ys, ts, *params, *direction, *arrays]
        wanted = (True, False, *asked, *(False,) * (len(direction) + len(arrays)))
        moved, _, *found = pull_through(graph, values, wanted, [seed])[: 2 + len(asked)]
        zeros = np.zeros(ys.shape, ys.dtype)
        moved = zeros if moved is None else moved
        total = [
            moved[0],
            *(_or_zeros(part, x) for part, x in zip(picked(found, asked), _asked(body, asked), strict=True)),
        ]
        if by_times is not None:
            # The rates at the outputs read the states there, which depend on the start and the parameters.
            later = np.concatenate([zeros[:1], moved[1:]])
            total = _added(total, adjoint(ys, ts, later, params, body, solver, asked))
    if by_seed is not None:
        total = _added(total, adjoint(ys, ts, by_seed, params, body, solver, asked))
    if total is None:
        return [None, None]
    dtype = body.inputs[0].dtype
    start, *found = total
    flat = [as_strong(np.reshape(part, (-1,)), dtype) for part in found]
    return [as_strong(start, dtype), np.concatenate(flat) if flat else np.zeros(0, dtype)]


def _asked(body: Graph, asked: Flags) -> list[Any]:
    return picked(body.inputs[2:], asked)


def _or_zeros(part: Any, node: Any) -> Any:
    return np.zeros(node.shape, node.dtype) if part is None else part


def _added(first: list[Any] | None, second: list[Any]) -> list[Any]:
    return second if first is None else [a + b for a, b in zip(first, second, strict=True)]


def _parted(vector: Any, body: Graph, asked: Flags) -> list[Any]:
    """The parameters that a vector has one after the other."""
    found, k = [], 0
    for x in _asked(body, asked):
        part = np.reshape(vector[k : k + x.size], x.shape)
        found.append(as_strong(part if part.dtype.kind == x.dtype.kind else np.real(part), x.dtype))
        k += x.size
    return found


adjoint_op: Op = joint("chainrule.ode_adjoint", _run, _infer, _pull, _push, keeps=(-1,))
