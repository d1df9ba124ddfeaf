"""The innermost loop of a product with few columns: the rows of the result stand side by side in a register.

With a row of the result in a register most of its lanes would be idle. What is computed is the transposed result: each
of its few rows is a register of sums, of as many rows as there are lanes. A left factor that stands by rows is turned
in registers on the way, block by block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_packing import shuffled, turn
from chainrule.native.products_tiles import minimum, on_stack
from chainrule.native.types import INT, POINTER, lanes_of, register

__all__ = ["ARGUMENTS", "PREFIX", "NarrowLoop", "emit_narrow_loop"]

PREFIX = "chainrule.narrow"

# The left factor and the step between its rows as they stand; the right one and its steps along the inner length and
# to the next column; rows and inner length; the result and the step between its rows; whether it is added to.
ARGUMENTS = (POINTER, INT, POINTER, INT, INT, INT, INT, POINTER, INT, ir.IntType(1))

#: Chains of additions that keep both units busy.
_CHAINS = 8


@dataclass(frozen=True)
class NarrowLoop:
    """A product with few columns.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all three arrays.
    lanes : int
        Entries in a register.
    columns : int
        Of the right factor and the result.
    by_rows : int
        1 where the left factor stands row by row, 0 where its columns do.
    """

    dtype: np.dtype[Any]
    lanes: int
    columns: int
    by_rows: int

    @property
    def name(self) -> str:
        """What its function is called: ``chainrule.narrow.float32.16.3.1``."""
        return f"{PREFIX}.{self.dtype.name}.{self.lanes}.{self.columns}.{self.by_rows}"


def emit_narrow_loop(module: ir.Module, loop: NarrowLoop) -> ir.Function:
    """Write the function of such a product.

    An entry's bits do not depend on the rows that it is computed with.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    loop : NarrowLoop
        Which one.

    Returns
    -------
    llvmlite.ir.Function
        With `ARGUMENTS`, called ``loop.name``.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ARGUMENTS), loop.name)
    e = Emitter(function)
    a, a_row, at_b, b_inner, b_column, rows, length, out, out_row, adds = function.args
    steps = [e.b.mul(b_column, e.int(j)) for j in range(loop.columns)]

    def right(at: ir.Value) -> tuple[list[ir.Value], ir.Value]:
        """A row of the right factor, each entry in all lanes, and where the next one stands."""
        found = [e.splat(e.load(at, step, loop.dtype), loop.lanes) for step in steps]
        return found, e.address(at, b_inner, loop.dtype)

    kept = on_stack(e, loop.lanes**2 * loop.dtype.itemsize) if loop.by_rows else None
    block_of_result = on_stack(e, loop.lanes * loop.columns * loop.dtype.itemsize)
    with e.loop(e.int(0), rows, loop.lanes) as block:
        if kept is not None:
            sums = _by_rows(e, loop, a, a_row, at_b, right, block.index, rows, length, kept)
        else:
            mask = e.tail_mask(block.index, rows, loop.lanes)
            start = e.address(a, block.index, loop.dtype)
            sums = _by_columns(e, loop, start, a_row, at_b, right, mask, length)
        found = _side_by_side(e, sums)
        left = minimum(e, e.b.sub(rows, block.index), e.int(loop.lanes))
        at = e.address(out, e.b.mul(block.index, out_row), loop.dtype)
        with e.b.if_else(e.b.icmp_signed("==", out_row, e.int(loop.columns))) as (together, apart):
            with together:
                entries = e.b.mul(left, e.int(loop.columns))
                for k, value in enumerate(found):
                    place = e.int(k * loop.lanes)
                    _write(e, loop, value, at, place, e.tail_mask(place, entries, loop.lanes), adds)
            with apart:
                for k, value in enumerate(found):
                    e.store(value, block_of_result, e.int(k * loop.lanes), loop.dtype)
                with e.loop(e.int(0), left) as down:
                    place = e.b.mul(down.index, e.int(loop.columns))
                    value = e.load(block_of_result, place, loop.dtype, loop.columns)
                    _write(e, loop, value, at, e.b.mul(down.index, out_row), None, adds)
    e.b.ret_void()
    return function


def _write(
    e: Emitter,
    loop: NarrowLoop,
    value: ir.Value,
    out: ir.Value,
    at: ir.Value,
    mask: ir.Value | None,
    adds: ir.Value,
) -> None:
    """Store entries, or add them to what is there."""
    lanes = lanes_of(value.type)
    every = e.splat(ir.Constant(adds.type, 1), lanes) if mask is None else mask
    old = e.load(out, at, loop.dtype, lanes, e.b.select(adds, every, ir.Constant(every.type, None)))
    e.store(e.b.select(adds, e.b.fadd(value, old), value), out, at, loop.dtype, mask)


# A row of the right factor that stands there, and where the next one does.
_Right = Callable[[ir.Value], tuple[list[ir.Value], ir.Value]]


