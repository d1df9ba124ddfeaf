"""tanh, sinh, cosh, their inverses, and the logistic function: compositions of e^x - 1 and log(1 + x).

Every one is arranged so that nothing cancels and each rounding counts at most once: about two units in the last place.
"""

import math

from chainrule.native.math.exponentials import exp, expm1_over, exponential, scaled
from chainrule.native.math.logarithms import log1p_inside, log1p_unit
from chainrule.native.math.number import Number, where

__all__ = ["arccosh", "arcsinh", "arctanh", "cosh", "expit", "log_expit", "sinh", "tanh"]


def tanh(x: Number) -> Number:
    """With t = e^(-2|x|) - 1 it is -t / (t + 2), up to the sign."""
    t = expm1_over(abs(x).at_most(x.pick(10.0, 20.0)) * -2.0, 0)
    return (t / (t + 2.0)).with_sign(x)


def sinh(x: Number) -> Number:
    """With v = (e^|x| - 1) / 4, which is a number wherever sinh is one, it is 2 (v + v / (4 v + 1))."""
    a = abs(x)
    v = expm1_over(a.at_most(x.pick(89.5, 710.6)), 2)
    y = (v + v / v.fma(4.0, 1.0)) * 2.0
    # x + x^3 / 6 rounds to x.
    return where(a < x.pick(2.0**-13, 2.0**-28), a, y).with_sign(x)


def cosh(x: Number) -> Number:
    """With h = e^|x| / 2 it is h + 1 / (4 h)."""
    p, n, marked = exponential(abs(x).at_most(x.pick(90.0, 711.0)))
    h = scaled(p + 1.0, n - 1.0, marked - 1.0)
    return h + 0.25 / h


def expit(x: Number) -> Number:
    """1 / (1 + e^-x), by z = e^-|x|: 1 / (1 + z) on the right, z / (1 + z) on the left."""
    z = exp(-abs(x))
    return where(x < 0.0, z, 1.0) / (z + 1.0)


def log_expit(x: Number) -> Number:
    """log(1 / (1 + e^-x)) = min(x, 0) - log(1 + e^-|x|)."""
    # -0.0 - 0.0 is -0.0, as SciPy has it.
    return x.at_most(-0.0) - log1p_unit(exp(-abs(x)))


def arctanh(x: Number) -> Number:
    """log(1 + 2|x| / (1 - |x|)) / 2, up to the sign."""
    a = abs(x)
    y = log1p_inside((a + a) / (1.0 - a)) * 0.5
    return where(a < 1.0, y, where(a.equals(1.0), y.constant(math.inf), math.nan)).with_sign(x)


def arcsinh(x: Number) -> Number:
    """log(1 + a + a^2 / (1 + sqrt(1 + a^2))) with a = |x|, up to the sign; log(2 a) where a^2 is too large."""
    a = abs(x)
    square = a * a
    y = log1p_doubled(a, a + square / ((square + 1.0).sqrt() + 1.0))
    return where(a < math.inf, y, a).with_sign(x)


def arccosh(x: Number) -> Number:
    """log(1 + t + sqrt(t (t + 2))) with t = x - 1; log(2 x) where t^2 is too large."""
    t = x - 1.0
    y = log1p_doubled(x, t + (t * (t + 2.0)).sqrt())
    return where(x >= 1.0, where(x < math.inf, y, x), math.nan)


def log1p_doubled(x: Number, u: Number) -> Number:
    """log(1 + u), and log(2 x) from where 1 / x counts no more."""
    large = x > x.pick(2.0**28, 2.0**56)
    return log1p_inside(where(large, x, u)) + where(large, x.constant(math.log(2.0)), 0.0)
