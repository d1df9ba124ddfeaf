"""Operations that run in loops of their own: what moves entries by index, and what runs along an axis."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.access import Access, has_form, picked_shape, shape_sizes
from chainrule.native.emitter import Emitter
from chainrule.native.matmul import emit_matmul, factors_of
from chainrule.native.random import RANDOM
from chainrule.native.sizes import ONE, Size, size_of
from chainrule.native.stacks import emit_stack, stack_of
from chainrule.native.types import is_float, register
from chainrule.ops.axes import normalize_axes
from chainrule.ops.products import split_subscripts
from chainrule.ops.shapes import SLOT

__all__ = ["KERNELS", "TROUBLE", "WITHOUT", "Array", "Picker", "Scene", "can_run", "nest", "operand"]

_INTEGER = np.dtype(np.int64)

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


def _result(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> Array:
    return Array(e, n, scene.access(node), node.dtype, base)


def _copy(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """A reshape of what does not stand side by side: its entries one after the other."""
    source = Array(e, n, scene.access(node.inputs[0]), node.dtype, base)
    target = base(scene.access(node).buffer)
    place = _Counter(e)
    place.reset()

    def one(index: list[ir.Value]) -> None:
        e.store(source.load(index), target, place.following(), node.dtype)

    nest(e, source.shape, one)


class _Counter:
    """A running number in memory of the function, so that loops need not carry it; made before them."""

    def __init__(self, e: Emitter) -> None:
        self._e = e
        self._cell = e.b.alloca(ir.IntType(64))

    def reset(self) -> None:
        """Start from 0."""
        self._e.b.store(self._e.int(0), self._cell)

    def following(self) -> ir.Value:
        """The number, which then goes up by one."""
        now = self._e.b.load(self._cell, typ=ir.IntType(64))
        self._e.b.store(self._e.b.add(now, self._e.int(1)), self._cell)
        return now


def _concatenate(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    result = _result(scene, e, n, node, base)
    axis = node.params["axis"] % len(node.shape)
    start: ir.Value = e.int(0)
    for part in node.inputs:
        source = Array(e, n, scene.access(part), part.dtype, base)

        def one(index: list[ir.Value], source: Array = source, start: ir.Value = start) -> None:
            there = [e.b.add(i, start) if k == axis else i for k, i in enumerate(index)]
            result.store(e.convert(source.load(index), source.dtype, node.dtype), there)

        nest(e, source.shape, one)
        start = e.b.add(start, source.shape[axis])


def _pad(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    result = _result(scene, e, n, node, base)
    zero = e.const(0, register(node.dtype))
    nest(e, result.shape, lambda index: result.store(zero, index))
    source = Array(e, n, scene.access(node.inputs[0]), node.dtype, base)
    before = [size_of(width[0]).emit(e, n) for width in node.params["widths"]]
    nest(
        e,
        source.shape,
        lambda index: result.store(
            source.load(index), [e.b.add(i, start) for i, start in zip(index, before, strict=True)]
        ),
    )


class Picker:
    """An index expression with arrays in it: which entries of an array it picks, in NumPy's order of axes.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    template : tuple
        The expression, with a mark where each index array stands.
    readers : sequence of callable
        For each index array, from an index of what they broadcast to an entry of it.
    rank : int
        Number of axes that they broadcast to.
    whole : sequence of Size
        Shape of the array.
    trouble : Value
        Where a 1 is written if an index is out of range.
    """

    def __init__(
        self,
        e: Emitter,
        n: ir.Value,
        template: tuple[Any, ...],
        readers: Sequence[Callable[[Sequence[ir.Value]], ir.Value]],
        rank: int,
        whole: Sequence[Size],
        trouble: ir.Value,
    ) -> None:
        self._e, self._n, self.rank, self._trouble = e, n, rank, trouble
        self._whole = [length.emit(e, n) for length in whole]
        used = sum(part is not None and part is not Ellipsis for part in template)
        if Ellipsis not in template:
            template = (*template, Ellipsis)
        parts: list[Any] = []
        for part in template:
            parts += [slice(None)] * (len(whole) - used) if part is Ellipsis else [part]
        self._parts = parts
        remaining = iter(readers)
        self._readers = [next(remaining) if part is SLOT else None for part in parts]
        places = [k for k, part in enumerate(parts) if part is SLOT or isinstance(part, (int, np.integer))]
        # Index arrays side by side put their axes where the first of them stands, others at the front.
        together = bool(places) and places == list(range(places[0], places[-1] + 1))
        self._front = places[0] if together and readers else 0

    def entry(self, index: Sequence[ir.Value]) -> list[ir.Value]:
        """The index in the whole array of an entry of what is picked."""
        e = self._e
        picked = list(index[self._front : self._front + self.rank])
        rest = iter([*index[: self._front], *index[self._front + self.rank :]])
        found = []
        axis = 0
        for part, reader in zip(self._parts, self._readers, strict=True):
            if part is None:
                next(rest)
                continue
            length = self._whole[axis]
            axis += 1
            if reader is not None:
                found.append(self._within(self._from_start(reader(picked), length), length))
            elif isinstance(part, slice):
                found.append(self._along(part, next(rest), length))
            else:
                found.append(self._from_start(e.int(int(part)), length))
        return found

    def _from_start(self, i: ir.Value, length: ir.Value) -> ir.Value:
        """An index counted from the start."""
        b = self._e.b
        return b.select(b.icmp_signed("<", i, self._e.int(0)), b.add(i, length), i)

    def _within(self, i: ir.Value, length: ir.Value) -> ir.Value:
        """An index that is out of bounds is noted, and does not lead to other memory."""
        b = self._e.b
        fits = b.icmp_unsigned("<", i, length)
        with b.if_then(b.not_(fits), likely=False):
            b.store(self._e.int(1), self._trouble)
        return b.select(fits, i, self._e.int(0))

    def _along(self, part: slice, i: ir.Value, length: ir.Value) -> ir.Value:
        e = self._e
        step = 1 if part.step is None else part.step
        if part.start is None:
            start: ir.Value = e.int(0) if step > 0 else e.b.sub(length, e.int(1))
        else:
            start = self._from_start(size_of(part.start).emit(e, self._n), length)
        return e.b.add(start, e.b.mul(i, e.int(step)))


def _picker(
    scene: Scene,
    e: Emitter,
    n: ir.Value,
    template: tuple[Any, ...],
    arrays: Sequence[Any],
    whole: Sequence[Size],
    base: Any,
) -> Picker:
    """An index expression whose arrays stand in memory."""
    readers = [operand(scene, e, n, a, base, _INTEGER) for a in arrays]
    rank = max((len(a.shape) if isinstance(a, Node) else np.ndim(a) for a in arrays), default=0)
    return Picker(e, n, template, readers, rank, whole, base(TROUBLE))


def _gather(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    source, *arrays = node.inputs
    result = _result(scene, e, n, node, base)
    whole = Array(e, n, scene.access(source), source.dtype, base)
    pick = _picker(scene, e, n, node.params["template"], arrays, whole.access.shape, base)
    nest(e, result.shape, lambda index: result.store(whole.load(pick.entry(index)), index))


def _scatter_add(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    g, *arrays = node.inputs
    result = _result(scene, e, n, node, base)
    zero = e.const(0, register(node.dtype))
    nest(e, result.shape, lambda index: result.store(zero, index))
    part = Array(e, n, scene.access(g), g.dtype, base)
    pick = _picker(scene, e, n, node.params["template"], arrays, result.access.shape, base)

    def one(index: list[ir.Value]) -> None:
        there = pick.entry(index)
        before, x = result.load(there), part.load(index)
        result.store(e.b.fadd(before, x) if is_float(x.type) else e.b.add(before, x), there)

    nest(e, part.shape, one)


def _assign(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    source, item, *arrays = node.inputs
    result = _result(scene, e, n, node, base)
    before = operand(scene, e, n, source, base, node.dtype)
    nest(e, result.shape, lambda index: result.store(before(index), index))
    pick = _picker(scene, e, n, node.params["template"], arrays, result.access.shape, base)
    read = operand(scene, e, n, item, base, node.dtype)
    picked = [length.emit(e, n) for length in _picked(node) or ()]
    nest(e, picked, lambda index: result.store(read(index), pick.entry(index)))


def _picked(node: Node) -> Any:
    """Shape of what an assignment writes to; None where it is not a formula in n."""
    shapes = [shape_sizes(x.shape if isinstance(x, Node) else np.shape(x)) for x in node.inputs[2:]]
    return picked_shape(shape_sizes(node.shape), node.params["template"], _broadcast(shapes))


def _broadcast(shapes: Sequence[tuple[Size, ...]]) -> tuple[Size, ...]:
    rank = max((len(shape) for shape in shapes), default=0)
    columns = zip(*((ONE,) * (rank - len(shape)) + shape for shape in shapes), strict=True)
    return tuple(next((length for length in column if length != ONE), ONE) for column in columns)


def _running(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Cumulative sums and products, along one axis."""
    result = _result(scene, e, n, node, base)
    source = Array(e, n, scene.access(node.inputs[0]), node.inputs[0].dtype, base)
    axis = node.params["axis"]
    axis = (0 if axis is None else axis) % max(len(result.shape), 1)
    kind = register(node.dtype)
    multiply = node.op.name == "np.cumprod"
    others = [length for k, length in enumerate(source.shape) if k != axis]

    def along(index: list[ir.Value]) -> None:
        with e.loop(e.int(0), source.shape[axis], carried=[e.const(int(multiply), kind)]) as loop:
            here = [*index[:axis], loop.index, *index[axis:]]
            x = e.convert(source.load(here), source.dtype, node.dtype)
            names = ("fmul", "mul") if multiply else ("fadd", "add")
            total = getattr(e.b, names[not is_float(kind)])(loop.carry[0], x)
            result.store(total, here)
            loop.carry = [total]

    nest(e, others, along)


