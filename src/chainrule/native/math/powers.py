"""power, cbrt and hypot.

x^y = e^(y log x). In 64 bits log x is kept as a sum of two numbers, with an error below 2^-65, since y log x goes up to
745 and every rounding in it counts that many times; 32-bit numbers go through 64-bit ones.
"""

import math

import llvmlite.ir as ir

from chainrule.native.math.exponentials import LOG2_E, exponential, magic, power_of_two, scaled
from chainrule.native.math.logarithms import split
from chainrule.native.math.number import Number, where

__all__ = ["cbrt", "constant_value", "hypot", "power", "short_power", "whole_power"]

# (2 artanh(s) - 2 s - 2 s^3 / 3) / s^5 as a polynomial in s^2 for |s| <= 1/5; error relative to 2 artanh(s): 2^-68.0.
LOG_SERIES = (
    0.12573428923698027,
    0.11592036271345985,
    0.13341165810262848,
    0.1538440590264093,
    0.18181821540856918,
    0.22222222191083085,
    0.2857142857157825,
    0.39999999999999725,
)
# For results of 32 bits: 2 artanh(s) / s as a polynomial in s^2, times log2(e), error 2^-41.2; (2^r - 1) / r, 2^-34.3.
LOG2_SHORT = tuple(
    LOG2_E * c
    for c in (0.201239042514316, 0.22134988526359162, 0.28573188376535064, 0.3999998456893797, 0.6666666671053322, 2.0)
)
EXP2_SHORT = (
    1.5196184176265737e-05,
    0.00015466757680992894,
    0.0013333934908447177,
    0.009618038126665408,
    0.05550410366249024,
    0.24022651066610315,
    0.6931471807043766,
)
# ln 2 in 42 bits, and the rest.
LN2_UPPER = (0.693147180559890330187045037746429443359375, 5.49792301870837117e-14)
# 2 / 3 as the nearest number and the rest.
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)


def _sum(x: Number, y: Number) -> tuple[Number, Number]:
    """The sum as rounded, and the rest; |x| >= |y|, or x = 0."""
    total = x + y
    return total, (x - total) + y


def _product(x: Number, y: Number) -> tuple[Number, Number]:
    """The product as rounded, and the rest."""
    product = x * y
    return product, x.fma(y, -product)


def _log_of_sum(a: Number) -> tuple[Number, Number]:
    """The logarithm as a sum of two numbers, for positive a."""
    f, e, _ = split(a)
    d, d_low = _sum(f.constant(2.0), f)
    inverse = 1.0 / d
    s = f * inverse
    s_low = (s.fma(-d, f) - s * d_low) * inverse
    z, z_low = _product(s, s)
    z_low = (s + s).fma(s_low, z_low)
    # 2 s + s z c with c = 2 / 3 + z P(z).
    p = z * z.polynomial(LOG_SERIES)
    c, c_low = _sum(p.constant(TWO_THIRDS[0]), p)
    c_low = c_low + TWO_THIRDS[1]
    w, w_low = _product(z, c)
    w_low = z.fma(c_low, z_low.fma(c, w_low))
    t, t_low = _product(s, w)
    t_low = s.fma(w_low, s_low.fma(w, t_low))
    high, low = _sum(s + s, t)
    low = low + (s_low + s_low + t_low)
    # e times the upper part of ln 2 in 42 bits is exact.
    upper, lower = LN2_UPPER
    total, rest = _sum(e * upper, high)
    return total, e.fma(lower, rest + low)


def power(x: Number, y: Number) -> Number:
    """The power x^y, with the special values of C's pow."""
    if x.is_single:
        return _power_narrow(x, y)
    a = abs(x)
    high, low = _log_of_sum(a)
    # Where y is this large, x^y is 0, 1 or infinite already.
    bounded = y.at_most(2.0**65).at_least(-(2.0**65))
    t, t_low = _product(bounded, high)
    t_low = bounded.fma(low, t_low)
    t_low = where(abs(t) < 800.0, t_low, 0.0)
    p, n, marked = exponential(t.at_most(720.0).at_least(-760.0), t_low)
    return _with_limits(scaled(p + 1.0, n, marked), x, y)


def _power_narrow(x: Number, y: Number) -> Number:
    f, e, _ = split(abs(x))
    f = f.wide()
    s = f / (f + 2.0)
    # log2 x = e + log2(e) 2 artanh(s)
    logarithm = s.fma((s * s).polynomial(LOG2_SHORT), e.wide())
    t = (logarithm * y.wide().at_most(2.0**65).at_least(-(2.0**65))).at_most(200.0).at_least(-200.0)
    marked = t + magic(t)
    r = t - (marked - magic(t))
    power = power_of_two(marked)
    z = power.fma(r * r.polynomial(EXP2_SHORT), power).narrow()
    return _with_limits(z, x, y)


