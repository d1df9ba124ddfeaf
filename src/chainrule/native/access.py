"""Where the entries of a value stand in memory, and the operations that only change that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.sizes import ONE, ZERO, Size, contiguous, size_of

__all__ = [
    "Access",
    "aligned",
    "has_form",
    "picked_shape",
    "shape_sizes",
    "slice_length",
    "slice_start",
    "strangers",
    "views_of",
]


@dataclass(frozen=True)
class Access:
    """An array in memory: entry (i, j, ...) stands at ``offset + i strides[0] + j strides[1] + ...``.

    Attributes
    ----------
    buffer : object
        What holds the entries: the node that was computed into it, or a constant array's place.
    shape : tuple of Size
        Lengths of the axes.
    strides : tuple of Size
        In entries.
    offset : Size
        In entries.
    """

    buffer: Any
    shape: tuple[Size, ...]
    strides: tuple[Size, ...]
    offset: Size = ZERO

    @staticmethod
    def whole(buffer: Any, shape: tuple[Size, ...]) -> "Access":
        """A buffer of its own, the last axis running fastest."""
        return Access(buffer, shape, contiguous(shape))

    @property
    def is_contiguous(self) -> bool:
        """True where the entries stand side by side, the last axis running fastest."""
        return all(
            stride == dense or length == ONE
            for stride, dense, length in zip(self.strides, contiguous(self.shape), self.shape, strict=True)
        )


def shape_sizes(shape: tuple[Any, ...]) -> tuple[Size, ...]:
    """A node's shape as sizes; a length that only a run tells counts as 0."""
    return tuple(ZERO if length is None else size_of(length) for length in shape)


def has_form(x: Any, *, lengths: bool = True) -> bool:
    """Say whether a value has a form in machine code.

    Parameters
    ----------
    x : Node, array or number
        The value; of a node with several outputs all of them.
    lengths : bool
        Whether a length that only a run tells counts against it.

    Returns
    -------
    bool
        False for complex numbers, floats of 16 or 128 bits, and lengths that are not known.
    """
    if isinstance(x, Node) and isinstance(x.dtype, tuple):
        return all(map(_has_form, x.dtype)) and not (lengths and any(None in shape for shape in x.shape))
    if isinstance(x, Node):
        return _has_form(x.dtype) and not (lengths and None in x.shape)
    return _has_form(x.dtype) if hasattr(x, "dtype") else not isinstance(x, complex)


def _has_form(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8))


def strangers(graph: Graph) -> set[Node]:
    """Find the operations that make or read a value without a form in machine code.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    set of Node
        They run through NumPy.
    """
    return {
        node
        for node in graph.nodes
        if node.op.name != "output" and not (has_form(node) and all(map(has_form, node.inputs)))
    }


def aligned(access: Access, shape: tuple[Size, ...]) -> tuple[Size, ...]:
    """Strides with which an array is read in a loop over a shape that it broadcasts to."""
    missing = len(shape) - len(access.shape)
    return (ZERO,) * missing + tuple(
        ZERO if here == ONE and there != ONE else stride
        for here, there, stride in zip(access.shape, shape[missing:], access.strides, strict=True)
    )


def views_of(graph: Graph, known: Mapping[Node, Access] | None = None) -> dict[Node, Access]:
    """Find the operations that move no entries, and where the entries of their results stand.

    Parameters
    ----------
    graph : Graph
        Everything but a view is taken to stand in a buffer of its own.
    known : mapping, optional
        Inputs that stand elsewhere.

    Returns
    -------
    dict of Node to Access
        What is missing has to be computed.
    """
    found: dict[Node, Access] = {}
    outside, known = strangers(graph), known or {}
    for node in graph.nodes:
        if node.op.name not in _MOVING or len(node.inputs) != 1 or node in outside:
            continue
        (x,) = node.inputs
        if isinstance(x, Node):
            source = found.get(x) or known.get(x) or Access.whole(x, shape_sizes(x.shape))
        elif isinstance(x, np.ndarray) and x.ndim:
            source = Access.whole(id(x), shape_sizes(x.shape))
        else:
            continue
        view = _viewed(node, source)
        if view is not None:
            found[node] = view
    return found


_MOVING = frozenset({"np.transpose", "np.reshape", "np.broadcast_to", "index"})


