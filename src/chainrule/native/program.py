"""A graph as a program: loops and products in an order, buffers with places in memory, and the way to run it.

What has no native form runs through its evaluation in NumPy, between stretches of machine code. A program is fixed once
made; what one run needs beside the arrays that come and go is a workspace, and runs at once have one each.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.evaluate import evaluate
from chainrule.graph import Graph, Node
from chainrule.lengths import settle
from chainrule.native import machine
from chainrule.native.access import Access, shape_sizes, views_of
from chainrule.native.calling import Call
from chainrule.native.computing import can_compute
from chainrule.native.control import CONTROL, Lowered, can_control, has_run_time_length, in_own_memory
from chainrule.native.control_bodies import expanded
from chainrule.native.control_steps import Sized, run_sized
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS, Domain, Group, grouped
from chainrule.native.imports import addresses, imported
from chainrule.native.kernels import KERNELS, TROUBLE, can_run
from chainrule.native.loops import LoopKernel
from chainrule.native.region_code import RegionWriter
from chainrule.native.regions import Region, divided
from chainrule.native.rows import RowKernel
from chainrule.native.sharing import SHARED_ENTRIES, emit_shared
from chainrule.native.sizes import Size, product_of, size_of
from chainrule.native.translation import Buffer, Translation, translated
from chainrule.native.types import INT, POINTER

__all__ = ["TROUBLE_PLACE", "Program"]

_ALIGNMENT = 64

#: Place of the buffer that says whether an index was out of range.
TROUBLE_PLACE = 0


class Program:
    """A graph in machine code.

    Parameters
    ----------
    graph : Graph
        What to compute; the leading size of its inputs may be open.
    given_up : dict of int to int
        Outputs, by number, that may be written over an input, by number, whose value is not needed afterwards. Where
        that is not possible `swaps` has the pair.

    Attributes
    ----------
    steps : list
        What runs, in order: names of functions, operations through NumPy, and what asks for memory.
    places : dict
        For nodes in memory the number of their buffer.
    swaps : list of tuple of int
        Places of an output and an input that may take each other's memory after a run.
    """

    def __init__(self, graph: Graph, given_up: Mapping[int, int] | None = None) -> None:
        self.graph = in_own_memory(expanded(graph), constants=False)
        self._given_up = dict(given_up or {})
        found = translated(self.graph, self._given_up, self._translated)
        self.swaps, self.places, self.buffers, self.steps = found.swaps, found.places, found.buffers, found.steps
        self.constants = found.constants
        self._accesses = found.accesses
        self.library = machine.linked(found.code, found.names, addresses(found.imports))
        self._calls = {name: Call(self.library.addresses[name]) for name in found.names}
        self._layouts: dict[int, tuple[int, dict[int, int]]] = {}

    def _translated(self, object_code: Callable[[ir.Module], bytes]) -> Translation:
        """Lower the graph, and translate it."""
        groups, views = grouped(self.graph, can_compute, views_of(self.graph))
        x = _Lowering(self.graph, groups, views, self._given_up)
        self._analysis = groups, x.accesses
        code, imports = object_code(x.module), imported(x.module)
        return Translation(code, imports, x.steps, x.buffers, x.places, x.accesses, x.constants, x.swaps)

    @cached_property
    def _analysis(self) -> tuple[list[Group], Mapping[Any, Access]]:
        """What runs, in order, and where entries stand; found out again where the code was at hand."""
        groups, views = grouped(self.graph, can_compute, views_of(self.graph))
        return groups, _Lowering(self.graph, groups, views, self._given_up).accesses

    @property
    def groups(self) -> list[Group]:
        """What runs, in order."""
        return self._analysis[0]

    def access(self, x: Any) -> Access:
        """Where the entries of a node or a constant array stand."""
        return self._analysis[1][x if isinstance(x, Node) else id(x)]

    @property
    def is_native(self) -> bool:
        """True where nothing runs through NumPy."""
        return all(isinstance(step, str) for step in self.steps)

    def layout(self, n: int) -> tuple[int, dict[int, int]]:
        """Bytes of a workspace, and where in it each buffer that is neither input nor output stands."""
        found = self._layouts.get(n)
        if found is None:
            total, starts = 0, {}
            for place in self._temporaries():
                buffer = self.buffers[place]
                starts[place] = total
                size = buffer.bytes(n)
                total += -(-size // _ALIGNMENT) * _ALIGNMENT
            found = self._layouts[n] = (total, starts)
        return found

    def _temporaries(self) -> list[int]:
        fixed = {self.places[node] for node in self.graph.inputs}
        fixed |= {self.places[x] for x in self.graph.outputs if isinstance(x, Node)}
        fixed |= set(self.constants)
        return [place for place in range(len(self.buffers)) if place not in fixed]

    def __call__(self, *values: Any) -> list[Any]:
        """Run on plain values, one for each input; list the outputs."""
        n = self.graph.rows(np.shape(x) for x in values) if self.graph.is_open else 0
        table = np.zeros(len(self.buffers), np.uint64)
        arrays: dict[int, np.ndarray[Any, Any]] = {}
        for node, value in zip(self.graph.inputs, values, strict=True):
            arrays[self.places[node]] = np.ascontiguousarray(value, node.dtype).reshape(np.shape(value))
        arrays.update(self.constants)
        arrays.update(self.workspace(n, arrays))
        for x in self.graph.outputs:
            if isinstance(x, Node):
                arrays[self.places[x]] = self.array(self.places[x], n)
        for place, array in arrays.items():
            table[place] = array.ctypes.data
        arrays[TROUBLE_PLACE][()] = 0
        for step in self.steps:
            if isinstance(step, str):
                self._calls[step](table.ctypes.data, n)
            elif isinstance(step, Sized):
                run_sized(step, self._calls[step.name], self.places, arrays, table, n)
            else:
                self._evaluate(step, arrays, table, n)
        if arrays[TROUBLE_PLACE]:
            # An index was out of range: where the interpreter comes to it, too, NumPy says so.
            return list(evaluate(self.graph, *values))
        return [self._result(x, arrays, n) for x in self.graph.outputs]

    def workspace(self, n: int, known: Mapping[int, Any]) -> dict[int, np.ndarray[Any, Any]]:
        """Memory for what is neither input nor output, nor among what is known."""
        total, starts = self.layout(n)
        memory = np.empty(total + _ALIGNMENT, np.uint8)
        first = -memory.ctypes.data % _ALIGNMENT
        return {
            place: self.array(place, n, memory[first + start :])
            for place, start in starts.items()
            if place not in known
        }

    def array(self, place: int, n: int, memory: Any = None) -> np.ndarray[Any, Any]:
        """An array for a buffer: in memory given, or its own."""
        buffer = self.buffers[place]
        shape = tuple(length.at(n) for length in buffer.shape)
        if memory is None:
            return np.empty(shape, buffer.dtype)
        if buffer.block:
            return np.asarray(memory[: buffer.bytes(n)])
        return np.asarray(memory[: buffer.bytes(n)].view(buffer.dtype).reshape(shape))

    def _evaluate(self, node: Node, arrays: dict[int, np.ndarray[Any, Any]], table: Any, n: int) -> None:
        """Run one operation through NumPy."""
        inputs = [self._seen(x, arrays, n) if isinstance(x, Node) else settle(x, n) for x in node.inputs]
        with np.errstate(all="ignore"):
            result = node.op.evaluate(*inputs, **{name: self._settled(x, n) for name, x in node.params.items()})
        several = isinstance(node.dtype, tuple)
        for k, x in enumerate(result if several else (result,)):
            place = self.places[(node, k) if several else node]
            array = np.ascontiguousarray(x, node.dtype[k] if several else node.dtype)
            arrays[place] = array if array.shape == np.shape(x) else array.reshape(np.shape(x))
            table[place] = arrays[place].ctypes.data

    def _settled(self, x: Any, n: int) -> Any:
        """A parameter for a leading size."""
        return x.at(n) if isinstance(x, Graph) and self.graph.is_open else settle(x, n)

    def _seen(self, x: Node, arrays: dict[int, np.ndarray[Any, Any]], n: int) -> Any:
        """The value of a node as an array, or as a Python number where it is one."""
        access = self._accesses[x]
        if None in x.shape:
            return arrays[self.places[x]]
        array = arrays[self.places[access.buffer]].reshape(-1)[access.offset.at(n) :]
        size = array.itemsize
        shape = tuple(length.at(n) for length in access.shape)
        strides = tuple(stride.at(n) * size for stride in access.strides)
        seen = np.lib.stride_tricks.as_strided(array, shape, strides, writeable=False)
        return seen.item() if x.weak is True else seen[()]

    def _result(self, x: Any, arrays: dict[int, np.ndarray[Any, Any]], n: int) -> Any:
        if not isinstance(x, Node):
            return settle(x, n)
        value = arrays[self.places[x]][()]
        if isinstance(value, np.ndarray) and value.base is not None:
            value = value.copy()
        return value.item() if x.weak is True else value


class _Lowering:
    """The translation of one graph: where values stand, and the module with a function for each stretch."""

    def __init__(
        self, graph: Graph, groups: Sequence[Group], views: Mapping[Node, Access], given_up: Mapping[int, int]
    ) -> None:
        self.graph = graph
        self.buffers: list[Buffer] = []
        self.places: dict[Any, int] = {}
        self.constants: dict[int, np.ndarray[Any, Any]] = {}
        self.module = machine.new_module(graph.name)
        self.accesses: dict[Any, Access] = {}
        self._kept: list[Any] = []
        self._count = 0
        self.own(TROUBLE, (), np.dtype(np.int64))
        for node in graph.inputs:
            self._own(node)
        self.swaps = self._place(graph, groups, views, given_up)
        self.steps: list[Any] = self._stretches(groups)

    def body(self, graph: Graph, given_up: Mapping[int, int]) -> Lowered:
        """Lower a graph inside of an operation, whose inputs have their places."""
        known = {x: self.accesses[x] for x in graph.inputs if x in self.accesses}
        groups, views = grouped(graph, can_compute, views_of(graph, known))
        swaps = self._place(graph, groups, views, given_up)
        return Lowered([self._kernel(group) for group in groups if not _is_projection(group)], swaps)

    def _place(
        self, graph: Graph, groups: Sequence[Group], views: Mapping[Node, Access], given_up: Mapping[int, int]
    ) -> list[tuple[int, int]]:
        """Give what has to be in memory its place; returns the outputs and inputs that are to change theirs."""
        self.accesses.update(views)
        for node in graph.nodes:
            for x in node.inputs:
                if isinstance(x, np.ndarray) and x.ndim and id(x) not in self.places:
                    self._constant(x)
        read = _read_outside(graph, groups, views)
        over = _written_over(graph, groups, given_up)
        for group in groups:
            for node in group.nodes:
                if node in over:
                    self.places[node] = self.places[over[node]]
                    self.accesses[node] = Access.whole(node, shape_sizes(node.shape))
                elif node in read:
                    self._own(node)
        pairs = [(graph.outputs[k], graph.inputs[i]) for k, i in given_up.items()]
        return [(self.places[x], self.places[y]) for x, y in pairs if isinstance(x, Node) and x not in over]

    def _own(self, node: Node) -> None:
        """Make memory for a node, or for each of its outputs, of which projections are another name."""
        if isinstance(node.dtype, tuple):
            for k, (shape, dtype) in enumerate(zip(node.shape, node.dtype, strict=True)):
                self.own((node, k), shape_sizes(shape), dtype)
            if node.op.name in CONTROL:
                self.own((node, "state"), (size_of(3),), np.dtype(np.int64))
            self.accesses[node] = Access(node, (), ())
        elif node.op is not None and node.op.name == "output":
            self.places[node] = self.places[node.inputs[0], node.params["k"]]
            self.accesses[node] = Access.whole(node, shape_sizes(node.shape))
        elif node not in self.places:
            self.own(node, shape_sizes(node.shape), node.dtype)

    def own(self, key: Any, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> Access:
        """Make a buffer."""
        self.places[key] = len(self.buffers)
        self.buffers.append(Buffer(product_of(shape), dtype, shape))
        self.accesses[key] = Access.whole(key, shape)
        return self.accesses[key]

    def access(self, x: Any) -> Access:
        """Where the entries of a node or a constant array stand."""
        return self.accesses[x if isinstance(x, Node) else id(x)]

    def _constant(self, x: Any) -> None:
        array = np.ascontiguousarray(x)
        shape = shape_sizes(np.shape(x))
        place = len(self.buffers)
        self.places[id(x)] = place
        self._kept.append(x)
        self.constants[place] = array
        self.buffers.append(Buffer(product_of(shape), array.dtype, shape))
        self.accesses[id(x)] = Access.whole(id(x), shape)

    def _stretches(self, groups: Sequence[Group]) -> list[Any]:
        steps: list[Any] = []
        kernels: list[str] = []

        def close() -> None:
            if kernels:
                steps.append(self._driver(f"run{len(steps)}", kernels))
                kernels.clear()

        outputs = {x for x in self.graph.outputs if isinstance(x, Node)}
        taken = {self.places[node] for node in self.graph.inputs}
        over = {node for node in outputs if self.places[node] in taken}
        before, region, after = divided(groups, self.access, self.places, outputs, over)
        for group in (*before, region, *after):
            if isinstance(group, Region):
                names = [self._kernel(part) for part in group.groups]
                kernels.append(RegionWriter(self, group, names).emit())
            elif group is not None and group.domain is None and not can_run(group.nodes[0]):
                self._step(group, steps, kernels, close)
            elif group is not None:
                kernels.append(self._kernel(group))
        close()
        return steps

    def _step(self, group: Group, steps: list[Any], kernels: list[str], close: Callable[[], None]) -> None:
        """What is no kernel: a loop or branch, or an operation without native form."""
        node = group.nodes[0]
        if _is_projection(group):
            return
        if not can_control(node):
            close()
            steps.append(node)
        elif has_run_time_length(node):
            close()
            steps.append(Sized(self._driver(f"run{len(steps)}", [self._kernel(group)]), node))
        else:
            kernels.append(self._kernel(group))

    def scratch(self, size: int, block: int) -> int:
        """A buffer of so many bytes for every block of rows; its place."""
        self.buffers.append(Buffer(size_of(size), np.dtype(np.uint8), (size_of(size),), block))
        return len(self.buffers) - 1

    def _kernel(self, group: Group) -> str:
        name = f"kernel{self._count}"
        self._count += 1
        e = Emitter(self._function(name, [POINTER, INT, INT]))
        if group.domain is None:
            node = group.nodes[0]
            table, n, _ = e.b.function.args
            {**KERNELS, **CONTROL}[node.op.name](self, e, n, node, self._bases(e, table))
        elif self._is_shared(group):
            emit_shared(e, lambda inner, arguments: self._loop(inner, group, arguments), f"{name}.slice")
        else:
            self._loop(e, group).emit()
        e.b.ret_void()
        return name

    def _bases(self, e: Emitter, table: ir.Value) -> Callable[[Any], ir.Value]:
        """The pointer to a buffer, read from the table when it is first asked for."""
        pointers: dict[Any, ir.Value] = {}

        def base(buffer: Any) -> ir.Value:
            if buffer not in pointers:
                pointers[buffer] = e.pointer_in(table, self.places[buffer])
            return pointers[buffer]

        return base

    def _loop(self, e: Emitter, group: Group, arguments: Sequence[ir.Value] | None = None) -> LoopKernel | RowKernel:
        table, n, total = arguments or e.b.function.args
        assert group.domain is not None
        stored = {node: self.accesses[node] for node in group.nodes if node in self.accesses}
        kernel = RowKernel if group.domain.by_rows else LoopKernel
        return kernel(e, (n, total), group.domain.shape, group.nodes, stored, self.access, self._bases(e, table))

    def _is_shared(self, group: Group) -> bool:
        """True for a loop so long, and of a length so well known, that threads share it."""
        if group.domain is None or group.domain.by_rows or any(node.op.name in REDUCTIONS for node in group.nodes):
            return False
        entries = product_of(group.domain.shape)
        return entries.is_known and entries.known() >= SHARED_ENTRIES

    def _function(self, name: str, kinds: Sequence[ir.Type]) -> ir.Function:
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.linkage = "external" if name.startswith("run") else "internal"
        return function

    def _driver(self, name: str, kernels: Sequence[str]) -> str:
        b = ir.IRBuilder(self._function(name, [POINTER, INT]).append_basic_block())
        table, n = b.function.args
        for kernel in kernels:
            b.call(self.module.globals[kernel], [table, n, n])
        b.ret_void()
        return name


def _written_over(graph: Graph, groups: Sequence[Group], given_up: Mapping[int, int]) -> dict[Node, Node]:
    """The outputs that can take the memory of an input: nothing reads that later, or at another place."""
    home = {node: k for k, group in enumerate(groups) for node in group.nodes}
    found: dict[Node, Node] = {}
    for k, i in given_up.items():
        x, source = graph.outputs[k], graph.inputs[i]
        if not isinstance(x, Node) or x.shape != source.shape or x.dtype != source.dtype:
            continue
        writer = home[x]
        group = groups[writer]
        if group.domain != Domain(shape_sizes(source.shape)) or x.op.name in REDUCTIONS:
            continue
        if _last_read(graph, source, home, writer) < writer:
            found[x] = source
    return found


def _last_read(graph: Graph, source: Node, home: dict[Node, int], writer: int) -> int:
    """Number of the last group that reads an input, not counting reads at the same place by the one that writes."""
    last = -1
    for node in graph.nodes:
        if not any(x is source for x in node.inputs):
            continue
        here = home.get(node)
        if here is None:
            last = max(last, _last_read(graph, node, home, -1))
        elif here != writer or shape_sizes(node.shape) != shape_sizes(source.shape):
            last = max(last, here)
    return last


def _read_outside(graph: Graph, groups: Sequence[Group], views: Mapping[Node, Access]) -> set[Any]:
    """Nodes whose values have to be in memory."""
    home = {node: group for group in groups for node in group.nodes}
    found: set[Any] = {x for x in graph.outputs if isinstance(x, Node)}
    for node in graph.nodes:
        for source in node.inputs:
            if isinstance(source, Node) and (home.get(source) is not home.get(node) or node not in home):
                found.add(source)
    found |= {view.buffer for view in views.values()}
    return found | {node for group in groups for node in group.nodes if group.domain is None}


def _is_projection(group: Group) -> bool:
    """True for an output of an operation with several: it stands where that has put it."""
    return group.domain is None and group.nodes[0].op.name == "output"
