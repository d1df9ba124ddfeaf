"""Operations put in terms of others, for which there are better kernels."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.einsum import as_product
from chainrule.ops.linalg import cholesky, solve_triangular
from chainrule.ops.products import matmul
from chainrule.ops.shapes import SLOT, transpose
from chainrule.passes.rewriting import rewritten

__all__ = ["in_terms_of_kernels"]


def in_terms_of_kernels(graph: Graph) -> Graph:
    """Make matrix products of the sums of products that are some, and index arrays of masks that are known.

    Equations with a Cholesky factor, or the transpose of one, are triangular systems.

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
    if not any(node.op.name in _RULES for node in graph.nodes):
        return graph
    return rewritten(graph, lambda node: _RULES[node.op.name](node) if node.op.name in _RULES else node)


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
    trans = isinstance(x, Node) and x.op is transpose and _swaps_last(x.params["axes"])
    factor = x.inputs[0] if trans else x
    if not (isinstance(factor, Node) and factor.op is cholesky and factor.dtype.kind == "f"):
        return node
    params = {"trans": int(trans), "lower": True, "unit_diagonal": False}
    return Node(solve_triangular, (factor, y), params, node.shape, node.dtype, node.weak, node.group)


def _swaps_last(axes: tuple[int, ...]) -> bool:
    rank = len(axes)
    return axes == (*range(rank - 2), rank - 1, rank - 2)


_RULES = {
    "np.linalg.solve": _solve,
    "np.einsum": _einsum,
    "np.matmul": _product,
    "index": _with_places,
    "index_set": _with_places,
    "index_add": _with_places,
}
