"""The innermost loops of products of a matrix and a vector: they read each entry of the matrix once, side by side.

Rows by a vector (``M @ v``) are sums in the lanes of a register, one for each row. A vector by rows (``v @ M``) is a
sum of rows, whose columns are the lanes. Both go along eight rows at a time, which keeps eight streams from memory
busy.
"""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_packing import shuffled
from chainrule.native.products_tiles import minimum
from chainrule.native.types import INT, POINTER, register

__all__ = ["ARGUMENTS", "PREFIX", "VectorLoop", "emit_vector_loop", "widest"]

PREFIX = "chainrule.vector"

# The matrix and the step between its rows; the vector and the step between its entries; rows and columns of the
# matrix; the result; whether it is added to.
ARGUMENTS = (POINTER, INT, POINTER, INT, INT, INT, POINTER, ir.IntType(1))

#: Rows that are gone along at the same time.
ROWS = 8
#: Registers of a sum of rows that is kept in them.
_REGISTERS = 8
#: Columns that are added up at a time where there are more: they stay in the first cache.
_COLUMNS = 1024


def widest(lanes: int) -> int:
    """Most columns of a sum of rows that is kept in registers."""
    return _REGISTERS * lanes


@dataclass(frozen=True)
class VectorLoop:
    """A product of a matrix and a vector.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all three.
    lanes : int
        Entries in a register.
    kind : int
        -1 for rows by a vector, whose entries stand side by side. For a vector by rows the number of registers that
        hold the result, or 0 where it is kept in memory.
    """

    dtype: np.dtype[Any]
    lanes: int
    kind: int

    @property
    def name(self) -> str:
        """What its function is called: ``chainrule.vector.float32.16.0``."""
        return f"{PREFIX}.{self.dtype.name}.{self.lanes}.{self.kind}"


