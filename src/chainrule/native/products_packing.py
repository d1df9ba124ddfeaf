"""Copies of a factor with the entries in the order in which a product reads them."""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_tiles import ask_for, minimum
from chainrule.native.types import INT, POINTER

__all__ = ["ARGUMENTS", "PREFIX", "Packing", "emit_packing"]

PREFIX = "chainrule.pack"

#: Registers of a row that are copied together, and how many rows before they are read they are asked for.
_AT_ONCE, _AHEAD = 3, 12

# What is read and the step between its rows; columns and rows of the copy; the copy and the step between its rows.
ARGUMENTS = (POINTER, INT, INT, INT, POINTER, INT)


@dataclass(frozen=True)
class Packing:
    """A way to copy.

    Attributes
    ----------
    dtype : numpy.dtype
        Of what is copied.
    lanes : int
        Entries in a register.
    transposes : bool
        True where the rows that are read become the columns of the copy.
    """

    dtype: np.dtype[Any]
    lanes: int
    transposes: bool

    @property
    def name(self) -> str:
        """What its function is called: ``chainrule.pack.float32.16.1``."""
        return f"{PREFIX}.{self.dtype.name}.{self.lanes}.{int(self.transposes)}"


def emit_packing(module: ir.Module, packing: Packing) -> ir.Function:
    """Write the function that copies.

    The copy's step between rows must leave room for whole registers: the last one of a row is written in full, and
    what stands past the columns there is of no meaning.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    packing : Packing
        How it copies.

    Returns
    -------
    llvmlite.ir.Function
        With `ARGUMENTS`, called ``packing.name``.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ARGUMENTS), packing.name)
    e = Emitter(function)
    (transposed if packing.transposes else copied)(e, packing, *function.args)
    e.b.ret_void()
    return function


def copied(
    e: Emitter,
    packing: Packing,
    source: ir.Value,
    source_row: ir.Value,
    columns: ir.Value,
    rows: ir.Value,
    target: ir.Value,
    target_row: ir.Value,
) -> None:
    """Copy row by row: some registers of each row at a time, of which later ones are asked for in advance."""
    dtype, lanes = packing.dtype, packing.lanes
    narrow = e.b.srem(columns, e.int(_AT_ONCE * lanes))
    wide = e.b.sub(columns, narrow)

    def part(first: ir.Value, masks: list[ir.Value | None]) -> None:
        with e.loop(e.int(0), rows, carried=[source, target]) as down:
            at, to = down.carry
            ahead = e.address(at, e.b.mul(source_row, e.int(_AHEAD)), dtype)
            for j in range(len(masks)):
                ask_for(e, e.address(ahead, e.b.add(first, e.int(j * lanes)), dtype), in_first_cache=True)
            for j, mask in enumerate(masks):
                place = e.b.add(first, e.int(j * lanes))
                e.store(e.load(at, place, dtype, lanes, mask), to, place, dtype)
            down.carry = [e.address(at, source_row, dtype), e.address(to, target_row, dtype)]

    with e.loop(e.int(0), wide, _AT_ONCE * lanes) as across:
        part(across.index, [None] * _AT_ONCE)
    with e.loop(wide, columns, lanes) as across:
        part(across.index, [e.tail_mask(across.index, columns, lanes)])


def transposed(
    e: Emitter,
    packing: Packing,
    source: ir.Value,
    source_row: ir.Value,
    columns: ir.Value,
    rows: ir.Value,
    target: ir.Value,
    target_row: ir.Value,
) -> None:
    """Turn square blocks by shuffles.

    A block that would reach past the end of the rows that are read starts earlier; instead of rows past the last
    one, the last one is read again.
    """
    b, dtype = e.b, packing.dtype
    side = min(packing.lanes, 8)
    last = b.sub(rows, e.int(side))
    with e.loop(e.int(0), columns, side) as across:
        lines = []
        for i in range(side):
            line = minimum(e, b.add(across.index, e.int(i)), b.sub(columns, e.int(1)))
            lines.append(e.address(source, b.mul(line, source_row), dtype))
        with b.if_else(b.icmp_signed(">=", last, e.int(0))) as (blocks, entries):
            with blocks, e.loop(e.int(0), rows, side) as down:
                start = minimum(e, down.index, last)
                turned = turn(e, [e.load(line, start, dtype, side) for line in lines])
                for i, vector in enumerate(turned):
                    row = e.address(target, b.mul(b.add(start, e.int(i)), target_row), dtype)
                    e.store(vector, row, across.index, dtype)
            with entries, e.loop(e.int(0), rows) as down:
                row = e.address(target, b.mul(down.index, target_row), dtype)
                for i, line in enumerate(lines):
                    e.store(e.load(line, down.index, dtype), row, b.add(across.index, e.int(i)), dtype)


def turn(e: Emitter, rows: list[ir.Value]) -> list[ir.Value]:
    """Transpose a square block of registers: halves change places, then quarters, and so on."""
    side = len(rows)
    half = side // 2
    while half:
        upper = [lane if not lane & half else side + lane - half for lane in range(side)]
        lower = [lane + half if not lane & half else side + lane for lane in range(side)]
        following = list(rows)
        for i in range(side):
            if not i & half:
                following[i] = shuffled(e, rows[i], rows[i + half], upper)
                following[i + half] = shuffled(e, rows[i], rows[i + half], lower)
        rows = following
        half //= 2
    return rows


def shuffled(e: Emitter, x: ir.Value, y: ir.Value, lanes: list[int]) -> ir.Value:
    """Lanes of two registers, numbered through both."""
    return e.b.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))
