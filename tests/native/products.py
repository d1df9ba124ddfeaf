"""Products compiled for a test, and arrays with a page behind or before them that may not be touched."""

import ctypes
import mmap
from functools import cache

import llvmlite.ir as ir
import numpy as np

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.imports import addresses, imported
from chainrule.native.products import emit_product
from chainrule.native.types import INT, POINTER

FORMS = ("NN", "NT", "TN")
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def function_of(write, arguments, name="run"):
    """A compiled function whose instructions ``write(emitter, *arguments)`` writes."""
    module = machine.new_module("test")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    e = Emitter(function)
    write(e, *function.args)
    e.b.ret_void()
    library = machine.compiled(module, (name,), addresses(imported(module)))
    kinds = [ctypes.c_int64 if kind == INT else ctypes.c_void_p for kind in arguments]
    call = ctypes.CFUNCTYPE(None, *kinds)(library.addresses[name])
    call.library = library
    return call


@cache
def compiled_product(product, own_scratch=False, emit=emit_product):
    """A function (a, b, c, extra, batch, first row, row after the last)."""

    def write(e, a, b, c, extra, batch, start, stop):
        options = {"scratch": extra} if own_scratch else {}
        emit(e, product, a, b, c, batch=batch, rows=(start, stop), **options)

    return function_of(write, [POINTER] * 4 + [INT] * 3)


def run(call, a, b, c, batch, rows=None, extra=None):
    start, stop = (0, c.shape[0]) if rows is None else rows
    call(a.ctypes.data, b.ctypes.data, c.ctypes.data, None if extra is None else extra.ctypes.data, batch, start, stop)


def factors(form, m, n, k, dtype, seed=0):
    """A and B as they stand in memory, and the product in float64."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    a = np.ascontiguousarray(left.T) if form == "TN" else left
    b = np.ascontiguousarray(right.T) if form == "NT" else right
    return a, b, left.astype(np.float64) @ right.astype(np.float64)


def tolerance(k, dtype):
    """Sums of k products of numbers around 1, in any order."""
    return 8 * np.finfo(dtype).eps * (k + 4)


_C = ctypes.CDLL(None, use_errno=True)
_C.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def guarded(array, *, behind=True):
    """A copy that ends where a page begins that may not be touched, or starts where one ends."""
    page = mmap.PAGESIZE
    inside = max(-(-array.nbytes // page), 1) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (start, start + page + inside):
        if _C.mprotect(guard, page, mmap.PROT_NONE if hasattr(mmap, "PROT_NONE") else 0):
            raise OSError(ctypes.get_errno(), "mprotect failed")
    offset = page + (inside - array.nbytes if behind else 0)
    view = np.frombuffer(memory, np.uint8, array.nbytes, offset).view(array.dtype).reshape(array.shape)
    view[...] = array
    return view
