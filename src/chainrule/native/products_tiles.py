"""The innermost loops of a matrix product: tiles of the result in registers.

A tile is compiled once for a process, for any sizes and steps, and called from what `emit_product` writes: in
machine code of its own it would take longer to compile than many a product takes to compute.
"""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, POINTER, register

__all__ = ["ARGUMENTS", "FAR_ARGUMENTS", "FAR_PREFIX", "PREFIX", "Tile", "emit_tile", "maximum", "minimum", "on_stack"]

PREFIX, FAR_PREFIX = "chainrule.tile", "chainrule.tile_far"
_BIT, _BYTE = ir.IntType(1), ir.IntType(8)

# a, its steps to the next row and along the inner length; b and its step; the inner length; c and its step to the
# next row; columns and rows of c; whether c is added to. Steps and lengths are counted in entries.
ARGUMENTS = (POINTER, INT, INT, POINTER, INT, INT, POINTER, INT, INT, INT, _BIT)
# And what will be read next, with the bytes of it to each step along the inner length of each tile.
FAR_ARGUMENTS = (*ARGUMENTS, POINTER, INT)

# x86 adds a register, or twice the register, to an address at no cost: three rows to a pointer.
_ROWS_TO_A_POINTER = 3


@dataclass(frozen=True)
class Tile:
    """A block of the result that fits the registers.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all three arrays.
    lanes : int
        Entries in a register.
    rows : int
        Rows of the block.
    vectors : int
        Registers to a row of it.
    far : bool
        Whether c and what is read next are not in the caches: they are asked for while the sums are made.
    """

    dtype: np.dtype[Any]
    lanes: int
    rows: int
    vectors: int
    far: bool = False

    @property
    def width(self) -> int:
        """Columns."""
        return self.vectors * self.lanes

    @property
    def groups(self) -> list[range]:
        """Rows that share a pointer."""
        size = _ROWS_TO_A_POINTER
        return [range(i, min(i + size, self.rows)) for i in range(0, self.rows, size)]

    @property
    def name(self) -> str:
        """What its function is called: ``chainrule.tile.float32.16.8.3``."""
        prefix = FAR_PREFIX if self.far else PREFIX
        return f"{prefix}.{self.dtype.name}.{self.lanes}.{self.rows}.{self.vectors}"

    @property
    def arguments(self) -> tuple[ir.Type, ...]:
        """What its function takes."""
        return FAR_ARGUMENTS if self.far else ARGUMENTS


def opaque(e: Emitter, pointer: ir.Value) -> ir.Value:
    """The same pointer, of which LLVM knows nothing.

    It would otherwise write the rows' addresses as a chain of additions, which takes longer than the products.
    """
    return e.b.asm(ir.FunctionType(pointer.type, [pointer.type]), "", "=r,0", [pointer], side_effect=False)


