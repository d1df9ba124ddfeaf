"""Copies of a factor with the entries in the order in which a product reads them."""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_tiles import ask_for, minimum, on_stack
from chainrule.native.types import INT, POINTER, lanes_of

__all__ = ["ARGUMENTS", "PREFIX", "Packing", "emit_packing"]

PREFIX = "chainrule.pack"

_INTEGER = np.dtype(np.int64)

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

    Nothing is written past the columns and rows of the copy.

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
    """Turn blocks in registers: as many rows that are read as there are lanes, and so many entries of each as 128 bits.

    Pieces of rows are read to where they belong in registers, so that what is left are shuffles within 128 bits. In
    place of rows past the last one, the last one is read again.
    """
    b, dtype, lanes = e.b, packing.dtype, packing.lanes
    size, lines = 16 // dtype.itemsize, on_stack(e, 8 * lanes)
    numbers = ir.Constant(ir.VectorType(INT, lanes), [e.int(k) for k in range(lanes)])
    last, last_row = e.splat(b.sub(columns, e.int(1)), lanes), b.sub(rows, e.int(1))
    read = e.tail_mask(e.int(0), rows, size)
    apart = [b.mul(minimum(e, e.int(i), last_row), target_row) for i in range(size)]
    with e.loop(e.int(0), columns, lanes) as across:
        places = e.intrinsic("llvm.smin", b.add(e.splat(across.index, lanes), numbers), last)
        b.store(b.mul(places, e.splat(source_row, lanes)), lines)
        written = e.tail_mask(across.index, columns, lanes)
        to = e.address(target, across.index, dtype)
        with e.loop(e.int(0), rows, size) as down:
            # The last piece starts earlier, if there are as many rows as it has.
            start = minimum(e, down.index, b.sub(rows, e.int(size)))
            start = b.select(b.icmp_signed("<", start, e.int(0)), e.int(0), start)
            at = e.address(source, start, dtype)
            line = [e.load(lines, e.int(i), _INTEGER) for i in range(lanes)]
            pieces = [e.load(at, place, dtype, size, read) for place in line]
            turned = turn(e, [joined(e, pieces[i::size]) for i in range(size)])
            # From the last one on: one past the rows goes to where the last row is written after it.
            below = e.address(to, b.mul(start, target_row), dtype)
            for i in reversed(range(size)):
                e.store(turned[i], below, apart[i], dtype, written)


def joined(e: Emitter, pieces: list[ir.Value]) -> ir.Value:
    """Pieces side by side in one register."""
    while len(pieces) > 1:
        lanes = list(range(2 * lanes_of(pieces[0].type)))
        pieces = [shuffled(e, x, y, lanes) for x, y in zip(pieces[::2], pieces[1::2], strict=True)]
    return pieces[0]


def turn(e: Emitter, rows: list[ir.Value]) -> list[ir.Value]:
    """Transpose square blocks that stand side by side in registers: halves change places, then quarters, and so on."""
    side, lanes = len(rows), lanes_of(rows[0].type)
    half = side // 2
    while half:
        upper = [lane if not lane & half else lanes + lane - half for lane in range(lanes)]
        lower = [lane + half if not lane & half else lanes + lane for lane in range(lanes)]
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
