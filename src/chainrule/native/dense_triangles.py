"""Triangular systems ``T X = B`` with lower triangles of any size, and inverses of these.

An upper triangle, read from its end, is a lower one. Threads share the columns of right-hand sides.
"""

from collections.abc import Callable

import llvmlite.ir as ir

from chainrule.native.dense_products import ROWS, SHARED, WIDE, Matrices, part_at, parts_of, shared_if
from chainrule.native.types import INT, register

__all__ = ["TRIANGLES"]

_BIT = ir.IntType(1)


def _triangular(x: Matrices, *args: ir.Value) -> ir.Value:
    t, t_row, t_column, _, _, n, m, ones = args
    e, b = x.e, x.b
    work = b.mul(b.mul(n, n), m)
    is_wide = b.icmp_signed(">", m, e.int(WIDE))
    holds = b.and_(is_wide, b.icmp_signed(">=", work, e.int(2 * SHARED)))
    shared_if(x, holds, "substitute", args, parts_of(e, m, WIDE), _some_columns)
    stop = b.select(b.icmp_signed("==", ones, e.int(0)), n, e.int(0))
    with e.loop(e.int(0), stop, carried=[ir.Constant(_BIT, 0)]) as loop:
        entry = x.load(x.at(t, loop.index, b.add(t_row, t_column)))
        loop.carry = [b.or_(loop.carry[0], b.fcmp_ordered("==", entry, e.const(0, entry.type)))]
    return b.zext(loop.carry[0], INT)


def _some_columns(x: Matrices, args: list[ir.Value], number: ir.Value) -> None:
    *t, b_, b_row, n, m, ones = args
    start, count = part_at(x, number, WIDE, m)
    x.call("substitute", *t, x.e.address(b_, start, x.dtype), b_row, n, count, ones)


def _substitute(x: Matrices, *args: ir.Value) -> ir.Value:
    *t, b_, b_row, n, m, ones = args
    e, b = x.e, x.b
    is_line = b.or_(b.icmp_signed("==", b_row, e.int(1)), b.icmp_signed("==", b_row, e.int(-1)))
    is_line = b.and_(b.icmp_signed("==", m, e.int(1)), is_line)
    by_dots, by_columns = (b.and_(is_line, b.icmp_signed("==", step, b_row)) for step in reversed(t[1:]))
    with b.if_else(by_dots) as (dots, other):
        with dots:
            x.call("by_dots", *t, b_, b_row, n, ones)
        with other, b.if_else(by_columns) as (columns, many):
            with columns:
                x.call("by_columns", *t, b_, b_row, n, ones)
            with many:
                _by_rows(x, *args)
    return e.int(0)


def _by_rows(x: Matrices, *args: ir.Value) -> None:
    t, t_row, t_column, b_, b_row, n, m, ones = args
    e, b = x.e, x.b
    diagonal = b.add(t_row, t_column)
    divides = b.icmp_signed("==", ones, e.int(0))
    with e.loop(e.int(0), n, ROWS) as blocks:
        k = blocks.index
        height = x.smaller(e.int(ROWS), b.sub(n, k))
        first, corner = x.at(b_, k, b_row), x.at(t, k, diagonal)
        x.call("subtract", first, b_row, x.at(t, k, t_row), t_row, t_column, b_, b_row, height, m, k)
        with e.loop(e.int(0), height) as rows:
            i = rows.index
            line, left = x.at(first, i, b_row), x.at(corner, i, t_row)
            x.call("tiles", line, b_row, left, t_row, t_column, first, b_row, e.int(1), m, i)
            with b.if_then(divides):
                pivot = e.splat(x.load(x.at(corner, i, diagonal)), x.lanes)
                x.along([line], m, lambda v, pivot=pivot: [b.fdiv(v, pivot)])


# T^-1


def _inverse_of_lower(x: Matrices, *args: ir.Value) -> ir.Value:
    n = args[-1]
    e, b = x.e, x.b
    is_wide = b.icmp_signed(">", n, e.int(WIDE))
    shared_if(x, is_wide, "inverse_by_columns", args, parts_of(e, n, WIDE), _columns_of_inverse)
    return e.int(0)


def _inverse_by_columns(x: Matrices, *args: ir.Value) -> ir.Value:
    with x.e.loop(x.e.int(0), parts_of(x.e, args[-1], WIDE)) as loop:
        _columns_of_inverse(x, list(args), loop.index)
    return x.e.int(0)


def _columns_of_inverse(x: Matrices, args: list[ir.Value], number: ir.Value) -> None:
    """Above the diagonal they are zeros, so that the system begins there."""
    t, t_row, t_column, y, y_row, n = args
    e, b = x.e, x.b
    start, count = part_at(x, number, WIDE, n)
    columns = e.address(y, start, x.dtype)
    zero = e.const(0, register(x.dtype, x.lanes))
    with e.loop(e.int(0), n) as rows:
        x.along([x.at(columns, rows.index, y_row)], count, lambda _: [zero])
    corner = x.at(columns, start, y_row)
    with e.loop(e.int(0), count) as loop:
        x.store(e.const(1, register(x.dtype)), x.at(corner, loop.index, b.add(y_row, e.int(1))))
    first = x.at(t, start, b.add(t_row, t_column))
    x.call("substitute", first, t_row, t_column, corner, y_row, b.sub(n, start), count, e.int(0))


TRIANGLES: dict[str, Callable[..., ir.Value]] = {
    "triangular": _triangular,
    "substitute": _substitute,
    "inverse_of_lower": _inverse_of_lower,
    "inverse_by_columns": _inverse_by_columns,
}
