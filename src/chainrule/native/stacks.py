"""np.matmul of stacks of matrices: one product after the other, in slices that the pool's threads share.

Each product is computed by the same code as that of two matrices. A factor that stands in none of the ways in which
products read one, such as every second column of an array, is copied first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.access import Access, aligned
from chainrule.native.emitter import Emitter
from chainrule.native.matmul import Factors, as_matrices, has_products, matrices, start_of
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.products import Range, emit_product, slice_rows
from chainrule.native.products_tiles import minimum
from chainrule.native.sizes import ONE, ZERO, Size, contiguous, product_of
from chainrule.native.types import INT, POINTER

__all__ = ["Stack", "emit_stack", "joined", "outer_strides", "stack_of", "stack_shape"]

#: Multiplications of a slice: some 5 microseconds.
_SLICE = 500_000
#: Multiplications of a matrix up to which plain loops are as fast: 9 ns for 27 of them.
_FEW = 32
#: Matrices from which on a slice has whole ones.
_MANY = 16
#: What a length that follows from n is taken to be when it is decided what a slice is.
_USUAL = 64


class _Program(Protocol):
    def own(self, key: Any, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> Access: ...


@dataclass(frozen=True)
class Stack:
    """A stack of matrix products.

    Attributes
    ----------
    one : Factors
        The first of them.
    lengths : tuple of Size
        Shape of the stack.
    strides : tuple of (Size, Size, Size)
        For each of its axes the entries from matrix to matrix in both factors and in the result.
    copies : tuple of (Access, Access)
        The factors that have to be copied first, with where the copies stand: in buffers that are yet to be made.
    """

    one: Factors
    lengths: tuple[Size, ...]
    strides: tuple[tuple[Size, ...], ...]
    copies: tuple[tuple[Access, Access], ...]


def stack_of(node: Node, access: Callable[[Any], Access]) -> Stack | None:
    """Describe a product of stacks.

    Parameters
    ----------
    node : Node
        A node of np.matmul.
    access : callable
        Where the entries of an input stand.

    Returns
    -------
    Stack or None
        None for integers, lengths of 0, very small matrices, and where products need a number that follows from n.
    """
    if not has_products(node):
        return None
    a, b = as_matrices(*map(access, node.inputs))
    work = product_of((*a.shape[-2:], b.shape[-1]))
    if work.is_known and work.known() <= _FEW:
        return None
    sources = _distinct(a), _distinct(b)
    copies = [Access.whole((node, k), source.shape) for k, source in enumerate(sources)]
    for which in ((), (1,), (0,), (0, 1)):
        x, y = (copies[k] if k in which else plain for k, plain in enumerate((a, b)))
        lengths = stack_shape(a.shape[:-2], b.shape[:-2])
        one = matrices(node.dtype, _matrix(x), _matrix(y))
        if one is not None and ZERO not in lengths:
            steps = contiguous((*lengths, x.shape[-2], y.shape[-1]))[: len(lengths)]
            strides = zip(outer_strides(x, lengths), outer_strides(y, lengths), steps, strict=True)
            return Stack(one, *joined(lengths, list(strides)), tuple((sources[k], copies[k]) for k in which))
    return None


def _matrix(x: Access) -> Access:
    return replace(x, shape=x.shape[-2:], strides=x.strides[-2:])


def _distinct(x: Access) -> Access:
    """A stack without matrices that are the same one again."""
    shape = tuple(ONE if step == ZERO else length for length, step in zip(x.shape[:-2], x.strides, strict=False))
    return replace(x, shape=(*shape, *x.shape[-2:]))


def outer_strides(x: Access, lengths: tuple[Size, ...]) -> tuple[Size, ...]:
    """Entries from matrix to matrix along the axes of the stack."""
    return aligned(replace(x, shape=x.shape[:-2], strides=x.strides[:-2]), lengths)


def stack_shape(*shapes: tuple[Size, ...]) -> tuple[Size, ...]:
    """What the shapes of stacks broadcast to."""
    rank = max(map(len, shapes))
    columns = zip(*((ONE,) * (rank - len(shape)) + shape for shape in shapes), strict=True)
    return tuple(next((length for length in column if length != ONE), ONE) for column in columns)


def joined(
    lengths: Sequence[Size], strides: Sequence[tuple[Size, ...]]
) -> tuple[tuple[Size, ...], tuple[tuple[Size, ...], ...]]:
    """The axes of a stack; those that can be gone along as one are made one."""
    found: list[tuple[Size, tuple[Size, ...]]] = []
    for length, steps in zip(lengths, strides, strict=True):
        if length == ONE:
            continue
        if found and all(before == length * step for before, step in zip(found[-1][1], steps, strict=True)):
            found[-1] = (found[-1][0] * length, steps)
        else:
            found.append((length, steps))
    return tuple(length for length, _ in found), tuple(steps for _, steps in found)


def emit_stack(
    program: _Program, e: Emitter, n: ir.Value, node: Node, stack: Stack, target: Access, base: Any, name: str
) -> None:
    """Write the products of a stack, in slices that the pool's threads share.

    A slice has as many matrices as take some microseconds, or, where there are few matrices, some rows of one. What
    it has depends on the sizes alone.

    Parameters
    ----------
    program : object
        Makes buffers for copies.
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    node : Node
        The product.
    stack : Stack
        What `stack_of` says of it.
    target : Access
        Where the result goes; a buffer of its own.
    base : callable
        The pointer to a buffer.
    name : str
        Of the function that computes a slice.
    """
    for source, copy in stack.copies:
        program.own(copy.buffer, copy.shape, node.dtype)
        _copy(e, n, source, copy, node.dtype, base)
    one = stack.one
    pointers = [start_of(e, n, access, node.dtype, base) for access in (one.a, one.b, target)]
    writer = _Slices(stack, node.dtype)
    part = writer.function(e.module, name)
    context = context_of(e, [*pointers, n])
    count = writer.count(e, n)
    with e.b.if_else(e.b.icmp_signed(">", count, e.int(1))) as (many, single):
        with many:
            emit_parallel(e, part, context, count)
        with single, e.b.if_then(e.b.icmp_signed("==", count, e.int(1))):
            e.b.call(part, [context, e.int(0)])


class _Slices:
    """How a stack is cut: into slices of so many matrices, or of so many rows of one."""

    def __init__(self, stack: Stack, dtype: np.dtype[Any]) -> None:
        self._stack, self._dtype = stack, dtype
        a, b = stack.one.a, stack.one.b
        self._rows = a.shape[0]
        m, k, n = (size.known() if size.is_known else _USUAL for size in (*a.shape, b.shape[1]))
        many = product_of(stack.lengths)
        self._height = slice_rows(stack.one.product)
        self._has_rows = many.is_known and many.known() < _MANY and m > self._height
        self._matrices = 1 if self._has_rows else max(1, _SLICE // max(m * k * n, 1))

    def count(self, e: Emitter, n: ir.Value) -> ir.Value:
        """Number of slices."""
        many = product_of(self._stack.lengths).emit(e, n)
        if self._has_rows:
            return e.b.mul(many, self._parts(e, n))
        return e.b.sdiv(e.b.add(many, e.int(self._matrices - 1)), e.int(self._matrices))

    def _parts(self, e: Emitter, n: ir.Value) -> ir.Value:
        """Slices of a matrix."""
        return e.b.sdiv(e.b.add(self._rows.emit(e, n), e.int(self._height - 1)), e.int(self._height))

    def function(self, module: ir.Module, name: str) -> ir.Function:
        """A function (context, number) that computes a slice."""
        e, (*pointers, n), number = slice_function(module, name, [POINTER, POINTER, POINTER, INT])
        if self._has_rows:
            parts = self._parts(e, n)
            start = e.b.mul(e.b.srem(number, parts), e.int(self._height))
            stop = minimum(e, e.b.add(start, e.int(self._height)), self._rows.emit(e, n))
            self._product(e, n, pointers, e.b.sdiv(number, parts), (start, stop))
        else:
            start = e.b.mul(number, e.int(self._matrices))
            many = product_of(self._stack.lengths).emit(e, n)
            stop = minimum(e, e.b.add(start, e.int(self._matrices)), many)
            with e.loop(start, stop) as loop:
                self._product(e, n, pointers, loop.index, None)
        e.b.ret_void()
        return e.b.function

    def _product(self, e: Emitter, n: ir.Value, pointers: list[ir.Value], number: ir.Value, rows: Range | None) -> None:
        """One matrix of the stack, or some of its rows."""
        stack = self._stack
        for position in reversed(range(len(stack.lengths))):
            index = number
            if position:
                length = stack.lengths[position].emit(e, n)
                index, number = e.b.srem(number, length), e.b.sdiv(number, length)
            pointers = [
                e.address(x, e.b.mul(index, step.emit(e, n)), self._dtype)
                for x, step in zip(pointers, stack.strides[position], strict=True)
            ]
        emit_product(e, stack.one.product, *pointers, batch=stack.one.batch.emit(e, n), rows=rows)


def _copy(e: Emitter, n: ir.Value, source: Access, copy: Access, dtype: np.dtype[Any], base: Any) -> None:
    """Copy an array entry by entry."""
    start, target = (start_of(e, n, x, dtype, base) for x in (source, copy))
    steps = [[step.emit(e, n) for step in x.strides] for x in (source, copy)]

    def along(axis: int, here: ir.Value, there: ir.Value) -> None:
        if axis == len(source.shape):
            e.store(e.load(start, here, dtype), target, there, dtype)
            return
        with e.loop(e.int(0), source.shape[axis].emit(e, n)) as loop:
            x, y = (e.b.add(at, e.b.mul(loop.index, step[axis])) for at, step in zip((here, there), steps, strict=True))
            along(axis + 1, x, y)

    along(0, e.int(0), e.int(0))
