"""Functions that choose, find or count entries by their values: which is a constant, and the entries are followed."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert
from chainrule.ops.special import i0
from chainrule.trace.batch import shared_value
from chainrule.trace.creation import array
from chainrule.trace.dispatch import composition
from chainrule.trace.no_value import NO_VALUE

__all__: list[str] = []


@composition(np.unique, "np.unique")
def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    ar = with_dtype(ar)
    known = shared_value(ar, "np.unique")
    _, where, inverse, counts = np.unique(known, True, True, True, axis, equal_nan=equal_nan)
    found = np.ravel(ar)[where] if axis is None else np.take(ar, where, axis)
    asked = ((return_index, where), (return_inverse, inverse), (return_counts, counts))
    others = tuple(part for is_asked, part in asked if is_asked)
    return (found, *others) if others else found


@composition(np.unique_values, "np.unique_values")
def _unique_values(x: Any) -> Any:
    return _unique(x, equal_nan=False)


@composition(np.union1d, "np.union1d")
def _union1d(ar1: Any, ar2: Any) -> Any:
    return _unique(np.concatenate((ar1, ar2), axis=None))


@composition(np.isin, "np.isin")
def _isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    element = with_dtype(element)
    equal = np.any(np.expand_dims(element, -1) == np.ravel(array(test_elements)), axis=-1)
    return np.logical_not(equal) if invert else equal


@composition(np.lexsort, "np.lexsort")
def _lexsort(keys: Any, axis: int = -1) -> Any:
    # The last key counts first, so that it sorts last; an order that is stable keeps that of the others.
    order = None
    for key in keys:
        here = key if order is None else np.take_along_axis(key, order, axis)
        found = np.argsort(here, axis=axis, kind="stable")
        order = found if order is None else np.take_along_axis(order, found, axis)
    if order is None:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    return order


@composition(np.sort_complex, "np.sort_complex")
def _sort_complex(a: Any) -> Any:
    a = with_dtype(a)
    # NumPy's rule: single precision for complex numbers of it and for the small integers alone.
    is_single = a.dtype.char == "F" or (a.dtype.kind in "iu" and a.dtype.itemsize <= 2)
    return np.sort(convert(a, np.dtype(np.complex64 if is_single else np.complex128)))


@composition(np.trim_zeros, "np.trim_zeros")
def _trim_zeros(filt: Any, trim: str = "fb") -> Any:
    if len(shape_of(filt)) != 1:
        raise TraceError(f"np.trim_zeros is followed for vectors, and got an array of shape {filt.shape}.{user_line()}")
    (places,) = np.nonzero(shared_value(filt, "np.trim_zeros"))
    first = int(places[0]) if "f" in trim.lower() and len(places) else 0
    last = int(places[-1]) + 1 if "b" in trim.lower() and len(places) else shape_of(filt)[0]
    return filt[first:last] if len(places) else filt[:0]


@composition(np.choose, "np.choose")
def _choose(a: Any, choices: Any, *, mode: str = "raise") -> Any:
    parts, places = np.stack(np.broadcast_arrays(*choices)), with_dtype(a)
    if mode == "raise" and np.any((places < 0) | (places >= len(choices))):
        raise ValueError("invalid entry in choice array")
    places = places % len(choices) if mode == "wrap" else np.clip(places, 0, len(choices) - 1)
    shape = np.broadcast_shapes(shape_of(places), shape_of(parts)[1:])
    parts = np.broadcast_to(parts, (len(choices), *shape))
    return np.take_along_axis(parts, np.broadcast_to(places, shape)[None], axis=0)[0]


@composition(np.array_equiv, "np.array_equiv")
def _array_equiv(a1: Any, a2: Any) -> Any:
    try:
        np.broadcast_shapes(shape_of(with_dtype(a1)), shape_of(with_dtype(a2)))
    except ValueError:
        return False
    return np.all(np.equal(a1, a2))


# Histograms: the counts are constant between the edges of the bins; the weights in each bin are added up.


@composition(np.histogram_bin_edges, "np.histogram_bin_edges")
def _histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    if isinstance(bins, str):
        # How many there are is constant between the places where it changes.
        known = shared_value(with_dtype(a), "np.histogram_bin_edges")
        bins = len(np.histogram_bin_edges(known, bins, range)) - 1
    if np.ndim(bins) == 1:
        return with_dtype(bins)
    a = np.ravel(a)
    low, high = (0.0, 1.0) if range is None and a.size == 0 else (np.min(a), np.max(a)) if range is None else range
    same = np.equal(low, high)
    edges = np.linspace(np.where(same, low - 0.5, low), np.where(same, high + 0.5, high), int(bins) + 1)
    # In the precision of the entries, which a range of Python numbers does not widen.
    ends = (0.0 if getattr(x, "weak", False) else getattr(x, "dtype", x) for x in (low, high))
    wide: Any = np.result_type(*ends, a.dtype)
    return edges if wide.kind not in "fc" else convert(edges, wide)


@composition(np.histogram, "np.histogram")
def _histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    edges, points = _histogram_bin_edges(a, bins, range), np.ravel(a)
    # Bins are open on the right, but for the last.
    count = shape_of(edges)[0] - 1
    place = np.where(points == edges[-1], count - 1, np.searchsorted(edges, points, "right") - 1)
    inside = (points >= edges[0]) & (points <= edges[-1])
    # Entry j, k tells whether point j is in bin k.
    where = inside[:, None] & (place[:, None] == np.arange(count))
    heights = np.sum(where, axis=0) if weights is None else np.sum(where * np.ravel(weights)[:, None], axis=0)
    return (heights / np.diff(edges) / np.sum(heights) if density else heights), edges


# What tells of shapes, dtypes and memory alone.


@composition(np.tril_indices_from, "np.tril_indices_from")
def _tril_indices_from(arr: Any, k: int = 0) -> Any:
    return np.tril_indices(arr.shape[-2], k=k, m=arr.shape[-1])


@composition(np.triu_indices_from, "np.triu_indices_from")
def _triu_indices_from(arr: Any, k: int = 0) -> Any:
    return np.triu_indices(arr.shape[-2], k=k, m=arr.shape[-1])


@composition(np.diag_indices_from, "np.diag_indices_from")
def _diag_indices_from(arr: Any) -> Any:
    if len(set(arr.shape)) != 1 or len(arr.shape) < 2:
        raise ValueError("All dimensions of input must be of equal length")
    return np.diag_indices(arr.shape[0], len(arr.shape))


@composition(np.common_type, "np.common_type")
def _common_type(*arrays: Any) -> Any:
    return np.common_type(*(np.empty(0, with_dtype(x).dtype) for x in arrays))


def _text(write: Any, name: str) -> None:
    def follow(a: Any, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None) -> Any:
        known = shared_value(a, name)
        if known is NO_VALUE:
            raise TraceError(f"{name}: the values to write are not known while this is compiled.{user_line()}")
        return write(known, max_line_width, precision, suppress_small)

    composition(write, name)(follow)


_text(np.array2string, "np.array2string")
_text(np.array_repr, "np.array_repr")
_text(np.array_str, "np.array_str")


@composition(np.lib.stride_tricks.sliding_window_view, "np.lib.stride_tricks.sliding_window_view")
def _sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    lengths = tuple(np.atleast_1d(window_shape).tolist())
    axes = tuple(range(x.ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, x.ndim, None, True)
    if writeable:
        raise TraceError(f"np.lib.stride_tricks.sliding_window_view: writeable=True is not followed.{user_line()}")
    if len(lengths) != len(axes):
        raise ValueError("Must provide matching length window_shape and axis")
    for place, length in zip(axes, lengths, strict=True):
        count = x.shape[place] - length + 1
        if length < 0 or count <= 0:
            raise ValueError("window shape cannot be larger than input array shape")
        # The window becomes the last axis.
        rows = np.arange(count)[:, None] + np.arange(length)
        x = np.moveaxis(np.take(x, rows, axis=place), place + 1, -1)
    return x


@composition(np.i0, "np.i0")
def _i0(x: Any) -> Any:
    return i0(x)
