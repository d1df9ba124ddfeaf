"""Operations that move entries without computing on them, as ONNX operators."""

from typing import Any

import numpy as np

from chainrule.bridges.onnx_graph import Writer, dtype_of, refusal
from chainrule.graph import Node
from chainrule.lengths import Length
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import SLOT

__all__ = ["broadcast", "concatenate", "index", "pad", "reshape", "transpose"]

_END = np.iinfo(np.int64).max


def reshape(w: Writer, node: Node) -> str:
    """``np.reshape``."""
    name, shape = w.as_it_is(node.inputs[0]), node.params["shape"]
    if sum(isinstance(length, Length) for length in shape) == 1 and 0 not in shape:
        shape = [-1 if isinstance(length, Length) else length for length in shape]
    # Without allowzero, 0 would stand for a length of the input.
    return w.add("Reshape", name, w.integers(shape), allowzero=1)


def transpose(w: Writer, node: Node) -> str:
    """``np.transpose``."""
    return w.add("Transpose", w.as_it_is(node.inputs[0]), perm=list(node.params["axes"]))


def broadcast(w: Writer, node: Node) -> str:
    """``np.broadcast_to``."""
    return w.add("Expand", w.operand(node.inputs[0], node.dtype), w.integers(node.params["shape"]))


def concatenate(w: Writer, node: Node) -> str:
    """``np.concatenate``."""
    return w.add("Concat", *w.operands(node, node.dtype), axis=node.params["axis"])


def pad(w: Writer, node: Node) -> str:
    """``np.pad`` with zeros."""
    before, after = zip(*node.params["widths"], strict=True)
    return w.add("Pad", w.operand(node.inputs[0], node.dtype), w.integers([*before, *after]))


def index(w: Writer, node: Node) -> str:
    """Slices, places and new axes; or one array of places along one axis."""
    source, *arrays = node.inputs
    template, name = node.params["template"], w.as_it_is(node.inputs[0])
    given = sum(part is not None and part is not Ellipsis for part in template)
    rest = [slice(None)] * (len(shape_of(source)) - given)
    at = template.index(Ellipsis) if Ellipsis in template else len(template)
    parts = [*template[:at], *rest, *template[at + 1 :]]
    if arrays:
        whole = all(part is SLOT or part == slice(None) for part in parts)
        if len(arrays) > 1 or not whole or dtype_of(arrays[0]).kind not in "iu":
            raise refusal(node, "these indices")
        return w.add("Gather", name, w.operand(arrays[0], np.int64), axis=parts.index(SLOT))
    return _basic_index(w, node, parts, name)


def _basic_index(w: Writer, node: Node, parts: list[Any], name: str) -> str:
    starts, ends, axes, steps, dropped, added = [], [], [], [], [], []
    axis = place = 0
    for part in parts:
        if part is None:
            added.append(place)
            place += 1
            continue
        if isinstance(part, slice):
            step = 1 if part.step is None else part.step
            if part != slice(None):
                axes.append(axis)
                steps.append(step)
                starts.append((0 if step > 0 else _END) if part.start is None else part.start)
                ends.append((_END if step > 0 else -_END) if part.stop is None else part.stop)
            place += 1
        else:
            if isinstance(part, Length):
                raise refusal(node, "a place that is counted from the last row")
            axes.append(axis)
            steps.append(1)
            starts.append(part)
            # After the last place, the end of a slice is no place before the first one.
            ends.append(_END if part == -1 else part + 1)
            dropped.append(axis)
        axis += 1
    if axes:
        name = w.add("Slice", name, w.integers(starts), w.integers(ends), w.integers(axes), w.integers(steps))
    if dropped:
        name = w.add("Squeeze", name, w.integers(dropped))
    return w.add("Unsqueeze", name, w.integers(added)) if added else name
