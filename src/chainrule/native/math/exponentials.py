"""exp, exp2 and expm1.

With x = n ln 2 + r, |r| <= ln(2) / 2, it is e^x = 2^n e^r. The whole number n is found by adding 1.5 * 2^23 (2^52 in
64 bits), which leaves it in the lowest bits; r is formed with ln 2 in two parts. Polynomials are minimax (Remez), with
relative error below 2^-26 in 32 bits and 2^-55 in 64.
"""

from typing import NamedTuple

from chainrule.native.math.number import Number, where

__all__ = ["Exponential", "exp", "exp2", "expm1", "expm1_over", "exponential", "scaled"]

LOG2_E = 1.4426950408889634
# ln 2 as the nearest number and the rest.
LN2_SINGLE = (0.693147182464599609375, -1.904654323148236e-09)
LN2_DOUBLE = (0.693147180559945286226764, 2.319046813846299558e-17)

# (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2; error relative to e^r - 1: 2^-26.1 and 2^-55.5.
EXPM1_SINGLE = (0.0013882392, 0.008367181, 0.041667223, 0.16666539, 0.49999997)
EXPM1_DOUBLE = (
    2.505383499874485e-08,
    2.7627401855277057e-07,
    2.755741100830786e-06,
    2.4801501988700193e-05,
    0.00019841269711654623,
    0.0013888888934150917,
    0.008333333333394121,
    0.04166666666656943,
    0.16666666666666582,
    0.5000000000000006,
)

# (2^r - 1) / r on |r| <= 1/2; error relative to 2^r: 2^-28.9 and 2^-64.4.
EXP2_SINGLE = (0.00015353374, 0.0013398874, 0.009618437, 0.055503324, 0.24022648, 0.6931472)
EXP2_DOUBLE = (
    2.5625383488843544e-11,
    4.4565703377993214e-10,
    7.054974507494941e-09,
    1.0178051943205285e-07,
    1.32154865948289e-06,
    1.5252733854314997e-05,
    0.00015403530393640823,
    0.0013333558146392695,
    0.00961812910762833,
    0.05550410866482169,
    0.24022650695910072,
    0.6931471805599453,
)


class Exponential(NamedTuple):
    """e^x as 2^n (1 + p).

    Attributes
    ----------
    p : Number
        e^r - 1.
    n : Number
        A whole number.
    marked : Number
        n with its bits in the lowest places.
    """

    p: Number
    n: Number
    marked: Number


def magic(x: Number) -> float:
    """The number whose sum with a small one has the latter's nearest whole number in its lowest bits."""
    return 1.5 * 2.0**23 if x.is_single else 1.5 * 2.0**52


def power_of_two(marked: Number, over: int = 0) -> Number:
    """2^(n - over) from n with its bits in the lowest places; a normal number."""
    places, bias = marked.pick((23, 127), (52, 1023))
    return ((marked.bits() << places) + ((bias - over) << places)).as_float(marked)


def scaled(x: Number, n: Number, marked: Number) -> Number:
    """The product x 2^n, rounded once, where 2^n itself may be too large or too small for a number."""
    done = x.times_power_of_two(n)
    if done is not None:
        return done
    # Two factors, each a normal number: only the second product can round.
    places, bias = x.pick((23, 127), (52, 1023))
    half = n.fma(0.5, magic(x))
    rest = ((marked.bits() - half.bits()) << places) + (bias << places)
    return x * power_of_two(half) * rest.as_float(x)


def exponential(x: Number, low: Number | None = None) -> Exponential:
    """e^(x + low), for x that is not far outside of where this is a number, and a tiny `low`."""
    high_part, low_part = x.pick(LN2_SINGLE, LN2_DOUBLE)
    marked = x.fma(LOG2_E, magic(x))
    n = marked - magic(x)
    r = n.fma(-low_part, n.fma(-high_part, x))
    if low is not None:
        r = r + low
    p = (r * r).fma(r.polynomial(x.pick(EXPM1_SINGLE, EXPM1_DOUBLE)), r)
    return Exponential(p, n, marked)


def exp(x: Number) -> Number:
    """e^x."""
    x = x.at_most(x.pick(89.0, 710.0)).at_least(x.pick(-104.0, -746.0))
    p, n, marked = exponential(x)
    return scaled(p + 1.0, n, marked)


def exp2(x: Number) -> Number:
    """2^x."""
    x = x.at_most(x.pick(129.0, 1025.0)).at_least(x.pick(-151.0, -1076.0))
    marked = x + magic(x)
    n = marked - magic(x)
    r = x - n
    return scaled(r.fma(r.polynomial(x.pick(EXP2_SINGLE, EXP2_DOUBLE)), 1.0), n, marked)


def expm1_over(x: Number, over: int) -> Number:
    """(e^x - 1) 2^-over, for x from -40 (-20 in 32 bits) to where 2^(n - over) is a number."""
    p, _, marked = exponential(x)
    power = power_of_two(marked, over)
    return power.fma(p, power - 0.5**over)


def expm1(x: Number) -> Number:
    """e^x - 1."""
    bounded = x.at_most(x.pick(89.0, 710.0)).at_least(x.pick(-20.0, -40.0))
    # Halved, since 2^n with n = 128 (1024) is too large where e^x is not; below, x - x^2 / 2 rounds to x.
    return where(abs(x) < x.pick(2.0**-26, 2.0**-55), x, expm1_over(bounded, 1) * 2.0)
