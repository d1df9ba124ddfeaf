"""Recording the right-hand side of a system of differential equations, and solving it as one operation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import TraceError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.trace.buffer import settled
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.symbolic import open_body, value_of
from chainrule.trace.tracer import Tracer
from chainrule.transforms.bodies import Kind, kind_of, name_of
from chainrule.transforms.closures import known
from chainrule.transforms.decisions import record_deciding
from chainrule.transforms.ode import ode_op
from chainrule.transforms.ode_solvers import Rate, Solver, chosen_times
from chainrule.transforms.replay import as_strong, replay

__all__ = ["System", "joined", "recorded_function", "recorded_system", "steps", "vector"]

#: Dtypes that are widened.
_NARROW = (np.dtype(np.float32), np.dtype(np.float16))


@dataclass(frozen=True)
class System:
    """A system of differential equations whose right-hand side is recorded.

    Attributes
    ----------
    body : Graph
        From state, time and parameters to the rate of change.
    params : tuple
        Values of the parameters: the traced values among the arguments, then what is read from around the function.
    """

    body: Graph
    params: tuple[Any, ...]

    def solution(self, y0: Any, ts: Any, solver: Solver) -> Any:
        """The states at some times, of shape (times, components)."""
        return ode_op(y0, ts, *self.params, body=self.body, solver=solver)

    def has_values(self, *more: Any) -> bool:
        """Say whether the parameters have values, and `more` have."""
        return not any(isinstance(x, Tracer) and value_of(x) is NO_VALUE for x in (*self.params, *more))


def recorded_system(where: str, f: Callable[..., Any], y0: Any, args: Sequence[Any], *, time_first: bool) -> System:
    """Record the right-hand side of a system.

    Parameters
    ----------
    where : str
        The function that asks for it, for messages.
    f : callable
        ``f(y, t, *args)`` or ``f(t, y, *args)``.
    y0 : array of shape (n,)
        The state to start from.
    args : sequence
        Further arguments. Traced values in them, in trees too, are followed; anything else is handed on.
    time_first : bool
        Which of the two.

    Returns
    -------
    System
        The system.

    Raises
    ------
    TraceError
        Where the function takes a decision on a traced value, or gives another number of components.
    """
    count = shape_of(y0)[0]

    def split(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        rate = vector(result)
        found = None if rate is None else shape_of(rate)
        if found != (count,):
            what = type(result).__name__ if found is None else f"shape {found}"
            raise TraceError(
                f"{where}: {name_of(f)} should return the rate of change of {count} components, as y0 has, but "
                f"returned {what}.{user_line()}"
            )
        if rate.dtype.kind == "c" and y0.dtype.kind != "c":
            raise TraceError(
                f"{where}: {name_of(f)} returned complex numbers for a real state. Start from a complex y0."
                f"{user_line()}"
            )
        return [("the rate", as_strong(rate, y0.dtype))], None

    return recorded_function(where, f, y0, args, split, time_first=time_first)


def recorded_function(
    where: str, f: Callable[..., Any], y0: Any, args: Sequence[Any], split: Callable[[Any], Any], *, time_first: bool
) -> System:
    """Record a function of state and time.

    Parameters
    ----------
    where, f, y0, args, time_first
        As for `recorded_system`.
    split : callable
        As for `chainrule.transforms.bodies.record_body`.

    Returns
    -------
    System
        Its graph and parameters.
    """
    leaves, structure = tree.flatten(tuple(args))
    leaves = [settled(leaf) for leaf in leaves]
    followed = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Tracer)]

    def arrange(handles: list[Any]) -> list[Any]:
        state, time, *given = handles
        inside = list(leaves)
        for k, handle in zip(followed, given, strict=True):
            inside[k] = handle
        return [*((time, state) if time_first else (state, time)), *structure.unflatten(inside)]

    kinds = [kind_of(leaves[k]) for k in followed]
    inputs = [("y", Kind(shape_of(y0), y0.dtype)), ("t", Kind((), np.dtype(float), True))]
    inputs += [(_name(leaves[k], k), kind) for k, kind in zip(followed, kinds, strict=True) if kind is not None]
    recorded = record_deciding(where, f, inputs, arrange, split)
    return _in_double_precision(recorded.graph, [*(leaves[k] for k in followed), *recorded.hidden])


def _in_double_precision(graph: Graph, params: list[Any]) -> System:
    """The system with parameters in double precision, as SciPy has the state.

    A derivative by them in float32 would be rounded at every step, which a solver with a tight tolerance takes for
    something that happens.
    """
    wide = [np.dtype(float) if x.dtype in _NARROW else x.dtype for x in graph.inputs[2:]]
    if all(x.dtype == dtype for x, dtype in zip(graph.inputs[2:], wide, strict=True)):
        return System(known(graph), tuple(params))
    state, time, *narrow = graph.inputs
    with open_body() as level:
        inputs = [level.like(state), level.like(time)]
        inputs += [level.input(x.name, x.shape, dtype) for x, dtype in zip(narrow, wide, strict=True)]
        (rate,) = replay(graph, inputs)
        dtype = graph.outputs[0].dtype
        made = level.graph([x.node for x in inputs], [as_strong(rate, dtype)], graph.name)
    values = (as_strong(x, dtype) for x, dtype in zip(params, wide, strict=True))
    return System(known(made), (*values, *level.arrays))


def steps(system: System, y0: Any, begin: Any, end: Any, solver: Solver) -> Any:
    """The times to which a solver steps by itself.

    Parameters
    ----------
    system : System
        What is solved; its parameters have values.
    y0 : array of shape (n,)
        The state to start from.
    begin, end : number
        The interval.
    solver : Solver
        How.

    Returns
    -------
    array
        The times. The first is `begin` and the last is `end`; those between are constants.

    Raises
    ------
    SolutionError
        Where the solver does not come to the end.
    """
    rate = Rate(system.body, [_plain(x) for x in system.params])
    times = chosen_times(solver, rate, np.asarray(_plain(y0)), float(_plain(begin)), float(_plain(end)))
    return joined(begin, times, end)


def joined(begin: Any, times: Any, end: Any) -> Any:
    """Times of which the first and the last are followed, where they are traced.

    Parameters
    ----------
    begin, end : number
        Those.
    times : ndarray
        All, as plain values.

    Returns
    -------
    array
        All.
    """
    if not any(isinstance(x, Tracer) for x in (begin, end)):
        return times
    return np.concatenate([np.reshape(begin, (1,)), times[1:-1], np.reshape(end, (1,))])


def _plain(x: Any) -> Any:
    return value_of(x) if isinstance(x, Tracer) else x


def _name(x: Tracer, number: int) -> str:
    return x.node.name if x.node.op is None else f"args[{number}]"


def vector(x: Any) -> Any:
    """An array without axes or with one, or a list of numbers, as a vector; None where it is nothing of the kind."""
    if isinstance(x, (list, tuple)):
        parts = [settled(part) for part in x]
        if any(kind_of(part) is None for part in parts):
            return None
        return np.concatenate([np.reshape(part, (-1,)) for part in parts]) if parts else None
    x = settled(x)
    kind = kind_of(x)
    if kind is None:
        return None
    return np.reshape(x, (-1,)) if len(kind.shape) != 1 else x