def _with_limits(z: Number, x: Number, y: Number) -> Number:
    """`z`, but what C's pow says where x is not positive, or one of the two is infinite or NaN."""
    e, a = x.e, abs(x)
    plain = (x > 0.0) & (x < math.inf) & (abs(y) < math.inf)
    before = e.b.block
    with e.b.if_then((~plain).any(), likely=False):
        whole, half = y.rint().equals(y), y * 0.5
        odd = whole & ~half.rint().equals(half)
        # 0 and infinity, by the sign of y.
        grows = where(a.equals(0.0), -y, y)
        w = where(a.equals(0.0) | a.equals(math.inf), where(grows > 0.0, y.constant(math.inf), 0.0), z)
        w = where(x.is_negative() & odd, -w, w)
        w = where((x < 0.0) & ~whole & (a < math.inf), math.nan, w)
        w = where(x.is_nan() | y.is_nan(), x + y, w)
        w = where(x.equals(1.0) | y.equals(0.0), 1.0, w)
        inside = e.b.block
    result = e.b.phi(x.value.type)
    result.add_incoming(z.value, before)
    result.add_incoming(w.value, inside)
    return Number(e, result)


def short_power(x: Number, y: float) -> Number | None:
    """The power x^y for the constants that take a product or two, a division or a root; None for others."""
    if y == 0:
        return x.constant(1.0)
    if y == 0.5:
        return x.sqrt()
    if y in (1, 2, 3, 4):
        return whole_power(x, int(y))
    if y in (-1, -2):
        return 1.0 / whole_power(x, int(-y))
    return None


def constant_value(y: ir.Value) -> float | None:
    """The number that a constant holds, the same in every lane; None where there is none."""
    if not isinstance(y, ir.Constant):
        return None
    held = y.constant
    if isinstance(held, (list, tuple)):
        held = held[0] if len({one.constant for one in held}) == 1 else None
    if isinstance(held, ir.Constant):
        held = held.constant
    return held if isinstance(held, (int, float)) else None


def whole_power(x: Number, exponent: int) -> Number:
    """The power for a whole exponent from 0 on, by squaring."""
    result: Number | None = None
    while exponent:
        if exponent & 1:
            result = x if result is None else result * x
        exponent >>= 1
        x = x * x if exponent else x
    return x.constant(1) if result is None else result


def cbrt(x: Number) -> Number:
    """The cube root: r = |x|^(-1/3) from a guess by its bits and two steps of order three, then |x| r^2 corrected."""
    a = abs(x)
    # Where parts of y^3 would be subnormal, x is lifted by a power of 8.
    small, lift = x.pick((1e-28, 20), (1e-270, 60))
    tiny = a < small
    a = where(tiny, a * 8.0**lift, a)
    # The bits of a float grow as its logarithm: those of r are a constant minus a third of those of a.
    if x.is_single:
        bits = Number(x.e, x.e.b.sitofp(a.bits().value, x.value.type))
        guess = bits.fma(-1.0 / 3.0, 1418472267.0)
        r = Number(x.e, x.e.b.fptosi(guess.value, a.bits().value.type)).as_float(a)
    else:
        # Their upper half is enough; it becomes a float, and an integer again, by standing in the lowest bits of 2^52.
        upper = ((a.bits() >> 32) | (0x433 << 52)).as_float(a) - 2.0**52
        r = ((upper.fma(-1.0 / 3.0, 1430188000.0) + 2.0**52).bits() << 32).as_float(a)
    for _ in range(2):
        h = 1.0 - a * r * r * r
        r = r + r * h * h.fma(2.0 / 9.0, 1.0 / 3.0)
    # One step of Newton's method for y / 2, whose cube is never too large.
    y = a * r * r
    half = y * 0.5
    y = y + (half * half).fma(-half, a * 0.125) * (r * r) * (8.0 / 3.0)
    y = where(tiny, y * 0.5**lift, y)
    return where((a > 0.0) & (a < math.inf), y, a).with_sign(x)


def hypot(x: Number, y: Number) -> Number:
    """The root of x^2 + y^2; in 64 bits scaled by the larger one."""
    if x.is_single:
        a, b = x.wide(), y.wide()
        z = (a * a + b * b).sqrt().narrow()
    else:
        a, b = abs(x), abs(y)
        large = where(a > b, a, b)
        small = where(a > b, b, a)
        ratio = where(large > 0.0, small / large, 0.0)
        z = large * ratio.fma(ratio, 1.0).sqrt()
        z = where(a.is_nan() | b.is_nan(), x + y, z)
    infinite = abs(x).equals(math.inf) | abs(y).equals(math.inf)
    return where(infinite, math.inf, z)
