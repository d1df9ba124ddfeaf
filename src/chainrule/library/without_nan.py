"""Reductions that leave NaN out; an entry that is NaN has derivative 0."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import reductions
from chainrule.ops.axes import Axis, axis_of_reduction
from chainrule.ops.elementwise import root
from chainrule.ops.shapes import convert
from chainrule.trace.dispatch import composition

__all__: list[str] = []


def _filled(a: Any, by: float) -> Any:
    return np.where(np.isnan(a), by, a)


def _numbers(a: Any, axis: Axis, keepdims: bool) -> Any:
    """How many entries are not NaN, in the real dtype that goes with `a`."""
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims)
    return convert(count, np.real(np.zeros((), a.dtype)).dtype)


@composition(np.nansum, "np.nansum")
def _nansum(a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return np.sum(_filled(a, 0.0), axis=axis, dtype=dtype, keepdims=keepdims)


@composition(np.nanprod, "np.nanprod")
def _nanprod(a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return np.prod(_filled(a, 1.0), axis=axis, dtype=dtype, keepdims=keepdims)


@composition(np.nancumsum, "np.nancumsum")
def _nancumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return np.cumsum(_filled(a, 0.0), axis=axis, dtype=dtype)


@composition(np.nancumprod, "np.nancumprod")
def _nancumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return np.cumprod(_filled(a, 1.0), axis=axis, dtype=dtype)


@composition(np.nanmean, "np.nanmean")
def _nanmean(a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    total = np.sum(_filled(a, 0.0), axis=axis, dtype=dtype, keepdims=keepdims)
    return total / _numbers(a, axis, keepdims)


@composition(np.nanvar, "np.nanvar")
def _nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    if out is not None:
        raise TraceError(f"np.nanvar: argument out= is not followed on traced values.{user_line()}")
    a = a if dtype is None else convert(a, np.dtype(dtype))
    centred = a - (_nanmean(a, axis, keepdims=True) if mean is None else mean)
    centred = np.where(np.isnan(a), 0.0, centred)
    square = np.real(centred) ** 2 + np.imag(centred) ** 2 if a.dtype.kind == "c" else centred * centred
    free = _numbers(a, axis, keepdims) - (ddof if correction is None else correction)
    # Where nothing is left to divide by, NumPy gives NaN, also for a sum of squares that is not 0.
    return np.sum(square, axis=axis, keepdims=keepdims) / np.where(free > 0, free, np.nan)


@composition(np.nanstd, "np.nanstd")
def _nanstd(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    return root(_nanvar(a, axis, dtype, out, ddof, keepdims, mean=mean, correction=correction))


def _extreme(pick: Any, a: Any, axis: Any, keepdims: bool, worst: float) -> Any:
    axis = axis_of_reduction(a, axis)
    found = pick(_filled(a, worst), axis=axis, keepdims=keepdims)
    return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, found)


@composition(np.nanmax, "np.nanmax")
def _nanmax(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _extreme(reductions.amax, a, axis, keepdims, -np.inf)


@composition(np.nanmin, "np.nanmin")
def _nanmin(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return _extreme(reductions.amin, a, axis, keepdims, np.inf)


@composition(np.nanargmax, "np.nanargmax")
def _nanargmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return np.argmax(_filled(a, -np.inf), axis=axis, keepdims=keepdims)


@composition(np.nanargmin, "np.nanargmin")
def _nanargmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return np.argmin(_filled(a, np.inf), axis=axis, keepdims=keepdims)
