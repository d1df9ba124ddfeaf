"""Products of matrices of any size, ``C -= A B``, which is what factoring is made of.

The entries of a tile of C stay in registers. Threads share the rows or columns of large products; each entry is summed
up in one order, so that its bits depend on nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.types import INT, POINTER, register

__all__ = [
    "ARGUMENTS",
    "PREFIX",
    "PRODUCTS",
    "ROWS",
    "SHARED",
    "WIDE",
    "Matrices",
    "dense_name",
    "part_at",
    "parts_of",
    "shared_if",
]

PREFIX = "chainrule.dense"

#: What each function takes; matrices are a pointer and the entries from row to row, but where two steps are named.
ARGUMENTS: dict[str, tuple[ir.Type, ...]] = {
    # C -= A B: C; A with its steps from row to row and from column to column; B; rows and columns of C, columns of A.
    "subtract": (POINTER, INT, POINTER, INT, INT, POINTER, INT, INT, INT, INT),
    # The same by one thread.
    "tiles": (POINTER, INT, POINTER, INT, INT, POINTER, INT, INT, INT, INT),
    # The same of a square C, whose upper triangle is asked for: C, A with both steps, B, rows of C, columns of A.
    "subtract_upper": (POINTER, INT, POINTER, INT, INT, POINTER, INT, INT, INT),
    # The same by one thread.
    "tiles_upper": (POINTER, INT, POINTER, INT, INT, POINTER, INT, INT, INT),
    # T X = B in place of B: T with both steps, B, its rows and columns, whether T has ones on its diagonal.
    "triangular": (POINTER, INT, INT, POINTER, INT, INT, INT, INT),
    # The same by one thread.
    "substitute": (POINTER, INT, INT, POINTER, INT, INT, INT, INT),
    # A = P L U in place of A: A, its rows, its columns (those past the square part are brought along), and where for
    # each row is to stand with which one it was exchanged.
    "eliminate": (POINTER, INT, INT, INT, POINTER),
    # A = R' R in place of the upper triangle of A: A, its rows, its diagonal as given; the rows of the whole matrix.
    "cholesky": (POINTER, INT, INT, POINTER, INT),
    # With W the derivative by R in the upper triangle, twice that by A = R' R in its place: R with both steps, W, rows.
    "pull": (POINTER, INT, INT, POINTER, INT, INT),
    # The same for one column: T with both steps, B, the step of its entries, how many, whether T has ones on its
    # diagonal. The step is 1 or -1, and so is that along the rows of T, or along its columns.
    "by_dots": (POINTER, INT, INT, POINTER, INT, INT, INT),
    "by_columns": (POINTER, INT, INT, POINTER, INT, INT, INT),
    # T^-1 of a lower triangle: T with both steps, where it is to stand, rows.
    "inverse_of_lower": (POINTER, INT, INT, POINTER, INT, INT),
    # The same by one thread.
    "inverse_by_columns": (POINTER, INT, INT, POINTER, INT, INT),
    # Y[j, i] = X[i, j]: X with both steps, Y, rows and columns of X.
    "turn": (POINTER, INT, INT, POINTER, INT, INT, INT),
}

#: Rows and registers of a tile of C: with 16 registers of two or four numbers, and with 32 of eight.
_TILES = {16: (4, 2), 32: (4, 2), 64: (8, 3)}
#: Rows that are solved for between two products.
ROWS = 8
#: Multiplications from which on threads share work; rows and columns that one of them takes at a time.
SHARED, _TALL, WIDE = 1 << 18, 32, 96


def dense_name(function: str, dtype: np.dtype[Any]) -> str:
    """How a function for a dtype is called: ``chainrule.dense.float64.cholesky``."""
    return f"{PREFIX}.{dtype.name}.{function}"


class Matrices:
    """Writes into one of the functions."""

    def __init__(self, e: Emitter, dtype: np.dtype[Any]) -> None:
        self.e, self.b, self.dtype = e, e.b, dtype
        self.lanes = machine.lanes(dtype)

    def call(self, name: str, *args: ir.Value) -> ir.Value:
        """Call another one of the functions."""
        return self.b.call(self.e.declared(dense_name(name, self.dtype), INT, ARGUMENTS[name]), args)

    def at(self, matrix: ir.Value, row: ir.Value, step: ir.Value, column: ir.Value | None = None) -> ir.Value:
        """Address of an entry, by its row and, where there is one, its column."""
        place = self.b.mul(row, step)
        return self.e.address(matrix, place if column is None else self.b.add(place, column), self.dtype)

    def load(self, pointer: ir.Value) -> ir.Value:
        """Read an entry."""
        return self.e.load(pointer, self.e.int(0), self.dtype)

    def store(self, x: ir.Value, pointer: ir.Value) -> None:
        """Write an entry."""
        self.e.store(x, pointer, self.e.int(0), self.dtype)

    def smaller(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The smaller of two counts."""
        return self.b.select(self.b.icmp_signed("<", x, y), x, y)

    def absolute(self, x: ir.Value) -> ir.Value:
        """Without its sign."""
        return self.e.intrinsic("llvm.fabs", x)

    def along(self, pointers: Sequence[ir.Value], count: ir.Value, body: Callable[..., Sequence[ir.Value]]) -> None:
        """Change rows side by side: `body` takes a vector of each one and returns what is written to the first ones."""
        e = self.e
        whole = self.b.and_(count, e.int(-self.lanes))

        def one(index: ir.Value, mask: ir.Value | None) -> None:
            found = body(*(e.load(x, index, self.dtype, self.lanes, mask) for x in pointers))
            for x, pointer in zip(found, pointers, strict=False):
                e.store(x, pointer, index, self.dtype, mask)

        with e.loop(e.int(0), whole, self.lanes) as loop:
            one(loop.index, None)
        with self.b.if_then(self.b.icmp_signed("<", whole, count)):
            one(whole, e.tail_mask(whole, count, self.lanes))

    def backward(
        self, t: ir.Value, row: ir.Value, column: ir.Value, right: ir.Value, step: ir.Value, n: ir.Value, m: ir.Value
    ) -> ir.Value:
        """Solve with an upper triangle, from its last row on: read from its end it is a lower one."""
        b = self.b
        last = b.sub(n, self.e.int(1))
        corner, line = self.at(t, last, b.add(row, column)), self.at(right, last, step)
        return self.call("triangular", corner, b.neg(row), b.neg(column), line, b.neg(step), n, m, self.e.int(0))

    def doubtful(self, pivot: ir.Value, size: ir.Value, rows: ir.Value) -> ir.Value:
        """Say whether a pivot is as small as the errors of rounding, given the entries that it came from; or NaN."""
        info = np.finfo(self.dtype)
        share = self.b.fmul(self.b.sitofp(rows, size.type), self.e.const(float(info.eps), size.type))
        limit = self.e.intrinsic("llvm.maxnum", self.b.fmul(size, share), self.e.const(float(info.tiny), size.type))
        return self.b.not_(self.b.fcmp_ordered(">", pivot, limit))


