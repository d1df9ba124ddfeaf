"""Products and sums of products: by the forms that there are, or entry by entry."""

import math
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.arrays import Array, Scene, nest, result_of
from chainrule.native.emitter import Emitter
from chainrule.native.matmul import emit_matmul, factors_of
from chainrule.native.products_open import emit_open_product, open_product_of
from chainrule.native.sizes import ONE
from chainrule.native.stacks import emit_stack, stack_of
from chainrule.native.types import is_float, register
from chainrule.ops.products import split_subscripts

__all__ = ["can_sum", "emit_any_matmul", "emit_einsum"]


def emit_any_matmul(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """A product: in tiles, or entry by entry where there is no such form."""
    factors = factors_of(node, scene.access)
    if factors is not None:
        emit_matmul(scene, e, n, node, factors, scene.access(node), base, f"{e.b.function.name}.slice")
        return
    stack = stack_of(node, scene.access)
    if stack is not None:
        emit_stack(scene, e, n, node, stack, scene.access(node), base, f"{e.b.function.name}.slice")
        return
    product = open_product_of(node, scene.access)
    if product is not None:
        emit_open_product(e, n, product, scene.access(node), base, f"{e.b.function.name}.slice")
        return
    x, y = node.inputs
    result = result_of(scene, e, n, node, base)
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


def emit_einsum(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """A sum of products, in loops over the axes of the result and, inside, over those that are summed."""
    terms, outer = split_subscripts(node.params["subscripts"])
    result = result_of(scene, e, n, node, base)
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


def can_sum(node: Node) -> bool:
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
