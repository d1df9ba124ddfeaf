"""What two graphs have in common that compute the same by the same operations."""

from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node, topological_order

__all__ = ["graph_key", "key_of"]

_SMALL = 64


def graph_key(graph: Graph) -> Hashable:
    """Write a graph as a key: structure, shapes, dtypes, parameters, and constants by their bits.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    hashable
        Equal for two graphs only where they compute the same bits. An operation that a function defines anew at every
        call, such as one of `chainrule.custom_gradient`, is another one each time.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> double, also, triple = (trace(lambda x, k=k: k * x)(np.ones(3)) for k in (2.0, 2.0, 3.0))
    >>> graph_key(double) == graph_key(also), graph_key(double) == graph_key(triple)
    (True, False)
    """
    numbers: dict[Node, int] = {}
    for node in (*graph.inputs, *topological_order(graph.outputs)):
        numbers.setdefault(node, len(numbers))

    def number(node: Node) -> Hashable:
        return "node", numbers[node]

    return (
        len(graph.inputs),
        tuple(_node_key(node, number) for node in numbers),
        tuple(key_of(x, number) for x in graph.outputs),
    )


def _node_key(node: Node, number: Callable[[Node], Hashable]) -> Hashable:
    what = (node.shape, node.dtype, node.weak)
    if node.op is None:
        return what
    params = tuple((name, key_of(value, number)) for name, value in sorted(node.params.items()))
    return node.op, tuple(key_of(x, number) for x in node.inputs), params, *what


def key_of(x: Any, of_node: Callable[[Node], Hashable]) -> Hashable:
    """Write an input or a parameter of an operation as a key.

    Parameters
    ----------
    x : object
        A node, a constant, or whatever stands among the parameters.
    of_node : callable
        The key of a node.

    Returns
    -------
    hashable
        Equal for equal values; of what cannot be compared each object has its own.
    """
    if isinstance(x, Node):
        return of_node(x)
    if isinstance(x, Graph):
        return graph_key(x)
    if isinstance(x, (tuple, list)):
        return type(x), tuple(key_of(part, of_node) for part in x)
    if isinstance(x, slice):
        return "slice", tuple(key_of(part, of_node) for part in (x.start, x.stop, x.step))
    if isinstance(x, (np.ndarray, np.generic, float, complex)):
        # By its bits, since 0.0 equals -0.0, and NaN does not equal itself.
        array = np.asarray(x)
        raw = array.tobytes() if array.nbytes <= _SMALL else blake2b(np.ascontiguousarray(array).data).digest()
        return type(x), array.shape, array.dtype, raw
    try:
        hash(x)
    except TypeError:
        return _Same(x)
    return type(x), x


class _Same:
    """An object that is equal to itself alone, and is kept for as long as a key has it."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)
