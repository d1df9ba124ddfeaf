"""Differences along an axis and what is made of them: gradients, integrals, unwrapped angles, interpolation."""

import math
from typing import Any

import numpy as np

from chainrule.ops import shapes
from chainrule.ops.axes import as_operand, normalize_axes, shape_of, with_dtype
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.shapes import SLOT, cast, convert, strong
from chainrule.trace.dispatch import composition

__all__: list[str] = []


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    """Index expression for a part of one axis."""
    return (*(slice(None),) * axis, part)


def _steps(a: Any, axis: int) -> Any:
    return a[_along(axis, slice(1, None))] - a[_along(axis, slice(None, -1))]


@composition(np.diff, "np.diff")
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = with_dtype(a)
    if not shape_of(a):
        raise ValueError("diff requires input that is at least one dimensional")
    (place,) = normalize_axes((axis,), len(shape_of(a)))
    joined = a
    if prepend is not None or append is not None:
        ends = [None if x is None else _end(x, shape_of(a), place) for x in (prepend, append)]
        joined = np.concatenate([x for x in (ends[0], a, ends[1]) if x is not None], axis=place)
    for _ in range(n):
        joined = _steps(joined, place)
    return joined


def _end(x: Any, shape: tuple[int, ...], axis: int) -> Any:
    """What is put before or after an array; a number stands for an array of length 1 along the axis."""
    x = with_dtype(x)
    return x if shape_of(x) else np.broadcast_to(x, tuple(1 if k == axis else n for k, n in enumerate(shape)))


@composition(np.ediff1d, "np.ediff1d")
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = _steps(np.reshape(ary, (-1,)), 0)
    # NumPy gives the whole the dtype of the array.
    for name, x in (("to_end", to_end), ("to_begin", to_begin)):
        if x is not None and not np.can_cast(with_dtype(x).dtype, steps.dtype, "same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
    ends = [None if x is None else convert(np.reshape(x, (-1,)), steps.dtype) for x in (to_begin, to_end)]
    parts = [x for x in (ends[0], steps, ends[1]) if x is not None]
    return np.concatenate(parts) if len(parts) > 1 else steps


@composition(np.trapezoid, "np.trapezoid")
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = with_dtype(y)
    (place,) = normalize_axes((axis,), len(shape_of(y)))
    if x is not None:
        x = with_dtype(x)
        ndim = len(shape_of(y))
        dx = _steps(np.reshape(x, _in_place(place, ndim)), place) if len(shape_of(x)) == 1 else _steps(x, axis % x.ndim)
    heights = y[_along(place, slice(1, None))] + y[_along(place, slice(None, -1))]
    return np.sum(dx * heights / 2.0, axis=place)


def _in_place(axis: int, ndim: int) -> tuple[int, ...]:
    """The shape in which a vector lies along one axis."""
    return tuple(-1 if k == axis else 1 for k in range(ndim))


@composition(np.gradient, "np.gradient")
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = strong(with_dtype(f))
    axes = normalize_axes(axis, len(shape_of(f)))
    if len(varargs) not in (0, 1, len(axes)) or (len(varargs) == 1 != len(axes) and np.ndim(varargs[0])):
        raise TypeError("invalid number of arguments")
    given = varargs if len(varargs) == len(axes) else (varargs or (1.0,)) * len(axes)
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported" if edge_order > 2 else "'edge_order' is 1 or 2")
    found = [_slope(f, as_operand(h), k, edge_order) for h, k in zip(given, axes, strict=True)]
    return found[0] if len(found) == 1 else tuple(found)


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    """The derivative along one axis, from differences of second order inside, and of `edge_order` at the ends."""
    shape = shape_of(f)
    length = shape[axis]
    if length < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
            "required."
        )

    def part(start: int | None, end: int | None) -> Any:
        return f[_along(axis, slice(start, end))]

    if shape_of(h):
        if shape_of(h) != (length,):
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        steps = np.reshape(_steps(h, 0), _in_place(axis, len(shape)))
        a, b = steps[_along(axis, slice(None, -1))], steps[_along(axis, slice(1, None))]
        first, second, third = -b / (a * (a + b)), (b - a) / (a * b), a / (b * (a + b))
        inner = first * part(None, -2) + second * part(1, -1) + third * part(2, None)
        ends = [steps[_along(axis, slice(0, 1))], steps[_along(axis, slice(-1, None))]]
    else:
        inner = (part(2, None) - part(None, -2)) / (2.0 * h)
        ends = [h, h]
        a = b = None
    if edge_order == 1:
        left, right = (part(1, 2) - part(0, 1)) / ends[0], (part(-1, None) - part(-2, -1)) / ends[1]
    elif a is None:
        left = -1.5 / h * part(0, 1) + 2.0 / h * part(1, 2) - 0.5 / h * part(2, 3)
        right = 0.5 / h * part(-3, -2) - 2.0 / h * part(-2, -1) + 1.5 / h * part(-1, None)
    else:
        left = _one_sided(
            part(0, 1), part(1, 2), part(2, 3), a[_along(axis, slice(0, 1))], b[_along(axis, slice(0, 1))]
        )
        p, q = a[_along(axis, slice(-1, None))], b[_along(axis, slice(-1, None))]
        right = -_one_sided(part(-1, None), part(-2, -1), part(-3, -2), q, p)
    return convert(np.concatenate([left, inner, right], axis=axis), f.dtype)


