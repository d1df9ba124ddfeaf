"""arcsin, arccos, arctan and arctan2: minimax polynomials (Remez) on a part that the others are led back to."""

import math

from chainrule.native.math.number import Number, where

__all__ = ["arccos", "arcsin", "arctan", "arctan2"]

# What pi / 2 is more than the nearest number, 32 and 64 bits.
REST_OF_HALF_PI = (-4.371138828673793e-08, 6.123233995736766e-17)

# (arctan t - t) / t^3 as a polynomial in t^2 on [0, 1]; error relative to arctan t: 2^-28.5 and 2^-57.6.
ARCTAN_SINGLE = (
    -0.0017936189,
    0.01091459,
    -0.031177811,
    0.057957552,
    -0.08403447,
    0.10952184,
    -0.14264241,
    0.19998549,
    -0.333333,
)
ARCTAN_DOUBLE = (
    1.322544891546688e-05,
    -0.0001521646227077255,
    0.0008313393527998743,
    -0.002884968554492298,
    0.0071966017409872554,
    -0.013900701369337501,
    0.02198500600700348,
    -0.02990398533874256,
    0.03664199286184225,
    -0.04219183090171061,
    0.04722323844620467,
    -0.05253519050149457,
    0.05880527931184801,
    -0.06666404078181445,
    0.07692279841967434,
    -0.09090907003236602,
    0.11111111007041134,
    -0.14285714282575665,
    0.1999999999995147,
    -0.3333333333333307,
)
# (arcsin s - s) / s^3 as a polynomial in s^2 on [0, 1/2]; error relative to arcsin s: 2^-31.8 and 2^-59.9.
ARCSIN_SINGLE = (0.037516713, 0.014438393, 0.031807784, 0.044516947, 0.07500504, 0.1666666)
ARCSIN_DOUBLE = (
    0.032628469733234716,
    -0.02099881196436493,
    0.02170726714833568,
    0.003706483669635951,
    0.01078023283699989,
    0.01139891575191986,
    0.013980820130152847,
    0.01735161204638647,
    0.02237221498598567,
    0.03038194270783526,
    0.044642857174610986,
    0.07499999999970801,
    0.1666666666666676,
)


def _arctan(t: Number) -> Number:
    z = t * t
    return (t * z).fma(z.polynomial(t.pick(ARCTAN_SINGLE, ARCTAN_DOUBLE)), t)


def arctan(x: Number) -> Number:
    """By pi / 2 - arctan(1 / |x|) for |x| > 1, up to the sign."""
    a = abs(x)
    large = a > 1.0
    r = _arctan(where(large, a.constant(1.0), a) / where(large, a, 1.0))
    return where(large, math.pi / 2 - (r - x.pick(*REST_OF_HALF_PI)), r).with_sign(x)


def arctan2(y: Number, x: Number) -> Number:
    """The angle of the point (x, y), from the smaller of its coordinates over the larger."""
    a, b = abs(x), abs(y)
    steep = b > a
    ratio = where(steep, a, b) / where(steep, b, a)
    # 0 / 0 counts as 0, infinity / infinity as 1.
    ratio = where(a.equals(b), where(a.equals(0.0), a, 1.0), ratio)
    r = _arctan(ratio)
    left = x.is_negative()
    # r, pi / 2 - r, pi / 2 + r or pi - r.
    turned = where(where(steep, ~left, left), -r, r)
    rest = x.pick(*REST_OF_HALF_PI)
    base = where(steep, x.constant(math.pi / 2), where(left, x.constant(math.pi), 0.0))
    base_rest = where(steep, x.constant(rest), where(left, x.constant(2 * rest), 0.0))
    return (base + (turned + base_rest)).with_sign(y)


def _reduced(x: Number) -> tuple[Number, Number, Number]:
    """(large, s, c) with |x| > 1/2 where large; arcsin |x| = s + c elsewhere and pi / 2 - 2 (s + c) there."""
    a = abs(x)
    large = a > 0.5
    z = where(large, a.fma(-0.5, 0.5), a * a)
    s = where(large, z.sqrt(), a)
    return large, s, s * z * z.polynomial(x.pick(ARCSIN_SINGLE, ARCSIN_DOUBLE))


def arcsin(x: Number) -> Number:
    """By pi / 2 - 2 arcsin(sqrt((1 - |x|) / 2)) for |x| > 1/2, up to the sign."""
    large, s, c = _reduced(x)
    y = s + c
    return where(large, math.pi / 2 - (y + y - x.pick(*REST_OF_HALF_PI)), y).with_sign(x)


def arccos(x: Number) -> Number:
    """By 2 arcsin(sqrt((1 - x) / 2)) for x > 1/2, pi minus that of -x for x < -1/2, pi / 2 - arcsin x between."""
    large, s, c = _reduced(x)
    y = s + c
    rest = x.pick(*REST_OF_HALF_PI)
    near = math.pi / 2 - (y.with_sign(x) - rest)
    far = where(x < 0.0, math.pi - (y + y - 2 * rest), y + y)
    return where(large, far, near)
