"""Lengths, strides and offsets that follow from the leading size n: polynomials in n with whole coefficients."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import llvmlite.ir as ir

from chainrule.lengths import Length
from chainrule.native.emitter import Emitter

__all__ = ["LEADING", "ONE", "ZERO", "Size", "contiguous", "product_of", "size_of"]


@dataclass(frozen=True, slots=True)
class Size:
    """The number ``c0 + c1 n + c2 n^2 + ...``.

    Attributes
    ----------
    coefficients : tuple of int
        From the constant on, without zeros at the end; empty for 0.
    """

    coefficients: tuple[int, ...]

    @property
    def is_known(self) -> bool:
        """True where it does not depend on n."""
        return len(self.coefficients) <= 1

    def known(self) -> int:
        """The number itself; it has to be known."""
        assert self.is_known
        return self.coefficients[0] if self.coefficients else 0

    def at(self, n: int) -> int:
        """The number for a leading size."""
        total = 0
        for c in reversed(self.coefficients):
            total = total * n + c
        return total

    def __add__(self, other: "Size") -> "Size":
        long, short = sorted((self.coefficients, other.coefficients), key=len, reverse=True)
        return _size([c + (short[k] if k < len(short) else 0) for k, c in enumerate(long)])

    def __mul__(self, other: "Size") -> "Size":
        found = [0] * (len(self.coefficients) + len(other.coefficients))
        for i, a in enumerate(self.coefficients):
            for j, b in enumerate(other.coefficients):
                found[i + j] += a * b
        return _size(found)

    def emit(self, e: Emitter, n: ir.Value) -> ir.Value:
        """Write the instructions that compute it."""
        total: ir.Value = e.int(0)
        for position, c in enumerate(reversed(self.coefficients)):
            if position == 0:
                total = e.int(c)
                continue
            total = n if isinstance(total, ir.Constant) and total.constant == 1 else e.b.mul(total, n)
            if c:
                total = e.b.add(total, e.int(c))
        return total


def _size(coefficients: list[int]) -> Size:
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    return Size(tuple(coefficients))


ZERO, ONE = Size(()), Size((1,))
#: The leading size itself.
LEADING = Size((0, 1))


def size_of(length: Any) -> Size:
    """A length of a graph, or a number, as a size."""
    return _size([length.offset, length.factor]) if isinstance(length, Length) else _size([int(length)])


def product_of(sizes: Iterable[Size]) -> Size:
    """The product of sizes, such as the number of entries of a shape."""
    return reduce(lambda a, b: a * b, sizes, ONE)


def contiguous(shape: tuple[Size, ...]) -> tuple[Size, ...]:
    """Strides, in entries, of an array whose last axis runs fastest."""
    strides, step = [], ONE
    for length in reversed(shape):
        strides.append(step)
        step = step * length
    return tuple(reversed(strides))
