"""How a reduction puts values together: what it starts with, and what it makes of two."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.emitter import Emitter
from chainrule.native.types import is_float, lanes_of, scalar_of

__all__ = ["Reducer", "reducer_of"]

Combine = Callable[[Emitter, ir.Value, ir.Value], ir.Value]


@dataclass(frozen=True)
class Reducer:
    """A reduction of entries to one.

    Attributes
    ----------
    identity : number
        What changes nothing.
    combine : callable
        ``combine(e, a, b)`` writes the instructions for two values.
    """

    identity: float | int
    combine: Combine

    def start(self, e: Emitter, kind: ir.Type) -> ir.Value:
        """The value before the first entry, in every lane."""
        return e.const(self.identity, kind)

    def enter(self, e: Emitter, x: ir.Value, source: np.dtype[Any], target: np.dtype[Any]) -> ir.Value:
        """An entry in the dtype of the result."""
        return e.convert(x, source, target)

    def across(self, e: Emitter, x: ir.Value) -> ir.Value:
        """Put the lanes of a vector together, halves first, so that the order is the same on every machine."""
        lanes = lanes_of(x.type)
        while lanes > 1:
            lanes //= 2
            low, high = (_part(e, x, k * lanes, lanes) for k in (0, 1))
            x = self.combine(e, low, high)
        return x


class _Counter(Reducer):
    def enter(self, e: Emitter, x: ir.Value, source: np.dtype[Any], target: np.dtype[Any]) -> ir.Value:
        return e.convert(e.convert(x, source, np.dtype(bool)), np.dtype(bool), target)


def _part(e: Emitter, x: ir.Value, start: int, lanes: int) -> ir.Value:
    index = ir.IntType(32)
    if lanes == 1:
        return e.b.extract_element(x, ir.Constant(index, start))
    picked = ir.Constant(ir.VectorType(index, lanes), [start + k for k in range(lanes)])
    return e.b.shuffle_vector(x, ir.Constant(x.type, ir.Undefined), picked)


def _add(e: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
    return e.b.fadd(a, b) if is_float(a.type) else e.b.add(a, b)


def _multiply(e: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
    return e.b.fmul(a, b) if is_float(a.type) else e.b.mul(a, b)


def _or(e: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
    return e.b.or_(a, b)


def _and(e: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
    return e.b.and_(a, b)


def _extreme(float_name: str, integer_name: str) -> Combine:
    def combine(e: Emitter, a: ir.Value, b: ir.Value) -> ir.Value:
        # llvm.maximum and llvm.minimum pass a NaN on, as NumPy does.
        return e.intrinsic(float_name if is_float(scalar_of(a.type)) else integer_name, a, b)

    return combine


def reducer_of(node: Node) -> Reducer:
    """How a reduction works, for the dtype that it has."""
    name, dtype = node.op.name, node.dtype
    if name == "np.sum":
        return Reducer(0, _add)
    if name == "np.prod":
        return Reducer(1, _multiply)
    if name == "np.count_nonzero":
        return _Counter(0, _add)
    if name == "np.any":
        return Reducer(0, _or)
    if name == "np.all":
        return Reducer(1, _and)
    largest = name == "np.max"
    if dtype.kind == "f":
        return Reducer(-np.inf if largest else np.inf, _extreme(*_FLOAT[largest], ""))
    sign = "s" if dtype.kind == "i" else "u"
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    low, high = (limits.min, limits.max) if limits else (0, 1)
    word = "max" if largest else "min"
    return Reducer(low if largest else high, _extreme("", f"llvm.{sign}{word}"))


_FLOAT = {True: ("llvm.maximum",), False: ("llvm.minimum",)}
