"""A loop over rows for a group in which short rows are summed: several rows side by side, a register for each column.

A column of so many rows is a vector, so that a sum along the rows is a sum of vectors, and what is one number a row is
one vector for all columns. What a softmax, its loss and its derivative need is computed in one go so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access, aligned, shape_sizes
from chainrule.native.computing import computed, is_literal, literals_of
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS
from chainrule.native.interleaving import interleaved, separated
from chainrule.native.loop_body import key_of
from chainrule.native.products_packing import ARGUMENTS, Packing
from chainrule.native.products_tiles import on_stack
from chainrule.native.reducing import Reducer, reducer_of
from chainrule.native.sizes import ONE, ZERO, Size
from chainrule.native.types import register
from chainrule.ops.axes import normalize_axes

__all__ = ["RowKernel"]

Columns = list[ir.Value]

#: Rows of up to so many entries are taken apart by shuffles; longer ones, of up to a register, are turned as a block.
_SHUFFLED = 6


@dataclass(frozen=True)
class _Stream:
    """An array that the loop reads or writes by rows.

    Attributes
    ----------
    start : Value
        Pointer to its first entry.
    row, column : Value
        Strides in entries.
    is_same, is_dense, is_narrow, is_packed, is_turned : bool
        Whether all rows are the same one; whether rows of one entry stand side by side; whether all columns are the
        same one; whether rows of several entries stand side by side; whether a row is read as most of a register.
    """

    start: ir.Value
    row: ir.Value
    column: ir.Value
    is_same: bool
    is_dense: bool
    is_narrow: bool
    is_packed: bool
    is_turned: bool


class RowKernel:
    """Writes the loop of one group that runs by rows; see `chainrule.native.loops.LoopKernel` for the parameters.

    `shape` is the number of rows alone. Values of the group have the shapes (rows,), (rows, 1) and (rows, columns) for
    one small number of columns.
    """

    def __init__(
        self,
        e: Emitter,
        n: tuple[ir.Value, ir.Value],
        shape: tuple[Size, ...],
        nodes: Sequence[Node],
        stored: dict[Node, Access],
        reads: Callable[[Any], Access],
        base: Callable[[Any], ir.Value],
    ) -> None:
        self._e, self._nodes, self._reads, self._base = e, nodes, reads, base
        self._n, self._total = n
        self._rows = shape[0]
        self._inside = set(nodes)
        self._totals = {node: reducer_of(node) for node in nodes if _is_total(node)}
        self._stored = stored
        sizes = [node.dtype.itemsize for node in nodes if node.dtype.kind == "f"] or [8]
        self._lanes = machine.vector_bytes() // max(sizes)

    def emit(self) -> None:
        """Write the whole loop."""
        e, lanes = self._e, self._lanes
        self._literals = literals_of(e, self._total, self._nodes)
        self._streams: dict[Any, _Stream] = {}
        for node in self._nodes:
            for x in node.inputs:
                if not is_literal(x) and x not in self._inside if isinstance(x, Node) else not is_literal(x):
                    self._open(x, node)
        for node, access in self._stored.items():
            if node not in self._totals:
                self._streams[node] = self._stream(access, shape_sizes(node.shape), node.dtype)
        self._targets = {node: self._base(self._stored[node].buffer) for node in self._totals}
        totals = {
            node: [reducer.start(e, register(node.dtype, lanes))] * _columns(node.inputs[0])
            for node, reducer in self._totals.items()
        }
        rows = self._rows.emit(e, self._n)
        totals = self._loop(rows, totals)
        for node, columns in totals.items():
            self._finish(node, self._totals[node], columns)

    def _open(self, x: Any, reader: Node) -> None:
        """Make ready to read an array in the shape of the operation that reads it."""
        shape = shape_sizes(reader.inputs[0].shape if reader.op.name in REDUCTIONS else reader.shape)
        key = key_of(x), len(shape)
        if key not in self._streams:
            self._streams[key] = self._stream(self._reads(x), shape, x.dtype)

    def _stream(self, access: Access, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> _Stream:
        e = self._e
        row, column = (*aligned(access, shape), ZERO)[:2]
        start = e.address(self._base(access.buffer), access.offset.emit(e, self._n), dtype)
        strides = row.emit(e, self._n), column.emit(e, self._n)
        is_packed = column == ONE and row == shape[-1] and 1 < row.known() <= _SHUFFLED and dtype.kind == "f"
        is_turned = column == ONE and _SHUFFLED < shape[-1].known() <= self._lanes and dtype.kind == "f"
        is_same = row == ZERO
        return _Stream(start, *strides, is_same, row == ONE, column == ZERO, is_packed, is_turned and not is_same)

    def _loop(self, rows: ir.Value, totals: dict[Node, Columns]) -> dict[Node, Columns]:
        e, lanes = self._e, self._lanes
        whole = e.b.and_(rows, e.int(-lanes))
        with e.loop(e.int(0), whole, lanes, _flat(totals)) as loop:
            loop.carry = _flat(self._block(loop.index, None, _folded(loop.carry, totals)))
        before, totals = e.b.block, _folded(loop.carry, totals)
        if self._rows.is_known and self._rows.known() % lanes == 0:
            return totals
        with e.b.if_then(e.b.icmp_signed("<", whole, rows)):
            found = self._block(whole, e.tail_mask(whole, rows, lanes), totals)
            after = e.b.block
        results = []
        for x, y in zip(_flat(totals), _flat(found), strict=True):
            phi = e.b.phi(x.type)
            phi.add_incoming(x, before)
            phi.add_incoming(y, after)
            results.append(phi)
        return _folded(results, totals)

    def _block(self, index: ir.Value, mask: ir.Value | None, totals: dict[Node, Columns]) -> dict[Node, Columns]:
        """Write what happens to one block of rows."""
        values: dict[Any, Columns] = {}
        found = dict(totals)

        def columns_of(x: Any, reader: Node) -> Columns:
            if isinstance(x, Node) and x in self._inside:
                return values[x]
            rank = len((reader.inputs[0] if reader.op.name in REDUCTIONS else reader).shape)
            key = key_of(x), rank
            if key not in values:
                count = _columns(reader.inputs[0] if reader.op.name in REDUCTIONS else reader)
                values[key] = self._load(key, x.dtype, index, mask, count)
            return values[key]

        for node in self._nodes:
            if node.op.name == "np.reshape":
                values[node] = columns_of(node.inputs[0], node)
            elif node in self._totals:
                found[node] = self._summed(node, columns_of(node.inputs[0], node), totals[node], mask)
            elif node.op.name in REDUCTIONS:
                values[node] = self._along(node, columns_of(node.inputs[0], node))
            else:
                operands = {key_of(x): columns_of(x, node) for x in node.inputs if not is_literal(x)}
                values[node] = [self._computed(node, operands, k) for k in range(_columns(node))]
        for node in self._stored:
            if node not in self._totals:
                self._store(node, values[node], index, mask)
        return found

    def _computed(self, node: Node, operands: dict[Any, Columns], k: int) -> ir.Value:
        """One column of an elementwise operation."""
        return computed(self._e, node, lambda x: _column(operands[key_of(x)], k), self._literals, self._lanes)

    def _along(self, node: Node, columns: Columns) -> Columns:
        """Reduce each row, of which there are as many columns as vectors."""
        reducer, source = reducer_of(node), node.inputs[0].dtype
        entries = [reducer.enter(self._e, x, source, node.dtype) for x in columns]
        entries *= _columns(node.inputs[0]) // len(entries)
        while len(entries) > 1:
            pairs = zip(entries[::2], entries[1::2], strict=False)
            odd = entries[-1:] if len(entries) % 2 else []
            entries = [reducer.combine(self._e, a, b) for a, b in pairs] + odd
        return entries

    def _summed(self, node: Node, columns: Columns, before: Columns, mask: ir.Value | None) -> Columns:
        e, reducer = self._e, self._totals[node]
        found = []
        for k, total in enumerate(before):
            x = reducer.enter(e, _column(columns, k), node.inputs[0].dtype, node.dtype)
            y = reducer.combine(e, total, x)
            found.append(y if mask is None else e.b.select(mask, y, total))
        return found

    def _finish(self, node: Node, reducer: Reducer, columns: Columns) -> None:
        """Put the rows that were summed side by side together, and store the sums of the columns, or of all."""
        e = self._e
        sums = [reducer.across(e, x) for x in columns]
        if len(normalize_axes(node.params["axis"], len(node.inputs[0].shape))) == len(node.inputs[0].shape):
            total = sums[0]
            for x in sums[1:]:
                total = reducer.combine(e, total, x)
            sums = [total]
        for k, x in enumerate(sums):
            e.store(x, self._targets[node], e.int(k), node.dtype)

    # Memory

    def _load(self, key: Any, dtype: np.dtype[Any], index: ir.Value, mask: ir.Value | None, count: int) -> Columns:
        e, lanes = self._e, self._lanes
        stream = self._streams[key]
        if stream.is_packed and mask is None:
            first = e.b.mul(index, stream.row)
            places = [e.b.add(first, e.int(k * lanes)) for k in range(count)]
            return separated(e, [e.load(stream.start, place, dtype, lanes) for place in places])
        if stream.is_turned and mask is None:
            block = self._turned(dtype)
            at = e.address(stream.start, e.b.mul(index, stream.row), dtype)
            self._turn(dtype, (at, stream.row, lanes), (block, e.int(lanes), count))
            return [e.load(block, e.int(k * lanes), dtype, lanes) for k in range(count)]
        found = []
        for k in range(1 if stream.is_narrow else count):
            pointer = e.address(stream.start, e.b.mul(stream.column, e.int(k)), dtype)
            if stream.is_same:
                found.append(e.splat(e.load(pointer, e.int(0), dtype), lanes))
            elif stream.is_dense:
                found.append(e.load(pointer, index, dtype, lanes, mask))
            else:
                found.append(e.gather(pointer, index, stream.row, dtype, lanes, mask))
        return found

    def _turned(self, dtype: np.dtype[Any]) -> ir.Value:
        """Memory for a block of rows that is turned."""
        return on_stack(self._e, self._lanes**2 * dtype.itemsize)

    def _turn(self, dtype: np.dtype[Any], *sides: tuple[ir.Value, ir.Value, int]) -> None:
        """Turn a block: what is read, and what is written, with the step between its rows and how many those are."""
        e, packing = self._e, Packing(dtype, self._lanes, True)
        (source, source_row, columns), (target, target_row, rows) = sides
        function = e.declared(packing.name, ir.VoidType(), ARGUMENTS)
        e.b.call(function, [source, source_row, e.int(columns), e.int(rows), target, target_row])

    def _store(self, node: Node, columns: Columns, index: ir.Value, mask: ir.Value | None) -> None:
        e = self._e
        stream = self._streams[node]
        if stream.is_packed and mask is None:
            first = e.b.mul(index, stream.row)
            for k, x in enumerate(interleaved(e, [_column(columns, k) for k in range(_columns(node))])):
                e.store(x, stream.start, e.b.add(first, e.int(k * self._lanes)), node.dtype)
            return
        if stream.is_turned and mask is None:
            block, count = self._turned(node.dtype), _columns(node)
            for k in range(count):
                e.store(_column(columns, k), block, e.int(k * self._lanes), node.dtype)
            at = e.address(stream.start, e.b.mul(index, stream.row), node.dtype)
            self._turn(node.dtype, (block, e.int(self._lanes), count), (at, stream.row, self._lanes))
            return
        for k in range(_columns(node)):
            pointer = e.address(stream.start, e.b.mul(stream.column, e.int(k)), node.dtype)
            if stream.is_dense:
                e.store(_column(columns, k), pointer, index, node.dtype, mask)
            else:
                e.scatter(_column(columns, k), pointer, index, stream.row, node.dtype, mask)


def _is_total(node: Node) -> bool:
    """True for a reduction over the rows, or over everything."""
    if node.op.name not in REDUCTIONS:
        return False
    return 0 in normalize_axes(node.params["axis"], len(node.inputs[0].shape))


def _columns(x: Node) -> int:
    return int(x.shape[1]) if len(x.shape) == 2 else 1


def _column(columns: Columns, k: int) -> ir.Value:
    return columns[k] if len(columns) > 1 else columns[0]


def _flat(totals: dict[Node, Columns]) -> list[ir.Value]:
    return [x for columns in totals.values() for x in columns]


def _folded(values: Sequence[ir.Value], like: dict[Node, Columns]) -> dict[Node, Columns]:
    rest = iter(values)
    return {node: [next(rest) for _ in columns] for node, columns in like.items()}