def _arg_extreme(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Where the largest or smallest entry stands; the first of several, and of NaNs the first."""
    source = Array(e, n, scene.access(node.inputs[0]), node.inputs[0].dtype, base)
    axes = normalize_axes(node.params.get("axis"), len(source.shape))
    result = _result(scene, e, n, node, base)
    b, dtype = e.b, source.dtype
    sign = ">" if node.op.name == "np.argmax" else "<"
    reduced = [source.shape[k] for k in axes]
    kept = [length for k, length in enumerate(source.shape) if k not in axes]
    keeps = len(result.shape) == len(source.shape)

    best, where, place = b.alloca(register(dtype)), b.alloca(ir.IntType(64)), _Counter(e)

    def one(outer: list[ir.Value]) -> None:
        place.reset()
        b.store(e.int(-1), where)

        def look(inner: list[ir.Value]) -> None:
            rest, found = iter(outer), iter(inner)
            index = [next(found) if k in axes else next(rest) for k in range(len(source.shape))]
            x, now = source.load(index), place.following()
            before = b.load(best, typ=register(dtype))
            first = b.icmp_signed("<", b.load(where, typ=ir.IntType(64)), e.int(0))
            if dtype.kind == "f":
                better = b.fcmp_ordered(sign, x, before)
                nan = b.and_(b.fcmp_unordered("uno", x, x), b.fcmp_ordered("ord", before, before))
                better = b.or_(better, nan)
            else:
                better = (b.icmp_signed if dtype.kind == "i" else b.icmp_unsigned)(sign, x, before)
            with b.if_then(b.or_(first, better)):
                b.store(x, best)
                b.store(now, where)

        nest(e, reduced, look)
        rest = iter(outer)
        there = [e.int(0) if k in axes else next(rest) for k in range(len(source.shape))] if keeps else outer
        result.store(b.load(where, typ=ir.IntType(64)), there)

    nest(e, kept, one)


def _matmul(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """A product: in tiles, or entry by entry where there is no such form."""
    factors = factors_of(node, scene.access)
    if factors is not None:
        emit_matmul(scene, e, n, node, factors, scene.access(node), base, f"{e.b.function.name}.slice")
        return
    stack = stack_of(node, scene.access)
    if stack is not None:
        emit_stack(scene, e, n, node, stack, scene.access(node), base, f"{e.b.function.name}.slice")
        return
    x, y = node.inputs
    result = _result(scene, e, n, node, base)
    kind, dtype = register(node.dtype), node.dtype
    left, right = (Array(e, n, scene.access(source), source.dtype, base) for source in (x, y))
    ranks = len(left.shape), len(right.shape)
    length = left.shape[-1]

    def one(index: list[ir.Value]) -> None:
        columns = index[-1:] if ranks[1] > 1 else []
        stack = index[: len(index) - len(columns)]
        rows = stack[-1:] if ranks[0] > 1 else []
        stack = stack[: len(stack) - len(rows)]
        with e.loop(e.int(0), length, carried=[e.const(0, kind)]) as loop:
            i = loop.index
            a = left.load([*stack[len(stack) - max(ranks[0] - 2, 0) :], *rows, i])
            b = right.load([*stack[len(stack) - max(ranks[1] - 2, 0) :], i, *columns])
            a, b = e.convert(a, left.dtype, dtype), e.convert(b, right.dtype, dtype)
            if is_float(kind):
                loop.carry = [e.fma(a, b, loop.carry[0])]
            else:
                loop.carry = [e.b.add(e.b.mul(a, b), loop.carry[0])]
        result.store(loop.carry[0], index)

    nest(e, result.shape, one)


def _einsum(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """A sum of products, in loops over the axes of the result and, inside, over those that are summed."""
    terms, outer = split_subscripts(node.params["subscripts"])
    result = _result(scene, e, n, node, base)
    factors = [Array(e, n, scene.access(x), x.dtype, base) for x in node.inputs]
    lengths: dict[str, ir.Value] = {}
    for term, factor in zip(terms, factors, strict=True):
        for letter, length, size in zip(term, factor.shape, factor.access.shape, strict=True):
            if size != ONE or letter not in lengths:
                lengths[letter] = length
    inner = [letter for letter in lengths if letter not in outer]
    kind = register(node.dtype)

    def over(letters: list[str], index: dict[str, ir.Value], total: ir.Value) -> ir.Value:
        if letters:
            with e.loop(e.int(0), lengths[letters[0]], carried=[total]) as loop:
                loop.carry = [over(letters[1:], {**index, letters[0]: loop.index}, loop.carry[0])]
            return loop.carry[0]
        loaded = [factor.load([index[k] for k in term]) for term, factor in zip(terms, factors, strict=True)]
        *more, last = (e.convert(x, f.dtype, node.dtype) for x, f in zip(loaded, factors, strict=True))
        product: ir.Value = e.const(1, kind)
        for x in more:
            product = x if isinstance(product, ir.Constant) else _times(e, product, x)
        return e.fma(product, last, total) if is_float(kind) else e.b.add(e.b.mul(product, last), total)

    def one(index: list[ir.Value]) -> None:
        result.store(over(inner, dict(zip(outer, index, strict=True)), e.const(0, kind)), index)

    nest(e, result.shape, one)


def _times(e: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    return e.b.fmul(x, y) if is_float(x.type) else e.b.mul(x, y)


def _can_sum(node: Node) -> bool:
    """Of three and more factors NumPy chooses an order; only where they are small, one loop over all axes will do."""
    if not all(isinstance(x, (Node, np.ndarray)) for x in node.inputs) or node.dtype.kind == "b":
        return False
    terms, _ = split_subscripts(node.params["subscripts"])
    if len(terms) < 3:
        return True
    sizes = {k: n for term, x in zip(terms, node.inputs, strict=True) for k, n in zip(term, x.shape, strict=True)}
    return all(type(n) is int for n in sizes.values()) and math.prod(sizes.values()) <= _SMALL_SUM


#: Steps of a sum of products of three and more factors at most.
_SMALL_SUM = 1 << 12

#: Operations that run through NumPy, each with the reason.
WITHOUT: dict[str, str] = {
    "np.argsort": "NumPy sorts with vector instructions, and which of equal entries comes first is its own",
}

KERNELS: dict[str, Callable[[Any, Emitter, ir.Value, Node, Any], None]] = {
    "np.reshape": _copy,
    "np.concatenate": _concatenate,
    "np.pad": _pad,
    "index": _gather,
    "index_add": _scatter_add,
    "index_set": _assign,
    "np.cumsum": _running,
    "np.cumprod": _running,
    "np.argmax": _arg_extreme,
    "np.argmin": _arg_extreme,
    "np.matmul": _matmul,
    "np.einsum": _einsum,
    **RANDOM,
}


def can_run(node: Node) -> bool:
    """Say whether there is a native form of an operation that runs by itself."""
    name = node.op.name
    if name in RANDOM:
        return all(len(x.shape) == 1 for x in node.inputs)
    if name not in KERNELS or not has_form(node) or not all(map(has_form, node.inputs)):
        return False
    if name == "np.einsum":
        return _can_sum(node)
    if name.startswith("index") and any(getattr(x, "dtype", None) == np.dtype(bool) for x in node.inputs[1:]):
        return name == "index_set" and not _has_arrays(node) and _picked(node) is not None
    return name != "index_set" or _picked(node) is not None


def _has_arrays(node: Node) -> bool:
    return len(node.inputs) > 2
