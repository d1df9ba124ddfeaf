"""Operations that move entries by index: taking, putting and adding at places that an index expression picks."""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.access import Access, picked_shape, shape_sizes
from chainrule.native.arrays import TROUBLE, Array, Scene, along_rows, fill_zeros, nest, operand, result_of
from chainrule.native.computing import is_literal
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import ONE, Size, contiguous, product_of, size_of
from chainrule.native.types import is_float
from chainrule.ops.shapes import SLOT

__all__ = ["INDEXING", "Picker", "can_index"]

_INTEGER = np.dtype(np.int64)


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

    @property
    def whole_axes(self) -> int:
        """Number of last axes of which every entry is picked, in order, as the last axes of what is picked."""
        places = [k for k, reader in enumerate(self._readers) if reader is not None]
        rest = self._parts[places[-1] + 1 :] if places and self._front <= places[0] else []
        return len(rest) if all(part == slice(None) for part in rest) else 0

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


def _rows(pick: Picker, *accesses: Access) -> int:
    """Number of last axes that are moved as rows of entries side by side, in all of these arrays."""
    count = pick.whole_axes

    def stands_in_rows(x: Access) -> bool:
        dense = contiguous(x.shape[len(x.shape) - count :])
        return len(x.shape) >= count and x.strides[len(x.strides) - count :] == dense

    same = len({access.shape[len(access.shape) - count :] for access in accesses}) == 1
    return count if count and same and all(map(stands_in_rows, accesses)) else 0


def _length_of_rows(e: Emitter, n: ir.Value, access: Access, rows: int) -> ir.Value:
    return product_of(access.shape[len(access.shape) - rows :]).emit(e, n)


def _gather(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    source, *arrays = node.inputs
    result = result_of(scene, e, n, node, base)
    whole = Array(e, n, scene.access(source), source.dtype, base)
    pick = _picker(scene, e, n, node.params["template"], arrays, whole.access.shape, base)
    rows = _rows(pick, whole.access, result.access)
    if not rows:
        nest(e, result.shape, lambda index: result.store(whole.load(pick.entry(index)), index))
        return
    length, zeros = _length_of_rows(e, n, result.access, rows), [e.int(0)] * rows

    def one(index: list[ir.Value]) -> None:
        there = pick.entry([*index, *zeros])
        along_rows(e, result.address([*index, *zeros]), [whole.address(there)], length, node.dtype)

    nest(e, result.shape[:-rows], one)


def _scatter_add(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    g, *arrays = node.inputs
    result = result_of(scene, e, n, node, base)
    fill_zeros(e, n, result)
    read = operand(scene, e, n, g, base, node.dtype)
    # A number that stands in the program is no array in memory: it is added at one place.
    shape = [] if is_literal(g) else [length.emit(e, n) for length in scene.access(g).shape]
    pick = _picker(scene, e, n, node.params["template"], arrays, result.access.shape, base)

    def added(before: ir.Value, x: ir.Value) -> ir.Value:
        return e.b.fadd(before, x) if is_float(x.type) else e.b.add(before, x)

    def one(index: list[ir.Value]) -> None:
        there = pick.entry(index)
        result.store(added(result.load(there), read(index)), there)

    rows = 0 if is_literal(g) or g.dtype != node.dtype else _rows(pick, scene.access(g), result.access)
    if not rows:
        nest(e, shape, one)
        return
    source = Array(e, n, scene.access(g), g.dtype, base)
    length, zeros = _length_of_rows(e, n, result.access, rows), [e.int(0)] * rows

    def row(index: list[ir.Value]) -> None:
        there = result.address(pick.entry([*index, *zeros]))
        along_rows(e, there, [there, source.address([*index, *zeros])], length, node.dtype, added)

    nest(e, shape[:-rows], row)


def _assign(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    source, item, *arrays = node.inputs
    result = result_of(scene, e, n, node, base)
    _copied(scene, e, n, source, result, base)
    pick = _picker(scene, e, n, node.params["template"], arrays, result.access.shape, base)
    read = operand(scene, e, n, item, base, node.dtype)
    picked = [length.emit(e, n) for length in _picked(node) or ()]
    nest(e, picked, lambda index: result.store(read(index), pick.entry(index)))


def _copied(scene: Scene, e: Emitter, n: ir.Value, source: Any, result: Array, base: Any) -> None:
    """Write an array into the result."""
    if not is_literal(source) and source.dtype == result.dtype:
        x = Array(e, n, scene.access(source), source.dtype, base)
        if x.access.shape == result.access.shape and x.access.is_contiguous:
            along_rows(e, result.pointer, [x.pointer], product_of(x.access.shape).emit(e, n), result.dtype)
            return
    before = operand(scene, e, n, source, base, result.dtype)
    nest(e, result.shape, lambda index: result.store(before(index), index))


def _picked(node: Node) -> Any:
    """Shape of what an assignment writes to; None where it is not a formula in n."""
    shapes = [shape_sizes(x.shape if isinstance(x, Node) else np.shape(x)) for x in node.inputs[2:]]
    return picked_shape(shape_sizes(node.shape), node.params["template"], _broadcast(shapes))


def _broadcast(shapes: Sequence[tuple[Size, ...]]) -> tuple[Size, ...]:
    rank = max((len(shape) for shape in shapes), default=0)
    columns = zip(*((ONE,) * (rank - len(shape)) + shape for shape in shapes), strict=True)
    return tuple(next((length for length in column if length != ONE), ONE) for column in columns)


INDEXING: dict[str, Callable[[Any, Emitter, ir.Value, Node, Any], None]] = {
    "index": _gather,
    "index_add": _scatter_add,
    "index_set": _assign,
}


def can_index(node: Node) -> bool:
    """Say whether there is a native form: how many entries a mask picks only a run tells."""
    sets = node.op.name == "index_set"
    if any(getattr(x, "dtype", None) == np.dtype(bool) for x in node.inputs[2 if sets else 1 :]):
        return False
    return not sets or _picked(node) is not None
