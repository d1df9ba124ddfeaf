"""Solving and factoring matrices of any size: the loops, on rows that stand one after the other in memory.

Sizes are arguments, so that a process translates each function once.

Sources: G. Golub and C. Van Loan, Matrix Computations, sections 3.4 (partial pivoting by blocks) and 4.2 (Cholesky's
factor, row by row).
"""

from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.dense_products import ARGUMENTS, PRODUCTS, ROWS, Matrices, dense_name
from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, POINTER, register

__all__ = ["DOUBTFUL", "ODD", "emit_dense"]

#: In what `eliminate` returns: a pivot that rounding decides on, and an odd number of exchanged rows.
DOUBTFUL, ODD = 1, 2

#: Columns of a panel that is eliminated between two products, and of a block after which all others follow.
_PANEL, _BLOCK = 16, 64
#: Entries of a turned block.
_TURNED = 8

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


# A = R' R


def _cholesky(x: Matrices, a: ir.Value, a_row: ir.Value, n: ir.Value) -> ir.Value:
    e, b = x.e, x.b
    diagonal = b.add(a_row, e.int(1))
    sizes = b.bitcast(b.alloca(register(x.dtype), ROWS), POINTER)  # The diagonal of a block as it was given.
    with e.loop(e.int(0), n, ROWS, [ir.Constant(_BIT, 0)]) as blocks:
        k = blocks.index
        height, width = x.smaller(e.int(ROWS), b.sub(n, k)), b.sub(n, k)
        corner, above = x.at(a, k, diagonal), e.address(a, k, x.dtype)
        with e.loop(e.int(0), height) as loop:
            e.store(x.load(x.at(corner, loop.index, diagonal)), sizes, loop.index, x.dtype)
        x.call("subtract", corner, a_row, above, e.int(1), a_row, above, a_row, height, width, k)
        with e.loop(e.int(0), height, carried=[blocks.carry[0]]) as rows:
            i = rows.index
            line, left = x.at(corner, i, diagonal), e.address(corner, i, x.dtype)
            rest = b.sub(width, i)
            x.call("tiles", line, a_row, left, e.int(1), a_row, left, a_row, e.int(1), rest, i)
            pivot = x.load(line)
            doubt = x.doubtful(pivot, e.load(sizes, i, x.dtype), n)
            root = e.intrinsic("llvm.sqrt", pivot)
            x.along([line], rest, lambda v: [b.fdiv(v, e.splat(root, x.lanes))])
            x.store(root, line)
            rows.carry = [b.or_(rows.carry[0], doubt)]
        blocks.carry = rows.carry
    return b.zext(blocks.carry[0], INT)


# Y = X'


def _turn(x: Matrices, *args: ir.Value) -> ir.Value:
    source, row, column, target, target_row, n, m = args
    e, b = x.e, x.b
    with e.loop(e.int(0), n, _TURNED) as tall, e.loop(e.int(0), m, _TURNED) as wide:
        bottom = x.smaller(b.add(tall.index, e.int(_TURNED)), n)
        right = x.smaller(b.add(wide.index, e.int(_TURNED)), m)
        with e.loop(wide.index, right) as j:
            line, at = x.at(target, j.index, target_row), x.at(source, j.index, column)
            with e.loop(tall.index, bottom) as i:
                e.store(e.load(at, b.mul(i.index, row), x.dtype), line, i.index, x.dtype)
    return e.int(0)


_WRITERS: dict[str, Callable[..., ir.Value]] = {
    **PRODUCTS,
    "eliminate": _eliminate,
    "cholesky": _cholesky,
    "turn": _turn,
}
