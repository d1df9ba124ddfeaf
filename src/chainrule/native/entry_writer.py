"""Instructions that deal with objects of Python."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.planning import ALIGNMENT
from chainrule.native.types import INT, POINTER

__all__ = ["BYTE", "NULL", "ObjectWriter"]

BYTE = ir.IntType(8)
NULL = ir.Constant(POINTER, None)

# Places in NumPy's table of C functions (``numpy/__multiarray_api.h``), the same in every release.
_PYARRAY_SCALAR, _PYARRAY_EMPTY = 60, 184


@cache
def _numpy_table() -> Any:
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_void_p))


_FUNCTIONS = (
    "PyFloat_FromDouble",
    "PyTuple_New",
    "PyObject_GC_UnTrack",
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


class ObjectWriter:
    """Writes a function that refers to objects, which stand elsewhere in every process.

    Parameters
    ----------
    name : str
        Of the function.
    kind : llvmlite.ir.FunctionType
        Of the function.

    Attributes
    ----------
    module : llvmlite.ir.Module
        The code.
    imports : dict of str to int
        Addresses that it refers to.
    kept : list
        Objects at such addresses, to be kept alive.
    """

    def __init__(self, name: str, kind: ir.FunctionType) -> None:
        self.module = machine.new_module(name)
        self.imports = dict(_functions())
        self.kept: list[Any] = []
        self._known: dict[int, ir.Value] = {}
        self._e = Emitter(ir.Function(self.module, kind, name))

    def _object(self, b: ir.IRBuilder, x: Any) -> ir.Value:
        """A new reference to an object."""
        address = self._address(x)
        b.call(self._e.declared("Py_IncRef", ir.VoidType(), [POINTER]), [address])
        return address

    def _address(self, x: Any) -> ir.Value:
        return self._elsewhere(self._id_of(x))

    def _id_of(self, x: Any) -> int:
        """The address of an object as a number, which code may hold in a table but not in its text."""
        self.kept.append(x)
        return id(x)

    def _data_of(self, x: np.ndarray[Any, Any]) -> ir.Value:
        self.kept.append(x)
        return self._elsewhere(x.ctypes.data)

    def _elsewhere(self, address: int) -> ir.Value:
        """A pointer to what stands elsewhere: by a name, so that the code is the same in every process."""
        if address not in self._known:
            name = f"chainrule.object.{len(self._known)}"
            self.imports[name] = address
            self._known[address] = ir.GlobalVariable(self.module, BYTE, name).ptrtoint(INT).inttoptr(POINTER)
        return self._known[address]

    def _memory(self, size: int) -> ir.Value:
        """Memory on the stack."""
        found = self._e.b.alloca(ir.ArrayType(BYTE, max(size, 1)))
        found.align = ALIGNMENT
        first = self._e.b.gep(found, [self._e.int(0)], source_etype=BYTE)
        first.type = POINTER
        return first

    def _call(self, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
        return self._e.b.call(self._e.declared(name, result, [x.type for x in args]), args)

    def _at(self, x: ir.Value, offset: int) -> ir.Value:
        return self._e.b.gep(x, [self._e.int(offset)], source_etype=BYTE)

    def _field(self, x: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
        return self._e.b.load(self._at(x, offset), typ=kind)

    def _is_null(self, x: ir.Value) -> ir.Value:
        return self._e.b.icmp_unsigned("==", x, NULL)

    @contextmanager
    def _each(self, rows: Sequence[Sequence[int]]) -> Iterator[list[ir.Value]]:
        """Write a loop over the rows of a table of numbers; what stands in it is written once."""
        e = self._e
        table, width = self._data_of(np.array(rows, np.int64)), len(rows[0])
        with e.loop(e.int(0), e.int(len(rows))) as loop:
            first = e.b.mul(loop.index, e.int(width))
            yield [self._word(table, e.b.add(first, e.int(k))) for k in range(width)]

    def _word(self, table: ir.Value, index: ir.Value, kind: ir.Type = INT) -> ir.Value:
        b = self._e.b
        return b.load(b.gep(table, [index], source_etype=INT), typ=kind)
