"""One loop for a group of elementwise operations and reductions.

The loop runs over the group's shape, the last axis by vectors; axes that are contiguous in everything read and written
run as one. What a group reads is loaded once for each entry, what others read of it is stored, the rest stays in
registers. A reduction over the last axes is summed up in a register and stored where they end; one over the first axes
is summed up in memory, a row at a time, in the order of the rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access, aligned
from chainrule.native.computing import Literals, computed, is_literal, literals_of
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS
from chainrule.native.reducing import Reducer, reducer_of
from chainrule.native.sizes import ONE, ZERO, Size, contiguous, product_of
from chainrule.native.types import register
from chainrule.ops.axes import normalize_axes

__all__ = ["LoopKernel"]

#: A length of which nothing is known.
_ANY = Size((0, 1))

#: Vectors that a loop with a reduction handles at a time, so that one sum need not wait for the one before it.
_SUMS_AT_ONCE = 4


@dataclass(frozen=True)
class _Stream:
    """An array that the loop reads or writes, with its strides over the loop's axes."""

    access: Access
    dtype: np.dtype[Any]
    strides: tuple[Size, ...]


@dataclass(frozen=True)
class _Reduction:
    """A reduction in the loop.

    Attributes
    ----------
    node : Node
        The operation.
    reducer : Reducer
        How two values are put together.
    reduced : tuple of bool
        Which axes of the loop it runs over.
    trailing : int
        Number of the last axes that are all reduced.
    """

    node: Node
    reducer: Reducer
    reduced: tuple[bool, ...]
    stream: _Stream

    @property
    def trailing(self) -> int:
        count = 0
        for here in reversed(self.reduced):
            if not here:
                break
            count += 1
        return count

    @property
    def in_memory(self) -> bool:
        """True where the result is added to more than once: axes before the last ones are reduced, or none of these."""
        rank = len(self.reduced)
        return rank > 0 and (self.trailing == 0 or any(self.reduced[: rank - self.trailing]))


