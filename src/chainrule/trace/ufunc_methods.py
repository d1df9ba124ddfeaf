"""The methods of ufuncs: reduce, accumulate, reduceat, outer and at.

What NumPy has as a function of its own goes there, such as ``np.add.reduce`` to `np.sum`. Of the other functions that
do not depend on how operands are grouped, f(f(x, y), z) = f(x, f(y, z)), a reduction joins one half of an axis with the
other again and again, and a running one joins each stretch with the one before it (W. D. Hillis, G. L. Steele, "Data
parallel algorithms", 1986): as many operations as the logarithm of the length.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import shapes
from chainrule.ops.axes import Axis, axis_of_reduction, normalize_axes, shape_of
from chainrule.ops.shapes import SLOT, convert
from chainrule.trace.assignment import update
from chainrule.trace.indexing import split_index
from chainrule.trace.tracer import Tracer

__all__ = ["METHODS", "add_at", "outer_operands", "write_at"]

_NOTHING: Any = object()

#: Functions of NumPy's own that reduce.
_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}

#: The others for which grouping does not matter, each with what changes nothing; None where only NaN does.
_ASSOCIATIVE: dict[np.ufunc, Any] = {
    np.logaddexp: -np.inf,
    np.logaddexp2: -np.inf,
    np.hypot: 0,
    np.fmax: np.nan,
    np.fmin: np.nan,
    np.logical_xor: False,
    np.bitwise_and: -1,
    np.bitwise_or: 0,
    np.bitwise_xor: 0,
}
_LOGICAL = (np.logical_and, np.logical_or, np.logical_xor)


# Reductions.


def _given(**arguments: Any) -> dict[str, Any]:
    """Arguments that are not left at their default."""
    return {name: x for name, x in arguments.items() if x is not _NOTHING and x is not True and x is not None}


def _by_function(ufunc: np.ufunc, reduce: Callable[..., Any]) -> Callable[..., Any]:
    def follow(
        array: Any,
        axis: Axis = 0,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = _NOTHING,
        where: Any = True,
    ) -> Any:
        x = _prepared(ufunc, array, dtype)
        return reduce(x, axis=axis, keepdims=keepdims, **_given(initial=initial, where=where))

    return follow


def _prepared(ufunc: np.ufunc, array: Any, dtype: Any) -> Any:
    if ufunc in _LOGICAL and array.dtype != bool:
        return array != 0
    return array if dtype is None else convert(array, np.dtype(dtype))


def _by_halves(ufunc: np.ufunc, neutral: Any) -> Callable[..., Any]:
    def follow(
        array: Any,
        axis: Axis = 0,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = _NOTHING,
        where: Any = True,
    ) -> Any:
        x = _prepared(ufunc, array, dtype)
        if where is not True:
            x = np.where(where, x, x.dtype.type(neutral))
        shape = shape_of(x)
        axes = normalize_axes(axis_of_reduction(x, axis), len(shape))
        kept = tuple(k for k in range(len(shape)) if k not in axes)
        rest = tuple(shape[k] for k in kept)
        x = np.reshape(np.transpose(x, axes + kept), (math.prod(shape[k] for k in axes), *rest))
        if not x.shape[0]:
            if initial is _NOTHING and ufunc.identity is None:
                raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
            x = np.full((1, *rest), neutral, x.dtype)
        while (length := x.shape[0]) > 1:
            half = length // 2
            joined = ufunc(x[:half], x[half : 2 * half])
            x = np.concatenate([joined, x[2 * half :]]) if length % 2 else joined
        found = x[0] if initial is _NOTHING else ufunc(x[0], initial)
        return np.expand_dims(found, axes) if keepdims else found

    return follow


def _subtract_reduce(array: Any, axis: int = 0, dtype: Any = None, keepdims: bool = False) -> Any:
    x = np.moveaxis(_prepared(np.subtract, array, dtype), axis, 0)
    if not x.shape[0]:
        raise ValueError("zero-size array to reduction operation subtract which has no identity")
    found = x[0] - np.sum(x[1:], axis=0)
    return np.expand_dims(found, axis) if keepdims else found


# Running reductions.


def _by_stretches(ufunc: np.ufunc) -> Callable[..., Any]:
    def follow(array: Any, axis: int = 0, dtype: Any = None) -> Any:
        x = np.moveaxis(_prepared(ufunc, array, dtype), axis, 0)
        length, step = x.shape[0], 1
        # Entry k holds what the `step` entries up to it make.
        while step < length:
            x = np.concatenate([x[:step], ufunc(x[:-step], x[step:])])
            step *= 2
        return np.moveaxis(x, 0, axis)

    return follow


def _running(run: Callable[..., Any]) -> Callable[..., Any]:
    return lambda array, axis=0, dtype=None: run(array, axis=axis, dtype=dtype)


def _subtract_accumulate(array: Any, axis: int = 0, dtype: Any = None) -> Any:
    # x0 - x1 - x2 = -(-x0 + x1 + x2)
    x = np.moveaxis(_prepared(np.subtract, array, dtype), axis, 0)
    return np.moveaxis(-np.cumsum(np.concatenate([-x[:1], x[1:]]), axis=0), 0, axis)


# Reductions of stretches.


def _stretches(name: str, indices: Any, length: int) -> list[tuple[int, int]]:
    """Where each stretch begins and ends: up to the next index, and one entry where that is no larger."""
    if isinstance(indices, Tracer):
        raise TraceError(f"{name}: argument indices= is not followed where it is traced.{user_line()}")
    starts = [int(k) for k in np.asarray(indices)]
    for k in starts:
        if not 0 <= k < length:
            raise IndexError(f"index {k} out-of-bounds in {name} [0, {length})")
    return [(k, max(end, k + 1)) for k, end in zip(starts, [*starts[1:], length], strict=True)]


def _by_stretch(ufunc: np.ufunc, reduce: Callable[..., Any]) -> Callable[..., Any]:
    name = f"np.{ufunc.__name__}.reduceat"

    def follow(array: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
        x = np.moveaxis(_prepared(ufunc, array, dtype), axis, 0)
        parts = [reduce(x[start:end], 0, keepdims=True) for start, end in _stretches(name, indices, x.shape[0])]
        return np.moveaxis(np.concatenate(parts) if parts else x[:0], 0, axis)

    return follow


def _add_by_stretch(array: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    # Each entry is added to the places of its stretches, all at once.
    x = np.moveaxis(_prepared(np.add, array, dtype), axis, 0)
    bounds = _stretches("np.add.reduceat", indices, x.shape[0])
    if not bounds:
        return np.moveaxis(x[:0], 0, axis)
    taken = np.concatenate([np.arange(start, end) for start, end in bounds])
    places = np.repeat(np.arange(len(bounds)), [end - start for start, end in bounds])
    found = shapes.index_add(x[taken], places, template=(SLOT,), shape=(len(bounds), *x.shape[1:]))
    return np.moveaxis(found, 0, axis)


#: How a method of a ufunc is followed; what is not here is refused.
METHODS: dict[str, dict[np.ufunc, Callable[..., Any]]] = {
    "reduce": {
        **{ufunc: _by_function(ufunc, reduce) for ufunc, reduce in _REDUCTIONS.items()},
        **{ufunc: _by_halves(ufunc, neutral) for ufunc, neutral in _ASSOCIATIVE.items()},
        np.subtract: _subtract_reduce,
    },
    "accumulate": {
        np.add: _running(np.cumsum),
        np.multiply: _running(np.cumprod),
        np.subtract: _subtract_accumulate,
        **{
            ufunc: _by_stretches(ufunc) for ufunc in (*_REDUCTIONS, *_ASSOCIATIVE) if ufunc not in (np.add, np.multiply)
        },
    },
}
METHODS["reduceat"] = {
    ufunc: _add_by_stretch if ufunc is np.add else _by_stretch(ufunc, reduce)
    for ufunc, reduce in METHODS["reduce"].items()
}


# Outer products, and writing at places that may come more than once.


def outer_operands(ufunc: np.ufunc, *operands: Any) -> tuple[Any, Any]:
    """Shape two operands so that the function of them has every pair."""
    if ufunc.nin != 2:
        raise ValueError(f"outer product only supported for binary functions, and {ufunc.__name__} is none")
    a, b = (x if hasattr(x, "shape") else np.asarray(x) for x in operands)
    return np.reshape(a, shape_of(a) + (1,) * len(shape_of(b))), b


def _target(name: str, target: Any) -> Tracer:
    if not isinstance(target, Tracer):
        raise TraceError(
            f"{name}.at was asked to write a traced value into a plain array, which cannot take it. Make the array "
            f"inside the function.{user_line()}"
        )
    return target


def add_at(ufunc: np.ufunc, name: str, target: Any, indices: Any, values: Any) -> None:
    """Add to or subtract from entries, as often as each is named."""
    target = _target(name, target)
    template, arrays = split_index(indices)
    spread = np.broadcast_to(values, np.shape(target[indices]))
    # What comes to one place is summed in the precision in which the array takes it.
    precision = np.result_type(target.dtype, spread.dtype)
    spread = spread if spread.dtype == precision else convert(spread, precision)
    added = shapes.index_add(spread, *arrays, template=template, shape=target.shape)
    update(target, f"{name}.at", ufunc(target, added))


def write_at(ufunc: np.ufunc, name: str, target: Any, indices: Any, *values: Any) -> None:
    """Apply a function to entries one after the other, as often as each is named.

    In one step come all the places that are named for the first time, in the next those named for the second.
    """
    target = _target(name, target)
    if any(isinstance(part, Tracer) for part in split_index(indices)[1]):
        raise TraceError(f"{name}.at: argument indices is not followed where it is traced.{user_line()}")
    numbers = np.arange(math.prod(target.shape)).reshape(target.shape)[indices]
    places = np.reshape(numbers, (-1,))
    order = np.argsort(places, kind="stable")
    first = np.searchsorted(places[order], places[order])
    times = np.empty_like(places)
    times[order] = np.arange(places.size) - first
    spread = [np.reshape(np.broadcast_to(x, numbers.shape), (-1,)) for x in values]
    entries = target.flat
    for k in range(int(times.max(initial=-1)) + 1):
        here = times == k
        update_at = places[here]
        entries[update_at] = ufunc(entries[update_at], *(x[here] for x in spread))
