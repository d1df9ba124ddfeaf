"""Solving and factoring matrices of any size: the loops, on rows that stand one after the other in memory.

Sizes are arguments, so that a process translates each function once.

Source: G. Golub and C. Van Loan, Matrix Computations, section 3.4 (partial pivoting by blocks).
"""

from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.dense_cholesky import CHOLESKY
from chainrule.native.dense_products import ARGUMENTS, PRODUCTS, Matrices, dense_name
from chainrule.native.dense_triangles import TRIANGLES
from chainrule.native.dense_vectors import VECTORS
from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, register

__all__ = ["DOUBTFUL", "ODD", "emit_dense"]

#: In what `eliminate` returns: a pivot that rounding decides on, and an odd number of exchanged rows.
DOUBTFUL, ODD = 1, 2

#: Columns of a panel that is eliminated between two products, and of a block after which all others follow.
_PANEL, _BLOCK = 16, 64

_BIT = ir.IntType(1)


def emit_dense(module: ir.Module, dtype: np.dtype[Any]) -> None:
    """Write all functions for a dtype.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where they are written.
    dtype : numpy.dtype
        A float of 32 or 64 bits.
    """
    for name, write in _WRITERS.items():
        kind = ir.FunctionType(INT, ARGUMENTS[name])
        known = module.globals.get(dense_name(name, dtype))
        e = Emitter(known or ir.Function(module, kind, dense_name(name, dtype)))
        e.b.ret(write(Matrices(e, dtype), *e.b.function.args))


# A = P L U


def _eliminate(x: Matrices, *args: ir.Value) -> ir.Value:
    a, a_row, n, columns, sizes = args
    e, b = x.e, x.b
    _column_sizes(x, a, a_row, n, sizes)
    no = ir.Constant(_BIT, 0)

    def follow(start: ir.Value, stop: ir.Value, end: ir.Value) -> None:
        """Bring the columns from `stop` to `end` up to what the rows from `start` to `stop` took from those below."""
        height, width, rest = b.sub(stop, start), b.sub(end, stop), b.sub(n, stop)
        corner, beside = x.at(a, start, a_row, start), x.at(a, start, a_row, stop)
        below, target = x.at(a, stop, a_row, start), x.at(a, stop, a_row, stop)
        x.call("triangular", corner, a_row, e.int(1), beside, a_row, height, width, e.int(1))
        x.call("subtract", target, a_row, below, a_row, e.int(1), beside, a_row, rest, width, height)

    with e.loop(e.int(0), n, _BLOCK, [no, no]) as blocks:
        end = x.smaller(b.add(blocks.index, e.int(_BLOCK)), n)
        with e.loop(blocks.index, end, _PANEL, blocks.carry) as panels:
            stop = x.smaller(b.add(panels.index, e.int(_PANEL)), end)
            first = _largest(x, a, a_row, n, panels.index)
            with e.loop(panels.index, stop, carried=[*panels.carry, *first]) as loop:
                j, found, where = loop.index, *loop.carry[2:]
                doubt = x.doubtful(found, e.load(sizes, j, x.dtype), n)
                e.store(b.sitofp(where, found.type), sizes, j, x.dtype)
                moves = b.icmp_signed("!=", where, j)
                with b.if_then(moves):
                    x.along([x.at(a, j, a_row), x.at(a, where, a_row)], columns, lambda one, other: [other, one])
                following = _clear(x, a, a_row, n, j, stop)
                loop.carry = [b.or_(loop.carry[0], doubt), b.xor(loop.carry[1], moves), *following]
            panels.carry = loop.carry[:2]
            follow(panels.index, stop, end)
        blocks.carry = panels.carry
        follow(blocks.index, end, columns)
    doubt, odd = (b.zext(bit, INT) for bit in blocks.carry)
    return b.or_(b.mul(doubt, e.int(DOUBTFUL)), b.mul(odd, e.int(ODD)))


def _column_sizes(x: Matrices, a: ir.Value, a_row: ir.Value, n: ir.Value, sizes: ir.Value) -> None:
    """The largest entry of each column."""
    zero = x.e.const(0, register(x.dtype, x.lanes))
    x.along([sizes], n, lambda _: [zero])
    with x.e.loop(x.e.int(0), n) as loop:
        row = x.at(a, loop.index, a_row)
        x.along([sizes, row], n, lambda v, w: [x.e.intrinsic("llvm.maxnum", v, x.absolute(w))])


