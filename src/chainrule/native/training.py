"""A stretch of training in machine code: minibatches are gathered, steps taken and losses noted without Python.

The step is a graph ``(state, clock, batch) -> (state, objective)``. Its state stands in memory of its own, which a step
writes over, or swaps with what it has written.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.lengths import Length
from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.program import Program
from chainrule.native.types import INT, POINTER, register

__all__ = ["Steps"]

_DOUBLE = np.dtype(np.float64)


class Steps:
    """Training steps as one native function.

    Parameters
    ----------
    graph : Graph
        Inputs: the leaves of the state, then what stays the same, then the number of the step, then the rows of the
        minibatch, whose leading size is open. Outputs: the leaves of the state after the step, then the objective.
    state : int
        Number of leaves of the state.

    Raises
    ------
    NotImplementedError
        Where an operation has no native form.
    """

    def __init__(self, graph: Graph, state: int) -> None:
        self._state = state
        for source, x in zip(graph.inputs[:state], graph.outputs[:state], strict=True):
            if getattr(x, "shape", ()) != source.shape or getattr(x, "dtype", source.dtype) != source.dtype:
                raise NotImplementedError(f"{source.name} changes its shape or dtype in a step")
        self.program = Program(graph, {k: k for k in range(state)})
        if not self.program.is_native:
            names = sorted({step.name for step in self.program.steps if isinstance(step, Node)})
            raise NotImplementedError(f"no native form of {', '.join(names)}")
        inputs = self.program.graph.inputs
        self._rows = tuple(node for node in inputs if node.shape and isinstance(node.shape[0], Length))
        self._leaves, self._clock = inputs[:state], inputs[-len(self._rows) - 1]
        self._fixed = inputs[state : -len(self._rows) - 1]
        module = machine.new_module("steps")
        self._emit(module)
        imports = {name: self.program.library.addresses[name] for name in self.program.steps}
        self._library = machine.compiled(module, ("steps",), imports)
        kinds = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 5 + [ctypes.c_void_p] * 2
        self._call = ctypes.CFUNCTYPE(None, *kinds)(self._library.addresses["steps"])

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
                    source = e.b.load(e.b.gep(sources, [e.int(k)], source_etype=POINTER), typ=POINTER)
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
        place = e.b.gep(table, [e.int(self.program.places[node])], source_etype=POINTER)
        return e.b.load(place, typ=POINTER)

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

    def run(
        self,
        state: Sequence[Any],
        fixed: Sequence[Any],
        clock: int,
        rows: Sequence[np.ndarray[Any, Any]],
        order: np.ndarray[Any, Any] | None,
        batch: int,
        first: int,
        count: int,
    ) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
        """Take some steps.

        Parameters
        ----------
        state : sequence
            The leaves of the state; they stay as they are.
        fixed : sequence
            The leaves of what stays the same.
        clock : int
            Number of the first of these steps since the start of the training.
        rows : sequence of array
            All examples: the arrays that minibatches are taken from.
        order : array of int64 or None
            The rows of the epoch in their order; None where every step takes all rows as they are.
        batch : int
            Rows of a minibatch; the last one may have fewer.
        first, count : int
            Number of the first minibatch of these steps, and how many there are.

        Returns
        -------
        state : list of array
            The leaves of the state after the last step.
        objectives : array, shape (count,)
            The objective of each step, before it was taken.
        """
        program = self.program
        data = [np.ascontiguousarray(x, node.dtype) for x, node in zip(rows, self._rows, strict=True)]
        arrays: dict[int, np.ndarray[Any, Any]] = dict(program.constants)
        for node, value in zip((*self._leaves, *self._fixed), (*state, *fixed), strict=True):
            arrays[program.places[node]] = np.array(value, node.dtype)
        arrays[program.places[self._clock]] = np.array(float(clock))
        for node, x in zip(self._rows, data, strict=True):
            arrays[program.places[node]] = x if order is None else np.empty((batch, *x.shape[1:]), node.dtype)
        for node in program.graph.outputs:
            if isinstance(node, Node) and program.places[node] not in arrays:
                arrays[program.places[node]] = program.array(program.places[node], batch)
        arrays.update(program.workspace(batch, arrays))
        table = np.zeros(len(program.buffers), np.uint64)
        for place, array in arrays.items():
            table[place] = array.ctypes.data
        objectives = np.empty(count)
        sources = np.array([x.ctypes.data for x in data], np.uint64)
        gathers = order is not None
        order = np.ascontiguousarray(order if gathers else (), np.int64)
        self._call(
            table.ctypes.data,
            order.ctypes.data,
            gathers,
            first,
            count,
            batch,
            len(order),
            objectives.ctypes.data,
            sources.ctypes.data,
        )
        by_address = {array.ctypes.data: array for array in arrays.values()}
        return [by_address[int(table[program.places[node]])] for node in self._leaves], objectives
