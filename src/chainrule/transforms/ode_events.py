"""Events of a system y' = f(t, y, p): the times t at which g(t, y(t), p) = 0, by the implicit function theorem.

How many there are only values tell, so that they are looked for on plain values first. Then all of their times are one
solution of the equations g(t_k, y(t_k), p) = 0, each of which has one unknown; y(t) is an operation with derivatives by
t and by p, and so are these times.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, TraceError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.trace.buffer import settled
from chainrule.trace.symbolic import open_body, value_of
from chainrule.trace.tracer import Tracer
from chainrule.transforms.bodies import kind_of, name_of
from chainrule.transforms.closures import known, quick_runner, ready
from chainrule.transforms.implicit import solution
from chainrule.transforms.implicit_problem import Problem
from chainrule.transforms.implicit_problem import Solver as RootFinder
from chainrule.transforms.loops import run_loop, scan_op
from chainrule.transforms.ode import ode_op
from chainrule.transforms.ode_solvers import Rate, Solver, stepped
from chainrule.transforms.odes import System, recorded_function
from chainrule.transforms.replay import as_strong

__all__ = ["Event", "Happened", "happened", "recorded_event"]


@dataclass(frozen=True)
class Event:
    """A recorded function of state and time, and what SciPy reads off it.

    Attributes
    ----------
    function : System
        Graph and parameters.
    terminal : int or bool
        After how many occurrences the solution ends; 0 for never.
    direction : float
        Which changes of sign count: those upwards (positive), downwards (negative), or all (0).
    """

    function: System
    terminal: Any
    direction: float


@dataclass(frozen=True)
class Happened:
    """Which events there were.

    Attributes
    ----------
    steps : ndarray
        The times to which the solver stepped.
    times, states : list of array
        For each event its times, of shape (occurrences,), and the states there, of shape (occurrences, components).
    stop : array or None
        When the solution ended by an event.
    """

    steps: Any
    times: list[Any]
    states: list[Any]
    stop: Any


def recorded_event(where: str, f: Callable[..., Any], y0: Any, args: Sequence[Any]) -> Event:
    """Record an event.

    Parameters
    ----------
    where : str
        Who asks, for messages.
    f : callable
        ``f(t, y, *args)``; it may have `terminal` and `direction`.
    y0 : array of shape (n,)
        The state to start from.
    args : sequence
        Further arguments.

    Returns
    -------
    Event
        The event.

    Raises
    ------
    TraceError
        Where it takes a decision on a traced value, or returns anything but one real number.
    """

    def split(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        value = settled(np.stack(result) if isinstance(result, (list, tuple)) else result)
        kind = kind_of(value)
        if kind is None or any(length != 1 for length in kind.shape) or kind.dtype.kind == "c":
            what = type(result).__name__ if kind is None else f"{kind.dtype} of shape {kind.shape}"
            raise TraceError(f"{where}: event {name_of(f)} should return one real number, found {what}.{user_line()}")
        return [("the event", as_strong(np.reshape(value, ()), np.dtype(float)))], None

    function = recorded_function(where, f, y0, args, split, time_first=True)
    return Event(function, getattr(f, "terminal", None), getattr(f, "direction", 0.0))


class _Watch:
    """An event as SciPy calls it."""

    def __init__(self, body: Graph, params: Sequence[Any], terminal: Any, direction: float) -> None:
        self._run, self._params = quick_runner(body), ready(params)
        self.terminal, self.direction = terminal, direction

    def __call__(self, t: float, y: Any) -> float:
        return float(self._run(np.ascontiguousarray(y), float(t), *self._params)[0])


@dataclass(frozen=True)
class _Search:
    """What is solved, and the events that are looked for."""

    body: Graph
    watched: tuple[tuple[Graph, Any, float], ...]
    solver: Solver

    def run(self, values: Sequence[Any]) -> Any:
        """Solve with plain values: the start, the interval, and the parameters of system and events."""
        y0, begin, end, *rest = values
        own, *given = self._shared(rest)
        watches = [_Watch(body, x, *how) for (body, *how), x in zip(self.watched, given, strict=True)]
        rate = Rate(self.body, own)
        return stepped(
            self.solver, rate, np.asarray(y0), float(begin), float(end), events=watches, **dict(self.solver.options)
        )

    def _shared(self, values: Sequence[Any]) -> list[Sequence[Any]]:
        found, k = [], 0
        for body in (self.body, *(body for body, *_ in self.watched)):
            count = len(body.inputs) - 2
            found.append(values[k : k + count])
            k += count
        return found

    def residual(
        self, shape: tuple[int, ...], dtype: Any, counts: Sequence[int], order: Any
    ) -> tuple[Graph, list[Any]]:
        """The equations that the times of all events solve."""
        with open_body() as level:
            times = level.input("times", (len(order),), np.float64)
            y0, begin = level.input("y0", shape, dtype), level.input("begin", (), np.float64)
            end = level.input("end", (), np.float64)
            own = [level.like(x) for x in self.body.inputs[2:]]
            given = [[level.like(x) for x in body.inputs[2:]] for body, *_ in self.watched]
            nodes = [x.node for x in (times, y0, begin, end, *own, *(x for part in given for x in part))]
            states = _states(y0, begin, times, order, own, self.body, self.solver)
            left, k = [], 0
            for (body, *_), params, count in zip(self.watched, given, counts, strict=True):
                here = slice(k, k + count)
                steps = {"body": body, "carries": 0, "sequences": 2, "length": count, "reverse": False}
                if count:
                    left += run_loop(scan_op, [states[here], times[here], *params], steps)[:1]
                k += count
            graph = level.graph(nodes, [np.concatenate(left)], "events")
        return known(graph), level.arrays


def _states(y0: Any, begin: Any, times: Any, order: Any, params: Sequence[Any], body: Graph, solver: Solver) -> Any:
    """The states at times in any order."""
    ascending = np.concatenate([np.reshape(begin, (1,)), times[order]])
    return ode_op(y0, ascending, *params, body=body, solver=solver)[1:][np.argsort(order)]


def _find(problem: Problem, starts: Sequence[Any], *, search: _Search, counts: tuple[int, ...]) -> Any:
    from scipy.optimize import OptimizeResult

    sizes = [len(body.inputs) - 2 for body in (search.body, *(body for body, *_ in search.watched))]
    told = search.run(problem.parameters[: 3 + sum(sizes)])
    found = tuple(map(len, told.t_events))
    if found != counts:
        raise SolutionError(
            f"{problem.solver.name}: the events happen {found} times, and {counts} times where this was recorded."
        )
    return OptimizeResult(x=np.concatenate(told.t_events), success=True, message=told.message)


def happened(
    where: str, system: System, events: Sequence[Event], y0: Any, begin: Any, end: Any, solver: Solver
) -> Happened:
    """Look for events, and follow their times.

    Parameters
    ----------
    where : str
        Who asks, for messages.
    system : System
        What is solved.
    events : sequence of Event
        The events.
    y0, begin, end
        The state to start from and the interval; they have values.
    solver : Solver
        How.

    Returns
    -------
    Happened
        Which there were.

    Raises
    ------
    SolutionError
        Where the solver stops for another reason.
    """
    watched = tuple((event.function.body, event.terminal, event.direction) for event in events)
    search = _Search(system.body, watched, solver)
    begin, end = (as_strong(x, np.dtype(float)) for x in (begin, end))
    given = [y0, begin, end, *system.params, *(x for event in events for x in event.function.params)]
    told = search.run([value_of(x) if isinstance(x, Tracer) else x for x in given])
    counts = tuple(map(len, told.t_events))
    plain, n = np.concatenate(told.t_events), shape_of(y0)[0]
    if not plain.size:
        return Happened(told.t, list(told.t_events), [np.zeros((0, n), y0.dtype) for _ in events], None)
    order = np.argsort(plain if told.t[-1] >= told.t[0] else -plain, kind="stable")
    graph, arrays = search.residual(shape_of(y0), y0.dtype, counts, order)
    options = (("search", search), ("counts", counts))
    finder = RootFinder(f"{where}: argument events=", _find, 1, options, is_diagonal=True)
    times, _ = solution([plain, *given, *arrays], finder, graph, graph)
    states = _states(y0, begin, times, order, system.params, system.body, solver)
    edges = np.cumsum(counts)
    return Happened(
        told.t,
        [times[k - count : k] for k, count in zip(edges, counts, strict=True)],
        [states[k - count : k] for k, count in zip(edges, counts, strict=True)],
        times[order[-1]] if told.status == 1 else None,
    )
