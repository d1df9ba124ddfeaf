"""Order statistics: partition, medians, quantiles and percentiles, by the entries that a sort puts at their places."""

from typing import Any

import numpy as np

from chainrule.ops.axes import Axis, length_of, normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import convert, strong
from chainrule.trace.arraylike import ArrayLike
from chainrule.trace.dispatch import composition

__all__: list[str] = []

_INTEGER = np.dtype(np.intp)


# NumPy leaves open how the entries on either side of a pivot are ordered; here they are in ascending order.


@composition(np.partition, "np.partition")
def _partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect") -> Any:
    _check_places(a, kth, axis)
    return np.sort(a, axis=axis)


@composition(np.argpartition, "np.argpartition")
def _argpartition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect") -> Any:
    _check_places(a, kth, axis)
    return np.argsort(a, axis=axis)


def _check_places(a: Any, kth: Any, axis: int | None) -> None:
    length = int(a.size if axis is None else shape_of(a)[axis])
    for place in np.atleast_1d(kth).tolist():
        if not -length <= place < length:
            raise ValueError(f"kth(={place}) out of bounds ({length})")


class _Rows:
    """What is reduced over as the last axis of an array in ascending order, NaN last."""

    def __init__(self, a: Any, axis: Axis, keepdims: bool) -> None:
        shape = shape_of(a)
        axes = normalize_axes(axis, len(shape))
        kept = tuple(k for k in range(len(shape)) if k not in axes)
        lengths = tuple(shape[k] for k in kept)
        self.length = length_of(shape, axes)
        row = np.reshape(np.transpose(a, kept + axes), (*lengths, self.length))
        self.ordered = np.sort(row, axis=-1)
        self.result = tuple(1 if k in axes else n for k, n in enumerate(shape)) if keepdims else lengths

    def numbers(self) -> Any:
        """How many entries are not NaN, at least 1, with an axis of length 1 at the end."""
        is_number = ~np.isnan(self.ordered) if self.ordered.dtype.kind in "fc" else np.ones(self.ordered.shape, bool)
        return np.maximum(convert(np.sum(is_number, axis=-1, keepdims=True), np.dtype(float)), 1.0)

    def at(self, places: Any) -> Any:
        """Entries at places, given as whole numbers: the last axis is that of the places."""
        places = convert(places, _INTEGER)
        if not isinstance(places, ArrayLike) and places.ndim == 1:
            return self.ordered[..., places]
        return np.take_along_axis(self.ordered, np.reshape(places, _aligned(places, self.ordered.ndim)), axis=-1)

    def unless_nan(self, found: Any) -> Any:
        """NaN for a row in which there is one."""
        if self.ordered.dtype.kind not in "fc":
            return found
        last = self.ordered[..., -1:]
        return np.where(np.isnan(last), last, found)


def _aligned(x: Any, ndim: int) -> tuple[int, ...]:
    shape = shape_of(x)
    return (1,) * (ndim - len(shape)) + shape


