"""Reductions that leave NaN out; an entry that is NaN has derivative 0."""

from typing import Any

import numpy as np

from chainrule.ops.axes import Axis, axis_of_reduction
from chainrule.ops.elementwise import root
from chainrule.ops.shapes import convert
from chainrule.trace.dispatch import composition

__all__: list[str] = []


def _filled(a: Any, by: float) -> Any:
    return np.where(np.isnan(a), by, a)


def _numbers(a: Any, axis: Axis, keepdims: bool, where: Any = True) -> Any:
    """How many entries are not NaN, in the real dtype that goes with `a`."""
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims, where=where)
    return convert(count, np.real(np.zeros((), a.dtype)).dtype)


@composition(np.nansum, "np.nansum")
def _nansum(
    a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 0, where: Any = True
) -> Any:
    return np.sum(_filled(a, 0.0), axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


@composition(np.nanprod, "np.nanprod")
def _nanprod(
    a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 1, where: Any = True
) -> Any:
    return np.prod(_filled(a, 1.0), axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


@composition(np.nancumsum, "np.nancumsum")
def _nancumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return np.cumsum(_filled(a, 0.0), axis=axis, dtype=dtype)


@composition(np.nancumprod, "np.nancumprod")
def _nancumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return np.cumprod(_filled(a, 1.0), axis=axis, dtype=dtype)


@composition(np.nanmean, "np.nanmean")
def _nanmean(a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    total = np.sum(_filled(a, 0.0), axis=axis, dtype=dtype, keepdims=keepdims, where=where)
    return total / _numbers(a, axis, keepdims, where)


@composition(np.nanvar, "np.nanvar")
def _nanvar(
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
    a = a if dtype is None else convert(a, np.dtype(dtype))
    centred = a - (_nanmean(a, axis, keepdims=True, where=where) if mean is None else mean)
    centred = np.where(np.isnan(a), 0.0, centred)
    square = np.real(centred) ** 2 + np.imag(centred) ** 2 if a.dtype.kind == "c" else centred * centred
    free = _numbers(a, axis, keepdims, where) - (ddof if correction is None else correction)
    # Where nothing is left to divide by, NumPy gives NaN, also for a sum of squares that is not 0.
    return np.sum(square, axis=axis, keepdims=keepdims, where=where) / np.where(free > 0, free, np.nan)


@composition(np.nanstd, "np.nanstd")
def _nanstd(
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
    return root(_nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction))


def _extreme(pick: Any, a: Any, axis: Any, keepdims: bool, worst: float, initial: Any, where: Any) -> Any:
    axis = axis_of_reduction(a, axis)
    given = {} if initial is _NOTHING else {"initial": initial}
    if where is not True:
        given["where"] = where
    found = pick(_filled(a, worst), axis=axis, keepdims=keepdims, **given)
    return found if given else np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, found)


#: What an argument is that was left at its default.
_NOTHING: Any = object()


@composition(np.nanmax, "np.nanmax")
def _nanmax(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True) -> Any:
    return _extreme(np.max, a, axis, keepdims, -np.inf, initial, where)


@composition(np.nanmin, "np.nanmin")
def _nanmin(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = _NOTHING, where: Any = True) -> Any:
    return _extreme(np.min, a, axis, keepdims, np.inf, initial, where)


@composition(np.nanargmax, "np.nanargmax")
def _nanargmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return np.argmax(_filled(a, -np.inf), axis=axis, keepdims=keepdims)


@composition(np.nanargmin, "np.nanargmin")
def _nanargmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return np.argmin(_filled(a, np.inf), axis=axis, keepdims=keepdims)
