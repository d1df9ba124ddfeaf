"""Strips of a matrix product: the columns of a tile, down all rows of the result.

Whole tiles are computed by the tile's own function. The one that computes the rows that are left is one for all tiles,
and compiled once for a process, like these.
"""

from typing import Any, TypeAlias

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.folding import known
from chainrule.native.products_tiles import ARGUMENTS as TILE_ARGUMENTS
from chainrule.native.products_tiles import GROUP, Tile, minimum, on_stack
from chainrule.native.types import INT, POINTER

__all__ = ["PREFIX", "Ahead", "call_strip", "emit_strip"]

PREFIX = "chainrule.strip"

_BIT, _INTEGER = ir.IntType(1), np.dtype(np.int64)
# What will be read next, and how many bytes on it is asked for at each step along the inner length, and with each tile.
Ahead: TypeAlias = tuple[ir.Value, ir.Value, ir.Value]

#: Rows and registers that a tile has at most.
_ROWS, _REGISTERS = 16, 32

# The tile's function, its rows and its columns; how many rows are done; a, its steps to the next row and along the
# inner length; b and its step; the inner length; c and its step to the next row; columns and rows of c; whether c is
# added to; what comes next, see `Ahead`. Steps and lengths count entries.
_ARGUMENTS = (
    *(POINTER, INT, INT, INT, POINTER, INT, INT, POINTER, INT, INT, POINTER, INT, INT, INT, _BIT),
    *(POINTER, INT, INT),
)


def call_strip(
    e: Emitter,
    tile: Tile,
    a: ir.Value,
    a_steps: tuple[ir.Value, ir.Value],
    b: ir.Value,
    b_inner: ir.Value,
    length: ir.Value,
    c: ir.Value,
    c_row: ir.Value,
    columns: ir.Value,
    rows: ir.Value,
    adds: ir.Value,
    ahead: Ahead | None = None,
) -> None:
    """Write a call that computes ``c = a @ b``, or ``c += a @ b``, for at most ``tile.width`` columns.

    Parameters
    ----------
    e : Emitter
        Writes it.
    tile : Tile
        What it is computed in.
    a, b, c : Value
        Addresses of the factors and the result.
    a_steps : tuple of Value
        Entries to the next row of a, and along the inner length.
    b_inner, c_row : Value
        Entries to the next row of b and of c.
    length, columns, rows : Value
        The inner length, and the size of c.
    adds : Value
        Whether c is added to.
    ahead : tuple of Value, optional
        What will be read next, for a tile that asks for it.
    """
    builder, height = e.b, e.int(tile.rows)
    computed = e.declared(tile.name, ir.VoidType(), TILE_ARGUMENTS)
    whole = builder.udiv(rows, height)
    full = builder.mul(whole, height)
    after = ahead or (ir.Constant(POINTER, None), e.int(0), e.int(0))
    factors, result = (b, b_inner, length), (c, c_row, columns)
    if known(whole) != 0:
        steps = a_steps[0], builder.mul(a_steps[0], height), a_steps[1]
        groups = _groups(e, tile, a_steps[0])
        builder.call(computed, [groups, whole, a, *steps, *factors, *result, adds, *after])
    if known(rows) is not None and known(rows) == known(full):
        return
    function = e.declared(f"{PREFIX}.{tile.dtype.name}.{tile.lanes}", ir.VoidType(), _ARGUMENTS)
    with builder.if_then(builder.icmp_signed("<", full, rows)):
        builder.call(
            function, [computed, height, e.int(tile.width), full, a, *a_steps, *factors, *result, rows, adds, *after]
        )


def _groups(e: Emitter, tile: Tile, a_row: ir.Value) -> ir.Value:
    """Where it stands how far in a the groups of rows are from the first one."""
    apart = [e.b.mul(a_row, e.int(g[0])) for g in tile.groups]
    if (step := known(a_row)) is None:
        place = on_stack(e, 8 * len(apart))
        for k, x in enumerate(apart):
            e.store(x, place, e.int(k), _INTEGER)
        return place
    name = f"groups.{step}.{tile.rows}"
    kind = ir.ArrayType(INT, len(apart))
    table = e.module.globals.get(name)
    if table is None:
        table = ir.GlobalVariable(e.module, kind, name)
        table.linkage, table.global_constant = "internal", True
        table.initializer = ir.Constant(kind, apart)
    return e.b.bitcast(table, POINTER)


