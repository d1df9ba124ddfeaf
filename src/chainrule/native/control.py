"""Loops and branches in machine code: scan, cond and while_loop, whose bodies are graphs of their own.

A body over a few numbers becomes straight code with everything in registers (`control_scalars`). Any other is lowered
as the graph around it is, into kernels of the same module and buffers of the same table: what it reads from outside it
reads where that stands, entries of sequences and results by a pointer that moves from step to step, and a carry has two
buffers that change places, or one where it may be written over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.access import Access, has_form, shape_sizes, strangers, views_of
from chainrule.native.arrays import Array, operand
from chainrule.native.computing import can_compute, is_literal
from chainrule.native.control_bodies import bound, quick_form
from chainrule.native.control_costs import MOST, counted
from chainrule.native.control_scalars import Registers, flattened, while_steps
from chainrule.native.control_writer import Scene, Writer
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS
from chainrule.native.kernels import can_run
from chainrule.native.own_memory import in_own_memory
from chainrule.native.sizes import ZERO, Size, size_of

__all__ = ["CONTROL", "can_control", "has_run_time_length"]

_INTEGER = np.dtype(np.int64)


# What can run


def can_control(node: Node) -> bool:
    """Say whether a loop or a branch has a native form: whether everything in it has."""
    name = node.op.name
    if name not in CONTROL or not has_form(node, lengths=name == "chainrule.cond" or not has_run_time_length(node)):
        return False
    if not all(has_form(x, lengths=not has_run_time_length(node)) for x in node.inputs if isinstance(x, Node)):
        return False
    if name == "chainrule.cond":
        decision = node.inputs[0]
        if (decision.shape if isinstance(decision, Node) else np.shape(decision)) != ():
            return False
    return all(_is_native(x) for x in node.params.values() if isinstance(x, Graph))


def has_run_time_length(node: Node) -> bool:
    """True for a loop whose results have a length that only its run tells: it is a step of a program by itself."""
    return any(None in shape for shape in _shapes(node)) or any(
        None in x.shape for x in node.inputs if isinstance(x, Node)
    )


def _shapes(node: Node) -> tuple[tuple[Any, ...], ...]:
    """Of each output."""
    return node.shape if isinstance(node.dtype, tuple) else (node.shape,)


def _is_native(body: Graph) -> bool:
    found: bool | None = body.derived.get("is native")
    if found is None:
        graph = bound(body, [None] * len(body.inputs))
        outside, views = strangers(graph), views_of(graph)
        found = all(node in views or _has_kernel(node) for node in graph.nodes if node not in outside)
        found = found and not outside and all(has_form(x) for x in graph.inputs)
        body.derived["is native"] = found
    return found


def _has_kernel(node: Node) -> bool:
    if node.op.name == "output":
        return True
    if node.op.name in CONTROL:
        return not has_run_time_length(node) and can_control(node)
    if node.op.name in REDUCTIONS:
        return isinstance(node.inputs[0], Node)
    return can_compute(node) or can_run(node)


# Writing it


def _literals(inputs: Sequence[Any]) -> list[Any]:
    return [x if is_literal(x) else None for x in inputs]


def _aliased(scene: Scene, nodes: Sequence[Node], inputs: Sequence[Any]) -> None:
    """Let inputs of a body be what they are outside."""
    for node, x in zip(nodes, inputs, strict=True):
        if not is_literal(x):
            scene.accesses[node] = scene.access(x)


def _pointed(scene: Scene, key: Any, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> Access:
    """A place in the table without memory behind it; a pointer is put there."""
    scene.own(key, (ZERO,), dtype)
    scene.accesses[key] = Access.whole(key, shape)
    return scene.accesses[key]


# Branches


def _cond(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    w = Writer(scene, e, n, node)
    decision, *rest = node.inputs
    dtype = decision.dtype if isinstance(decision, Node) else np.asarray(decision).dtype
    chosen = e.convert(operand(scene, e, n, decision, w.pointer)([]), dtype, np.dtype(bool))
    sides = [bound(node.params[side], _literals(rest)) for side in ("if_true", "if_false")]
    straight = all(counted(side) is not None for side in sides)
    with e.b.if_else(chosen) as blocks:
        for block, side in zip(blocks, sides, strict=True):
            with block:
                (_side_in_registers if straight else _side_in_memory)(w, side, rest)


def _side_in_registers(w: Writer, side: Graph, rest: Sequence[Any]) -> None:
    used = {x for node in side.nodes for x in node.inputs if isinstance(x, Node)} | {
        x for x in side.outputs if isinstance(x, Node)
    }
    values = [w.value(x, y) if y in used else None for x, y in zip(rest, side.inputs, strict=True)]
    for k, x in enumerate(w.scalars.run(side, values)):
        w.scalars.stored(x, w.result(k))


def _side_in_memory(w: Writer, side: Graph, rest: Sequence[Any]) -> None:
    graph = in_own_memory(side, constants=True)
    _aliased(w.scene, graph.inputs, rest)
    for k, x in enumerate(graph.outputs):
        w.scene.places[x] = w.scene.places[w.node, k]
        w.scene.accesses[x] = Access.whole(x, shape_sizes(x.shape))
    w.call(w.scene.body(graph, {}))


# Scans


def _scan(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    w = Writer(scene, e, n, node)
    length = node.params["length"]
    if has_run_time_length(node):
        steps = e.load(w.pointer((node, "state")), e.int(0), _INTEGER)
    else:
        if length is None:
            length = node.inputs[node.params["carries"]].shape[0]
        steps = size_of(length).emit(e, n)
    body, quick = node.params["body"], quick_form(node.params["body"])
    if quick is None:
        _steps(w, body, steps)
        return
    # As in the operation itself: the quick form is right where no NaN comes out.
    _steps(w, quick, steps)
    found: ir.Value = ir.Constant(ir.IntType(1), 0)
    for k in range(len(node.shape)):
        found = e.b.or_(found, w.has_nan(k))
    with e.b.if_then(found, likely=False):
        _steps(w, body, steps)


def _steps(w: Writer, body: Graph, steps: ir.Value) -> None:
    c, m = w.node.params["carries"], w.node.params["sequences"]
    graph = bound(body, [*[None] * (c + m), *_literals(w.node.inputs[c + m :])])
    if counted(graph) is not None and not any(_is_wide(x) for x in graph.inputs[:c]):
        _steps_in_registers(w, graph, steps)
    else:
        _steps_in_memory(w, in_own_memory(graph, constants=True), steps)


def _is_wide(x: Node) -> bool:
    return not all(type(length) is int for length in x.shape) or int(np.prod(x.shape)) > MOST


def _number(w: Writer, steps: ir.Value, index: ir.Value) -> ir.Value:
    """Which entry of the sequences a step reads."""
    if not w.node.params["reverse"]:
        return index
    return w.e.b.sub(w.e.b.sub(steps, index), w.e.int(1))


@dataclass(frozen=True)
class _Rows:
    """A sequence, or a result, of which each step has an entry.

    Attributes
    ----------
    start : Value
        Pointer to the first one.
    step : Value
        Entries from one to the next.
    access : Access
        How one of them stands in memory.
    dtype : numpy.dtype
        Of its entries.
    """

    start: ir.Value
    step: ir.Value
    access: Access
    dtype: np.dtype[Any]

    def at(self, e: Emitter, number: ir.Value) -> ir.Value:
        """Pointer to one of them."""
        return e.address(self.start, e.b.mul(number, self.step), self.dtype)

    def array(self, e: Emitter, n: ir.Value, number: ir.Value) -> Array:
        """One of them as an array."""
        return Array(e, n, self.access, self.dtype, lambda buffer: self.at(e, number))


def _rows(w: Writer, access: Access, dtype: np.dtype[Any], key: Any) -> _Rows:
    start = w.e.address(w.pointer(access.buffer), access.offset.emit(w.e, w.n), dtype)
    row = Access(key, access.shape[1:], access.strides[1:])
    return _Rows(start, access.strides[0].emit(w.e, w.n), row, dtype)


def _sequences(w: Writer, nodes: Sequence[Node]) -> list[_Rows]:
    c = w.node.params["carries"]
    pairs = zip(w.node.inputs[c : c + len(nodes)], nodes, strict=True)
    return [_rows(w, w.scene.access(x), x.dtype, node) for x, node in pairs]


def _results(w: Writer, keys: Sequence[Any]) -> list[_Rows]:
    c = w.node.params["carries"]
    return [_rows(w, w.scene.accesses[w.node, k], w.node.dtype[k], key) for k, key in enumerate(keys, c)]


def _steps_in_registers(w: Writer, graph: Graph, steps: ir.Value) -> None:
    e, scalars = w.e, w.scalars
    c, m = w.node.params["carries"], w.node.params["sequences"]
    inputs = w.node.inputs
    carry: list[Registers] = [w.value(x, y) for x, y in zip(inputs[:c], graph.inputs, strict=False)]
    xs = _sequences(w, graph.inputs[c : c + m])
    hidden = [w.value(x, y) for x, y in zip(inputs[c + m :], graph.inputs[c + m :], strict=True)]
    results = _results(w, [None] * (len(w.node.shape) - c))
    known = scalars.fixed(graph, [*[None] * (c + m), *hidden])
    shapes = [x.shape for x in carry]
    with e.loop(e.int(0), steps, carried=flattened(carry)) as loop:
        number = _number(w, steps, loop.index)
        before = scalars.folded(loop.carry, shapes)
        rows: list[Any] = []
        for x, y in zip(xs, graph.inputs[c : c + m], strict=True):
            row: Any = x.array(e, w.n, number)
            if not _is_wide(y):
                row = scalars.converted(scalars.loaded(row, y.shape), x.dtype, y.dtype)
            rows.append(row)
        found = scalars.run(graph, [*before, *rows, *hidden], known)
        for result, values in zip(results, [*found[c:], *before], strict=False):
            scalars.stored(values, result.array(e, w.n, number))
        loop.carry = flattened(found[:c])
    for k, values in enumerate(scalars.folded(loop.carry, shapes)):
        scalars.stored(values, w.result(k))


def _steps_in_memory(w: Writer, graph: Graph, steps: ir.Value) -> None:
    e, scene = w.e, w.scene
    c, m = w.node.params["carries"], w.node.params["sequences"]
    carries, nodes, hidden = graph.inputs[:c], graph.inputs[c : c + m], graph.inputs[c + m :]
    _aliased(scene, hidden, w.node.inputs[c + m :])
    for x in carries:
        scene.own(x, shape_sizes(x.shape), x.dtype)
    xs = _sequences(w, nodes)
    for x, rows in zip(nodes, xs, strict=True):
        _pointed(scene, x, rows.access.shape, x.dtype)
        scene.accesses[x] = rows.access
    for y in graph.outputs[c:]:
        _pointed(scene, y, shape_sizes(y.shape), y.dtype)
    store = c if w.node.params["store"] else 0
    results = _results(w, [*graph.outputs[c:], *carries[:store]])
    stacks = results[len(results) - store :]
    body = scene.body(graph, {k: k for k in range(c)})
    for x, y in zip(w.node.inputs[:c], carries, strict=True):
        w.copied(x, w.array(y))
    with e.loop(e.int(0), steps) as loop:
        number = _number(w, steps, loop.index)
        for key, rows in zip((*nodes, *graph.outputs[c:]), (*xs, *results), strict=False):
            w.point(key, rows.at(e, number))
        for x, rows in zip(carries, stacks, strict=bool(store)):
            w.moved(w.pointer(x), rows.at(e, number), rows.access.shape, x.dtype)
        w.call(body)
    for k, x in enumerate(carries):
        w.moved(w.pointer(x), w.pointer((w.node, k)), shape_sizes(x.shape), x.dtype)


# While loops


def _while(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    w = Writer(scene, e, n, node)
    c, captured = node.params["carries"], node.params["captured"]
    rest = node.inputs[c:]
    body = bound(node.params["body"], [*[None] * c, *_literals(rest[:captured])])
    condition = bound(node.params["condition"], [*[None] * c, *_literals(rest[captured:])])
    straight = counted(body) is not None and counted(condition) is not None
    if straight and not node.params["store"] and not any(_is_wide(x) for x in body.inputs[:c]):
        values = [w.value(x, y) for x, y in zip(node.inputs[:c], body.inputs, strict=False)]
        hidden = [w.value(x, y) for x, y in zip(rest[:captured], body.inputs[c:], strict=True)]
        asked = [w.value(x, y) for x, y in zip(rest[captured:], condition.inputs[c:], strict=True)]
        for k, x in enumerate(w.scalars.loop_while(condition, body, values, hidden, asked)):
            w.scalars.stored(x, w.result(k))
        return
    _while_in_memory(w, condition, in_own_memory(body, constants=True))


def _while_in_memory(w: Writer, condition: Graph, graph: Graph) -> None:
    """A loop that goes on for as long as it may; one that stores stops where its stacks are full, to be called again.

    Its state is the number of steps done, the steps for which there is room, and whether it has ended.
    """
    e, scene, node = w.e, w.scene, w.node
    c, captured, stores = node.params["carries"], node.params["captured"], node.params["store"]
    carries = graph.inputs[:c]
    for x in carries:
        scene.own(x, shape_sizes(x.shape), x.dtype)
    _aliased(scene, graph.inputs[c:], node.inputs[c : c + captured])
    for x, y in zip(condition.inputs[:c], carries, strict=True):
        scene.accesses[x] = scene.accesses[y]
    _aliased(scene, condition.inputs[c:], node.inputs[c + captured :])
    test, body = scene.body(condition, {}), scene.body(graph, {k: k for k in range(c)})
    results = _results(w, carries) if stores else []
    state = w.pointer((node, "state")) if stores else None
    begun = e.int(0) if state is None else e.load(state, e.int(0), _INTEGER)
    with e.b.if_then(e.b.icmp_signed("==", begun, e.int(0))):
        for x, y in zip(node.inputs[:c], carries, strict=True):
            w.copied(x, w.array(y))
    room = e.int(0) if state is None else e.load(state, e.int(1), _INTEGER)

    def goes_on() -> ir.Value:
        w.call(test)
        (decision,) = condition.outputs
        dtype = decision.dtype if isinstance(decision, Node) else np.asarray(decision).dtype
        return e.convert(operand(scene, e, w.n, decision, w.pointer)([]), dtype, np.dtype(bool))

    def has_room(carried: list[ir.Value]) -> ir.Value:
        going = goes_on()
        if state is None:
            return going
        e.store(e.b.zext(e.b.not_(going), _INT), state, e.int(2), _INTEGER)
        return e.b.and_(going, e.b.icmp_signed("<", carried[0], room))

    def step(carried: list[ir.Value]) -> list[ir.Value]:
        for x, rows in zip(carries, results, strict=bool(stores)):
            w.moved(w.pointer(x), rows.at(e, carried[0]), rows.access.shape, x.dtype)
        w.call(body)
        return [e.b.add(carried[0], e.int(1))]

    (steps,) = while_steps(e, [begun], has_room, step)
    if state is not None:
        e.store(steps, state, e.int(0), _INTEGER)
    for k, x in enumerate(carries):
        w.moved(w.pointer(x), w.pointer((node, k)), shape_sizes(x.shape), x.dtype)


_INT = ir.IntType(64)

CONTROL: dict[str, Callable[[Any, Emitter, ir.Value, Node, Any], None]] = {
    "chainrule.cond": _cond,
    "chainrule.scan": _scan,
    "chainrule.while_loop": _while,
}
