"""What the work on one matrix through memory is made of: operands, results, and calls of functions of `dense_code`."""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import shape_sizes
from chainrule.native.dense_code import DOUBTFUL, ODD
from chainrule.native.dense_products import ARGUMENTS, dense_name
from chainrule.native.elementwise import FUNCTIONS
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import Size, size_of
from chainrule.native.types import INT, register

__all__ = ["Factors", "Operand", "Target", "Work", "memory_for"]


@dataclass(frozen=True)
class Operand:
    """A matrix that is read.

    Attributes
    ----------
    pointer : Value
        Its first entry.
    dtype : numpy.dtype
        Of its entries.
    rows, columns : Value
        Its lengths.
    row, column : Value
        Entries from row to row and from column to column.
    """

    pointer: ir.Value
    dtype: np.dtype[Any]
    rows: ir.Value
    columns: ir.Value
    row: ir.Value
    column: ir.Value


@dataclass(frozen=True)
class Target:
    """Where the work is done and where its results go.

    Attributes
    ----------
    dtype : numpy.dtype
        What is computed in.
    scratch : Value
        Memory for as many numbers as `memory_for` says.
    results : list of Value
        Where each result begins; a matrix stands there row after row.
    """

    dtype: np.dtype[Any]
    scratch: ir.Value
    results: list[ir.Value]


@dataclass(frozen=True)
class Factors:
    """A = P L U in one matrix, and the exchanges of rows as numbers of its dtype: row k with row ``exchanges[k]``.

    Attributes
    ----------
    pointer : Value
        The first entry.
    row, column : Value
        Entries from row to row and from column to column.
    exchanges : Value
        Where these begin, which stand `column` entries apart.
    n : Value
        The number of rows.
    """

    pointer: ir.Value
    row: ir.Value
    column: ir.Value
    exchanges: ir.Value
    n: ir.Value


def memory_for(node: Node) -> Size:
    """How many numbers an operation on one matrix needs memory for."""
    n, m = (shape_sizes(x.shape[-2:])[-1] for x in (node.inputs[0], node.inputs[-1]))
    name = node.op.name
    if name in ("np.linalg.inv", "cofactors"):
        return n * (n * size_of(2) + size_of(1))
    if name in ("inv_by_lu", "cofactors_by_lu"):
        return n * n
    if name == "np.linalg.solve":
        return n * (n + m + size_of(1))
    return n * (n + size_of(1))