def emit_strip(module: ir.Module, dtype: np.dtype[Any], lanes: int) -> ir.Function:
    """Write the function that computes the rows of a strip that are left when its whole tiles are done.

    The last tile reaches past the rows. Rows of a tile come in groups that share a pointer; a group that would reach
    past the end starts earlier, and of what it computes a second time nothing is written. Of fewer rows than a group
    has, each one is computed in every row of a tile, by a step of 0, and written once. An entry's bits do not depend
    on which rows it is computed with.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    dtype : numpy.dtype
        Of the entries.
    lanes : int
        Entries in a register.

    Returns
    -------
    llvmlite.ir.Function
        As `call_strip` calls it.
    """
    name = f"{PREFIX}.{dtype.name}.{lanes}"
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), _ARGUMENTS), name)
    e = Emitter(function)
    b, zero, one = e.b, e.int(0), e.int(1)
    tile, height, width, done, at_a, a_row, a_inner, at_b, b_inner, length, *rest = function.args
    at_c, c_row, columns, rows, adds, *ahead = rest
    # llvmlite calls what has a function's type.
    called = b.inttoptr(b.ptrtoint(tile, INT), ir.FunctionType(ir.VoidType(), TILE_ARGUMENTS).as_pointer())
    groups = on_stack(e, 8 * -(-_ROWS // GROUP))
    kept = on_stack(e, _REGISTERS * lanes * dtype.itemsize)
    group_rows = minimum(e, height, e.int(GROUP))
    few = b.icmp_signed("<", rows, group_rows)
    with e.loop(zero, b.select(few, rows, one)) as loop:
        # Past the end there are at least as many rows as a group has, or the tile starts earlier.
        start = b.select(few, loop.index, minimum(e, done, b.sub(rows, group_rows)))
        there = b.sub(rows, start)

        def shift(group: ir.Value) -> ir.Value:
            size = minimum(e, e.int(GROUP), b.sub(height, group))
            return b.select(few, zero, minimum(e, group, b.sub(there, size)))

        with e.loop(zero, height, GROUP) as group:
            e.store(b.mul(shift(group.index), a_row), groups, b.udiv(group.index, e.int(GROUP)), _INTEGER)
        no = ir.Constant(_BIT, 0)
        a = e.address(at_a, b.mul(start, a_row), dtype)
        steps = b.select(few, zero, a_row), zero, a_inner
        number = b.add(b.udiv(done, height), loop.index)
        at = b.gep(ahead[0], [b.mul(number, ahead[2])], source_etype=ir.IntType(8))
        b.call(called, [groups, one, a, *steps, at_b, b_inner, length, kept, width, columns, no, at, *ahead[1:]])
        with e.loop(zero, b.select(few, one, height)) as down:
            group = b.mul(b.udiv(down.index, e.int(GROUP)), e.int(GROUP))
            row = b.add(shift(group), b.sub(down.index, group))
            # What neither another row of this tile nor the tile before stands for.
            new = b.icmp_signed(">=", row, group)
            new = b.and_(new, b.icmp_signed(">=", b.add(start, row), done))
            with b.if_then(b.or_(few, new)):
                source = e.address(kept, b.mul(down.index, width), dtype)
                out = e.address(at_c, b.mul(b.add(start, row), c_row), dtype)
                _copy_row(e, dtype, lanes, source, out, columns, adds)
    b.ret_void()
    return function


def _copy_row(
    e: Emitter,
    dtype: np.dtype[Any],
    lanes: int,
    source: ir.Value,
    out: ir.Value,
    columns: ir.Value,
    adds: ir.Value,
) -> None:
    """Store a row of a tile from memory, or add it to what is there."""
    none = e.int(0)
    with e.loop(none, columns, lanes) as across:
        at = across.index
        mask = e.tail_mask(at, columns, lanes)
        old = e.load(out, at, dtype, lanes, e.tail_mask(at, e.b.select(adds, columns, none), lanes))
        value = e.load(source, at, dtype, lanes)
        e.store(e.b.select(adds, e.b.fadd(value, old), value), out, at, dtype, mask)
