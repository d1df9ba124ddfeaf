"""erf, erfc, erfcx and the normal distribution function with its logarithm.

All but the middle of erf come from one polynomial: e^(x^2) erfc(x) (1 + 2 x) in q = (x - 4) / (x + 4), for x >= 0
(M. Shepherd, J. Laframboise: Chebyshev approximation of (1 + 2x) exp(x^2) erfc x, 1981). e^(-x^2) is taken with x^2
as a sum of two numbers, since its rounding would count x^2 times. 32-bit numbers go through 64-bit ones, but for erf.
"""

import math
from collections.abc import Callable

from chainrule.native.math.exponentials import exponential, power_of_two, scaled
from chainrule.native.math.logarithms import log, log1p_inside
from chainrule.native.math.number import Number, where

__all__ = ["erf", "erfc", "erfcx", "log_ndtr", "ndtr"]

# erf(x) / x - 1 as a polynomial in x^2 for |x| <= 0.93 (1 in 64 bits); error relative to erf x: 2^-31.0 and 2^-56.9.
ERF_SINGLE = (8.3167906e-05, -0.00081300165, 0.005199907, -0.026858943, 0.112836875, -0.37612632, 0.12837917)
ERF_DOUBLE = (
    -7.779474028167907e-10,
    1.3710983067766377e-08,
    -1.6206314285130832e-07,
    1.6447131624733688e-06,
    -1.4924712304756816e-05,
    0.00012055293576939506,
    -0.0008548325929311471,
    0.0052239776061183026,
    -0.02686617064311143,
    0.11283791670944185,
    -0.3761263890318352,
    0.12837916709551256,
)
# -log(1 - erf(x)) / x - 1 on 0.9 <= x <= 3.95; error of erf x: 2^-31.9.
ERF_FAR_SINGLE = (
    5.296885e-06,
    -4.993919e-05,
    -2.74411e-05,
    0.002869136,
    -0.022575637,
    0.10516951,
    0.63567317,
    0.12854144,
)
# e^(x^2) erfc(x) (1 + 2 x) in q; relative error 2^-32.5 (for results of 32 bits) and 2^-57.0.
SCALED_SINGLE = (
    -9.476275322893451e-06,
    -8.606166010959793e-06,
    0.00014735630389203075,
    -0.00022046116423269133,
    -0.000754681955699863,
    0.005047291969383159,
    -0.016199358794346246,
    0.037161451105079554,
    -0.0663298964138298,
    0.09373408064215685,
    -0.10103913383376345,
    0.06809694083513348,
    0.015379655916898993,
    -0.13962111384754894,
    1.2329951185894457,
)
SCALED_DOUBLE = (
    -2.56209621923419e-10,
    9.306305361122995e-10,
    3.112008124581429e-09,
    -1.2343911528219883e-08,
    -2.0412122339739502e-08,
    1.0633164394370239e-07,
    7.72502497186075e-08,
    -8.210847964279276e-07,
    2.9217893425887763e-07,
    5.70659699824663e-06,
    -1.1221413777822096e-05,
    -2.4397742569452932e-05,
    0.0001506215419936122,
    -0.00019925714788261668,
    -0.0007577732753536789,
    0.005031970067914378,
    -0.016197734057425923,
    0.03716751552652648,
    -0.06633036581242346,
    0.09373283499909596,
    -0.10103906603628846,
    0.06809705425466907,
    0.015379652102619363,
    -0.1396211168405623,
    1.2329951186255526,
)

# Roughly the derivative of the latter.
SCALED_SLOPE = (-1.2, 0.8, 0.13, -0.17)


def _scaled_tail(a: Number, coefficients: tuple[float, ...]) -> Number:
    """e^(a^2) erfc(a) for a >= 0."""
    up, down = a - 4.0, a + 4.0
    q = up / down
    d = a.fma(2.0, 1.0)
    if coefficients is SCALED_SINGLE:
        return q.polynomial(coefficients) / d
    # What rounding takes from q, from the last sum and from 1 + 2 a is added after the division.
    up_low, down_low = a - (up + 4.0), (4.0 - down) + a
    q_low = (q.fma(-down, up) + (up_low - q * down_low)) / down
    t = q * q.polynomial(coefficients[:-1])
    g = t + coefficients[-1]
    g_low = q_low.fma(q.polynomial(SCALED_SLOPE), (coefficients[-1] - g) + t)
    d_low = (1.0 - d) + (a + a)
    inverse = 1.0 / d
    y = g * inverse
    return y + inverse * (y.fma(-d, g) + (g_low - y * d_low))


