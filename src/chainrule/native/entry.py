"""The way from a Python call into a program: a builtin function that reads NumPy's array objects itself.

It takes one positional argument for each input, looks whether each is what the program was made for, and otherwise
returns NotImplemented, so that the caller takes the long way. The fields that it reads are those of the public
structures of CPython and NumPy (``PyArrayObject_fields`` in ``numpy/ndarraytypes.h``); new arrays are made by NumPy's
own C interface. Calls at once have nothing in common: the table of buffers and the workspace of a call are its own.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.lengths import Length, Quotient
from chainrule.native import machine
from chainrule.native.cache import object_code
from chainrule.native.entry_code import SIZES, EntryCode, Only
from chainrule.native.program import Program

__all__ = ["Entry", "Only", "entry_of"]

#: How the function takes its arguments (``METH_FASTCALL``).
_FASTCALL = 0x0080

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

    def __init__(self, emitted: EntryCode) -> None:
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
        if n < SIZES and n not in self._plans:
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
    return Entry(EntryCode(program, forms, arrays, expected, nan))


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
        isinstance(x, Node) and x.shape == () and x.dtype.kind in "biu" for x in graph.outputs[len(results) :]
    )


def _can_return(x: Any) -> bool:
    if not isinstance(x, Node):
        return not isinstance(x, (np.ndarray, Length, Quotient))
    if x.weak is True:
        return x.dtype == np.float64
    return not isinstance(x.dtype, tuple) and x.dtype.kind in "fiub" and None not in x.shape
