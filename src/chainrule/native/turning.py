"""A square block of entries turned: its rows become columns, by shuffles in registers.

Like the parts of products it is compiled once for a process: there are many shuffles, and several turns in a loop.
"""

from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_packing import turn
from chainrule.native.types import INT, POINTER

__all__ = ["ARGUMENTS", "PREFIX", "emit_turning", "name_of"]

PREFIX = "chainrule.turn"

# What is read, the step between its rows and how many columns there are; the same of what is written.
ARGUMENTS = (POINTER, INT, INT, POINTER, INT, INT)


def name_of(dtype: np.dtype[Any], lanes: int) -> str:
    """What the function is called: ``chainrule.turn.float32.16``."""
    return f"{PREFIX}.{dtype.name}.{lanes}"


def emit_turning(module: ir.Module, dtype: np.dtype[Any], lanes: int) -> ir.Function:
    """Write the function that turns a block of as many rows as a register has lanes.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    dtype : numpy.dtype
        Of the entries.
    lanes : int
        Entries in a register; of what is read and written there are at most as many columns.

    Returns
    -------
    llvmlite.ir.Function
        With `ARGUMENTS`, called `name_of`.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ARGUMENTS), name_of(dtype, lanes))
    e = Emitter(function)
    source, source_row, source_columns, target, target_row, target_columns = function.args
    read, written = (e.tail_mask(e.int(0), count, lanes) for count in (source_columns, target_columns))
    places = [e.int(k) for k in range(lanes)]
    rows = [e.load(source, e.b.mul(k, source_row), dtype, lanes, read) for k in places]
    for k, row in zip(places, turn(e, rows), strict=True):
        e.store(row, target, e.b.mul(k, target_row), dtype, written)
    e.b.ret_void()
    return function
