"""Arithmetic, comparison, rounding and logic as NumPy defines them, for floats, integers and bits."""

import math
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.math.division import fmod
from chainrule.native.math.number import Number, where
from chainrule.native.types import lanes_of, scalar_of

__all__ = [
    "absolute",
    "add",
    "bits_and",
    "bits_not",
    "bits_or",
    "bits_xor",
    "ceil",
    "compare",
    "copysign",
    "divide",
    "floor",
    "floor_divide",
    "fmod_of",
    "heaviside",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "larger",
    "ldexp",
    "left_shift",
    "multiply",
    "negative",
    "nextafter",
    "reciprocal",
    "relu",
    "remainder",
    "right_shift",
    "rint",
    "sign",
    "signbit",
    "smaller",
    "spacing",
    "subtract",
    "trunc",
    "unchanged",
]

Dtype = np.dtype[Any]


# The first argument is the dtype of the operands.


def unchanged(dtype: Dtype, x: Number) -> Number:
    """The operand itself."""
    return x


def imag(dtype: Dtype, x: Number) -> Number:
    """The imaginary part of a real number."""
    return x.constant(0)


def add(dtype: Dtype, x: Number, y: Number) -> Number:
    """The sum; of bits, or."""
    return x | y if dtype.kind == "b" else x + y


def subtract(dtype: Dtype, x: Number, y: Number) -> Number:
    """The difference."""
    return x - y


def multiply(dtype: Dtype, x: Number, y: Number) -> Number:
    """The product; of bits, and."""
    return x & y if dtype.kind == "b" else x * y


def divide(dtype: Dtype, x: Number, y: Number) -> Number:
    """The quotient of floats."""
    return x / y


def reciprocal(dtype: Dtype, x: Number) -> Number:
    """1 / x."""
    return 1.0 / x


def negative(dtype: Dtype, x: Number) -> Number:
    """-x."""
    return -x


def absolute(dtype: Dtype, x: Number) -> Number:
    """|x|."""
    if dtype.kind == "f":
        return abs(x)
    return where(x < 0, -x, x) if dtype.kind == "i" else x


def sign(dtype: Dtype, x: Number) -> Number:
    """-1, 0 or 1; NaN stays NaN."""
    if dtype.kind == "u":
        return where(x.equals(0), x, 1)
    zero = where(x.equals(0), 0, x)
    return where(x > 0, 1, where(x < 0, -1, zero))


def relu(dtype: Dtype, x: Number) -> Number:
    """The larger of x and 0."""
    return x if dtype.kind in "bu" else where(x < 0, 0, x)


# Comparison


def compare(symbol: str) -> Any:
    """The rule of a comparison."""

    def rule(dtype: Dtype, x: Number, y: Number) -> Number:
        b = x.e.b
        if dtype.kind == "f":
            test = b.fcmp_unordered if symbol == "!=" else b.fcmp_ordered
        else:
            test = b.icmp_signed if dtype.kind == "i" else b.icmp_unsigned
        return Number(x.e, test(symbol, x.value, y.value))

    return rule


def larger(ignore_nan: bool) -> Any:
    """The rule of maximum (a NaN wins) or fmax (a NaN loses)."""
    return _extreme(">", ignore_nan)


def smaller(ignore_nan: bool) -> Any:
    """The rule of minimum (a NaN wins) or fmin (a NaN loses)."""
    return _extreme("<", ignore_nan)


def _extreme(symbol: str, ignore_nan: bool) -> Any:
    before = compare(symbol)

    def rule(dtype: Dtype, x: Number, y: Number) -> Number:
        if dtype.kind == "f" and _is_number(y.value) and not ignore_nan:
            # A NaN of x fails the comparison.
            return where(before(dtype, y, x), y, x)
        found = where(before(dtype, x, y), x, y)
        if dtype.kind != "f":
            return found
        # A comparison with NaN is false, so found is y.
        return where(y.is_nan(), x, found) if ignore_nan else where(x.is_nan(), x, found)

    return rule


