"""A stretch of training in machine code: minibatches are gathered, steps taken and losses noted without Python.

The step is a graph ``(state, clock, batch) -> (state, objective)``. Its state stands in memory of its own, which a step
writes over, or swaps with what it has written.
"""

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native import cache, machine
from chainrule.native.emitter import Emitter
from chainrule.native.garbage import collector_paused
from chainrule.native.program import TROUBLE_PLACE, Program
from chainrule.native.types import INT, POINTER, register

__all__ = ["Bench", "Steps"]

_DOUBLE = np.dtype(np.float64)


class Steps:
    """Training steps as one native function.

    Parameters
    ----------
    graph : Graph
        Inputs: the leaves of the state, then what stays the same, then the number of the step, then the rows of the
        minibatch, whose leading size may be open. Outputs: the leaves of the state after the step, then the objective.
    state : int
        Number of leaves of the state.
    rows : int
        Number of arrays that hold rows of the minibatch.

    Raises
    ------
    NotImplementedError
        Where an operation has no native form.
    """

    def __init__(self, graph: Graph, state: int, rows: int = 2) -> None:
        self._state = state
        for source, x in zip(graph.inputs[:state], graph.outputs[:state], strict=True):
            if not isinstance(x, Node):
                raise NotImplementedError(f"{source.name} is set to a constant in a step")
            if x.shape != source.shape or x.dtype != source.dtype:
                raise NotImplementedError(f"{source.name} changes its shape or dtype in a step")
        with collector_paused():
            self._compile(graph, rows)
        kinds = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 5 + [ctypes.c_void_p] * 2
        self._call = ctypes.CFUNCTYPE(None, *kinds)(self._library.addresses["steps"])

    def _compile(self, graph: Graph, rows: int) -> None:
        state = self._state
        self.program = Program(graph, {k: k for k in range(state)})
        if not self.program.is_native:
            names = sorted({step.name for step in self.program.steps if isinstance(step, Node)})
            raise NotImplementedError(f"no native form of {', '.join(names)}")
        # Who made the graph may write into an array that it reads as a constant.
        self._constants = {place: array.copy() for place, array in self.program.constants.items()}
        inputs = self.program.graph.inputs
        self._rows = inputs[-rows:]
        self._leaves, self._clock = inputs[:state], inputs[-rows - 1]
        self._fixed = inputs[state : -rows - 1]
        module = machine.new_module("steps")
        self._emit(module)
        imports = {name: self.program.library.addresses[name] for name in self.program.steps}
        self._library = machine.linked(cache.object_code(module), ("steps",), imports)

    def _emit(self, module: ir.Module) -> None:
        kinds = [POINTER, POINTER, INT, INT, INT, INT, INT, POINTER, POINTER]
        e = Emitter(ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "steps"))
        table, order, gathers, first, count, batch, total, objectives, sources = e.b.function.args
        run = [e.declared(name, ir.VoidType(), [POINTER, INT]) for name in self.program.steps]
        with e.loop(e.int(0), count) as loop:
            start = e.b.mul(e.b.add(first, loop.index), batch)
            left = e.b.sub(total, start)
            n = e.b.select(e.b.icmp_signed("<", left, batch), left, batch)
            n = e.b.select(e.b.icmp_signed("!=", gathers, e.int(0)), n, batch)
            with e.b.if_then(e.b.icmp_signed("!=", gathers, e.int(0))):
                for k, node in enumerate(self._rows):
                    source = e.pointer_in(sources, k)
                    self._gather(e, node, source, self._pointer(e, table, node), order, start, n)
            for function in run:
                e.b.call(function, [table, n])
            for a, b in self.program.swaps:
                places = [e.b.gep(table, [e.int(k)], source_etype=POINTER) for k in (a, b)]
                one, other = (e.b.load(place, typ=POINTER) for place in places)
                e.b.store(other, places[0])
                e.b.store(one, places[1])
            self._note(e, table, objectives, loop.index)
            clock = self._pointer(e, table, self._clock)
            now = e.load(clock, e.int(0), _DOUBLE)
            e.store(e.b.fadd(now, e.const(1, now.type)), clock, e.int(0), _DOUBLE)
        e.b.ret_void()

    def _pointer(self, e: Emitter, table: ir.Value, node: Node) -> ir.Value:
        return e.pointer_in(table, self.program.places[node])

    def _note(self, e: Emitter, table: ir.Value, objectives: ir.Value, index: ir.Value) -> None:
        found = self.program.graph.outputs[self._state]
        if isinstance(found, Node):
            value = e.load(self._pointer(e, table, found), e.int(0), found.dtype)
            value = e.convert(value, found.dtype, _DOUBLE)
        else:
            value = e.const(found, register(_DOUBLE))
        e.store(value, objectives, index, _DOUBLE)

    def _gather(
        self, e: Emitter, node: Node, source: ir.Value, target: ir.Value, order: ir.Value, start: ir.Value, n: ir.Value
    ) -> None:
        """Copy the rows of a minibatch, entry by entry in vectors; their length is known."""
        length = 1
        for k in node.shape[1:]:
            length *= k
        dtype, lanes = node.dtype, machine.lanes(node.dtype)
        whole = length // lanes * lanes
        with e.loop(e.int(0), n) as rows:
            place = e.b.gep(order, [e.b.add(start, rows.index)], source_etype=INT)
            row = e.b.load(place, typ=INT)
            origin = e.address(source, e.b.mul(row, e.int(length)), dtype)
            goal = e.address(target, e.b.mul(rows.index, e.int(length)), dtype)
            if whole:
                with e.loop(e.int(0), e.int(whole), lanes) as loop:
                    e.store(e.load(origin, loop.index, dtype, lanes), goal, loop.index, dtype)
            if length % lanes:
                mask = e.tail_mask(e.int(whole), e.int(length), lanes)
                e.store(e.load(origin, e.int(whole), dtype, lanes, mask), goal, e.int(whole), dtype, mask)

    def bench(
        self, fixed: Sequence[Any], rows: Sequence[np.ndarray[Any, Any]], batch: int, *, gathers: bool
    ) -> "Bench":
        """Make room for steps on some examples.

        Parameters
        ----------
        fixed : sequence
            The leaves of what stays the same.
        rows : sequence of array
            All examples: the arrays that minibatches are taken from.
        batch : int
            Rows of a minibatch; the last one may have fewer.
        gathers : bool
            Whether minibatches are picked; otherwise every step takes all rows as they are.

        Returns
        -------
        Bench
            For one run at a time.
        """
        return Bench(self, fixed, rows, batch, gathers)


