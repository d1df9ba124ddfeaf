"""What two runs of a function have to have in common for the pattern of one to be that of the other."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops import shapes, sparse
from chainrule.ops.axes import shape_of
from chainrule.trace.tracer import Tracer

__all__ = ["Index", "Key", "key_of"]

#: Hashable: equal for tapes with the same pattern.
Key = tuple[Any, ...]

#: The operations whose index arrays decide what depends on what, with the number of inputs before those.
_INDEXED = {
    shapes.index.name: 1,
    shapes.index_add.name: 1,
    shapes.index_set.name: 2,
    sparse.sparse_matmul.name: 2,
}


class Index:
    """An index array on a tape, and what its entries were.

    Attributes
    ----------
    array : ndarray
        The array itself, which may be the user's own.
    digest : bytes
        Of its entries.
    """

    __slots__ = ("_copy", "array", "digest")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array
        self.digest = _digest(array)
        self._copy: np.ndarray[Any, Any] | None = None

    def watch(self) -> None:
        """Keep a copy of the entries, which is compared in a tenth of the time that a digest takes."""
        self._copy = self.array.copy()

    @property
    def is_as_it_was(self) -> bool:
        """Whether the entries are the same still, as far as they are watched."""
        return self._copy is not None and np.array_equal(self.array, self._copy)


def key_of(entries: Sequence[Node], sources: Sequence[Node], ends: Sequence[Node | None]) -> tuple[Key, list[Index]]:
    """Describe a tape as far as its pattern depends on it.

    Parameters
    ----------
    entries : sequence of Node
        The operations.
    sources, ends : sequence of Node
        The inputs and outputs.

    Returns
    -------
    key : tuple
        Operations with their parameters, shapes, where their inputs come from, and the entries of index arrays.
    indices : list of Index
        Those arrays.
    """
    numbers: dict[Any, int] = {x: k for k, x in enumerate((*sources, *entries))}
    indices: list[Index] = []

    def part(x: Any, is_index: bool) -> Any:
        if type(x) is Node:
            return numbers.get(x)
        if not is_index:
            return shape_of(x)
        if isinstance(x, Tracer):
            return "traced"
        indices.append(Index(np.asarray(x)))
        return indices[-1].digest

    parts = [tuple(x.shape for x in sources)]
    for node in entries:
        first = _INDEXED.get(node.op.name, len(node.inputs))
        inputs = tuple(part(x, k >= first) for k, x in enumerate(node.inputs))
        parts.append((node.op.name, node.shape, inputs, *_parameters(node)))
    return (*parts, tuple(None if x is None else numbers[x] for x in ends)), indices


def _parameters(node: Node) -> tuple[Any, ...]:
    # An operation that holds functions counts as one in which everything depends on everything.
    if not node.params or any(isinstance(x, Graph) for x in node.params.values()):
        return ()
    return tuple((name, repr(x)) for name, x in node.params.items())


def _digest(x: np.ndarray[Any, Any]) -> bytes:
    kind = hashlib.blake2b(repr((x.shape, x.dtype.str)).encode(), digest_size=16)
    kind.update(np.ascontiguousarray(x).data)
    return kind.digest()
