"""Running passes one after the other, and looking at what each leaves."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from chainrule.graph import Graph

__all__ = ["Pass", "after_each", "checked_by", "run"]

#: A function from graphs to graphs that compute the same. Its name is the name of the pass.
Pass = Callable[[Graph], Graph]

#: What looks at each graph that a pass leaves, from `checked_by`; the innermost comes last.
_checks: tuple[Callable[[Graph], None], ...] = ()


def after_each(graph: Graph, passes: Iterable[Pass]) -> Iterator[tuple[str, Graph]]:
    """Run passes, and give what each leaves.

    Parameters
    ----------
    graph : Graph
        Stays as it is.
    passes : iterable of Pass
        In their order.

    Yields
    ------
    name : str
        Of the pass.
    graph : Graph
        What it made of the one before.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.passes import share, simplify
    >>> graph = trace(lambda x: np.sin(x) * 1.0 + np.sin(x))(np.ones(2))
    >>> [(name, len(left.nodes)) for name, left in after_each(graph, (simplify, share))]
    [('simplify', 3), ('share', 2)]
    """
    for each in passes:
        graph = each(graph)
        for check in _checks:
            check(graph)
        yield each.__name__, graph


def run(graph: Graph, passes: Iterable[Pass]) -> Graph:
    """Run passes one after the other.

    Parameters
    ----------
    graph : Graph
        Stays as it is.
    passes : iterable of Pass
        In their order.

    Returns
    -------
    Graph
        What the last one leaves.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.passes import share, simplify
    >>> len(run(trace(lambda x: np.sin(x) * 1.0 + np.sin(x))(np.ones(2)), (simplify, share)).nodes)
    2
    """
    found = graph
    for _, found in after_each(graph, passes):  # noqa: B007 (the last one is what is asked for)
        pass
    return found


@contextmanager
def checked_by(check: Callable[[Graph], None]) -> Iterator[None]:
    """Hand every graph that a pass leaves to a function, such as `chainrule.graph.verify`, in all threads.

    It costs about as much as the passes do, and is meant for tests.

    Parameters
    ----------
    check : callable
        What it raises comes out of the pass.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.graph import verify
    >>> from chainrule.passes import optimized
    >>> with checked_by(verify):
    ...     graph = optimized(trace(np.sin)(np.ones(2)))
    """
    global _checks
    _checks = (*_checks, check)
    try:
        yield
    finally:
        _checks = _checks[:-1]
