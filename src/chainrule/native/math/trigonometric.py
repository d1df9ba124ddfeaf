"""sin, cos and tan, for arguments of any size.

With x = n pi / 2 + r, |r| <= pi / 4, each is sin r, cos r or their quotient, up to the sign, by n modulo 4. r is formed
with pi in three parts (Cody and Waite), where each product is exact up to the last. Where a lane is too large for that,
a function that is called for such lanes only reduces them by Payne and Hanek's method
(`chainrule.native.math.reduction`). Polynomials are minimax (Remez).
"""

from collections.abc import Callable

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.math.exponentials import magic
from chainrule.native.math.number import Number, where
from chainrule.native.math.reduction import reduced
from chainrule.native.types import lanes_of

__all__ = ["cos", "cosm1", "sin", "tan"]

# pi as a sum: each part is the nearest number to what the ones before leave.
PI_SINGLE = (3.1415927410125732, -8.742277657347586e-08, -3.4302490200117637e-15)
PI_DOUBLE = (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33)

# Above these, n pi with pi in three parts is not accurate, or n takes too many bits.
LIMIT_SINGLE, LIMIT_DOUBLE = 2.0**17, 2.0**30

# (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 as polynomials in r^2 for |r| <= pi / 4 + 0.03; errors relative to
# the function: 2^-27.5 and 2^-32.4 in 32 bits, 2^-57.2 and 2^-63.1 in 64.
SIN_SINGLE = (-0.00019489946, 0.00833197, -0.16666652)
COS_SINGLE = (2.4404184e-05, -0.0013887058, 0.04166664)
SIN_DOUBLE = (
    1.588356951611574e-10,
    -2.505052744685133e-08,
    2.755731220492383e-06,
    -0.00019841269825489837,
    0.008333333333316992,
    -0.1666666666666661,
)
COS_DOUBLE = (
    -1.134973610038156e-11,
    2.087552822184428e-09,
    -2.7557312890685337e-07,
    2.480158728433034e-05,
    -0.0013888888888865729,
    0.04166666666666655,
)


def sin(x: Number) -> Number:
    """The sine."""
    r, quarters = _reduced(abs(x))
    return _corrected(_sine(r, quarters, x), x, "sin", _sine)


def cos(x: Number) -> Number:
    """The cosine: the sine a quarter turn further on."""
    r, quarters = _reduced(abs(x))
    return _corrected(_cosine(r, quarters, x), x, "cos", _cosine)


def tan(x: Number) -> Number:
    """The tangent."""
    r, quarters = _reduced(abs(x))
    return _corrected(_tangent(r, quarters, x), x, "tan", _tangent)


def cosm1(x: Number) -> Number:
    """By cos x - 1 = -2 sin(x / 2)^2, where the two do not cancel as they stand."""
    s = sin(x * 0.5)
    return where(abs(s) > 0.5, cos(x) - 1.0, s.fma(s * -2.0, 0.0))


def _reduced(a: Number) -> tuple[Number, Number]:
    """(r, n) with a = n pi / 2 + r; n as bits of which the lowest count."""
    marked = a.fma(2 / PI_DOUBLE[0], magic(a))
    n = marked - magic(a)
    for part in a.pick(PI_SINGLE, PI_DOUBLE):
        a = n.fma(-part / 2, a)
    return a, marked.bits()


def _near(r: Number) -> tuple[Number, Number]:
    """Sine and cosine for |r| <= pi / 4."""
    z = r * r
    s = (r * z).fma(z.polynomial(r.pick(SIN_SINGLE, SIN_DOUBLE)), r)
    # 1 - z / 2, with what its rounding leaves added again.
    half = z * 0.5
    first = 1.0 - half
    c = first + (z * z).fma(z.polynomial(r.pick(COS_SINGLE, COS_DOUBLE)), (1.0 - first) - half)
    return s, c


def _odd(quarters: Number) -> Number:
    return (quarters & 1).equals(1)


def _flipped(y: Number, half_turns: Number, x: Number | None = None) -> Number:
    """`y` with its sign changed where the second bit is set, and again where x is negative."""
    last = y.pick(31, 63)
    if x is not None:
        half_turns = half_turns ^ (x.bits() >> (last - 1))
    return (y.bits() ^ ((half_turns & 2) << (last - 1))).as_float(y)


def _sine(r: Number, quarters: Number, x: Number) -> Number:
    s, c = _near(r)
    return _flipped(where(_odd(quarters), c, s), quarters, x)


def _cosine(r: Number, quarters: Number, x: Number) -> Number:
    s, c = _near(r)
    return _flipped(where(_odd(quarters), s, c), quarters + 1)


def _tangent(r: Number, quarters: Number, x: Number) -> Number:
    s, c = _near(r)
    odd = _odd(quarters)
    y = where(odd, c, s) / where(odd, s, c)
    # Negative where the quarter is odd.
    return _flipped(y, quarters << 1, x)


def _corrected(y: Number, x: Number, name: str, one: Callable[[Number, Number, Number], Number]) -> Number:
    """`y`, but in lanes that are too large for it what `one` makes of them, reduced with care."""
    e, a, limit = x.e, abs(x), x.pick(LIMIT_SINGLE, LIMIT_DOUBLE)
    before = e.b.block
    with e.b.if_then((a > limit).any(), likely=False):
        slow = e.b.call(_lane_by_lane(e, x.value.type, name, one), [x.value, y.value])
        inside = e.b.block
    result = e.b.phi(x.value.type)
    result.add_incoming(y.value, before)
    result.add_incoming(slow, inside)
    return Number(e, result)


def _lane_by_lane(e: Emitter, kind: ir.Type, name: str, one: Callable[[Number, Number, Number], Number]) -> ir.Function:
    """A function (x, y): y, with what `one` makes of x in lanes where x is large and finite."""
    lanes = lanes_of(kind)
    symbol = f"chainrule.{name}.{lanes}.{'f32' if Number(e, ir.Constant(kind, None)).is_single else 'f64'}"
    known: ir.Function | None = e.module.globals.get(symbol)
    if known is not None:
        return known
    function = ir.Function(e.module, ir.FunctionType(kind, [kind, kind]), symbol)
    function.linkage = "internal"
    inner = Emitter(function)
    x, y = function.args
    b = inner.b
    with inner.loop(inner.int(0), inner.int(lanes), carried=[y]) as loop:
        lane = Number(inner, b.extract_element(x, loop.index) if lanes > 1 else x)
        last = loop.carry[0]
        a = abs(lane)
        before = b.block
        with b.if_then(((a > lane.pick(LIMIT_SINGLE, LIMIT_DOUBLE)) & (a < float("inf"))).value):
            found = lane.wide() if lane.is_single else lane
            found = one(*reduced(abs(found)), found)
            found = found.narrow() if lane.is_single else found
            changed = b.insert_element(last, found.value, loop.index) if lanes > 1 else found.value
            inside = b.block
        result = b.phi(kind)
        result.add_incoming(last, before)
        result.add_incoming(changed, inside)
        loop.carry = [result]
    b.ret(loop.carry[0])
    return function
