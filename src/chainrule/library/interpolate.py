"""Interpolation on grids and between points, of scipy.interpolate, at traced points or of traced values."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.library.bspline_basis import basis, coefficients, lowered, not_a_knot
from chainrule.library.interpolants import (
    Corners,
    arrange,
    given,
    in_its_precision,
    inside,
    interval,
    keep,
    kept,
    points,
    taken,
    tensor,
)
from chainrule.library.refusals import refuse_function
from chainrule.ops.axes import shape_of
from chainrule.ops.reductions import searchsorted
from chainrule.ops.shapes import convert
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook

__all__: list[str] = []


# Regular grids


@hook("scipy.interpolate", "RegularGridInterpolator.__init__", public="scipy.interpolate.RegularGridInterpolator")
def _regular_grid_interpolator(
    self: Any,
    points: Any,
    values: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
    *,
    solver: Any = None,
    solver_args: Any = None,
) -> None:
    from scipy.interpolate import RegularGridInterpolator

    if has_tracer(tuple(points)):
        raise NoDerivativeError(
            f"scipy.interpolate.RegularGridInterpolator has no derivative by its grid (points).{user_line()}"
        )
    values = in_its_precision(values)
    # SciPy looks at the arguments. A spline is made when it is asked for, and directly: no solver is needed.
    likely = method if method in ("linear", "nearest") or method not in _DEGREES else "linear"
    RegularGridInterpolator.__init__(self, points, np.zeros(shape_of(values)), likely, bounds_error, fill_value)
    self.method = method
    down = [axis for axis, p in enumerate(points) if np.ravel(p)[0] > np.ravel(p)[-1]]
    keep(self, values=np.flip(values, axis=tuple(down)) if down else values)
    self._spline = None


_DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}


@hook("scipy.interpolate", "RegularGridInterpolator.__call__", calls=True)
def _at_points(self: Any, xi: Any, method: str | None = None, *, nu: Any = None) -> Any:
    name = "scipy.interpolate.RegularGridInterpolator"
    method = self.method if method is None else method
    grid, values = [np.asarray(g) for g in kept(self, "grid")], kept(self, "values")
    if method not in ("linear", "nearest", *_DEGREES):
        raise NoDerivativeError(f"{name} is not followed with method={method!r}.{user_line()}")
    if nu is not None and method not in _DEGREES:
        raise ValueError(f"{name}: nu is for the methods {tuple(_DEGREES)}, found {method!r}")
    xi = _stacked(xi, len(grid))
    if shape_of(xi)[-1] != len(grid):
        raise ValueError(f"{name}: xi has {shape_of(xi)[-1]} coordinates, but the grid has {len(grid)} dimensions")
    columns = [xi[..., k] for k in range(len(grid))]
    if self.bounds_error:
        columns = [
            inside(t, low=float(g[0]), high=float(g[-1]), what=f"{name}, dimension {k}")
            for k, (t, g) in enumerate(zip(columns, grid, strict=True))
        ]
    if method in _DEGREES:
        found = _by_splines(self, columns, grid, values, method, nu)
    else:
        near = _nearest if method == "nearest" else _linear
        found = tensor(values, [near(g, t) for g, t in zip(grid, columns, strict=True)])
    shape = (*shape_of(xi)[:-1], *(1,) * (len(shape_of(values)) - len(grid)))
    if not self.bounds_error and self.fill_value is not None:
        outside = np.any(np.stack([(t < g[0]) | (t > g[-1]) for t, g in zip(columns, grid, strict=True)]), axis=0)
        found = np.where(np.reshape(outside, shape), self.fill_value, found)
    missing = np.any(np.isnan(xi), axis=-1)
    return np.where(np.reshape(missing, shape), np.nan, found)


def _stacked(xi: Any, ndim: int) -> Any:
    """Points with their coordinates along the last axis, as SciPy reads arrays, lists, and tuples of coordinates."""
    if isinstance(xi, tuple) and len(xi) == 1:
        xi = xi[0]
    if isinstance(xi, tuple):
        parts = [points(x) for x in xi]
        whole = np.broadcast_shapes(*(shape_of(x) for x in parts))
        return np.stack([np.broadcast_to(x, whole) for x in parts], axis=-1)
    xi = points(xi)
    if len(shape_of(xi)) == 0:
        return np.reshape(xi, (1, 1))
    if len(shape_of(xi)) == 1:
        return np.reshape(xi, (-1, 1) if ndim == 1 else (-1, ndim))
    return xi


def _linear(grid: Any, t: Any) -> Corners:
    if len(grid) == 1:
        return [(np.zeros(shape_of(t), int), np.ones(shape_of(t)))]
    i = interval(grid, t, 0, len(grid) - 2)
    low = taken(grid, i)
    share = (t - low) / (taken(grid, i + 1) - low)
    return [(i, 1 - share), (i + 1, share)]


def _nearest(grid: Any, t: Any) -> Corners:
    if len(grid) == 1:
        return [(np.zeros(shape_of(t), int), None)]
    i = interval(grid, t, 0, len(grid) - 2)
    low = taken(grid, i)
    return [(np.where((t - low) / (taken(grid, i + 1) - low) <= 0.5, i, i + 1), None)]


def _by_splines(self: Any, columns: Sequence[Any], grid: Sequence[Any], values: Any, method: str, nu: Any) -> Any:
    degree = _DEGREES[method]
    spline = self._spline if method == self.method else None
    knots = [not_a_knot(g, degree) for g in grid] if spline is None else list(spline.t)
    c = given(values) if spline is None else spline.c
    corners = []
    for axis, (g, t) in enumerate(zip(grid, columns, strict=True)):
        c = np.moveaxis(c, axis, 0)
        c = coefficients(g, c, knots[axis], degree) if spline is None else c
        line, c, k = lowered(knots[axis], c, degree, 0 if nu is None else int(nu[axis]))
        first, weights = basis(line, k, t)
        corners.append([(first + r, weight) for r, weight in enumerate(weights)])
        c = np.moveaxis(c, 0, axis)
    return tensor(c, corners)


@hook("scipy.interpolate", "interpn")
def _interpn(
    points: Any, values: Any, xi: Any, method: str = "linear", bounds_error: bool = True, fill_value: Any = np.nan
) -> Any:
    from scipy.interpolate import RegularGridInterpolator

    return RegularGridInterpolator(points, values, method, bounds_error, fill_value)(xi)


# Along a line


@hook("scipy.interpolate", "interp1d.__init__", public="scipy.interpolate.interp1d")
def _interp1d(
    self: Any,
    x: Any,
    y: Any,
    kind: Any = "linear",
    axis: int = -1,
    copy: bool = True,
    bounds_error: Any = None,
    fill_value: Any = np.nan,
    assume_sorted: bool = False,
) -> None:
    from scipy.interpolate import interp1d

    if has_tracer([x]):
        raise NoDerivativeError(f"scipy.interpolate.interp1d has no derivative by x; np.interp has.{user_line()}")
    y = in_its_precision(y)
    x = np.asarray(x)
    interp1d.__init__(self, x, np.zeros(shape_of(y)), kind, axis, copy, bounds_error, fill_value, assume_sorted)
    order = np.arange(len(x)) if assume_sorted else np.argsort(x, kind="mergesort")
    rows = np.moveaxis(y, axis, 0)[order]
    self._y = np.reshape(rows, (len(x), -1))
    self.y = np.moveaxis(rows, 0, axis)
    if isinstance(fill_value, str) and kind == "previous":
        self._fill_value_above = self._y[-1]
    if isinstance(fill_value, str) and kind == "next":
        self._fill_value_below = self._y[0]
    if self._kind == "spline":
        from scipy.interpolate import make_interp_spline

        self._spline = make_interp_spline(self.x, self._y, k=self._spline.k)


@hook("scipy.interpolate", "interp1d.__call__", calls=True)
def _along_line(self: Any, x: Any) -> Any:
    from scipy.interpolate import interp1d

    if not isinstance(self, interp1d):
        raise NoDerivativeError(f"scipy.interpolate.{type(self).__name__} is not followed by chainrule.{user_line()}")
    t = points(x)
    rows, knots = self._y, np.asarray(self.x, float)
    flat = np.reshape(t, (-1,))
    if self.bounds_error:
        flat = inside(flat, low=float(knots[0]), high=float(knots[-1]), what="scipy.interpolate.interp1d")
    found = _between(self, flat, knots, rows)
    if not self._extrapolate:
        below, above = self._fill_value_below, self._fill_value_above
        dtype = found.dtype
        for outside, fill in ((flat < knots[0], below), (flat > knots[-1], above)):
            found = convert(np.where(outside[:, None], fill, found), dtype)
    extra = self._y_extra_shape
    found = np.reshape(found, (*shape_of(t), *extra))
    return found if shape_of(t) == () else arrange(found, len(shape_of(t)), self._y_axis)


def _between(self: Any, t: Any, knots: Any, rows: Any) -> Any:
    n = len(knots)
    if self._kind == "spline":
        return self._spline(t)
    if self._kind == "linear":
        i = np.clip(searchsorted(knots, t, side="left"), 1, n - 1)
        low = taken(knots, i - 1)
        share = ((t - low) / (taken(knots, i) - low))[:, None]
        start = taken(rows, i - 1)
        return (taken(rows, i) - start) * share + start
    if self._kind in ("nearest", "nearest-up"):
        return taken(rows, np.clip(searchsorted(self.x_bds, t, side=self._side), 0, n - 1))
    i = np.clip(searchsorted(self._x_shift, t, side=self._side), 1 - self._ind, n - self._ind)
    return taken(rows, i + self._ind - 1)


# What is asked for most of what is not followed, with an error that says what to take instead


_LINE = "CubicSpline, PchipInterpolator and make_interp_spline are."
_GRID = "RegularGridInterpolator is, with the methods linear, nearest and cubic."
_INSTEAD = {
    _LINE: "splrep UnivariateSpline.__init__ KroghInterpolator.__init__ BarycentricInterpolator.__init__",
    _GRID: """RectBivariateSpline.__init__ griddata RBFInterpolator.__init__ RBFInterpolator.__call__
        LinearNDInterpolator.__init__""",
}
for _instead, _names in _INSTEAD.items():
    for _name in _names.split():
        refuse_function("scipy.interpolate", _name, _instead)
