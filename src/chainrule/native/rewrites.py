"""Operations put in terms of others, for which there are better kernels."""

from collections import Counter
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.einsum import as_product
from chainrule.native.factoring import factored_once, swaps_last
from chainrule.ops import PRIMITIVES, reductions
from chainrule.ops.axes import normalize_axes
from chainrule.ops.cholesky import cholesky
from chainrule.ops.linalg import solve_triangular
from chainrule.ops.products import matmul
from chainrule.ops.shapes import SLOT, reshape, transpose
from chainrule.passes.rewriting import rewritten

__all__ = ["in_terms_of_kernels"]

_NEGATIVE = PRIMITIVES["np.negative"]


def in_terms_of_kernels(graph: Graph) -> Graph:
    """Make matrix products of the sums of products that are some, and index arrays of masks that are known.

    Equations with a Cholesky factor, or the transpose of one, are triangular systems. The sum over the rows of a
    product that is needed for nothing else, which is what the derivative by a row that was added to all others is, is
    the product of a sum. What several operations need the factors of is factored once.

    A product of two transposes is the transpose of a product, of which there is a kernel. A single transpose stays
    where it is: products read it in place (see `chainrule.native.access.views_of`).

    Parameters
    ----------
    graph : Graph
        Stays as it is.

    Returns
    -------
    Graph
        The same graph where there is nothing to do.
    """
    if any(node.op.name in _RULES for node in graph.nodes):
        graph = rewritten(graph, lambda node: _RULES[node.op.name](node) if node.op.name in _RULES else node)
    return factored_once(_with_sums_first(graph))


def _with_sums_first(graph: Graph) -> Graph:
    """``sum_i (A B)_ij`` is ``(sum_i A_ik) B_kj``, and with a minus before the product likewise."""
    if not any(node.op is reductions.sum and _product_in(node) is not None for node in graph.nodes):
        return graph
    readers = Counter(x for node in graph.nodes for x in node.inputs if isinstance(x, Node))
    readers.update(x for x in graph.outputs if isinstance(x, Node))

    def rule(node: Node) -> Node:
        return _sum_of_product(node, readers) if node.op is reductions.sum else node

    return rewritten(graph, rule)


def _product_in(node: Node) -> Node | None:
    """The matrix product that is summed, whatever its sign."""
    x = node.inputs[0]
    while isinstance(x, Node) and x.op is _NEGATIVE:
        x = x.inputs[0]
    return x if isinstance(x, Node) and x.op is matmul else None


def _sum_of_product(node: Node, readers: Counter[Node]) -> Node:
    x, is_negative = node.inputs[0], False
    while isinstance(x, Node) and x.op is _NEGATIVE and readers[x] == 1:
        x, is_negative = x.inputs[0], not is_negative
    if not isinstance(x, Node) or x.op is not matmul or readers[x] != 1 or x.dtype.kind != "f":
        return node
    a, b = x.inputs
    rank = len(x.shape)
    axes = normalize_axes(node.params["axis"], rank)
    if axes != (rank - 2,) or not (isinstance(a, Node) and len(a.shape) >= 2 <= len(b.shape)) or a.shape[-2] == 1:
        return node
    params = {"axis": (len(a.shape) - 2,), "keepdims": True}
    row = Node(reductions.sum, (a,), params, (*a.shape[:-2], 1, a.shape[-1]), a.dtype)
    found = Node(matmul, (row, b), {}, (*x.shape[:-2], 1, x.shape[-1]), x.dtype)
    if not node.params["keepdims"]:
        found = Node(reshape, (found,), {"shape": node.shape}, node.shape, node.dtype)
    return Node(_NEGATIVE, (found,), {}, node.shape, node.dtype) if is_negative else found


def _einsum(node: Node) -> Node:
    """A sum of products that is a matrix product; what is a transpose of one is left with its factors turned."""
    found = as_product(node)
    if found.op is matmul:
        return _product(found)
    if found.op is transpose and isinstance(found.inputs[0], Node) and found.inputs[0].op is matmul:
        return Node(transpose, (_product(found.inputs[0]),), found.params, found.shape, found.dtype)
    return found


def _product(node: Node) -> Node:
    """``A' B'`` is ``(B A)'``."""
    x, y = node.inputs
    if not (_is_transposed(x) and _is_transposed(y)):
        return node
    turned = Node(matmul, (y.inputs[0], x.inputs[0]), {}, node.shape[::-1], node.dtype, False, node.group)
    return _transposed(turned)


def _is_transposed(x: Any) -> bool:
    return isinstance(x, Node) and x.op is transpose and x.params["axes"] == (1, 0)


def _transposed(x: Node) -> Node:
    return Node(transpose, (x,), {"axes": (1, 0)}, x.shape[::-1], x.dtype)


def _with_places(node: Node) -> Node:
    """A mask picks what the index arrays of its true entries pick."""
    first = 2 if node.op.name == "index_set" else 1
    arrays = node.inputs[first:]
    if not any(isinstance(a, np.ndarray) and a.dtype == bool and a.ndim for a in arrays):
        return node
    remaining = iter(arrays)
    template: list[Any] = []
    found: list[Any] = []
    for part in node.params["template"]:
        if part is not SLOT:
            template.append(part)
            continue
        a = next(remaining)
        places = np.nonzero(a) if isinstance(a, np.ndarray) and a.dtype == bool and a.ndim else (a,)
        template += [SLOT] * len(places)
        found += places
    params = {**node.params, "template": tuple(template)}
    return Node(node.op, (*node.inputs[:first], *found), params, node.shape, node.dtype, node.weak, node.group)


def _solve(node: Node) -> Node:
    x, y = node.inputs
    trans = isinstance(x, Node) and x.op is transpose and swaps_last(x.params["axes"])
    factor = x.inputs[0] if trans else x
    if not (isinstance(factor, Node) and factor.op is cholesky and factor.dtype.kind == "f"):
        return node
    params = {"trans": int(trans), "lower": True, "unit_diagonal": False}
    return Node(solve_triangular, (factor, y), params, node.shape, node.dtype, node.weak, node.group)


_RULES = {
    "np.linalg.solve": _solve,
    "np.einsum": _einsum,
    "np.matmul": _product,
    "index": _with_places,
    "index_set": _with_places,
    "index_add": _with_places,
}
