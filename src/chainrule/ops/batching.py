"""How each primitive operation works on a whole batch: every input that is batched has the batch as its first axis.

A rule takes the number of examples, the inputs, for each input whether it is batched, and the parameters of the
operation on one example. It returns the results of all examples, the batch first.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops import (
    PRIMITIVES,
    batched_indices,
    fourier,
    linalg,
    lu,
    matrix_functions,
    products,
    random,
    reductions,
    shapes,
    sparse,
)
from chainrule.ops.axes import Axis, normalize_axes, shape_of
from chainrule.ops.batched_indices import Flags, every
from chainrule.ops.op import Op
from chainrule.ops.shapes import SLOT

__all__ = ["BATCHING", "apply_batched"]

Rule = Callable[..., Any]


def apply_batched(op: Op, size: int, args: tuple[Any, ...], batched: Flags, params: dict[str, Any]) -> Any:
    """Apply an operation to a batch.

    Parameters
    ----------
    op : Op
        The operation.
    size : int
        Number of examples.
    args : tuple
        Its inputs; the batched ones with the batch as the first axis.
    batched : tuple of bool
        Which of them are batched; at least one is.
    params : dict
        The parameters of the operation on one example.

    Returns
    -------
    array
        The results, the batch as the first axis.
    """
    rule = BATCHING.get(op.name)
    if rule is not None:
        return rule(size, args, batched, **params)
    if op.name in PRIMITIVES:
        return op(*_aligned(args, batched), **params)
    return _one_by_one(op, size, args, batched, params)


def _aligned(args: tuple[Any, ...], batched: Flags) -> list[Any]:
    """Give the batched inputs axes of length 1 after the batch, so that they broadcast as single examples do."""
    ndim = max(len(shape_of(x)) - b for x, b in zip(args, batched, strict=True))
    return [_padded(x, ndim) if b else x for x, b in zip(args, batched, strict=True)]


def _padded(x: Any, ndim: int) -> Any:
    shape = shape_of(x)
    missing = ndim + 1 - len(shape)
    return shapes.reshape(x, shape=(shape[0],) + (1,) * missing + shape[1:]) if missing else x


def _one_by_one(op: Op, size: int, args: tuple[Any, ...], batched: Flags, params: dict[str, Any]) -> Any:
    # A function with a derivative of its own: what it does with a batch only its code knows.
    rows = [op(*(x[k] if b else x for x, b in zip(args, batched, strict=True)), **params) for k in range(size)]
    return np.stack(rows)


def _reduction(op: Op) -> Rule:
    def rule(size: int, args: tuple[Any, ...], batched: Flags, *, axis: Axis = None, keepdims: bool = False) -> Any:
        axes = tuple(k + 1 for k in normalize_axes(axis, len(shape_of(args[0])) - 1))
        return op(args[0], axis=axes, keepdims=keepdims)

    return rule


def _position(op: Op) -> Rule:
    def rule(
        size: int, args: tuple[Any, ...], batched: Flags, *, axis: int | None = None, keepdims: bool = False
    ) -> Any:
        x = args[0]
        if axis is not None:
            return op(x, axis=axis % (len(shape_of(x)) - 1) + 1, keepdims=keepdims)
        found = op(np.reshape(x, (size, -1)), axis=1, keepdims=False)
        return np.reshape(found, (size,) + (1,) * (len(shape_of(x)) - 1)) if keepdims else found

    return rule


def _along(op: Op) -> Rule:
    def rule(size: int, args: tuple[Any, ...], batched: Flags, *, axis: int, **params: Any) -> Any:
        return op(args[0], axis=axis % (len(shape_of(args[0])) - 1) + 1, **params)

    return rule


def _searchsorted(size: int, args: tuple[Any, ...], batched: Flags, *, side: Any = "left") -> Any:
    a, v = args
    if not batched[0]:
        return reductions.searchsorted(a, v, side=side)
    # Each example has an order of its own: as many entries of it stand before v as are smaller.
    v = every(size, v, batched[1])
    rows = np.reshape(a, (size,) + (1,) * (len(shape_of(v)) - 1) + shape_of(a)[1:])
    before = rows < v[..., None] if side == "left" else rows <= v[..., None]
    return np.count_nonzero(before, axis=-1)


def _reshape(size: int, args: tuple[Any, ...], batched: Flags, *, shape: tuple[int, ...]) -> Any:
    return shapes.reshape(args[0], shape=(size, *shape))


def _transpose(size: int, args: tuple[Any, ...], batched: Flags, *, axes: tuple[int, ...]) -> Any:
    return shapes.transpose(args[0], axes=(0, *(k + 1 for k in axes)))


def _broadcast_to(size: int, args: tuple[Any, ...], batched: Flags, *, shape: tuple[int, ...]) -> Any:
    return shapes.broadcast_to(_padded(args[0], len(shape)), shape=(size, *shape))


def _concatenate(size: int, args: tuple[Any, ...], batched: Flags, *, axis: int) -> Any:
    return shapes.concatenate(*(every(size, x, b) for x, b in zip(args, batched, strict=True)), axis=axis + 1)


def _pad(size: int, args: tuple[Any, ...], batched: Flags, *, widths: tuple[tuple[int, int], ...]) -> Any:
    return shapes.pad_zeros(args[0], widths=((0, 0), *widths))


def _convert(op: Op) -> Rule:
    def rule(size: int, args: tuple[Any, ...], batched: Flags, *, dtype: Any) -> Any:
        return op(args[0], dtype=dtype)

    return rule


def _matmul(size: int, args: tuple[Any, ...], batched: Flags) -> Any:
    x, y = args
    x_ndim, y_ndim = len(shape_of(x)) - batched[0], len(shape_of(y)) - batched[1]
    if not batched[1] and y_ndim <= 2:
        return _rows_times(x, y)
    if not batched[0] and y_ndim == 1 and x_ndim <= 2:
        # (x y^T)^T = y x^T: the vectors of all examples are the rows of one matrix.
        return products.matmul(y, x.T if x_ndim == 2 else x)
    x = np.expand_dims(x, -2) if x_ndim == 1 else x
    y = np.expand_dims(y, -1) if y_ndim == 1 else y
    ndim = max(x_ndim, y_ndim, 2)
    x = _padded(x, ndim) if batched[0] else x
    y = _padded(y, ndim) if batched[1] else y
    found = products.matmul(x, y)
    lost = tuple(axis for axis, gone in ((-2, x_ndim == 1), (-1, y_ndim == 1)) if gone)
    return np.squeeze(found, axis=lost) if lost else found


def _rows_times(x: Any, y: Any) -> Any:
    """The rows of all examples times one matrix or vector: one product instead of one for each example."""
    shape = shape_of(x)
    if len(shape) == 2:
        return products.matmul(x, y)
    rows = shapes.reshape(x, shape=(math.prod(shape[:-1]), shape[-1]))
    return shapes.reshape(products.matmul(rows, y), shape=(*shape[:-1], *shape_of(y)[1:]))


def _einsum(size: int, args: tuple[Any, ...], batched: Flags, *, subscripts: str) -> Any:
    terms, result = products.split_subscripts(subscripts)
    letter = next(c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in subscripts)
    terms = [letter + term if b else term for term, b in zip(terms, batched, strict=True)]
    return products.einsum(*args, subscripts=f"{','.join(terms)}->{letter}{result}")


def _convolve(size: int, args: tuple[Any, ...], batched: Flags) -> Any:
    x, y = args
    if not batched[0]:
        x, y, batched = y, x, batched[::-1]
    n, m = shape_of(x)[-1], shape_of(y)[-1]
    # Every stretch of x, with zeros around it, meets y turned round.
    around = shapes.pad_zeros(x, widths=((0, 0), (m - 1, m - 1)))
    places = np.arange(n + m - 1)[:, None] + np.arange(m)
    stretches = shapes.index(around, places, template=(slice(None), SLOT))
    turned = y[..., ::-1]
    return np.einsum("zkj,zj->zk" if batched[1] else "zkj,j->zk", stretches, turned)


def _stacked(op: Op) -> Rule:
    def rule(size: int, args: tuple[Any, ...], batched: Flags, **params: Any) -> Any:
        return op(*_aligned(args, batched), **params)

    return rule


def _in_turn(op: Op) -> Rule:
    def rule(size: int, args: tuple[Any, ...], batched: Flags, **params: Any) -> Any:
        return _one_by_one(op, size, args, batched, params)

    return rule


def _sparse_matmul(
    size: int, args: tuple[Any, ...], batched: Flags, *, shape: tuple[int, int], transposed: bool
) -> Any:
    data, x, indices, indptr = args
    if not batched[0]:
        return _in_columns(sparse.sparse_matmul)(size, args, batched, shape=shape, transposed=transposed)
    # Matrices of one form, whose entries differ.
    starts = sparse.rows_of(indptr)
    rows, columns = (indices, starts) if transposed else (starts, indices)
    count = shape[1 if transposed else 0]
    picked = x[:, columns] if batched[1] else x[columns]
    factors = np.reshape(data, (*shape_of(data), 1)) if len(shape_of(x)) - batched[1] == 2 else data
    ends = shape_of(x)[1 + batched[1] :]
    return shapes.index_add(factors * picked, rows, template=(slice(None), SLOT), shape=(size, count, *ends))


def _in_columns(op: Op) -> Rule:
    """Of a constant matrix times vectors, or of systems of equations with it: the examples are columns."""

    def rule(size: int, args: tuple[Any, ...], batched: Flags, **params: Any) -> Any:
        first, x, *others = args
        if batched[0]:
            return _one_by_one(op, size, args, batched, params)
        front, own = np.moveaxis(x, 0, -1), shape_of(x)[2:]
        found = op(first, np.reshape(front, (shape_of(front)[0], math.prod(own) * size)), *others, **params)
        return np.moveaxis(np.reshape(found, (shape_of(found)[0], *own, size)), -1, 0)

    return rule


def _philox(size: int, args: tuple[Any, ...], batched: Flags, *, count: int) -> Any:
    return random.philox(*_aligned(args, batched), count=count)


def _philox_advance(size: int, args: tuple[Any, ...], batched: Flags, *, blocks: int) -> Any:
    return random.philox_advance(*args, blocks=blocks)


_REDUCTIONS = (
    reductions.sum,
    reductions.prod,
    reductions.amax,
    reductions.amin,
    reductions.any,
    reductions.all,
    reductions.count_nonzero,
)

#: The rules by name. An elementwise operation has none of its own: its inputs are aligned, and NumPy broadcasts.
BATCHING: dict[str, Rule] = {
    **{op.name: _reduction(op) for op in _REDUCTIONS},
    **{op.name: _position(op) for op in (reductions.argmax, reductions.argmin)},
    **{op.name: _along(op) for op in (reductions.cumsum, reductions.cumprod, reductions.argsort)},
    **{op.name: _along(op) for op in fourier.FOURIER},
    **{op.name: _convert(op) for op in (shapes.astype, shapes.to_integer)},
    "np.searchsorted": _searchsorted,
    "np.reshape": _reshape,
    "np.transpose": _transpose,
    "np.broadcast_to": _broadcast_to,
    "np.concatenate": _concatenate,
    "np.pad": _pad,
    "index": batched_indices.index,
    "index_add": batched_indices.index_add,
    "index_set": batched_indices.index_set,
    "np.matmul": _matmul,
    "np.einsum": _einsum,
    "np.convolve": _convolve,
    **{op.name: _stacked(op) for op in (linalg.pinv, *lu.LU, *matrix_functions.MATRIX_FUNCTIONS)},
    matrix_functions.solve_banded.name: _in_turn(matrix_functions.solve_banded),
    sparse.sparse_matmul.name: _sparse_matmul,
    **{op.name: _in_columns(op) for op in (sparse.spsolve, sparse.expm_multiply)},
    "philox": _philox,
    "philox_advance": _philox_advance,
}