class Bench:
    """Memory in which steps run, but for the state that comes and goes; see `Steps.bench`."""

    def __init__(
        self, steps: Steps, fixed: Sequence[Any], rows: Sequence[np.ndarray[Any, Any]], batch: int, gathers: bool
    ) -> None:
        program = steps.program
        self._steps, self._batch, self._gathers = steps, batch, gathers
        data = [np.ascontiguousarray(x, node.dtype) for x, node in zip(rows, steps._rows, strict=True)]
        arrays = dict(steps._constants)
        for node, value in zip(steps._fixed, fixed, strict=True):
            arrays[program.places[node]] = np.array(value, node.dtype)
        self._clock = arrays[program.places[steps._clock]] = np.zeros(())
        for node, x in zip(steps._rows, data, strict=True):
            arrays[program.places[node]] = np.empty((batch, *x.shape[1:]), node.dtype) if gathers else x
        self._dtypes = [node.dtype for node in steps._leaves]
        leaves = [program.places[node] for node in steps._leaves]
        written = {program.places[x] for x in program.graph.outputs if isinstance(x, Node)}
        spare = sorted(written - set(leaves))
        #: Places of the state, and of what a step writes beside it.
        self._places = np.array([*leaves, *spare], np.intp)
        self._spare = [program.array(place, batch) for place in spare]
        self._before: list[np.ndarray[Any, Any]] = []
        self._last: list[np.ndarray[Any, Any]] = []
        arrays.update(program.workspace(batch, arrays))
        self._table = np.zeros(len(program.buffers), np.uint64)
        for place, array in arrays.items():
            self._table[place] = _address(array)
        self._sources = np.array([_address(x) for x in data], np.uint64)
        self._trouble = arrays[TROUBLE_PLACE]
        self._kept = arrays, data  # What the table points to.

    def run(
        self, state: Sequence[Any], clock: int, order: np.ndarray[Any, Any] | None, first: int, count: int
    ) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
        """Take some steps.

        Parameters
        ----------
        state : sequence
            The leaves of the state; they stay as they are.
        clock : int
            Number of the first of these steps since the start of the training.
        order : array of int64 or None
            The rows of the epoch in their order, where minibatches are picked.
        first, count : int
            Number of the first minibatch of these steps, and how many there are.

        Returns
        -------
        state : list of array
            The leaves of the state after the last step.
        objectives : array, shape (count,)
            The objective of each step, before it was taken; NaN where an index was out of bounds in one of them.
        """
        state = self._copied(state)
        arrays = [*state, *self._spare]
        addresses = [_address(x) for x in arrays]
        self._table[self._places] = addresses
        self._clock[...] = clock
        self._trouble[...] = 0
        objectives = np.empty(count)
        order = np.ascontiguousarray(order if self._gathers else (), np.int64)
        self._steps._call(
            _address(self._table),
            _address(order),
            self._gathers,
            first,
            count,
            self._batch,
            len(order),
            _address(objectives),
            _address(self._sources),
        )
        if self._trouble:
            objectives[:] = np.nan  # An index was out of bounds: the interpreter says which.
        # Where the state has changed places with what stands beside it, the next run has that room.
        here = dict(zip(addresses, arrays, strict=True))
        found = [here[address] for address in self._table[self._places].tolist()]
        self._spare = found[len(state) :]
        self._before, self._last = self._last, found[: len(state)]
        return self._last[:], objectives

    def _copied(self, state: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
        """Copies of the leaves of a state, in the memory of the state before the last where nobody holds it."""
        old, copies = self._before, []
        for k, (value, dtype) in enumerate(zip(state, self._dtypes, strict=True)):
            if old and _references(old, k) == _ALONE and old[k].shape == np.shape(value):
                np.copyto(old[k], value)
                copies.append(old[k])
            else:
                copies.append(np.array(value, dtype, order="C"))
        self._before = []
        return copies


def _references(arrays: list[np.ndarray[Any, Any]], k: int) -> int:
    return sys.getrefcount(arrays[k])


#: References to an array that only a list holds, as Python counts them here.
_ALONE = _references([np.empty(0)], 0)


def _address(x: np.ndarray[Any, Any]) -> int:
    """Where the entries of an array start; `x.ctypes.data` takes four times as long."""
    if not (x.size and x.flags.writeable):
        return x.ctypes.data
    buffer: Any = x
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
