"""np.convolve: multiples of the one vector, moved along, added up."""

from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.arrays import Array, Scene, along_rows, fill_zeros, result_of
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import ONE
from chainrule.native.types import is_float, lanes_of

__all__ = ["can_convolve", "emit_convolution"]


def can_convolve(node: Node) -> bool:
    """Say whether there is a native form: for two vectors of the result's dtype."""
    if not all(isinstance(x, Node | np.ndarray) and x.dtype == node.dtype for x in node.inputs):
        return False
    return node.dtype.kind in "iuf"


def emit_convolution(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Write the sums: each entry of the result is added up in the order of the shorter vector."""
    x, y = (Array(e, n, scene.access(source), source.dtype, base) for source in node.inputs)
    result = result_of(scene, e, n, node, base)
    fill_zeros(e, n, result)
    if not _is_long(y, x):
        x, y = y, x
    dense = y.access.strides == (ONE,)
    with e.loop(e.int(0), x.shape[0]) as loop:
        factor, start = x.load([loop.index]), result.address([loop.index])

        def added(before: ir.Value, entry: ir.Value) -> ir.Value:
            if is_float(entry.type):
                return e.fma(e.splat(factor, lanes_of(entry.type)), entry, before)
            return e.b.add(before, e.b.mul(e.splat(factor, lanes_of(entry.type)), entry))

        if dense:
            along_rows(e, start, [start, y.address([e.int(0)])], y.shape[0], node.dtype, added)
        else:
            with e.loop(e.int(0), y.shape[0]) as inner:
                there = [e.b.add(loop.index, inner.index)]
                result.store(added(result.load(there), y.load([inner.index])), there)


def _is_long(y: Array, x: Array) -> bool:
    """True where rows of `y` are the better ones to go along."""
    if (y.access.strides == (ONE,)) != (x.access.strides == (ONE,)):
        return y.access.strides == (ONE,)
    lengths = [a.shape_known[0] for a in (x, y) if a.shape_known is not None]
    return len(lengths) < 2 or lengths[1] >= lengths[0]
