"""Computing once what is computed twice."""

from typing import Any

from chainrule.graph import Graph, Node
from chainrule.passes.keys import key_of
from chainrule.passes.rewriting import rewritten

__all__ = ["share"]


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
        params = tuple((name, key_of(value, _itself)) for name, value in sorted(node.params.items()))
        inputs = tuple(key_of(x, _itself) for x in node.inputs)
        return known.setdefault((node.op, inputs, params, node.weak), node)

    return rewritten(graph, shared)


def _itself(node: Node) -> Node:
    return node
