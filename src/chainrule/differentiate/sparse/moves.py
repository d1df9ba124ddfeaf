"""Patterns of the operations that move entries: they are done to the numbers of the entries in place of the entries."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from chainrule.differentiate.sparse.patterns import Pattern, empty, every_row, gathered, scattered, union
from chainrule.graph import Node
from chainrule.ops import shapes
from chainrule.ops.axes import shape_of
from chainrule.ops.sparse import rows_of, sparse_matmul
from chainrule.trace.tracer import Tracer

__all__ = ["MOVES"]

Parts = Sequence[Pattern | None]


def _numbers(x: Any, start: int = 0) -> np.ndarray[Any, Any]:
    """The numbers of the entries of an array, in its shape."""
    shape = shape_of(x)
    return np.arange(start, start + int(np.prod(shape, dtype=int))).reshape(shape)


def _moved(node: Node, parts: Parts) -> Pattern:
    (p,) = parts
    assert p is not None, "an operation of one input has a pattern for it"
    return gathered(p, node.op.evaluate(_numbers(node.inputs[0]), **node.params))


def _same(node: Node, parts: Parts) -> Pattern:
    (p,) = parts
    assert p is not None, "an operation of one input has a pattern for it"
    return p


def _pad(node: Node, parts: Parts) -> Pattern:
    (p,) = parts
    assert p is not None, "an operation of one input has a pattern for it"
    return gathered(p, np.pad(_numbers(node.inputs[0]), node.params["widths"], constant_values=-1))


def _stacked(parts: Parts, inputs: Sequence[Any], columns: int) -> Pattern:
    """The patterns of several arrays as those of one."""
    rows = [empty(_numbers(x).size, columns) if p is None else p for x, p in zip(inputs, parts, strict=True)]
    return sparse.csr_array(sparse.vstack(rows, format="csr"))


def _columns(parts: Parts) -> int:
    return next(int(p.shape[1]) for p in parts if p is not None)


def _concatenate(node: Node, parts: Parts) -> Pattern:
    numbers, start = [], 0
    for x in node.inputs:
        numbers.append(_numbers(x, start))
        start += numbers[-1].size
    return gathered(_stacked(parts, node.inputs, _columns(parts)), np.concatenate(numbers, axis=node.params["axis"]))


def _depends_on_values(node: Node, first: int) -> bool:
    """Whether an index array is traced, so that only a run tells which entries are picked."""
    return any(isinstance(a, (Tracer, Node)) for a in node.inputs[first:])


def _index(node: Node, parts: Parts) -> Pattern:
    p = parts[0]
    assert p is not None, "the indices have no derivative"
    if _depends_on_values(node, 1):
        return every_row([p], node.size)
    return gathered(p, np.asarray(node.op.evaluate(_numbers(node.inputs[0]), *node.inputs[1:], **node.params)))


def _index_add(node: Node, parts: Parts) -> Pattern:
    p = parts[0]
    assert p is not None, "the indices have no derivative"
    if _depends_on_values(node, 1):
        return every_row([p], node.size)
    arrays = node.inputs[1:]
    template = shapes.fill(node.params["template"], arrays) if arrays else node.params["template"]
    targets = np.asarray(_numbers(node)[template])
    sources = np.broadcast_to(_numbers(node.inputs[0]), targets.shape)
    return scattered(p, sources, targets, node.size)


def _index_set(node: Node, parts: Parts) -> Pattern:
    x, item = node.inputs[:2]
    both = _stacked(parts[:2], (x, item), _columns(parts))
    if _depends_on_values(node, 2):
        return every_row([both], node.size)
    numbers = _numbers(x)
    after = node.op.evaluate(numbers, _numbers(item, numbers.size), *node.inputs[2:], **node.params)
    return gathered(both, after)


def _sparse_matmul(node: Node, parts: Parts) -> Pattern:
    """Rows of the result take entries of the matrix, and the rows of the other factor that are their columns."""
    if _depends_on_values(node, 2):
        return every_row([p for p in parts if p is not None], node.size)
    data, x, indices, indptr = node.inputs
    outer = rows_of(np.asarray(indptr))
    rows, columns = (indices, outer) if node.params["transposed"] else (outer, indices)
    targets = _numbers(node).reshape(node.shape[0], node.size // max(1, node.shape[0]))[rows]
    found = []
    if parts[1] is not None:
        sources = _numbers(x).reshape(shape_of(x)[0], targets.shape[1])[columns]
        found.append(scattered(parts[1], sources, targets, node.size))
    if parts[0] is not None:
        entries = np.broadcast_to(_numbers(data)[:, None], targets.shape)
        found.append(scattered(parts[0], entries, targets, node.size))
    return union(found)


#: The rules by name of the operation.
MOVES: dict[str, Callable[[Node, Parts], Pattern]] = {
    **{op.name: _moved for op in (shapes.reshape, shapes.transpose, shapes.broadcast_to)},
    shapes.astype.name: _same,
    shapes.pad_zeros.name: _pad,
    shapes.concatenate.name: _concatenate,
    shapes.index.name: _index,
    shapes.index_add.name: _index_add,
    shapes.index_set.name: _index_set,
    sparse_matmul.name: _sparse_matmul,
}