class Work:
    """Writes the work on one matrix."""

    def __init__(self, e: Emitter, target: Target) -> None:
        self.e, self.b, self.dtype = e, e.b, target.dtype

    def call(self, name: str, *args: ir.Value) -> ir.Value:
        """Call one of the functions."""
        return self.b.call(self.e.declared(dense_name(name, self.dtype), INT, ARGUMENTS[name]), args)

    def at(self, matrix: ir.Value, row: ir.Value, step: ir.Value, column: ir.Value | None = None) -> ir.Value:
        """Address of an entry."""
        place = self.b.mul(row, step)
        return self.e.address(matrix, place if column is None else self.b.add(place, column), self.dtype)

    def copied(self, x: Operand, target: ir.Value, step: ir.Value) -> None:
        """Write a matrix into rows that stand `step` entries apart."""
        e = self.e
        if x.dtype == self.dtype:
            self.call("turn", x.pointer, x.column, x.row, target, step, x.columns, x.rows)
            return
        with e.loop(e.int(0), x.rows) as i, e.loop(e.int(0), x.columns) as j:
            place = self.b.add(self.b.mul(i.index, x.row), self.b.mul(j.index, x.column))
            value = e.convert(e.load(x.pointer, place, x.dtype), x.dtype, self.dtype)
            e.store(value, target, self.b.add(self.b.mul(i.index, step), j.index), self.dtype)

    def backward(
        self,
        a: ir.Value,
        row: ir.Value,
        column: ir.Value,
        right: ir.Value,
        step: ir.Value,
        n: ir.Value,
        width: ir.Value,
        ones: int = 0,
    ) -> None:
        """Solve with an upper triangle, from the last row on."""
        e, b = self.e, self.b
        last = b.sub(n, e.int(1))
        corner, line = self.at(a, last, b.add(row, column)), self.at(right, last, step)
        self.call("triangular", corner, b.neg(row), b.neg(column), line, b.neg(step), n, width, e.int(ones))

    def exchanged(self, f: Factors, target: ir.Value, step: ir.Value, width: ir.Value, *, backwards: bool) -> None:
        """Exchange rows as those of a matrix were, or in the opposite order."""
        e, b, lanes = self.e, self.b, machine.lanes(self.dtype)
        with e.loop(e.int(0), f.n) as loop:
            k = b.sub(b.sub(f.n, e.int(1)), loop.index) if backwards else loop.index
            other = self.exchange(f, k)
            with b.if_then(b.icmp_signed("!=", k, other)):
                one, two = self.at(target, k, step), self.at(target, other, step)
                with e.loop(e.int(0), width, lanes) as along:
                    mask = e.tail_mask(along.index, width, lanes)
                    x, y = (e.load(pointer, along.index, self.dtype, lanes, mask) for pointer in (one, two))
                    e.store(y, one, along.index, self.dtype, mask)
                    e.store(x, two, along.index, self.dtype, mask)

    def exchange(self, f: Factors, k: ir.Value) -> ir.Value:
        """The row with which row k was exchanged."""
        return self.b.fptosi(self.e.load(f.exchanges, self.b.mul(k, f.column), self.dtype), INT)

    def inverse_transposed(self, f: Factors, target: ir.Value) -> None:
        """Write the transpose of the inverse of a factored matrix, P L^-T U^-T, row after row."""
        n = f.n
        self.call("inverse_of_lower", f.pointer, f.column, f.row, target, n, n)
        self.backward(f.pointer, f.column, f.row, target, n, n, n, ones=1)
        self.exchanged(f, target, n, n, backwards=True)

    def product(self, f: Factors, odd: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
        """The product of a diagonal as a number from 1 to 2 or from -1 to -2, its power of two, and doubt.

        The doubt is about numbers so small that they have lost digits.
        """
        e, b = self.e, self.b
        bits, fraction = (64, 52) if self.dtype.itemsize == 8 else (32, 23)
        integer, info = ir.IntType(bits), np.finfo(self.dtype)
        field, bias = (1 << (bits - fraction - 1)) - 1, info.maxexp - 1
        one = e.const(1, register(self.dtype))
        start = b.select(odd, b.fneg(one), one)
        diagonal = b.add(f.row, f.column)
        with e.loop(e.int(0), f.n, carried=[start, e.int(0), ir.Constant(ir.IntType(1), 0)]) as loop:
            entry = e.load(f.pointer, b.mul(loop.index, diagonal), self.dtype)
            size = e.intrinsic("llvm.fabs", entry)
            fits = b.fcmp_ordered(">=", size, e.const(float(info.tiny), size.type))
            whole = b.bitcast(b.fmul(loop.carry[0], entry), integer)
            power = b.and_(b.lshr(whole, ir.Constant(integer, fraction)), ir.Constant(integer, field))
            kept = b.and_(whole, ir.Constant(integer, ~(field << fraction)))
            found = b.bitcast(b.or_(kept, ir.Constant(integer, bias << fraction)), size.type)
            power = power if bits == 64 else b.zext(power, INT)
            total = b.add(loop.carry[1], b.sub(power, e.int(bias)))
            loop.carry = [found, total, b.or_(loop.carry[2], b.not_(fits))]
        return loop.carry[0], loop.carry[1], loop.carry[2]

    def scaled(self, x: ir.Value, power: ir.Value) -> ir.Value:
        """A number times a power of two, in two steps, so that only what is out of range overflows or is 0."""
        b, e = self.b, self.e
        half = b.ashr(power, e.int(1))
        for part in (half, b.sub(power, half)):
            x = b.fmul(x, self._power(part))
        return x

    def _power(self, power: ir.Value) -> ir.Value:
        e, b = self.e, self.b
        bits, fraction = (64, 52) if self.dtype.itemsize == 8 else (32, 23)
        bias = np.finfo(self.dtype).maxexp - 1
        low, high = e.int(1 - bias), e.int(bias)
        power = b.select(b.icmp_signed("<", power, low), low, power)
        power = b.select(b.icmp_signed(">", power, high), high, power)
        word = b.shl(b.add(power, e.int(bias)), e.int(fraction))
        word = word if bits == 64 else b.trunc(word, ir.IntType(32))
        return b.bitcast(word, register(self.dtype))

    def eliminated(
        self, x: Operand, target: ir.Value, right: ir.Value | None = None
    ) -> tuple[Factors, ir.Value, ir.Value]:
        """Copy a matrix in front of right-hand sides of so many columns, if any, and eliminate: factors, doubt, odd."""
        b, e, n = self.b, self.e, x.rows
        step = n if right is None else b.add(n, right)
        self.copied(x, target, step)
        exchanges = self.at(target, n, step)
        found = self.call("eliminate", target, step, n, step, exchanges)
        doubt, odd = (b.trunc(b.lshr(found, e.int(k)), ir.IntType(1)) for k in (DOUBTFUL - 1, ODD - 1))
        return Factors(target, step, e.int(1), exchanges, n), doubt, odd

    def put_det(self, f: Factors, odd: ir.Value, result: ir.Value) -> ir.Value:
        """Write the determinant of a factored matrix; returns doubt."""
        found, power, lost = self.product(f, odd)
        self.e.store(self.scaled(found, power), result, self.e.int(0), self.dtype)
        return lost

    def put_slogdet(self, f: Factors, odd: ir.Value, results: list[ir.Value]) -> ir.Value:
        """Write the sign of the determinant of a factored matrix and the logarithm of its size; returns doubt."""
        e, b = self.e, self.b
        found, power, lost = self.product(f, odd)
        side = e.intrinsic("llvm.copysign", e.const(1, found.type), found)
        log = FUNCTIONS["np.log"](e, self.dtype, e.intrinsic("llvm.fabs", found))
        log = e.fma(b.sitofp(power, found.type), e.const(float(np.log(2)), found.type), log)
        e.store(side, results[0], e.int(0), self.dtype)
        e.store(log, results[1], e.int(0), self.dtype)
        return lost

    def put_cofactors(self, f: Factors, odd: ir.Value, result: ir.Value) -> ir.Value:
        """Write the determinant of a factored matrix times the transpose of its inverse; returns doubt."""
        e = self.e
        self.inverse_transposed(f, result)
        found, power, lost = self.product(f, odd)
        whole = self.scaled(found, power)
        with e.loop(e.int(0), self.b.mul(f.n, f.n)) as loop:
            entry = e.load(result, loop.index, self.dtype)
            e.store(self.b.fmul(whole, entry), result, loop.index, self.dtype)
        return lost
