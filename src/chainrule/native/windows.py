"""Arrays at a place in a larger one: a loop over the larger one reads what there is of them.

With entries a of lengths k in a whole of length n, from number l on, entry i of the whole is

    out[i] = a[i - l] if l <= i < l + k, else what the whole has there without a.

So what puts an array into zeros by a slice - the derivative of taking the slice -, a padding, a short concatenation and
an assignment to a slice are elementwise operations over the whole, and run in the loop that goes on with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.lengths import Length, Quotient
from chainrule.native.access import Access, shape_sizes, slice_length, slice_start
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import ONE, ZERO, Size, size_of

__all__ = ["Bounds", "Window", "put_together", "windows_of"]

#: Arrays that are put one after the other in a loop; each is one more read of every entry.
_MOST_PARTS = 4

_MINUS = size_of(-1)

#: Along each axis of a whole the first entry of a part and the one behind its last; None where it takes all of them.
Bounds = tuple[tuple[Size, Size] | None, ...]


@dataclass(frozen=True)
class Window:
    """Where a part stands in a whole.

    Attributes
    ----------
    bounds : Bounds
        Along each axis of the whole.
    axes : tuple of int or None
        For each axis of the whole that of the part, counted from its end; None where it has none.
    """

    bounds: Bounds
    axes: tuple[int | None, ...]

    def strides(self, access: Access) -> tuple[Size, ...]:
        """Strides with which the part is read along the axes of the whole."""
        return tuple(
            ZERO if axis is None or axis > len(access.shape) or access.shape[-axis] == ONE else access.strides[-axis]
            for axis in self.axes
        )

    def moved(self, access: Access) -> Access:
        """The part as if the whole began where it does: entries before it are not there."""
        offset = access.offset
        for bound, stride in zip(self.bounds, self.strides(access), strict=True):
            if bound is not None:
                offset = offset + bound[0] * stride * _MINUS
        return replace(access, offset=offset)


def windows_of(node: Node) -> tuple[Window | None, ...] | None:
    """Find where the inputs of an operation stand in its result.

    Parameters
    ----------
    node : Node
        Any operation.

    Returns
    -------
    tuple of Window or None
        For each input; None for one that is read at every entry. None in all where the operation does something else,
        or at places that are no formula in n.
    """
    rule = _RULES.get(node.op.name)
    if rule is None or isinstance(node.dtype, tuple) or None in node.shape:
        return None
    if any(isinstance(x, (Length, Quotient)) for x in node.inputs):
        return None
    found = rule(node)
    if found is None or any(window is not None and _misses(window, node) for window in found):
        return None
    return tuple(found)


def _misses(window: Window, node: Node) -> bool:
    """True where a part has no entry along an axis of one, for which there is no loop."""
    return any(
        b is not None and length == ONE for b, length in zip(window.bounds, shape_sizes(node.shape), strict=True)
    )


def _rank(x: Any) -> int:
    return len(x.shape) if hasattr(x, "shape") else 0


def _added(node: Node) -> Any:
    if len(node.inputs) != 1:
        return None
    found = _picked(node)
    return None if found is None else (found,)


def _assigned(node: Node) -> Any:
    if len(node.inputs) != 2:
        return None
    found = _picked(node)
    return None if found is None else (None, found)


def _picked(node: Node) -> Window | None:
    """Where the entries stand that an index expression of slices and numbers picks."""
    shape, template = shape_sizes(node.shape), node.params["template"]
    used = sum(part is not None and part is not Ellipsis for part in template)
    parts: list[Any] = []
    for part in template if Ellipsis in template else (*template, Ellipsis):
        parts += [slice(None)] * (len(shape) - used) if part is Ellipsis else [part]
    bounds: list[tuple[Size, Size] | None] = []
    axes: list[int | None] = []
    left = sum(part is None or isinstance(part, slice) for part in parts)
    if _rank(node.inputs[-1]) > left:
        return None
    for part in parts:
        if part is None:
            left -= 1
            continue
        found = _bound(part, shape[len(bounds)])
        if found is None:
            return None
        bounds.append(None if found == (ZERO, shape[len(bounds)]) else found)
        axes.append(left if isinstance(part, slice) else None)
        left -= isinstance(part, slice)
    return Window(tuple(bounds), tuple(axes))


def _bound(part: Any, length: Size) -> tuple[Size, Size] | None:
    if isinstance(part, slice):
        start, count = slice_start(part.start, 1, length), slice_length(part, length)
        return None if part.step not in (None, 1) or start is None or count is None else (start, start + count)
    if isinstance(part, (bool, np.bool_)) or not isinstance(part, (int, np.integer, Length)):
        return None
    place = size_of(part)
    place = length + place if place.is_known and place.known() < 0 else place
    return place, place + ONE


def _padded(node: Node) -> Any:
    (x,) = node.inputs
    if not isinstance(x, (Node, np.ndarray)):
        return None
    starts = [size_of(before) for before, _ in node.params["widths"]]
    return (_window(starts, shape_sizes(x.shape), shape_sizes(node.shape)),)


def _concatenated(node: Node) -> Any:
    if len(node.inputs) > _MOST_PARTS:
        return None
    axis = node.params["axis"] % len(node.shape)
    start = ZERO
    found = []
    for part in node.inputs:
        shape = shape_sizes(part.shape)
        starts = [start if k == axis else ZERO for k in range(len(shape))]
        found.append(_window(starts, shape, shape_sizes(node.shape)))
        start = start + shape[axis]
    return found


def _window(starts: Sequence[Size], part: tuple[Size, ...], whole: tuple[Size, ...]) -> Window:
    bounds = [(start, start + length) for start, length in zip(starts, part, strict=True)]
    full = [None if bound == (ZERO, length) else bound for bound, length in zip(bounds, whole, strict=True)]
    return Window(tuple(full), tuple(range(len(whole), 0, -1)))


_RULES: dict[str, Callable[[Node], Any]] = {
    "index_add": _added,
    "index_set": _assigned,
    "np.pad": _padded,
    "np.concatenate": _concatenated,
}


def put_together(e: Emitter, node: Node, values: Sequence[ir.Value], insides: Sequence[ir.Value | None]) -> ir.Value:
    """Write the instructions for entries of the whole.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    node : Node
        An operation with windows.
    values : sequence of Value
        What was read of each input, in the dtype of the result; 0 outside of its window.
    insides : sequence of Value or None
        Where that is inside; None for everywhere.

    Returns
    -------
    Value
        The entries.
    """
    *others, found = values
    if len(values) == 1:
        return found
    if node.op.name == "index_set":
        return found if insides[-1] is None else e.b.select(insides[-1], found, others[0])
    for value, inside in zip(others, insides, strict=False):
        found = value if inside is None else e.b.select(inside, value, found)
    return found
