"""The way from a Python call into a program: a builtin function that reads NumPy's array objects itself.

It takes one positional argument for each input, looks whether each is what the program was made for, and otherwise
returns NotImplemented, so that the caller takes the long way. The fields that it reads are those of the public
structures of CPython and NumPy (``PyArrayObject_fields`` in ``numpy/ndarraytypes.h``); new arrays are made by NumPy's
own C interface. Nothing is shared between calls: the table of buffers and the workspace of a call are its own.
"""

import ctypes
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.lengths import Length, Quotient, settle
from chainrule.native import machine
from chainrule.native.cache import object_code
from chainrule.native.emitter import Emitter
from chainrule.native.program import Program
from chainrule.native.types import INT, POINTER

__all__ = ["Entry", "entry_of"]

# Offsets in bytes on 64-bit machines: of an object's type and of a scalar's value, and of the fields of an array.
_TYPE, _VALUE = 8, 16
_DATA, _RANK, _DIMENSIONS, _DESCRIPTION, _FLAGS = 16, 24, 32, 56, 64
#: C-contiguous and aligned (``NPY_ARRAY_C_CONTIGUOUS``, ``NPY_ARRAY_ALIGNED``).
_WANTED_FLAGS = 0x0101
_FASTCALL = 0x0080

#: Bytes of a workspace that are taken from the stack; more comes from the heap.
_STACK = 1 << 14
#: Bytes of inputs, outputs and workspace from which on the interpreter's lock is let go while the program runs.
_RELEASES_FROM = 1 << 16
_ALIGNMENT = 64
#: Place of the buffer in which a program says that an index was out of range.
_TROUBLE = 0
#: Leading sizes below this one can be admitted.
_SIZES = 1 << 15

# Places in NumPy's table of C functions (``numpy/__multiarray_api.h``), the same in every release.
_PYARRAY_SCALAR, _PYARRAY_EMPTY = 60, 184

_BYTE, _WORD = ir.IntType(8), ir.IntType(32)

#: NumPy's numbers whose value stands right behind the object's head.
_SCALARS = (np.float64, np.float32, np.int64, np.int32, np.uint64, np.uint32, np.uint8, np.int8, np.int16, np.uint16)


class Entry:
    """An entry.

    Attributes
    ----------
    function : builtin function
        It returns the outputs as a tuple, or the output itself where there is one; NotImplemented where an argument
        differs from what the program was made for, or a result asks for another way.
    """

    def __init__(self, emitted: "_Emission") -> None:
        library = machine.linked(object_code(emitted.module), ("entry",), emitted.imports)
        self._formulas = emitted.formulas
        self._sizes = emitted.sizes
        self._plans: dict[int, np.ndarray[Any, Any]] = {}
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
        definition = _Definition(b"compiled", library.addresses["entry"], _FASTCALL, None)
        # The function keeps alive what it is given as its first argument.
        parts = (emitted.program, library, emitted.kept, definition, self._sizes, self._plans)
        self.function: Callable[..., Any] = make(ctypes.addressof(definition), parts, None)

    def admit(self, n: int) -> None:
        """Let arguments with that leading size be taken, where it is open."""
        if n < _SIZES and n not in self._plans:
            plan = self._plans[n] = np.array([formula(n) for formula in self._formulas], np.int64)
            self._sizes[n] = plan.ctypes.data


