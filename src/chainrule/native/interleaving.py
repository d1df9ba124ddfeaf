"""Short rows that stand side by side in memory, as one register for each column, and back.

A column is put together from the registers that hold its entries by shuffles of two at a time, which is several times
faster than to gather or scatter it entry by entry.
"""

from collections.abc import Sequence

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.types import lanes_of

__all__ = ["interleaved", "separated"]

_INDEX = ir.IntType(32)


def separated(e: Emitter, vectors: Sequence[ir.Value]) -> list[ir.Value]:
    """Take rows apart.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    vectors : sequence of Value
        As many registers as a row has entries; together they hold as many rows as a register has lanes, one row after
        the other.

    Returns
    -------
    list of Value
        The columns.
    """
    width, lanes = len(vectors), lanes_of(vectors[0].type)
    return [_picked(e, vectors, [divmod(i * width + k, lanes) for i in range(lanes)]) for k in range(width)]


def interleaved(e: Emitter, columns: Sequence[ir.Value]) -> list[ir.Value]:
    """Put rows together; the opposite of `separated`."""
    width, lanes = len(columns), lanes_of(columns[0].type)
    entries = [[divmod(k * lanes + i, width) for i in range(lanes)] for k in range(width)]
    return [_picked(e, columns, [(column, row) for row, column in places]) for places in entries]


def _picked(e: Emitter, sources: Sequence[ir.Value], places: Sequence[tuple[int, int]]) -> ir.Value:
    """A register whose lanes come from other registers: for each the number of the source, and the lane there."""
    lanes = len(places)
    first, *others = sorted({source for source, _ in places})
    done, found = {first}, None
    for other in others or [first]:
        mask = []
        for i, (source, lane) in enumerate(places):
            if source == other and other != first:
                mask.append(lanes + lane)
            elif source in done:
                mask.append(lane if found is None else i)
            else:
                mask.append(0)  # Comes later.
        before = sources[first] if found is None else found
        found = e.b.shuffle_vector(before, sources[other], ir.Constant(ir.VectorType(_INDEX, lanes), mask))
        done.add(other)
    return found
