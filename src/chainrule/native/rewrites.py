"""Operations put in terms of others, for which there are better kernels."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops.products import matmul, split_subscripts
from chainrule.ops.shapes import SLOT, transpose
from chainrule.passes.rewriting import rewritten

__all__ = ["in_terms_of_kernels"]


def in_terms_of_kernels(graph: Graph) -> Graph:
    """Make matrix products of the sums of products that are some, and index arrays of masks that are known.

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
    """``ij,jk->ik`` in any order of axes; views of a transpose cost nothing."""
    terms, result = split_subscripts(node.params["subscripts"])
    if len(terms) != 2 or not all(isinstance(x, Node) and x.dtype == node.dtype for x in node.inputs):
        return node
    shared = set(terms[0]) & set(terms[1])
    lengths = [dict(zip(term, x.shape, strict=True)) for term, x in zip(terms, node.inputs, strict=True)]
    if len(shared) != 1 or shared & set(result) or any(lengths[0][k] != lengths[1][k] for k in shared):
        return node
    if len(result) != len(terms[0]) + len(terms[1]) - 2 or max(map(len, terms)) > 2:
        return node
    (inner,) = shared
    x, y = (_turned(x, term, inner, last) for x, term, last in zip(node.inputs, terms, (True, False), strict=True))
    outer = [letter for term in terms for letter in term if letter != inner]
    shape = tuple({**lengths[0], **lengths[1]}[letter] for letter in outer)
    product = Node(matmul, (x, y), {}, shape, node.dtype, False, node.group)
    return product if outer == list(result) else _transposed(product)


def _turned(x: Node, term: str, inner: str, last: bool) -> Node:
    """A factor with the axis that is summed over last, or first."""
    return _transposed(x) if len(term) == 2 and (term[1] == inner) != last else x


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


_RULES = {"np.einsum": _einsum, "index": _with_places, "index_set": _with_places, "index_add": _with_places}
