"""The innermost loop of a product with few columns whose factors both stand along the inner length.

With a row of the result in a register most of its lanes would be idle. Here lanes are neighbours along the inner
length: an entry is a sum of as many sums as there are lanes.
"""

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter, zeros
from chainrule.native.products_packing import shuffled
from chainrule.native.products_tiles import minimum, on_stack
from chainrule.native.types import INT, POINTER, register

__all__ = ["ARGUMENTS", "PREFIX", "DotLoop", "emit_dot_loop"]

PREFIX = "chainrule.dots"

# The left factor and the step between its rows; the transposed right one and the step between its rows; rows of the
# result and inner length; the result and the step between its rows; whether it is added to.
ARGUMENTS = (POINTER, INT, POINTER, INT, INT, INT, POINTER, INT, ir.IntType(1))

#: Registers of sums.
_REGISTERS = 24


@dataclass(frozen=True)
class DotLoop:
    """A product with few columns.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all three arrays.
    lanes : int
        Entries in a register.
    columns : int
        Of the result: at most 24, and a few of them for it to be worthwhile.
    """

    dtype: np.dtype[Any]
    lanes: int
    columns: int

    @property
    def name(self) -> str:
        """What its function is called: ``chainrule.dots.float32.16.4``."""
        return f"{PREFIX}.{self.dtype.name}.{self.lanes}.{self.columns}"

    @property
    def rows(self) -> int:
        """Rows of the result that are computed at once."""
        return min(4, _REGISTERS // self.columns)


def emit_dot_loop(module: ir.Module, loop: DotLoop) -> ir.Function:
    """Write the function of such a product.

    An entry's bits do not depend on the rows that it is computed with.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    loop : DotLoop
        Which one.

    Returns
    -------
    llvmlite.ir.Function
        With `ARGUMENTS`, called ``loop.name``.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ARGUMENTS), loop.name)
    e = Emitter(function)
    b, dtype, lanes, width = e.b, loop.dtype, loop.lanes, loop.columns
    a, a_row, right, right_row, rows, length, out, out_row, adds = function.args
    kept = on_stack(e, loop.rows * width * lanes * dtype.itemsize)
    last = b.sub(rows, e.int(1))
    starts = [e.address(right, b.mul(right_row, e.int(j)), dtype) for j in range(width)]
    with e.loop(e.int(0), rows, loop.rows) as block:
        # Past the last row that row is read again.
        places = [minimum(e, b.add(block.index, e.int(i)), last) for i in range(loop.rows)]
        lines = [e.address(a, b.mul(row, a_row), dtype) for row in places]
        none = e.const(0, register(dtype, lanes))
        with e.loop(e.int(0), length, lanes, [none] * (loop.rows * width)) as along:
            mask = e.tail_mask(along.index, length, lanes)
            left = [e.load(line, along.index, dtype, lanes, mask) for line in lines]
            for j, start in enumerate(starts):
                x = e.load(start, along.index, dtype, lanes, mask)
                for i, y in enumerate(left):
                    along.carry[i * width + j] = e.fma(x, y, along.carry[i * width + j])
        for k, total in enumerate(along.carry):
            e.store(total, kept, e.int(k * lanes), dtype)
        with e.loop(e.int(0), minimum(e, b.sub(rows, block.index), e.int(loop.rows))) as down:
            totals = e.address(kept, b.mul(down.index, e.int(width * lanes)), dtype)
            line = e.address(out, b.mul(b.add(block.index, down.index), out_row), dtype)
            size = min(4, lanes, 16 // dtype.itemsize)
            for first in range(0, width, size):
                count = min(size, width - first)
                some = [e.load(totals, e.int((first + k) * lanes), dtype, lanes) for k in range(count)]
                value = _added_up(e, [*some, *[none] * (size - count)])
                at = e.int(first)
                mask = e.tail_mask(at, e.int(width), size) if count < size else None
                every = e.tail_mask(at, e.int(first + count), size)
                old = e.load(line, at, dtype, size, b.select(adds, every, zeros(every.type)))
                e.store(b.select(adds, b.fadd(value, old), value), line, at, dtype, mask)
    b.ret_void()
    return function


def _added_up(e: Emitter, totals: list[ir.Value]) -> ir.Value:
    """The sums over the lanes of registers, side by side: within 128 bits first, then halves of registers."""
    lanes, size = totals[0].type.count, len(totals)
    unit = 1
    while len(totals) > 1:
        found = []
        for x, y in zip(totals[::2], totals[1::2], strict=True):
            # Half of the sums of x next to the same of y, of every group of lanes; and the other half.
            low = [_lane(k, unit, size, lanes) for k in range(lanes)]
            found.append(e.b.fadd(shuffled(e, x, y, low), shuffled(e, x, y, [k + size // 2 for k in low])))
        totals, unit = found, 2 * unit
    value = totals[0]
    while lanes > size:
        lanes //= 2
        lower = shuffled(e, value, value, list(range(lanes)))
        value = e.b.fadd(lower, shuffled(e, value, value, list(range(lanes, 2 * lanes))))
    return value


def _lane(k: int, unit: int, size: int, lanes: int) -> int:
    """Where lane k comes from when pieces of `unit` lanes of two registers take turns, in groups of `size` lanes."""
    group, place = k - k % size, k % size
    pair, rest = divmod(place, 2 * unit)
    source = group + pair * unit + rest % unit
    return source if rest < unit else lanes + source
