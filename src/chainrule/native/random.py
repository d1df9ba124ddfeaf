"""Philox4x64 with ten rounds in machine code (see `chainrule.ops.random`), a block of four words at a time."""

from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import size_of
from chainrule.native.types import INT

__all__ = ["RANDOM", "block_of_words"]

_ROUNDS = 10
_FACTORS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_WORD = np.dtype(np.uint64)
_WIDE = ir.IntType(128)


def _philox(scene: Any, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    key = _words(scene, e, n, node.inputs[0], base, 2)
    counter = _words(scene, e, n, node.inputs[1], base, 4)
    count = size_of(node.params["count"]).emit(e, n)
    target = base(scene.access(node).buffer)
    b = e.b
    blocks = b.sdiv(b.add(count, e.int(3)), e.int(4))
    last = b.sub(count, e.int(4))
    with e.loop(e.int(0), blocks) as loop:
        # NumPy counts up before it makes a block.
        words = block_of_words(e, key, _counted(e, counter, b.add(loop.index, e.int(1))))
        start = b.mul(loop.index, e.int(4))
        with b.if_else(b.icmp_signed("<=", start, last)) as (whole, part):
            with whole:
                for k, word in enumerate(words):
                    e.store(word, target, b.add(start, e.int(k)), _WORD)
            with part:
                for k, word in enumerate(words):
                    place = b.add(start, e.int(k))
                    with b.if_then(b.icmp_signed("<", place, count)):
                        e.store(word, target, place, _WORD)


def _words(scene: Any, e: Emitter, n: ir.Value, x: Any, base: Any, count: int) -> list[ir.Value]:
    access = scene.access(x)
    start = e.address(base(access.buffer), access.offset.emit(e, n), _WORD)
    stride = access.strides[-1].emit(e, n)
    return [e.load(start, e.b.mul(stride, e.int(k)), _WORD) for k in range(count)]


def _counted(e: Emitter, counter: list[ir.Value], step: ir.Value) -> list[ir.Value]:
    """A counter of four words, lowest first, plus a number."""
    b = e.b
    word = b.add(counter[0], step)
    found, carry = [word], b.icmp_unsigned("<", word, step)
    for k in range(1, 4):
        more = b.zext(carry, INT)
        word = b.add(counter[k], more)
        carry = b.icmp_unsigned("<", word, more)
        found.append(word)
    return found


def block_of_words(e: Emitter, key: list[ir.Value], counter: list[ir.Value]) -> list[ir.Value]:
    """Write the four words that a key of two and a counter of four words give."""
    b = e.b
    a, c = counter[0], counter[2]
    odd = [counter[1], counter[3]]
    k = list(key)
    for number in range(_ROUNDS):
        if number:
            k = [b.add(x, e.int(step)) for x, step in zip(k, _STEPS, strict=True)]
        (high_a, low_a), (high_c, low_c) = (_wide(e, x, f) for x, f in zip((a, c), _FACTORS, strict=True))
        a, c = b.xor(b.xor(high_c, odd[0]), k[0]), b.xor(b.xor(high_a, odd[1]), k[1])
        odd = [low_c, low_a]
    return [a, odd[0], c, odd[1]]


def _wide(e: Emitter, x: ir.Value, factor: int) -> tuple[ir.Value, ir.Value]:
    """High and low 64 bits of a product."""
    b = e.b
    product = b.mul(b.zext(x, _WIDE), ir.Constant(_WIDE, factor))
    return b.trunc(b.lshr(product, ir.Constant(_WIDE, 64)), INT), b.trunc(product, INT)


def _advance(scene: Any, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    counter = _words(scene, e, n, node.inputs[0], base, 4)
    target = base(scene.access(node).buffer)
    blocks = size_of(node.params["blocks"]).emit(e, n)
    for k, word in enumerate(_counted(e, counter, blocks)):
        e.store(word, target, e.int(k), _WORD)


#: Kernels by the name of the operation, for one stream of random numbers.
RANDOM = {"philox": _philox, "philox_advance": _advance}
