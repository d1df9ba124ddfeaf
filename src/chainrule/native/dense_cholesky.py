"""Cholesky's factor of matrices of any size, and the derivative by a matrix from that by its factor.

Both halve the matrix until few rows are left, so that nearly all of the work is products.

Sources: G. Golub and C. Van Loan, Matrix Computations, section 4.2 (rows, and recursion by halves); I. Murray,
Differentiation of the Cholesky decomposition, arXiv:1602.07527, section 4.2, for the blocks of the derivative.
"""

from collections.abc import Callable

import llvmlite.ir as ir

from chainrule.native.dense_products import ROWS, Matrices
from chainrule.native.types import INT

__all__ = ["CHOLESKY"]

#: Rows up to which a matrix is factored row by row, and its derivative taken so.
_FACTORED, _PULLED = 64, 8

_BIT = ir.IntType(1)


def _halves(x: Matrices, n: ir.Value) -> tuple[ir.Value, ir.Value]:
    """About half of the rows, a multiple of `ROWS` and at least so many, and the others."""
    first = x.b.mul(x.b.sdiv(x.b.add(n, x.e.int(2 * ROWS - 1)), x.e.int(2 * ROWS)), x.e.int(ROWS))
    return first, x.b.sub(n, first)


# A = R' R


def _cholesky(x: Matrices, *args: ir.Value) -> ir.Value:
    a, a_row, n, sizes, whole = args
    e, b = x.e, x.b
    diagonal = b.add(a_row, e.int(1))
    with b.if_else(b.icmp_signed("<=", n, e.int(_FACTORED))) as (few, many):
        with few:
            by_rows = _by_rows(x, a, a_row, n, sizes, whole)
            after_few = b.block
        with many:
            # R12 = R11^-T A12, and A22 - R12' R12 is R22' R22.
            first, second = _halves(x, n)
            beside, below = e.address(a, first, x.dtype), x.at(a, first, diagonal)
            doubt = x.call("cholesky", a, a_row, first, sizes, whole)
            x.call("triangular", a, e.int(1), a_row, beside, a_row, first, second, e.int(0))
            x.call("subtract_upper", below, a_row, beside, e.int(1), a_row, beside, a_row, second, first)
            rest = x.call("cholesky", below, a_row, second, e.address(sizes, first, x.dtype), whole)
            by_halves = b.or_(doubt, rest)
            after_many = b.block
    found = b.phi(INT)
    found.add_incoming(by_rows, after_few)
    found.add_incoming(by_halves, after_many)
    return found


def _by_rows(x: Matrices, a: ir.Value, a_row: ir.Value, n: ir.Value, sizes: ir.Value, whole: ir.Value) -> ir.Value:
    e, b = x.e, x.b
    diagonal = b.add(a_row, e.int(1))
    with e.loop(e.int(0), n, ROWS, [ir.Constant(_BIT, 0)]) as blocks:
        k = blocks.index
        height, width = x.smaller(e.int(ROWS), b.sub(n, k)), b.sub(n, k)
        corner, above = x.at(a, k, diagonal), e.address(a, k, x.dtype)
        x.call("tiles", corner, a_row, above, e.int(1), a_row, above, a_row, height, width, k)
        with e.loop(e.int(0), height, carried=[blocks.carry[0]]) as rows:
            i = rows.index
            line, left = x.at(corner, i, diagonal), e.address(corner, i, x.dtype)
            rest = b.sub(width, i)
            x.call("tiles", line, a_row, left, e.int(1), a_row, left, a_row, e.int(1), rest, i)
            pivot = x.load(line)
            doubt = x.doubtful(pivot, e.load(sizes, b.add(k, i), x.dtype), whole)
            root = e.intrinsic("llvm.sqrt", pivot)
            x.along([line], rest, lambda v: [b.fdiv(v, e.splat(root, x.lanes))])
            x.store(root, line)
            rows.carry = [b.or_(rows.carry[0], doubt)]
        blocks.carry = rows.carry
    return b.zext(blocks.carry[0], INT)


# With S the derivative by A, F = S + S' by the upper triangle W of the derivative by R: in halves, and from the end,
#
#     F22 of W22 and R22,    F12 = R11^-1 (W12 - R12 F22),    F11 of W11 - R12 F12' and R11.


def _pull(x: Matrices, *args: ir.Value) -> ir.Value:
    r, r_row, r_column, w, w_row, n = args
    e, b = x.e, x.b
    diagonal = b.add(r_row, r_column)
    with b.if_else(b.icmp_signed("<=", n, e.int(_PULLED))) as (few, many):
        with few:
            _pull_by_rows(x, *args)
        with many:
            first, second = _halves(x, n)
            r12, r22 = e.address(r, b.mul(first, r_column), x.dtype), x.at(r, first, diagonal)
            w12, w21 = e.address(w, first, x.dtype), x.at(w, first, w_row)
            w22 = e.address(w21, first, x.dtype)
            x.call("pull", r22, r_row, r_column, w22, w_row, second)
            x.call("subtract", w12, w_row, r12, r_row, r_column, w22, w_row, first, second, second)
            x.backward(r, r_row, r_column, w12, w_row, first, second)
            x.call("turn", w12, w_row, e.int(1), w21, w_row, first, second)
            x.call("subtract_upper", w, w_row, r12, r_row, r_column, w21, w_row, first, second)
            x.call("pull", r, r_row, r_column, w, w_row, first)
    return e.int(0)


def _pull_by_rows(
    x: Matrices, r: ir.Value, r_row: ir.Value, r_column: ir.Value, w: ir.Value, w_row: ir.Value, n: ir.Value
) -> None:
    """The same with a first half of one row: f = (w - r F22) / r11, f11 = (w11 - r f) / r11."""
    e, b = x.e, x.b
    with e.loop(e.int(0), n) as rows:
        i = b.sub(b.sub(n, e.int(1)), rows.index)
        after, line, left = b.add(i, e.int(1)), x.at(w, i, w_row), x.at(r, i, r_row)
        starts = [b.add(after, e.int(v)) for v in range(0, _PULLED, x.lanes)]
        masks = [e.tail_mask(start, n, x.lanes) for start in starts]
        places = list(zip(starts, masks, strict=True))
        lines = [e.load(line, start, x.dtype, x.lanes, mask) for start, mask in places]
        with e.loop(after, n, carried=lines) as loop:
            other = x.at(w, loop.index, w_row)
            minus = e.splat(b.fneg(e.load(left, b.mul(loop.index, r_column), x.dtype)), x.lanes)
            loop.carry = [
                e.fma(minus, e.load(other, start, x.dtype, x.lanes, mask), v)
                for v, (start, mask) in zip(loop.carry, places, strict=True)
            ]
        pivot = e.load(left, b.mul(i, r_column), x.dtype)
        for v, (start, mask) in zip(loop.carry, places, strict=True):
            e.store(b.fdiv(v, e.splat(pivot, x.lanes)), line, start, x.dtype, mask)
        with e.loop(after, n, carried=[e.load(line, i, x.dtype)]) as loop:
            entry = e.load(line, loop.index, x.dtype)
            e.store(entry, x.at(w, loop.index, w_row), i, x.dtype)
            minus = b.fneg(e.load(left, b.mul(loop.index, r_column), x.dtype))
            loop.carry = [e.fma(minus, entry, loop.carry[0])]
        e.store(b.fdiv(loop.carry[0], pivot), line, i, x.dtype)


CHOLESKY: dict[str, Callable[..., ir.Value]] = {"cholesky": _cholesky, "pull": _pull}