def emit_tile(module: ir.Module, tile: Tile) -> ir.Function:
    """Write the function that runs a tile down a number of rows.

    For c of `rows` rows and at most ``tile.width`` columns it computes ``c = a @ b`` or ``c += a @ b``. All sums run
    along the inner length in order, so an entry's bits do not depend on which rows it is computed with.

    The last tile may reach past the rows. Rows come in groups that share a pointer; a group that would reach past
    the end starts earlier, and of what it computes a second time nothing is written. Of fewer rows than a group has,
    each one is computed in every row of a tile, by a step of 0, and written once.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    tile : Tile
        Its shape.

    Returns
    -------
    llvmlite.ir.Function
        With ``tile.arguments``, called ``tile.name``.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), tile.arguments), tile.name)
    e = Emitter(function)
    b = e.b
    at_a, a_row, a_inner, at_b, b_inner, length, at_c, c_row, columns, rows, adds, *following = function.args
    few = b.icmp_signed("<", rows, e.int(len(tile.groups[0])))
    step = b.mul(b.select(few, e.int(0), a_row), e.int(tile.dtype.itemsize))
    steps = [e.int(0), step, b.shl(step, e.int(1))]
    apart = [b.mul(a_row, e.int(g[0])) for g in tile.groups]
    kept = on_stack(e, tile.rows * tile.width * tile.dtype.itemsize)
    masks = row_masks(e, tile, columns)
    tiles = b.sdiv(b.add(rows, e.int(tile.rows - 1)), e.int(tile.rows))
    with e.loop(e.int(0), b.select(few, rows, tiles)) as loop:
        here = place(e, tile, loop.index, rows, few)
        a = e.address(at_a, b.mul(here.start, a_row), tile.dtype)
        pointers = group_pointers(e, tile, here, a, a_row, apart)
        c = e.address(at_c, b.mul(here.start, c_row), tile.dtype)
        ahead = None
        if tile.far:
            ask_for_rows(e, tile, c, c_row)
            at, step = following
            ahead = b.gep(at, [b.mul(b.mul(loop.index, length), step)], source_etype=_BYTE), step
        total = sums(e, tile, pointers, steps, a_inner, at_b, b_inner, length, masks, ahead)
        with b.if_else(here.full) as (all_rows, some_rows):
            with all_rows, b.if_else(adds) as (added, stored):
                with added:
                    write(e, tile, total, c, c_row, masks, adds=True)
                with stored:
                    write(e, tile, total, c, c_row, masks, adds=False)
            with some_rows:
                write(e, tile, total, kept, e.int(tile.width), [None] * tile.vectors, adds=False)
                write_new_rows(e, tile, here, kept, c, c_row, masks, adds)
    b.ret_void()
    return function


@dataclass(frozen=True)
class Place:
    """Which rows a tile computes.

    Attributes
    ----------
    start, rows : Value
        The first one, and how many there are.
    done : Value
        How many of them the tile before has written.
    few : Value
        True if there are fewer rows in all than a group has.
    full : Value
        True if the tile is filled, and all of its rows are new.
    """

    start: ir.Value
    rows: ir.Value
    done: ir.Value
    few: ir.Value
    full: ir.Value


def place(e: Emitter, tile: Tile, number: ir.Value, rows: ir.Value, few: ir.Value) -> Place:
    """The rows of the tile of that number: it starts earlier where less than a group would be left."""
    b = e.b
    following = b.mul(number, e.int(tile.rows))
    start = b.select(few, number, minimum(e, following, b.sub(rows, e.int(len(tile.groups[0])))))
    left = minimum(e, b.sub(rows, start), e.int(tile.rows))
    filled = b.and_(b.icmp_signed("==", left, e.int(tile.rows)), b.icmp_signed("==", start, following))
    return Place(start, left, b.sub(following, start), few, b.and_(filled, b.not_(few)))


def group_pointers(
    e: Emitter, tile: Tile, here: Place, a: ir.Value, a_row: ir.Value, apart: list[ir.Value]
) -> list[ir.Value]:
    """Where the groups of a tile start: one after the other, and not past the rows."""
    b = e.b
    with b.if_else(here.full) as (all_rows, some_rows):
        with all_rows:
            whole = [e.address(a, x, tile.dtype) for x in apart]
            after_whole = b.block
        with some_rows:
            shifts = [minimum(e, e.int(g[0]), b.sub(here.rows, e.int(len(g)))) for g in tile.groups]
            part = [e.address(a, b.mul(b.select(here.few, e.int(0), x), a_row), tile.dtype) for x in shifts]
            after_part = b.block
    pointers = []
    for x, y in zip(whole, part, strict=True):
        pointer = b.phi(POINTER)
        pointer.add_incoming(x, after_whole)
        pointer.add_incoming(y, after_part)
        pointers.append(pointer)
    return pointers


def on_stack(e: Emitter, size: int) -> ir.Value:
    """Address of so many bytes of the stack, for as long as the function runs."""
    with e.b.goto_entry_block():
        place = e.b.alloca(ir.ArrayType(_BYTE, size))
        place.align = 64
        # llvmlite knows what a pointer from `alloca` points to, and would hold stores to it.
        return e.b.inttoptr(e.b.ptrtoint(place, INT), POINTER)


def minimum(e: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    """The smaller one of two signed integers."""
    return e.b.select(e.b.icmp_signed("<", x, y), x, y)


def maximum(e: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    """The larger one of two signed integers."""
    return e.b.select(e.b.icmp_signed(">", x, y), x, y)


def row_masks(e: Emitter, tile: Tile, columns: ir.Value) -> list[ir.Value | None]:
    """Which lanes of a row's registers are columns: only the last register may be filled in part."""
    last = (tile.vectors - 1) * tile.lanes
    return [None] * (tile.vectors - 1) + [e.tail_mask(e.int(last), columns, tile.lanes)]