class LoopKernel:
    """Writes the loop of one group.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    n : tuple of Value
        The leading size: how many rows there are now, and in all, which is what constants such as 1/n follow from.
    shape : tuple of Size
        What the loop runs over.
    nodes : sequence of Node
        Elementwise operations and reductions, in topological order.
    stored : dict of Node to Access
        Where what others read goes.
    reads : callable
        Where the entries of a node or a constant from outside of the group stand.
    base : callable
        The pointer to a buffer.
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
        self._e, self._nodes, self._base = e, nodes, base
        self._n, self._total = n
        self._emitted: dict[Size, ir.Value] = {}
        self._part: ir.Value | None = None
        self._literals: Literals = {}
        inside = set(nodes)
        self._loads: dict[Any, _Stream] = {}
        for node in nodes:
            for source in node.inputs:
                if source in inside if isinstance(source, Node) else is_literal(source):
                    continue
                access = reads(source)
                self._loads[key_of(source)] = _Stream(access, source.dtype, aligned(access, shape))
        self._stores = {
            node: _Stream(access, node.dtype, aligned(access, shape))
            for node, access in stored.items()
            if not _is_reduction(node)
        }
        self._reductions = [self._reduction(node, stored[node], shape) for node in nodes if _is_reduction(node)]
        self._collapse(shape)
        self._lanes = self._choose_lanes()

    # The shape of the loop

    def _reduction(self, node: Node, access: Access, shape: tuple[Size, ...]) -> _Reduction:
        axes = normalize_axes(node.params["axis"], len(shape))
        reduced = tuple(k in axes for k in range(len(shape)))
        kept = tuple(ONE if here else length for here, length in zip(reduced, shape, strict=True))
        strides = tuple(ZERO if here else stride for here, stride in zip(reduced, contiguous(kept), strict=True))
        return _Reduction(node, reducer_of(node), reduced, _Stream(access, node.dtype, strides))

    def _collapse(self, shape: tuple[Size, ...]) -> None:
        """Run neighbouring axes as one where everything stands side by side along both."""
        streams = [*self._loads.values(), *self._stores.values(), *(r.stream for r in self._reductions)]
        axes = [k for k, length in enumerate(shape) if length != ONE]
        merged: list[list[int]] = []
        for k in axes:
            if merged and self._can_merge(merged[-1][-1], k, shape[k], streams):
                merged[-1].append(k)
            else:
                merged.append([k])
        self._shape = tuple(product_of(shape[k] for k in part) for part in merged)
        last = [part[-1] for part in merged]

        def over_loop(stream: _Stream) -> _Stream:
            return _Stream(stream.access, stream.dtype, tuple(stream.strides[k] for k in last))

        self._loads = {key: over_loop(stream) for key, stream in self._loads.items()}
        self._stores = {node: over_loop(stream) for node, stream in self._stores.items()}
        self._reductions = [
            _Reduction(r.node, r.reducer, tuple(r.reduced[k] for k in last), over_loop(r.stream))
            for r in self._reductions
        ]

    def _can_merge(self, outer: int, inner: int, length: Size, streams: list[_Stream]) -> bool:
        if any(r.reduced[outer] != r.reduced[inner] for r in self._reductions):
            return False
        return all(stream.strides[outer] == length * stream.strides[inner] for stream in streams)

    def _choose_lanes(self) -> int:
        if not self._shape:
            return 1
        sizes = [node.dtype.itemsize for node in self._nodes if node.dtype.kind == "f"] or [8]
        return machine.vector_bytes() // max(sizes)

    # Writing it

    @property
    def outer(self) -> Size:
        """Length of the outermost axis of the loop, after axes were joined."""
        return self._shape[0] if self._shape else ONE

    @property
    def entries(self) -> int:
        """Number of entries that the loop goes over, which has to be known."""
        return product_of(self._shape).known()

    def emit(self, part: tuple[ir.Value, ir.Value] | None = None) -> None:
        """Write the whole loop, or a part of its outermost axis: from one number up to another.

        A part is for loops without reductions.
        """
        self._compute_numbers()
        self._part = None if part is None else self._e.b.sub(part[1], part[0])
        for r in self._reductions:
            if r.in_memory:
                self._fill(r)
        offsets = {key: self._start(stream) for key, stream in self._streams().items()}
        if part is not None:
            offsets = {key: self._moved(offsets[key], stream, 0, part[0]) for key, stream in self._streams().items()}
        self._axis(0, offsets, {})

    def _streams(self) -> dict[Any, _Stream]:
        return {
            **{("load", key): stream for key, stream in self._loads.items()},
            **{("store", node): stream for node, stream in self._stores.items()},
            **{("reduce", r.node): r.stream for r in self._reductions},
        }

    def _number(self, size: Size) -> ir.Value:
        """A length or a stride; computed before the loops, since nothing moves it there later."""
        return self._emitted[size]

    def _compute_numbers(self) -> None:
        sizes = {size for stream in self._streams().values() for size in (*stream.strides, stream.access.offset)}
        kept = (
            product_of(length for length, here in zip(self._shape, r.reduced, strict=True) if not here)
            for r in self._reductions
        )
        for size in {*sizes, *self._shape, *kept}:
            self._emitted[size] = size.emit(self._e, self._n)
        self._literals = literals_of(self._e, self._total, self._nodes)

    def _start(self, stream: _Stream) -> ir.Value:
        """Pointer to the first entry."""
        base = self._base(stream.access.buffer)
        if stream.access.offset == ZERO:
            return base
        return self._e.address(base, self._number(stream.access.offset), stream.dtype)

    def _fill(self, r: _Reduction) -> None:
        """Set a result that is summed up in memory to what a sum starts with."""
        e = self._e
        count = self._number(
            product_of(length for length, here in zip(self._shape, r.reduced, strict=True) if not here)
        )
        start = r.reducer.start(e, register(r.node.dtype))
        pointer = self._start(r.stream)
        with e.loop(e.int(0), count) as loop:
            e.store(start, pointer, loop.index, r.node.dtype)

    def _axis(self, axis: int, pointers: dict[Any, ir.Value], sums: dict[Node, ir.Value]) -> dict[Node, ir.Value]:
        """Write the loop over one axis and those inside it; returns the running sums."""
        e = self._e
        rank = len(self._shape)
        started = [r for r in self._reductions if rank - r.trailing == axis]
        sums = {**sums, **{r.node: self._first(r) for r in started}}
        if axis == rank:
            sums = self._entries(pointers, e.int(0), None, 1, sums)
        elif axis == rank - 1:
            sums = self._innermost(pointers, sums)
        else:
            length = self._length(axis)
            with e.loop(e.int(0), length, carried=list(sums.values())) as loop:
                moved = {
                    key: self._moved(pointers[key], stream, axis, loop.index) for key, stream in self._streams().items()
                }
                inner = self._axis(axis + 1, moved, dict(zip(sums, loop.carry, strict=True)))
                loop.carry = [inner[node] for node in sums]
            sums = dict(zip(sums, loop.carry, strict=True))
        for r in started:
            self._finish(r, sums.pop(r.node), pointers["reduce", r.node])
        return sums

    def _length(self, axis: int) -> ir.Value:
        return self._number(self._shape[axis]) if axis or self._part is None else self._part

    def _moved(self, pointer: ir.Value, stream: _Stream, axis: int, index: ir.Value) -> ir.Value:
        stride = stream.strides[axis]
        if stride == ZERO:
            return pointer
        e = self._e
        step = index if stride == ONE else e.b.mul(index, self._number(stride))
        return e.address(pointer, step, stream.dtype)

    def _first(self, r: _Reduction) -> ir.Value:
        lanes = self._lanes if r.trailing and self._shape else 1
        return r.reducer.start(self._e, register(r.node.dtype, lanes))

    def _innermost(self, pointers: dict[Any, ir.Value], sums: dict[Node, ir.Value]) -> dict[Node, ir.Value]:
        e, lanes, length = self._e, self._lanes, self._shape[-1]
        stop = self._length(len(self._shape) - 1)
        if self._part is not None and len(self._shape) == 1:
            length = _ANY
        if length.is_known and length.known() < lanes:
            return self._entries(pointers, e.int(0), e.tail_mask(e.int(0), stop, lanes), lanes, sums)
        if length.is_known:
            whole: ir.Value = e.int(length.known() // lanes * lanes)
        else:
            whole = e.b.and_(stop, e.int(-lanes))
        begin: ir.Value = e.int(0)
        inner = [r for r in self._reductions if r.node in sums and r.trailing]
        if inner and not (length.is_known and length.known() < 2 * _SUMS_AT_ONCE * lanes):
            begin, sums = self._several(pointers, whole, sums, inner)
        with e.loop(begin, whole, lanes, list(sums.values())) as loop:
            found = self._entries(pointers, loop.index, None, lanes, dict(zip(sums, loop.carry, strict=True)))
            loop.carry = [found[node] for node in sums]
        sums = dict(zip(sums, loop.carry, strict=True))
        if length.is_known and length.known() % lanes == 0:
            return sums
        names = list(sums)
        before = e.b.block
        with e.b.if_then(e.b.icmp_signed("<", whole, stop)):
            found = self._entries(pointers, whole, e.tail_mask(whole, stop, lanes), lanes, sums)
            after = e.b.block
        results = {}
        for node in names:
            phi = e.b.phi(sums[node].type)
            phi.add_incoming(sums[node], before)
            phi.add_incoming(found[node], after)
            results[node] = phi
        return results

    def _several(
        self, pointers: dict[Any, ir.Value], whole: ir.Value, sums: dict[Node, ir.Value], inner: list[_Reduction]
    ) -> tuple[ir.Value, dict[Node, ir.Value]]:
        """Several vectors at a time, each with sums of its own, added up afterwards."""
        e, lanes = self._e, self._lanes
        step = lanes * _SUMS_AT_ONCE
        stop = e.b.and_(whole, e.int(-step))
        mine = {r.node: r.reducer for r in inner}
        carried = [*sums.values()]
        for node, reducer in mine.items():
            carried += [reducer.start(e, sums[node].type)] * (_SUMS_AT_ONCE - 1)
        with e.loop(e.int(0), stop, step, carried) as loop:
            state = dict(zip(sums, loop.carry, strict=False))
            extra = iter(loop.carry[len(sums) :])
            others = {node: [next(extra) for _ in range(_SUMS_AT_ONCE - 1)] for node in mine}
            for k in range(_SUMS_AT_ONCE):
                here = {**state, **{node: ([state[node], *others[node]])[k] for node in mine}}
                index = loop.index if k == 0 else e.b.add(loop.index, e.int(k * lanes))
                found = self._entries(pointers, index, None, lanes, here)
                for node in state:
                    if node not in mine or k == 0:
                        state[node] = found[node]
                    else:
                        others[node][k - 1] = found[node]
            loop.carry = [*state.values(), *(x for node in mine for x in others[node])]
        found = dict(zip(sums, loop.carry, strict=False))
        extra = iter(loop.carry[len(sums) :])
        for node, reducer in mine.items():
            a, b, c, d = found[node], next(extra), next(extra), next(extra)
            found[node] = reducer.combine(e, reducer.combine(e, a, b), reducer.combine(e, c, d))
        return stop, found

    # One vector of entries

    def _entries(
        self,
        pointers: dict[Any, ir.Value],
        index: ir.Value,
        mask: ir.Value | None,
        lanes: int,
        sums: dict[Node, ir.Value],
    ) -> dict[Node, ir.Value]:
        """Write what happens to one vector of entries along the last axis."""
        e = self._e
        values: dict[Any, ir.Value] = {
            key: self._load(pointers["load", key], stream, index, mask, lanes) for key, stream in self._loads.items()
        }
        sums = dict(sums)
        reducing = {r.node: r for r in self._reductions}
        for node in self._nodes:
            r = reducing.get(node)
            if r is None:
                values[node] = computed(e, node, lambda x: values[key_of(x)], self._literals, lanes)
                continue
            source = node.inputs[0]
            x = r.reducer.enter(e, values[source], source.dtype, node.dtype)
            if r.trailing or not self._shape:
                y = r.reducer.combine(e, sums[node], x)
                sums[node] = y if mask is None else e.b.select(mask, y, sums[node])
            else:
                pointer = pointers["reduce", node]
                before = self._load(pointer, r.stream, index, mask, lanes)
                self._store(r.reducer.combine(e, before, x), pointer, r.stream, index, mask)
        for node, stream in self._stores.items():
            self._store(values[node], pointers["store", node], stream, index, mask)
        return sums

    def _load(self, pointer: ir.Value, stream: _Stream, index: ir.Value, mask: ir.Value | None, lanes: int) -> ir.Value:
        e = self._e
        stride = stream.strides[-1] if stream.strides else ZERO
        if stride == ZERO or lanes == 1:
            place = e.int(0) if stride == ZERO else e.b.mul(index, self._number(stride))
            return e.splat(e.load(pointer, place, stream.dtype), lanes)
        if stride == ONE:
            return e.load(pointer, index, stream.dtype, lanes, mask)
        return e.gather(pointer, index, self._number(stride), stream.dtype, lanes, mask)

    def _store(
        self, value: ir.Value, pointer: ir.Value, stream: _Stream, index: ir.Value, mask: ir.Value | None
    ) -> None:
        self._e.store(value, pointer, index, stream.dtype, mask)

    def _finish(self, r: _Reduction, total: ir.Value, pointer: ir.Value) -> None:
        """Put the lanes of a sum together and store it; where more rows follow, add it to what is there."""
        e = self._e
        result = r.reducer.across(e, total)
        if r.in_memory:
            result = r.reducer.combine(e, e.load(pointer, e.int(0), r.node.dtype), result)
        e.store(result, pointer, e.int(0), r.node.dtype)


def key_of(x: Any) -> Any:
    """What an input is known by: a node by itself, an array by its identity."""
    return x if isinstance(x, Node) else id(x)


def _is_reduction(node: Node) -> bool:
    return node.op.name in REDUCTIONS
