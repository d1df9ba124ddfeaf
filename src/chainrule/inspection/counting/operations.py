"""What one operation of a graph costs: multiplications of products, other arithmetic, and bytes moved."""

import math
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Graph, Node
from chainrule.ops.products import split_subscripts

__all__ = ["Cost", "base", "cost_of", "is_view", "multiplications", "nbytes"]

Cost = tuple[int, int, int]
"""Multiplications in matrix products, numbers that all other operations compute or add up, and bytes moved."""

#: What gives another view of the same memory, for which nothing runs.
_VIEWS = ("np.broadcast_to",)


def multiplications(graph: Graph) -> int:
    """Count the multiplications of all products in a graph.

    Parameters
    ----------
    graph : Graph
        As `chainrule.trace` records it, at one size.

    Returns
    -------
    int
        Rows times inner length times columns for a matrix product, entries times columns where a matrix is sparse, the
        product of the lengths of all its axes for ``np.einsum``.

    Raises
    ------
    OptionError
        Where the graph has loops or branches, whose number of rounds only a run tells.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> multiplications(trace(lambda x, w: np.tanh(x @ w))(np.ones((5, 3)), np.ones((3, 4))))
    60
    """
    return sum(cost_of(node)[0] for node in graph.nodes)


def cost_of(node: Node) -> Cost:
    """Count what one operation does.

    Parameters
    ----------
    node : Node
        With an operation.

    Returns
    -------
    tuple of int
        Multiplications of a product; of any other operation the numbers that it computes, or those that it reads where
        they are more; and the bytes that it reads and writes, each array once. A view costs nothing.

    Raises
    ------
    OptionError
        For a loop or a branch.
    """
    if any(isinstance(part, Graph) for part in node.params.values()):
        raise OptionError(f"{node.name} runs as often as a run decides: what it costs cannot be counted in the graph")
    if is_view(node):
        return 0, 0, 0
    moved = nbytes(node) + sum(nbytes(x) for x in set_of(node.inputs))
    if node.name == "np.matmul":
        return node.size * node.inputs[0].shape[-1], 0, moved
    if node.name == "sparse.matmul":
        return math.prod(node.inputs[0].shape) * math.prod(node.shape[1:]), 0, moved
    if node.name == "np.einsum":
        terms, _ = split_subscripts(node.params["subscripts"])
        lengths: dict[str, int] = {}
        for term, operand in zip(terms, node.inputs, strict=True):
            for letter, length in zip(term, np.shape(operand), strict=True):
                lengths[letter] = max(length, lengths.get(letter, 1))
        return math.prod(lengths.values()), 0, moved
    return 0, max(_entries(x) for x in (node, *node.inputs)), moved


def is_view(node: Node) -> bool:
    """Whether the result is the memory of the first input, seen in another way."""
    if node.name == "index":
        # Slices see the same memory; arrays of positions pick entries, which are copied.
        return len(node.inputs) == 1
    return node.op is not None and (node.op.is_view or node.name in _VIEWS)


def base(node: Any) -> Any:
    """Follow views to the node, or the constant, whose memory they see."""
    while isinstance(node, Node) and node.op is not None and is_view(node):
        node = node.inputs[0]
    return node


def nbytes(x: Any) -> int:
    """Bytes of a value: 0 for a plain number, the memory of which is no array's."""
    if isinstance(x, Node):
        if isinstance(x.dtype, tuple):
            return sum(math.prod(s) * d.itemsize for s, d in zip(x.shape, x.dtype, strict=True))
        source = base(x)
        # What is broadcast is read from the little memory that it has.
        return min(x.size * x.dtype.itemsize, nbytes(source)) if source is not x else x.size * x.dtype.itemsize
    if not isinstance(x, np.ndarray):
        return 0
    return min(x.nbytes, x.base.nbytes) if isinstance(x.base, np.ndarray) and 0 in x.strides else x.nbytes


def set_of(inputs: tuple[Any, ...]) -> list[Any]:
    """Each input once."""
    return list({id(x): x for x in inputs}.values())


def _entries(x: Any) -> int:
    if isinstance(x, Node):
        return sum(math.prod(s) for s in x.shape) if isinstance(x.dtype, tuple) else x.size
    return int(np.size(x))
