"""One matrix solved or factored through memory, by calls of the functions of `dense_code`."""

from collections.abc import Callable
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

__all__ = ["DENSE_ROWS", "Operand", "Target", "memory_for"]


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


def memory_for(node: Node) -> Size:
    """How many numbers an operation on one matrix needs memory for."""
    n, m = (shape_sizes(x.shape[-2:])[-1] for x in (node.inputs[0], node.inputs[-1]))
    name = node.op.name
    if name in ("np.linalg.inv", "cofactors"):
        return n * (n * size_of(2) + size_of(1))
    if name == "np.linalg.solve":
        return n * (n + m + size_of(1))
    return n * (n + size_of(1))


class _Work:
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

    def identity(self, target: ir.Value, step: ir.Value, n: ir.Value) -> None:
        """Write ones on the diagonal, and zeros beside it."""
        e = self.e
        with e.loop(e.int(0), n) as i:
            line = self.at(target, i.index, step)
            with e.loop(e.int(0), n) as j:
                e.store(e.const(0, register(self.dtype)), line, j.index, self.dtype)
            e.store(e.const(1, register(self.dtype)), line, i.index, self.dtype)

    def backward(self, a: ir.Value, step: ir.Value, n: ir.Value, right: ir.Value, width: ir.Value) -> None:
        """Solve with the upper triangle of an eliminated matrix, from the last row on."""
        e, b = self.e, self.b
        last, one = b.sub(n, e.int(1)), e.int(1)
        corner, line = self.at(a, last, b.add(step, one)), self.at(right, last, step)
        minus = b.neg(step)
        self.call("triangular", corner, minus, e.int(-1), line, minus, n, width, e.int(0))

    def product(self, a: ir.Value, step: ir.Value, n: ir.Value, odd: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
        """The product of a diagonal as a number from 1 to 2 or from -1 to -2, its power of two, and doubt.

        The doubt is about numbers so small that they have lost digits.
        """
        e, b = self.e, self.b
        bits, fraction = (64, 52) if self.dtype.itemsize == 8 else (32, 23)
        integer, info = ir.IntType(bits), np.finfo(self.dtype)
        field, bias = (1 << (bits - fraction - 1)) - 1, info.maxexp - 1
        one = e.const(1, register(self.dtype))
        start = b.select(odd, b.fneg(one), one)
        diagonal = b.add(step, e.int(1))
        with e.loop(e.int(0), n, carried=[start, e.int(0), ir.Constant(ir.IntType(1), 0)]) as loop:
            entry = e.load(a, b.mul(loop.index, diagonal), self.dtype)
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

    def eliminated(self, x: Operand, scratch: ir.Value, right: ir.Value | None) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Copy a matrix in front of right-hand sides of so many columns, if any, and eliminate: step, doubt, odd."""
        b, e, n = self.b, self.e, x.rows
        step = n if right is None else b.add(n, right)
        self.copied(x, scratch, step)
        sizes = self.at(scratch, n, step)
        found = self.call("eliminate", scratch, step, n, step, sizes)
        doubt, odd = (b.trunc(b.lshr(found, e.int(k)), ir.IntType(1)) for k in (DOUBTFUL - 1, ODD - 1))
        return step, doubt, odd


def _solve(e: Emitter, node: Node, target: Target, x: Operand, y: Operand) -> ir.Value:
    w, n, a = _Work(e, target), x.rows, target.scratch
    right = e.address(a, n, w.dtype)
    w.copied(y, right, e.b.add(n, y.columns))
    step, doubt, _ = w.eliminated(x, a, y.columns)
    w.backward(a, step, n, right, y.columns)
    w.call("turn", right, e.int(1), step, target.results[0], y.columns, y.columns, n)
    return doubt


def _inverse(w: _Work, target: Target, x: Operand) -> tuple[ir.Value, ir.Value, ir.Value, ir.Value]:
    e, n, a = w.e, x.rows, target.scratch
    right = e.address(a, n, w.dtype)
    w.identity(right, e.b.add(n, n), n)
    step, doubt, odd = w.eliminated(x, a, n)
    w.backward(a, step, n, right, n)
    return step, right, doubt, odd


def _inv(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w = _Work(e, target)
    step, right, doubt, _ = _inverse(w, target, x)
    w.call("turn", right, e.int(1), step, target.results[0], x.rows, x.rows, x.rows)
    return doubt


def _cofactors(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w, n = _Work(e, target), x.rows
    step, right, doubt, odd = _inverse(w, target, x)
    found, power, lost = w.product(target.scratch, step, n, odd)
    whole = w.scaled(found, power)
    w.call("turn", right, step, e.int(1), target.results[0], n, n, n)
    with e.loop(e.int(0), e.b.mul(n, n)) as loop:
        entry = e.load(target.results[0], loop.index, w.dtype)
        e.store(e.b.fmul(whole, entry), target.results[0], loop.index, w.dtype)
    return e.b.or_(doubt, lost)


def _det(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w = _Work(e, target)
    step, doubt, odd = w.eliminated(x, target.scratch, None)
    found, power, lost = w.product(target.scratch, step, x.rows, odd)
    e.store(w.scaled(found, power), target.results[0], e.int(0), w.dtype)
    return e.b.or_(doubt, lost)


def _slogdet(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w, b = _Work(e, target), e.b
    step, doubt, odd = w.eliminated(x, target.scratch, None)
    found, power, lost = w.product(target.scratch, step, x.rows, odd)
    side = e.intrinsic("llvm.copysign", e.const(1, found.type), found)
    log = FUNCTIONS["np.log"](e, w.dtype, e.intrinsic("llvm.fabs", found))
    log = e.fma(b.sitofp(power, found.type), e.const(float(np.log(2)), found.type), log)
    e.store(side, target.results[0], e.int(0), w.dtype)
    e.store(log, target.results[1], e.int(0), w.dtype)
    return b.or_(doubt, lost)


def _cholesky(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w, b, n, a = _Work(e, target), e.b, x.rows, target.scratch
    turned = Operand(x.pointer, x.dtype, n, n, x.column, x.row)
    w.copied(turned, a, n)
    found = w.call("cholesky", a, n, n)
    result = target.results[0]
    w.call("turn", a, n, e.int(1), result, n, n, n)
    lanes = machine.lanes(w.dtype)
    zero = e.const(0, register(w.dtype, lanes))
    with e.loop(e.int(0), n) as i:
        line = w.at(result, i.index, n)
        with e.loop(b.add(i.index, e.int(1)), n, lanes) as j:
            e.store(zero, line, j.index, w.dtype, e.tail_mask(j.index, n, lanes))
    return b.icmp_unsigned("!=", found, e.int(0))


def _triangular(e: Emitter, node: Node, target: Target, x: Operand, y: Operand) -> ir.Value:
    w, b, n, params = _Work(e, target), e.b, x.rows, node.params
    result, step = target.results[0], y.columns
    w.copied(y, result, step)
    t, row, column = x.pointer, x.row, x.column
    if x.dtype != w.dtype:
        w.copied(x, target.scratch, n)
        t, row, column = target.scratch, n, e.int(1)
    if params["trans"]:
        row, column = column, row
    if params["lower"] == bool(params["trans"]):
        # An upper triangle, read from its end, is a lower one.
        last = b.sub(n, e.int(1))
        t, result = w.at(t, last, b.add(row, column)), w.at(result, last, step)
        row, column, step = b.neg(row), b.neg(column), b.neg(step)
    ones = e.int(int(params["unit_diagonal"]))
    found = w.call("triangular", t, row, column, result, step, n, y.columns, ones)
    return b.icmp_unsigned("!=", found, e.int(0))


DENSE_ROWS: dict[str, Callable[..., ir.Value]] = {
    "np.linalg.solve": _solve,
    "np.linalg.inv": _inv,
    "np.linalg.det": _det,
    "cofactors": _cofactors,
    "np.linalg.slogdet": _slogdet,
    "np.linalg.cholesky": _cholesky,
    "scipy.linalg.solve_triangular": _triangular,
}