# C -= A B


def _subtract(x: Matrices, *args: ir.Value) -> ir.Value:
    m, n, k = args[-3:]
    e, b = x.e, x.b
    shared_if(
        x,
        b.icmp_signed(">=", b.mul(b.mul(m, n), k), e.int(SHARED)),
        "tiles",
        args,
        b.select(b.icmp_signed(">=", m, n), parts_of(e, m, _TALL), parts_of(e, n, WIDE)),
        _part_of_product,
    )
    return e.int(0)


def _part_of_product(x: Matrices, args: list[ir.Value], number: ir.Value) -> None:
    c, c_row, a, a_row, a_column, b_, b_row, m, n, k = args
    e, b = x.e, x.b
    with b.if_else(b.icmp_signed(">=", m, n)) as (tall, wide):
        with tall:
            start, count = part_at(x, number, _TALL, m)
            x.call("tiles", x.at(c, start, c_row), c_row, x.at(a, start, a_row), *args[3:7], count, n, k)
        with wide:
            start, count = part_at(x, number, WIDE, n)
            c, b_ = e.address(c, start, x.dtype), e.address(b_, start, x.dtype)
            x.call("tiles", c, c_row, a, a_row, a_column, b_, b_row, m, count, k)


def parts_of(e: Emitter, length: ir.Value, each: int) -> ir.Value:
    """Into how many parts of a length something is cut."""
    return e.b.sdiv(e.b.add(length, e.int(each - 1)), e.int(each))


