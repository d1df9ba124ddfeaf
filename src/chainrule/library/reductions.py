"""Reductions: sums, means, extremes, variances, and running sums and products."""

from typing import Any

import numpy as np

from chainrule.ops import reductions, shapes
from chainrule.ops.axes import Axis, axis_of_reduction, length_of, normalize_axes, reduced_shape, shape_of, with_dtype
from chainrule.ops.elementwise import root
from chainrule.ops.shapes import SLOT, convert, strong
from chainrule.trace.dispatch import composition
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import peel

__all__: list[str] = []


def _converted(a: Any, dtype: Any) -> Any:
    return a if dtype is None else convert(a, np.dtype(dtype))


#: What an argument is that was left at its default, where None has a meaning of its own.
_NOTHING: Any = object()


def _left_out(a: Any, where: Any, by: float) -> Any:
    """The entries that count, and a number that changes nothing in the places of the others."""
    return np.where(where, a, a.dtype.type(by))


def _start(initial: Any, dtype: np.dtype[Any]) -> Any:
    """What a reduction starts from, in the dtype of its result: of a complex number NumPy takes the real part there."""
    if type(initial) in (bool, int, float, complex):
        return dtype.type(initial)
    return convert(with_dtype(initial), dtype)


@composition(np.sum, "np.sum")
def _sum(
    a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True
) -> Any:
    axis = axis_of_reduction(a, axis)
    if dtype is not None:
        a = _converted(a, dtype)
    if where is not True:
        a = _left_out(a, where, 0)
    found = reductions.sum(a, axis=axis, keepdims=keepdims)
    return found if initial is _NOTHING else found + _start(initial, found.dtype)


@composition(np.prod, "np.prod")
def _prod(
    a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True
) -> Any:
    a = _converted(a, dtype)
    if where is not True:
        a = _left_out(a, where, 1)
    found = reductions.prod(a, axis=axis_of_reduction(a, axis), keepdims=keepdims)
    return found if initial is _NOTHING else found * _start(initial, found.dtype)


