"""Arrays in machine code, entry by entry, and loops over them."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import ONE, Size, product_of
from chainrule.native.types import register

__all__ = ["TROUBLE", "Array", "Scene", "along_rows", "fill_zeros", "nest", "operand", "result_of"]

#: The buffer that holds a 1 after a run in which an index was out of range; it is the first of every program.
TROUBLE = "trouble"


class Scene(Protocol):
    """What a kernel needs to know of the program that it is a part of."""

    def access(self, x: Any) -> Access:
        """Where the entries of a node or a constant array stand."""

    def own(self, key: Any, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> Access:
        """Make a buffer."""


class Array:
    """An array that a kernel reads or writes entry by entry.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    access : Access
        Where its entries stand.
    dtype : numpy.dtype
        Of its entries.
    base : callable
        The pointer to a buffer.
    """

    def __init__(self, e: Emitter, n: ir.Value, access: Access, dtype: np.dtype[Any], base: Any) -> None:
        self._e, self.dtype, self.access = e, dtype, access
        self.shape = [length.emit(e, n) for length in access.shape]
        self.strides = [stride.emit(e, n) for stride in access.strides]
        #: The lengths as numbers; None where one follows from the leading size.
        self.shape_known = (
            tuple(length.known() for length in access.shape)
            if all(length.is_known for length in access.shape)
            else None
        )
        start = base(access.buffer)
        self.pointer = e.address(start, access.offset.emit(e, n), dtype)

    def place(self, index: Sequence[ir.Value]) -> ir.Value:
        """Number of the entry at an index."""
        e, total = self._e, self._e.int(0)
        for i, stride, length in zip(index, self.strides, self.access.shape, strict=True):
            if length != ONE:
                total = e.b.add(total, e.b.mul(i, stride))
        return total

    def address(self, index: Sequence[ir.Value]) -> ir.Value:
        """Where the entry at an index stands."""
        return self._e.address(self.pointer, self.place(index), self.dtype)

    def load(self, index: Sequence[ir.Value]) -> ir.Value:
        """Read the entry at an index; along an axis of length 1 every number means that entry."""
        return self._e.load(self.pointer, self.place(index), self.dtype)

    def store(self, value: ir.Value, index: Sequence[ir.Value]) -> None:
        """Write the entry at an index."""
        self._e.store(value, self.pointer, self.place(index), self.dtype)


def nest(e: Emitter, lengths: Sequence[ir.Value], body: Callable[[list[ir.Value]], None]) -> None:
    """Write loops over several axes, the last one innermost."""

    def axis(index: list[ir.Value]) -> None:
        if len(index) == len(lengths):
            body(index)
            return
        with e.loop(e.int(0), lengths[len(index)]) as loop:
            axis([*index, loop.index])

    axis([])


def along_rows(
    e: Emitter,
    target: ir.Value,
    sources: Sequence[ir.Value],
    count: ir.Value,
    dtype: np.dtype[Any],
    combine: Callable[..., ir.Value] = lambda x: x,
) -> None:
    """Write entries that stand side by side: what `combine` makes of those of the sources, or a copy of one."""
    lanes = machine.lanes(dtype)
    whole = e.b.and_(count, e.int(-lanes))

    def some(index: ir.Value, width: int) -> None:
        e.store(combine(*(e.load(x, index, dtype, width) for x in sources)), target, index, dtype)

    with e.loop(e.int(0), whole, lanes) as loop:
        some(loop.index, lanes)
    with e.loop(whole, count) as loop:
        some(loop.index, 1)


def fill_zeros(e: Emitter, n: ir.Value, array: Array) -> None:
    """Write zeros into all of an array."""
    if not array.access.is_contiguous:
        nest(e, array.shape, lambda index: array.store(e.const(0, register(array.dtype)), index))
        return
    count, lanes = product_of(array.access.shape).emit(e, n), machine.lanes(array.dtype)
    whole = e.b.and_(count, e.int(-lanes))
    with e.loop(e.int(0), whole, lanes) as loop:
        e.store(e.const(0, register(array.dtype, lanes)), array.pointer, loop.index, array.dtype)
    with e.loop(whole, count) as loop:
        e.store(e.const(0, register(array.dtype)), array.pointer, loop.index, array.dtype)


def operand(scene: Scene, e: Emitter, n: ir.Value, x: Any, base: Any, target: np.dtype[Any] | None = None) -> Any:
    """An input as a function from an index to a value."""
    if isinstance(x, (Node, np.ndarray)) and not (isinstance(x, np.ndarray) and x.ndim == 0):
        array = Array(e, n, scene.access(x), x.dtype, base)

        def read(index: Sequence[ir.Value]) -> ir.Value:
            used = index[len(index) - len(array.shape) :]
            return e.convert(array.load(used), x.dtype, x.dtype if target is None else target)

        return read
    dtype = np.asarray(x).dtype if target is None else target
    constant = e.const(dtype.type(x), register(dtype))
    return lambda index: constant


def result_of(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> Array:
    """Where the result of an operation goes."""
    return Array(e, n, scene.access(node), node.dtype, base)
