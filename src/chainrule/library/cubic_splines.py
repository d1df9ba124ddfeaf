"""Cubic interpolants of scipy.interpolate, of traced data: the slopes at the knots, and from them the pieces.

The slopes solve the tridiagonal equations of C. de Boor, A Practical Guide to Splines (1978), chapter IV, or are those
of F. Fritsch and J. Butland (PCHIP) and of H. Akima.
"""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.interpolants import given, known_value, set_pieces
from chainrule.ops.axes import shape_of
from chainrule.ops.matrix_functions import solve_banded
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _prepared(name: str, x: Any, y: Any, axis: int) -> tuple[Any, Any, int]:
    """Knots and data, with the interpolation axis first, and its number."""
    x, y = given(x), given(y)
    if len(shape_of(x)) != 1 or shape_of(x)[0] < 2:
        raise ValueError(f"{name}: x should be one axis of at least 2 knots, and has shape {shape_of(x)}")
    if not shape_of(y) or not -len(shape_of(y)) <= axis < len(shape_of(y)):
        raise ValueError(f"{name}: y has shape {shape_of(y)}, and no axis {axis}")
    axis %= len(shape_of(y))
    if shape_of(y)[axis] != shape_of(x)[0]:
        raise ValueError(f"{name}: y has {shape_of(y)[axis]} entries along axis {axis}, but x has {shape_of(x)[0]}")
    knots, data = known_value(x), known_value(y)
    if knots is not None and not (np.all(np.isfinite(knots)) and np.all(np.diff(knots) > 0)):
        raise ValueError(f"{name}: x should be finite and strictly increasing")
    if data is not None and not np.all(np.isfinite(data)):
        raise ValueError(f"{name}: y should be finite")
    return x, np.moveaxis(y, axis, 0) if axis else y, axis


def _column(x: Any, y: Any) -> Any:
    """An array of one axis that broadcasts along the first axis of y."""
    return np.reshape(x, (-1, *(1,) * (len(shape_of(y)) - 1)))


def _hermite(self: Any, x: Any, y: Any, slopes: Any, axis: int, extrapolate: Any) -> None:
    dx = _column(np.diff(x), y)
    slope = np.diff(y, axis=0) / dx
    t = (slopes[:-1] + slopes[1:] - 2 * slope) / dx
    set_pieces(self, np.stack([t / dx, (slope - slopes[:-1]) / dx - t, slopes[:-1], y[:-1]]), x, extrapolate, axis)