def _lowest(dtype: np.dtype[Any], sign: int) -> Any:
    """The end of a dtype at which no entry is the larger one (`sign` 1) or the smaller one (-1)."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min if sign > 0 else np.iinfo(dtype).max
    if dtype.kind == "b":
        return sign < 0
    return complex(-sign * np.inf, -sign * np.inf) if dtype.kind == "c" else -sign * np.inf


def _extreme(a: Any, axis: Axis, keepdims: bool, initial: Any, where: Any, sign: int) -> Any:
    axis = axis_of_reduction(a, axis)
    pick, larger = (reductions.amax, np.maximum) if sign > 0 else (reductions.amin, np.minimum)
    if initial is _NOTHING:
        if where is True:
            return pick(a, axis=axis, keepdims=keepdims)
        raise ValueError(
            "reduction operation 'maximum' does not have an identity, so to use a where mask one has to specify "
            "'initial'".replace("maximum", larger.__name__)
        )
    shape, initial = shape_of(a), _start(initial, a.dtype)
    if not length_of(shape, normalize_axes(axis, len(shape))):
        whole = np.zeros(reduced_shape(shape, axis, keepdims), a.dtype)
        return convert(np.broadcast_to(initial, whole.shape), whole.dtype) if whole.shape else larger(initial, initial)
    if where is not True:
        a = _left_out(a, where, _lowest(a.dtype, sign))
    return larger(pick(a, axis=axis, keepdims=keepdims), initial)


@composition(np.max, "np.max")
def _max(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True) -> Any:
    return _extreme(a, axis, keepdims, initial, where, 1)


@composition(np.min, "np.min")
def _min(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True) -> Any:
    return _extreme(a, axis, keepdims, initial, where, -1)


@composition(np.amax, "np.amax")
def _amax(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True) -> Any:
    return _extreme(a, axis, keepdims, initial, where, 1)


@composition(np.amin, "np.amin")
def _amin(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True) -> Any:
    return _extreme(a, axis, keepdims, initial, where, -1)


@composition(np.ptp, "np.ptp")
def _ptp(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    axis = axis_of_reduction(a, axis)
    return reductions.amax(a, axis=axis, keepdims=keepdims) - reductions.amin(a, axis=axis, keepdims=keepdims)


def _count(a: Any, axis: Axis, where: Any = True) -> Any:
    """How many entries there are; with `where`, an array of the numbers that count."""
    shape = shape_of(a)
    if where is True:
        return length_of(shape, normalize_axes(axis, len(shape)))
    counted = np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=True)
    return convert(counted, np.zeros((), a.dtype).real.dtype) if a.dtype.kind in "fc" else counted


@composition(np.mean, "np.mean")
def _mean(a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    a = _converted(a, dtype)
    if where is True:
        return reductions.sum(a, axis=axis, keepdims=keepdims) / _count(a, axis)
    found = reductions.sum(_left_out(a, where, 0), axis=axis, keepdims=True) / _count(a, axis, where)
    return found if keepdims else np.squeeze(found, normalize_axes(axis, len(shape_of(a))))


@composition(np.average, "np.average")
def _average(a: Any, axis: Axis = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    if weights is None:
        return _mean(a, axis, keepdims=keepdims)
    a, weights = (x if hasattr(x, "dtype") else np.asarray(x) for x in (a, weights))
    weights = _spread(weights, axis, shape_of(a))
    common = np.result_type(a.dtype, weights.dtype)
    whole = np.sum(weights, axis=axis, dtype=common, keepdims=keepdims)
    plain = peel(whole)
    if plain is not NO_VALUE and np.any(plain == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return np.sum(np.multiply(a, weights, dtype=common), axis=axis, keepdims=keepdims) / whole


def _spread(weights: Any, axis: Axis, shape: tuple[int, ...]) -> Any:
    """Weights in the shape of what they weigh; they may be given for the axes averaged over alone."""
    if shape_of(weights) == shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = normalize_axes(axis, len(shape))
    if shape_of(weights) != tuple(shape[k] for k in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    ordered = np.transpose(weights, sorted(range(len(axes)), key=axes.__getitem__))
    return np.broadcast_to(np.reshape(ordered, [n if k in axes else 1 for k, n in enumerate(shape)]), shape)


@composition(np.var, "np.var")
def _var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    a = _converted(a, dtype)
    centred = a - (_mean(a, axis, keepdims=True, where=where) if mean is None else mean)
    if where is not True:
        centred = _left_out(centred, where, 0)
    square = np.real(centred) ** 2 + np.imag(centred) ** 2 if a.dtype.kind == "c" else centred * centred
    taken = ddof if correction is None else correction
    if where is True:
        return reductions.sum(square, axis=axis, keepdims=keepdims) / max(_count(a, axis) - taken, 0)
    free = np.maximum(_count(a, axis, where) - taken, 0)
    found = reductions.sum(square, axis=axis, keepdims=True) / free
    return found if keepdims else np.squeeze(found, normalize_axes(axis, len(shape_of(a))))


@composition(np.std, "np.std")
def _std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    return root(_var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction))


def _entries(a: Any, axis: int | None) -> tuple[Any, int]:
    """An array and the axis to run along: without one, all entries one after the other."""
    if axis is None and len(shape_of(a)) == 1:
        return a, 0
    axis = axis_of_reduction(a, axis)
    return (np.reshape(a, -1), 0) if axis is None else (a, axis)


@composition(np.cumsum, "np.cumsum")
def _cumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    a, axis = _entries(a, axis)
    return reductions.cumsum(_converted(a, dtype), axis=axis)


@composition(np.cumprod, "np.cumprod")
def _cumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    a, axis = _entries(a, axis)
    return reductions.cumprod(_converted(a, dtype), axis=axis)


@composition(np.cumulative_sum, "np.cumulative_sum")
def _cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    return _cumulative(_cumsum, 0, x, axis, dtype, include_initial)


@composition(np.cumulative_prod, "np.cumulative_prod")
def _cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    return _cumulative(_cumprod, 1, x, axis, dtype, include_initial)


def _cumulative(run: Any, start: int, x: Any, axis: int | None, dtype: Any, include_initial: bool) -> Any:
    x = np.atleast_1d(x)
    if axis is None and x.ndim != 1:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    place = normalize_axes(axis, x.ndim)[0]
    found = run(x, place, dtype)
    if not include_initial:
        return found
    first = np.full(tuple(1 if k == place else n for k, n in enumerate(x.shape)), start, found.dtype)
    return np.concatenate([first, found], axis=place)


@composition(np.sort, "np.sort")
def _sort(a: Any, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None) -> Any:
    a, axis = (np.reshape(a, -1), 0) if axis is None else (a, axis)
    order = reductions.argsort(a, axis=axis, kind="stable" if stable else kind)
    if len(shape_of(a)) == 1 and axis in (0, -1):
        return shapes.index(a, order, template=(SLOT,))
    return np.take_along_axis(a, order, axis=axis)


@composition(np.clip, "np.clip")
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    a = strong(a)
    a = a if low is None else np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@composition(np.linalg.norm, "np.linalg.norm")
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    ndim = len(x.shape)
    if axis is None and ord is None:
        if ndim == 1 and not keepdims and x.dtype.kind == "f":
            return root(x @ x)
        return _euclidean(x, None, keepdims)
    axes = normalize_axes(axis, ndim)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    return _matrix_norm(x, ord, axes, keepdims)


def _euclidean(x: Any, axis: Axis, keepdims: bool) -> Any:
    square = np.real(x) ** 2 + np.imag(x) ** 2 if x.dtype.kind == "c" else x * x
    return root(reductions.sum(square, axis=axis, keepdims=keepdims))


def _vector_norm(x: Any, order: Any, axis: int, keepdims: bool) -> Any:
    if order is None or order == 2:
        return _euclidean(x, axis, keepdims)
    if order == np.inf:
        return reductions.amax(np.abs(x), axis=axis, keepdims=keepdims)
    if order == -np.inf:
        return reductions.amin(np.abs(x), axis=axis, keepdims=keepdims)
    if order == 1:
        return reductions.sum(np.abs(x), axis=axis, keepdims=keepdims)
    if order == 0:
        return np.sum((x != 0).astype(np.abs(x).dtype), axis=axis, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    total = reductions.sum(np.abs(x) ** order, axis=axis, keepdims=keepdims)
    # At a vector of zeros the kink has derivative 0, where the formula would say infinity times 0.
    return np.where(total == 0, 1, total) ** (1.0 / order) * (total != 0)


def _matrix_norm(x: Any, order: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if order in (None, "fro", "f"):
        return _euclidean(x, axes, keepdims)
    if order in (2, -2, "nuc"):
        s = np.linalg.svd(np.moveaxis(x, axes, (-2, -1)), compute_uv=False)
        if order == "nuc":
            result = reductions.sum(s, axis=-1)
        else:
            result = _largest_or_least(order, s, -1)(s, axis=-1)
        return np.expand_dims(result, tuple(sorted(axes))) if keepdims else result
    if order not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    inner, outer = axes if order in (1, -1) else axes[::-1]
    sums = reductions.sum(np.abs(x), axis=inner, keepdims=True)
    result = _largest_or_least(order, sums, outer)(sums, axis=outer, keepdims=True)
    return result if keepdims else np.squeeze(result, axis=axes)


def _largest_or_least(order: float, x: Any, axis: int) -> Any:
    if order < 0:
        return reductions.amin
    # The largest of no numbers from 0 on is 0.
    return reductions.amax if shape_of(x)[axis] else reductions.sum
