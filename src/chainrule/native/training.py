"""A stretch of training in machine code: minibatches are gathered, steps taken and losses noted without Python.

The step is a graph ``(state, clock, batch) -> (state, objective)``. Its state stands in memory of its own, which a step
writes over, or swaps with what it has written.
"""

from collections.abc import Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native import cache, machine
from chainrule.native import patience as words
from chainrule.native.bench import Plan, Steps
from chainrule.native.emitter import Emitter
from chainrule.native.garbage import collector_paused
from chainrule.native.gathering import emit_gather
from chainrule.native.imports import addresses, imported
from chainrule.native.program import Program
from chainrule.native.types import INT, POINTER, register

__all__ = ["compiled_steps"]

_DOUBLE = np.dtype(np.float64)


def compiled_steps(graph: Graph, state: int, rows: int = 2) -> Steps:
    """Translate training steps to one native function.

    Parameters
    ----------
    graph : Graph
        Inputs: the leaves of the state, then what stays the same, then the number of the step, then the rows of the
        minibatch, whose leading size may be open. Outputs: the leaves of the state after the step, then the objective.
    state : int
        Number of leaves of the state.
    rows : int
        Number of arrays that hold rows of the minibatch.

    Returns
    -------
    Steps
        The function.

    Raises
    ------
    NotImplementedError
        Where an operation has no native form.
    """
    for source, x in zip(graph.inputs[:state], graph.outputs[:state], strict=True):
        if not isinstance(x, Node):
            raise NotImplementedError(f"{source.name} is set to a constant in a step")
        if x.shape != source.shape or x.dtype != source.dtype:
            raise NotImplementedError(f"{source.name} changes its shape or dtype in a step")
    with collector_paused():
        program = Program(graph, {k: k for k in range(state)}, begun=True)
        if not program.is_native:
            names = sorted({step.name for step in program.steps if isinstance(step, Node)})
            raise NotImplementedError(f"no native form of {', '.join(names)}")
        writer = _Writer(program, state, rows)
        module = machine.new_module("steps")
        writer.emit(module)
        plan, of_steps = writer.plan(imported(module)), cache.object_code(module)
        # What the code calls is made while it is.
        addresses(plan.imports)
        return Steps(plan, (program.code, of_steps))


