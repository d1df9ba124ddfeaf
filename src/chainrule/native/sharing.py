"""A long loop in slices that the pool's threads share."""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS, Group
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.sizes import product_of
from chainrule.native.types import INT, POINTER

__all__ = ["SHARED_ENTRIES", "emit_shared", "is_shared"]

#: Entries from which on a loop is shared: its arithmetic takes some ten times what the threads cost.
SHARED_ENTRIES = 1 << 15
#: Entries of a slice, about.
_SLICE = 1 << 13


def is_shared(group: Group) -> bool:
    """True for a loop so long, and of a length so well known, that threads share it."""
    if group.domain is None or group.domain.by_rows or any(node.op.name in REDUCTIONS for node in group.nodes):
        return False
    entries = product_of(group.domain.shape)
    return entries.is_known and entries.known() >= SHARED_ENTRIES


def emit_shared(e: Emitter, loop: Callable[[Emitter, Sequence[ir.Value]], Any], name: str) -> None:
    """Write a loop as slices of its outermost axis.

    Parameters
    ----------
    e : Emitter
        Writes the function (table, n, total) that the loop is for.
    loop : callable
        ``loop(emitter, arguments)`` makes ready to write the loop, a `chainrule.native.loops.LoopKernel`, in another
        function.
    name : str
        Of the function that runs a slice.
    """
    table, n, total = e.b.function.args
    inner, words, number = slice_function(e.module, name, [POINTER, INT, INT])
    kernel = loop(inner, words)
    length = kernel.outer.known()
    # Whole vectors in every slice but the last.
    step = max(1, _SLICE * length // max(kernel.entries, 1))
    step = -(-step // 64) * 64 if kernel.entries == length else step
    start = inner.b.mul(number, inner.int(step))
    stop = inner.b.add(start, inner.int(step))
    stop = inner.b.select(inner.b.icmp_signed("<", stop, inner.int(length)), stop, inner.int(length))
    kernel.emit((start, stop))
    inner.b.ret_void()
    emit_parallel(e, inner.b.function, context_of(e, [table, n, total]), e.int(-(-length // step)))
