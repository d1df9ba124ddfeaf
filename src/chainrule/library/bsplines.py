"""B-splines of scipy.interpolate, at traced points or of traced coefficients, and the one through data."""

from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.library.bspline_basis import basis, coefficients, lowered
from chainrule.library.interpolants import arrange, given, keep, kept, points, taken, wrapped
from chainrule.library.refusals import refuse_function
from chainrule.ops.axes import shape_of
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _value(knots: Any, c: Any, k: int, t: Any, nu: int, extrapolate: Any) -> Any:
    low, high = knots[k], knots[-k - 1]
    if extrapolate == "periodic":
        t, extrapolate = wrapped(t, low, high), False
    inside = None if extrapolate else (t >= low) & (t <= high)
    knots, c, k = lowered(knots, c, k, nu)
    first, weights = basis(knots, k, t)
    shape = (*shape_of(t), *(1,) * (len(shape_of(c)) - 1))
    total: Any = 0.0
    for r, weight in enumerate(weights):
        total = total + np.reshape(weight, shape) * taken(c, first + r)
    if inside is None and k == 0:
        inside = ~np.isnan(t)
    return total if inside is None else np.where(np.reshape(inside, shape), total, np.nan)


@hook("scipy.interpolate", "BSpline.__call__", public="scipy.interpolate.BSpline.__call__", calls=True)
def _call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    t = points(x)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    found = _value(kept(self, "t"), kept(self, "c"), self.k, t, int(nu), extrapolate)
    return arrange(found, len(shape_of(t)), self.axis)


def _new(t: Any, c: Any, k: int, axis: int, extrapolate: Any = True) -> Any:
    from scipy.interpolate import BSpline

    made: Any = object.__new__(BSpline)
    keep(made, t=t, c=c)
    made.k, made.axis, made.extrapolate = k, axis, extrapolate
    return made


@hook("scipy.interpolate", "BSpline.__init__", public="scipy.interpolate.BSpline")
def _bspline(self: Any, t: Any, c: Any, k: Any, extrapolate: Any = True, axis: int = 0) -> None:
    from scipy.interpolate import BSpline

    _plain("BSpline", "knots", t)
    c = given(c)
    # SciPy looks at what else there is to look at.
    BSpline.__init__(self, t, np.zeros(shape_of(c)), k, extrapolate, axis)
    keep(self, c=np.moveaxis(c, self.axis, 0) if self.axis else c)


@hook("scipy.interpolate", "BSpline.derivative", calls=True)
def _derivative(self: Any, nu: int = 1) -> Any:
    t, c, k = lowered(kept(self, "t"), kept(self, "c"), self.k, nu)
    return _new(t, c, k, self.axis, self.extrapolate)


for _name in ("antiderivative", "integrate", "insert_knot"):
    refuse_function("scipy.interpolate", f"BSpline.{_name}")


def _plain(name: str, what: str, x: Any) -> None:
    if has_tracer([x]):
        raise NoDerivativeError(
            f"scipy.interpolate.{name} has no derivative by its {what}; scipy.interpolate.CubicSpline has.{user_line()}"
        )


# The spline through points


_NAMED = {"clamped": [(1, 0.0)], "natural": [(2, 0.0)]}


@hook("scipy.interpolate", "make_interp_spline")
def _make_interp_spline(
    x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0, check_finite: bool = True
) -> Any:
    from scipy.interpolate import make_interp_spline

    _plain("make_interp_spline", "x", x)
    y = given(y)
    axis %= len(shape_of(y))
    if isinstance(bc_type, str) and bc_type == "periodic":
        raise NoDerivativeError(
            "scipy.interpolate.make_interp_spline is not followed with bc_type='periodic'; "
            f"scipy.interpolate.CubicSpline is.{user_line()}"
        )
    x = np.asarray(x, float)
    y = np.moveaxis(y, axis, 0) if axis else y
    ends = _ends(bc_type)
    # SciPy makes the knots, and looks at the arguments.
    zero = tuple([(order, np.zeros(shape_of(y)[1:])) for order, _ in side] or None for side in ends)
    like = make_interp_spline(x, np.zeros(shape_of(y)), k, t, None if zero == (None, None) else zero)
    knots = np.asarray(like.t)
    c = y if k == 0 or (k == 1 and t is None) else coefficients(x, y, knots, k, ends)
    return _new(knots, c, k, axis)


def _ends(bc_type: Any) -> tuple[list[Any], list[Any]]:
    if bc_type is None or (isinstance(bc_type, str) and bc_type == "not-a-knot"):
        return [], []
    sides = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
    found = [[] if side is None else _NAMED.get(side) if isinstance(side, str) else list(side) for side in sides]
    if len(found) != 2 or any(side is None for side in found):
        raise ValueError(f"make_interp_spline: unknown bc_type {bc_type!r}")
    return found[0], found[1]  # type: ignore[return-value]
