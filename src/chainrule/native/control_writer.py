"""What loops and branches have in common when they are written: buffers, copies, calls of bodies."""

from dataclasses import dataclass
from typing import Any, Protocol

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.arrays import TROUBLE, Array, nest, operand
from chainrule.native.computing import is_literal
from chainrule.native.control_costs import MOST
from chainrule.native.control_scalars import Scalars
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import Size, product_of
from chainrule.native.types import POINTER

__all__ = ["Lowered", "Scene", "Writer"]


@dataclass(frozen=True)
class Lowered:
    """A body in kernels.

    Attributes
    ----------
    kernels : list of str
        Functions of the module, in order.
    swaps : list of tuple of int
        Places that change after a step.
    """

    kernels: list[str]
    swaps: list[tuple[int, int]]


class Scene(Protocol):
    """What control flow needs of the lowering that it is a part of."""

    module: ir.Module
    places: dict[Any, int]
    accesses: dict[Any, Access]

    def access(self, x: Any) -> Access:
        """Where the entries of a node or a constant array stand."""

    def own(self, key: Any, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> Access:
        """Make a buffer."""

    def body(self, graph: Graph, given_up: dict[int, int]) -> Lowered:
        """Lower a graph whose inputs have places or accesses already, or get their own."""


class Writer:
    """Writes into a function of the table of buffers.

    Parameters
    ----------
    scene : Scene
        The lowering.
    e : Emitter
        Where the instructions go, in a function of the table of buffers and the leading size.
    n : Value
        The leading size.
    node : Node
        The operation.
    """

    def __init__(self, scene: Scene, e: Emitter, n: ir.Value, node: Node) -> None:
        self.scene, self.e, self.n, self.node = scene, e, n, node
        self.table = e.b.function.args[0]
        self.scalars = Scalars(e, n, self.pointer(TROUBLE))

    def pointer(self, key: Any) -> ir.Value:
        """Where a buffer stands now: others may have taken its place since the last time."""
        return self.e.pointer_in(self.table, self.scene.places[key])

    def point(self, key: Any, pointer: ir.Value) -> None:
        """Move a buffer."""
        place = self.e.b.gep(self.table, [self.e.int(self.scene.places[key])], source_etype=POINTER)
        self.e.b.store(pointer, place)

    def call(self, body: Lowered) -> None:
        """Run a body once, and let carries change places."""
        e = self.e
        for name in body.kernels:
            e.b.call(self.scene.module.globals[name], [self.table, self.n, self.n])
        for pair in body.swaps:
            places = [e.b.gep(self.table, [e.int(k)], source_etype=POINTER) for k in pair]
            one, other = (e.b.load(place, typ=POINTER) for place in places)
            e.b.store(other, places[0])
            e.b.store(one, places[1])

    def array(self, x: Any) -> Array:
        """An input that stands in memory, or a carry."""
        return Array(self.e, self.n, self.scene.access(x), x.dtype, self.pointer)

    def result(self, k: int) -> Array:
        """The memory of a result."""
        dtype = self.node.dtype[k]
        return Array(self.e, self.n, self.scene.accesses[self.node, k], dtype, self.pointer)

    def copied(self, x: Any, target: Array) -> None:
        """Write an input into memory."""
        read = operand(self.scene, self.e, self.n, x, self.pointer, target.dtype)
        nest(self.e, target.shape, lambda index: target.store(read(index), index))

    def moved(self, source: ir.Value, target: ir.Value, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> None:
        """Copy entries that stand side by side."""
        e, lanes = self.e, machine.lanes(dtype)
        count = product_of(shape)
        if count.is_known and count.known() <= lanes:
            for k in range(count.known()):
                e.store(e.load(source, e.int(k), dtype), target, e.int(k), dtype)
            return
        total = count.emit(e, self.n)
        whole = e.b.and_(total, e.int(-lanes))
        with e.loop(e.int(0), whole, lanes) as loop:
            e.store(e.load(source, loop.index, dtype, lanes), target, loop.index, dtype)
        with e.loop(whole, total) as loop:
            e.store(e.load(source, loop.index, dtype), target, loop.index, dtype)

    def value(self, x: Any, target: Node) -> Any:
        """An input in registers, where it is small enough."""
        if is_literal(x):
            return self.scalars.constants(x, target.dtype)
        array = self.array(x)
        if array.shape_known is None or int(np.prod(array.shape_known)) > MOST:
            return array
        return self.scalars.converted(self.scalars.loaded(array, array.shape_known), x.dtype, target.dtype)

    def has_nan(self, k: int) -> ir.Value:
        """Say in one bit whether there is a NaN in a result."""
        e, result = self.e, self.result(k)
        if result.dtype.kind != "f":
            return ir.Constant(ir.IntType(1), 0)
        total: ir.Value = e.int(1)
        for length in result.shape:
            total = e.b.mul(total, length)
        lanes = machine.lanes(result.dtype)
        whole = e.b.and_(total, e.int(-lanes))

        def nan(x: ir.Value) -> ir.Value:
            return e.b.fcmp_unordered("uno", x, x)

        start = ir.Constant(ir.VectorType(ir.IntType(1), lanes), None)
        with e.loop(e.int(0), whole, lanes, [start]) as loop:
            x = e.load(result.pointer, loop.index, result.dtype, lanes)
            loop.carry = [e.b.or_(loop.carry[0], nan(x))]
        bits = ir.IntType(lanes)
        found = e.b.icmp_unsigned("!=", e.b.bitcast(loop.carry[0], bits), ir.Constant(bits, 0))
        with e.loop(whole, total, carried=[found]) as loop:
            x = e.load(result.pointer, loop.index, result.dtype)
            loop.carry = [e.b.or_(loop.carry[0], nan(x))]
        return loop.carry[0]
