"""sin, cos and tan, for arguments of any size.

With x = n pi + r, |r| <= pi / 2, it is sin x = (-1)^n sin r, and cos x the same with n + 1/2 in place of n; tan takes
n pi / 2 and divides. r is formed with pi in three parts (Cody and Waite), where each product is exact up to the last.
Where a lane is too large for that, a function that is called for such lanes only reduces them by Payne and Hanek's
method (`chainrule.native.math.reduction`). Polynomials are minimax (Remez).
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

# (sin r - r) / r^3 as a polynomial in r^2 on |r| <= pi / 2 + 0.03; error relative to sin r: 2^-35.0 and 2^-70.5.
SIN_SINGLE = (-2.3844178e-08, 2.7522856e-06, -0.00019840819, 0.008333331, -0.16666667)
SIN_DOUBLE = (
    -7.97218053566119e-18,
    2.810103940233339e-15,
    -7.647122841673406e-13,
    1.605904309036198e-10,
    -2.5052108377024866e-08,
    2.75573192239284e-06,
    -0.0001984126984126962,
    0.008333333333333333,
    -0.16666666666666666,
)
# The same, and (cos r - 1 + r^2 / 2) / r^4, on |r| <= pi / 4 + 0.03: 2^-27.5 and 2^-57.2, 2^-32.4 and 2^-63.1.
NEAR_SIN_SINGLE = (-0.00019489946, 0.00833197, -0.16666652)
NEAR_COS_SINGLE = (2.4404184e-05, -0.0013887058, 0.04166664)
NEAR_SIN_DOUBLE = (
    1.588356951611574e-10,
    -2.505052744685133e-08,
    2.755731220492383e-06,
    -0.00019841269825489837,
    0.008333333333316992,
    -0.1666666666666661,
)
NEAR_COS_DOUBLE = (
    -1.134973610038156e-11,
    2.087552822184428e-09,
    -2.7557312890685337e-07,
    2.480158728433034e-05,
    -0.0013888888888865729,
    0.04166666666666655,
)


def sin(x: Number) -> Number:
    """The sine."""
    a = abs(x)
    marked = a.fma(1 / PI_DOUBLE[0], magic(x))
    y = _sine(_rest(a, marked - magic(x), 1.0))
    return _corrected(a, _flipped(y, marked, x), x, "sin", _huge_sin)


def cos(x: Number) -> Number:
    """The cosine."""
    a = abs(x)
    marked = a.fma(1 / PI_DOUBLE[0], 0.5) + magic(x)
    y = _sine(_rest(a, marked - magic(x) - 0.5, 1.0))
    return _corrected(a, _flipped(y, marked, None), x, "cos", _huge_cos)


def tan(x: Number) -> Number:
    """The tangent."""
    a = abs(x)
    marked = a.fma(2 / PI_DOUBLE[0], magic(x))
    s, c = _near(_rest(a, marked - magic(x), 0.5))
    odd = (marked.bits() & 1).equals(1)
    y = where(odd, c, s) / where(odd, s, c)
    return _corrected(a, _flipped(y, marked, x), x, "tan", _huge_tan)


def cosm1(x: Number) -> Number:
    """cos x - 1 = -2 sin(x / 2)^2, where the two do not cancel as they stand."""
    s = sin(x * 0.5)
    return where(abs(s) > 0.5, cos(x) - 1.0, s.fma(s * -2.0, 0.0))


def _rest(a: Number, n: Number, times: float) -> Number:
    """A - n * times * pi."""
    for part in a.pick(PI_SINGLE, PI_DOUBLE):
        a = n.fma(-part * times, a)
    return a


def _sine(r: Number) -> Number:
    z = r * r
    return (r * z).fma(z.polynomial(r.pick(SIN_SINGLE, SIN_DOUBLE)), r)


def _near(r: Number) -> tuple[Number, Number]:
    """Sine and cosine for |r| <= pi / 4."""
    z = r * r
    s = (r * z).fma(z.polynomial(r.pick(NEAR_SIN_SINGLE, NEAR_SIN_DOUBLE)), r)
    # 1 - z / 2, with what its rounding leaves added again.
    half = z * 0.5
    first = 1.0 - half
    c = first + (z * z).fma(z.polynomial(r.pick(NEAR_COS_SINGLE, NEAR_COS_DOUBLE)), (1.0 - first) - half)
    return s, c


def _flipped(y: Number, marked: Number, x: Number | None) -> Number:
    """`y` with its sign changed where n is odd, and again where x is negative."""
    last = y.pick(31, 63)
    flip = marked.bits() << last
    if x is not None:
        flip = flip ^ (x.bits() & (1 << last))
    return (y.bits() ^ flip).as_float(y)


def _corrected(a: Number, y: Number, x: Number, name: str, one: Callable[[Number], Number]) -> Number:
    """`y`, but in lanes that are too large for it what the slow function says."""
    e, limit = x.e, x.pick(LIMIT_SINGLE, LIMIT_DOUBLE)
    before = e.b.block
    with e.b.if_then((a > limit).any(), likely=False):
        slow = e.b.call(_lane_by_lane(e, x.value.type, name, one), [x.value, y.value])
        inside = e.b.block
    result = e.b.phi(x.value.type)
    result.add_incoming(y.value, before)
    result.add_incoming(slow, inside)
    return Number(e, result)


def _lane_by_lane(e: Emitter, kind: ir.Type, name: str, one: Callable[[Number], Number]) -> ir.Function:
    """A function (x, y): y, with ``one(x)`` in lanes where x is large and finite."""
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
            found = one(lane.wide()).narrow() if lane.is_single else one(lane)
            changed = b.insert_element(last, found.value, loop.index) if lanes > 1 else found.value
            inside = b.block
        result = b.phi(kind)
        result.add_incoming(last, before)
        result.add_incoming(changed, inside)
        loop.carry = [result]
    b.ret(loop.carry[0])
    return function


def _huge_sin(x: Number) -> Number:
    r, quarters = reduced(abs(x))
    s, c = _near(r)
    y = where((quarters & 1).equals(1), c, s)
    return _flipped(y, (quarters >> 1).as_float(y), x)


def _huge_cos(x: Number) -> Number:
    r, quarters = reduced(abs(x))
    s, c = _near(r)
    y = where((quarters & 1).equals(1), s, c)
    return _flipped(y, ((quarters + 1) >> 1).as_float(y), None)


def _huge_tan(x: Number) -> Number:
    r, quarters = reduced(abs(x))
    s, c = _near(r)
    odd = (quarters & 1).equals(1)
    return _flipped(where(odd, c, s) / where(odd, s, c), quarters.as_float(r), x)