def _viewed(node: Node, source: Access) -> Access | None:
    shape = shape_sizes(node.shape)
    name = node.op.name
    if name == "np.transpose":
        axes = node.params["axes"]
        return replace(source, shape=shape, strides=tuple(source.strides[k] for k in axes))
    if name == "np.broadcast_to":
        return replace(source, shape=shape, strides=aligned(source, shape))
    if name == "np.reshape":
        return _reshaped(source, shape)
    return _indexed(source, shape, node.params["template"])


def _reshaped(source: Access, shape: tuple[Size, ...]) -> Access | None:
    if source.is_contiguous:
        return replace(source, shape=shape, strides=contiguous(shape))
    kept = [(length, stride) for length, stride in zip(source.shape, source.strides, strict=True) if length != ONE]
    if [length for length, _ in kept] != [length for length in shape if length != ONE]:
        return None
    strides = iter([stride for _, stride in kept])
    return replace(source, shape=shape, strides=tuple(ZERO if length == ONE else next(strides) for length in shape))


def _indexed(source: Access, shape: tuple[Size, ...], template: tuple[Any, ...]) -> Access | None:
    used = sum(part is not None and part is not Ellipsis for part in template)
    if Ellipsis not in template:
        template = (*template, Ellipsis)
    strides: list[Size] = []
    offset = source.offset
    axis = 0
    for part in template:
        if part is None:
            strides.append(ZERO)
        elif part is Ellipsis:
            rest = len(source.shape) - used
            strides += source.strides[axis : axis + rest]
            axis += rest
        elif isinstance(part, slice):
            step = 1 if part.step is None else part.step
            start = slice_start(part.start, step, source.shape[axis])
            if start is None:
                return None
            offset = offset + start * source.strides[axis]
            strides.append(source.strides[axis] * size_of(step))
            axis += 1
        elif isinstance(part, bool):
            return None
        else:
            place = size_of(part)
            is_last = place.is_known and place.known() < 0
            offset = offset + (source.shape[axis] + place if is_last else place) * source.strides[axis]
            axis += 1
    return Access(source.buffer, shape, tuple(strides), offset)


def slice_start(start: Any, step: int, length: Size) -> Size | None:
    """Where a slice begins; None where that depends on n by more than a formula."""
    if start is None:
        return ZERO if step > 0 else length + size_of(-1)
    place = size_of(start)
    if not place.is_known:
        return place
    if length.is_known:
        begin, _, _ = slice(start, None, step).indices(length.known())
        return size_of(begin)
    if place.known() < 0:
        return length + place
    return place if step > 0 else None


def picked_shape(shape: tuple[Size, ...], template: tuple[Any, ...], arrays: tuple[Size, ...]) -> Any:
    """Shape of what an index expression picks.

    Parameters
    ----------
    shape : tuple of Size
        Of the array.
    template : tuple
        The expression, with a mark where each index array stands.
    arrays : tuple of Size
        The shape that the index arrays broadcast to.

    Returns
    -------
    tuple of Size, or None
        None where that is no formula in n.
    """
    used = sum(part is not None and part is not Ellipsis for part in template)
    template = template if Ellipsis in template else (*template, Ellipsis)
    parts: list[Any] = []
    for part in template:
        parts += [slice(None)] * (len(shape) - used) if part is Ellipsis else [part]
    advanced = [k for k, part in enumerate(parts) if part is not None and not isinstance(part, slice)]
    marks = [k for k in advanced if not isinstance(parts[k], (int, np.integer))]
    together = bool(marks) and advanced == list(range(advanced[0], advanced[-1] + 1))
    lengths: list[Size] = [] if together or not marks else list(arrays)
    axis = 0
    for k, part in enumerate(parts):
        if together and k == advanced[0]:
            lengths += arrays
        if part is None:
            lengths.append(ONE)
            continue
        if isinstance(part, slice):
            length = slice_length(part, shape[axis])
            if length is None:
                return None
            lengths.append(length)
        axis += 1
    return tuple(lengths)


def slice_length(part: slice, length: Size) -> Size | None:
    """How many entries a slice picks; None where that depends on n by more than a formula."""
    if length.is_known:
        return size_of(len(range(*part.indices(length.known()))))
    if part.step not in (None, 1, -1):
        return None
    if part.step == -1:
        return length if part.start is None and part.stop is None else None
    start = slice_start(part.start, 1, length)
    stop = length if part.stop is None else slice_start(part.stop, 1, length)
    return None if start is None or stop is None else stop + start * size_of(-1)
