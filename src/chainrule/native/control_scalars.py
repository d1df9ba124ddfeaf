"""Small graphs as straight code: every entry of every value in a register of its own.

The body of a loop over a few numbers becomes one function so. What only moves entries costs nothing: it is done while
the code is written, on arrays of registers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.arrays import Array
from chainrule.native.computing import computed, is_literal, literals_of
from chainrule.native.control_bodies import bound
from chainrule.native.control_costs import BY_INDEX, INSIDE, MOVES, has_results, index_arrays, is_large, shapes_of
from chainrule.native.dense import DENSE
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS
from chainrule.native.indexing import Picker
from chainrule.native.loop_body import key_of
from chainrule.native.math.number import Number
from chainrule.native.reducing import reducer_of
from chainrule.native.sizes import size_of
from chainrule.native.types import is_float, register
from chainrule.ops.axes import normalize_axes
from chainrule.ops.shapes import fill

__all__ = ["Registers", "Scalars", "flattened", "while_steps"]

_INTEGER = np.dtype(np.int64)

_RUNNING: dict[str, Callable[..., Any]] = {"np.cumsum": np.cumsum, "np.cumprod": np.cumprod}

Registers = np.ndarray[Any, Any]


def while_steps(
    e: Emitter,
    carried: Sequence[ir.Value],
    test: Callable[[list[ir.Value]], ir.Value],
    step: Callable[[list[ir.Value]], list[ir.Value]],
) -> list[ir.Value]:
    """Write a loop that runs for as long as a condition holds, with what it carries in registers."""
    b = e.b
    before = b.block
    head, body, after = (b.append_basic_block(name) for name in ("head", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    phis = [b.phi(x.type) for x in carried]
    for phi, x in zip(phis, carried, strict=True):
        phi.add_incoming(x, before)
    goes_on = test(list(phis))
    b.cbranch(goes_on, body, after)
    b.position_at_end(body)
    found = step(list(phis))
    for phi, x in zip(phis, found, strict=True):
        phi.add_incoming(x, b.block)
    b.branch(head)
    b.position_at_end(after)
    return list(phis)


class Scalars:
    """Writes graphs as straight code.

    Values are arrays of registers, or, where they are large, `Array` in memory.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    trouble : Value
        Where a 1 is written if an index is out of range.
    """

    def __init__(self, e: Emitter, n: ir.Value, trouble: ir.Value) -> None:
        self._e, self._n, self._trouble = e, n, trouble

    # Values

    def constants(self, x: Any, dtype: np.dtype[Any]) -> Registers:
        """A known number or array in registers."""
        if hasattr(x, "numerator") and hasattr(x, "length"):
            length = self._e.b.sitofp(size_of(x.length).emit(self._e, self._n), register(np.dtype(np.float64)))
            found = self._e.b.fdiv(self._e.const(x.numerator, length.type), length)
            return _filled((), [self._e.convert(found, np.dtype(np.float64), dtype)])
        if hasattr(x, "factor"):
            return _filled((), [self._e.convert(size_of(x).emit(self._e, self._n), _INTEGER, dtype)])
        kind = register(dtype)
        array = np.asarray(x, dtype)
        return _filled(array.shape, [self._e.const(entry, kind) for entry in array.reshape(-1)])

    def loaded(self, array: Array, shape: tuple[int, ...]) -> Registers:
        """The entries of a small array in memory."""
        return _filled(shape, [array.load([self._e.int(k) for k in index]) for index in np.ndindex(shape)])

    def stored(self, values: Registers, array: Array, lead: Sequence[ir.Value] = ()) -> None:
        """Write registers to memory, behind leading indices."""
        for index in np.ndindex(values.shape):
            array.store(values[index], [*lead, *(self._e.int(k) for k in index)])

    def converted(self, values: Registers, source: np.dtype[Any], target: np.dtype[Any]) -> Registers:
        """Convert between dtypes."""
        return _filled(values.shape, [self._e.convert(x, source, target) for x in values.reshape(-1)])

    def folded(self, flat: Sequence[ir.Value], shapes: Sequence[tuple[int, ...]]) -> list[Registers]:
        """Registers one after the other as values of some shapes."""
        rest = iter(flat)
        return [_filled(shape, [next(rest) for _ in range(math.prod(shape))]) for shape in shapes]

    def bit(self, values: Registers, dtype: np.dtype[Any]) -> ir.Value:
        """One number as a truth value."""
        return self._e.convert(values.reshape(-1)[0], dtype, np.dtype(bool))

    # Graphs

    def fixed(self, graph: Graph, values: Sequence[Any]) -> dict[Node, Any]:
        """Write what does not depend on the inputs that are None among `values`, to be handed to `run`."""
        found: dict[Node, Any] = {x: v for x, v in zip(graph.inputs, values, strict=True) if v is not None}
        for node in graph.nodes:
            if node.op.name in INSIDE or node.op.name == "output":
                continue
            if all(x in found for x in node.inputs if isinstance(x, Node)):
                found[node] = self._computed(node, found)
        return found

    def run(self, graph: Graph, values: Sequence[Any], known: dict[Node, Any] | None = None) -> list[Any]:
        """Write a graph; list its outputs."""
        found: dict[Node, Any] = dict(known or {})
        found.update(zip(graph.inputs, values, strict=True))
        for node in graph.nodes:
            if node not in found:
                found[node] = self._computed(node, found)
        return [self._value(x, found, _dtype(x)) for x in graph.outputs]

    def _value(self, x: Any, found: dict[Node, Any], dtype: np.dtype[Any]) -> Any:
        if isinstance(x, Node):
            return found[x] if x.dtype == dtype else self.converted(found[x], x.dtype, dtype)
        return self.constants(x, dtype)

    def _computed(self, node: Node, found: dict[Node, Any]) -> Any:
        name = node.op.name
        if name == "output":
            return found[node.inputs[0]][node.params["k"]]
        if name in _WRITERS:
            return _WRITERS[name](self, node, found)
        if name in REDUCTIONS:
            return self._reduced(node, found)
        return self._elementwise(node, found)

    def _elementwise(self, node: Node, found: dict[Node, Any]) -> Registers:
        literals = literals_of(self._e, self._n, [node])
        operands = {
            key_of(x): np.broadcast_to(self._value(x, found, x.dtype), node.shape)
            for x in node.inputs
            if not is_literal(x)
        }

        def entry(index: tuple[int, ...]) -> ir.Value:
            return computed(self._e, node, lambda x: operands[key_of(x)][index], literals, 1)

        return _filled(node.shape, [entry(index) for index in np.ndindex(node.shape)])

    def _reduced(self, node: Node, found: dict[Node, Any]) -> Registers:
        source = node.inputs[0]
        x = found[source]
        axes = normalize_axes(node.params["axis"], x.ndim)
        kept = tuple(length for k, length in enumerate(x.shape) if k not in axes)
        rows = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
        rows = rows.reshape(math.prod(kept), math.prod(x.shape[k] for k in axes))
        reducer = reducer_of(node)
        totals = []
        for row in rows:
            entries = [reducer.enter(self._e, one, source.dtype, node.dtype) for one in row]
            while len(entries) > 1:
                pairs = zip(entries[::2], entries[1::2], strict=False)
                odd = entries[-1:] if len(entries) % 2 else []
                entries = [reducer.combine(self._e, a, b) for a, b in pairs] + odd
            totals.append(entries[0] if entries else reducer.start(self._e, register(node.dtype)))
        return _filled(node.shape, totals)

    def _moved(self, node: Node, found: dict[Node, Any]) -> Registers:
        """Find where each entry comes from by moving numbers in place of the entries."""
        arrays = index_arrays(node) if node.op.name in BY_INDEX else ()
        entries: list[ir.Value] = [self._e.const(0, register(node.dtype))]
        numbers = []
        for x in node.inputs[: len(node.inputs) - len(arrays)]:
            values = self._value(x, found, node.dtype)
            numbers.append(np.arange(len(entries), len(entries) + values.size).reshape(values.shape))
            entries += list(values.reshape(-1))
        picked = np.asarray(node.op.evaluate(*numbers, *arrays, **node.params))
        return _filled(node.shape, [entries[k] for k in picked.reshape(-1)])

    def _indexed(self, node: Node, found: dict[Node, Any]) -> Registers:
        source, arrays = node.inputs[0], node.inputs[1:]
        x = found[source] if isinstance(source, Node) else self.constants(source, node.dtype)
        if isinstance(x, Array):
            places = self._places(node, found, arrays, x.shape_known or (), node.shape)
            return _filled(node.shape, [x.load(place) for place in places])
        if not any(isinstance(a, Node) for a in arrays):
            return self._moved(node, found)
        places = self._places(node, found, arrays, x.shape, node.shape)
        return _filled(node.shape, [self._chosen(list(x.reshape(-1)), self._flat(p, x.shape)) for p in places])

    def _chosen(self, entries: list[ir.Value], number: ir.Value) -> ir.Value:
        """The entry with a number that only the values tell."""
        result = entries[0]
        for k, entry in enumerate(entries[1:], 1):
            result = self._e.b.select(self._e.b.icmp_signed("==", number, self._e.int(k)), entry, result)
        return result

    def _added(self, node: Node, found: dict[Node, Any]) -> Registers:
        g = self._value(node.inputs[0], found, node.dtype)
        arrays, shape, template = node.inputs[1:], node.params["shape"], node.params["template"]
        total = [self._e.const(0, register(node.dtype))] * math.prod(shape)
        if not any(isinstance(a, Node) for a in arrays):
            picked = np.arange(math.prod(shape)).reshape(shape)[fill(template, arrays)]
            taken: set[int] = set()
            for k, x in zip(np.reshape(picked, -1), np.broadcast_to(g, np.shape(picked)).reshape(-1), strict=True):
                total[k] = self._sum(total[k], x) if k in taken else x
                taken.add(k)
            return _filled(shape, total)
        for place, x in zip(self._places(node, found, arrays, shape, g.shape), g.reshape(-1), strict=True):
            number = self._flat(place, shape)
            for k, before in enumerate(total):
                here = self._e.b.icmp_signed("==", number, self._e.int(k))
                total[k] = self._e.b.select(here, self._sum(before, x), before)
        return _filled(shape, total)

    def _sum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self._e.b.fadd(x, y) if is_float(x.type) else self._e.b.add(x, y)

    def _assigned(self, node: Node, found: dict[Node, Any]) -> Registers:
        source, item, *arrays = node.inputs
        if not any(isinstance(a, Node) for a in arrays):
            return self._moved(node, found)
        total = list(self._value(source, found, node.dtype).reshape(-1))
        picked = node.op.evaluate(np.zeros(node.shape), 0.0, *map(_stand_in, arrays), **node.params)
        shape = picked[fill(node.params["template"], tuple(map(_stand_in, arrays)))].shape
        items = np.broadcast_to(self._value(item, found, node.dtype), shape)
        for place, x in zip(self._places(node, found, arrays, node.shape, shape), items.reshape(-1), strict=True):
            number = self._flat(place, node.shape)
            total = [
                self._e.b.select(self._e.b.icmp_signed("==", number, self._e.int(k)), x, before)
                for k, before in enumerate(total)
            ]
        return _filled(node.shape, total)

    def _places(
        self,
        node: Node,
        found: dict[Node, Any],
        arrays: Sequence[Any],
        whole: tuple[int, ...],
        picked: tuple[int, ...],
    ) -> list[list[ir.Value]]:
        """The index, in an array, of each entry that is picked."""
        values = [self._value(a, found, _dtype(a)) for a in arrays]
        shape = np.broadcast_shapes(*(x.shape for x in values))

        def reader(a: Any, x: Registers) -> Callable[[Sequence[ir.Value]], ir.Value]:
            wide = np.broadcast_to(x, shape)
            return lambda index: self._e.convert(wide[tuple(i.constant for i in index)], _dtype(a), _INTEGER)

        readers = [reader(a, x) for a, x in zip(arrays, values, strict=True)]
        template, sizes = node.params["template"], [size_of(k) for k in whole]
        pick = Picker(self._e, self._n, template, readers, len(shape), sizes, self._trouble)
        return [pick.entry([self._e.int(k) for k in index]) for index in np.ndindex(picked)]

    def _flat(self, place: Sequence[ir.Value], shape: Sequence[int]) -> ir.Value:
        total: ir.Value = self._e.int(0)
        for i, length in zip(place, shape, strict=True):
            total = self._e.b.add(self._e.b.mul(total, self._e.int(length)), i)
        return total

    def _numbers(self, x: Any, found: dict[Node, Any], dtype: np.dtype[Any]) -> Registers:
        values = self._value(x, found, dtype)
        return _filled(values.shape, [Number(self._e, one) for one in values.reshape(-1)])

    def _plain(self, numbers: Any, node: Node) -> Registers:
        kind = register(node.dtype)
        flat = np.asarray(numbers, object).reshape(-1)
        return _filled(node.shape, [x.value if isinstance(x, Number) else self._e.const(x, kind) for x in flat])

    def _product(self, node: Node, found: dict[Node, Any]) -> Registers:
        operands = [self._numbers(x, found, node.dtype) for x in node.inputs]
        if node.op.name == "np.matmul":
            return self._plain(np.matmul(*operands), node)
        return self._plain(np.einsum(node.params["subscripts"], *operands), node)

    def _running(self, node: Node, found: dict[Node, Any]) -> Registers:
        x = self._numbers(node.inputs[0], found, node.dtype)
        return self._plain(_RUNNING[node.op.name](x, axis=node.params["axis"]), node)

    def _dense(self, node: Node, found: dict[Node, Any]) -> Any:
        from chainrule.native.dense_small import small_dense

        dtypes: Any = node.dtype
        several = isinstance(dtypes, tuple)
        dtype = dtypes[0] if several else dtypes
        operands = [self._value(x, found, dtype).tolist() for x in node.inputs]
        results, doubtful = small_dense(self._e, node, dtype, *operands)
        with self._e.b.if_then(doubtful, likely=False):
            self._e.b.store(self._e.int(1), self._trouble)
        shapes = shapes_of(node) if several else (node.shape,)
        made = [_filled(shape, [x for line in m for x in line]) for shape, m in zip(shapes, results, strict=True)]
        return made if several else made[0]

    # Branches and loops inside

    def _cond(self, node: Node, found: dict[Node, Any]) -> list[Registers]:
        decision, *rest = node.inputs
        values = [self._input(x, found, y) for x, y in zip(rest, node.params["if_true"].inputs, strict=True)]
        chosen = self.bit(self._value(decision, found, _dtype(decision)), _dtype(decision))
        if_true, if_false = (_fresh(node.params[side]) for side in _SIDES)
        return self.branch(chosen, if_true, if_false, values)

    def branch(self, chosen: ir.Value, if_true: Graph, if_false: Graph, values: Sequence[Any]) -> list[Registers]:
        """Write both sides of a branch, and what joins their results."""
        b = self._e.b
        found, ends = [], []
        with b.if_else(chosen) as sides:
            for side, graph in zip(sides, (if_true, if_false), strict=True):
                with side:
                    found.append(self.run(graph, values))
                    ends.append(b.block)
        results = []
        for left, right in zip(*found, strict=True):
            joined = []
            for x, y in zip(left.reshape(-1), right.reshape(-1), strict=True):
                phi = b.phi(x.type)
                phi.add_incoming(x, ends[0])
                phi.add_incoming(y, ends[1])
                joined.append(phi)
            results.append(_filled(left.shape, joined))
        return results

    def _input(self, x: Any, found: dict[Node, Any], target: Node) -> Any:
        """What a graph inside gets as an input."""
        if isinstance(x, Node) and isinstance(found[x], Array):
            return found[x]
        return self._value(x, found, target.dtype)

    def _while(self, node: Node, found: dict[Node, Any]) -> list[Registers]:
        carries, captured = node.params["carries"], node.params["captured"]
        body, condition = node.params["body"], node.params["condition"]
        starts = [self._input(x, found, y) for x, y in zip(node.inputs[:carries], body.inputs, strict=False)]
        rest = node.inputs[carries:]
        hidden = [self._input(x, found, y) for x, y in zip(rest[:captured], body.inputs[carries:], strict=True)]
        asked = [self._input(x, found, y) for x, y in zip(rest[captured:], condition.inputs[carries:], strict=True)]
        return self.loop_while(_fresh(condition), _fresh(body), starts, hidden, asked)

    def loop_while(
        self, condition: Graph, body: Graph, starts: Sequence[Registers], hidden: Sequence[Any], asked: Sequence[Any]
    ) -> list[Registers]:
        """Write a while loop; returns what it carries at the end."""
        shapes = [x.shape for x in starts]
        unknown = [None] * len(starts)
        tests, steps = self.fixed(condition, [*unknown, *asked]), self.fixed(body, [*unknown, *hidden])

        def test(flat: list[ir.Value]) -> ir.Value:
            found = self.run(condition, [*self.folded(flat, shapes), *asked], tests)
            return self.bit(found[0], _dtype(condition.outputs[0]))

        def step(flat: list[ir.Value]) -> list[ir.Value]:
            return flattened(self.run(body, [*self.folded(flat, shapes), *hidden], steps))

        return self.folded(while_steps(self._e, flattened(starts), test, step), shapes)

    def _scan(self, node: Node, found: dict[Node, Any]) -> list[Registers]:
        params = node.params
        c, m, length, body = params["carries"], params["sequences"], params["length"], _fresh(params["body"])
        inputs = [
            self._value(x, found, y.dtype) if c <= k < c + m and not is_large(x) else self._input(x, found, y)
            for k, (x, y) in enumerate(zip(node.inputs, body.inputs, strict=True))
        ]
        carry, xs, hidden = inputs[:c], inputs[c : c + m], inputs[c + m :]
        known = self.fixed(body, [*[None] * (c + m), *hidden])
        written_out = has_results(node) or any(not isinstance(x, Array) for x in xs)

        def row(x: Any, k: ir.Value, target: Node) -> Any:
            if not isinstance(x, Array):
                return np.asarray(x[k.constant], object)
            entries = [x.load([k, *(self._e.int(j) for j in index)]) for index in np.ndindex(target.shape)]
            return _filled(target.shape, entries)

        def step(carry: Sequence[Registers], k: ir.Value) -> list[Registers]:
            rows = [row(x, k, y) for x, y in zip(xs, body.inputs[c : c + m], strict=True)]
            return self.run(body, [*carry, *rows, *hidden], known)

        if not written_out:
            shapes = [x.shape for x in carry]
            with self._e.loop(self._e.int(0), self._e.int(length), carried=flattened(carry)) as loop:
                k = self._e.b.sub(self._e.int(length - 1), loop.index) if params["reverse"] else loop.index
                loop.carry = flattened(step(self.folded(loop.carry, shapes), k)[:c])
            return self.folded(loop.carry, shapes)
        results: list[Registers] = [np.empty(shape, object) for shape in shapes_of(node)[c:]]
        for k in range(length - 1, -1, -1) if params["reverse"] else range(length):
            before = carry
            new = step(carry, self._e.int(k))
            carry = new[:c]
            for result, x in zip(results, [*new[c:], *before], strict=False):
                result[k, ...] = x
        return [*carry, *results]


_SIDES = ("if_true", "if_false")

_WRITERS: dict[str, Callable[[Scalars, Node, dict[Node, Any]], Any]] = {
    **dict.fromkeys(MOVES, Scalars._moved),
    **dict.fromkeys(_RUNNING, Scalars._running),
    **dict.fromkeys(("np.matmul", "np.einsum"), Scalars._product),
    **dict.fromkeys(DENSE, Scalars._dense),
    "index": Scalars._indexed,
    "index_add": Scalars._added,
    "index_set": Scalars._assigned,
    "chainrule.cond": Scalars._cond,
    "chainrule.while_loop": Scalars._while,
    "chainrule.scan": Scalars._scan,
}


def _fresh(graph: Graph) -> Graph:
    return bound(graph, [None] * len(graph.inputs))


def _dtype(x: Any) -> np.dtype[Any]:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def _stand_in(x: Any) -> Any:
    return np.zeros(x.shape, x.dtype) if isinstance(x, Node) else x


def _filled(shape: tuple[int, ...], entries: Sequence[Any]) -> Registers:
    """An array of registers, of which NumPy shall not ask what they are."""
    whole = np.empty(len(entries), object)
    for k, entry in enumerate(entries):
        whole[k] = entry
    return whole.reshape(shape)


def flattened(values: Sequence[Registers]) -> list[ir.Value]:
    """All registers of some values, one after the other."""
    return [x for value in values for x in value.reshape(-1)]
