"""Formulas as instructions: an operator on numbers writes the instruction that computes it."""

from collections.abc import Sequence
from typing import Any, TypeVar

import llvmlite.ir as ir

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.types import is_float, lanes_of, scalar_of

__all__ = ["Number", "where"]

T = TypeVar("T")


class Number:
    """A value in a register, scalar or vector, of a float type, an integer type or of bits.

    Operators follow Python's arithmetic, lane by lane; a Python number stands for itself in every lane. Integers wrap,
    ``>>`` fills with zeros, and a comparison with NaN is false.

    Attributes
    ----------
    e : Emitter
        Where instructions go.
    value : llvmlite.ir.Value
        The register.
    """

    __slots__ = ("e", "value")

    def __init__(self, e: Emitter, value: ir.Value) -> None:
        self.e = e
        self.value = value

    @property
    def is_float(self) -> bool:
        """True for floats, False for integers and bits."""
        return is_float(self.value.type)

    @property
    def is_single(self) -> bool:
        """True for floats of 32 bits."""
        return isinstance(scalar_of(self.value.type), ir.FloatType)

    def pick(self, single: T, double: T) -> T:
        """The constant that goes with the type: `single` for 32 bits, `double` for 64."""
        return single if self.is_single else double

    def constant(self, value: Any) -> "Number":
        """A constant of the same type."""
        return Number(self.e, self.e.const(value, self.value.type))

    def _value(self, other: Any) -> ir.Value:
        return other.value if isinstance(other, Number) else self.e.const(other, self.value.type)

    def _binary(self, real: str, whole: str, left: Any, right: Any) -> "Number":
        name = real if self.is_float else whole
        return Number(self.e, getattr(self.e.b, name)(self._value(left), self._value(right)))

    def __add__(self, y: Any) -> "Number":
        return self._binary("fadd", "add", self, y)

    __radd__ = __add__

    def __sub__(self, y: Any) -> "Number":
        return self._binary("fsub", "sub", self, y)

    def __rsub__(self, y: Any) -> "Number":
        return self._binary("fsub", "sub", y, self)

    def __mul__(self, y: Any) -> "Number":
        return self._binary("fmul", "mul", self, y)

    __rmul__ = __mul__

    def __truediv__(self, y: Any) -> "Number":
        return Number(self.e, self.e.b.fdiv(self.value, self._value(y)))

    def __rtruediv__(self, y: Any) -> "Number":
        return Number(self.e, self.e.b.fdiv(self._value(y), self.value))

    def __neg__(self) -> "Number":
        return Number(self.e, self.e.b.fneg(self.value) if self.is_float else self.e.b.neg(self.value))

    def __abs__(self) -> "Number":
        return Number(self.e, self.e.intrinsic("llvm.fabs", self.value))

    def __and__(self, y: Any) -> "Number":
        return Number(self.e, self.e.b.and_(self.value, self._value(y)))

    def __or__(self, y: Any) -> "Number":
        return Number(self.e, self.e.b.or_(self.value, self._value(y)))

    def __xor__(self, y: Any) -> "Number":
        return Number(self.e, self.e.b.xor(self.value, self._value(y)))

    def __invert__(self) -> "Number":
        return Number(self.e, self.e.b.not_(self.value))

    def __lshift__(self, y: int) -> "Number":
        return Number(self.e, self.e.b.shl(self.value, self._value(y)))

    def __rshift__(self, y: int) -> "Number":
        return Number(self.e, self.e.b.lshr(self.value, self._value(y)))

    def _compare(self, sign: str, y: Any) -> "Number":
        compare = self.e.b.fcmp_ordered if self.is_float else self.e.b.icmp_signed
        return Number(self.e, compare(sign, self.value, self._value(y)))

    def __lt__(self, y: Any) -> "Number":
        return self._compare("<", y)

    def __le__(self, y: Any) -> "Number":
        return self._compare("<=", y)

    def __gt__(self, y: Any) -> "Number":
        return self._compare(">", y)

    def __ge__(self, y: Any) -> "Number":
        return self._compare(">=", y)

    def equals(self, y: Any) -> "Number":
        """Where the two are equal."""
        return self._compare("==", y)

    def is_nan(self) -> "Number":
        """Where there is no number."""
        return Number(self.e, self.e.b.fcmp_unordered("uno", self.value, self.value))

    def is_negative(self) -> "Number":
        """Where the sign bit is set, at -0.0 too."""
        return self.bits() < 0

    def any(self) -> ir.Value:
        """One bit, set where any lane is."""
        lanes = lanes_of(self.value.type)
        if lanes == 1:
            return self.value
        together = ir.IntType(lanes)
        return self.e.b.icmp_unsigned("!=", self.e.b.bitcast(self.value, together), ir.Constant(together, 0))

    def fma(self, y: Any, z: Any) -> "Number":
        """The sum self * y + z, rounded once."""
        return Number(self.e, self.e.fma(self.value, self._value(y), self._value(z)))

    def polynomial(self, coefficients: Sequence[float]) -> "Number":
        """A polynomial; coefficients from the highest power down.

        Horner's rule on even and odd powers apart: the processor waits for one chain of half the length, not for one of
        the whole, which counts more than the additional product. Short ones gain nothing and would lose accuracy.
        """
        if len(coefficients) < 7:
            return Number(self.e, self.e.polynomial(self.value, coefficients))
        square = self * self
        last, other = coefficients[::-2][::-1], coefficients[-2::-2][::-1]
        even, odd = (Number(self.e, self.e.polynomial(square.value, each)) for each in (last, other))
        return odd.fma(self, even)

    def at_most(self, bound: Any) -> "Number":
        """The smaller of the two; NaN stays NaN."""
        return where(self > bound, bound, self)

    def at_least(self, bound: Any) -> "Number":
        """The larger of the two; NaN stays NaN."""
        return where(self < bound, bound, self)

    def with_sign(self, y: "Number") -> "Number":
        """The magnitude of one number with the sign of another."""
        return Number(self.e, self.e.intrinsic("llvm.copysign", self.value, y.value))

    def sqrt(self) -> "Number":
        """The square root, correctly rounded."""
        return Number(self.e, self.e.intrinsic("llvm.sqrt", self.value))

    def rint(self) -> "Number":
        """The nearest whole number, the even one of two."""
        return Number(self.e, self.e.intrinsic("llvm.rint", self.value))

    def trunc(self) -> "Number":
        """The next whole number towards zero."""
        return Number(self.e, self.e.intrinsic("llvm.trunc", self.value))

    def floor(self) -> "Number":
        """The next whole number below."""
        return Number(self.e, self.e.intrinsic("llvm.floor", self.value))

    def bits(self) -> "Number":
        """The bits of a float as an integer."""
        return Number(self.e, self.e.b.bitcast(self.value, self.e.integer_like(self.value.type)))

    def as_float(self, like: "Number") -> "Number":
        """The float that has these bits."""
        return Number(self.e, self.e.b.bitcast(self.value, like.value.type))

    def wide(self) -> "Number":
        """The same numbers in 64 bits."""
        kind = self.e.with_lanes(ir.DoubleType(), lanes_of(self.value.type))
        return Number(self.e, self.e.b.fpext(self.value, kind))

    def narrow(self) -> "Number":
        """The nearest numbers of 32 bits."""
        kind = self.e.with_lanes(ir.FloatType(), lanes_of(self.value.type))
        return Number(self.e, self.e.b.fptrunc(self.value, kind))

    def times_power_of_two(self, n: "Number") -> "Number | None":
        """The product self * 2^n in one instruction, rounded once; None where the machine has none for this type."""
        return self._in_one("scalef", n.value, self.value)

    def mantissa(self) -> "Number | None":
        """The m in [3/4, 3/2) with self = m 2^e, in one instruction: NaN below 0, 1 at 0 and infinity; or None."""
        # 3: from 3/4 on; 12: NaN for a negative number, no sign for zero.
        return self._in_one("getmant", ir.Constant(ir.IntType(32), 3 + 12), self.value)

    def exponent(self) -> "Number | None":
        """The whole number below log2 |self| in one instruction: -infinity at 0, infinity at infinity; or None."""
        return self._in_one("getexp", self.value)

    def _in_one(self, name: str, *more: ir.Value) -> "Number | None":
        """An instruction of AVX-512; None where the machine or the type has none."""
        kind, e = self.value.type, self.e
        lanes = lanes_of(kind)
        if machine.vector_bytes() != 64 or lanes != self.pick(16, 8):
            return None
        name = f"llvm.x86.avx512.mask.{name}.{self.pick('ps', 'pd')}.512"
        mask, word = ir.IntType(lanes), ir.IntType(32)
        # All lanes; 4: round as everywhere else.
        operands = [self.value, *more, ir.Constant(mask, -1), ir.Constant(word, 4)]
        function = e.declared(name, kind, [x.type for x in operands])
        return Number(e, e.b.call(function, operands))


def where(condition: Number, x: Any, y: Any) -> Number:
    """Lane by lane, `x` where the condition holds and `y` elsewhere; one of the two may be a Python number."""
    like: Number = x if isinstance(x, Number) else y
    return Number(like.e, like.e.b.select(condition.value, like._value(x), like._value(y)))
