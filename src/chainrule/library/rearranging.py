"""Functions that turn, delete, insert and repeat entries, count by weights, and join along a third axis."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import shapes
from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import SLOT, cast, convert
from chainrule.trace.batch import shared_value
from chainrule.trace.dispatch import composition, has_tracer
from chainrule.trace.no_value import NO_VALUE

__all__: list[str] = []


@composition(np.rot90, "np.rot90", on_handles=True)
def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    first, second = (normalize_axes((axis,), m.ndim)[0] for axis in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return np.flip(m, (first, second))
    if k == 1:
        return np.swapaxes(np.flip(m, second), first, second)
    return np.flip(np.swapaxes(m, first, second), second)


@composition(np.rollaxis, "np.rollaxis", on_handles=True)
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    (place,) = normalize_axes((axis,), a.ndim)
    if not -a.ndim <= start <= a.ndim:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-a.ndim} <= start < {a.ndim + 1}, but {start} was passed in"
        )
    start += a.ndim * (start < 0)
    return np.moveaxis(a, place, start - (place < start))


@composition(np.dstack, "np.dstack")
def _dstack(tup: Any) -> Any:
    parts = np.atleast_3d(*tup)
    return np.concatenate(parts if isinstance(parts, (list, tuple)) else [parts], axis=2)


@composition(np.dsplit, "np.dsplit", on_handles=True)
def _dsplit(ary: Any, indices_or_sections: Any) -> Any:
    if ary.ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return np.split(ary, indices_or_sections, 2)


@composition(np.unstack, "np.unstack", on_handles=True)
def _unstack(x: Any, /, *, axis: int = 0) -> Any:
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    front = np.moveaxis(x, axis, 0)
    return tuple(front[k] for k in range(front.shape[0]))


@composition(np.diagflat, "np.diagflat")
def _diagflat(v: Any, k: int = 0) -> Any:
    return np.diag(np.reshape(v, (-1,)), k)


@composition(np.resize, "np.resize")
def _resize(a: Any, new_shape: Any) -> Any:
    shape = tuple(np.atleast_1d(new_shape).tolist())
    entries = np.reshape(a, (-1,))
    count = int(np.prod(shape))
    if entries.shape[0] == 0:
        return np.zeros(shape, a.dtype)
    return np.reshape(np.take(entries, np.arange(count) % entries.shape[0]), shape)


def _whole_numbers(x: Any, name: str, what: str) -> Any:
    """What places or counts are given by, as plain numbers."""
    known = shared_value(with_dtype(x), name)
    if known is NO_VALUE:
        raise TraceError(f"{name}: {what} is not known here, so that the shape of the result is not.{user_line()}")
    return known


@composition(np.delete, "np.delete")
def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = np.reshape(arr, (-1,)), 0
    if not isinstance(obj, slice):
        obj = _whole_numbers(obj, "np.delete", "obj")
    (place,) = normalize_axes((axis,), len(shape_of(arr)))
    return np.take(arr, np.delete(np.arange(shape_of(arr)[place]), obj), axis=place)


@composition(np.insert, "np.insert")
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    arr, values = with_dtype(arr), with_dtype(values)
    if axis is None:
        arr, axis = np.reshape(arr, (-1,)), 0
    (place,) = normalize_axes((axis,), len(shape_of(arr)))
    shape = shape_of(arr)
    places = np.arange(shape[place])[obj] if isinstance(obj, slice) else _whole_numbers(obj, "np.insert", "obj")
    values = np.reshape(values, (1,) * (len(shape) - len(shape_of(values))) + shape_of(values))
    if places.ndim == 0:
        values = np.moveaxis(values, 0, place)
    # NumPy says which entry goes where, of numbered entries: those to insert have numbers below 0.
    count = shape_of(values)[place] if places.size == 1 else places.size
    grown = np.insert(np.arange(shape[place]), places, np.full(count, -1))
    inserted = np.flatnonzero(grown < 0)
    item = np.broadcast_to(values, tuple(count if k == place else n for k, n in enumerate(shape)))
    if shape[place] == 0:
        return convert(item, arr.dtype)
    whole = np.take(arr, np.maximum(grown, 0), axis=place)
    return shapes.index_set(whole, item, inserted, template=(*(slice(None),) * place, SLOT))


@composition(np.bincount, "np.bincount")
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = _whole_numbers(x, "np.bincount", "x")
    if weights is None or not has_tracer((weights,)):
        return np.bincount(places, weights, minlength)
    length = max(int(np.max(places, initial=-1)) + 1, minlength)
    wide = cast(weights, np.dtype(np.float64), "safe")
    return shapes.index_add(wide, places, template=(SLOT,), shape=(length,))


@composition(np.astype, "np.astype")
def _astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    return x if not copy and x.dtype == dtype else convert(x, np.dtype(dtype))


@composition(np.meshgrid, "np.meshgrid")
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    ndim = len(xi)
    places = [1, 0, *range(2, ndim)] if indexing == "xy" and ndim > 1 else list(range(ndim))
    made = [
        np.reshape(x, tuple(-1 if k == place else 1 for k in range(ndim))) for x, place in zip(xi, places, strict=True)
    ]
    return tuple(made) if sparse else tuple(np.broadcast_arrays(*made))
