"""Piecewise polynomials of scipy.interpolate: values, derivatives and integrals, of traced points or coefficients.

Piece i is the sum of c[j, i] (t - x[i])^(k - j) over j, with k the degree.
"""

import math
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.library.interpolants import (
    arrange,
    given,
    interval,
    kept,
    known_value,
    new_pieces,
    points,
    set_pieces,
    taken,
    wrapped,
)
from chainrule.library.refusals import refuse_function
from chainrule.ops.axes import shape_of
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _rising(k: int, nu: int) -> Any:
    """The factor p (p - 1) ... (p - nu + 1) that nu derivatives give a power p, for the powers from k down to nu."""
    return np.array([math.perm(power, nu) for power in range(k, nu - 1, -1)], float)


def _value(c: Any, x: Any, t: Any, nu: int, extrapolate: Any) -> Any:
    """The nu-th derivative at points: with their axes first, then those of the coefficients after the second."""
    if extrapolate == "periodic":
        t, extrapolate = wrapped(t, x[0], x[-1]), False
    i = interval(x, t, 0, shape_of(x)[0] - 2)
    rest = len(shape_of(c)) - 2
    s = np.reshape(t - taken(x, i), (*shape_of(t), *(1,) * rest))
    k = shape_of(c)[0] - 1
    value = np.zeros((*shape_of(t), *shape_of(c)[2:]))
    for j, factor in enumerate(_rising(k, nu)):
        row = taken(c[j], i)
        row = row if factor == 1 else factor * row
        value = row if j == 0 else value * s + row
    if extrapolate and nu < k:
        return value
    inside = ~np.isnan(t) if extrapolate else (t >= x[0]) & (t <= x[-1])
    return np.where(np.reshape(inside, shape_of(s)), value, np.nan)


@hook("scipy.interpolate", "PPoly.__init__", public="scipy.interpolate.PPoly")
def _ppoly(self: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
    from scipy.interpolate import PPoly

    if not isinstance(self, PPoly) or has_tracer([x]):
        what = "has no derivative by its breakpoints" if isinstance(self, PPoly) else "is not followed by chainrule"
        raise NoDerivativeError(f"scipy.interpolate.{type(self).__name__} {what}.{user_line()}")
    c = given(c)
    # SciPy looks at the arguments.
    PPoly.__init__(self, np.zeros(shape_of(c)), x, extrapolate, axis)
    if axis:
        c = np.moveaxis(np.moveaxis(c, axis + 1, 0), axis + 1, 0)
    set_pieces(self, c, kept(self, "x"), extrapolate, axis)


@hook("scipy.interpolate", "PPoly.__call__", public="scipy.interpolate.PPoly.__call__", calls=True)
def _call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    _only_increasing(self)
    t = points(x)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    found = _value(kept(self, "c"), kept(self, "x"), t, int(nu), extrapolate)
    return arrange(found, len(shape_of(t)), self.axis)


def _only_increasing(self: Any) -> None:
    from scipy.interpolate import PPoly

    knots = known_value(kept(self, "x"))
    if not isinstance(self, PPoly) or (knots is not None and knots[0] > knots[-1]):
        what = type(self).__name__ if not isinstance(self, PPoly) else "PPoly with decreasing breakpoints"
        raise NoDerivativeError(f"scipy.interpolate.{what} is not followed by chainrule. Use a PPoly.{user_line()}")


@hook("scipy.interpolate", "PPoly.derivative", calls=True)
def _derivative(self: Any, nu: int = 1) -> Any:
    if nu < 0:
        return _antiderivative(self, -nu)
    _only_increasing(self)
    c = kept(self, "c")
    k = shape_of(c)[0] - 1
    if nu > k:
        return new_pieces(self, 0 * c[:1], self.extrapolate)
    factors = np.reshape(_rising(k, nu), (-1, *(1,) * (len(shape_of(c)) - 1)))
    return new_pieces(self, c[: k + 1 - nu] * factors, self.extrapolate)


@hook("scipy.interpolate", "PPoly.antiderivative", calls=True)
def _antiderivative(self: Any, nu: int = 1) -> Any:
    if nu <= 0:
        return _derivative(self, -nu)
    _only_increasing(self)
    c = kept(self, "c")
    for _ in range(nu):
        c = _integrated(c, kept(self, "x"))
    return new_pieces(self, c, False if self.extrapolate == "periodic" else self.extrapolate)


def _integrated(c: Any, x: Any) -> Any:
    """Coefficients of the integral from the first breakpoint on."""
    k = shape_of(c)[0] - 1
    rest = (1,) * (len(shape_of(c)) - 2)
    raised = c / np.reshape(np.arange(k + 1, 0, -1.0), (-1, 1, *rest))
    dx = np.reshape(np.diff(x), (-1, *rest))
    whole = raised[0]
    for row in range(1, k + 1):
        whole = whole * dx + raised[row]
    starts = np.cumsum(whole * dx, axis=0)
    starts = np.concatenate([0 * starts[:1], starts[:-1]], axis=0)
    return np.concatenate([raised, starts[None]], axis=0)


@hook("scipy.interpolate", "PPoly.integrate", calls=True)
def _integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    _only_increasing(self)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    x = kept(self, "x")
    c = _integrated(kept(self, "c"), x)

    def until(t: Any) -> Any:
        t = points(t)
        if extrapolate != "periodic":
            return _value(c, x, t, 0, extrapolate)
        whole = _value(c, x, x[-1], 0, True)
        return np.floor((t - x[0]) / (x[-1] - x[0])) * whole + _value(c, x, wrapped(t, x[0], x[-1]), 0, True)

    return until(b) - until(a)


for _name in ("solve", "roots"):
    refuse_function(
        "scipy.interpolate",
        f"PPoly.{_name}",
        "A root has a derivative with scipy.optimize.brentq between two points around it.",
    )
