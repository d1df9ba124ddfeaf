"""The reference interpreter: what a graph computes, node by node, in NumPy."""

from typing import Any

from chainrule.errors import OptionError
from chainrule.graph import Graph, Node, topological_order
from chainrule.ops.axes import shape_of

__all__ = ["evaluate", "node_values"]


def node_values(graph: Graph, *values: Any) -> dict[Node, Any]:
    """Compute every node of a graph.

    Parameters
    ----------
    graph : Graph
        What to compute.
    *values : array or number
        One for each input of the graph.

    Returns
    -------
    dict
        The value of each node, inputs included, in topological order.

    Raises
    ------
    OptionError
        Where the number of values or a shape differs from what was recorded.

    Examples
    --------
    >>> from chainrule import trace
    >>> from chainrule.evaluate import node_values
    >>> list(node_values(trace(lambda x: x * x + 1.0)(1.0), 3.0).values())
    [3.0, 9.0, 10.0]
    """
    if len(values) != len(graph.inputs):
        raise OptionError(f"graph {graph.name} has {len(graph.inputs)} inputs, but {len(values)} values were given")
    for node, value in zip(graph.inputs, values, strict=True):
        if shape_of(value) != node.shape:
            raise OptionError(f"{node.name} was recorded with shape {node.shape}, but has shape {shape_of(value)} now")
    found: dict[Node, Any] = dict(zip(graph.inputs, values, strict=True))
    for node in topological_order(graph.outputs):
        if node.op is not None:
            arguments = [found[source] if isinstance(source, Node) else source for source in node.inputs]
            result = node.op(*arguments, **node.params)
            # Python's operators gave a Python number when this was recorded; NumPy's functions give one of NumPy's.
            found[node] = result.item() if node.weak and hasattr(result, "item") else result
    return found


def evaluate(graph: Graph, *values: Any) -> tuple[Any, ...]:
    """Compute the outputs of a graph.

    Parameters
    ----------
    graph : Graph
        What to compute.
    *values : array or number
        One for each input of the graph, of the shape that was recorded.

    Returns
    -------
    tuple
        The value of each output.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.evaluate import evaluate
    >>> graph = trace(lambda x: np.sum(x**2))(np.ones(3))
    >>> float(evaluate(graph, np.array([1.0, 2.0, 3.0]))[0])
    14.0
    """
    found = node_values(graph, *values)
    return tuple(found[output] if isinstance(output, Node) else output for output in graph.outputs)
