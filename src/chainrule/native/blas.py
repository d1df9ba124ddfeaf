"""SciPy's BLAS, called from native code.

``scipy.linalg.cython_blas`` hands out the addresses of the Fortran routines. Native code calls them from one thread,
or from several on different rows, so their own threads must keep out: inside `one_thread` they do.
"""

import ctypes
import importlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.products_blocks import Product
from chainrule.native.products_loops import Range, scaled
from chainrule.native.types import POINTER, in_memory

__all__ = ["Routine", "blas_addresses", "emit_blas_product", "integer_bits", "one_thread", "prefers_blas", "routine"]

PREFIX = "chainrule.blas."
_NAMES = {np.dtype(np.float32): "sgemm", np.dtype(np.float64): "dgemm"}


@dataclass(frozen=True)
class Routine:
    """A BLAS routine.

    Attributes
    ----------
    address : int
        Where it starts.
    integer_bits : int
        Width of the integers that it takes.
    """

    address: int
    integer_bits: int


@cache
def routine(name: str) -> Routine:
    """Find a routine of SciPy's BLAS.

    Parameters
    ----------
    name : str
        Such as ``"sgemm"``.

    Returns
    -------
    Routine
        Its address and what integers it takes.
    """
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = api.PyCapsule_GetName(capsule)
    return Routine(api.PyCapsule_GetPointer(capsule, signature), integer_bits(signature.decode()))


def integer_bits(signature: str) -> int:
    """Width of the integers of a matrix product, from its signature in C.

    Parameters
    ----------
    signature : str
        ``void (char *, char *, int *, ...)``: after the two letters come the sizes.

    Returns
    -------
    int
        32 or 64.

    Raises
    ------
    ValueError
        For a type that is not known.

    Examples
    --------
    >>> from chainrule.native.blas import integer_bits
    >>> integer_bits("void (char *, char *, int *, int *, int *, float *, ...)")
    32
    """
    kind = signature.partition("(")[2].split(",")[2].replace("*", "").strip()
    if "64" in kind or "long" in kind:
        return 64
    if kind == "int" or "32" in kind:
        return 32
    raise ValueError(f"{kind!r} in SciPy's BLAS signature {signature!r} is no known integer type")


def emit_blas_product(
    e: Emitter,
    product: Product,
    a: ir.Value,
    b: ir.Value,
    c: ir.Value,
    *,
    batch: ir.Value,
    rows: Range | None = None,
) -> None:
    """Write a product that BLAS computes.

    BLAS stores columns where we store rows, so it is asked for ``C.T = op(B).T @ op(A).T``. Unlike those of
    `emit_product`, an entry's bits may depend on the rows it is computed with: cut rows in blocks of fixed size.

    Parameters
    ----------
    e : Emitter
        Writes it. `imports.addresses` says where the routine stands.
    product : Product
        Sizes and form.
    a, b, c : Value
        Addresses of the arrays.
    batch : Value
        The size that the product leaves open, as a 64-bit integer.
    rows : tuple of Value, optional
        First row of C to compute, and the one after the last; all of them by default.
    """
    p = product
    m, k = (batch if x is None else e.int(x) for x in (p.m, p.k))
    rows = rows or (e.int(0), m)
    name = _NAMES[p.dtype]
    integer, real = ir.IntType(routine(name).integer_bits), in_memory(p.dtype)
    a_row, a_inner = p.a_steps

    def at(value: ir.Value) -> ir.Value:
        """BLAS takes every number by its address."""
        with e.b.goto_entry_block():
            place = e.b.alloca(value.type)
        e.b.store(value, place)
        return place

    def size(value: ir.Value) -> ir.Value:
        return at(value if integer.width == 64 else e.b.trunc(value, integer))

    def letter(transposed: bool) -> ir.Value:
        return at(ir.Constant(ir.IntType(8), ord("T" if transposed else "N")))

    function = e.declared(PREFIX + name, ir.VoidType(), [POINTER] * 13)
    arguments = [
        letter(p.form == "NT"),
        letter(p.form == "TN"),
        size(e.int(p.n)),
        size(e.b.sub(rows[1], rows[0])),
        size(k),
        at(e.const(1, real)),
        b,
        size(e.int(p.b_row)),
        e.address(a, scaled(e, rows[0], a_row), p.dtype),
        size(e.int(a_inner if p.form == "TN" else a_row)),
        at(e.const(1 if p.accumulates else 0, real)),
        e.address(c, scaled(e, rows[0], p.c_row), p.dtype),
        size(e.int(p.c_row)),
    ]
    e.b.call(function, arguments)


def blas_addresses(names: Iterable[str]) -> dict[str, int]:
    """Addresses of routines by the names under which emitted code calls them."""
    return {name: routine(name.removeprefix(PREFIX)).address for name in names}


class _Limit:
    """How many are inside `one_thread`, and what the libraries' numbers of threads were before."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.before: list[int] = []


_limit = _Limit()


@cache
def _libraries() -> list[Any]:
    """The BLAS libraries that SciPy calls, as far as threadpoolctl knows them.

    A wheel of SciPy brings its own; elsewhere NumPy and SciPy share one.
    """
    from threadpoolctl import ThreadpoolController

    importlib.import_module("scipy.linalg.cython_blas")
    known = ThreadpoolController().select(user_api="blas").lib_controllers
    own = [x for x in known if "scipy.libs" in x.filepath or "scipy/.dylibs" in x.filepath]
    return own or list(known)


def prefers_blas(product: Product) -> bool:
    """Whether BLAS computes a product faster than what `emit_product` writes, or as fast.

    With registers of 64 bytes it never did: 80 to 138 GFLOP/s (OpenBLAS 0.3.30, which had no code for them on that
    machine) against 200 to 280. With 32 bytes it came level at a million weights. Narrower ones were not measured.

    Parameters
    ----------
    product : Product
        Its sizes and lanes decide.

    Returns
    -------
    bool
        True for `emit_blas_product`, False for `emit_product`.
    """
    register_bytes = product.lanes * product.dtype.itemsize
    if register_bytes >= 64:
        return False
    entries = product.n * ((product.m if product.form == "TN" else product.k) or 0)
    return entries >= (1 << 20 if register_bytes == 32 else 1 << 12)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep SciPy's BLAS to one thread inside a ``with`` block, whoever calls it.

    The numbers of threads are set when the first one comes in and restored when the last one has left, so blocks may
    be nested, and stand in several threads.

    Examples
    --------
    >>> from chainrule.native.blas import one_thread
    >>> with one_thread():
    ...     pass
    """
    libraries = _libraries()
    with _limit.lock:
        if _limit.inside == 0:
            _limit.before = [x.num_threads for x in libraries]
            for x in libraries:
                x.set_num_threads(1)
        _limit.inside += 1
    try:
        yield
    finally:
        with _limit.lock:
            _limit.inside -= 1
            if _limit.inside == 0:
                for x, number in zip(libraries, _limit.before, strict=True):
                    x.set_num_threads(number)
