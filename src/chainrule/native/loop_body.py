"""What happens to one vector of entries in a loop: the arrays that it reads and writes, and running sums."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.access import Access
from chainrule.native.computing import Literals, computed, is_literal, literals_of
from chainrule.native.emitter import Emitter
from chainrule.native.reducing import Reducer
from chainrule.native.sizes import ONE, ZERO, Size, product_of
from chainrule.native.types import register
from chainrule.native.window_masks import Inside, WindowMasks
from chainrule.native.windows import Bounds, Window, put_together

__all__ = ["LoopBody", "Reduction", "Stream", "is_over_rows", "key_of", "load_key", "pieces_of"]


@dataclass(frozen=True)
class Stream:
    """An array that the loop reads or writes, with its strides over the loop's axes; where it is, or everywhere."""

    access: Access
    dtype: np.dtype[Any]
    strides: tuple[Size, ...]
    bounds: Bounds | None = None


@dataclass(frozen=True)
class Reduction:
    """A reduction in the loop.

    Attributes
    ----------
    node : Node
        The operation.
    reducer : Reducer
        How two values are put together.
    reduced : tuple of bool
        Which axes of the loop it runs over.
    """

    node: Node
    reducer: Reducer
    reduced: tuple[bool, ...]
    stream: Stream

    @property
    def trailing(self) -> int:
        """Number of the last axes that are all reduced."""
        count = 0
        for here in reversed(self.reduced):
            if not here:
                break
            count += 1
        return count


def is_over_rows(r: Reduction) -> bool:
    """True where the axis before the last one is reduced, and the last one is not."""
    return len(r.reduced) > 1 and r.reduced[-2] and not r.reduced[-1]


