"""Products so small that a loop makes them, together with the operations around them.

With a minibatch of one example the products of a network are of such a kind: rows times a matrix, columns times rows.
"""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops import PRIMITIVES
from chainrule.ops.axes import normalize_axes
from chainrule.ops.reductions import sum as sum_op
from chainrule.ops.shapes import index, reshape, transpose
from chainrule.passes.rewriting import rewritten

__all__ = ["small_products_opened"]

#: A row times a matrix of so few rows is written out.
_WRITTEN_OUT = 4
#: A row times a column of at most so many numbers is a sum in a loop.
_LONGEST = 64

_multiply, _add = PRIMITIVES["np.multiply"], PRIMITIVES["np.add"]


def small_products_opened(graph: Graph) -> Graph:
    """Write the smallest matrix products with multiplications and sums, and sums over one entry without a sum.

    Parameters
    ----------
    graph : Graph
        Stays as it is.

    Returns
    -------
    Graph
        It computes the same, up to the order of the sums.
    """
    return rewritten(graph, lambda node: _RULES[node.op.name](node) if node.op.name in _RULES else node)


def _product(node: Node) -> Node:
    x, y = node.inputs
    if not (_is_matrix(x) and _is_matrix(y)) or node.dtype.kind != "f" or not x.dtype == y.dtype == node.dtype:
        return node
    (rows, inner), columns = x.shape, y.shape[1]
    if inner == 1:
        return _elementwise(_multiply, x, y, node.shape)
    if rows != 1 or not isinstance(inner, int) or inner < 1:
        return node
    if columns == 1 and inner <= _LONGEST:
        column = _transposed(y) if isinstance(y, Node) else y.T
        products = _elementwise(_multiply, x, column, (1, inner))
        return Node(sum_op, (products,), {"axis": (1,), "keepdims": True}, (1, 1), node.dtype)
    if inner > _WRITTEN_OUT:
        return node
    terms = [_elementwise(_multiply, _picked(x, 1, k), _picked(y, 0, k), node.shape) for k in range(inner)]
    total = terms[0]
    for term in terms[1:]:
        total = _elementwise(_add, total, term, node.shape)
    return total


def _sum(node: Node) -> Node:
    (x,) = node.inputs
    if not isinstance(x, Node) or x.dtype != node.dtype or None in x.shape:
        return node
    axes = normalize_axes(node.params["axis"], len(x.shape))
    if any(x.shape[k] != 1 for k in axes):
        return node
    if node.shape == x.shape:
        return x
    return Node(reshape, (x,), {"shape": node.shape}, node.shape, node.dtype)


def _is_matrix(x: Any) -> bool:
    return isinstance(x, Node | np.ndarray) and len(x.shape) == 2


def _elementwise(op: Any, x: Any, y: Any, shape: tuple[Any, ...]) -> Node:
    return Node(op, (x, y), {}, shape, x.dtype)


def _transposed(x: Node) -> Node:
    return Node(transpose, (x,), {"axes": (1, 0)}, x.shape[::-1], x.dtype)


def _picked(x: Any, axis: int, k: int) -> Any:
    """Column or row `k` of a matrix, as a matrix."""
    template = (slice(None),) * axis + (slice(k, k + 1),)
    if not isinstance(x, Node):
        return x[template]
    shape = tuple(1 if i == axis else length for i, length in enumerate(x.shape))
    return Node(index, (x,), {"template": template}, shape, x.dtype)


_RULES = {"np.matmul": _product, "np.sum": _sum}