def _is_number(x: ir.Value) -> bool:
    """True for a constant that is no NaN."""
    if not isinstance(x, ir.Constant):
        return False
    # A vector holds one scalar constant in all lanes.
    one = x.constant.constant if isinstance(x.constant, ir.Constant) else x.constant
    return isinstance(one, int | float) and one == one


def isnan(dtype: Dtype, x: Number) -> Number:
    """Where there is no number."""
    return x.is_nan() if dtype.kind == "f" else _never(x)


def isinf(dtype: Dtype, x: Number) -> Number:
    """Where x is infinite."""
    return abs(x).equals(math.inf) if dtype.kind == "f" else _never(x)


def isfinite(dtype: Dtype, x: Number) -> Number:
    """Where x is a finite number."""
    return abs(x) < math.inf if dtype.kind == "f" else ~_never(x)


def signbit(dtype: Dtype, x: Number) -> Number:
    """Where the sign bit is set."""
    return x.is_negative()


def _never(x: Number) -> Number:
    return Number(x.e, x.e.const(0, x.e.with_lanes(ir.IntType(1), lanes_of(x.value.type))))


# Rounding


def _rounding(name: str) -> Any:
    def rule(dtype: Dtype, x: Number) -> Number:
        return Number(x.e, x.e.intrinsic(name, x.value)) if dtype.kind == "f" else x

    return rule


floor, ceil = _rounding("llvm.floor"), _rounding("llvm.ceil")
trunc, rint = _rounding("llvm.trunc"), _rounding("llvm.rint")


# Division with a remainder


def _whole_division(x: Number, y: Number, dtype: Dtype, name: str) -> Number:
    """Integer division by the machine's instruction, which knows no 0 and no quotient that is too large."""
    b = x.e.b
    bad = y.equals(0)
    if dtype.kind == "i":
        bad = bad | (y.equals(-1) & x.equals(np.iinfo(dtype).min))
        name = "s" + name
    else:
        name = "u" + name
    return Number(x.e, getattr(b, name)(x.value, where(bad, 1, y).value))


def floor_divide(dtype: Dtype, x: Number, y: Number) -> Number:
    """The whole number below x / y; of integers 0 for y = 0."""
    if dtype.kind == "f":
        rest = fmod(x, y)
        opposite = ~rest.equals(0.0) & ((rest < 0.0) ^ (y < 0.0))
        quotient = (x - rest) / y
        quotient = where(opposite, quotient - 1.0, quotient)
        whole = quotient.floor()
        whole = where(quotient - whole > 0.5, whole + 1.0, whole)
        whole = where(quotient.equals(0.0), quotient.constant(0.0).with_sign(x / y), whole)
        return where(y.equals(0.0), x / y, whole)
    quotient = _whole_division(x, y, dtype, "div")
    if dtype.kind == "i":
        rest = x - quotient * y
        low = ~rest.equals(0) & ((rest ^ y) < 0)
        quotient = where(low, quotient - 1, quotient)
    return where(y.equals(0), 0, quotient)


def remainder(dtype: Dtype, x: Number, y: Number) -> Number:
    """The remainder with the sign of y; of integers 0 for y = 0."""
    if dtype.kind == "f":
        rest = fmod(x, y)
        zero = rest.equals(0.0)
        rest = where(~zero & ((rest < 0.0) ^ (y < 0.0)), rest + y, rest)
        return where(zero, rest.constant(0.0).with_sign(y), rest)
    rest = _whole_division(x, y, dtype, "rem")
    if dtype.kind == "i":
        rest = where(~rest.equals(0) & ((rest ^ y) < 0), rest + y, rest)
    return where(y.equals(0), 0, rest)


def fmod_of(dtype: Dtype, x: Number, y: Number) -> Number:
    """The remainder with the sign of x; of integers 0 for y = 0."""
    if dtype.kind == "f":
        return fmod(x, y)
    return where(y.equals(0), 0, _whole_division(x, y, dtype, "rem"))


