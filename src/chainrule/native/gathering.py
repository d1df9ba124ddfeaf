"""Rows of a minibatch, copied from where all examples stand.

The rows come from all over memory: no processor guesses which one is next, so it is asked for while those before it
are copied. Long rows are shared by the pool's threads, some rows to a slice.
"""

import math
from collections.abc import Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.pool import emit_parallel, slice_function
from chainrule.native.products_tiles import ask_for, minimum, on_stack
from chainrule.native.types import INT, POINTER

__all__ = ["emit_gather"]

#: Bytes of a row from which on rows are asked for in advance, and shared by threads.
_LONG = 1 << 10
#: Rows of a slice: of the shortest of them some two microseconds.
_ROWS = 16
#: How many rows before they are copied they are asked for.
_AHEAD = 2


def emit_gather(
    e: Emitter, row: Sequence[int], dtype: np.dtype[Any], arrays: Sequence[ir.Value], n: ir.Value, name: str
) -> None:
    """Write a loop that copies the rows of a minibatch.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    row : sequence of int
        Shape of a row.
    dtype : numpy.dtype
        Of its entries.
    arrays : sequence of Value
        Addresses of all examples, of the minibatch, and of the numbers of its rows among all.
    n : Value
        How many rows it has.
    name : str
        Of the function that copies a slice of the rows.
    """
    length = math.prod(row)
    if length * dtype.itemsize < _LONG:
        _copy(e, length, dtype, arrays, (e.int(0), n), 0)
        return
    inner, (*places, rows), number = slice_function(e.module, name, [POINTER] * 3 + [INT])
    start = inner.b.mul(number, inner.int(_ROWS))
    stop = minimum(inner, inner.b.add(start, inner.int(_ROWS)), rows)
    _copy(inner, length, dtype, places, (start, stop), _AHEAD)
    inner.b.ret_void()
    # Memory that the loop over the steps does not take anew in each of them.
    words = on_stack(e, 8 * (len(arrays) + 1))
    for place, value in enumerate([*(e.b.ptrtoint(x, INT) for x in arrays), n]):
        e.b.store(value, e.b.gep(words, [e.int(place)], source_etype=INT))
    count = e.b.sdiv(e.b.add(n, e.int(_ROWS - 1)), e.int(_ROWS))
    emit_parallel(e, inner.b.function, words, count)


def _copy(
    e: Emitter,
    length: int,
    dtype: np.dtype[Any],
    arrays: Sequence[ir.Value],
    rows: tuple[ir.Value, ir.Value],
    ahead: int,
) -> None:
    """Copy some rows entry by entry in vectors; their length is known."""
    source, target, order = arrays
    lanes = machine.lanes(dtype)
    whole = length // lanes * lanes

    def origin(number: ir.Value) -> ir.Value:
        row = e.b.load(e.b.gep(order, [number], source_etype=INT), typ=INT)
        return e.address(source, e.b.mul(row, e.int(length)), dtype)

    with e.loop(*rows) as down:
        here, goal = (origin(down.index), e.address(target, e.b.mul(down.index, e.int(length)), dtype))
        following = here
        if ahead:
            following = origin(minimum(e, e.b.add(down.index, e.int(ahead)), e.b.sub(rows[1], e.int(1))))
        if whole:
            with e.loop(e.int(0), e.int(whole), lanes) as across:
                if ahead:
                    ask_for(e, e.address(following, across.index, dtype), in_first_cache=True)
                e.store(e.load(here, across.index, dtype, lanes), goal, across.index, dtype)
        if length % lanes:
            mask = e.tail_mask(e.int(whole), e.int(length), lanes)
            e.store(e.load(here, e.int(whole), dtype, lanes, mask), goal, e.int(whole), dtype, mask)