def _times(e: Emitter, left: ir.Value, right: list[ir.Value], total: list[ir.Value]) -> list[ir.Value]:
    return [e.fma(left, x, t) for x, t in zip(right, total, strict=True)]


def _by_rows(
    e: Emitter,
    loop: NarrowLoop,
    a: ir.Value,
    a_row: ir.Value,
    at_b: ir.Value,
    right: _Right,
    first: ir.Value,
    rows: ir.Value,
    length: ir.Value,
    kept: ir.Value,
) -> list[ir.Value]:
    """Sums for a block of rows, of which as many entries as there are rows are turned at a time."""
    b, dtype, lanes, width = e.b, loop.dtype, loop.lanes, loop.columns
    last = b.sub(rows, e.int(1))
    # Past the last row that row is read again; of what comes out nothing is stored.
    starts = [b.mul(minimum(e, b.add(first, e.int(k)), last), a_row) for k in range(lanes)]

    def one(number: ir.Value, at: ir.Value, total: list[ir.Value]) -> tuple[list[ir.Value], ir.Value]:
        column = e.load(kept, b.shl(number, e.int(lanes.bit_length() - 1)), dtype, lanes)
        row, following = right(at)
        return _times(e, column, row, total), following

    # Two sets of sums: the chains of additions are shorter.
    zeros = [e.const(0, register(dtype, lanes))] * (2 * width)
    with e.loop(e.int(0), length, lanes, [at_b, *zeros]) as along:
        mask = e.tail_mask(along.index, length, lanes)
        for k, column in enumerate(turn(e, [e.load(a, b.add(x, along.index), dtype, lanes, mask) for x in starts])):
            e.store(column, kept, e.int(k * lanes), dtype)
        count = minimum(e, b.sub(length, along.index), e.int(lanes))
        even = b.and_(count, e.int(-2))
        with e.loop(e.int(0), even, 2, along.carry) as pairs:
            at, *total = pairs.carry
            even_sums, at = one(pairs.index, at, total[:width])
            odd_sums, at = one(b.add(pairs.index, e.int(1)), at, total[width:])
            pairs.carry = [at, *even_sums, *odd_sums]
        with e.loop(even, count, 1, pairs.carry[: 1 + width]) as rest:
            sums, at = one(rest.index, rest.carry[0], rest.carry[1:])
            rest.carry = [at, *sums]
        along.carry = rest.carry + pairs.carry[1 + width :]
    total = along.carry[1:]
    return [b.fadd(x, y) for x, y in zip(total[:width], total[width:], strict=True)]


def _by_columns(
    e: Emitter,
    loop: NarrowLoop,
    a: ir.Value,
    a_row: ir.Value,
    at_b: ir.Value,
    right: _Right,
    mask: ir.Value,
    length: ir.Value,
) -> list[ir.Value]:
    """Sums for a block of rows, in several sets that are added up at the end."""
    b, dtype, lanes, width = e.b, loop.dtype, loop.lanes, loop.columns
    sets = max(1, _CHAINS // width)

    def one(at: list[ir.Value], total: list[ir.Value]) -> tuple[list[ir.Value], list[ir.Value]]:
        row, following = right(at[1])
        sums = _times(e, e.load(at[0], e.int(0), dtype, lanes, mask), row, total)
        return [e.address(at[0], a_row, dtype), following], sums

    whole = b.sub(length, b.srem(length, e.int(sets)))
    zeros = [e.const(0, register(dtype, lanes))] * (sets * width)
    with e.loop(e.int(0), whole, sets, [a, at_b, *zeros]) as along:
        at, total = along.carry[:2], []
        for k in range(sets):
            at, sums = one(at, along.carry[2 + k * width : 2 + (k + 1) * width])
            total += sums
        along.carry = at + total
    with e.loop(whole, length, 1, along.carry[: 2 + width]) as rest:
        at, sums = one(rest.carry[:2], rest.carry[2:])
        rest.carry = at + sums
    found = rest.carry[2:]
    for k in range(1, sets):
        more = along.carry[2 + k * width : 2 + (k + 1) * width]
        found = [b.fadd(x, y) for x, y in zip(found, more, strict=True)]
    return found


def _side_by_side(e: Emitter, columns: list[ir.Value]) -> list[ir.Value]:
    """Registers of columns as registers of rows that follow each other."""
    count, lanes = len(columns), columns[0].type.count
    found = []
    for k in range(count):
        places = [divmod(k * lanes + lane, count) for lane in range(lanes)]
        value = columns[0]
        for j in range(1, count):
            # The first time the entries of column 0 go to their places too.
            before = [place[0] for place in places] if j == 1 else list(range(lanes))
            lane_of = [lanes + row if column == j else before[lane] for lane, (row, column) in enumerate(places)]
            value = shuffled(e, value, columns[j], lane_of)
        found.append(value)
    return found