class LoopBody:
    """Writes what happens to entries.

    Parameters
    ----------
    e, n, nodes, base
        As for `chainrule.native.loops.LoopKernel`.
    shape : tuple of Size
        Lengths of the axes of the loop.
    lanes : int
        Entries side by side.
    rows_at_once : int
        How many rows are summed at a time, in registers; 0 where sums over rows are made in memory.
    loads, stores : mapping of Stream
        What is read, by `load_key`, and what is written, by the operation.
    reductions : sequence of Reduction
        In the order of the operations.
    windows : WindowMasks
        Which entries of parts there are.
    """

    def __init__(
        self,
        e: Emitter,
        n: tuple[ir.Value, ir.Value],
        nodes: Sequence[Node],
        base: Callable[[Any], ir.Value],
        *,
        shape: tuple[Size, ...],
        lanes: int,
        rows_at_once: int,
        loads: Mapping[Any, Stream],
        stores: Mapping[Node, Stream],
        reductions: Sequence[Reduction],
        windows: WindowMasks,
    ) -> None:
        self._e, self._nodes, self._base = e, nodes, base
        self._n, self._total = n
        self.shape, self.lanes, self.rows_at_once = shape, lanes, rows_at_once
        self._loads, self._stores, self.reductions, self.windows = loads, stores, reductions, windows
        self._inside = set(nodes)
        self._emitted: dict[Size, ir.Value] = {}
        self._literals: Literals = {}

    def streams(self) -> dict[Any, Stream]:
        """All that is read and written."""
        return {
            **{("load", key): stream for key, stream in self._loads.items()},
            **{("store", node): stream for node, stream in self._stores.items()},
            **{("reduce", r.node): r.stream for r in self.reductions},
        }

    def number(self, size: Size) -> ir.Value:
        """A length or a stride; computed before the loops, since nothing moves it there later."""
        return self._emitted[size]

    def prepare(self, first: ir.Value) -> None:
        """Compute what is needed before the loop; `first` is where its outermost axis starts to count."""
        sizes = {size for stream in self.streams().values() for size in (*stream.strides, stream.access.offset)}
        kept = (
            product_of(length for length, here in zip(self.shape, r.reduced, strict=True) if not here)
            for r in self.reductions
        )
        for size in {*sizes, *self.shape, *kept}:
            self._emitted[size] = size.emit(self._e, self._n)
        self._literals = literals_of(self._e, self._total, self._nodes)
        self.windows.prepare(self._e, self._n, first)

    def start(self, stream: Stream) -> ir.Value:
        """Pointer to the first entry."""
        base = self._base(stream.access.buffer)
        if stream.access.offset == ZERO:
            return base
        return self._e.address(base, self.number(stream.access.offset), stream.dtype)

    def at(self, pointers: dict[Any, ir.Value], axis: int, index: ir.Value) -> dict[Any, ir.Value]:
        """Pointers at one index of an axis."""
        return {key: self.moved(pointers[key], stream, axis, index) for key, stream in self.streams().items()}

    def moved(self, pointer: ir.Value, stream: Stream, axis: int, index: ir.Value) -> ir.Value:
        """A pointer at one index of an axis."""
        stride = stream.strides[axis]
        if stride == ZERO:
            return pointer
        e = self._e
        step = index if stride == ONE else e.b.mul(index, self.number(stride))
        return e.address(pointer, step, stream.dtype)

    def first(self, r: Reduction) -> ir.Value:
        """What a sum in registers starts with."""
        lanes = self.lanes if r.trailing and self.shape else 1
        return r.reducer.start(self._e, register(r.node.dtype, lanes))

    def is_in_memory(self, r: Reduction) -> bool:
        """True where a result is added to more than once: there are axes before those that are summed in registers."""
        rank = len(r.reduced)
        if self.rows_at_once and is_over_rows(r):
            return any(r.reduced[:-2])
        return rank > 0 and (r.trailing == 0 or any(r.reduced[: rank - r.trailing]))

    # One vector of entries

    def entries(
        self,
        pointers: dict[Any, ir.Value],
        outside: Inside,
        index: ir.Value,
        mask: ir.Value | None,
        lanes: int,
        sums: dict[Node, ir.Value],
        *,
        in_core: bool = False,
    ) -> dict[Node, ir.Value]:
        """Write what happens to one vector of entries along the last axis."""
        e = self._e
        inside = self.windows.lanes(outside, index, lanes, in_core=in_core)
        values: dict[Any, ir.Value] = {}
        for key, stream in self._loads.items():
            if stream.bounds is None:
                values[key] = self._load(pointers["load", key], stream, index, mask, lanes)
            else:
                reached, here = outside.get(stream.bounds), inside[stream.bounds]
                values[key] = self._load_inside(pointers["load", key], stream, index, mask, (reached, here), lanes)
        sums = dict(sums)
        reducing = {r.node: r for r in self.reductions}
        for node in self._nodes:
            r = reducing.get(node)
            if node in self.windows.of:
                values[node] = self._put_together(node, values, inside, lanes)
                continue
            if r is None:
                values[node] = computed(e, node, lambda x: values[key_of(x)], self._literals, lanes)
                continue
            source = node.inputs[0]
            x = r.reducer.enter(e, values[source], source.dtype, node.dtype)
            if node in sums:
                y = r.reducer.combine(e, sums[node], x)
                sums[node] = y if mask is None else e.b.select(mask, y, sums[node])
            else:
                pointer = pointers["reduce", node]
                before = self._load(pointer, r.stream, index, mask, lanes)
                self._store(r.reducer.combine(e, before, x), pointer, r.stream, index, mask)
        for node, stream in self._stores.items():
            self._store(values[node], pointers["store", node], stream, index, mask)
        return sums

    def _put_together(self, node: Node, values: dict[Any, ir.Value], inside: Inside, lanes: int) -> ir.Value:
        """Entries of what consists of parts."""
        e, windows = self._e, self.windows.of[node]
        insides = [None if window is None else inside[window.bounds] for window in windows]
        found = []
        for source, window, here in zip(node.inputs, windows, insides, strict=True):
            if is_literal(source):
                kind = register(node.dtype, lanes)
                value: ir.Value = e.const(node.dtype.type(source), kind)
                value = value if here is None else e.b.select(here, value, ir.Constant(kind, None))
            else:
                key = source if isinstance(source, Node) and source in self._inside else load_key(source, window)
                value = e.convert(values[key], source.dtype, node.dtype)
            found.append(value)
        return put_together(e, node, found, insides)

    def _load_inside(
        self,
        pointer: ir.Value,
        stream: Stream,
        index: ir.Value,
        mask: ir.Value | None,
        insides: tuple[ir.Value | None, ir.Value | None],
        lanes: int,
    ) -> ir.Value:
        """Load where a part is, and 0 elsewhere: where the outer axes are inside of it, and in which lanes."""
        e, (reached, inside) = self._e, insides
        if inside is None:
            return self._load(pointer, stream, index, mask, lanes)
        if stream.strides[-1] != ZERO:
            both = inside if mask is None else e.b.and_(mask, inside)
            if stream.strides[-1] == ONE and stream.bounds in self.windows.far:
                # Where no lane is to be read there may be no memory, which takes a processor a hundred times as long.
                bits = ir.IntType(lanes)
                some = e.b.icmp_unsigned("!=", e.b.bitcast(both, bits), ir.Constant(bits, 0))
                pointer = e.b.select(some, pointer, self.windows.nowhere)
                index = e.b.select(some, index, e.int(0))
            return self._load(pointer, stream, index, both, lanes)
        pointer = pointer if reached is None else e.b.select(reached, pointer, self.windows.nowhere)
        value = self._load(pointer, stream, index, None, lanes)
        return e.b.select(inside, value, ir.Constant(value.type, None))

    def _load(self, pointer: ir.Value, stream: Stream, index: ir.Value, mask: ir.Value | None, lanes: int) -> ir.Value:
        e = self._e
        stride = stream.strides[-1] if stream.strides else ZERO
        if stride == ZERO or lanes == 1:
            place = e.int(0) if stride == ZERO else e.b.mul(index, self.number(stride))
            return e.splat(e.load(pointer, place, stream.dtype), lanes)
        if stride == ONE:
            return e.load(pointer, index, stream.dtype, lanes, mask)
        return e.gather(pointer, index, self.number(stride), stream.dtype, lanes, mask)

    def _store(
        self, value: ir.Value, pointer: ir.Value, stream: Stream, index: ir.Value, mask: ir.Value | None
    ) -> None:
        self._e.store(value, pointer, index, stream.dtype, mask)

    def finish(self, r: Reduction, total: ir.Value, pointer: ir.Value) -> None:
        """Put the lanes of a sum together and store it; where more rows follow, add it to what is there."""
        e = self._e
        result = r.reducer.across(e, total)
        if self.is_in_memory(r):
            result = r.reducer.combine(e, e.load(pointer, e.int(0), r.node.dtype), result)
        e.store(result, pointer, e.int(0), r.node.dtype)


def key_of(x: Any) -> Any:
    """What an input is known by: a node by itself, an array by its identity."""
    return x if isinstance(x, Node) else id(x)


def load_key(x: Any, window: Window | None) -> Any:
    """What a load is known by: the same array may be read at several places."""
    return key_of(x) if window is None else (key_of(x), window)


def pieces_of(rest: int) -> list[tuple[int, int]]:
    """Parts of the last entries of a row that fill narrower registers: the first entry of each, and how many.

    A store under a mask is taken by the processor for one of a whole register: where a row is written over what was
    read, the next row's first load would wait for it. Rather than more than two parts there are none: a mask is better.
    """
    sizes = [1 << k for k in reversed(range(rest.bit_length())) if rest >> k & 1]
    return [(sum(sizes[:k]), size) for k, size in enumerate(sizes)] if len(sizes) <= 2 else []