def sums(
    e: Emitter,
    tile: Tile,
    pointers: list[ir.Value],
    steps: list[ir.Value],
    a_inner: ir.Value,
    at_b: ir.Value,
    b_inner: ir.Value,
    length: ir.Value,
    masks: list[ir.Value | None],
    ahead: tuple[ir.Value, ir.Value] | None,
) -> list[ir.Value]:
    """The sums of a tile along the inner length, row after row."""
    # A vector constant is written out lane by lane: in every place it would make up half of the text that LLVM reads.
    bits = ir.IntType(8 * tile.lanes * tile.dtype.itemsize)
    zero = e.b.bitcast(ir.Constant(bits, 0), register(tile.dtype, tile.lanes))
    carried = [at_b, *pointers, *[zero] * (tile.rows * tile.vectors)]
    if ahead is not None:
        carried.append(ahead[0])
    with e.loop(e.int(0), length, carried=carried) as loop:
        at_b, *rest = loop.carry
        if ahead is not None:
            asked = rest.pop()
            ask_for(e, asked, in_first_cache=False)
        at_a = [opaque(e, p) for p in rest[: len(pointers)]]
        total = rest[len(pointers) :]
        right = [e.load(at_b, e.int(j * tile.lanes), tile.dtype, tile.lanes, m) for j, m in enumerate(masks)]
        for pointer, g in zip(at_a, tile.groups, strict=True):
            for i, step in zip(g, steps, strict=False):
                at = e.b.gep(pointer, [step], source_etype=_BYTE)
                left = e.splat(e.load(at, e.int(0), tile.dtype), tile.lanes)
                for j in range(tile.vectors):
                    total[i * tile.vectors + j] = e.fma(left, right[j], total[i * tile.vectors + j])
        following = [e.address(p, a_inner, tile.dtype) for p in at_a]
        loop.carry = [e.address(at_b, b_inner, tile.dtype), *following, *total]
        if ahead is not None:
            loop.carry.append(e.b.gep(asked, [ahead[1]], source_etype=_BYTE))
    return loop.carry[1 + len(pointers) :]


def ask_for(e: Emitter, at: ir.Value, *, in_first_cache: bool, to_write: bool = False) -> None:
    """Ask for memory before it is needed; nothing happens where there is none."""
    number = ir.IntType(32)
    function = e.declared("llvm.prefetch.p0", ir.VoidType(), [POINTER, number, number, number])
    e.b.call(function, [at, *(ir.Constant(number, int(x)) for x in (to_write, 3 if in_first_cache else 2, 1))])


def ask_for_rows(e: Emitter, tile: Tile, c: ir.Value, c_row: ir.Value) -> None:
    """Ask for the part of the result that a tile will be stored to, or added to."""
    for _ in range(tile.rows):
        for j in range(tile.vectors):
            ask_for(e, e.address(c, e.int(j * tile.lanes), tile.dtype), in_first_cache=True, to_write=True)
        c = e.address(c, c_row, tile.dtype)


def write(
    e: Emitter,
    tile: Tile,
    total: list[ir.Value],
    out: ir.Value,
    step: ir.Value,
    masks: list[ir.Value | None],
    *,
    adds: bool,
) -> None:
    """Store a tile, or add it to what is there."""
    for i in range(tile.rows):
        for j, mask in enumerate(masks):
            value = total[i * tile.vectors + j]
            if adds:
                value = e.b.fadd(value, e.load(out, e.int(j * tile.lanes), tile.dtype, tile.lanes, mask))
            e.store(value, out, e.int(j * tile.lanes), tile.dtype, mask)
        out = e.address(out, step, tile.dtype)


def write_new_rows(
    e: Emitter,
    tile: Tile,
    here: Place,
    kept: ir.Value,
    c: ir.Value,
    c_row: ir.Value,
    masks: list[ir.Value | None],
    adds: ir.Value,
) -> None:
    """Store the rows of a tile that no other row of it, nor the tile before, stands for, or add to what is there."""
    b = e.b
    # Of fewer rows than a group has, every row of the tile is the same one.
    with e.loop(e.int(0), b.select(here.few, e.int(1), e.int(tile.rows))) as loop:
        i, size = loop.index, e.int(len(tile.groups[0]))
        group = b.mul(b.udiv(i, size), size)
        shift = minimum(e, group, b.sub(here.rows, minimum(e, size, b.sub(e.int(tile.rows), group))))
        row = b.select(here.few, e.int(0), b.add(shift, b.sub(i, group)))
        new = b.or_(here.few, b.icmp_signed(">=", row, maximum(e, group, here.done)))
        with b.if_then(new):
            source = e.address(kept, b.mul(i, e.int(tile.width)), tile.dtype)
            copy_row(e, tile, source, e.address(c, b.mul(row, c_row), tile.dtype), masks, adds)


def copy_row(
    e: Emitter, tile: Tile, source: ir.Value, out: ir.Value, masks: list[ir.Value | None], adds: ir.Value
) -> None:
    """Store a row of a tile from memory, or add it to what is there."""
    kind = ir.VectorType(_BIT, tile.lanes)
    for j, mask in enumerate(masks):
        at = e.int(j * tile.lanes)
        every = mask or ir.Constant(kind, [ir.Constant(_BIT, 1)] * tile.lanes)
        old = e.load(out, at, tile.dtype, tile.lanes, e.b.select(adds, every, ir.Constant(kind, None)))
        value = e.load(source, at, tile.dtype, tile.lanes)
        e.store(e.b.select(adds, e.b.fadd(value, old), value), out, at, tile.dtype, mask)
