"""Computing what does not depend on the inputs."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.lengths import Length, Quotient
from chainrule.passes.rewriting import rewritten
from chainrule.passes.spread import is_elementwise, is_one_number

__all__ = ["fold"]

#: An array of more bytes is not made ahead of time: it would be stored with the program instead of the little that it
#: follows from.
_LIMIT = 1 << 16


def fold(graph: Graph) -> Graph:
    """Replace operations on constants by their values.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    Graph
        Without operations that read no node, but for those whose result is large, and not one number throughout, or
        follows from the leading size.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.graph import Graph, Node
    >>> from chainrule.ops import PRIMITIVES
    >>> four = Node(PRIMITIVES["np.add"], (np.float64(1), np.float64(3)), {}, (), np.dtype(float))
    >>> fold(Graph((), (four,))).outputs
    (np.float64(4.0),)
    """
    return rewritten(graph, _folded)


def _folded(node: Node) -> Any:
    if any(isinstance(x, (Node, Length, Quotient)) for x in node.inputs) or not node.inputs:
        return node
    if isinstance(node.dtype, tuple) or not _is_fixed((node.shape, tuple(node.params.values()))):
        return node
    if node.size * node.dtype.itemsize > _LIMIT:
        return _of_one_number(node)
    with np.errstate(all="ignore"):
        value = node.op.evaluate(*node.inputs, **node.params)
    if node.weak is True:
        return value.item() if hasattr(value, "item") else value
    return np.asarray(value, node.dtype)[()]


def _of_one_number(node: Node) -> Any:
    """An elementwise operation on arrays of equal entries, made for one of them; what repeats it is a view."""
    if not is_elementwise(node) or not all(np.ndim(x) == 0 or is_one_number(x) for x in node.inputs):
        return node
    with np.errstate(all="ignore"):
        one = node.op.evaluate(*(x[(slice(1),) * x.ndim] if np.ndim(x) else x for x in node.inputs), **node.params)
    return np.broadcast_to(np.asarray(one, node.dtype), node.shape) if np.size(one) == 1 else node


def _is_fixed(x: Any) -> bool:
    """True where a nesting of tuples and slices holds no number that follows from n, and no graph."""
    if isinstance(x, tuple):
        return all(_is_fixed(part) for part in x)
    if isinstance(x, slice):
        return _is_fixed((x.start, x.stop, x.step))
    return not isinstance(x, (Length, Quotient, Graph))