@hook("scipy.interpolate", "CubicHermiteSpline.__init__", public="scipy.interpolate.CubicHermiteSpline")
def _cubic_hermite_spline(self: Any, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:
    x, y, axis = _prepared("CubicHermiteSpline", x, y, axis)
    slopes = given(dydx)
    slopes = np.moveaxis(slopes, axis, 0) if axis else slopes
    if shape_of(slopes) != shape_of(y):
        raise ValueError("CubicHermiteSpline: y and dydx should have the same shape")
    _hermite(self, x, y, slopes, axis, extrapolate)


# Splines with two continuous derivatives


@hook("scipy.interpolate", "CubicSpline.__init__", public="scipy.interpolate.CubicSpline")
def _cubic_spline(
    self: Any, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
) -> None:
    x, y, axis = _prepared("CubicSpline", x, y, axis)
    ends = _ends(bc_type, y)
    if ends[0] == "periodic":
        data = known_value(y)
        if data is not None and not np.allclose(data[0], data[-1], rtol=1e-15, atol=1e-15):
            raise ValueError("CubicSpline: the first and the last y should be the same where bc_type is 'periodic'")
        extrapolate = "periodic" if extrapolate is None else extrapolate
    _hermite(self, x, y, _slopes(x, y, ends), axis, extrapolate)


def _ends(bc_type: Any, y: Any) -> list[Any]:
    """For each end 'not-a-knot', 'periodic', or order and value of a derivative."""
    if isinstance(bc_type, str):
        bc_type = (bc_type, bc_type)
    elif len(bc_type) != 2 or any(isinstance(end, str) and end == "periodic" for end in bc_type):
        raise ValueError(f"CubicSpline: bc_type should be one name, or one condition for each end; found {bc_type!r}")
    found: list[Any] = []
    for end in bc_type:
        if isinstance(end, str):
            if end not in ("not-a-knot", "periodic", "clamped", "natural"):
                raise ValueError(f"CubicSpline: bc_type={end} is not allowed")
            found.append({"clamped": (1, 0.0), "natural": (2, 0.0)}.get(end, end))
            continue
        order, value = end
        value = given(value)
        if order not in (1, 2) or shape_of(value) != shape_of(y)[1:]:
            raise ValueError(
                f"CubicSpline: a condition in bc_type is the order 1 or 2 of a derivative and its value, of shape "
                f"{shape_of(y)[1:]}; found order {order} and shape {shape_of(value)}"
            )
        found.append((order, value))
    return found


def _slopes(x: Any, y: Any, ends: list[Any]) -> Any:
    n = shape_of(x)[0]
    dx = np.diff(x)
    slope = np.diff(y, axis=0) / _column(dx, y)
    if n == 2:
        ends = [(1, slope[0]) if isinstance(end, str) else end for end in ends]
    if ends[0] == "periodic":
        return _periodic_slopes(dx, slope, y)
    if n == 3 and ends[0] == "not-a-knot" and ends[1] == "not-a-knot":
        return _parabola(dx, slope)
    # (x[i+1] - x[i]) s[i-1] + 2 (x[i+1] - x[i-1]) s[i] + (x[i] - x[i-1]) s[i+1] is known for the inner knots.
    wide = _column(dx, y)
    inner = 3 * (wide[1:] * slope[:-1] + wide[:-1] * slope[1:])
    start = _first_row(ends[0], dx, slope)
    # At the other end it is the same, seen from there.
    end = _first_row(ends[1], dx[::-1], slope[::-1])
    if not isinstance(ends[1], str) and ends[1][0] == 2:
        end = (end[0], end[1], end[2] + ends[1][1] * dx[-1] ** 2)
    zero = np.zeros(1)
    bands = np.stack(
        [
            np.concatenate([zero, np.reshape(start[1], (1,)), dx[:-1]]),
            np.concatenate([np.reshape(start[0], (1,)), 2 * (dx[:-1] + dx[1:]), np.reshape(end[0], (1,))]),
            np.concatenate([dx[1:], np.reshape(end[1], (1,)), zero]),
        ]
    )
    right = np.concatenate([start[2][None], inner, end[2][None]], axis=0)
    return _tridiagonal(bands, right)


def _first_row(end: Any, dx: Any, slope: Any) -> tuple[Any, Any, Any]:
    """The two coefficients and the right-hand side of the equation at the first knot."""
    if isinstance(end, str):  # not-a-knot
        d = dx[0] + dx[1]
        return dx[1], d, ((dx[0] + 2 * d) * dx[1] * slope[0] + dx[0] ** 2 * slope[1]) / d
    order, value = end
    if order == 1:
        return np.ones(()), np.zeros(()), value + 0 * slope[0]
    return 2 * dx[0], dx[0], -0.5 * value * dx[0] ** 2 + 3 * dx[0] * slope[0]


def _tridiagonal(bands: Any, right: Any) -> Any:
    n = shape_of(right)[0]
    found = solve_banded(bands, np.reshape(right, (n, -1)), lower=1, upper=1)
    return np.reshape(found, shape_of(right))


def _parabola(dx: Any, slope: Any) -> Any:
    """The slopes of the parabola through three points."""
    middle = (dx[0] * slope[1] + dx[1] * slope[0]) / (dx[0] + dx[1])
    return np.stack([2 * slope[0] - middle, middle, 2 * slope[1] - middle])


def _periodic_slopes(dx: Any, slope: Any, y: Any) -> Any:
    """The equations of all knots but the last, which is the first again, go round: n - 2 of them, and one more."""
    n = shape_of(dx)[0] + 1
    wide = _column(dx, y)
    if n == 3:
        one = np.sum(slope / wide, axis=0) / np.sum(1 / wide, axis=0)
        return np.stack([one, one, one])
    before, after = np.concatenate([dx[-1:], dx[:-1]]), dx
    low, high = np.concatenate([slope[-1:], slope[:-1]], axis=0), slope
    right = 3 * (_column(after, y) * low + _column(before, y) * high)
    # Row i: after[i] s[i-1] + 2 (before[i] + after[i]) s[i] + before[i] s[i+1], for i < n - 1.
    diagonal, zero = 2 * (before + after), np.zeros(1)
    bands = np.stack(
        [
            np.concatenate([zero, before[: n - 3]]),
            diagonal[: n - 2],
            np.concatenate([after[1 : n - 2], zero]),
        ]
    )
    # The last unknown enters the first and the last of these.
    corner = (
        np.concatenate([-after[:1], np.zeros(n - 4), -before[n - 3 : n - 2]])
        if n > 4
        else -np.stack([after[0], before[1]])
    )
    first = _tridiagonal(bands, right[: n - 2])
    second = _column(_tridiagonal(bands, corner), y)
    last = (right[n - 2] - before[n - 2] * first[0] - after[n - 2] * first[-1]) / (
        diagonal[n - 2] + before[n - 2] * second[0] + after[n - 2] * second[-1]
    )
    inner = first + last * second
    return np.concatenate([inner, last[None], inner[:1]], axis=0)


# Local rules for the slopes


def _real(name: str, y: Any) -> None:
    if y.dtype.kind == "c":
        raise TraceError(f"{name} takes real data, and got complex ones.{user_line()}")


@hook("scipy.interpolate", "PchipInterpolator.__init__", public="scipy.interpolate.PchipInterpolator")
def _pchip(self: Any, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
    x, y, axis = _prepared("PchipInterpolator", x, y, axis)
    _real("PchipInterpolator", y)
    dx = _column(np.diff(x), y)
    m = np.diff(y, axis=0) / dx
    if shape_of(x)[0] == 2:
        return _hermite(self, x, y, np.concatenate([m, m], axis=0), axis, extrapolate)
    # Between slopes of one sign their weighted harmonic mean, otherwise 0.
    left, right = m[:-1], m[1:]
    is_flat = left * right <= 0
    w1, w2 = 2 * dx[1:] + dx[:-1], dx[1:] + 2 * dx[:-1]
    mean = (w1 / np.where(is_flat, 1.0, left) + w2 / np.where(is_flat, 1.0, right)) / (w1 + w2)
    inner = np.where(is_flat, 0.0, 1 / mean)
    start, end = _pchip_end(dx[0], dx[1], m[0], m[1]), _pchip_end(dx[-1], dx[-2], m[-1], m[-2])
    return _hermite(self, x, y, np.concatenate([start[None], inner, end[None]], axis=0), axis, extrapolate)


def _pchip_end(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    """The slope at an end: that of a parabola, limited so that the curve keeps the shape of the data."""
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turns = np.sign(d) != np.sign(m0)
    is_steep = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3 * np.abs(m0))
    return np.where(turns, 0.0, np.where(is_steep, 3 * m0, d))


@hook("scipy.interpolate", "Akima1DInterpolator.__init__", public="scipy.interpolate.Akima1DInterpolator")
def _akima(self: Any, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None) -> None:
    if method not in ("akima", "makima"):
        raise NotImplementedError(f"Akima1DInterpolator: method={method!r} is not 'akima' or 'makima'")
    x, y, axis = _prepared("Akima1DInterpolator", x, y, axis)
    _real("Akima1DInterpolator", y)
    extrapolate = False if extrapolate is None else extrapolate
    slope = np.diff(y, axis=0) / _column(np.diff(x), y)
    if shape_of(x)[0] == 2:
        return _hermite(self, x, y, np.concatenate([slope, slope], axis=0), axis, extrapolate)
    # Two slopes more at each end, which go on evenly.
    left = 2 * slope[0] - slope[1]
    right = 2 * slope[-1] - slope[-2]
    m = np.concatenate(
        [(2 * left - slope[0])[None], left[None], slope, right[None], (2 * right - slope[-1])[None]], axis=0
    )
    change = np.abs(np.diff(m, axis=0))
    f1, f2 = change[2:], change[:-2]
    if method == "makima":
        size = np.abs(m[1:] + m[:-1])
        f1, f2 = f1 + 0.5 * size[2:], f2 + 0.5 * size[:-2]
    both = f1 + f2
    # Where the slopes around a knot are equal in pairs, the weights are not defined, and the mean is taken.
    is_defined = both > 1e-9 * np.max(both)
    weighted = m[1:-2] + f2 / np.where(is_defined, both, 1.0) * (m[2:-1] - m[1:-2])
    return _hermite(self, x, y, np.where(is_defined, weighted, 0.5 * (m[3:] + m[:-3])), axis, extrapolate)
