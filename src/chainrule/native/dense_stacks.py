"""Stacks of matrices solved and factored.

Matrices of a few rows are straight code, with one matrix of the stack in each lane where there are enough of them.
Larger ones are copied into rows and taken through the functions of `dense_code`. Either way threads share a long stack
in slices of fixed size.

Where rounding decides whether a matrix is singular or positive definite, the run is noted as in trouble: what the
interpreter says then, a result or NumPy's error, is what the user gets.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import llvmlite.ir as ir

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.arrays import TROUBLE
from chainrule.native.dense import MOST_ROWS_IN_LANES, has_at_most, is_small_dense
from chainrule.native.dense_lanes import Entries, dense_in_lanes
from chainrule.native.dense_rows import DENSE_ROWS
from chainrule.native.dense_small import Matrix, small_dense
from chainrule.native.dense_work import Operand, Target, memory_for
from chainrule.native.emitter import Emitter
from chainrule.native.matmul import start_of
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.sizes import ONE, ZERO, product_of, size_of
from chainrule.native.stacks import joined, outer_strides, stack_shape
from chainrule.native.types import INT, POINTER, register

__all__ = ["emit_dense_stack"]

#: Multiplications from which on threads share a stack, and of a slice.
_SHARED, _SLICE = 1 << 17, 1 << 15
#: What a length that follows from n is taken to be when it is decided what a slice is.
_USUAL = 64
#: Rows and columns of matrices that have a lane each.
_STRAIGHT = (8, 8)
#: Multiplications that are written out for them: translating more takes a second.
_WRITTEN_OUT = 700
#: Bytes that a slice may have on its stack.
_STACK = 1 << 16


class _Stack:
    """What a kernel needs to know of an operation's operands and results.

    Attributes
    ----------
    accesses : list of Access
        Of the operands, then of the results.
    dtypes : list of numpy.dtype
        Theirs.
    lengths : tuple of Size
        Shape of the stack, with axes joined.
    strides : tuple of tuple of Size
        For each of its axes the entries from matrix to matrix in each of `accesses`.
    """

    def __init__(self, scene: Any, node: Node) -> None:
        operands = [scene.access(x) for x in node.inputs]
        dtypes: Any = node.dtype
        several = isinstance(dtypes, tuple)
        results = [scene.accesses[node, k] for k in range(len(dtypes))] if several else [scene.access(node)]
        self.node, self.dtype = node, dtypes[0] if several else dtypes
        self.is_number = node.op.name in _NUMBERS
        if self.is_number:
            results = [replace(x, shape=(*x.shape, ONE, ONE), strides=(*x.strides, ZERO, ZERO)) for x in results]
        self.count = len(operands)
        self.accesses = [*operands, *results]
        self.dtypes = [x.dtype for x in node.inputs] + [self.dtype] * len(results)
        lengths = stack_shape(*(x.shape[:-2] for x in operands))
        steps = zip(*(outer_strides(x, lengths) for x in self.accesses), strict=True)
        self.lengths, self.strides = joined(lengths, list(steps))
        self.total = product_of(self.lengths)

    @property
    def is_straight(self) -> bool:
        """True for straight code: for a single matrix as short as it can be, for one in each lane some longer."""
        if is_small_dense(self.node):
            return True
        return self._has_many and has_at_most(self.node, _STRAIGHT) and self.work() <= _WRITTEN_OUT

    @property
    def is_in_lanes(self) -> bool:
        """True where each lane has a matrix in memory."""
        return self._has_many and has_at_most(self.node, (MOST_ROWS_IN_LANES, 2 * MOST_ROWS_IN_LANES))

    @property
    def _has_many(self) -> bool:
        return len(self.lengths) == 1 and self.total.is_known and self.total.known() >= machine.lanes(self.dtype)

    def work(self) -> int:
        """Multiplications for one matrix, about."""
        columns = [x.shape[-1] for x in self.accesses[: self.count]]
        columns += columns[:1] if "inv" in self.node.op.name or "cofactors" in self.node.op.name else []
        rows, *more = (length.known() if length.is_known else _USUAL for length in columns)
        return rows * rows * (rows + sum(more))


_NUMBERS = frozenset({"np.linalg.det", "np.linalg.slogdet", "det_by_lu", "slogdet_by_lu"})


def emit_dense_stack(scene: Any, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Write an operation on stacks of matrices, as a kernel of `chainrule.native.kernels.KERNELS`."""
    stack = _Stack(scene, node)
    trouble = base(TROUBLE)
    pointers = [start_of(e, n, x, dtype, base) for x, dtype in zip(stack.accesses, stack.dtypes, strict=True)]
    total = stack.total.emit(e, n)
    known = stack.total.known() if stack.total.is_known else _USUAL * _USUAL
    work = stack.work()
    if stack.is_straight or stack.is_in_lanes:
        write: Any = _straight if stack.is_straight else _in_lanes
    else:
        size = memory_for(node)
        on_stack = size.is_known and size.known() * stack.dtype.itemsize <= _STACK
        if not on_stack:
            scene.own((node, "scratch"), (size,), stack.dtype)
            _through_memory(e, stack, n, pointers, trouble, (e.int(0), total), base((node, "scratch")))
            return
        write = _through_memory
    if known * (work + 16) < _SHARED:
        write(e, stack, n, pointers, trouble, (e.int(0), total))
        return
    each = max(1, _SLICE // (work + 16))
    lanes = machine.lanes(stack.dtype)
    each = -(-each // lanes) * lanes if write is not _through_memory else each
    inner, (*values, at, words), number = slice_function(
        e.module, f"{e.b.function.name}.slice", [*[POINTER] * len(pointers), POINTER, INT]
    )
    start = inner.b.mul(number, inner.int(each))
    whole = stack.total.emit(inner, words)
    stop = inner.b.add(start, inner.int(each))
    stop = inner.b.select(inner.b.icmp_signed("<", stop, whole), stop, whole)
    write(inner, stack, words, values, at, (start, stop))
    inner.b.ret_void()
    count = e.b.sdiv(e.b.add(total, e.int(each - 1)), e.int(each))
    context = context_of(e, [*pointers, trouble, n])
    with e.b.if_else(e.b.icmp_signed(">", count, e.int(1))) as (many, few):
        with many:
            emit_parallel(e, inner.b.function, context, count)
        with few, e.b.if_then(e.b.icmp_signed("==", count, e.int(1))):
            e.b.call(inner.b.function, [context, e.int(0)])


_Range = tuple[ir.Value, ir.Value]


def _of_matrix(e: Emitter, stack: _Stack, n: ir.Value, pointers: Sequence[ir.Value], number: ir.Value) -> Any:
    """Where a matrix of each operand and result begins."""
    for position in reversed(range(len(stack.lengths))):
        index = number
        if position:
            length = stack.lengths[position].emit(e, n)
            index, number = e.b.srem(number, length), e.b.sdiv(number, length)
        steps = (step.emit(e, n) for step in stack.strides[position])
        pointers = [
            e.address(x, e.b.mul(index, step), dtype)
            for x, step, dtype in zip(pointers, steps, stack.dtypes, strict=True)
        ]
    return pointers


# In registers


def _straight(
    e: Emitter, stack: _Stack, n: ir.Value, pointers: Sequence[ir.Value], trouble: ir.Value, part: _Range
) -> None:
    lanes = machine.lanes(stack.dtype)
    total = stack.total.known() if stack.total.is_known else None
    start, stop = part
    if len(stack.lengths) != 1 or (total is not None and total < lanes):
        with e.loop(start, stop) as loop:
            _entries(e, stack, n, _of_matrix(e, stack, n, pointers, loop.index), trouble, 1)
        return

    def by_vectors() -> None:
        # The last vector begins so that it ends with the stack: what is computed twice comes out the same.
        last = e.b.sub(stack.total.emit(e, n), e.int(lanes))
        with e.loop(start, stop, lanes) as loop:
            first = e.b.select(e.b.icmp_signed("<", loop.index, last), loop.index, last)
            _entries(e, stack, n, _of_matrix(e, stack, n, pointers, first), trouble, lanes)

    if total is not None:
        by_vectors()
        return
    whole = stack.total.emit(e, n)
    with e.b.if_else(e.b.icmp_signed(">=", whole, e.int(lanes))) as (many, few):
        with many:
            by_vectors()
        with few, e.loop(start, stop) as loop:
            _entries(e, stack, n, _of_matrix(e, stack, n, pointers, loop.index), trouble, 1)


def _entries(
    e: Emitter, stack: _Stack, n: ir.Value, pointers: Sequence[ir.Value], trouble: ir.Value, lanes: int
) -> None:
    """One matrix, or one in each lane."""
    between = stack.strides[0] if lanes > 1 else (ZERO,) * len(pointers)

    def place(k: int, i: int, j: int) -> ir.Value:
        row, column = stack.accesses[k].strides[-2:]
        step = (row * size_of(i) + column * size_of(j)).emit(e, n)
        return e.address(pointers[k], step, stack.dtypes[k])

    def entry(k: int, i: int, j: int) -> ir.Value:
        dtype, step = stack.dtypes[k], between[k]
        if step == ZERO:
            return e.splat(e.convert(e.load(place(k, i, j), e.int(0), dtype), dtype, stack.dtype), lanes)
        found = e.gather(place(k, i, j), e.int(0), step.emit(e, n), dtype, lanes)
        return e.convert(found, dtype, stack.dtype)

    def matrix(k: int) -> Matrix:
        rows, columns = (length.known() for length in stack.accesses[k].shape[-2:])
        return [[entry(k, i, j) for j in range(columns)] for i in range(rows)]

    results, doubt = small_dense(e, stack.node, stack.dtype, *map(matrix, range(stack.count)))
    for k, result in enumerate(results, stack.count):
        for i, line in enumerate(result):
            for j, x in enumerate(line):
                if lanes > 1:
                    e.scatter(x, place(k, i, j), e.int(0), between[k].emit(e, n), stack.dtype)
                else:
                    e.store(x, place(k, i, j), e.int(0), stack.dtype)
    if lanes > 1:
        bits = ir.IntType(lanes)
        doubt = e.b.icmp_unsigned("!=", e.b.bitcast(doubt, bits), ir.Constant(bits, 0))
    with e.b.if_then(doubt, likely=False):
        e.b.store(e.int(1), trouble)


# In lanes, from memory


def _in_lanes(
    e: Emitter, stack: _Stack, n: ir.Value, pointers: Sequence[ir.Value], trouble: ir.Value, part: _Range
) -> None:
    start, stop = part
    lanes = machine.lanes(stack.dtype)
    steps = [step.emit(e, n) for step in stack.strides[0]]

    def place(k: int, pointer: ir.Value, i: ir.Value, j: ir.Value) -> ir.Value:
        row, column = (step.emit(e, n) for step in stack.accesses[k].strides[-2:])
        return e.address(pointer, e.b.add(e.b.mul(i, row), e.b.mul(j, column)), stack.dtypes[k])

    def read(k: int, pointer: ir.Value) -> Entries:
        found = Entries(e, stack.dtype, *(length.known() for length in stack.accesses[k].shape[-2:]))
        with e.loop(e.int(0), e.int(found.rows)) as i, e.loop(e.int(0), e.int(found.columns)) as j:
            entries = e.gather(place(k, pointer, i.index, j.index), e.int(0), steps[k], stack.dtypes[k], lanes)
            found.put(e.convert(entries, stack.dtypes[k], stack.dtype), i.index, j.index)
        return found

    # The last vector begins so that it ends with the stack: what is computed twice comes out the same.
    last = e.int(stack.total.known() - lanes)
    with e.loop(start, stop, lanes) as loop:
        first = e.b.select(e.b.icmp_signed("<", loop.index, last), loop.index, last)
        here = _of_matrix(e, stack, n, pointers, first)
        operands = [read(k, here[k]) for k in range(stack.count)]
        results, doubt = dense_in_lanes(e, stack.node, stack.dtype, *operands)
        for k, found in enumerate(results, stack.count):
            with e.loop(e.int(0), e.int(found.rows)) as i, e.loop(e.int(0), e.int(found.columns)) as j:
                where = place(k, here[k], i.index, j.index)
                e.scatter(found.get(i.index, j.index), where, e.int(0), steps[k], stack.dtype)
        bits = ir.IntType(lanes)
        doubt = e.b.icmp_unsigned("!=", e.b.bitcast(doubt, bits), ir.Constant(bits, 0))
        with e.b.if_then(doubt, likely=False):
            e.b.store(e.int(1), trouble)


# Through memory


def _through_memory(
    e: Emitter,
    stack: _Stack,
    n: ir.Value,
    pointers: Sequence[ir.Value],
    trouble: ir.Value,
    part: _Range,
    scratch: ir.Value | None = None,
) -> None:
    if scratch is None:
        scratch = e.b.bitcast(e.b.alloca(register(stack.dtype), memory_for(stack.node).known()), POINTER)
    write: Callable[..., ir.Value] = DENSE_ROWS[stack.node.op.name]

    def operand(k: int, pointer: ir.Value) -> Operand:
        x: Access = stack.accesses[k]
        sizes = (length.emit(e, n) for length in (*x.shape[-2:], *x.strides[-2:]))
        return Operand(pointer, stack.dtypes[k], *sizes)

    with e.loop(*part) as loop:
        here = _of_matrix(e, stack, n, pointers, loop.index)
        target = Target(stack.dtype, scratch, here[stack.count :])
        operands = [operand(k, here[k]) for k in range(stack.count)]
        doubt = write(e, stack.node, target, *operands)
        with e.b.if_then(doubt, likely=False):
            e.b.store(e.int(1), trouble)
