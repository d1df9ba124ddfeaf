"""Which entries of a loop lie inside of windows."""

from collections.abc import Mapping, Sequence

import llvmlite.ir as ir

from chainrule.graph import Node
from chainrule.native.access import shape_sizes
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import Size, product_of
from chainrule.native.types import INT
from chainrule.native.windows import Bounds, Window, windows_of

__all__ = ["Inside", "WindowMasks"]

#: For the bounds of a window whether an entry, or each lane, is inside; what is missing or None is inside everywhere.
Inside = Mapping[Bounds, ir.Value | None]

_Limit = tuple[ir.Value, ir.Value]


#: Bytes of a page of memory.
_PAGE = 4096


def _is_far(bounds: Bounds, shape: tuple[Size, ...], itemsize: int) -> bool:
    """Whether what is read for an entry outside of a window may be on another page than what is inside."""
    reach = 0
    for axis, bound in enumerate(bounds):
        if bound is not None:
            sizes = *bound, product_of(shape[axis + 1 :]), shape[axis]
            if not all(size.is_known for size in sizes):
                return True
            start, stop, step, length = (size.known() for size in sizes)
            reach += max(start, length - stop) * step * itemsize
    return reach >= _PAGE


class WindowMasks:
    """The windows in a loop.

    Parameters
    ----------
    nodes : sequence of Node
        What the loop computes.

    Attributes
    ----------
    of : dict of Node to tuple of Window or None
        The operations among them that put parts together, and where these are; see `windows_of`.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.of: dict[Node, tuple[Window | None, ...]] = {
            node: found for node in nodes if (found := windows_of(node)) is not None
        }
        #: Those of windows that entries of the loop lie far outside of.
        self.far = {
            window.bounds
            for node, found in self.of.items()
            for window in found
            if window is not None and _is_far(window.bounds, shape_sizes(node.shape), node.dtype.itemsize)
        }
        #: The bounds along the axes of the loop, by those along the axes of the shape.
        self._bounds: dict[Bounds, Bounds] = {
            window.bounds: window.bounds for found in self.of.values() for window in found if window is not None
        }

    def can_merge(self, inner: int) -> bool:
        """Whether an axis can run as one with that before it, as far as windows are concerned."""
        return all(bounds[inner] is None for bounds in self._bounds)

    def merge(self, shape: tuple[Size, ...], merged: Sequence[Sequence[int]]) -> None:
        """Put the axes of each part together, of which windows may bound the first one alone."""

        def scaled(bound: tuple[Size, Size] | None, part: Sequence[int]) -> tuple[Size, Size] | None:
            rest = product_of(shape[k] for k in part[1:])
            return None if bound is None else (bound[0] * rest, bound[1] * rest)

        for key, bounds in self._bounds.items():
            self._bounds[key] = tuple(scaled(bounds[part[0]], part) for part in merged)

    def prepare(self, e: Emitter, n: tuple[ir.Value, ir.Value], first: ir.Value) -> None:
        """Compute the bounds before the loop; `first` is where its outermost axis starts to count."""
        self._e, self._first = e, first
        self._limits: dict[Bounds, list[_Limit | None]] = {
            key: [None if bound is None else self._limit(n, *bound) for bound in bounds]
            for key, bounds in self._bounds.items()
        }
        if self._limits:
            #: What is read in the place of a number that is not there.
            self.nowhere = e.b.alloca(INT)

    def _limit(self, n: tuple[ir.Value, ir.Value], start: Size, stop: Size) -> _Limit:
        """The first index of a window and its length, which for small n may come out below 0."""
        b, first = self._e.b, start.emit(self._e, n)
        length = b.sub(stop.emit(self._e, n), first)
        return first, b.select(b.icmp_signed(">", length, self._e.int(0)), length, self._e.int(0))

    def at(self, outside: Inside, axis: int, index: ir.Value) -> Inside:
        """Whether one index of an axis is inside, where those of the axes before are as `outside` says."""
        found = dict(outside)
        for key, limits in self._limits.items():
            limit = limits[axis]
            if limit is not None:
                here = self._compared(limit, axis, index, 1)
                before = found.get(key)
                found[key] = here if before is None else self._e.b.and_(before, here)
        return found

    def lanes(self, outside: Inside, index: ir.Value, lanes: int, *, in_core: bool) -> Inside:
        """Which lanes from an index of the last axis on are inside; in the core, all that `outside` lets be."""
        e = self._e
        found: dict[Bounds, ir.Value | None] = {}
        for key, limits in self._limits.items():
            inside = outside.get(key)
            inside = None if inside is None else e.splat(inside, lanes)
            if limits and limits[-1] is not None and not in_core:
                here = self._compared(limits[-1], len(limits) - 1, index, lanes)
                inside = here if inside is None else e.b.and_(inside, here)
            found[key] = inside
        return found

    def _compared(self, limit: _Limit, axis: int, index: ir.Value, lanes: int) -> ir.Value:
        e, (first, length) = self._e, limit
        place = e.b.sub(index if axis else e.b.add(index, self._first), first)
        if lanes > 1:
            numbers = ir.Constant(ir.VectorType(INT, lanes), [ir.Constant(INT, k) for k in range(lanes)])
            place = e.b.add(e.splat(place, lanes), numbers)
        return e.b.icmp_unsigned("<", place, e.splat(length, lanes))

    def core(self, whole: ir.Value, lanes: int) -> tuple[ir.Value, ir.Value] | None:
        """Where, in whole vectors of the last axis below `whole`, no window ends or begins; None for everywhere."""
        e, b = self._e, self._e.b
        found = [limits[-1] for limits in self._limits.values() if limits and limits[-1] is not None]
        if not found:
            return None
        is_first_axis = any(len(limits) == 1 for limits in self._limits.values())
        begin, end = e.int(0), whole

        def smaller(x: ir.Value, y: ir.Value) -> ir.Value:
            return b.select(b.icmp_signed("<", x, y), x, y)

        def larger(x: ir.Value, y: ir.Value) -> ir.Value:
            return b.select(b.icmp_signed("<", x, y), y, x)

        for start, length in found:
            start = b.sub(start, self._first) if is_first_axis else start
            begin = larger(begin, b.and_(b.add(start, e.int(lanes - 1)), e.int(-lanes)))
            end = smaller(end, b.and_(b.add(start, length), e.int(-lanes)))
        begin = smaller(begin, whole)
        return begin, larger(begin, end)
