"""Triangular systems with one right-hand side whose entries stand side by side: each entry of T is read once.

Where the entries of a row of the triangle do so as well, an unknown takes the scalar product of its row with those
before; where those of a column do, several unknowns at once take multiples of the columns.
"""

from collections.abc import Callable

import llvmlite.ir as ir

from chainrule.native.dense_products import ROWS, Matrices
from chainrule.native.types import register

__all__ = ["VECTORS"]

#: Registers of unknowns that take multiples of a column together.
_REGISTERS = 4


class _System:
    """A system, and how its entries are read."""

    def __init__(self, x: Matrices, *args: ir.Value) -> None:
        self.x, self.e, self.b = x, x.e, x.b
        self.t, self.row, self.column, self.y, self.step, self.n, ones = args
        self.divides = self.b.icmp_signed("==", ones, self.e.int(0))
        # Backwards a register begins at its last entry.
        back = self.b.icmp_signed("<", self.step, self.e.int(0))
        self._first = self.b.select(back, self.e.int(1 - x.lanes), self.e.int(0))

    def entry(self, i: ir.Value, k: ir.Value) -> ir.Value:
        """Read an entry of the triangle."""
        return self.e.load(self.x.at(self.t, i, self.row), self.b.mul(k, self.column), self.x.dtype)

    def entries(self, i: ir.Value, k: ir.Value) -> ir.Value:
        """Read entries of the triangle that stand side by side, from this one on."""
        place = self.b.add(self.b.mul(k, self.column), self._first)
        return self.e.load(self.x.at(self.t, i, self.row), place, self.x.dtype, self.x.lanes)

    def known(self, k: ir.Value) -> ir.Value:
        """Read an entry of the right-hand side, or what has come into its place."""
        return self.e.load(self.y, self.b.mul(k, self.step), self.x.dtype)

    def several(self, k: ir.Value) -> ir.Value:
        """Read such entries, from this one on."""
        place = self.b.add(self.b.mul(k, self.step), self._first)
        return self.e.load(self.y, place, self.x.dtype, self.x.lanes)

    def put(self, value: ir.Value, k: ir.Value) -> None:
        """Write one of them."""
        self.e.store(value, self.y, self.b.mul(k, self.step), self.x.dtype)

    def put_several(self, values: ir.Value, k: ir.Value) -> None:
        """Write such entries, from this one on."""
        self.e.store(values, self.y, self.b.add(self.b.mul(k, self.step), self._first), self.x.dtype)

    def solve(self, start: ir.Value, stop: ir.Value) -> None:
        """Write the unknowns of some rows, of which what those before take has been taken."""
        b, e = self.b, self.e
        with e.loop(start, stop) as rows:
            i = rows.index
            with b.if_then(self.divides):
                self.put(b.fdiv(self.known(i), self.entry(i, i)), i)
            self.take(i, b.add(i, e.int(1)), stop)

    def take(self, k: ir.Value, start: ir.Value, stop: ir.Value) -> None:
        """Take from some rows what an unknown puts there."""
        minus = self.b.fneg(self.known(k))
        with self.e.loop(start, stop) as loop:
            i = loop.index
            self.put(self.e.fma(minus, self.entry(i, k), self.known(i)), i)


def _by_dots(x: Matrices, *args: ir.Value) -> ir.Value:
    s, e, b = _System(x, *args), x.e, x.b
    zero = e.const(0, register(x.dtype, x.lanes))
    with e.loop(e.int(0), s.n, ROWS) as blocks:
        first = blocks.index
        stop, last = x.smaller(b.add(first, e.int(ROWS)), s.n), b.sub(s.n, e.int(1))
        whole = b.and_(first, e.int(-x.lanes))
        # Rows past the end are the last one again: what is written twice is the same.
        rows = [x.smaller(b.add(first, e.int(k)), last) for k in range(ROWS)]
        with e.loop(e.int(0), whole, x.lanes, [zero] * ROWS) as loop:
            found = s.several(loop.index)
            loop.carry = [
                e.fma(s.entries(i, loop.index), found, total) for i, total in zip(rows, loop.carry, strict=True)
            ]
        left = [b.fsub(s.known(i), _sum(x, total)) for i, total in zip(rows, loop.carry, strict=True)]
        for i, value in zip(rows, left, strict=True):
            s.put(value, i)
        with e.loop(whole, first) as loop:
            s.take(loop.index, first, stop)
        s.solve(first, stop)
    return e.int(0)


def _by_columns(x: Matrices, *args: ir.Value) -> ir.Value:
    s, e, b = _System(x, *args), x.e, x.b

    def several(start: ir.Value, count: int) -> ir.Value:
        """Rows in so many registers, as far as there are enough; returns where those begin that are left."""
        wide = count * x.lanes
        left = b.sub(s.n, start)
        end = b.add(start, b.mul(b.sdiv(left, e.int(wide)), e.int(wide)))
        with e.loop(start, end, wide) as blocks:
            first = blocks.index
            places = [b.add(first, e.int(k * x.lanes)) for k in range(count)]
            with e.loop(e.int(0), first, carried=[s.several(place) for place in places]) as loop:
                minus = e.splat(b.fneg(s.known(loop.index)), x.lanes)
                loop.carry = [
                    e.fma(minus, s.entries(place, loop.index), v) for v, place in zip(loop.carry, places, strict=True)
                ]
            for v, place in zip(loop.carry, places, strict=True):
                s.put_several(v, place)
            s.solve(first, b.add(first, e.int(wide)))
        return end

    start = several(several(e.int(0), _REGISTERS), 1)
    with e.loop(e.int(0), start) as loop:
        s.take(loop.index, start, s.n)
    s.solve(start, s.n)
    return e.int(0)


def _sum(x: Matrices, total: ir.Value) -> ir.Value:
    """The sum of the lanes, in halves."""
    lanes = x.lanes
    while lanes > 1:
        lanes //= 2
        kind = ir.VectorType(ir.IntType(32), lanes)
        halves = [ir.Constant(kind, list(range(start, start + lanes))) for start in (0, lanes)]
        total = x.b.fadd(*(x.b.shuffle_vector(total, total, half) for half in halves))
    return x.b.extract_element(total, ir.Constant(ir.IntType(32), 0))


VECTORS: dict[str, Callable[..., ir.Value]] = {"by_dots": _by_dots, "by_columns": _by_columns}