def _one_sided(f0: Any, f1: Any, f2: Any, p: Any, q: Any) -> Any:
    """The slope at the first of three points, of which p and q are the distances."""
    return -(2.0 * p + q) / (p * (p + q)) * f0 + (p + q) / (p * q) * f1 - p / (q * (p + q)) * f2


@composition(np.unwrap, "np.unwrap")
def _unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    (place,) = normalize_axes((axis,), len(shape_of(p)))
    # What is added is a multiple of the period, so that it has derivative zero.
    steps = stop_gradient(_steps(p, place))
    half = period / 2
    wrapped = np.mod(steps + half, period) - half
    wrapped = np.where((wrapped == -half) & (steps > 0), half, wrapped)
    added = np.where(np.abs(steps) < (half if discont is None else discont), 0.0, wrapped - steps)
    rest = p[_along(place, slice(1, None))] + np.cumsum(added, axis=place)
    return np.concatenate([p[_along(place, slice(0, 1))], rest], axis=place)


def _entries(a: Any, places: Any) -> Any:
    # A plain array would read a traced place as a constant.
    return shapes.index(a, places, template=(SLOT,))


def _outside(value: Any, dtype: np.dtype[Any]) -> Any:
    """The value on one side of the points, which among real values is real."""
    if type(value) is complex:
        return dtype.type(value)
    return convert(value, dtype) if with_dtype(value).dtype.kind == "c" and dtype.kind != "c" else value


@composition(np.interp, "np.interp")
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    x, xp, fp = (with_dtype(value) for value in (x, xp, fp))
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp):
        raise ValueError(
            "fp and xp are not of the same length" if len(shape_of(xp)) == 1 else "Data points must be 1-D sequences"
        )
    if shape_of(xp) == (0,):
        raise ValueError("array of sample points is empty")
    wide = np.dtype(np.float64)
    # NumPy computes in float64, whatever comes in; only values may be complex.
    x, xp = (cast(points, wide, "safe" if period is None else "unsafe") for points in (x, xp))
    fp = convert(fp, np.result_type(fp.dtype, wide))
    left, right = (value if value is None else _outside(value, fp.dtype) for value in (left, right))
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    last = shape_of(xp)[0] - 1
    first_value, last_value = (fp[0] if left is None else left), (fp[last] if right is None else right)
    if last == 0:
        inside = fp[0]
    else:
        k = np.minimum(np.maximum(np.searchsorted(xp, x, "right") - 1, 0), last - 1)
        start, value = _entries(xp, k), _entries(fp, k)
        slope = (_entries(fp, k + 1) - value) / (_entries(xp, k + 1) - start)
        inside = np.where(x == xp[last], fp[last], slope * (x - start) + value)
    return np.where(x < xp[0], first_value, np.where(x > xp[last], last_value, inside))