def emit_vector_loop(module: ir.Module, loop: VectorLoop) -> ir.Function:
    """Write the function of such a product.

    An entry's bits depend on its own row or column alone, and not on which others it is computed with.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    loop : VectorLoop
        Which one.

    Returns
    -------
    llvmlite.ir.Function
        With `ARGUMENTS`, called ``loop.name``.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ARGUMENTS), loop.name)
    e = Emitter(function)
    write = _rows_by_vector if loop.kind < 0 else _kept_in_registers if loop.kind else _kept_in_memory
    write(e, loop, *function.args)
    e.b.ret_void()
    return function


def _rows_by_vector(
    e: Emitter,
    loop: VectorLoop,
    matrix: ir.Value,
    row: ir.Value,
    vector: ir.Value,
    step: ir.Value,
    rows: ir.Value,
    columns: ir.Value,
    out: ir.Value,
    adds: ir.Value,
) -> None:
    b, dtype, lanes = e.b, loop.dtype, loop.lanes
    kind = register(dtype, lanes)
    whole = b.sub(columns, b.srem(columns, e.int(lanes)))
    mask = e.tail_mask(whole, columns, lanes)
    last = b.sub(rows, e.int(1))

    def along(lines: list[ir.Value], at: ir.Value, total: list[ir.Value], mask: ir.Value | None) -> list[ir.Value]:
        right = e.load(vector, at, dtype, lanes, mask)
        return [e.fma(e.load(x, at, dtype, lanes, mask), right, t) for x, t in zip(lines, total, strict=True)]

    with e.loop(e.int(0), rows, ROWS) as down:
        # Past the last row that row is read again; of what comes out nothing is stored.
        numbers = [minimum(e, b.add(down.index, e.int(k)), last) for k in range(ROWS)]
        lines = [e.address(matrix, b.mul(number, row), dtype) for number in numbers]
        with e.loop(e.int(0), whole, lanes, [e.const(0, kind)] * ROWS) as across:
            across.carry = along(lines, across.index, across.carry, None)
        with e.loop(whole, columns, lanes, across.carry) as rest:
            rest.carry = along(lines, rest.index, rest.carry, mask)
        for first, sums in _summed(e, rest.carry):
            at = b.add(down.index, e.int(first))
            present = e.tail_mask(at, rows, sums.type.count)
            old = e.load(out, at, dtype, sums.type.count, b.select(adds, present, ir.Constant(present.type, None)))
            e.store(b.fadd(sums, old), out, at, dtype, present)


def _summed(e: Emitter, rows: list[ir.Value]) -> list[tuple[int, ir.Value]]:
    """The sums over the lanes of several registers, side by side: the number of the first one, and the register."""
    lanes = rows[0].type.count
    while lanes > len(rows):
        lanes //= 2
        halves = [[shuffled(e, x, x, list(range(k, k + lanes))) for k in (0, lanes)] for x in rows]
        rows = [e.b.fadd(*pair) for pair in halves]
    found = []
    for first in range(0, len(rows), lanes):
        some = rows[first : first + lanes]
        half = lanes // 2
        while half:
            upper = [lane if not lane & half else lanes + lane - half for lane in range(lanes)]
            lower = [lane + half if not lane & half else lanes + lane for lane in range(lanes)]
            pairs = zip(some[:half], some[half:], strict=True)
            some = [e.b.fadd(shuffled(e, x, y, upper), shuffled(e, x, y, lower)) for x, y in pairs]
            half //= 2
        found.append((first, some[0]))
    return found


def _kept_in_registers(
    e: Emitter,
    loop: VectorLoop,
    matrix: ir.Value,
    row: ir.Value,
    vector: ir.Value,
    step: ir.Value,
    rows: ir.Value,
    columns: ir.Value,
    out: ir.Value,
    adds: ir.Value,
) -> None:
    """Of few columns every second, third, ... row has sums of its own: the chains of additions are short."""
    b, dtype, lanes, width = e.b, loop.dtype, loop.lanes, loop.kind
    sets = max(1, _REGISTERS // width)
    kind = register(dtype, lanes)
    places = [e.int(k * lanes) for k in range(width)]
    masks = [e.tail_mask(at, columns, lanes) for at in places]

    def one(number: ir.Value, total: list[ir.Value]) -> list[ir.Value]:
        line = e.address(matrix, b.mul(number, row), dtype)
        left = e.splat(e.load(vector, b.mul(number, step), dtype), lanes)
        loaded = [e.load(line, at, dtype, lanes, mask) for at, mask in zip(places, masks, strict=True)]
        return [e.fma(left, x, t) for x, t in zip(loaded, total, strict=True)]

    whole = b.sub(rows, b.srem(rows, e.int(sets)))
    with e.loop(e.int(0), whole, sets, [e.const(0, kind)] * (sets * width)) as down:
        total = []
        for k in range(sets):
            total += one(b.add(down.index, e.int(k)), down.carry[k * width : (k + 1) * width])
        down.carry = total
    with e.loop(whole, rows, 1, down.carry[:width]) as rest:
        rest.carry = one(rest.index, rest.carry)
    parts = [rest.carry, *(down.carry[k * width : (k + 1) * width] for k in range(1, sets))]
    while len(parts) > 1:
        half = -(-len(parts) // 2)
        added = [[b.fadd(x, y) for x, y in zip(*pair, strict=True)] for pair in zip(parts, parts[half:], strict=False)]
        parts = added + parts[len(added) : half]
    for value, at, mask in zip(parts[0], places, masks, strict=True):
        old = e.load(out, at, dtype, lanes, b.select(adds, mask, ir.Constant(mask.type, None)))
        e.store(b.fadd(value, old), out, at, dtype, mask)


def _kept_in_memory(
    e: Emitter,
    loop: VectorLoop,
    matrix: ir.Value,
    row: ir.Value,
    vector: ir.Value,
    step: ir.Value,
    rows: ir.Value,
    columns: ir.Value,
    out: ir.Value,
    adds: ir.Value,
) -> None:
    """Several rows are added to the result at a time, for a block of columns that stays in cache."""
    b, dtype, lanes = e.b, loop.dtype, loop.lanes
    zero = e.const(0, register(dtype, lanes))
    whole = b.sub(rows, b.srem(rows, e.int(ROWS)))

    def cover(start: ir.Value, stop: ir.Value, lines: list[tuple[ir.Value, ir.Value]]) -> None:
        """Add rows to the columns of a block; no rows set it to 0."""

        def some(at: ir.Value, mask: ir.Value | None) -> None:
            total = e.load(out, at, dtype, lanes, mask) if lines else zero
            for line, left in lines:
                total = e.fma(left, e.load(line, at, dtype, lanes, mask), total)
            e.store(total, out, at, dtype, mask)

        full = b.sub(stop, b.srem(b.sub(stop, start), e.int(lanes)))
        with e.loop(start, full, lanes) as across:
            some(across.index, None)
        with b.if_then(b.icmp_signed("<", full, stop)):
            some(full, e.tail_mask(full, stop, lanes))

    def line(number: ir.Value) -> tuple[ir.Value, ir.Value]:
        left = e.load(vector, b.mul(number, step), dtype)
        return e.address(matrix, b.mul(number, row), dtype), e.splat(left, lanes)

    with e.loop(e.int(0), columns, _COLUMNS) as block:
        start, stop = block.index, minimum(e, b.add(block.index, e.int(_COLUMNS)), columns)
        with b.if_then(b.not_(adds)):
            cover(start, stop, [])
        with e.loop(e.int(0), whole, ROWS) as down:
            cover(start, stop, [line(b.add(down.index, e.int(k))) for k in range(ROWS)])
        with e.loop(whole, rows) as down:
            cover(start, stop, [line(down.index)])
