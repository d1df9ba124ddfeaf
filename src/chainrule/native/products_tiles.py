"""The innermost loops of a matrix product: tiles of the result in registers.

A tile is compiled once for a process, for any sizes and steps: in machine code of its own it would take longer to
compile than many a product takes to compute. What takes it down the rows of a result is `products_strips`.
"""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, POINTER, register

__all__ = [
    "ANY_PREFIX",
    "ARGUMENTS",
    "FAR_PREFIX",
    "GROUP",
    "PREFIX",
    "Tile",
    "ask_for",
    "emit_tile",
    "minimum",
    "on_stack",
]

PREFIX, ANY_PREFIX, FAR_PREFIX = "chainrule.tile", "chainrule.tile_any", "chainrule.tile_far"
_BIT, _BYTE = ir.IntType(1), ir.IntType(8)
_INTEGER = np.dtype(np.int64)

# How far in a the groups of rows are from the first row, one after the other; how many tiles; a, its steps to the next
# row of a group, to the next tile, and along the inner length; b and its step; the inner length; c and its step to the
# next row; columns; whether c is added to; what will be read next, and how many bytes on it is asked for at each step
# along the inner length, and with each tile. Other steps and lengths are counted in entries.
ARGUMENTS = (POINTER, INT, POINTER, INT, INT, INT, POINTER, INT, INT, POINTER, INT, INT, _BIT, POINTER, INT, INT)

#: Rows to a pointer: x86 adds a register, or twice the register, to an address at no cost.
GROUP = 3


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
    any_width : bool
        Whether there may be any number of columns up to the width; if not, only the last register is filled in part.
    far : bool
        Whether c and what is read next are not in the caches: they are asked for while the sums are made.
    """

    dtype: np.dtype[Any]
    lanes: int
    rows: int
    vectors: int
    any_width: bool = False
    far: bool = False

    @property
    def width(self) -> int:
        """Columns."""
        return self.vectors * self.lanes

    @property
    def groups(self) -> list[range]:
        """Rows that share a pointer."""
        return [range(i, min(i + GROUP, self.rows)) for i in range(0, self.rows, GROUP)]

    @property
    def name(self) -> str:
        """What its function is called: ``chainrule.tile.float32.16.8.3``."""
        prefix = FAR_PREFIX if self.far else ANY_PREFIX if self.any_width else PREFIX
        return f"{prefix}.{self.dtype.name}.{self.lanes}.{self.rows}.{self.vectors}"


def opaque(e: Emitter, pointer: ir.Value) -> ir.Value:
    """The same pointer, of which LLVM knows nothing.

    It would otherwise write the rows' addresses as a chain of additions, which takes longer than the products.
    """
    return e.b.asm(ir.FunctionType(pointer.type, [pointer.type]), "", "=r,0", [pointer], side_effect=False)


def emit_tile(module: ir.Module, tile: Tile) -> ir.Function:
    """Write the function that computes a tile, and those below it.

    For c of as many rows as the tiles have, and at most ``tile.width`` columns, it computes ``c = a @ b`` or
    ``c += a @ b``. All sums run along the inner length in order.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    tile : Tile
        Its shape.

    Returns
    -------
    llvmlite.ir.Function
        With `ARGUMENTS`, called ``tile.name``.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ARGUMENTS), tile.name)
    e = Emitter(function)
    b, size = e.b, e.int(tile.dtype.itemsize)
    groups, count, at_a, a_row, a_tile, a_inner, at_b, b_inner, length, at_c, c_row, columns, adds, *following = (
        function.args
    )
    step = b.mul(a_row, size)
    steps = [e.int(0), step, b.shl(step, e.int(1))]
    masks = row_masks(e, tile, columns)
    with e.loop(e.int(0), count, carried=[at_a, at_c, following[0]]) as loop:
        a, c, ahead = loop.carry
        apart = [e.load(groups, e.int(k), _INTEGER) for k in range(len(tile.groups))]
        pointers = [e.address(a, x, tile.dtype) for x in apart]
        if tile.far:
            ask_for_rows(e, tile, c, c_row)
        asked = (ahead, following[1]) if tile.far else None
        total = sums(e, tile, pointers, steps, a_inner, at_b, b_inner, length, masks, asked)
        below = write(e, tile, total, c, c_row, masks, adds)
        if tile.far:
            ahead = b.gep(ahead, [following[2]], source_etype=_BYTE)
        loop.carry = [e.address(a, a_tile, tile.dtype), below, ahead]
    b.ret_void()
    return function


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


def row_masks(e: Emitter, tile: Tile, columns: ir.Value) -> list[ir.Value | None]:
    """Which lanes of a row's registers are columns."""
    first = 0 if tile.any_width else tile.vectors - 1
    masks = [e.tail_mask(e.int(j * tile.lanes), columns, tile.lanes) for j in range(first, tile.vectors)]
    return [None] * first + masks


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
    return loop.carry[1 + len(pointers) :][: tile.rows * tile.vectors]


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
    adds: ir.Value,
) -> ir.Value:
    """Store a tile, or add it to what is there; returns where the row below it stands."""
    b = e.b
    lines = [out]
    for _ in range(tile.rows):
        lines.append(e.address(lines[-1], step, tile.dtype))
    places = [(line, e.int(j * tile.lanes), mask) for line in lines[:-1] for j, mask in enumerate(masks)]
    before = b.block
    with b.if_then(adds):
        sums = [
            b.fadd(value, e.load(line, at, tile.dtype, tile.lanes, mask))
            for value, (line, at, mask) in zip(total, places, strict=True)
        ]
        after = b.block
    found = [b.phi(value.type) for value in total]
    for phi, value, more in zip(found, total, sums, strict=True):
        phi.add_incoming(value, before)
        phi.add_incoming(more, after)
    for value, (line, at, mask) in zip(found, places, strict=True):
        e.store(value, line, at, tile.dtype, mask)
    return lines[-1]
