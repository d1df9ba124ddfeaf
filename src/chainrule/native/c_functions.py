"""Programs as functions that C code calls: scalars or an array in, a number out, and nothing of Python on the way.

A call has its table of buffers and its workspace to itself, on the stack or, where that is larger, from the heap. So
calls may run at once, with or without the interpreter's lock.
"""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.cache import object_code
from chainrule.native.entry_writer import NULL, ObjectWriter
from chainrule.native.planning import ALIGNMENT
from chainrule.native.program import TROUBLE_PLACE, Program
from chainrule.native.types import INT, POINTER

__all__ = ["CFunction", "array_function", "scalar_function"]

#: Bytes of a workspace that are taken from the stack; more comes from the heap.
_STACK = 1 << 14
_WORD, _DOUBLE = ir.IntType(32), ir.DoubleType()


class CFunction:
    """A function in memory, for as long as this object lives.

    Attributes
    ----------
    address : int
        Where it starts.
    """

    def __init__(self, code: "_Code") -> None:
        library = machine.linked(object_code(code.module), ("function",), code.imports)
        self.address = library.addresses["function"]
        self._parts = (code.program, library, code.kept)


def scalar_function(program: Program, arrays: Sequence[np.ndarray[Any, Any]]) -> CFunction:
    """Make ``double function(int count, double *x, void *)``.

    Parameters
    ----------
    program : Program
        Native; its first inputs are numbers of float64, its output is one real number.
    arrays : sequence of ndarray
        Values of its other inputs, which stay the same arrays.

    Returns
    -------
    CFunction
        It gives NaN where `count` is not the number of those inputs, where an index is out of range, and where there is
        no memory.
    """
    code = _Code(program, arrays, ir.FunctionType(_DOUBLE, [_WORD, POINTER, POINTER]))
    e = code.emitter
    count, x, _ = e.b.function.args
    nan = ir.Constant(_DOUBLE, float("nan"))
    numbers = code.inputs
    code.return_unless(e.b.icmp_signed("==", count, ir.Constant(_WORD, len(numbers))), nan)
    for k, node in enumerate(numbers):
        code.set_input(node, e.b.gep(x, [e.int(k)], source_etype=INT))
    e.b.ret(code.run(failed=lambda: nan))
    return CFunction(code)


def array_function(program: Program, arrays: Sequence[np.ndarray[Any, Any]]) -> CFunction:
    """Make ``int function(double *x, intptr_t size, double *result, void *)``, which returns 1, or 0 for a failure.

    Parameters
    ----------
    program : Program
        Native; its first input is one array of float64, its output is one real number.
    arrays : sequence of ndarray
        As for `scalar_function`.

    Returns
    -------
    CFunction
        It fails where `size` is not the size of that input, and as in `scalar_function`.
    """
    code = _Code(program, arrays, ir.FunctionType(_WORD, [POINTER, INT, POINTER, POINTER]))
    e = code.emitter
    x, size, result, _ = e.b.function.args
    failure = ir.Constant(_WORD, 0)
    (array,) = code.inputs
    code.return_unless(e.b.icmp_signed("==", size, e.int(int(np.prod(array.shape)))), failure)
    code.set_input(array, x)
    e.b.store(code.run(failed=lambda: failure), result)
    e.b.ret(ir.Constant(_WORD, 1))
    return CFunction(code)


class _Code(ObjectWriter):
    """Writes one such function.

    Attributes
    ----------
    inputs : list of Node
        What a call brings.
    """

    def __init__(self, program: Program, arrays: Sequence[np.ndarray[Any, Any]], kind: ir.FunctionType) -> None:
        super().__init__("function", kind)
        self.program, self.emitter = program, self._e
        self.imports.update({name: program.library.addresses[name] for name in program.steps})
        inputs = program.graph.inputs
        self.inputs, hidden = inputs[: len(inputs) - len(arrays)], inputs[len(inputs) - len(arrays) :]
        self._table = self._memory(8 * len(program.buffers))
        self._result = self._memory(8)
        self._bytes, self._starts = program.layout(0)
        self._stack = self._memory(self._bytes if self._bytes <= _STACK else 0)
        for node, x in zip(hidden, arrays, strict=True):
            self.set_input(node, self._data_of(x))
        for place, x in program.constants.items():
            self._put(place, self._data_of(x))

    def return_unless(self, holds: ir.Value, otherwise: ir.Value) -> None:
        """Leave the function where something does not hold."""
        b = self._e.b
        with b.if_then(b.not_(holds)):
            b.ret(otherwise)

    def set_input(self, node: Node, pointer: ir.Value) -> None:
        """Let an input stand at an address."""
        self._put(self.program.places[node], pointer)

    def _put(self, place: int, pointer: ir.Value) -> None:
        self._e.b.store(pointer, self._e.b.gep(self._table, [self._e.int(place)], source_etype=INT))

    def run(self, failed: Callable[[], ir.Value]) -> ir.Value:
        """Run the program; leave the function with what `failed` gives where that fails. The result as a double."""
        e, b = self._e, self._e.b
        (output,) = self.program.graph.outputs
        if not isinstance(output, Node):
            return ir.Constant(_DOUBLE, float(output))
        block, first = self._workspace(failed)
        for place, start in self._starts.items():
            self._put(place, self._at(first, start))
        self._put(self.program.places[output], self._result)
        trouble = self._at(first, self._starts[TROUBLE_PLACE])
        b.store(e.int(0), trouble)
        for name in self.program.steps:
            self._call(name, ir.VoidType(), self._table, e.int(0))
        found, wrong = e.load(self._result, e.int(0), output.dtype), b.load(trouble, typ=INT)
        if block is not None:
            self._call("PyMem_RawFree", ir.VoidType(), block)
        self.return_unless(b.icmp_signed("==", wrong, e.int(0)), failed())
        return e.convert(found, output.dtype, np.dtype(np.float64))

    def _workspace(self, failed: Callable[[], ir.Value]) -> tuple[ir.Value | None, ir.Value]:
        """The block to give back, if any, and where the workspace starts in it."""
        e, b = self._e, self._e.b
        if self._bytes <= _STACK:
            return None, self._stack
        # No lock is needed for this part of Python's memory.
        block = self._call("PyMem_RawMalloc", POINTER, e.int(self._bytes + ALIGNMENT))
        self.return_unless(b.icmp_unsigned("!=", block, NULL), failed())
        start = b.and_(b.add(b.ptrtoint(block, INT), e.int(ALIGNMENT - 1)), e.int(-ALIGNMENT))
        return block, b.inttoptr(start, POINTER)
