"""What an entry does, in instructions: look at arguments, make results, run the program, and hand the results over."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.lengths import Length, settle
from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.entry_writer import BYTE, NULL
from chainrule.native.planning import ALIGNMENT
from chainrule.native.program import TROUBLE_PLACE, Program
from chainrule.native.types import INT, POINTER
from chainrule.native.workspace import HEAD, BlockWriter

__all__ = ["SIZES", "EntryCode", "Only"]

# Offsets in bytes on 64-bit machines: of an object's type and of a scalar's value, of the fields of an array, and of a
# tuple's entries.
_TYPE, _VALUE = 8, 16
_DATA, _RANK, _DIMENSIONS, _DESCRIPTION, _FLAGS = 16, 24, 32, 56, 64
_ENTRIES = 24
#: C-contiguous and aligned (``NPY_ARRAY_C_CONTIGUOUS``, ``NPY_ARRAY_ALIGNED``).
_WANTED_FLAGS = 0x0101

#: Bytes of a workspace that are taken from the stack; more comes from the heap.
_STACK = 1 << 14
#: Bytes of inputs, outputs and workspace from which on the interpreter's lock is let go while the program runs.
_RELEASES_FROM = 1 << 16
#: Leading sizes below this one can be admitted.
SIZES = 1 << 15

_BIT, _WORD = ir.IntType(1), ir.IntType(32)


class Only:
    """The one object that may be given at a place."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class EntryCode(BlockWriter):
    """Writes one entry: ``PyObject *entry(PyObject *self, PyObject *const *args, Py_ssize_t count)``.

    Several results are put into their tuple as they are made, so that to let go of the tuple is to let go of them all.
    Whatever way a call ends once memory was taken, it ends in one block, `_leave`, which gives the memory back.

    Parameters
    ----------
    program, forms, arrays, expected, nan
        As for `chainrule.native.entry.entry_of`.

    Attributes
    ----------
    formulas : list of callable
        What has to be known for a leading size.
    sizes : ndarray
        By leading size the address of an array of those numbers, or 0.
    """

    def __init__(
        self, program: Program, forms: Sequence[Any], arrays: Sequence[Any], expected: Sequence[Any], nan: bool
    ) -> None:
        super().__init__("entry", ir.FunctionType(POINTER, [POINTER, POINTER, INT]))
        self.program, self._graph = program, program.graph
        self._places = program.places
        self._expected = expected
        self.imports.update({name: program.library.addresses[name] for name in program.steps})
        e = self._e
        _, args, count = e.b.function.args
        self._count = len(self._graph.outputs) - len(expected)
        self.formulas: list[Callable[[int], int]] = []
        self.sizes = np.zeros(SIZES if self._graph.is_open else 0, np.uint64)
        self._plan: ir.Value | None = None
        # Memory of the call.
        self._table = self._memory(8 * len(program.buffers))
        self._words = self._memory(8 * len(self._graph.outputs))
        alone = self._memory(8)
        self._stack = self._memory(_STACK if self._graph.is_open else min(program.layout(0)[0], _STACK))
        self._other = e.b.function.append_basic_block("other")
        other = ir.IRBuilder(self._other)
        other.ret(self._object(other, NotImplemented))
        self._require(e.b.icmp_signed("==", count, e.int(len(forms))))
        self._read(args, forms)
        for node, x in zip(self._graph.inputs[len(self._graph.inputs) - len(arrays) :], arrays, strict=True):
            self._set(node, self._data_of(x))
        for place, x in program.constants.items():
            self._put(place, self._data_of(x))
        self._several = self._new_tuple() if self._count > 1 else None
        # A new tuple's entries stand behind its head and length (``PyTuple_SET_ITEM``).
        self._results = alone if self._several is None else self._at(self._several, _ENTRIES)
        first = self._workspace()
        self._divide(first, list(program.layout(1)[1]))
        words = self._make_outputs()
        self._trouble = e.b.gep(first, [self._number(partial(self._start, TROUBLE_PLACE))], source_etype=BYTE)
        e.b.store(e.int(0), self._trouble)
        self._run()
        self._check(words, nan)
        self._hand_over(words)

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

    def _number(self, formula: Callable[[int], int]) -> ir.Value:
        """A number that follows from the leading size; where that is open it stands in the plan for this size."""
        if not self._graph.is_open:
            return self._e.int(formula(0))
        self.formulas.append(formula)
        return self._field(self._plan, 8 * (len(self.formulas) - 1), INT)

    def _numbers(self, formulas: Sequence[Callable[[int], int]]) -> ir.Value:
        """A pointer to several such numbers, one after the other."""
        if not self._graph.is_open:
            return self._data_of(np.array([formula(0) for formula in formulas], np.int64))
        self.formulas += formulas
        return self._at(self._plan, 8 * (len(self.formulas) - len(formulas)))

    def _start(self, place: int, n: int) -> int:
        """Where a buffer stands in the workspace."""
        return self.program.layout(n)[1][place]

    # Memory

    def _workspace(self) -> ir.Value:
        """Memory for what is neither argument nor result: on the stack where that is large enough."""
        e, b = self._e, self._e.b
        total = self._number(lambda n: self.program.layout(n)[0])
        fits = not self._graph.is_open and self.program.layout(0)[0] <= _STACK
        before = b.block
        if fits:
            block, first = NULL, self._stack
        else:
            from_heap, after = b.append_basic_block("from_heap"), b.append_basic_block("workspace")
            b.cbranch(b.icmp_signed(">", total, e.int(_STACK)), from_heap, after)
            b.position_at_end(from_heap)
            taken = self._taken(total, self._let_go)
            start = b.and_(b.add(b.ptrtoint(taken, INT), e.int(HEAD)), e.int(-ALIGNMENT))
            aligned, end = b.inttoptr(start, POINTER), b.block
            b.branch(after)
            b.position_at_end(after)
            block, first = b.phi(POINTER), b.phi(POINTER)
            for phi, here, there in ((block, NULL, taken), (first, self._stack, aligned)):
                phi.add_incoming(here, before)
                phi.add_incoming(there, end)
        self._write_ends(None if fits else block, total)
        return first

    def _divide(self, first: ir.Value, places: Sequence[int]) -> None:
        """Let the table of buffers point to their places in the workspace."""
        b = self._e.b
        starts = self._numbers([partial(self._start, place) for place in places])
        with self._each([(k, place) for k, place in enumerate(places)]) as (k, place):
            pointer = b.gep(first, [self._word(starts, k)], source_etype=BYTE)
            b.store(pointer, b.gep(self._table, [place], source_etype=INT))

    def _write_ends(self, block: ir.Value | None, total: ir.Value) -> None:
        """Write the ways out of a call that has taken its memory."""
        b = self._e.b
        going_on = b.block
        self._leave, self._failed = b.append_basic_block("leave"), b.append_basic_block("failed")
        b.position_at_end(self._leave)
        self._returned = b.phi(POINTER)
        if block is not None:
            with b.if_then(b.not_(self._is_null(block))):
                self._give_back(block, total)
        b.ret(self._returned)
        b.position_at_end(self._failed)
        self._let_go()
        self._leave_with(NULL)
        b.position_at_end(going_on)

    def _let_go(self) -> None:
        """Let go of the tuple, and so of the results that were made."""
        if self._several is not None:
            self._call("Py_DecRef", ir.VoidType(), self._several)

    def _leave_with(self, x: ir.Value) -> None:
        """End the call with that result."""
        b = self._e.b
        self._returned.add_incoming(x, b.block)
        b.branch(self._leave)

    def _stop_if_null(self, x: ir.Value) -> None:
        """End the call where something could not be made; whoever could not make it has set the error."""
        b = self._e.b
        after = b.append_basic_block("made")
        b.cbranch(self._is_null(x), self._failed, after)
        b.position_at_end(after)

    # Arguments

    def _read(self, args: ir.Value, forms: Sequence[Any]) -> None:
        e, b = self._e, self._e.b
        inputs = iter(self._graph.inputs)
        arrays: list[tuple[int, Node]] = []
        for k, form in enumerate(forms):
            if isinstance(form, Only):
                self._require(b.icmp_unsigned("==", e.pointer_in(args, k), self._address(form.value)))
                continue
            node = next(inputs)
            if form is np.ndarray:
                arrays.append((k, node))
            else:
                x = e.pointer_in(args, k)
                self._require_type(x, node.dtype.type if form is np.generic else form)
                self._set(node, self._at(x, _VALUE))
        if self._graph.is_open:
            self._open_plan(args, arrays)
        if arrays:
            self._read_arrays(args, arrays)

    def _read_arrays(self, args: ir.Value, arrays: Sequence[tuple[int, Node]]) -> None:
        e, b = self._e, self._e.b
        lengths, rows = self._described(arrays)
        with self._each(rows) as (k, description, rank, first, place):
            x = self._word(args, k, POINTER)
            self._require_type(x, np.ndarray)
            is_right = b.icmp_signed("==", self._field(x, _DESCRIPTION, INT), description)
            flags = b.and_(self._field(x, _FLAGS, _WORD), ir.Constant(_WORD, _WANTED_FLAGS))
            is_right = b.and_(is_right, b.icmp_signed("==", flags, ir.Constant(_WORD, _WANTED_FLAGS)))
            found = b.zext(self._field(x, _RANK, _WORD), INT)
            self._require(b.and_(is_right, b.icmp_signed("==", found, rank)))
            shape = self._field(x, _DIMENSIONS, POINTER)
            with e.loop(e.int(0), rank) as axes:
                expected = self._word(lengths, b.add(first, axes.index))
                self._require(b.icmp_signed("==", self._word(shape, axes.index), expected))
            b.store(self._field(x, _DATA, POINTER), b.gep(self._table, [place], source_etype=INT))

    def _require_type(self, x: ir.Value, kind: type) -> None:
        self._require(self._e.b.icmp_unsigned("==", self._field(x, _TYPE, POINTER), self._address(kind)))

    def _open_plan(self, args: ir.Value, arrays: Sequence[tuple[int, Node]]) -> None:
        """Look up the numbers for a leading size, which is the first length of an array that is left open."""
        e, b = self._e, self._e.b
        k, axis, rank = next(
            (k, axis, len(node.shape))
            for k, node in arrays
            for axis, length in enumerate(node.shape)
            if isinstance(length, Length)
        )
        x = e.pointer_in(args, k)
        self._require_type(x, np.ndarray)
        self._require(b.icmp_signed("==", self._field(x, _RANK, _WORD), ir.Constant(_WORD, rank)))
        n = self._field(self._field(x, _DIMENSIONS, POINTER), 8 * axis, INT)
        self._require(b.icmp_unsigned("<", n, e.int(SIZES)))
        table = self._elsewhere(self.sizes.ctypes.data)
        self._plan = b.load(b.gep(table, [n], source_etype=INT), typ=POINTER)
        self._require(b.icmp_unsigned("!=", self._plan, NULL))

    # Results

    def _new_tuple(self) -> ir.Value:
        """The tuple of the results; the garbage collector, and so other threads, are not to see it half made.

        It stays unknown to the collector: what is in it has no references to anything else.
        """
        b = self._e.b
        made = self._call("PyTuple_New", POINTER, self._e.int(self._count))
        failed, after = b.append_basic_block("no_tuple"), b.append_basic_block("tuple")
        b.cbranch(self._is_null(made), failed, after)
        b.position_at_end(failed)
        b.ret(NULL)
        b.position_at_end(after)
        self._call("PyObject_GC_UnTrack", ir.VoidType(), made)
        return made

    def _make_outputs(self) -> dict[int, ir.Value]:
        """Make the arrays that the program writes into; numbers, by their places, go to words of memory first."""
        b = self._e.b
        words: dict[int, ir.Value] = {}
        arrays: list[tuple[int, Node]] = []
        for k, node in enumerate(self._graph.outputs):
            if isinstance(node, Node) and node.shape != ():
                arrays.append((k, node))
            elif isinstance(node, Node):
                words[k] = self._at(self._words, 8 * k)
                self._set(node, words[k])
        if not arrays:
            return words
        lengths, rows = self._described(arrays)
        with self._each(rows) as (k, description, rank, first, place):
            shape = b.gep(lengths, [first], source_etype=INT)
            kind = b.inttoptr(description, POINTER)
            self._call("Py_IncRef", ir.VoidType(), kind)  # PyArray_Empty takes this reference.
            array = self._call("PyArray_Empty", POINTER, b.trunc(rank, _WORD), shape, kind, ir.Constant(_WORD, 0))
            self._stop_if_null(array)
            b.store(array, b.gep(self._results, [k], source_etype=INT))
            b.store(self._field(array, _DATA, POINTER), b.gep(self._table, [place], source_etype=INT))
        return words

    def _described(self, arrays: Sequence[tuple[int, Node]]) -> tuple[ir.Value, list[tuple[int, ...]]]:
        """The lengths of arrays, and of each its number, its dtype, its rank, the first of its lengths, its buffer."""
        lengths: list[Callable[[int], int]] = []
        rows: list[tuple[int, ...]] = []
        for k, node in arrays:
            rows.append((k, self._id_of(np.dtype(node.dtype.type)), len(node.shape), len(lengths), self._places[node]))
            lengths += [partial(_settled, length) for length in node.shape]
        return self._numbers(lengths), rows

    def _run(self) -> None:
        n = self._number(lambda n: n)
        with self._lock_let_go(self._number(lambda n: int(self._bytes(n) >= _RELEASES_FROM))):
            for name in self.program.steps:
                self._call(name, ir.VoidType(), self._table, n)

    @contextmanager
    def _lock_let_go(self, releases: ir.Value) -> Iterator[None]:
        """Let go of the interpreter's lock meanwhile, where that number is not 0."""
        e, b = self._e, self._e.b
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
            state.add_incoming(NULL, before)
            state.add_incoming(saved, release)
        yield
        if state is not None:
            with b.if_then(b.not_(self._is_null(state))):
                self._call("PyEval_RestoreThread", ir.VoidType(), state)

    def _bytes(self, n: int) -> int:
        """Memory that a run reads and writes."""
        nodes = [x for x in (*self._graph.inputs, *self._graph.outputs) if isinstance(x, Node)]
        arrays = sum(_size(node.shape, n) * node.dtype.itemsize for node in nodes)
        return self.program.layout(n)[0] + arrays

    def _check(self, words: dict[int, ir.Value], nan: bool) -> None:
        """Take the other way where an index was out of range, a decision came out differently, or a result is NaN."""
        e, b = self._e, self._e.b
        results = self._graph.outputs[: self._count]
        wrong = b.icmp_signed("!=", b.load(self._trouble, typ=INT), e.int(0))
        for k, outcome in enumerate(self._expected, self._count):
            found = e.load(words[k], e.int(0), self._graph.outputs[k].dtype)
            wrong = b.or_(wrong, b.icmp_signed("!=", found, e.const(int(outcome), found.type)))
        for found in self._nans(results, words) if nan else ():
            wrong = b.or_(wrong, found)
        differs, after = b.append_basic_block("differs"), b.append_basic_block("agrees")
        b.cbranch(wrong, differs, after)
        b.position_at_end(differs)
        self._let_go()
        if self._several is None and isinstance(results[0], Node) and results[0].shape != ():
            self._call("Py_DecRef", ir.VoidType(), self._field(self._results, 0, POINTER))
        self._leave_with(self._object(b, NotImplemented))
        b.position_at_end(after)

    def _nans(self, results: Sequence[Any], words: dict[int, ir.Value]) -> Iterator[ir.Value]:
        """Whether numbers, and arrays of each dtype, have a NaN among them."""
        e, b = self._e, self._e.b
        arrays: dict[np.dtype[Any], list[tuple[int, Node]]] = {}
        for k, node in enumerate(results):
            if isinstance(node, Node) and node.dtype.kind == "f":
                if node.shape:
                    arrays.setdefault(node.dtype, []).append((k, node))
                else:
                    x = e.load(words[k], e.int(0), node.dtype)
                    yield b.fcmp_unordered("uno", x, x)
        for dtype, several in arrays.items():
            sizes = self._numbers([partial(_size, node.shape) for _, node in several])
            has_nan = self._has_nan(dtype)
            table = self._data_of(np.array([k for k, _ in several], np.int64))
            with e.loop(e.int(0), e.int(len(several)), carried=[ir.Constant(_BIT, 0)]) as loop:
                array = b.load(b.gep(self._results, [self._word(table, loop.index)], source_etype=INT), typ=POINTER)
                found = b.call(has_nan, [self._field(array, _DATA, POINTER), self._word(sizes, loop.index)])
                loop.carry = [b.or_(loop.carry[0], found)]
            yield loop.carry[0]

    def _has_nan(self, dtype: np.dtype[Any]) -> ir.Function:
        """A function (data, size)."""
        function = ir.Function(self.module, ir.FunctionType(_BIT, [POINTER, INT]), f"has_nan.{dtype}")
        function.linkage = "internal"
        e, lanes = Emitter(function), machine.lanes(dtype)
        data, size = function.args
        whole = e.b.and_(size, e.int(-lanes))
        with e.loop(e.int(0), whole, lanes, [ir.Constant(ir.VectorType(_BIT, lanes), None)]) as loop:
            x = e.load(data, loop.index, dtype, lanes)
            loop.carry = [e.b.or_(loop.carry[0], e.b.fcmp_unordered("uno", x, x))]
        x = e.load(data, whole, dtype, lanes, e.tail_mask(whole, size, lanes))
        found = e.b.or_(loop.carry[0], e.b.fcmp_unordered("uno", x, x))
        e.b.ret(e.intrinsic("llvm.vector.reduce.or", found, result=_BIT))
        return function

    def _hand_over(self, words: dict[int, ir.Value]) -> None:
        """Make objects of the numbers, and return all."""
        b = self._e.b
        for k, node in enumerate(self._graph.outputs[: self._count]):
            if not isinstance(node, Node) or node.shape == ():
                x = self._number_object(node, words[k]) if isinstance(node, Node) else self._object(b, node)
                b.store(x, self._at(self._results, 8 * k))
        self._leave_with(self._field(self._results, 0, POINTER) if self._several is None else self._several)

    def _number_object(self, node: Node, word: ir.Value) -> ir.Value:
        e = self._e
        if node.weak is True:
            x = self._call("PyFloat_FromDouble", POINTER, e.load(word, e.int(0), node.dtype))
        else:
            x = self._call("PyArray_Scalar", POINTER, word, self._address(np.dtype(node.dtype.type)), NULL)
        self._stop_if_null(x)
        return x


def _settled(length: Any, n: int) -> int:
    return int(settle(length, n))


def _size(shape: tuple[Any, ...], n: int) -> int:
    return int(np.prod(settle(shape, n)))
