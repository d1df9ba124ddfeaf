"""Kernels of single operations, to be called on arrays, and the distance of their results from a reference."""

from functools import cache

import numpy as np
from tests.native.test_emitter import compiled_loop

from chainrule.native import machine
from chainrule.native.elementwise import FUNCTIONS, operand_dtypes
from chainrule.ops.elementwise import ELEMENTWISE

OPS = {op.name: op for op in ELEMENTWISE}

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def widths(dtype):
    """Lanes that fill the registers of machines with 16, 32 and 64 bytes, as far as this one has them; and one."""
    return [1, *(size // dtype.itemsize for size in (16, 32, 64) if size <= machine.vector_bytes())]


@cache
def kernel(name, dtypes, result, lanes, constant=None):
    """A function of arrays of these dtypes; with `constant` the last operand is that number."""
    given = dtypes if constant is None else (*dtypes, np.result_type(*dtypes))
    loop = operand_dtypes(name, given, constants=(None,) * len(dtypes) + (constant,))
    assert loop is not None

    def body(e, *xs):
        xs = [e.convert(x, source, target) for x, source, target in zip(xs, dtypes, loop, strict=False)]
        if constant is not None:
            xs.append(e.const(constant, xs[0].type))
        return FUNCTIONS[name](e, loop[-1], *xs)

    return compiled_loop(body, [*dtypes, result], lanes)


def native(name, lanes, *xs, constant=None):
    """What the emitted operation makes of arrays."""
    extra = () if constant is None else (constant,)
    with np.errstate(all="ignore"):
        result = OPS[name].evaluate(*(x[:1] for x in xs), *extra).dtype
    run = kernel(name, tuple(x.dtype for x in xs), result, lanes, constant)
    return run(*map(np.ascontiguousarray, xs))


def worst(got, exact):
    """The largest distance in units in the last place, and where, given the exact values in a wider dtype."""
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
    other = np.flatnonzero(~((got == rounded) | (np.isnan(got) & np.isnan(rounded))))
    if not len(other):
        return 0.5, 0
    exact, rounded = exact[other], rounded[other]
    with np.errstate(all="ignore"):
        size = np.clip(np.abs(rounded.astype(exact.dtype)), info.tiny, info.max)
        unit = np.ldexp(np.ones((), exact.dtype), np.frexp(size)[1] - 1 - info.nmant)
        # Just below the largest number the exact value may round to infinity.
        distance = np.abs(got[other].astype(exact.dtype) - np.clip(exact, -info.max, info.max)) / unit
    distance = np.where(np.isnan(distance), np.inf, distance)
    k = int(np.argmax(distance))
    return float(distance[k]), int(other[k])
