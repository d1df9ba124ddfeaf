"""Splines that FITPACK has made, of plain data for the most part, at traced points."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.library.bspline_basis import basis, lowered
from chainrule.library.interpolants import given, inside, points, taken, tensor
from chainrule.ops.axes import shape_of
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _held(t: Any, low: float, high: float) -> Any:
    """Points outside moved to the end."""
    return np.where(t < low, low, np.where(t > high, high, t))


def _checked_order(name: str, nu: int, k: int) -> None:
    if not 0 <= nu <= k:
        raise ValueError(f"{name}: a derivative of order {nu} was asked for; the spline has those from 0 to {k}")


def _at(name: str, tck: Sequence[Any], x: Any, nu: int, ext: int) -> Any:
    knots, c, k = tck
    if has_tracer([knots]):
        raise NoDerivativeError(f"{name} has no derivative by the knots.{user_line()}")
    _checked_order(name, nu, k)
    knots, t = np.asarray(knots, float), points(x)
    low, high = float(knots[k]), float(knots[-k - 1])
    outside = (t < low) | (t > high)
    if ext == 2:
        t = inside(t, low=low, high=high, what=name)
    elif ext == 3 and nu == 0:  # FITPACK goes on with the outer piece for derivatives.
        t = _held(t, low, high)
    line, c, k = lowered(knots, given(c)[: len(knots) - k - 1], k, nu)
    first, weights = basis(line, k, t)
    total: Any = 0.0
    for r, weight in enumerate(weights):
        total = total + weight * taken(c, first + r)
    return np.where(outside, 0.0, total) if ext == 1 else total


@hook("scipy.interpolate", "splev")
def _splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    name = "scipy.interpolate.splev"
    if not isinstance(tck, (tuple, list)):
        if ext != 0:
            raise ValueError(f"{name}: ext={ext} is not for a BSpline")
        return tck(x, der, extrapolate=True)
    if ext not in (0, 1, 2, 3):
        raise ValueError(f"{name}: ext={ext} is not one of 0, 1, 2, 3")
    t, c, k = tck
    if isinstance(c, (list, tuple)) and not all(np.ndim(part) == 0 for part in c):
        return [_at(name, (t, part, k), x, der, ext) for part in c]
    return _at(name, tck, x, der, ext)


_MODES = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3, 0: 0, 1: 1, 2: 2, 3: 3}


@hook("scipy.interpolate", "UnivariateSpline.__call__")
def _univariate_spline(self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
    name = f"scipy.interpolate.{type(self).__name__}"
    mode = self.ext if ext is None else ext
    if mode not in _MODES:
        raise ValueError(f"{name}: unknown extrapolation mode {ext!r}")
    return _at(name, self._eval_args, x, nu, _MODES[mode])


@hook("scipy.interpolate", "RectBivariateSpline.__call__")
def _bivariate_spline(self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
    name = f"scipy.interpolate.{type(self).__name__}"
    x, y = points(x), points(y)
    if grid:
        x, y = np.reshape(x, (-1, 1)), np.reshape(y, (1, -1))
    c = np.reshape(self.tck[2], [len(knots) - k - 1 for knots, k in zip(self.tck, self.degrees, strict=False)])
    corners = []
    for axis, (knots, k, t, nu) in enumerate(zip(self.tck, self.degrees, (x, y), (dx, dy), strict=False)):
        if nu:
            _checked_order(name, nu, k - 1)
        t = _held(t, float(knots[k]), float(knots[-k - 1]))
        line, c, degree = lowered(knots, np.moveaxis(c, axis, 0), k, nu)
        c = np.moveaxis(c, 0, axis)
        first, weights = basis(line, degree, t)
        corners.append([(first + r, weight) for r, weight in enumerate(weights)])
    found = tensor(c, corners)
    whole = np.broadcast_shapes(shape_of(x), shape_of(y))
    return found if shape_of(found) == whole else np.broadcast_to(found, whole)
