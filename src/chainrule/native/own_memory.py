"""Results in memory of their own."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.access import views_of
from chainrule.ops.shapes import astype, to_integer
from chainrule.passes.rewriting import with_outputs

__all__ = ["in_own_memory"]


def in_own_memory(graph: Graph, *, constants: bool) -> Graph:
    """Copy outputs that are inputs, views of something, or there twice, so that each has memory of its own.

    Parameters
    ----------
    graph : Graph
        Stays as it is.
    constants : bool
        Whether outputs that are constants are computed, too.

    Returns
    -------
    Graph
        The same computation.
    """
    seen: set[Any] = set()
    views = views_of(graph)
    outputs = []
    for x in graph.outputs:
        if isinstance(x, Node):
            # Two projections of one result stand at one place.
            place = (x.inputs[0], x.params["k"]) if x.op is not None and x.op.name == "output" else x
            if x.op is None or x in views or place in seen:
                x = _copied(x, x.shape, x.dtype, x.weak)
            seen |= {x, place}
        elif constants:
            array = np.asarray(x)
            x = _copied(x if array.ndim else array[()], array.shape, array.dtype, False)
        outputs.append(x)
    return with_outputs(graph, outputs)


def _copied(x: Any, shape: Any, dtype: np.dtype[Any], weak: bool) -> Node:
    return Node(astype if dtype.kind in "fc" else to_integer, (x,), {"dtype": dtype}, shape, dtype, weak)
