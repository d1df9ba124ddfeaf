"""A graph as one module: where its values stand, and a function for each stretch of machine code."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native import machine
from chainrule.native.access import Access, shape_sizes, views_of
from chainrule.native.computing import can_compute
from chainrule.native.control import CONTROL, Lowered, can_control, has_run_time_length
from chainrule.native.control_steps import Sized
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import REDUCTIONS, Domain, Group, grouped
from chainrule.native.kernels import KERNELS, TROUBLE, can_run
from chainrule.native.loops import LoopKernel
from chainrule.native.planning import Life
from chainrule.native.region_code import RegionWriter
from chainrule.native.regions import Region, divided
from chainrule.native.rows import RowKernel
from chainrule.native.sharing import SHARED_ENTRIES, emit_shared
from chainrule.native.sizes import Size, product_of, size_of
from chainrule.native.touching import put_in_place, touched
from chainrule.native.translation import Buffer
from chainrule.native.types import INT, POINTER

__all__ = ["Lowering", "is_shared", "through_numpy"]


class Lowering:
    """The translation of one graph.

    Parameters
    ----------
    graph : Graph
        After the passes, with outputs in memory of their own.
    given_up : mapping of int to int
        As for `chainrule.native.program.Program`.

    Attributes
    ----------
    parts : list of Group or Region
        What runs, in order.
    steps : list
        The same as it is called; see `chainrule.native.translation.Translation`.
    buffers, places, constants, accesses, lives, swaps
        As in a `chainrule.native.translation.Translation`.
    module : llvmlite.ir.Module
        The code.
    """

    def __init__(self, graph: Graph, given_up: Mapping[int, int]) -> None:
        self.graph = graph
        self.buffers: list[Buffer] = []
        self.places: dict[Any, int] = {}
        self.constants: dict[int, np.ndarray[Any, Any]] = {}
        self.module = machine.new_module(graph.name)
        self.accesses: dict[Any, Access] = {}
        self._kept: list[Any] = []
        self._count = 0
        self._bodies: dict[str, ir.Function] = {}
        groups, views = grouped(graph, can_compute, views_of(graph))
        self.own(TROUBLE, (), np.dtype(np.int64))
        for node in graph.inputs:
            self._own(node)
        self.swaps = self._place(graph, groups, views, given_up)
        self.parts = self._divided(groups)
        self._touched: dict[int, Life] = {}
        # An array that NumPy makes may show memory of what NumPy was given.
        shown, self._elsewhere = self._touched_by_numpy()
        self._always = {self.places[TROUBLE]} | shown
        others = self._fixed() | self._always | self._elsewhere
        self._elsewhere |= put_in_place(self.parts, self.places, self.accesses, others)
        self.steps: list[Any] = self._stretches()
        self.lives = self._lives()

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

    def _divided(self, groups: Sequence[Group]) -> list[Group | Region]:
        """What runs, in order."""
        outputs = {x for x in self.graph.outputs if isinstance(x, Node)}
        taken = {self.places[node] for node in self.graph.inputs}
        over = {node for node in outputs if self.places[node] in taken}
        before, region, after = divided(groups, self.access, self.places, outputs, over)
        parts: list[Group | Region] = [*before, *([] if region is None else [region]), *after]
        return [part for part in parts if isinstance(part, Region) or not _is_projection(part)]

    def _stretches(self) -> list[Any]:
        steps: list[Any] = []
        kernels: list[str] = []

        def close() -> None:
            if kernels:
                steps.append(self._driver(f"run{len(steps)}", kernels))
                kernels.clear()

        # What may have the same instructions, as the layers of a network do, is written so that it can share them.
        alike = Counter(_kind(group) for part in self.parts for group in _groups_of(part))

        def kernel(group: Group) -> str:
            return self._shared_kernel(group) if alike[_kind(group)] > 1 else self._kernel(group)

        for number, part in enumerate(self.parts):
            first = len(self.buffers)
            if isinstance(part, Region):
                names = [kernel(group) for group in part.groups]
                kernels.append(RegionWriter(self, part, names).emit())
            elif through_numpy(part):
                close()
                steps.append(part.nodes[0])
            elif part.domain is None and has_run_time_length(part.nodes[0]):
                close()
                steps.append(Sized(self._driver(f"run{len(steps)}", [self._kernel(part)]), part.nodes[0]))
            else:
                kernels.append(kernel(part))
            self._note(part, number, range(first, len(self.buffers)))
        close()
        return steps

    # When memory is needed

    def _note(self, part: Group | Region, number: int, made: Iterable[int]) -> None:
        """Note what a part of the program touches; what was made for it alone is needed by nothing else."""
        read, written = touched(part, self.places, self.accesses)
        for place in (*read, *written, *made):
            born, _ = self._touched.get(place, (number, number))
            self._touched[place] = (born, number)
        if isinstance(part, Region):
            # Blocks of rows hold these on the stack.
            self._elsewhere |= {self.places[node] for node in part.local}

    def _touched_by_numpy(self) -> tuple[set[int], set[int]]:
        """The buffers that NumPy reads, and those in whose place it makes arrays."""
        read: set[int] = set()
        made: set[int] = set()
        for part in self.parts:
            if through_numpy(part):
                some, others = touched(part, self.places, self.accesses)
                read |= some
                made |= others
        return read, made

    def _fixed(self) -> set[int]:
        """Buffers of arguments, results and constants."""
        ends = {self.places[x] for x in (*self.graph.inputs, *self.graph.outputs) if isinstance(x, Node)}
        return ends | self.constants.keys()

    def _lives(self) -> list[Life | None]:
        """Of each buffer when it takes memory of the workspace; None where it never does."""
        elsewhere = self._fixed() | self._elsewhere
        whole = (0, len(self.parts))
        lives = dict.fromkeys(range(len(self.buffers)), whole) | self._touched | dict.fromkeys(self._always, whole)
        return [None if place in elsewhere else lives[place] for place in range(len(self.buffers))]

    def scratch(self, size: int, block: int) -> int:
        """A buffer of so many bytes for every block of rows; its place."""
        self.buffers.append(Buffer(size_of(size), np.dtype(np.uint8), (size_of(size),), block))
        return len(self.buffers) - 1

    def _next_name(self) -> str:
        self._count += 1
        return f"kernel{self._count - 1}"

    def _kernel(self, group: Group) -> str:
        name = self._next_name()
        e = Emitter(self._function(name, [POINTER, INT, INT]))
        if is_shared(group):
            emit_shared(e, lambda inner, arguments: self._loop(inner, group, arguments, self.places), f"{name}.slice")
        else:
            self._write(e, group, self.places)
        e.b.ret_void()
        return name

    def _write(self, e: Emitter, group: Group, places: Mapping[Any, int]) -> None:
        if group.domain is not None:
            self._loop(e, group, e.b.function.args, places).emit()
            return
        node = group.nodes[0]
        table, n, _ = e.b.function.args
        {**KERNELS, **CONTROL}[node.op.name](self, e, n, node, self._bases(e, table, places))

    def _shared_kernel(self, group: Group) -> str:
        """A kernel whose instructions, but for the places of its buffers, may be those of another one.

        The instructions get a table of their own, in which the buffers stand in the order in which they are asked for.
        """
        if is_shared(group) or can_control(group.nodes[0]):
            return self._kernel(group)
        name = self._next_name()
        own = _InOrder()
        function = self._function(f"{name}.body", [POINTER, INT, INT])
        e = Emitter(function)
        self._write(e, group, own)
        e.b.ret_void()
        body = self._bodies.setdefault("".join(map(str, function.blocks)), function)
        if body is not function:
            del self.module.globals[function.name]
        outer = Emitter(self._function(name, [POINTER, INT, INT]))
        table, n, total = outer.b.function.args
        chosen = outer.b.bitcast(outer.b.alloca(INT, max(len(own), 1)), POINTER)
        for buffer, number in own.items():
            pointer = outer.pointer_in(table, self.places[buffer])
            outer.store(outer.b.ptrtoint(pointer, INT), chosen, outer.int(number), np.dtype(np.int64))
        outer.b.call(body, [chosen, n, total])
        outer.b.ret_void()
        return name

    def _bases(self, e: Emitter, table: ir.Value, places: Mapping[Any, int]) -> Callable[[Any], ir.Value]:
        """The pointer to a buffer, read from the table when it is first asked for."""
        pointers: dict[Any, ir.Value] = {}

        def base(buffer: Any) -> ir.Value:
            if buffer not in pointers:
                pointers[buffer] = e.pointer_in(table, places[buffer])
            return pointers[buffer]

        return base

    def _loop(
        self, e: Emitter, group: Group, arguments: Sequence[ir.Value], places: Mapping[Any, int]
    ) -> LoopKernel | RowKernel:
        table, n, total = arguments
        assert group.domain is not None
        stored = {node: self.accesses[node] for node in group.nodes if node in self.accesses}
        kernel = RowKernel if group.domain.by_rows else LoopKernel
        base = self._bases(e, table, places)
        return kernel(e, (n, total), group.domain.shape, group.nodes, stored, self.access, base)

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


class _InOrder(dict[Any, int]):
    """Numbers for keys, in the order in which they are first asked for."""

    def __missing__(self, key: Any) -> int:
        self[key] = len(self)
        return self[key]


def _groups_of(part: Group | Region) -> Sequence[Group]:
    return part.groups if isinstance(part, Region) else (part,)


def _kind(group: Group) -> tuple[Any, ...]:
    """What groups with the same instructions have in common."""
    return (group.domain, *((node.op.name, node.shape, node.dtype) for node in group.nodes))


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


def is_shared(group: Group) -> bool:
    """True for a loop so long, and of a length so well known, that threads share it."""
    if group.domain is None or group.domain.by_rows or any(node.op.name in REDUCTIONS for node in group.nodes):
        return False
    entries = product_of(group.domain.shape)
    return entries.is_known and entries.known() >= SHARED_ENTRIES


def through_numpy(part: Group | Region) -> bool:
    """True for an operation that has no native form."""
    if isinstance(part, Region) or part.domain is not None:
        return False
    return not can_run(part.nodes[0]) and not can_control(part.nodes[0])


def _is_projection(group: Group) -> bool:
    """True for an output of an operation with several: it stands where that has put it."""
    return group.domain is None and group.nodes[0].op.name == "output"