class _Writer:
    """Writes the function that takes steps, and what is known of it."""

    def __init__(self, program: Program, state: int, rows: int) -> None:
        self.program, self._state = program, state
        inputs = program.graph.inputs
        self._rows = inputs[-rows:]
        self._leaves, self._clock = inputs[:state], inputs[-rows - 1]
        self._fixed = inputs[state : -rows - 1]

    def plan(self, imports: Sequence[str]) -> Plan:
        """What is known of the steps beside their code, which itself calls these from elsewhere."""
        program = self.program
        return Plan(
            names=tuple(program.steps),
            imports=tuple(dict.fromkeys((*program.imports, *imports))),
            memory=program.memory,
            # Who made the graph may write into an array that it reads as a constant.
            constants={place: array.copy() for place, array in program.constants.items()},
            leaves=self._places(self._leaves),
            fixed=self._places(self._fixed),
            rows=self._places(self._rows),
            clock=program.places[self._clock],
            written=tuple(sorted({program.places[x] for x in program.graph.outputs if isinstance(x, Node)})),
        )

    def _places(self, nodes: Sequence[Node]) -> tuple[tuple[int, np.dtype[Any]], ...]:
        return tuple((self.program.places[node], node.dtype) for node in nodes)

    def emit(self, module: ir.Module) -> None:
        kinds = [POINTER, POINTER, INT, INT, INT, INT, INT, POINTER, POINTER, POINTER]
        e = Emitter(ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "steps"))
        table, order, gathers, first, count, batch, total, objectives, sources, watched = e.b.function.args
        run = [e.declared(name, ir.VoidType(), [POINTER, INT]) for name in self.program.steps]
        # Where the next minibatch starts in the orders, and rows that are left of its epoch.
        place, left_place = e.b.alloca(INT), e.b.alloca(INT)
        e.b.store(e.b.mul(first, batch), place)
        e.b.store(e.b.sub(total, e.b.load(place, typ=INT)), left_place)
        zero = e.const(0, register(_DOUBLE))
        with (
            e.loop(e.int(0), count) as loop,
            e.b.if_then(e.b.fcmp_ordered("!=", e.load(watched, e.int(words.GOES), _DOUBLE), zero)),
        ):
            start, left = e.b.load(place, typ=INT), e.b.load(left_place, typ=INT)
            n = e.b.select(e.b.icmp_signed("<", left, batch), left, batch)
            n = e.b.select(e.b.icmp_signed("!=", gathers, e.int(0)), n, batch)
            with e.b.if_then(e.b.icmp_signed("!=", gathers, e.int(0))):
                numbers = e.b.gep(order, [start], source_etype=INT)
                for k, node in enumerate(self._rows):
                    arrays = (e.pointer_in(sources, k), self._pointer(e, table, node), numbers)
                    emit_gather(e, node.shape[1:], node.dtype, arrays, n, f"gather{k}")
            e.b.store(e.b.add(start, n), place)
            left = e.b.sub(left, n)
            over = e.b.icmp_signed("==", left, e.int(0))
            e.b.store(e.b.select(over, total, left), left_place)
            for function in run:
                e.b.call(function, [table, n])
            for a, b in self.program.swaps:
                places = [e.b.gep(table, [e.int(k)], source_etype=POINTER) for k in (a, b)]
                one, other = (e.b.load(place, typ=POINTER) for place in places)
                e.b.store(other, places[0])
                e.b.store(one, places[1])
            value = self._objective(e, table)
            e.store(value, objectives, loop.index, _DOUBLE)
            _watch(e, watched, value, n, over, total)
            clock = self._pointer(e, table, self._clock)
            now = e.load(clock, e.int(0), _DOUBLE)
            e.store(e.b.fadd(now, e.const(1, now.type)), clock, e.int(0), _DOUBLE)
        e.b.ret_void()

    def _pointer(self, e: Emitter, table: ir.Value, node: Node) -> ir.Value:
        return e.pointer_in(table, self.program.places[node])

    def _objective(self, e: Emitter, table: ir.Value) -> ir.Value:
        found = self.program.graph.outputs[self._state]
        if not isinstance(found, Node):
            return e.const(found, register(_DOUBLE))
        value = e.load(self._pointer(e, table, found), e.int(0), found.dtype)
        return e.convert(value, found.dtype, _DOUBLE)


def _watch(e: Emitter, watched: ir.Value, value: ir.Value, n: ir.Value, over: ir.Value, total: ir.Value) -> None:
    """Count a step, and end the steps where an epoch is over and there was no gain for too long.

    Sums and comparisons are those of the history in Python, in their order, so that both have the same bits.
    """
    b = e.b

    def read(word: int) -> ir.Value:
        return e.load(watched, e.int(word), _DOUBLE)

    def write(found: ir.Value, word: int) -> None:
        e.store(found, watched, e.int(word), _DOUBLE)

    one, zero = e.const(1, register(_DOUBLE)), e.const(0, register(_DOUBLE))
    write(b.fadd(read(words.TAKEN), one), words.TAKEN)
    by_rows = b.fcmp_ordered("!=", read(words.BY_ROWS), zero)

    def by(count: ir.Value) -> ir.Value:
        return b.select(by_rows, b.sitofp(count, one.type), one)

    write(b.fadd(read(words.TOTAL), b.fmul(value, by(n))), words.TOTAL)
    with b.if_then(over):
        objective, least = b.fdiv(read(words.TOTAL), by(total)), read(words.LEAST)
        lost = b.fcmp_ordered(">", objective, b.fsub(least, read(words.TOLERANCE)))
        without = b.select(lost, b.fadd(read(words.WITHOUT_GAIN), one), zero)
        write(without, words.WITHOUT_GAIN)
        write(b.select(b.fcmp_ordered("<", objective, least), objective, least), words.LEAST)
        write(zero, words.TOTAL)
        write(b.select(b.fcmp_ordered(">", without, read(words.MOST)), zero, one), words.GOES)
