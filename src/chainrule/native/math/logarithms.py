"""log, log2, log10, log1p and what is made of them.

With x = 2^e (1 + f), 1 + f in [3/4, 3/2), it is log x = e ln 2 + log(1 + f). In 32 bits log(1 + f) is a polynomial in
f; in 64 it is one in s^2 with s = f / (2 + f), as in Sun's fdlibm, since log(1 + f) = 2 artanh(s). Minimax polynomials,
relative error below 2^-27 and 2^-61.
"""

import math

from chainrule.native.math.exponentials import exp, exp2
from chainrule.native.math.number import Number, where

__all__ = [
    "log",
    "log10",
    "log1p",
    "log1p_inside",
    "log1p_unit",
    "log2",
    "logaddexp",
    "logaddexp2",
    "logit",
    "split",
    "xlog1py",
    "xlogy",
]

# Bits of 3/4, where the range of 1 + f starts.
START_SINGLE, START_DOUBLE = 0x3F400000, 0x3FE8000000000000

# ln 2 as the next smaller number and the rest: both are positive, so that infinity times them keeps its sign.
LN2_SINGLE = (0.6931471228599548, 5.7699990475432854e-08)
LN2_DOUBLE = (0.693147180559945286226764, 2.319046813846299558e-17)

# (log(1 + f) - f + f^2 / 2) / f^3 for f in [-1/4, 1/2]; error relative to log(1 + f): 2^-27.6.
LOG_SINGLE = (
    -0.045079514,
    0.10464297,
    -0.13162078,
    0.1447851,
    -0.16647245,
    0.19990845,
    -0.25000098,
    0.3333345,
)
# (2 artanh(s) - 2 s) / s^3 as a polynomial in s^2 for |s| <= 1/5; error relative to 2 artanh(s): 2^-61.7.
LOG_DOUBLE = (
    0.1384084695241734,
    0.13173922687867987,
    0.15391092773586915,
    0.18181666459151896,
    0.22222224286840273,
    0.28571428555911654,
    0.40000000000056346,
    0.666666666666666,
)

# log2(e) and log10(e) as the nearest number and the rest, log10(2) as the next smaller one.
LOG2_E_SINGLE = (1.44269502162933349609375, 1.925963033500011e-08)
LOG2_E_DOUBLE = (1.442695040888963387, 2.0355273740931033e-17)
LOG10_E_SINGLE = (0.4342944920063018798828125, -1.010305118726136e-08)
LOG10_E_DOUBLE = (0.434294481903251816668, 1.098319650216765e-17)
LOG10_2_SINGLE = (0.3010299801826477, 1.5481333490135613e-08)
LOG10_2_DOUBLE = (0.30102999566398114, 5.270742310347266e-17)


def split(x: Number) -> tuple[Number, Number, bool]:
    """(f, e) with x = 2^e (1 + f), for positive x, subnormal numbers too.

    The last of the three says whether the logarithm comes out right for all other x as well, with no more said: e is an
    infinity at 0 and infinity, f is NaN below 0.
    """
    m, exponent = x.mantissa(), x.exponent()
    if m is not None and exponent is not None:
        # m in [3/4, 1) has the exponent -1, where that of x was one more than e asks for.
        below = m.exponent()
        assert below is not None
        return m - 1.0, exponent - below, True
    places, bias, start, tiny, lift = x.pick(
        (23, 127, START_SINGLE, 2.0**-126, 24), (52, 1023, START_DOUBLE, 2.0**-1022, 54)
    )
    small = x < tiny
    i = where(small, x * 2.0**lift, x).bits() - start
    m = ((i & ((1 << places) - 1)) + start).as_float(x)
    # The exponent, made positive, becomes a float by standing in the lowest bits of 2^places.
    marked = ((i + (bias << places)) >> places) | ((bias + places) << places)
    e = marked.as_float(x) - where(small, x.constant(2.0**places + bias + lift), 2.0**places + bias)
    return m - 1.0, e, False


def parts(f: Number) -> tuple[Number, Number]:
    """log(1 + f) = f + rest: (f, rest)."""
    if f.is_single:
        z = f * f
        return f, z.fma(-0.5, z * f * f.polynomial(LOG_SINGLE))
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    return f, s.fma(z.fma(z.polynomial(LOG_DOUBLE), half_square), -half_square)


def natural(f: Number, e: Number) -> Number:
    """log(2^e (1 + f))."""
    high, low = f.pick(LN2_SINGLE, LN2_DOUBLE)
    f, rest = parts(f)
    return e.fma(high, f + e.fma(low, rest))


