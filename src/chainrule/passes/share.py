"""Computing once what is computed twice."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.passes.rewriting import rewritten

__all__ = ["share"]

_SMALL = 64


def share(graph: Graph) -> Graph:
    """Merge operations that compute the same of the same.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    Graph
        In which no two nodes have the same operation, inputs and parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> graph = trace(lambda x: np.exp(x) * np.exp(x))(np.ones(2))
    >>> print(share(graph))
    <lambda>(x: float64[2])
      %0 = np.exp(x)            float64[2]
      %1 = np.multiply(%0, %0)  float64[2]
      return %1
    """
    known: dict[Any, Node] = {}

    def shared(node: Node) -> Node:
        params = tuple((name, key_of(value)) for name, value in sorted(node.params.items()))
        inputs = tuple(key_of(x) for x in node.inputs)
        return known.setdefault((node.op, inputs, params, node.weak), node)

    return rewritten(graph, shared)


def key_of(x: Any) -> Any:
    """What two equal constants or parameters have in common; the object itself where that cannot be told."""
    if isinstance(x, tuple):
        return tuple(key_of(part) for part in x)
    if isinstance(x, slice):
        return "slice", key_of(x.start), key_of(x.stop), key_of(x.step)
    if isinstance(x, (float, complex, np.generic)):
        # By its bits, since 0.0 equals -0.0, and NaN does not equal itself.
        return type(x), np.asarray(x).tobytes()
    if isinstance(x, np.ndarray):
        return ("array", x.shape, x.dtype, x.tobytes()) if x.size <= _SMALL else ("array", id(x))
    try:
        hash(x)
    except TypeError:
        return "object", id(x)
    return type(x), x
