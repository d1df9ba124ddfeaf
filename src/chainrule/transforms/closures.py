"""Functions that a solver calls many times: recorded as a graph once, and run from Python as quickly as can be.

A solver of SciPy (of differential equations, integrals, equations, minima) takes a function and calls it thousands of
times. `chainrule.transforms.bodies.record_body` records it, with the traced values that it reads from around it as
further inputs; `known` finds the same graph of an earlier recording, with everything that was made of it; and
`quick_runner` gives what the solver calls: machine code where there is a form of it, else the interpreter.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.evaluate import runner
from chainrule.graph import Graph

__all__ = ["known", "quick_entry", "quick_runner", "ready", "set_compiler"]

Run = Callable[..., list[Any]]


def _as_recorded(graph: Graph) -> Graph:
    return graph


def _interpreted(graph: Graph) -> tuple[Run, Callable[..., Any] | None]:
    return runner(graph), None


#: What finds an equal graph, and what compiles one. The room `jit`, which stands after this one, puts its own here.
_known: Callable[[Graph], Graph] = _as_recorded
_compile: Callable[[Graph], tuple[Run, Callable[..., Any] | None]] = _interpreted


def set_compiler(
    find: Callable[[Graph], Graph], make: Callable[[Graph], tuple[Run, Callable[..., Any] | None]]
) -> None:
    """Say how equal graphs are found and how graphs are compiled.

    Parameters
    ----------
    find : callable
        Takes a graph, and returns an equal one that was there before, or the graph itself.
    make : callable
        Takes a graph, and returns what `quick_runner` and `quick_entry` give.
    """
    global _known, _compile
    _known, _compile = find, make


def known(graph: Graph) -> Graph:
    """The graph itself, or one that computes the same by the same operations and was there before."""
    return _known(graph)


def quick_runner(graph: Graph) -> Run:
    """Make ready to compute the outputs of a graph thousands of times.

    Parameters
    ----------
    graph : Graph
        What to compute; what is made of it is kept with it.

    Returns
    -------
    callable
        Takes a plain value for each input, and returns a list with the value of each output.
    """
    return _compiled(graph)[0]


def quick_entry(graph: Graph) -> Callable[..., Any] | None:
    """The machine code of a graph, for who calls it from C or wants no step in between.

    Parameters
    ----------
    graph : Graph
        What to compute; what is made of it is kept with it.

    Returns
    -------
    callable or None
        A builtin function that takes a plain value for each input, and returns the output, or a tuple of them;
        NotImplemented where the values are of another kind or order in memory, or a result is NaN: `quick_runner` then
        has the answer. None where there is no machine code.
    """
    return _compiled(graph)[1]


def ready(values: Sequence[Any]) -> tuple[Any, ...]:
    """Plain values as machine code takes them at once: arrays in C's order, and scalars in place of single entries."""
    return tuple(np.ascontiguousarray(x)[() if x.ndim else 0] if isinstance(x, np.ndarray) else x for x in values)


def _compiled(graph: Graph) -> tuple[Run, Callable[..., Any] | None]:
    made: tuple[Run, Callable[..., Any] | None] | None = graph.derived.get("compiled")
    if made is None:
        made = graph.derived["compiled"] = _compile(graph)
    return made
