"""Instructions on numbers that are known while they are written: their result is written in their place.

LLVM would find them, too; but what is written is what is paid for in compile time.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir

__all__ = ["Builder", "known"]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


def known(x: ir.Value) -> int | None:
    """An integer that is known; None for all else, vectors included."""
    if isinstance(x, ir.Constant) and isinstance(x.type, ir.IntType) and isinstance(x.constant, int):
        return x.constant
    return None


def _folded(x: ir.Value, y: ir.Value, operation: Callable[[int, int], int]) -> ir.Constant | None:
    """The number that an operation on two 64-bit integers gives, where both are known and it fits."""
    a, b = known(x), known(y)
    if a is None or b is None or x.type.width != 64 or (b == 0 and operation is operator.floordiv):
        return None
    found = operation(a, b)
    return ir.Constant(x.type, found) if -(1 << 63) <= found < 1 << 63 else None


class Builder(ir.IRBuilder):  # type: ignore[misc]
    """Writes instructions, but for those whose result is known."""

    def add(self, x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()) -> ir.Value:
        """A sum."""
        if known(y) == 0:
            return x
        if known(x) == 0:
            return y
        return _folded(x, y, operator.add) or super().add(x, y, name, flags)

    def sub(self, x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()) -> ir.Value:
        """A difference."""
        return x if known(y) == 0 else _folded(x, y, operator.sub) or super().sub(x, y, name, flags)

    def mul(self, x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()) -> ir.Value:
        """A product."""
        if known(y) == 1 or known(x) == 0:
            return x
        if known(x) == 1 or known(y) == 0:
            return y
        return _folded(x, y, operator.mul) or super().mul(x, y, name, flags)

    def udiv(self, x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()) -> ir.Value:
        """A quotient of numbers that are not negative."""
        return _folded(x, y, operator.floordiv) or super().udiv(x, y, name, flags)

    def icmp_signed(self, cmpop: str, lhs: ir.Value, rhs: ir.Value, name: str = "") -> ir.Value:
        """A comparison."""
        a, b = known(lhs), known(rhs)
        if a is None or b is None or lhs.type.width != 64:
            return super().icmp_signed(cmpop, lhs, rhs, name)
        return ir.Constant(ir.IntType(1), int(_COMPARISONS[cmpop](a, b)))

    def select(
        self, cond: ir.Value, lhs: ir.Value, rhs: ir.Value, name: str = "", flags: Sequence[str] = ()
    ) -> ir.Value:
        """One of two values."""
        taken = known(cond)
        if taken is None:
            return super().select(cond, lhs, rhs, name, flags)
        return lhs if taken else rhs

    def and_(self, x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()) -> ir.Value:
        """Bits that both have."""
        return _with_bit(x, y, 1) or super().and_(x, y, name, flags)

    def or_(self, x: ir.Value, y: ir.Value, name: str = "", flags: Sequence[str] = ()) -> ir.Value:
        """Bits that one has."""
        return _with_bit(x, y, 0) or super().or_(x, y, name, flags)


def _with_bit(x: ir.Value, y: ir.Value, neutral: int) -> ir.Value | None:
    """What a truth value that is known leaves of another."""
    for one, other in ((x, y), (y, x)):
        bit = known(one)
        if bit is not None and one.type.width == 1:
            return other if bit == neutral else one
    return None
