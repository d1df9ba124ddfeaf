"""The loops of a product around its tiles."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_blocks import Blocks, Product, inner_step, turned_bytes, up
from chainrule.native.products_dots import ARGUMENTS as DOT_ARGUMENTS
from chainrule.native.products_dots import DotLoop
from chainrule.native.products_narrow import ARGUMENTS as NARROW_ARGUMENTS
from chainrule.native.products_narrow import NarrowLoop
from chainrule.native.products_packing import ARGUMENTS as PACKING_ARGUMENTS
from chainrule.native.products_packing import Packing
from chainrule.native.products_strips import Ahead, call_strip
from chainrule.native.products_tiles import Tile, minimum, on_stack
from chainrule.native.products_vectors import ARGUMENTS as VECTOR_ARGUMENTS
from chainrule.native.products_vectors import VectorLoop

__all__ = [
    "LINE",
    "Arrays",
    "Following",
    "Range",
    "emit_dots",
    "emit_inner",
    "emit_narrow",
    "emit_panels",
    "emit_turned",
    "emit_vector",
    "scaled",
]

# A number of entries, which may be known in advance.
Step: TypeAlias = int | ir.Value

# The first one, and the one after the last.
Range = tuple[ir.Value, ir.Value]

# Of a tile, a panel's first column, the inner length and where the panel starts: what is read next.
Following: TypeAlias = Callable[[Tile, ir.Value, ir.Value, ir.Value], Ahead]

#: Bytes of a line of the cache.
LINE = 64


@dataclass(frozen=True)
class Arrays:
    """Where the factors and the result stand, with the steps from entry to entry.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all three.
    a, b, c : Value
        Their addresses.
    a_row, a_inner : int or Value
        Steps through A.
    b_row, c_row : int or Value
        Steps from row to row of B and C.
    """

    dtype: np.dtype[Any]
    a: ir.Value
    a_row: Step
    a_inner: Step
    b: ir.Value
    b_row: Step
    c: ir.Value
    c_row: Step


def emit_inner(
    e: Emitter, step: int, k: ir.Value, one: Callable[[Range, ir.Value], None], *, accumulates: bool = False
) -> None:
    """Go along the inner length in parts: all but the first add to the result."""
    adds = ir.Constant(ir.IntType(1), int(accumulates))
    if isinstance(k, ir.Constant) and k.constant <= step:
        one((e.int(0), k), adds)
        return
    # A length of 0 has one part: the result is then 0.
    with e.loop(e.int(0), e.b.select(e.b.icmp_signed(">", k, e.int(0)), k, e.int(1)), step) as loop:
        stop = minimum(e, e.b.add(loop.index, e.int(step)), k)
        one((loop.index, stop), e.b.or_(adds, e.b.icmp_signed(">", loop.index, e.int(0))))


def emit_panels(
    e: Emitter,
    cut: Blocks,
    x: Arrays,
    rows: Range,
    columns: Range,
    known: int | None,
    inner: Range,
    adds: ir.Value,
    scratch: ir.Value | None,
    first: ir.Value | None,
    following: Following | None = None,
) -> None:
    """Compute a block of the result, for a part of the inner length, panel by panel.

    `known` is the number of columns, where it is known in advance and they start at 0. `first` says of these rows
    whether no others were computed before, which matters where the copy of B is kept as a whole. `following` says what
    is asked for while a panel is gone along, where tiles ask; by default it is the next panel.
    """
    b = e.b
    length = b.sub(inner[1], inner[0])
    a = e.address(x.a, scaled(e, rows[0], x.a_row), x.dtype)
    a = e.address(a, scaled(e, inner[0], x.a_inner), x.dtype)
    c = e.address(x.c, scaled(e, rows[0], x.c_row), x.dtype)
    height = b.sub(rows[1], rows[0])

    def panel(tile: Tile, column: ir.Value, width: ir.Value) -> None:
        step: Step
        if cut.packing is None:
            at_b, step = e.address(x.b, b.add(scaled(e, inner[0], x.b_row), column), x.dtype), x.b_row
        else:
            at_b, step = pack(tile, column, width, cut.packing), tile.width
        at_c = e.address(c, column, x.dtype)
        by_row, by_inner, b_inner, c_row = (_number(e, s) for s in (x.a_row, x.a_inner, step, x.c_row))
        ahead = None
        if cut.far and tile == cut.wide:
            tile = replace(tile, far=True)
            ahead = (following or next_panel)(tile, column, length, at_b)
        call_strip(e, tile, a, (by_row, by_inner), at_b, b_inner, length, at_c, c_row, width, height, adds, ahead)

    def next_panel(tile: Tile, column: ir.Value, length: ir.Value, at_b: ir.Value) -> Ahead:
        """With each tile a line of each of its rows; of what will be turned a part, as it stands."""
        size = e.int(x.dtype.itemsize)
        if cut.packing is None:
            return e.address(at_b, e.int(tile.width), x.dtype), scaled(e, size, x.b_row), e.int(LINE)
        row = scaled(e, b.add(column, e.int(tile.width)), x.b_row)
        steps = b.mul(length, b.sdiv(b.add(height, e.int(tile.rows - 1)), e.int(tile.rows)))
        whole = b.mul(scaled(e, size, x.b_row), e.int(tile.width))
        step = minimum(e, b.add(b.sdiv(whole, b.add(steps, e.int(1))), e.int(1)), e.int(LINE))
        return e.address(x.b, row, x.dtype), step, b.mul(length, step)

    def pack(tile: Tile, column: ir.Value, width: ir.Value, packing: Packing) -> ir.Value:
        steps: tuple[Step, Step] = (x.b_row, 1) if packing.transposes else (1, x.b_row)
        source = e.address(x.b, b.add(scaled(e, column, steps[0]), scaled(e, inner[0], steps[1])), x.dtype)
        function = e.declared(packing.name, ir.VoidType(), PACKING_ARGUMENTS)
        if not cut.whole:
            b.call(function, [source, _number(e, x.b_row), width, length, scratch, e.int(tile.width)])
            return scratch
        padded = scaled(e, inner[0], up(known or 0, tile.lanes))
        target = e.address(scratch, b.add(padded, b.mul(column, length)), x.dtype)
        with b.if_then(first):
            b.call(function, [source, _number(e, x.b_row), width, length, target, e.int(tile.width)])
        return target

    lanes, wide, narrow = cut.wide.lanes, cut.wide, cut.narrow
    if wide == narrow:
        middle = columns[1]
    elif known is None:
        registers = b.sdiv(b.add(b.sub(columns[1], columns[0]), e.int(lanes - 1)), e.int(lanes))
        panels = b.mul(b.sdiv(registers, e.int(wide.vectors)), e.int(wide.width))
        middle = minimum(e, b.add(columns[0], panels), columns[1])
    else:
        middle = e.int(min(up(known, lanes) // wide.width * wide.width, known))
    for tile, (start, stop) in ((wide, (columns[0], middle)), (narrow, (middle, columns[1]))):
        if start is not stop and (known is None or start.constant < stop.constant):
            with e.loop(start, stop, tile.width) as loop:
                panel(tile, loop.index, minimum(e, b.sub(columns[1], loop.index), e.int(tile.width)))


def emit_vector(
    e: Emitter,
    product: Product,
    loop: VectorLoop,
    arrays: tuple[ir.Value, ir.Value, ir.Value],
    k: ir.Value,
    rows: Range,
) -> None:
    """Compute a product with a column by a loop of its own."""
    (a, b, c), p = arrays, product
    height = e.b.sub(rows[1], rows[0])
    along = p.form == "TN"
    matrix = e.address(a, rows[0] if along else scaled(e, rows[0], p.a_steps[0]), p.dtype)
    row, size = (p.a_steps[1], (k, height)) if along else (p.a_steps[0], (height, k))
    function = e.declared(loop.name, ir.VoidType(), VECTOR_ARGUMENTS)
    adds = ir.Constant(ir.IntType(1), int(p.accumulates))
    e.b.call(function, [matrix, e.int(row), b, e.int(p.b_row), *size, e.address(c, rows[0], p.dtype), adds])


def emit_narrow(
    e: Emitter,
    product: Product,
    loop: NarrowLoop,
    arrays: tuple[ir.Value, ir.Value, ir.Value],
    k: ir.Value,
    rows: Range,
) -> None:
    """Compute a product with few columns by a loop of its own."""
    (a, b, c), p = arrays, product
    by_row, by_inner = p.a_steps
    a = e.address(a, scaled(e, rows[0], by_row), p.dtype)
    c = e.address(c, scaled(e, rows[0], p.c_row), p.dtype)
    steps = (1, p.b_row) if p.form == "NT" else (p.b_row, 1)
    function = e.declared(loop.name, ir.VoidType(), NARROW_ARGUMENTS)
    adds = ir.Constant(ir.IntType(1), int(p.accumulates))
    a_row = by_row if loop.by_rows else by_inner
    e.b.call(function, [a, e.int(a_row), b, *map(e.int, steps), e.b.sub(rows[1], rows[0]), k, c, e.int(p.c_row), adds])


def emit_dots(
    e: Emitter,
    product: Product,
    loop: DotLoop,
    arrays: tuple[ir.Value, ir.Value, ir.Value],
    k: ir.Value,
    rows: Range,
) -> None:
    """Compute a product with few columns by a loop of its own, of a copy of the right factor where that is upright."""
    (a, b, c), p = arrays, product
    a = e.address(a, scaled(e, rows[0], p.a_steps[0]), p.dtype)
    c = e.address(c, scaled(e, rows[0], p.c_row), p.dtype)
    function = e.declared(loop.name, ir.VoidType(), DOT_ARGUMENTS)
    step = inner_step(p.k or 0)
    width = up(step, p.lanes)
    turned = None if p.form == "NT" else on_stack(e, p.n * width * p.dtype.itemsize)

    def one(inner: Range, adds: ir.Value) -> None:
        length = e.b.sub(inner[1], inner[0])
        if turned is None:
            right, right_row = e.address(b, inner[0], p.dtype), p.b_row
        else:
            packing = Packing(p.dtype, p.lanes, True)
            source = e.address(b, scaled(e, inner[0], p.b_row), p.dtype)
            pack = e.declared(packing.name, ir.VoidType(), PACKING_ARGUMENTS)
            e.b.call(pack, [source, e.int(p.b_row), length, e.int(p.n), turned, e.int(width)])
            right, right_row = turned, width
        left = e.address(a, inner[0], p.dtype)
        height, c_row = e.b.sub(rows[1], rows[0]), e.int(p.c_row)
        e.b.call(function, [left, e.int(p.a_steps[0]), right, e.int(right_row), height, length, c, c_row, adds])

    emit_inner(e, step, k, one, accumulates=p.accumulates)


def emit_turned(
    e: Emitter,
    product: Product,
    cut: Blocks,
    arrays: tuple[ir.Value, ir.Value, ir.Value],
    k: ir.Value,
    rows: Range,
    scratch: ir.Value,
) -> None:
    """Compute ``C.T = B.T @ A`` for a transposed A, and turn it back."""
    (a, b, c), p = arrays, product
    x = Arrays(p.dtype, b, 1, p.b_row, a, p.a_steps[1], scratch, p.m or 1)

    def one(inner: Range, adds: ir.Value) -> None:
        emit_panels(e, cut, x, (e.int(0), e.int(p.n)), rows, None, inner, adds, None, adds)

    emit_inner(e, cut.inner, k, one)
    packing = Packing(p.dtype, p.lanes, True)
    function = e.declared(packing.name, ir.VoidType(), PACKING_ARGUMENTS)
    width = up(p.n, p.lanes)
    back = e.address(scratch, e.int(turned_bytes(p) // p.dtype.itemsize), p.dtype)
    with e.loop(*rows, cut.rows) as loop:
        stop = minimum(e, e.b.add(loop.index, e.int(cut.rows)), rows[1])
        source = e.address(scratch, loop.index, p.dtype)
        e.b.call(function, [source, e.int(p.m or 1), e.int(p.n), e.b.sub(stop, loop.index), back, e.int(width)])
        _copy_rows(e, p, (loop.index, stop), back, width, c)


def _copy_rows(e: Emitter, product: Product, rows: Range, source: ir.Value, width: int, c: ir.Value) -> None:
    """Copy a block of finished rows, which stand `width` entries apart, to C or add them to what is there."""
    p, b = product, e.b

    def one(row: ir.Value, column: ir.Value, mask: ir.Value | None) -> None:
        there = b.add(scaled(e, b.sub(row, rows[0]), width), column)
        value = e.load(source, there, p.dtype, p.lanes, mask)
        at = b.add(scaled(e, row, p.c_row), column)
        if p.accumulates:
            value = b.fadd(value, e.load(c, at, p.dtype, p.lanes, mask))
        e.store(value, c, at, p.dtype, mask)

    if p.n <= p.lanes:
        mask = e.tail_mask(e.int(0), e.int(p.n), p.lanes) if p.n < p.lanes else None
        with e.loop(*rows) as down:
            one(down.index, e.int(0), mask)
        return
    with e.loop(*rows) as down, e.loop(e.int(0), e.int(p.n), p.lanes) as across:
        mask = e.tail_mask(across.index, e.int(p.n), p.lanes) if p.n % p.lanes else None
        one(down.index, across.index, mask)


def scaled(e: Emitter, index: ir.Value, step: Step) -> ir.Value:
    """An index times a step."""
    return index if step == 1 else e.b.mul(index, _number(e, step), flags=["nsw"])


def _number(e: Emitter, step: Step) -> ir.Value:
    return step if isinstance(step, ir.Value) else e.int(step)
