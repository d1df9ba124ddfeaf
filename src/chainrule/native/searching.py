"""np.searchsorted: where numbers would go in an ascending array, by halving."""

from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.arrays import Array, Scene, nest, operand, result_of
from chainrule.native.emitter import Emitter
from chainrule.native.types import is_float

__all__ = ["can_search", "emit_search"]


def can_search(node: Node) -> bool:
    """Say whether there is a native form: for numbers of which one dtype holds both."""
    return isinstance(node.inputs[0], Node | np.ndarray) and _common(node).kind in "iuf"


def _common(node: Node) -> np.dtype[Any]:
    """What NumPy compares in; Python's numbers count as its own."""
    dtypes = [x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype for x in node.inputs]
    return np.result_type(*dtypes)


def emit_search(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Write the search for each number."""
    b, dtype = e.b, _common(node)
    source = Array(e, n, scene.access(node.inputs[0]), node.inputs[0].dtype, base)
    result = result_of(scene, e, n, node, base)
    wanted = operand(scene, e, n, node.inputs[1], base, dtype)
    is_left = node.params.get("side", "left") == "left"
    # So many halvings lead from any length to nothing: as many as the length has binary digits.
    zeros = e.intrinsic("llvm.ctlz", source.shape[0], ir.Constant(ir.IntType(1), 0))
    halvings = b.sub(e.int(64), zeros)

    def one(index: list[ir.Value]) -> None:
        v = wanted(index)
        with e.loop(e.int(0), halvings, carried=[e.int(0), source.shape[0]]) as loop:
            low, high = loop.carry
            middle = b.ashr(b.add(low, high), e.int(1))
            is_open = b.icmp_signed("<", low, high)
            place = b.select(is_open, middle, e.int(0))
            x = e.convert(source.load([place]), source.dtype, dtype)
            goes_up = _less(e, x, v, dtype) if is_left else b.not_(_less(e, v, x, dtype))
            low_next = b.select(b.and_(is_open, goes_up), b.add(middle, e.int(1)), low)
            high_next = b.select(b.and_(is_open, b.not_(goes_up)), middle, high)
            loop.carry = [low_next, high_next]
        result.store(loop.carry[0], index)

    nest(e, result.shape, one)


def _less(e: Emitter, x: ir.Value, y: ir.Value, dtype: np.dtype[Any]) -> ir.Value:
    """In NumPy's order, in which NaN comes last."""
    if not is_float(x.type):
        return (e.b.icmp_signed if dtype.kind == "i" else e.b.icmp_unsigned)("<", x, y)
    last = e.b.and_(e.b.fcmp_unordered("uno", y, y), e.b.fcmp_ordered("ord", x, x))
    return e.b.or_(e.b.fcmp_ordered("<", x, y), last)