def _tail(a: Number, square: tuple[Number, Number], coefficients: tuple[float, ...]) -> Number:
    """erfc(a) for a >= 0, given a^2 as a sum of two."""
    high, low = square
    p, n, marked = exponential(-high, -low)
    g = _scaled_tail(a, coefficients)
    return scaled(p.fma(g, g), n, marked)


def _square(a: Number) -> tuple[Number, Number]:
    high = a * a
    return high, a.fma(a, -high)


def _in_double(f: Callable[[Number, tuple[float, ...]], Number]) -> Callable[[Number], Number]:
    """`f` in 64 bits for both types, with the coefficients that suffice."""

    def function(x: Number) -> Number:
        return f(x.wide(), SCALED_SINGLE).narrow() if x.is_single else f(x, SCALED_DOUBLE)

    return function


def erf(x: Number) -> Number:
    """By x + x P(x^2) in the middle; outside 1 - erfc, in 32 bits as 1 - e^-Q(|x|)."""
    a = abs(x)
    middle = a.fma((a * a).polynomial(x.pick(ERF_SINGLE, ERF_DOUBLE)), a)
    if x.is_single:
        # From 3.95 on the result rounds to 1.
        b = a.at_most(3.95)
        p, _, marked = exponential(-b.fma(b.polynomial(ERF_FAR_SINGLE), b))
        power = power_of_two(marked)
        far, limit = 1.0 - power.fma(p, power), 0.92
    else:
        b = a.at_most(6.0)
        far, limit = 1.0 - _tail(b, _square(b), SCALED_DOUBLE), 1.0
    return where(a < limit, middle, far).with_sign(x)


def _erfc(x: Number, coefficients: tuple[float, ...]) -> Number:
    a = abs(x).at_most(28.0)
    y = _tail(a, _square(a), coefficients)
    return where(x < 0.0, 2.0 - y, y)


def _erfcx(x: Number, coefficients: tuple[float, ...]) -> Number:
    y = _scaled_tail(abs(x).at_most(1.0e300), coefficients)
    # On the left 2 e^(x^2) minus that; 27^2 is where it is infinite.
    high, low = _square(abs(x).at_most(27.0))
    p, n, marked = exponential(high, low)
    # 1 / (x sqrt(pi)) where 1 + 2 x is near the largest number.
    y = where(abs(x) < 1.0e300, y, 1 / math.sqrt(math.pi) / abs(x))
    return where(x < 0.0, scaled(p + 1.0, n + 1.0, marked + 1.0) - y, y)


def _normal_tail(x: Number, g: Number) -> Number:
    """erfc(|x| / sqrt 2) / 2, given ``g``, that times e^(x^2 / 2)."""
    high, low = _square(abs(x).at_most(40.0))
    p, n, marked = exponential(high * -0.5, low * -0.5)
    return scaled(p.fma(g, g), n, marked)


def _half_scaled_tail(x: Number, coefficients: tuple[float, ...]) -> Number:
    return _scaled_tail(abs(x).at_most(1.0e300) * math.sqrt(0.5), coefficients) * 0.5


def _ndtr(x: Number, coefficients: tuple[float, ...]) -> Number:
    y = _normal_tail(x, _half_scaled_tail(x, coefficients))
    return where(x < 0.0, y, 1.0 - y)


def _log_ndtr(x: Number, coefficients: tuple[float, ...]) -> Number:
    g = _half_scaled_tail(x, coefficients)
    left = log(g) - x * x * 0.5
    return where(x > 0.0, -abs(log1p_inside(-_normal_tail(x, g))), left)


erfc = _in_double(_erfc)
erfcx = _in_double(_erfcx)
ndtr = _in_double(_ndtr)
log_ndtr = _in_double(_log_ndtr)