# Bits


def bits_and(dtype: Dtype, x: Number, y: Number) -> Number:
    """Bit by bit, and."""
    return x & y


def bits_or(dtype: Dtype, x: Number, y: Number) -> Number:
    """Bit by bit, or."""
    return x | y


def bits_xor(dtype: Dtype, x: Number, y: Number) -> Number:
    """Bit by bit, either."""
    return x ^ y


def bits_not(dtype: Dtype, x: Number) -> Number:
    """Bit by bit, not."""
    return ~x


def _too_far(dtype: Dtype, y: Number) -> Number:
    # A negative count is a large one without its sign.
    width = y.e.const(8 * dtype.itemsize, y.value.type)
    return Number(y.e, y.e.b.icmp_unsigned(">=", y.value, width))


def left_shift(dtype: Dtype, x: Number, y: Number) -> Number:
    """The product x 2^y; 0 where y is the number of bits or more."""
    far = _too_far(dtype, y)
    return where(far, 0, Number(x.e, x.e.b.shl(x.value, where(far, 0, y).value)))


def right_shift(dtype: Dtype, x: Number, y: Number) -> Number:
    """The whole number below x / 2^y."""
    far = _too_far(dtype, y)
    if dtype.kind == "i":
        last = 8 * dtype.itemsize - 1
        return Number(x.e, x.e.b.ashr(x.value, where(far, last, y).value))
    return where(far, 0, Number(x.e, x.e.b.lshr(x.value, where(far, 0, y).value)))


# Floats by their bits


def copysign(dtype: Dtype, x: Number, y: Number) -> Number:
    """The magnitude of x with the sign of y."""
    return x.with_sign(y)


def heaviside(dtype: Dtype, x: Number, y: Number) -> Number:
    """0 to the left of 0, y at 0, 1 to the right."""
    return where(x.is_nan(), x, where(x.equals(0.0), y, where(x > 0.0, x.constant(1.0), 0.0)))


def nextafter(dtype: Dtype, x: Number, y: Number) -> Number:
    """The next float from x in the direction of y."""
    bits = x.bits()
    # The magnitude grows where y lies on the side of x that x itself lies on.
    outwards = (y > x) ^ (x < 0.0)
    moved = where(outwards, bits + 1, bits - 1).as_float(x)
    tiniest = bits.constant(1).as_float(x).with_sign(y)
    moved = where(x.equals(0.0), tiniest, moved)
    return where(x.is_nan() | y.is_nan(), x + y, where(x.equals(y), y, moved))


def spacing(dtype: Dtype, x: Number) -> Number:
    """The distance to the next float away from 0, with the sign of x."""
    a = abs(x)
    gap = ((a.bits() + 1).as_float(x) - a).with_sign(x)
    return where(a < math.inf, gap, math.nan)


def ldexp(dtype: Dtype, x: Number, n: Number) -> Number:
    """The product x 2^n."""
    kind = x.e.integer_like(x.value.type)
    from_width, to_width = scalar_of(n.value.type).width, scalar_of(kind).width
    places, bias = x.pick((23, 127), (52, 1023))
    # From 2^-3 bias to 2^3 bias everything goes to 0 or infinity.
    limit = 3 * bias
    n = n.at_most(limit).at_least(-limit)
    if from_width < to_width:
        n = Number(x.e, x.e.b.sext(n.value, kind))
    elif from_width > to_width:
        n = Number(x.e, x.e.b.trunc(n.value, kind))
    # Three steps by normal powers; those down leave room above the subnormal numbers, so that only the last one rounds.
    down = 1 - bias + places + 1
    for _ in range(2):
        step = where(n > bias, bias, where(n < 1 - bias, n.constant(down), 0))
        x = x * ((step + bias) << places).as_float(x)
        n = n - step
    n = where(n > bias, bias, n.at_least(1 - bias))
    return x * ((n + bias) << places).as_float(x)
