"""The systems that are derivatives of a system y' = f(t, y, parameters), each one vector with its own right-hand side.

The body of a system takes the state, the time and the parameters, and gives the rate of change of the state. So does
that of a derivative, whose state has y as its first part.
"""

from functools import partial
from typing import Any

import numpy as np

from chainrule.graph import Graph
from chainrule.trace.batch import Batch, all_examples, batched
from chainrule.trace.recording import arrays_entering
from chainrule.trace.symbolic import open_body
from chainrule.transforms.loop_bodies import Flags, picked, with_quick
from chainrule.transforms.replay import as_strong, pull_through, push_through, replay

__all__ = ["adjoint_body", "sensitivity_body"]

#: A body, and the large constants that are its last inputs.
Derived = tuple[Graph, list[Any]]


def sensitivity_body(body: Graph, given: Flags, count: int | None = None) -> Derived:
    """The state beside its tangent s: s' = (df/dy) s + (df/dp) p' for tangents p' of parameters.

    Parameters
    ----------
    body : Graph
        The system.
    given : tuple of bool
        Which parameters have a tangent.
    count : int, optional
        The number of tangents, where there may be several: then those of parameters have them along a first axis.

    Returns
    -------
    Graph
        It takes the state of both, the time, the parameters, and then the tangents.
    list
        Large constants that it reads besides.
    """
    return _kept(body, ("sensitivity", given, count), partial(_sensitivity, count=count), given)


def adjoint_body(body: Graph, wanted: Flags) -> Derived:
    """The state beside its adjoint a and the derivatives q by parameters: a' = -(df/dy)^T a, and q' = -(df/dp)^T a.

    Parameters
    ----------
    body : Graph
        The system.
    wanted : tuple of bool
        The parameters whose derivative is asked for.

    Returns
    -------
    Graph
        It takes the state of all three as one vector, the time, and the parameters.
    list
        Large constants that it reads besides.
    """
    return _kept(body, ("adjoint", wanted), _adjoint, wanted)


def _kept(body: Graph, key: Any, make: Any, flags: Flags) -> Derived:
    if key not in body.derived:
        # Zero stays zero in the one form; the other is quicker, and right where no NaN comes out.
        with arrays_entering(
            lambda array: array
        ):  # It outlives a recording around it, whose inputs constants must not become.
            body.derived[key] = with_quick(make(body, flags, True), make(body.derived.get("quick", body), flags, False))
    return body.derived[key]  # type: ignore[no-any-return]


def _sensitivity(body: Graph, given: Flags, careful: bool, *, count: int | None) -> Derived:
    state, time, *params = body.inputs
    n = state.shape[0]
    several = () if count is None else (count,)
    with open_body() as level:
        both = level.input("state", (n + n * (count or 1),), state.dtype)
        t, values = level.like(time), [level.like(x) for x in params]
        dots = [level.input(f"t {x.name}", (*several, *x.shape), x.dtype) for x in picked(params, given)]
        nodes = [x.node for x in (both, t, *values, *dots)]
        inputs = [both[:n], t, *values]
        (rate,) = replay(body, inputs)
        own = both[n:]
        batch = None if count is None else Batch(count)
        if batch is not None:
            own, *dots = (batched(x, batch) for x in (np.reshape(own, (-1, n)), *dots))
        waiting = iter(dots)
        tangents = [own, None, *(next(waiting) if on else None for on in given)]
        (change,) = push_through(body, inputs, tangents, careful=careful)
        change = np.zeros(n, state.dtype) if change is None else as_strong(change, state.dtype)
        if batch is not None:
            change = np.reshape(all_examples(change, batch), (-1,))
        graph = level.graph(nodes, [np.concatenate([rate, change])], f"{body.name} with tangents")
    return graph, level.arrays


def _adjoint(body: Graph, wanted: Flags, careful: bool) -> Derived:
    state, time, *params = body.inputs
    n = state.shape[0]
    asked = picked(params, wanted)
    with open_body() as level:
        whole = level.input("state", (2 * n + sum(x.size for x in asked),), state.dtype)
        t, values = level.like(time), [level.like(x) for x in params]
        nodes = [x.node for x in (whole, t, *values)]
        inputs = [whole[:n], t, *values]
        (rate,) = replay(body, inputs)
        # By the transposed rule of -a, so that the minus sign is applied once.
        found = pull_through(body, inputs, (True, False, *wanted), [-whole[n : 2 * n]], careful=careful)
        parts = [found[0], *picked(found[2:], wanted)]
        changes = [
            np.zeros(x.size, state.dtype) if part is None else as_strong(np.reshape(part, (-1,)), state.dtype)
            for x, part in zip((state, *asked), parts, strict=True)
        ]
        graph = level.graph(nodes, [np.concatenate([rate, *changes])], f"{body.name} with adjoints")
    return graph, level.arrays