def _largest(x: Matrices, a: ir.Value, a_row: ir.Value, n: ir.Value, j: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The largest entry of a column from the diagonal down, and its row."""
    b = x.b
    first = x.absolute(x.load(x.at(a, j, a_row, j)))
    with x.e.loop(b.add(j, x.e.int(1)), n, carried=[first, j]) as loop:
        size = x.absolute(x.load(x.at(a, loop.index, a_row, j)))
        larger = b.fcmp_ordered(">", size, loop.carry[0])
        loop.carry = [b.select(larger, size, loop.carry[0]), b.select(larger, loop.index, loop.carry[1])]
    return loop.carry[0], loop.carry[1]


def _clear(
    x: Matrices, a: ir.Value, a_row: ir.Value, n: ir.Value, j: ir.Value, stop: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Take multiples of row j from the rows below, as far as the panel goes; they are kept where zeros would be.

    Returns the largest entry of the next column, where the panel has one, and its row.
    """
    e, b = x.e, x.b
    after = b.add(j, e.int(1))
    top = x.at(a, j, a_row)
    pivot = e.load(top, j, x.dtype)
    starts = [b.add(after, e.int(v)) for v in range(0, _PANEL, x.lanes)]
    masks = [e.tail_mask(start, stop, x.lanes) for start in starts]
    lines = [e.load(top, s, x.dtype, x.lanes, mask) for s, mask in zip(starts, masks, strict=True)]
    with e.loop(after, n, carried=[e.const(-1, pivot.type), after]) as loop:
        row = x.at(a, loop.index, a_row)
        factor = b.fdiv(e.load(row, j, x.dtype), pivot)
        e.store(factor, row, j, x.dtype)
        minus = e.splat(b.fneg(factor), x.lanes)
        found = []
        for start, mask, line in zip(starts, masks, lines, strict=True):
            found.append(e.fma(minus, line, e.load(row, start, x.dtype, x.lanes, mask)))
            e.store(found[-1], row, start, x.dtype, mask)
        size = x.absolute(b.extract_element(found[0], ir.Constant(ir.IntType(32), 0)))
        larger = b.fcmp_ordered(">", size, loop.carry[0])
        loop.carry = [b.select(larger, size, loop.carry[0]), b.select(larger, loop.index, loop.carry[1])]
    return loop.carry[0], loop.carry[1]


# Y = X'


def _turn(x: Matrices, *args: ir.Value) -> ir.Value:
    _, row, column, *_ = args
    e, b = x.e, x.b
    with b.if_else(b.icmp_signed("==", row, e.int(1))) as (in_order, other):
        with in_order:
            _copy(x, *args)
        with other, b.if_else(b.icmp_signed("==", column, e.int(1))) as (turned, scattered):
            with turned:
                _by_squares(x, *args, _turn_square)
            with scattered:
                _by_squares(x, *args, _one_by_one)
    return e.int(0)


def _copy(
    x: Matrices, source: ir.Value, _: ir.Value, column: ir.Value, target: ir.Value, step: ir.Value, *size: ir.Value
) -> None:
    """Entries that stand side by side stay so."""
    n, m = size
    with x.e.loop(x.e.int(0), m) as loop:
        x.along([x.at(target, loop.index, step), x.at(source, loop.index, column)], n, lambda _, value: [value])


def _by_squares(x: Matrices, *args: Any) -> None:
    """Small squares of both matrices, of which neither has long rows."""
    source, row, column, target, step, n, m, write = args
    e, b = x.e, x.b
    with e.loop(e.int(0), n, x.lanes) as tall, e.loop(e.int(0), m, x.lanes) as wide:
        start = b.add(b.mul(tall.index, row), b.mul(wide.index, column))
        corner, found = e.address(source, start, x.dtype), x.at(target, wide.index, step, tall.index)
        height = x.smaller(e.int(x.lanes), b.sub(n, tall.index))
        width = x.smaller(e.int(x.lanes), b.sub(m, wide.index))
        write(x, corner, row, column, found, step, height, width)


def _turn_square(
    x: Matrices, source: ir.Value, row: ir.Value, _: ir.Value, target: ir.Value, step: ir.Value, *size: ir.Value
) -> None:
    """A row in each register, of which then some columns change places: by 1, by 2, by 4."""
    e, lanes = x.e, x.lanes
    height, width = size
    # Rows past the end are the last one again; of the columns past the end none stays written.
    across, down = (e.tail_mask(e.int(0), length, lanes) for length in (width, height))
    last, end = x.b.sub(height, e.int(1)), x.b.sub(width, e.int(1))
    rows = [
        e.load(x.at(source, x.smaller(e.int(k), last), row), e.int(0), x.dtype, lanes, across) for k in range(lanes)
    ]
    apart = 1
    while apart < lanes:
        for k in range(lanes):
            if not k & apart:
                one, other = rows[k], rows[k + apart]
                rows[k] = _chosen(x, one, other, [j if not j & apart else lanes + j - apart for j in range(lanes)])
                rows[k + apart] = _chosen(
                    x, one, other, [j + apart if not j & apart else lanes + j for j in range(lanes)]
                )
        apart *= 2
    for k in reversed(range(lanes)):
        e.store(rows[k], x.at(target, x.smaller(e.int(k), end), step), e.int(0), x.dtype, down)


def _chosen(x: Matrices, one: ir.Value, other: ir.Value, places: list[int]) -> ir.Value:
    kind = ir.VectorType(ir.IntType(32), len(places))
    return x.b.shuffle_vector(one, other, ir.Constant(kind, places))


def _one_by_one(x: Matrices, *args: ir.Value) -> None:
    source, row, column, target, step, height, width = args
    e, b = x.e, x.b
    with e.loop(e.int(0), width) as j, e.loop(e.int(0), height) as i:
        value = e.load(source, b.add(b.mul(i.index, row), b.mul(j.index, column)), x.dtype)
        e.store(value, x.at(target, j.index, step), i.index, x.dtype)


_WRITERS: dict[str, Callable[..., ir.Value]] = {
    **PRODUCTS,
    **TRIANGLES,
    **VECTORS,
    **CHOLESKY,
    "eliminate": _eliminate,
    "turn": _turn,
}