class _Definition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("method", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def entry_of(
    program: Program,
    forms: Sequence[Any],
    arrays: Sequence[np.ndarray[Any, Any]],
    expected: Sequence[Any],
    *,
    nan: bool,
) -> Entry | None:
    """Make the builtin function that runs a program.

    Parameters
    ----------
    program : Program
        The program.
    forms : sequence
        What the function is called with: for an input of the program `numpy.ndarray`, `numpy.generic` or `float`; in an
        `Only`, the one object that may stand at this place.
    arrays : sequence of ndarray
        Values of the program's last inputs, which stay the same arrays.
    expected : sequence of bool or int
        What the program's last outputs have to be.
    nan : bool
        Whether a result that is NaN is to be computed in another way.

    Returns
    -------
    Entry or None
        None where there can be no such function. Where the leading size is open, none is admitted yet.
    """
    if not program.is_native or not _fits(program, forms, arrays, expected):
        return None
    return Entry(_Emission(program, forms, arrays, expected, nan))


class Only:
    """The one object that may be given at a place."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _fits(program: Program, forms: Sequence[Any], arrays: Sequence[Any], expected: Sequence[Any]) -> bool:
    graph = program.graph
    given = [form for form in forms if not isinstance(form, Only)]
    for node, form in zip(graph.inputs[: len(given)], given, strict=True):
        scalar = form is np.generic and (node.dtype.type in _SCALARS)
        if not (form is np.ndarray or scalar or (form is float and node.dtype == np.float64)):
            return False
    if not all(x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative for x in arrays):
        return False
    results = graph.outputs[: len(graph.outputs) - len(expected)]
    return all(_can_return(x) for x in results) and all(
        isinstance(x, Node) and x.dtype.kind in "biu" for x in graph.outputs[len(results) :]
    )


def _can_return(x: Any) -> bool:
    if not isinstance(x, Node):
        return not isinstance(x, (np.ndarray, Length, Quotient))
    if x.weak is True:
        return x.dtype == np.float64
    return not isinstance(x.dtype, tuple) and x.dtype.kind in "fiub" and None not in x.shape


@cache
def _numpy_table() -> Any:
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_void_p))


_FUNCTIONS = (
    "PyFloat_FromDouble",
    "PyTuple_New",
    "PyMem_RawMalloc",
    "PyMem_RawFree",
    "PyErr_NoMemory",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "Py_IncRef",
    "Py_DecRef",
)


@cache
def _functions() -> dict[str, int]:
    table = _numpy_table()
    found = {name: int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0) for name in _FUNCTIONS}
    return {**found, "PyArray_Scalar": int(table[_PYARRAY_SCALAR]), "PyArray_Empty": int(table[_PYARRAY_EMPTY])}


class _Emission:
    """Writes one entry: ``PyObject *entry(PyObject *self, PyObject *const *args, Py_ssize_t count)``."""

    def __init__(
        self, program: Program, forms: Sequence[Any], arrays: Sequence[Any], expected: Sequence[Any], nan: bool
    ) -> None:
        self.program, self._graph = program, program.graph
        self._places = program.places
        self._expected = expected
        self.kept: list[Any] = []
        self._owned: list[ir.Value] = []
        self._free: Callable[[ir.IRBuilder], Any] = lambda b: None
        self.imports = {name: program.library.addresses[name] for name in program.steps}
        self.imports.update(_functions())
        self.module = machine.new_module("entry")
        function = ir.Function(self.module, ir.FunctionType(POINTER, [POINTER, POINTER, INT]), "entry")
        e = self._e = Emitter(function)
        _, args, count = function.args
        self._count = len(self._graph.outputs) - len(expected)
        self.formulas: list[Callable[[int], int]] = []
        self.sizes = np.zeros(_SIZES if self._graph.is_open else 0, np.uint64)
        self._plan: ir.Value | None = None
        # Memory of the call.
        self._table = self._memory(8 * len(program.buffers))
        self._cells = self._memory(8 * len(self._graph.outputs))
        self._cell = 0
        ranks = [len(x.shape) for x in self._graph.outputs if isinstance(x, Node)]
        self._lengths = self._memory(8 * max([1, *ranks]))
        stack = self._memory(_STACK if self._graph.is_open else min(program.layout(0)[0], _STACK))
        self._other = function.append_basic_block("other")
        other = ir.IRBuilder(self._other)
        other.ret(self._object(other, NotImplemented))
        self._require(e.b.icmp_signed("==", count, e.int(len(forms))))
        self._checks: list[tuple[ir.Value, Any]] = []
        self._read(args, forms)
        for found, length in self._checks:
            self._require(e.b.icmp_signed("==", found, self._length(length)))
        for node, x in zip(self._graph.inputs[len(self._graph.inputs) - len(arrays) :], arrays, strict=True):
            self.kept.append(x)
            self._set(node, self._elsewhere(x.ctypes.data))
        for place, x in program.constants.items():
            self._put(place, self._elsewhere(x.ctypes.data))
        first = self._workspace(stack)
        for place in program.layout(1)[1]:
            start = self._number(partial(self._start, place))
            self._put(place, e.b.gep(first, [start], source_etype=_BYTE))
        made = self._make_outputs()
        self._trouble = e.b.gep(first, [self._number(partial(self._start, _TROUBLE))], source_etype=_BYTE)
        e.b.store(e.int(0), self._trouble)
        self._run()
        self._check(made, nan)
        self._return(made)

    # Small parts

    def _object(self, b: ir.IRBuilder, x: Any) -> ir.Value:
        """The address of an object, which is kept alive."""
        self.kept.append(x)
        b_value = self._elsewhere(id(x))
        b.call(self._e.declared("Py_IncRef", ir.VoidType(), [POINTER]), [b_value])
        return b_value

    def _address(self, x: Any) -> ir.Value:
        self.kept.append(x)
        return self._elsewhere(id(x))

    def _elsewhere(self, address: int) -> ir.Value:
        """A pointer to what stands elsewhere: by a name, so that the code is the same in every process."""
        name = f"chainrule.object.{len(self.imports)}"
        self.imports[name] = address
        return ir.GlobalVariable(self.module, _BYTE, name).ptrtoint(INT).inttoptr(POINTER)

    def _memory(self, size: int) -> ir.Value:
        """Memory on the stack."""
        found = self._e.b.alloca(ir.ArrayType(_BYTE, max(size, 1)))
        found.align = _ALIGNMENT
        first = self._e.b.gep(found, [self._e.int(0)], source_etype=_BYTE)
        first.type = POINTER
        return first

    def _call(self, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
        return self._e.b.call(self._e.declared(name, result, [x.type for x in args]), args)

    def _field(self, x: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
        b = self._e.b
        return b.load(b.gep(x, [self._e.int(offset)], source_etype=_BYTE), typ=kind)

    def _require(self, holds: ir.Value) -> None:
        """Go on where that holds, and otherwise take the other way."""
        b = self._e.b
        after = b.append_basic_block("as_expected")
        b.cbranch(holds, after, self._other)
        b.position_at_end(after)

    def _put(self, place: int, pointer: ir.Value) -> None:
        b = self._e.b
        b.store(pointer, b.gep(self._table, [self._e.int(place)], source_etype=INT))

    def _set(self, node: Node, pointer: ir.Value) -> None:
        self._put(self._places[node], pointer)

    def _next_cell(self) -> ir.Value:
        """A word of memory for a number."""
        self._cell += 1
        return self._e.b.gep(self._cells, [self._e.int(self._cell - 1)], source_etype=INT)

    def _number(self, formula: Callable[[int], int]) -> ir.Value:
        """A number that follows from the leading size; where that is open it stands in the plan for this size."""
        if not self._graph.is_open:
            return self._e.int(formula(0))
        self.formulas.append(formula)
        return self._field(self._plan, 8 * (len(self.formulas) - 1), INT)

    def _start(self, place: int, n: int) -> int:
        """Where a buffer stands in the workspace."""
        return self.program.layout(n)[1][place]

    def _length(self, length: Any) -> ir.Value:
        return self._number(lambda n: int(settle(length, n)))

    def _workspace(self, stack: ir.Value) -> ir.Value:
        """Memory for what is neither argument nor result: on the stack where that is large enough."""
        e, b = self._e, self._e.b
        total = self._number(lambda n: self.program.layout(n)[0])
        here = b.block
        if not self._graph.is_open and self.program.layout(0)[0] <= _STACK:
            return stack
        from_heap, after = b.append_basic_block("from_heap"), b.append_basic_block("workspace")
        b.cbranch(b.icmp_signed(">", total, e.int(_STACK)), from_heap, after)
        b.position_at_end(from_heap)
        memory = self._call("PyMem_RawMalloc", POINTER, b.add(total, e.int(_ALIGNMENT)))
        self._stop_if_null(memory, lambda b: b.ret(b.call(e.declared("PyErr_NoMemory", POINTER, []), [])))
        aligned = b.and_(b.add(b.ptrtoint(memory, INT), e.int(_ALIGNMENT - 1)), e.int(-_ALIGNMENT))
        first = b.inttoptr(aligned, POINTER)
        end = b.block
        b.branch(after)
        b.position_at_end(after)
        owned, start = b.phi(POINTER), b.phi(POINTER)
        owned.add_incoming(ir.Constant(POINTER, None), here)
        owned.add_incoming(memory, end)
        start.add_incoming(stack, here)
        start.add_incoming(first, end)
        self._free = lambda b: b.call(e.declared("PyMem_RawFree", ir.VoidType(), [POINTER]), [owned])
        return start

    # Arguments

    def _read(self, args: ir.Value, forms: Sequence[Any]) -> None:
        e, b = self._e, self._e.b
        inputs = iter(self._graph.inputs)
        for k, form in enumerate(forms):
            x = e.pointer_in(args, k)
            if isinstance(form, Only):
                self._require(b.icmp_unsigned("==", x, self._address(form.value)))
                continue
            node = next(inputs)
            kind = node.dtype.type if form is np.generic else form
            self._require(b.icmp_unsigned("==", self._field(x, _TYPE, POINTER), self._address(kind)))
            if form is np.ndarray:
                self._read_array(x, node)
            else:
                self._set(node, b.gep(x, [e.int(_VALUE)], source_etype=_BYTE))

    def _read_array(self, x: ir.Value, node: Node) -> None:
        b = self._e.b
        described = self._field(x, _DESCRIPTION, POINTER)
        self._require(b.icmp_unsigned("==", described, self._address(np.dtype(node.dtype.type))))
        flags = b.and_(self._field(x, _FLAGS, _WORD), ir.Constant(_WORD, _WANTED_FLAGS))
        self._require(b.icmp_signed("==", flags, ir.Constant(_WORD, _WANTED_FLAGS)))
        rank = self._field(x, _RANK, _WORD)
        self._require(b.icmp_signed("==", rank, ir.Constant(_WORD, len(node.shape))))
        if node.shape:
            lengths = self._field(x, _DIMENSIONS, POINTER)
            for k, length in enumerate(node.shape):
                found = self._field(lengths, 8 * k, INT)
                if self._graph.is_open and self._plan is None and isinstance(length, Length):
                    self._open_plan(found)
                self._checks.append((found, length))
        self._set(node, self._field(x, _DATA, POINTER))

    def _open_plan(self, n: ir.Value) -> None:
        """Look up the numbers for a leading size, which is the first length of an array that is left open."""
        e, b = self._e, self._e.b
        self._require(b.icmp_unsigned("<", n, e.int(_SIZES)))
        table = self._elsewhere(self.sizes.ctypes.data)
        self._plan = b.load(b.gep(table, [n], source_etype=INT), typ=POINTER)
        self._require(b.icmp_unsigned("!=", self._plan, ir.Constant(POINTER, None)))

    # Results

    def _make_outputs(self) -> list[tuple[Any, ir.Value | None]]:
        """Make the arrays that the program writes into; numbers go to words of memory first."""
        e, b = self._e, self._e.b
        made: list[tuple[Any, ir.Value | None]] = []
        for node in self._graph.outputs:
            if not isinstance(node, Node):
                made.append((node, None))
            elif node.shape == ():
                cell = self._next_cell()
                self._set(node, cell)
                made.append((node, cell))
            else:
                for k, length in enumerate(node.shape):
                    b.store(self._length(length), b.gep(self._lengths, [e.int(k)], source_etype=INT))
                description = self._object(b, np.dtype(node.dtype.type))  # PyArray_Empty takes this reference.
                array = self._call(
                    "PyArray_Empty",
                    POINTER,
                    ir.Constant(_WORD, len(node.shape)),
                    self._lengths,
                    description,
                    ir.Constant(_WORD, 0),
                )
                self._stop_if_null(array, lambda b: b.ret(ir.Constant(POINTER, None)))
                self._owned.append(array)
                self._set(node, self._field(array, _DATA, POINTER))
                made.append((node, array))
        return made

    def _give_up(self, b: ir.IRBuilder) -> None:
        """Let go of what the call has made so far."""
        release = self._e.declared("Py_DecRef", ir.VoidType(), [POINTER])
        for x in self._owned:
            b.call(release, [x])
        self._free(b)

    def _stop_if_null(self, x: ir.Value, end: Callable[[ir.IRBuilder], Any]) -> None:
        b = self._e.b
        failed, after = b.append_basic_block("failed"), b.append_basic_block("made")
        b.cbranch(b.icmp_unsigned("==", x, ir.Constant(POINTER, None)), failed, after)
        b.position_at_end(failed)
        self._give_up(b)
        end(b)
        b.position_at_end(after)

    def _run(self) -> None:
        e, b = self._e, self._e.b
        n = self._number(lambda n: n)
        releases = self._number(lambda n: int(self._bytes(n) >= _RELEASES_FROM))
        if isinstance(releases, ir.Constant):
            state = self._call("PyEval_SaveThread", POINTER) if releases.constant else None
        else:
            before, release, after = b.block, b.append_basic_block("release"), b.append_basic_block("run")
            b.cbranch(b.icmp_signed("!=", releases, e.int(0)), release, after)
            b.position_at_end(release)
            saved = self._call("PyEval_SaveThread", POINTER)
            b.branch(after)
            b.position_at_end(after)
            state = b.phi(POINTER)
            state.add_incoming(ir.Constant(POINTER, None), before)
            state.add_incoming(saved, release)
        for name in self.program.steps:
            self._call(name, ir.VoidType(), self._table, n)
        if state is not None:
            with b.if_then(b.icmp_unsigned("!=", state, ir.Constant(POINTER, None))):
                self._call("PyEval_RestoreThread", ir.VoidType(), state)

    def _bytes(self, n: int) -> int:
        """Memory that a run reads and writes."""
        nodes = [x for x in (*self._graph.inputs, *self._graph.outputs) if isinstance(x, Node)]
        arrays = sum(int(np.prod(settle(node.shape, n))) * node.dtype.itemsize for node in nodes)
        return self.program.layout(n)[0] + arrays

    def _check(self, made: Sequence[tuple[Any, ir.Value | None]], nan: bool) -> None:
        """Take the other way where an index was out of range, a decision came out differently, or a result is NaN."""
        e, b = self._e, self._e.b
        wrong = b.icmp_signed("!=", b.load(self._trouble, typ=INT), e.int(0))
        for (node, cell), outcome in zip(made[self._count :], self._expected, strict=True):
            found = e.load(cell, e.int(0), node.dtype)
            wrong = b.or_(wrong, b.icmp_signed("!=", found, e.const(int(outcome), found.type)))
        for node, where in made[: self._count] if nan else ():
            if isinstance(node, Node) and node.dtype.kind == "f":
                wrong = b.or_(wrong, self._has_nan(node, where))
        differs, after = b.append_basic_block("differs"), b.append_basic_block("agrees")
        b.cbranch(wrong, differs, after)
        b.position_at_end(differs)
        self._give_up(b)
        b.branch(self._other)
        b.position_at_end(after)

    def _has_nan(self, node: Node, where: Any) -> ir.Value:
        e, b = self._e, self._e.b
        if node.shape == ():
            x = e.load(where, e.int(0), node.dtype)
            return b.fcmp_unordered("uno", x, x)
        data, lanes = self._field(where, _DATA, POINTER), machine.lanes(node.dtype)
        size = self._number(lambda n: int(np.prod(settle(node.shape, n))))
        whole = b.and_(size, e.int(-lanes))
        start = ir.Constant(ir.VectorType(ir.IntType(1), lanes), None)
        with e.loop(e.int(0), whole, lanes, [start]) as loop:
            x = e.load(data, loop.index, node.dtype, lanes)
            loop.carry = [b.or_(loop.carry[0], b.fcmp_unordered("uno", x, x))]
        x = e.load(data, whole, node.dtype, lanes, e.tail_mask(whole, size, lanes))
        found = b.or_(loop.carry[0], b.fcmp_unordered("uno", x, x))
        return e.intrinsic("llvm.vector.reduce.or", found, result=ir.IntType(1))

    def _return(self, made: Sequence[tuple[Any, ir.Value | None]]) -> None:
        e, b = self._e, self._e.b
        results = []
        for node, where in made[: self._count]:
            if isinstance(node, Node) and node.shape != ():
                results.append(where)
                continue
            if not isinstance(node, Node):
                x = self._object(b, node)
            elif node.weak is True:
                x = self._call("PyFloat_FromDouble", POINTER, e.load(where, e.int(0), node.dtype))
            else:
                description = self._address(np.dtype(node.dtype.type))
                x = self._call("PyArray_Scalar", POINTER, where, description, ir.Constant(POINTER, None))
            self._stop_if_null(x, lambda b: b.ret(ir.Constant(POINTER, None)))
            self._owned.append(x)
            results.append(x)
        if len(results) == 1:
            self._free(b)
            b.ret(results[0])
            return
        listed = self._call("PyTuple_New", POINTER, e.int(len(results)))
        self._stop_if_null(listed, lambda b: b.ret(ir.Constant(POINTER, None)))
        for k, x in enumerate(results):
            # A new tuple's entries stand behind its head and length (``PyTuple_SET_ITEM``).
            b.store(x, b.gep(listed, [e.int(24 + 8 * k)], source_etype=_BYTE))
        self._free(b)
        b.ret(listed)
