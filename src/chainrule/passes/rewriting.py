"""Making a new graph of a graph, node by node."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chainrule.graph import Graph, Node

__all__ = ["rewritten", "with_inputs", "with_outputs"]


def with_inputs(node: Node, inputs: tuple[Any, ...]) -> Node:
    """The same operation on other inputs; the node itself where they are the same."""
    if all(a is b for a, b in zip(node.inputs, inputs, strict=True)):
        return node
    return Node(node.op, inputs, node.params, node.shape, node.dtype, node.weak, node.group)


def with_outputs(graph: Graph, outputs: Iterable[Any], inputs: Sequence[Node] | None = None) -> Graph:
    """A graph with other outputs, and other inputs where they are given, that holds for the same sizes."""
    made = Graph(graph.inputs if inputs is None else inputs, outputs, graph.name)
    made.specialized, made.least = graph.specialized, graph.least
    return made


def rewritten(graph: Graph, rule: Callable[[Node], Any]) -> Graph:
    """Apply a rule to every operation, inputs first.

    Parameters
    ----------
    graph : Graph
        Stays as it is.
    rule : callable
        Takes a node whose inputs have been rewritten, and returns a node or a constant of the same value.

    Returns
    -------
    Graph
        With the same inputs. What nothing needs any more is gone.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.graph import Node
    >>> from chainrule.ops import PRIMITIVES
    >>> def to_cosine(node):
    ...     cosine = Node(PRIMITIVES["np.cos"], node.inputs, {}, node.shape, node.dtype)
    ...     return cosine if node.name == "np.sin" else node
    >>> print(rewritten(trace(lambda x: np.sin(x) + 1)(np.ones(2)), to_cosine))
    <lambda>(x: float64[2])
      %0 = np.cos(x)      float64[2]
      %1 = np.add(%0, 1)  float64[2]
      return %1
    """
    made: dict[Node, Any] = {}

    def source(x: Any) -> Any:
        return made.get(x, x) if isinstance(x, Node) else x

    for node in graph.nodes:
        made[node] = rule(with_inputs(node, tuple(source(x) for x in node.inputs)))
    return with_outputs(graph, map(source, graph.outputs))