@composition(np.median, "np.median")
def _median(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    rows = _Rows(a, axis, keepdims)
    if rows.length == 0:
        return np.mean(a, axis=axis, keepdims=keepdims)
    middle = rows.ordered[..., (rows.length - 1) // 2 : rows.length // 2 + 1]
    return np.reshape(rows.unless_nan(np.mean(middle, axis=-1, keepdims=True)), rows.result)


@composition(np.nanmedian, "np.nanmedian")
def _nanmedian(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    rows = _Rows(a, axis, keepdims)
    if rows.length == 0:
        return np.mean(a, axis=axis, keepdims=keepdims)
    n = rows.numbers()
    lower, upper = rows.at(np.floor((n - 1) * 0.5)), rows.at(np.floor(n * 0.5))
    return np.reshape(0.5 * (lower + upper), rows.result)


# The quantile q of n entries stands at a place among them, counted from 0. Between two places it is a straight line or
# a step, in one of the ways that R. Hyndman and Y. Fan list: Sample quantiles in statistical packages, The American
# Statistician 50 (1996).

#: Straight lines: alpha and beta of the place n q + alpha + q (1 - alpha - beta) - 1.
_LINES = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}


def _steps(method: str, n: Any, q: Any) -> tuple[Any, Any]:
    """The two entries of which a quantile that is a step is the mean."""
    if method == "inverted_cdf":
        place = np.ceil(n * q) - 1
        return place, place
    if method == "averaged_inverted_cdf":
        return np.ceil(n * q) - 1, np.floor(n * q)
    if method == "closest_observation":
        # The entry whose number, counted from 1, is closest to n q; of two that are equally close the even one.
        place = np.rint(n * q) - 1
        return place, place
    if method == "nearest":
        place = np.rint((n - 1) * q)
        return place, place
    below, above = np.floor((n - 1) * q), np.ceil((n - 1) * q)
    if method == "midpoint":
        return below, above
    if method not in ("lower", "higher"):
        raise ValueError(f"{method!r} is not a valid method of np.quantile")
    return (below, below) if method == "lower" else (above, above)


def _within(place: Any, n: Any) -> Any:
    return np.minimum(np.maximum(place, 0.0), n - 1)


def _quantiles(a: Any, q: Any, axis: Axis, method: str, keepdims: bool, *, ignores_nan: bool) -> Any:
    a, q = strong(with_dtype(a)), q if hasattr(q, "dtype") else np.asarray(q) if np.ndim(q) else q
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    if not isinstance(q, ArrayLike) and not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    is_weak = not hasattr(q, "dtype") or getattr(q, "weak", False)
    rows = _Rows(a, axis, keepdims)
    if rows.length == 0:
        raise IndexError("a quantile of no entries was asked for")
    n = rows.numbers() if ignores_nan else float(rows.length)
    many = np.reshape(q, (-1,))
    if method in _LINES:
        alpha, beta = _LINES[method]
        # NumPy's two forms round in different ways.
        place = (n - 1) * many if method == "linear" else n * many + (alpha + many * (1 - alpha - beta)) - 1
        place = _within(place, n)
        below = np.floor(place)
        lower, upper = rows.at(below), rows.at(_within(below + 1, n))
        weight = place - below
        weight = convert(weight, a.dtype) if is_weak and a.dtype.kind == "f" else weight
        step = upper - lower
        # As NumPy has it, from the nearer end.
        found = np.where(weight >= 0.5, upper - step * (1 - weight), lower + step * weight)
    else:
        lower, upper = (rows.at(_within(place, n)) for place in _steps(method, n, many))
        found = lower if method in _PICKS else 0.5 * (lower + upper)
        if method not in _PICKS and not is_weak:
            found = convert(found, np.result_type(found.dtype, q.dtype))
    if not ignores_nan:
        found = rows.unless_nan(found)
    return np.reshape(np.moveaxis(found, -1, 0), (*shape_of(q), *rows.result))


#: Methods whose quantiles are entries.
_PICKS = ("inverted_cdf", "closest_observation", "nearest", "lower", "higher")


@composition(np.quantile, "np.quantile")
def _quantile(a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantiles(a, q, axis, method, keepdims, ignores_nan=False)


@composition(np.nanquantile, "np.nanquantile")
def _nanquantile(a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantiles(a, q, axis, method, keepdims, ignores_nan=True)


def _share(q: Any) -> Any:
    """A percentage as a share of 1."""
    return (np.asarray(q) if isinstance(q, (list, tuple)) else q) / 100


@composition(np.percentile, "np.percentile")
def _percentile(a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantiles(a, _share(q), axis, method, keepdims, ignores_nan=False)


@composition(np.nanpercentile, "np.nanpercentile")
def _nanpercentile(a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantiles(a, _share(q), axis, method, keepdims, ignores_nan=True)
