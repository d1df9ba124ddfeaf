"""Sums over rows that are a few vectors long: the vectors of several rows are added to registers of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir

from chainrule.graph import Node
from chainrule.native.emitter import Emitter
from chainrule.native.loop_body import LoopBody, Reduction, is_over_rows, pieces_of
from chainrule.native.sizes import Size
from chainrule.native.types import register
from chainrule.native.window_masks import Inside

__all__ = ["rows_at_once", "sum_rows"]

#: Vectors in which sums over rows are held, and operations that are written for them, at most.
_REGISTERS, _COPIES = 12, 96


def rows_at_once(shape: tuple[Size, ...], lanes: int, operations: int, reductions: Sequence[Reduction]) -> int:
    """Choose how many rows a loop takes at a time.

    Parameters
    ----------
    shape : tuple of Size
        Of the loop.
    lanes : int
        Entries side by side.
    operations : int
        How many the loop computes.
    reductions : sequence of Reduction
        In the loop.

    Returns
    -------
    int
        0 where there are no sums over rows, or none that fit into registers.
    """
    sums = sum(map(is_over_rows, reductions))
    if not sums or not shape[-1].is_known:
        return 0
    vectors, rows = -(-shape[-1].known() // lanes), shape[-2]
    for count in (4, 2, 1):
        copies = vectors * (count + (count > 1))
        fits = sums * vectors * count <= _REGISTERS and copies * operations <= _COPIES
        if fits and not (rows.is_known and rows.known() < count):
            return count
    return 0


@dataclass(frozen=True)
class _Part:
    """Neighbouring columns in a register: the first one, how many lanes, and which of these are columns."""

    first: int
    lanes: int
    mask: ir.Value | None = None


def _parts(e: Emitter, body: LoopBody) -> list[_Part]:
    """The columns, in registers; of sums along a row, and of windows, all have as many lanes."""
    length, lanes = body.shape[-1].known(), body.lanes
    whole = length // lanes * lanes
    parts = [_Part(first, lanes) for first in range(0, whole, lanes)]
    if whole == length:
        return parts
    pieces = pieces_of(length - whole)
    if pieces and all(map(is_over_rows, body.reductions)) and not body.windows.of:
        return parts + [_Part(whole + first, count) for first, count in pieces]
    return [*parts, _Part(whole, lanes, e.tail_mask(e.int(whole), e.int(length), lanes))]


def sum_rows(
    e: Emitter,
    body: LoopBody,
    pointers: dict[Any, ir.Value],
    inside: Inside,
    sums: dict[Node, ir.Value],
    stop: ir.Value,
) -> dict[Node, ir.Value]:
    """Write the loop over the last two axes, and store the sums over the first of them.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    body : LoopBody
        What happens to entries.
    pointers, inside
        Where the first row stands, and in which windows it is as far as the axes before tell.
    sums : dict of Node to Value
        Running sums over more than these two axes, or both.
    stop : Value
        Number of rows.

    Returns
    -------
    dict
        The running sums after the rows.
    """
    count = body.rows_at_once
    length = body.shape[-2]
    parts = _parts(e, body)
    mine = [r for r in body.reductions if is_over_rows(r)]
    totals = {
        (r.node, row, k): r.reducer.start(e, register(r.node.dtype, part.lanes))
        for r in mine
        for row in range(count)
        for k, part in enumerate(parts)
    }
    whole = e.b.and_(stop, e.int(-count))

    def over(begin: ir.Value, end: ir.Value, step: int) -> None:
        nonlocal sums, totals
        with e.loop(begin, end, step, [*sums.values(), *totals.values()]) as loop:
            state = dict(zip((*sums, *totals), loop.carry, strict=True))
            for row in range(step):
                state = _row(e, body, pointers, inside, e.b.add(loop.index, e.int(row)), state, row, mine, parts)
            loop.carry = list(state.values())
        state = dict(zip((*sums, *totals), loop.carry, strict=True))
        sums, totals = {x: state[x] for x in sums}, {x: state[x] for x in totals}

    over(e.int(0), whole, count)
    if count > 1 and not (length.is_known and length.known() % count == 0):
        over(whole, stop, 1)
    for r in mine:
        for k, part in enumerate(parts):
            found = [totals[r.node, row, k] for row in range(count)]
            while len(found) > 1:
                found = [r.reducer.combine(e, a, b) for a, b in zip(found[::2], found[1::2], strict=True)]
            _put(e, body, r, found[0], pointers["reduce", r.node], part)
    return sums


def _row(
    e: Emitter,
    body: LoopBody,
    pointers: dict[Any, ir.Value],
    inside: Inside,
    index: ir.Value,
    state: dict[Any, ir.Value],
    row: int,
    mine: list[Reduction],
    parts: list[_Part],
) -> dict[Any, ir.Value]:
    """Write what happens to one row; `state` has running sums, and under (operation, row, k) those over rows."""
    axis, state = len(body.shape) - 2, dict(state)
    moved, here = body.at(pointers, axis, index), body.windows.at(inside, axis, index)
    started = [r for r in body.reductions if r.trailing == 1]
    sums = {x: value for x, value in state.items() if isinstance(x, Node)}
    sums |= {r.node: body.first(r) for r in started}
    for k, part in enumerate(parts):
        sums |= {r.node: state[r.node, row, k] for r in mine}
        sums = body.entries(moved, here, e.int(part.first), part.mask, part.lanes, sums)
        state |= {(r.node, row, k): sums[r.node] for r in mine}
    for r in started:
        body.finish(r, sums[r.node], moved["reduce", r.node])
    return {x: sums.get(x, value) for x, value in state.items()}


def _put(e: Emitter, body: LoopBody, r: Reduction, total: ir.Value, pointer: ir.Value, part: _Part) -> None:
    """Store a vector of sums over rows; where more rows follow, add it to what is there."""
    place = e.int(part.first)
    if body.is_in_memory(r):
        total = r.reducer.combine(e, e.load(pointer, place, r.node.dtype, part.lanes, part.mask), total)
    e.store(total, pointer, place, r.node.dtype, part.mask)
