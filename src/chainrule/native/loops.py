"""One loop for a group of elementwise operations and reductions.

The loop runs over the group's shape, the last axis by vectors; axes that are contiguous in everything read and written
run as one. What a group reads is loaded once for each entry, what others read of it is stored, the rest stays in
registers. A reduction over the last axes is summed up in a register and stored where they end; one over the axis
before a short last one in registers too (see `chainrule.native.column_sums`); one over other axes is summed up in
memory, a row at a time, in the order of the rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access, aligned
from chainrule.native.column_sums import rows_at_once, sum_rows
from chainrule.native.computing import is_literal
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS
from chainrule.native.loop_body import LoopBody, Reduction, Stream, load_key, pieces_of
from chainrule.native.reducing import reducer_of
from chainrule.native.sizes import ONE, ZERO, Size, contiguous, product_of
from chainrule.native.types import register
from chainrule.native.window_masks import Inside, WindowMasks
from chainrule.ops.axes import normalize_axes

__all__ = ["LoopKernel"]

#: A length of which nothing is known.
_ANY = Size((0, 1))

#: Vectors that a loop with a reduction handles at a time, so that one sum need not wait for the one before it.
_SUMS_AT_ONCE = 4


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
        self._e, self._nodes = e, nodes
        self._part: ir.Value | None = None
        inside = set(nodes)
        self._loads: dict[Any, Stream] = {}
        self._windows = WindowMasks(nodes)
        for node in nodes:
            for source, window in zip(node.inputs, self._windows.of.get(node, (None,) * len(node.inputs)), strict=True):
                if source in inside if isinstance(source, Node) else is_literal(source):
                    continue
                access = reads(source)
                if window is None:
                    stream = Stream(access, source.dtype, aligned(access, shape))
                else:
                    stream = Stream(window.moved(access), source.dtype, window.strides(access), window.bounds)
                self._loads[load_key(source, window)] = stream
        self._stores = {
            node: Stream(access, node.dtype, aligned(access, shape))
            for node, access in stored.items()
            if not _is_reduction(node)
        }
        self._reductions = [self._reduction(node, stored[node], shape) for node in nodes if _is_reduction(node)]
        self._collapse(shape)
        self._lanes = self._choose_lanes()
        self._body = LoopBody(
            e,
            n,
            nodes,
            base,
            shape=self._shape,
            lanes=self._lanes,
            rows_at_once=rows_at_once(self._shape, self._lanes, len(nodes), self._reductions),
            loads=self._loads,
            stores=self._stores,
            reductions=self._reductions,
            windows=self._windows,
        )

    # The shape of the loop

    def _reduction(self, node: Node, access: Access, shape: tuple[Size, ...]) -> Reduction:
        axes = normalize_axes(node.params["axis"], len(shape))
        reduced = tuple(k in axes for k in range(len(shape)))
        kept = tuple(ONE if here else length for here, length in zip(reduced, shape, strict=True))
        strides = tuple(ZERO if here else stride for here, stride in zip(reduced, contiguous(kept), strict=True))
        return Reduction(node, reducer_of(node), reduced, Stream(access, node.dtype, strides))

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

        def over_loop(stream: Stream) -> Stream:
            return Stream(stream.access, stream.dtype, tuple(stream.strides[k] for k in last), stream.bounds)

        self._windows.merge(shape, merged)
        self._loads = {key: over_loop(stream) for key, stream in self._loads.items()}
        self._stores = {node: over_loop(stream) for node, stream in self._stores.items()}
        self._reductions = [
            Reduction(r.node, r.reducer, tuple(r.reduced[k] for k in last), over_loop(r.stream))
            for r in self._reductions
        ]

    def _can_merge(self, outer: int, inner: int, length: Size, streams: list[Stream]) -> bool:
        if any(r.reduced[outer] != r.reduced[inner] for r in self._reductions):
            return False
        if not self._windows.can_merge(inner):
            return False
        return all(stream.strides[outer] == length * stream.strides[inner] for stream in streams)

    def _choose_lanes(self) -> int:
        if not self._shape:
            return 1
        sizes = [node.dtype.itemsize for node in self._nodes if node.dtype.kind == "f"] or [8]
        lanes = machine.vector_bytes() // max(sizes)
        last = self._shape[-1]
        while last.is_known and 0 < last.known() <= lanes // 2:
            lanes //= 2
        return lanes

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
        body = self._body
        body.prepare(self._e.int(0) if part is None else part[0])
        self._part = None if part is None else self._e.b.sub(part[1], part[0])
        for r in self._reductions:
            if body.is_in_memory(r):
                self._fill(r)
        offsets = {key: body.start(stream) for key, stream in body.streams().items()}
        if part is not None:
            offsets = body.at(offsets, 0, part[0])
        self._axis(0, offsets, {}, {})

    def _fill(self, r: Reduction) -> None:
        """Set a result that is summed up in memory to what a sum starts with."""
        e = self._e
        count = self._body.number(
            product_of(length for length, here in zip(self._shape, r.reduced, strict=True) if not here)
        )
        start = r.reducer.start(e, register(r.node.dtype))
        pointer = self._body.start(r.stream)
        with e.loop(e.int(0), count) as loop:
            e.store(start, pointer, loop.index, r.node.dtype)

    def _axis(
        self, axis: int, pointers: dict[Any, ir.Value], inside: Inside, sums: dict[Node, ir.Value]
    ) -> dict[Node, ir.Value]:
        """Write the loop over one axis and those inside it; returns the running sums."""
        e = self._e
        rank = len(self._shape)
        started = [r for r in self._reductions if rank - r.trailing == axis]
        sums = {**sums, **{r.node: self._body.first(r) for r in started}}
        if axis == rank:
            sums = self._body.entries(pointers, inside, e.int(0), None, 1, sums)
        elif axis == rank - 2 and self._body.rows_at_once:
            sums = sum_rows(e, self._body, pointers, inside, sums, self._length(axis))
        elif axis == rank - 1:
            sums = self._innermost(pointers, inside, sums)
        else:
            length = self._length(axis)
            with e.loop(e.int(0), length, carried=list(sums.values())) as loop:
                moved = self._body.at(pointers, axis, loop.index)
                here = self._windows.at(inside, axis, loop.index)
                inner = self._axis(axis + 1, moved, here, dict(zip(sums, loop.carry, strict=True)))
                loop.carry = [inner[node] for node in sums]
            sums = dict(zip(sums, loop.carry, strict=True))
        for r in started:
            self._body.finish(r, sums.pop(r.node), pointers["reduce", r.node])
        return sums

    def _length(self, axis: int) -> ir.Value:
        return self._body.number(self._shape[axis]) if axis or self._part is None else self._part

    def _innermost(
        self, pointers: dict[Any, ir.Value], inside: Inside, sums: dict[Node, ir.Value]
    ) -> dict[Node, ir.Value]:
        e, lanes, length = self._e, self._lanes, self._shape[-1]
        stop = self._length(len(self._shape) - 1)
        if self._part is not None and len(self._shape) == 1:
            length = _ANY
        if length.is_known and length.known() < lanes:
            return self._body.entries(pointers, inside, e.int(0), e.tail_mask(e.int(0), stop, lanes), lanes, sums)
        if length.is_known:
            whole: ir.Value = e.int(length.known() // lanes * lanes)
        else:
            whole = e.b.and_(stop, e.int(-lanes))
        begin, end = e.int(0), whole
        core = self._windows.core(whole, lanes)
        if core is not None:
            begin, end = core
            sums = self._edges(pointers, inside, sums, (begin, end, whole))
        inner = [r for r in self._reductions if r.node in sums and r.trailing]
        if inner and not (length.is_known and length.known() < 2 * _SUMS_AT_ONCE * lanes):
            begin, sums = self._several(pointers, inside, (begin, end), sums, inner)
        with e.loop(begin, end, lanes, list(sums.values())) as loop:
            here = dict(zip(sums, loop.carry, strict=True))
            found = self._body.entries(pointers, inside, loop.index, None, lanes, here, in_core=True)
            loop.carry = [found[node] for node in sums]
        sums = dict(zip(sums, loop.carry, strict=True))
        if length.is_known and length.known() % lanes == 0:
            return sums
        pieces = pieces_of(length.known() % lanes) if length.is_known and not (sums or self._windows.of) else []
        if pieces:
            for first, count in pieces:
                self._body.entries(pointers, inside, e.b.add(whole, e.int(first)), None, count, sums)
            return sums
        names = list(sums)
        before = e.b.block
        with e.b.if_then(e.b.icmp_signed("<", whole, stop)):
            found = self._body.entries(pointers, inside, whole, e.tail_mask(whole, stop, lanes), lanes, sums)
            after = e.b.block
        results = {}
        for node in names:
            phi = e.b.phi(sums[node].type)
            phi.add_incoming(sums[node], before)
            phi.add_incoming(found[node], after)
            results[node] = phi
        return results

    def _edges(
        self,
        pointers: dict[Any, ir.Value],
        inside: Inside,
        sums: dict[Node, ir.Value],
        places: tuple[ir.Value, ir.Value, ir.Value],
    ) -> dict[Node, ir.Value]:
        """What comes before and after that where all windows have entries."""
        e, lanes, (begin, end, whole) = self._e, self._lanes, places
        left_out = e.b.sub(end, begin)
        with e.loop(e.int(0), e.b.sub(whole, left_out), lanes, list(sums.values())) as loop:
            is_before = e.b.icmp_signed("<", loop.index, begin)
            index = e.b.select(is_before, loop.index, e.b.add(loop.index, left_out))
            found = self._body.entries(pointers, inside, index, None, lanes, dict(zip(sums, loop.carry, strict=True)))
            loop.carry = [found[node] for node in sums]
        return dict(zip(sums, loop.carry, strict=True))

    def _several(
        self,
        pointers: dict[Any, ir.Value],
        inside: Inside,
        places: tuple[ir.Value, ir.Value],
        sums: dict[Node, ir.Value],
        inner: list[Reduction],
    ) -> tuple[ir.Value, dict[Node, ir.Value]]:
        """Several vectors at a time, each with sums of its own, added up afterwards."""
        e, lanes = self._e, self._lanes
        step = lanes * _SUMS_AT_ONCE
        begin, end = places
        stop = e.b.add(begin, e.b.and_(e.b.sub(end, begin), e.int(-step)))
        mine = {r.node: r.reducer for r in inner}
        carried = [*sums.values()]
        for node, reducer in mine.items():
            carried += [reducer.start(e, sums[node].type)] * (_SUMS_AT_ONCE - 1)
        with e.loop(begin, stop, step, carried) as loop:
            state = dict(zip(sums, loop.carry, strict=False))
            extra = iter(loop.carry[len(sums) :])
            others = {node: [next(extra) for _ in range(_SUMS_AT_ONCE - 1)] for node in mine}
            for k in range(_SUMS_AT_ONCE):
                here = {**state, **{node: ([state[node], *others[node]])[k] for node in mine}}
                index = loop.index if k == 0 else e.b.add(loop.index, e.int(k * lanes))
                found = self._body.entries(pointers, inside, index, None, lanes, here, in_core=True)
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


def _is_reduction(node: Node) -> bool:
    return node.op.name in REDUCTIONS
