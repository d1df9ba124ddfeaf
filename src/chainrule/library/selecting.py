"""Functions that choose between computations entry by entry, or apply one to each row."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import strong
from chainrule.trace.batch import shared_value
from chainrule.trace.buffer import buffer
from chainrule.trace.dispatch import composition
from chainrule.trace.no_value import NO_VALUE

__all__: list[str] = []


@composition(np.select, "np.select")
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    for k, condition in enumerate(condlist):
        if with_dtype(condition).dtype != bool:
            raise TypeError(f"invalid entry {k} in condlist: should be boolean ndarray")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


@composition(np.piecewise, "np.piecewise")
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any) -> Any:
    x = strong(with_dtype(x))
    if np.isscalar(condlist) or (not (isinstance(condlist[0], list) or shape_of(condlist[0])) and x.shape):
        condlist = [condlist]
    conditions = [c if hasattr(c, "dtype") else np.asarray(c, bool) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        none = ~conditions[0]
        for condition in conditions[1:]:
            none = none & ~condition
        conditions.append(none)
    if len(funclist) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), either {len(conditions)} or {len(conditions) + 1} functions are "
            "expected"
        )
    # Each function gets the entries of its own alone, as in NumPy: so the masks have to be known.
    result = buffer(np.zeros(x.shape or (1,), x.dtype))
    entries = x if x.shape else np.reshape(x, (1,))
    for condition, function in zip(conditions, funclist, strict=True):
        if shared_value(condition, "np.piecewise") is NO_VALUE:
            raise TraceError(
                "np.piecewise hands each function the entries of its own, which are not known here. Use np.where or "
                f"np.select.{user_line()}"
            )
        mask = condition if shape_of(condition) else np.reshape(condition, (1,))
        if not callable(function):
            result[mask] = function
        elif np.any(shared_value(mask, "np.piecewise")):
            result[mask] = function(entries[mask], *args)
    return result if x.shape else result[0]


@composition(np.compress, "np.compress")
def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    places = np.flatnonzero(shared_value(with_dtype(condition), "np.compress"))
    return np.take(a, places, axis=axis)


@composition(np.extract, "np.extract")
def _extract(condition: Any, arr: Any) -> Any:
    places = np.flatnonzero(shared_value(with_dtype(condition), "np.extract"))
    return np.take(with_dtype(arr), places)


@composition(np.apply_along_axis, "np.apply_along_axis")
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any) -> Any:
    shape = shape_of(arr)
    (place,) = normalize_axes((axis,), len(shape))
    before, after = shape[:place], shape[place + 1 :]
    if math.prod(before + after) == 0:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    rows = np.reshape(np.moveaxis(arr, place, -1), (math.prod(before + after), shape[place]))
    made = [with_dtype(func1d(rows[k], *args)) for k in range(shape_of(rows)[0])]
    own = shape_of(made[0])
    whole = np.reshape(np.stack(made), (*before, *after, *own))
    # The axes that the function returns stand where the axis was.
    ends = tuple(range(len(whole.shape) - len(own), len(whole.shape)))
    return np.moveaxis(whole, ends, tuple(range(place, place + len(own))))


# Functions of one number with a removable gap or a choice of branches.


@composition(np.sinc, "np.sinc")
def _sinc(x: Any) -> Any:
    # sin(y) / y; near 0 by the series sum (-1)^k y^2k / (2k + 1)!, of which every derivative is right there, too.
    y = np.pi * strong(x)
    near = np.abs(y) < 1
    square = np.where(near, y * y, 0)
    series = 0.0 * square
    for k in range(9, -1, -1):
        series = series * square + (-1) ** k / math.factorial(2 * k + 1)
    far = np.where(near, 1, y)
    return np.where(near, series, np.sin(far) / far)


@composition(np.angle, "np.angle")
def _angle(z: Any, deg: bool = False) -> Any:
    angle = np.arctan2(np.imag(z), np.real(z))
    return angle * (180 / np.pi) if deg else angle


@composition(np.real_if_close, "np.real_if_close")
def _real_if_close(a: Any, tol: float = 100) -> Any:
    if a.dtype.kind != "c":
        return a
    limit = tol * np.finfo(a.dtype).eps if tol > 1 else tol
    size = shared_value(np.abs(np.imag(a)), "np.real_if_close")
    if size is NO_VALUE:
        raise TraceError(f"np.real_if_close looks at values, which are not known here; use np.real.{user_line()}")
    return np.real(a) if np.all(size < limit) else a


# Ufuncs with two results.


@composition(np.modf, "np.modf")
def _modf(x: Any, /) -> Any:
    whole = np.trunc(x)
    # Of infinity nothing is left, where the difference would be undefined.
    return np.where(np.isinf(x), 0.0, x - whole), whole


@composition(np.divmod, "np.divmod")
def _divmod(x: Any, y: Any, /) -> Any:
    return np.floor_divide(x, y), np.remainder(x, y)
