"""Large products: threads copy parts of both factors into the order in which tiles read them, then share the tiles.

The order of the loops is that of Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008): for
each part of the inner length, panels of the right factor and blocks of rows of the left one are copied once for all,
and every slice of the result reads the copies. Rows of the factors themselves stand pages apart: each would take an
entry of the processor's table of pages, and rows that are a power of two apart the same places of its caches.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.pool import emit_parallel, slice_function
from chainrule.native.products_blocks import FAR, Blocks, Product, blocks, up
from chainrule.native.products_loops import scaled
from chainrule.native.products_packing import ARGUMENTS as PACKING_ARGUMENTS
from chainrule.native.products_packing import Packing
from chainrule.native.products_strips import call_strip
from chainrule.native.products_tiles import Tile, minimum, on_stack
from chainrule.native.sizes import Size, size_of
from chainrule.native.types import INT, POINTER

__all__ = ["FEWEST_ROWS", "copies_of", "emit_packed", "rows_of_copy"]

#: Rows of the left factor in a block, and of the result in a slice; its copy stays in the second cache.
ROWS = 128
#: Panels of the right factor that a slice goes over.
PANELS = 8
#: Rows, columns and inner length from which on copies pay: each entry of a copy is used so often.
FEWEST_ROWS = 512


def copies_of(product: Product) -> tuple[int, int] | None:
    """Say how much is copied of the factors of a product.

    Parameters
    ----------
    product : Product
        The product.

    Returns
    -------
    tuple of int, or None
        Entries of the copy of the left factor for each row of the result, and entries of the copy of the right factor.
        None for a product that is computed from the factors as they stand.
    """
    p = product
    sizes = (FEWEST_ROWS if x is None else x for x in (p.m, p.n, p.k))
    if min(sizes) < FEWEST_ROWS or p.b_row * p.dtype.itemsize < FAR:
        return None
    inner = blocks(p).inner
    # Rows of the copy start at different places of the caches.
    return inner if p.form == "TN" else inner + p.lanes, inner * up(p.n, p.lanes)


def rows_of_copy(product: Product, rows: Size) -> Size:
    """Rows of the result that the copy of the left factor has room for."""
    return size_of(up(product.m, ROWS)) if product.form == "TN" and product.m else rows


def emit_packed(
    e: Emitter, product: Product, pointers: Sequence[ir.Value], batch: ir.Value, copies: Sequence[ir.Value], name: str
) -> None:
    """Write a large product.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    product : Product
        One that `copies_of` knows.
    pointers : sequence of Value
        Addresses of both factors and the result.
    batch : Value
        The size that the product leaves open.
    copies : sequence of Value
        Addresses of memory for the copies of both factors.
    name : str
        Of the functions that run slices begin with.
    """
    b, cut = e.b, blocks(product)
    m, k = (batch if x is None else e.int(x) for x in (product.m, product.k))
    values = [*pointers, *copies, m]
    words = on_stack(e, 8 * (len(values) + 2))
    fill, compute = (_Slices(e.module, product, cut, f"{name}.{kind}", words) for kind in ("copy", "tiles"))
    fill.copy()
    compute.compute()
    blocks_of_rows = b.sdiv(b.add(m, e.int(ROWS - 1)), e.int(ROWS))
    with e.loop(e.int(0), k, cut.inner) as parts:
        length = minimum(e, e.int(cut.inner), b.sub(k, parts.index))
        for place, value in enumerate([*values, parts.index, length]):
            word = value if value.type == INT else b.ptrtoint(value, INT)
            b.store(word, b.gep(words, [e.int(place)], source_etype=INT))
        emit_parallel(e, fill.e.b.function, words, b.add(blocks_of_rows, e.int(compute.panels)))
        emit_parallel(e, compute.e.b.function, words, b.mul(blocks_of_rows, e.int(compute.groups)))


class _Slices:
    """Writes a function that runs a slice: of the copies, or of the result."""

    def __init__(self, module: ir.Module, product: Product, cut: Blocks, name: str, words: ir.Value) -> None:
        self.product, self.cut = product, cut
        self.e, values, self.number = slice_function(module, name, [POINTER] * 5 + [INT] * 3)
        self.a, self.b, self.c, self.left, self.right, self.m, self.start, self.length = values
        self.left_row, _ = copies_of(product) or (0, 0)
        self.is_turned = product.form == "TN"
        # Columns that fill wide panels; the last panel of all is what is left, in narrow ones.
        self.middle = min(up(product.n, product.lanes) // cut.wide.width * cut.wide.width, product.n)
        self.panels = -(-self.middle // cut.wide.width) + (self.middle < product.n)
        self.groups = -(-self.panels // PANELS)

    def copy(self) -> None:
        """Copy a panel of the right factor, or a block of the left one."""
        e, b, wide = self.e, self.e.b, self.cut.wide
        with b.if_else(b.icmp_signed("<", self.number, e.int(self.panels))) as (right, left):
            with right:
                column = b.mul(self.number, e.int(wide.width))
                self._by_tiles(column, self._copy_panel)
            with left:
                self._copy_block(b.mul(b.sub(self.number, e.int(self.panels)), e.int(ROWS)))
        b.ret_void()

    def compute(self) -> None:
        """Compute some rows of the result, in some of the panels."""
        e, b, wide = self.e, self.e.b, self.cut.wide
        row = b.mul(b.sdiv(self.number, e.int(self.groups)), e.int(ROWS))
        first = b.mul(b.srem(self.number, e.int(self.groups)), e.int(PANELS * wide.width))
        stop = minimum(e, b.add(first, e.int(PANELS * wide.width)), e.int(self.product.n))
        rows = minimum(e, e.int(ROWS), b.sub(self.m, row))
        steps = (e.int(1), e.int(ROWS)) if self.is_turned else (e.int(self.left_row), e.int(1))
        a = self._block(row)
        adds = b.icmp_signed(">", self.start, e.int(-1 if self.product.accumulates else 0))
        c_row = self.product.c_row
        line = e.address(self.c, scaled(e, row, c_row), self.product.dtype)

        def tile(tile: Tile, column: ir.Value, width: ir.Value) -> None:
            # The few narrow ones are not worth a function of their own.
            tile = replace(tile, far=tile == wide)
            right = e.address(self.right, b.mul(column, self.length), self.product.dtype)
            c = e.address(line, column, self.product.dtype)
            ahead = None
            if tile.far:
                # The next panel, a part of it for each tile.
                following = e.address(right, b.mul(self.length, e.int(tile.width)), self.product.dtype)
                step = e.int(tile.width * self.product.dtype.itemsize * tile.rows // ROWS)
                ahead = following, step, b.mul(self.length, step)
            call_strip(
                e, tile, a, steps, right, e.int(tile.width), self.length, c, e.int(c_row), width, rows, adds, ahead
            )

        with e.loop(first, stop, wide.width) as columns:
            self._by_tiles(columns.index, tile)
        b.ret_void()

    def _block(self, row: ir.Value) -> ir.Value:
        """Where the copy of a block of the left factor starts."""
        return self.e.address(self.left, scaled(self.e, row, self.left_row), self.product.dtype)

    def _by_tiles(self, column: ir.Value, one: Callable[[Tile, ir.Value, ir.Value], None]) -> None:
        """Take a panel from a column on: a wide one, or the narrow ones that are left."""
        e, b, wide, narrow = self.e, self.e.b, self.cut.wide, self.cut.narrow
        if self.middle == self.product.n:
            one(wide, column, minimum(e, e.int(wide.width), b.sub(e.int(self.product.n), column)))
            return
        with b.if_else(b.icmp_signed("<", column, e.int(self.middle))) as (many, few):
            with many:
                one(wide, column, e.int(wide.width))
            with few, e.loop(column, e.int(self.product.n), narrow.width) as rest:
                one(narrow, rest.index, minimum(e, e.int(narrow.width), b.sub(e.int(self.product.n), rest.index)))

    def _copy_panel(self, tile: Tile, column: ir.Value, width: ir.Value) -> None:
        e, p = self.e, self.product
        packing = Packing(p.dtype, p.lanes, p.form == "NT")
        by_column, by_row = (p.b_row, 1) if packing.transposes else (1, p.b_row)
        at = e.b.add(scaled(e, column, by_column), scaled(e, self.start, by_row))
        target = e.address(self.right, e.b.mul(column, self.length), p.dtype)
        self._call(packing, e.address(self.b, at, p.dtype), p.b_row, width, self.length, target, tile.width)

    def _copy_block(self, row: ir.Value) -> None:
        e, p = self.e, self.product
        by_row, by_inner = p.a_steps
        at = e.b.add(scaled(e, row, by_row), scaled(e, self.start, by_inner))
        source, rows = e.address(self.a, at, p.dtype), minimum(e, e.int(ROWS), e.b.sub(self.m, row))
        columns, rows = (rows, self.length) if self.is_turned else (self.length, rows)
        step = by_inner if self.is_turned else by_row
        to = ROWS if self.is_turned else self.left_row
        self._call(Packing(p.dtype, p.lanes, False), source, step, columns, rows, self._block(row), to)

    def _call(
        self,
        packing: Packing,
        source: ir.Value,
        step: int,
        columns: ir.Value,
        rows: ir.Value,
        target: ir.Value,
        to: int,
    ) -> None:
        function = self.e.declared(packing.name, ir.VoidType(), PACKING_ARGUMENTS)
        self.e.b.call(function, [source, self.e.int(step), columns, rows, target, self.e.int(to)])