def part_at(x: Matrices, number: ir.Value, each: int, length: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Where a part begins, and its length."""
    start = x.b.mul(number, x.e.int(each))
    return start, x.smaller(x.e.int(each), x.b.sub(length, start))


def shared_if(
    x: Matrices,
    holds: ir.Value,
    name: str,
    args: Sequence[ir.Value],
    count: ir.Value,
    write: Callable[[Matrices, list[ir.Value], ir.Value], None],
) -> None:
    """Call a function, or where that holds let threads take parts of its work: `write` calls it for one of them."""
    kinds = [POINTER if arg.type == POINTER else INT for arg in args]
    inner, values, number = slice_function(x.e.module, f"{x.e.b.function.name}.part", kinds)
    write(Matrices(inner, x.dtype), values, number)
    inner.b.ret_void()
    with x.b.if_else(holds, likely=False) as (many, one):
        with many:
            emit_parallel(x.e, inner.b.function, context_of(x.e, args), count)
        with one:
            x.call(name, *args)


def _subtract_upper(x: Matrices, *args: ir.Value) -> ir.Value:
    n, k = args[-2:]
    e, b = x.e, x.b
    holds = b.icmp_signed(">=", b.mul(b.mul(n, n), k), e.int(2 * SHARED))
    shared_if(x, holds, "tiles_upper", args, parts_of(e, n, _TALL), _part_of_upper)
    return e.int(0)


def _tiles_upper(x: Matrices, *args: ir.Value) -> ir.Value:
    with x.e.loop(x.e.int(0), parts_of(x.e, args[-2], _TALL)) as loop:
        _part_of_upper(x, list(args), loop.index)
    return x.e.int(0)


def _part_of_upper(x: Matrices, args: list[ir.Value], number: ir.Value) -> None:
    """Some rows from the diagonal on."""
    c, c_row, a, a_row, a_column, b_, b_row, n, k = args
    start, count = part_at(x, number, _TALL, n)
    corner, right = x.at(c, start, c_row, start), x.e.address(b_, start, x.dtype)
    x.call("tiles", corner, c_row, x.at(a, start, a_row), a_row, a_column, right, b_row, count, x.b.sub(n, start), k)


def _tiles(x: Matrices, *args: ir.Value) -> ir.Value:
    c, c_row, a, a_row, a_column, b_, b_row, m, n, k = args
    e, b = x.e, x.b
    rows, vectors = _TILES[machine.vector_bytes()]
    wide = vectors * x.lanes
    whole = b.mul(b.sdiv(n, e.int(wide)), e.int(wide))

    def tile(height: int, count: int, row: ir.Value, column: ir.Value, mask: ir.Value | None) -> None:
        # Rows past the end are the last one again: what is written twice is the same.
        last = b.sub(m, e.int(1))
        numbers = [row] + [x.smaller(b.add(row, e.int(k)), last) for k in range(1, height)]
        left = [x.at(a, number, a_row) for number in numbers]
        right = e.address(b_, column, x.dtype)
        zero = e.const(0, register(x.dtype, x.lanes))
        with e.loop(e.int(0), k, carried=[zero] * (height * count)) as loop:
            here = x.at(right, loop.index, b_row)
            line = [e.load(here, e.int(v * x.lanes), x.dtype, x.lanes, mask) for v in range(count)]
            place = b.mul(loop.index, a_column)
            found = []
            for h, pointer in enumerate(left):
                factor = e.splat(e.load(pointer, place, x.dtype), x.lanes)
                found += [e.fma(factor, line[v], loop.carry[h * count + v]) for v in range(count)]
            loop.carry = found
        sums = iter(loop.carry)
        targets = [x.at(c, number, c_row, column) for number in numbers]
        before = [[e.load(t, e.int(v * x.lanes), x.dtype, x.lanes, mask) for v in range(count)] for t in targets]
        for target, old in zip(targets, before, strict=True):
            for v, value in enumerate(old):
                e.store(b.fsub(value, next(sums)), target, e.int(v * x.lanes), x.dtype, mask)

    def column_of_tiles(column: ir.Value, count: int, mask: ir.Value | None) -> None:
        high = b.sub(m, b.srem(m, e.int(rows)))
        with e.loop(e.int(0), high, rows) as loop:
            tile(rows, count, loop.index, column, mask)
        with e.loop(high, m, 2) as loop:
            has_two = b.icmp_signed("<", b.add(loop.index, e.int(1)), m)
            with b.if_else(has_two) as (two, one):
                with two:
                    tile(2, count, loop.index, column, mask)
                with one:
                    tile(1, count, loop.index, column, mask)

    with b.if_then(b.icmp_signed(">", k, e.int(0))):
        with e.loop(e.int(0), whole, wide) as loop:
            column_of_tiles(loop.index, vectors, None)
        with e.loop(whole, n, x.lanes) as loop:
            column_of_tiles(loop.index, 1, e.tail_mask(loop.index, n, x.lanes))
    return e.int(0)


PRODUCTS: dict[str, Callable[..., ir.Value]] = {
    "subtract": _subtract,
    "tiles": _tiles,
    "subtract_upper": _subtract_upper,
    "tiles_upper": _tiles_upper,
}
