"""Passes: functions from graphs to graphs that compute the same with less work."""

from chainrule.graph import Graph
from chainrule.passes.drop import drop
from chainrule.passes.fold import fold
from chainrule.passes.pipeline import Pass, after_each, checked_by, run
from chainrule.passes.share import share
from chainrule.passes.simplify import simplify

__all__ = ["PASSES", "Pass", "after_each", "checked_by", "drop", "fold", "optimized", "run", "share", "simplify"]

#: The passes in their order. Sharing comes last, and once more after what it made visible has been simplified.
PASSES: tuple[Pass, ...] = (drop, fold, simplify, share, simplify, share)


def optimized(graph: Graph) -> Graph:
    """Run all passes.

    Parameters
    ----------
    graph : Graph
        Any graph; it stays as it is.

    Returns
    -------
    Graph
        One that gives the same bits.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.passes import optimized
    >>> len(trace(lambda x: np.sin(x) * 1.0 + np.sin(x))(np.ones(2)).nodes)
    4
    >>> len(optimized(trace(lambda x: np.sin(x) * 1.0 + np.sin(x))(np.ones(2))).nodes)
    2
    """
    return run(graph, PASSES)
