"""Axes and shapes: the small arithmetic that the structural operations share."""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = [
    "Axis",
    "as_operand",
    "axis_of_reduction",
    "expanded",
    "inverse_order",
    "length_of",
    "normalize_axes",
    "reduced_shape",
    "shape_of",
    "unbroadcast",
    "with_dtype",
]

#: An axis argument as NumPy takes it: None for all, a number, or several.
Axis = int | Sequence[int] | None
_Given = TypeVar("_Given", bound=Axis)

# Names of NumPy's module are looked up in the long way, since it has a `__getattr__`.
_NDARRAY = np.ndarray
_sum = np.add.reduce


def shape_of(x: Any) -> tuple[int, ...]:
    """Shape of an array, a node or a Python number."""
    return tuple(getattr(x, "shape", ()))


def as_operand(x: Any) -> Any:
    """A list or tuple as an array; arrays, traced values and numbers as they are."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


def with_dtype(x: Any) -> Any:
    """A list, tuple or Python number as an array; arrays and traced values as they are."""
    return x if hasattr(x, "dtype") else np.asarray(x)


def normalize_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Write an axis argument as a tuple of distinct numbers from 0 to ndim - 1, as NumPy reads it."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    return np.lib.array_utils.normalize_axis_tuple(axis, ndim)


def axis_of_reduction(x: Any, axis: _Given) -> _Given | None:
    """The axis argument of a sum, product or extreme: of a number NumPy lets it be 0 or -1, which means nothing."""
    return None if (axis == 0 or axis == -1) and not shape_of(x) else axis


def reduced_shape(shape: tuple[int, ...], axis: Axis, keepdims: bool) -> tuple[int, ...]:
    """Shape of a reduction over `axis`."""
    axes = normalize_axes(axis, len(shape))
    if keepdims:
        return tuple(1 if i in axes else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i not in axes)


def expanded(reduced: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """Put the reduced axes back as axes of length 1, so that the result meets an array of `shape`."""
    kept = reduced_shape(shape, axis, keepdims=True)
    # An array's own method takes a third of the time of NumPy's function.
    return reduced.reshape(kept) if type(reduced) is _NDARRAY else np.reshape(reduced, kept)


def length_of(shape: tuple[int, ...], axes: Iterable[int]) -> int:
    """Number of entries along some of the axes."""
    return math.prod(shape[k] for k in axes)


def inverse_order(axes: Sequence[int]) -> tuple[int, ...]:
    """Order of axes that undoes a transposition."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an input of `shape` was broadcast: the transpose of broadcasting."""
    if type(g) is _NDARRAY:
        axes = _known_broadcast_axes(g.shape, shape)
        if axes != ():
            # The ufunc itself takes half the time of np.sum.
            g = _sum(g, axes)
    else:
        axes = _broadcast_axes(g.shape, shape)
        if axes != ():
            g = g.sum(axes)
    return g if g.shape == shape else g.reshape(shape)


def _broadcast_axes(here: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes of `here` along which `shape` was broadcast; None for all."""
    extra = len(here) - len(shape)
    if here[extra:] == shape:
        return tuple(range(extra))
    if not shape:
        return None
    return tuple(range(extra)) + tuple(
        extra + i for i, length in enumerate(shape) if length == 1 and here[extra + i] != 1
    )


# For known lengths alone: those that are open compare in a way of their own.
_known_broadcast_axes = functools.lru_cache(maxsize=1024)(_broadcast_axes)
