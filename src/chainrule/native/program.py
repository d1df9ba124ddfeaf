"""A graph as a program: loops and products in an order, buffers with places in memory, and the way to run it.

What has no native form runs through its evaluation in NumPy, between stretches of machine code. A program is fixed once
made; what one run needs beside the arrays that come and go is a workspace, and runs at once have one each.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.evaluate import evaluate
from chainrule.graph import Graph, Node
from chainrule.lengths import settle
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.calling import Call
from chainrule.native.control_bodies import LOWERING
from chainrule.native.control_steps import Sized, run_sized
from chainrule.native.garbage import collector_paused
from chainrule.native.grouping import Group
from chainrule.native.imports import addresses, imported
from chainrule.native.lowering import Lowering
from chainrule.native.memory import TROUBLE_PLACE, Memory
from chainrule.native.own_memory import in_own_memory
from chainrule.native.touching import Part, groups_of
from chainrule.native.translation import Translation, translated
from chainrule.passes import Pass, run

__all__ = ["PASSES", "TROUBLE_PLACE", "Program"]


def outputs_in_own_memory(graph: Graph) -> Graph:
    """Copy outputs that are inputs, views of something, or there twice; see `in_own_memory`."""
    return in_own_memory(graph, constants=False)


#: What a graph goes through after the passes that do not know of machines.
PASSES: tuple[Pass, ...] = (*LOWERING, outputs_in_own_memory)


class Program:
    """A graph in machine code.

    Parameters
    ----------
    graph : Graph
        What to compute; the leading size of its inputs may be open.
    given_up : dict of int to int
        Outputs, by number, that may be written over an input, by number, whose value is not needed afterwards. Where
        that is not possible `swaps` has the pair.
    begun : bool
        Whether the code may still be under way when this returns; `code` waits for it.

    Attributes
    ----------
    steps : list
        What runs, in order: names of functions, operations through NumPy, and what asks for memory.
    places : dict
        For nodes in memory the number of their buffer.
    buffers : list of Buffer
        By number what has memory: arguments, results, constants, and what is between.
    memory : Memory
        What they take, and those between in a workspace.
    imports : tuple of str
        What the object file calls from elsewhere.
    swaps : list of tuple of int
        Places of an output and an input that may take each other's memory after a run.
    """

    @collector_paused()
    def __init__(self, graph: Graph, given_up: Mapping[int, int] | None = None, *, begun: bool = False) -> None:
        self.graph = run(graph, PASSES)
        self._given_up = dict(given_up or {})
        found = translated(self.graph, self._given_up, self._translated)
        self.swaps, self.places, self.buffers, self.steps = found.swaps, found.places, found.buffers, found.steps
        self.constants, self.memory = found.constants, Memory(found.buffers, found.lives)
        self._accesses = found.accesses
        self._found, self.imports = found, found.imports
        if not begun:
            # What the code calls is made while it is.
            addresses(found.imports)
            self.library  # noqa: B018

    @cached_property
    def code(self) -> bytes:
        """The object file."""
        return self._found.code()

    @cached_property
    def library(self) -> machine.Library:
        """The code in memory."""
        return machine.linked(self.code, self._found.names, addresses(self.imports))

    @cached_property
    def _calls(self) -> dict[str, Call]:
        return {name: Call(self.library.addresses[name]) for name in self._found.names}

    def _translated(self, begun_code: Callable[[ir.Module], Callable[[], bytes]]) -> Translation:
        """Lower the graph, and begin to translate it."""
        x = Lowering(self.graph, self._given_up)
        self._lowered = x.parts, x.accesses
        code, imports = begun_code(x.module), imported(x.module)
        return Translation(code, imports, x.steps, x.buffers, x.places, x.accesses, x.constants, x.lives, x.swaps)

    @cached_property
    def _lowered(self) -> tuple[list[Part], Mapping[Any, Access]]:
        """What runs, and where entries stand; found out again where the code was at hand."""
        x = Lowering(self.graph, self._given_up)
        return x.parts, x.accesses

    @property
    def parts(self) -> list[Part]:
        """What runs, in order."""
        return self._lowered[0]

    @property
    def groups(self) -> list[Group]:
        """The loops and the operations by themselves, in their order."""
        return [group for part in self.parts for group in groups_of(part)]

    def access(self, x: Any) -> Access:
        """Where the entries of a node or a constant array stand."""
        return self._lowered[1][x if isinstance(x, Node) else id(x)]

    @property
    def is_native(self) -> bool:
        """True where nothing runs through NumPy."""
        return all(isinstance(step, str) for step in self.steps)

    def layout(self, n: int) -> tuple[int, dict[int, int]]:
        """Bytes of a workspace, and where in it each buffer stands that needs memory there."""
        return self.memory.layout(n)

    def __call__(self, *values: Any) -> list[Any]:
        """Run on plain values, one for each input; list the outputs."""
        n = self.graph.rows(np.shape(x) for x in values) if self.graph.is_open else 0
        table = np.zeros(len(self.buffers), np.uint64)
        arrays: dict[int, np.ndarray[Any, Any]] = {}
        written = {self.places[x] for x in self.graph.outputs if isinstance(x, Node)}
        for node, value in zip(self.graph.inputs, values, strict=True):
            place = self.places[node]
            array = np.ascontiguousarray(value, node.dtype).reshape(np.shape(value))
            arrays[place] = array.copy() if place in written else array  # Arguments stay as they are.
        arrays.update(self.constants)
        arrays.update(self.memory.workspace(n, arrays))
        arrays.update({place: self.memory.array(place, n) for place in written if place not in arrays})
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
