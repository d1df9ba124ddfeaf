"""A graph as one module: where its values stand, and a function for each stretch of machine code."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native import machine
from chainrule.native.access import Access, shape_sizes, views_of
from chainrule.native.alike import kernel_key
from chainrule.native.arrays import TROUBLE
from chainrule.native.computing import can_compute
from chainrule.native.control import CONTROL, can_control, has_run_time_length
from chainrule.native.control_steps import Sized
from chainrule.native.control_writer import Lowered
from chainrule.native.emitter import Emitter
from chainrule.native.followed import emit_followed, with_followed
from chainrule.native.grouping import Followed, Group, grouped
from chainrule.native.kernels import KERNELS, can_run
from chainrule.native.loops import LoopKernel
from chainrule.native.matmul import emit_matmul, factors_of
from chainrule.native.memory import Buffer
from chainrule.native.planning import Life
from chainrule.native.region_code import RegionWriter
from chainrule.native.regions import Region, divided, rows_of
from chainrule.native.rows import RowKernel
from chainrule.native.sharing import emit_shared, is_shared
from chainrule.native.sizes import Size, product_of, size_of
from chainrule.native.touching import Part, groups_of, put_in_place, read_outside, touched, written_over
from chainrule.native.types import INT, POINTER

__all__ = ["Lowering", "through_numpy"]

#: A function, and the buffers that it asks for: by number among those of a group, or the one of the whole program.
_Body = tuple[ir.Function, list[tuple[int | None, Any]]]
#: The place of a buffer in the table, as a number in the code.
_Place = Callable[[Any], ir.Value]


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
    parts : list of Group, Region or Followed
        What runs, in order.
    steps : list
        The same as it is called; see `chainrule.native.translation.Translation`.
    in_regions : set of Node
        What runs by blocks of rows.
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
        self._bodies: dict[Hashable, _Body] = {}
        self._placed: dict[str, tuple[ir.Function, ir.GlobalVariable]] = {}
        groups, views = grouped(graph, can_compute, views_of(graph))
        self.own(TROUBLE, (), np.dtype(np.int64))
        for node in graph.inputs:
            self._own(node)
        self.swaps = self._place(graph, groups, views, given_up)
        self.parts = self._divided(groups)
        regions = [part for part in self.parts if isinstance(part, Region)]
        self.in_regions = {node for region in regions for group in region.groups for node in group.nodes}
        self._touched: dict[int, Life] = {}
        # An array that NumPy makes may show memory of what NumPy was given.
        shown, self._elsewhere = self._touched_by_numpy()
        self._always = {self.places[TROUBLE]} | shown
        others = self._fixed() | self._always | self._elsewhere
        self._elsewhere |= put_in_place(self.parts, self.places, self.accesses, others)
        self.parts = with_followed(graph, self.parts, self.places, self.accesses)
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
        read = read_outside(graph, groups, views)
        over = written_over(graph, groups, given_up)
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

    def _divided(self, groups: Sequence[Group]) -> list[Part]:
        """What runs, in order."""
        outputs = {x for x in self.graph.outputs if isinstance(x, Node)}
        taken = {self.places[node] for node in self.graph.inputs}
        over = {node for node in outputs if self.places[node] in taken}
        before, region, after = divided(groups, self.access, self.places, outputs, over, rows_of(self.graph))
        parts: list[Part] = [*before, *([] if region is None else [region]), *after]
        return [part for part in parts if not isinstance(part, Group) or not _is_projection(part)]

    def _stretches(self) -> list[Any]:
        steps: list[Any] = []
        kernels: list[str] = []

        def close() -> None:
            if kernels:
                steps.append(self._driver(f"run{len(steps)}", kernels))
                kernels.clear()

        groups = [group for part in self.parts for group in groups_of(part)]
        keys = {group: kernel_key(group, self.access, self.accesses) for group in groups if _can_repeat(group)}
        alike = Counter(key for key, _ in keys.values())

        def kernel(group: Group) -> str:
            key, buffers = keys.get(group, (None, {}))
            return self._shared_kernel(group, key, buffers) if alike[key] > 1 else self._kernel(group)

        for number, part in enumerate(self.parts):
            first = len(self.buffers)
            if isinstance(part, Region):
                names = [kernel(group) for group in part.groups]
                kernels.append(RegionWriter(self, part, names).emit())
            elif isinstance(part, Followed):
                kernels.append(self._followed(part))
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

    def _note(self, part: Part, number: int, made: Iterable[int]) -> None:
        """Note what a part of the program touches; what was made for it alone is needed by nothing else."""
        read, written = touched(part, self.places, self.accesses)
        for place in (*read, *written, *made):
            born, _ = self._touched.get(place, (number, number))
            self._touched[place] = (born, number)
        if isinstance(part, Region | Followed):
            # Blocks and slices of rows hold these on the stack.
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

    def scratch(self, size: int, region: Region) -> int:
        """A buffer of so many bytes for every block of rows; its place."""
        block = region.block
        if region.rows.is_known:
            size, block = size * -(-region.rows.known() // block), 0
        self.buffers.append(Buffer(size_of(size), np.dtype(np.uint8), (size_of(size),), block))
        return len(self.buffers) - 1

    def _next_name(self) -> str:
        self._count += 1
        return f"kernel{self._count - 1}"

    def _kernel(self, group: Group) -> str:
        name = self._next_name()
        e = Emitter(self._function(name, [POINTER, INT, INT]))

        def own(buffer: Any) -> ir.Value:
            return e.int(self.places[buffer])

        if is_shared(group):

            def loop(inner: Emitter, arguments: Sequence[ir.Value]) -> LoopKernel | RowKernel:
                return self._loop(inner, group, arguments, self._bases(inner, arguments[0], own))

            emit_shared(e, loop, f"{name}.slice")
        else:
            self._write(e, group, e.b.function.args, own)
        e.b.ret_void()
        return name

    def _followed(self, part: Followed) -> str:
        """A product and the loop that follows it."""
        name = self._next_name()
        e = Emitter(self._function(name, [POINTER, INT, INT]))

        def bases(inner: Emitter, table: ir.Value) -> Callable[[Any], ir.Value]:
            return self._bases(inner, table, lambda buffer: inner.int(self.places[buffer]))

        def loop(inner: Emitter, arguments: Sequence[ir.Value], base: Callable[[Any], ir.Value]) -> Any:
            return self._loop(inner, part.loop, arguments, base)

        emit_followed(e, part, self.access, bases, loop, f"{name}.slice")
        e.b.ret_void()
        return name

    def _write(self, e: Emitter, group: Group, arguments: Sequence[ir.Value], place: _Place) -> None:
        node = group.nodes[0]
        table, n, _ = arguments
        base = self._bases(e, table, place)
        if group.domain is not None:
            self._loop(e, group, arguments, base).emit()
            return
        if group.in_blocks:
            factors = factors_of(node, self.access)
            assert factors is not None, "of operations by themselves only products are taken through blocks"
            emit_matmul(self, e, n, node, factors.in_blocks, self.access(node), base, f"{e.b.function.name}.slice")
            return
        {**KERNELS, **CONTROL}[node.op.name](self, e, n, node, base)

    def _shared_kernel(self, group: Group, key: Hashable, buffers: Mapping[Any, int]) -> str:
        """A kernel whose instructions, but for the places of its buffers, are those of all with its key.

        The instructions are handed the places, in the order in which they ask for them.
        """
        function, order = self._bodies.get(key) or self._body(group, key, buffers)
        name, mine = self._next_name(), list(buffers)
        places = [self.places[buffer if number is None else mine[number]] for number, buffer in order]
        kind = ir.ArrayType(INT, len(places))
        constant = ir.GlobalVariable(self.module, kind, f"{name}.places")
        constant.linkage, constant.global_constant = "internal", True
        constant.initializer = ir.Constant(kind, places)
        self._placed[name] = function, constant
        return name

    def _body(self, group: Group, key: Hashable, buffers: Mapping[Any, int]) -> _Body:
        """Write the instructions of a group, for all with its key unless they need memory of their own."""
        e = Emitter(self._function(f"{self._next_name()}.body", [POINTER, POINTER, INT, INT]))
        table, places, *sizes = e.b.function.args
        asked: list[Any] = []

        def place(buffer: Any) -> ir.Value:
            asked.append(buffer)
            return e.load(places, e.int(len(asked) - 1), np.dtype(np.int64))

        self._write(e, group, (table, *sizes), place)
        e.b.ret_void()
        found = e.b.function, [(buffers.get(buffer), buffer) for buffer in asked]
        if all(number is not None or buffer == TROUBLE for number, buffer in found[1]):
            self._bodies[key] = found
        return found

    def call(self, b: ir.IRBuilder, kernel: str, table: ir.Value, n: ir.Value, total: ir.Value) -> None:
        """Write the call of a kernel: for so many rows at hand, of so many in all."""
        if kernel in self._placed:
            function, places = self._placed[kernel]
            b.call(function, [table, b.bitcast(places, POINTER), n, total])
        else:
            b.call(self.module.globals[kernel], [table, n, total])

    def _bases(self, e: Emitter, table: ir.Value, place: _Place) -> Callable[[Any], ir.Value]:
        """The pointer to a buffer, read from the table when it is first asked for."""
        pointers: dict[Any, ir.Value] = {}

        def base(buffer: Any) -> ir.Value:
            if buffer not in pointers:
                pointers[buffer] = e.pointer_in(table, place(buffer))
            return pointers[buffer]

        return base

    def _loop(
        self, e: Emitter, group: Group, arguments: Sequence[ir.Value], base: Callable[[Any], ir.Value]
    ) -> LoopKernel | RowKernel:
        _, n, total = arguments
        assert group.domain is not None
        stored = {node: self.accesses[node] for node in group.nodes if node in self.accesses}
        kernel = RowKernel if group.domain.by_rows else LoopKernel
        return kernel(e, (n, total), group.domain.shape, group.nodes, stored, self.access, base)

    def _function(self, name: str, kinds: Sequence[ir.Type]) -> ir.Function:
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.linkage = "external" if name.startswith("run") else "internal"
        return function

    def _driver(self, name: str, kernels: Sequence[str]) -> str:
        b = ir.IRBuilder(self._function(name, [POINTER, INT]).append_basic_block())
        table, n = b.function.args
        for kernel in kernels:
            self.call(b, kernel, table, n, n)
        b.ret_void()
        return name


def _can_repeat(group: Group) -> bool:
    """True where the instructions of a group may be those of another, as with the layers of a network."""
    return not (through_numpy(group) or is_shared(group) or (group.domain is None and can_control(group.nodes[0])))


def through_numpy(part: Part) -> bool:
    """True for an operation that has no native form."""
    if not isinstance(part, Group) or part.domain is not None:
        return False
    return not can_run(part.nodes[0]) and not can_control(part.nodes[0])


def _is_projection(group: Group) -> bool:
    """True for an output of an operation with several: it stands where that has put it."""
    return group.domain is None and group.nodes[0].op.name == "output"
