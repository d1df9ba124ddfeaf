"""The code of a region: blocks of rows one after the other, or in several threads, and their sums added up."""

from collections.abc import Sequence
from typing import Any, Protocol

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.regions import UNIT, Region
from chainrule.native.types import INT, POINTER, register

__all__ = ["RegionWriter"]

_ALIGNMENT = 64
_INTEGER = np.dtype(np.int64)


class _Lowered(Protocol):
    graph: Graph
    module: ir.Module
    buffers: list[Any]
    places: dict[Any, int]

    def scratch(self, size: int, region: Region) -> int: ...

    def call(self, b: ir.IRBuilder, kernel: str, table: ir.Value, n: ir.Value, total: ir.Value) -> None: ...


class RegionWriter:
    """Writes the function of a region.

    Parameters
    ----------
    program : object
        Places and buffers.
    region : Region
        What to run.
    kernels : sequence of str
        The kernels of its groups, in order.
    """

    def __init__(self, program: _Lowered, region: Region, kernels: Sequence[str]) -> None:
        self._program, self._region, self._kernels = program, region, kernels
        self._local, self._local_bytes = _laid_out({x: region.block * region.steps[x] for x in region.local})
        self._sums, self._sum_bytes = _laid_out({x: x.size for x in region.sums})
        self._partials = program.scratch(self._sum_bytes, region)

    def emit(self) -> str:
        """Write it; returns its name."""
        name = f"region{self._partials}"
        block = self._block(f"{name}.block")
        function = ir.Function(self._program.module, ir.FunctionType(ir.VoidType(), [POINTER, INT, INT]), name)
        function.linkage = "internal"
        e = Emitter(function)
        table, n, _ = function.args
        n = self._region.rows.emit(e, n)
        rows, count = self._even_blocks(e, n)
        context = context_of(e, [table, n, rows])
        if self._region.is_shared:
            with e.b.if_else(e.b.icmp_signed(">", count, e.int(1))) as (many, one):
                with many:
                    emit_parallel(e, block, context, count)
                with one, e.loop(e.int(0), count) as loop:
                    e.b.call(block, [context, loop.index])
        else:
            with e.loop(e.int(0), count) as loop:
                e.b.call(block, [context, loop.index])
        with e.b.if_then(e.b.icmp_signed("!=", count, e.int(1))):
            for node in self._region.sums:
                self._add_up(e, table, node, count)
        e.b.ret_void()
        return name

    def _even_blocks(self, e: Emitter, n: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Rows of a block and the number of blocks: as few as there can be, and of about the same size."""

        def shares(whole: ir.Value, part: ir.Value) -> ir.Value:
            return e.b.sdiv(e.b.add(whole, e.b.sub(part, e.int(1))), part)

        fewest = shares(n, e.int(self._region.block))
        fewest = e.b.select(e.b.icmp_signed(">", fewest, e.int(1)), fewest, e.int(1))
        rows = e.b.mul(shares(shares(n, fewest), e.int(UNIT)), e.int(UNIT))
        rows = e.b.select(e.b.icmp_signed(">", rows, e.int(UNIT)), rows, e.int(UNIT))
        return rows, shares(n, rows)

    def _block(self, name: str) -> ir.Function:
        """A function (context, number) that takes one block of rows through all groups."""
        region, places = self._region, self._program.places
        e, (table, n, block), number = slice_function(self._program.module, name, [POINTER, INT, INT])
        own = e.b.bitcast(e.b.alloca(INT, len(self._program.buffers)), POINTER)
        memory = self._aligned_stack(e)
        start = e.b.mul(number, block)
        left = e.b.sub(n, start)
        rows = e.b.select(e.b.icmp_signed("<", left, block), left, block)
        is_one = e.b.icmp_signed("<=", n, e.int(region.block))
        partials = e.address(
            e.pointer_in(table, self._partials), e.b.mul(number, e.int(self._sum_bytes)), np.dtype(np.uint8)
        )
        used = {*region.steps, *region.fixed, *region.sums}
        for buffer in used:
            place = places[buffer]
            pointer = e.pointer_in(table, place)
            if buffer in self._local:
                pointer = e.address(memory, e.int(self._local[buffer]), np.dtype(np.uint8))
            elif buffer in self._sums:
                part = e.address(partials, e.int(self._sums[buffer]), np.dtype(np.uint8))
                pointer = e.b.select(is_one, pointer, part)
            elif buffer in region.steps:
                dtype = self._program.buffers[place].dtype
                pointer = e.address(pointer, e.b.mul(start, e.int(region.steps[buffer])), dtype)
            e.store(e.b.ptrtoint(pointer, INT), own, e.int(place), _INTEGER)
        for kernel in self._kernels:
            self._program.call(e.b, kernel, own, rows, n)
        e.b.ret_void()
        return e.b.function

    def _aligned_stack(self, e: Emitter) -> ir.Value:
        memory = e.b.ptrtoint(e.b.alloca(ir.IntType(8), self._local_bytes + _ALIGNMENT), INT)
        return e.b.inttoptr(e.b.and_(e.b.add(memory, e.int(_ALIGNMENT - 1)), e.int(-_ALIGNMENT)), POINTER)

    def _add_up(self, e: Emitter, table: ir.Value, node: Node, count: ir.Value) -> None:
        """Add the sums of the blocks up, in their order."""
        dtype, size = node.dtype, node.size
        lanes = machine.lanes(dtype)
        start = e.address(e.pointer_in(table, self._partials), e.int(self._sums[node]), np.dtype(np.uint8))
        target = e.pointer_in(table, self._program.places[node])
        step = e.int(self._sum_bytes // dtype.itemsize)

        def some(index: ir.Value, mask: ir.Value | None) -> None:
            zero = e.const(0, register(dtype, lanes))
            with e.loop(e.int(0), count, carried=[zero]) as loop:
                place = e.b.add(index, e.b.mul(loop.index, step))
                loop.carry = [e.b.fadd(loop.carry[0], e.load(start, place, dtype, lanes, mask))]
            e.store(loop.carry[0], target, index, dtype, mask)

        whole = size // lanes * lanes
        if whole:
            with e.loop(e.int(0), e.int(whole), lanes) as entries:
                some(entries.index, None)
        if size % lanes:
            some(e.int(whole), e.tail_mask(e.int(whole), e.int(size), lanes))


def _laid_out(entries: dict[Node, int]) -> tuple[dict[Node, int], int]:
    """Where each value starts, in bytes, one after the other, and how much they take."""
    starts, total = {}, 0
    for node, count in entries.items():
        starts[node] = total
        total += -(-count * node.dtype.itemsize // _ALIGNMENT) * _ALIGNMENT
    return starts, total