def with_limits(y: Number, x: Number, zero: float = 0.0) -> Number:
    """The logarithm `y` of x, given what it is where x is no positive number; x counts from `zero`."""
    y = where(x < math.inf, y, x)
    return where(x > zero, y, where(x.equals(zero), y.constant(-math.inf), math.nan))


def log(x: Number) -> Number:
    """The natural logarithm."""
    f, e, complete = split(x)
    y = natural(f, e)
    return y if complete else with_limits(y, x)


def log2(x: Number) -> Number:
    """The logarithm to base 2, exact for powers of two."""
    f, e, complete = split(x)
    high, low = x.pick(LOG2_E_SINGLE, LOG2_E_DOUBLE)
    f, rest = parts(f)
    y = f + rest
    y = y.fma(high, y.fma(low, e))
    return y if complete else with_limits(y, x)


def log10(x: Number) -> Number:
    """The logarithm to base 10."""
    f, e, complete = split(x)
    high, low = x.pick(LOG10_E_SINGLE, LOG10_E_DOUBLE)
    high_2, low_2 = x.pick(LOG10_2_SINGLE, LOG10_2_DOUBLE)
    f, rest = parts(f)
    y = f + rest
    y = e.fma(high_2, y.fma(high, e.fma(low_2, y * low)))
    return y if complete else with_limits(y, x)


def log1p_inside(x: Number) -> Number:
    """log(1 + x) for -1 < x < infinity."""
    # With e from the rounded sum, 2^-e x + (2^-e - 1) is f for the sum itself.
    places, bias, start = x.pick((23, 127, START_SINGLE), (52, 1023, START_DOUBLE))
    i = (x + 1.0).bits() - start
    whole = i & ~((1 << places) - 1)
    # 4 * 2^-e, since 2^-e may be subnormal.
    power = (((bias + 2) << places) - whole).as_float(x)
    f = (x.bits() - whole).as_float(x) + power.fma(0.25, -1.0)
    marked = ((i + (bias << places)) >> places) | ((bias + places) << places)
    return natural(f, marked.as_float(x) - (2.0**places + bias))


def log1p_unit(x: Number) -> Number:
    """log(1 + x) for 0 <= x <= 1, or NaN."""
    # From 3/2 on 1 + x is 2 (1 + f) with f = (x - 1) / 2.
    small = x < 0.5
    high, low = x.pick(LN2_SINGLE, LN2_DOUBLE)
    f, rest = parts(where(small, x, x.fma(0.5, -0.5)))
    return where(small, 0.0, x.constant(high)) + (f + (rest + where(small, 0.0, x.constant(low))))


def log1p(x: Number) -> Number:
    """log(1 + x)."""
    return with_limits(log1p_inside(x), x, -1.0).with_sign(x)


def logit(x: Number) -> Number:
    """log(x / (1 - x)); around 1/2, where that is near log 1, by log1p."""
    far = log(x / (1.0 - x))
    near = log1p_inside((x - 0.5) * 2.0 / (1.0 - x))
    return where(abs(x - 0.5) < 0.25, near, far)


def times(x: Number, y: Number, logarithm: Number) -> Number:
    """The product of x and a logarithm that y gives, 0 where x is 0 unless y is NaN."""
    return where(x.equals(0.0), where(y.is_nan(), y, 0.0), x * logarithm)


def xlogy(x: Number, y: Number) -> Number:
    """The product x log y, 0 at x = 0."""
    return times(x, y, log(y))


def xlog1py(x: Number, y: Number) -> Number:
    """The product x log(1 + y), 0 at x = 0."""
    return times(x, y, log1p(y))


def logaddexp(x: Number, y: Number) -> Number:
    """log(e^x + e^y) = m + log(1 + e^-d) with m the larger one and d their distance."""
    return _larger(x, y) + log1p_unit(exp(-_distance(x, y)))


def logaddexp2(x: Number, y: Number) -> Number:
    """log2(2^x + 2^y)."""
    return _larger(x, y) + log1p_unit(exp2(-_distance(x, y))) * x.pick(LOG2_E_SINGLE, LOG2_E_DOUBLE)[0]


def _larger(x: Number, y: Number) -> Number:
    return where(x.is_nan(), x, where(x > y, x, y))


def _distance(x: Number, y: Number) -> Number:
    # Equal infinities have distance 0.
    return where(x.equals(y), 0.0, abs(x - y))
