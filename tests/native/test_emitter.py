"""Instructions for loops, memory and conversions, against what NumPy does."""

import ctypes

import llvmlite.ir as ir
import numpy as np
import pytest

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, POINTER, lanes_of


def compiled_loop(body, dtypes, lanes):
    """A function (array pointers, n) that applies ``body(emitter, *values)`` to every entry, with masked tail."""
    module = machine.new_module("test")
    kind = ir.FunctionType(ir.VoidType(), [POINTER] * len(dtypes) + [INT])
    function = ir.Function(module, kind, "run")
    e = Emitter(function)
    *arrays, n = function.args

    def step(i, mask):
        values = [e.load(p, i, d, lanes, mask) for p, d in zip(arrays[:-1], dtypes[:-1], strict=True)]
        e.store(body(e, *values), arrays[-1], i, dtypes[-1], mask)

    whole = e.b.mul(e.b.sdiv(n, e.int(lanes)), e.int(lanes))
    with e.loop(e.int(0), whole, lanes) as loop:
        step(loop.index, None)
    with e.b.if_then(e.b.icmp_signed("<", whole, n)):
        step(whole, e.tail_mask(whole, n, lanes) if lanes > 1 else None)
    e.b.ret_void()
    library = machine.compiled(module, ("run",))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(dtypes), ctypes.c_int64)(library.addresses["run"])

    def run(*inputs):
        out = np.empty(len(inputs[0]), dtypes[-1])
        call(*(x.ctypes.data for x in (*inputs, out)), len(out))
        return out

    run.library = library
    return run


@pytest.mark.parametrize("lanes", [1, 4, 8, 16])
@pytest.mark.parametrize("n", [0, 1, 7, 16, 50])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_polynomial(lanes, n, name):
    dtype = np.dtype(name)
    x = np.random.default_rng(0).normal(size=n).astype(dtype)
    run = compiled_loop(lambda e, x: e.polynomial(x, (2.0, -3.0, 0.5)), [dtype, dtype], lanes)
    np.testing.assert_allclose(run(x), (2 * x - 3) * x + 0.5, rtol=4 * np.finfo(dtype).eps, atol=1e-6)


DTYPES = [np.dtype(name) for name in ("float32", "float64", "int32", "int64", "uint8", "bool")]


@pytest.mark.parametrize("source", DTYPES, ids=str)
@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("lanes", [1, 8])
def test_conversion(source, target, lanes):
    x = np.array([0, 1, 2, 3, 100, 0, 7, 5, 1, 1, 0]).astype(source)
    run = compiled_loop(lambda e, x: e.convert(x, source, target), [source, target], lanes)
    np.testing.assert_array_equal(run(x), x.astype(target))


def test_carried_values():
    module = machine.new_module("test")
    function = ir.Function(module, ir.FunctionType(INT, [INT]), "run")
    e = Emitter(function)
    with e.loop(e.int(0), function.args[0], carried=[e.int(0), e.int(1)]) as loop:
        a, b = loop.carry
        loop.carry = [b, e.b.add(a, b)]
    e.b.ret(loop.carry[0])
    library = machine.compiled(module, ("run",))
    fibonacci = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.addresses["run"])
    assert [fibonacci(n) for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]


def test_splat_and_constants():
    f32 = np.dtype(np.float32)
    run = compiled_loop(
        lambda e, x: e.b.fadd(x, e.splat(e.const(1.5, x.type.element), lanes_of(x.type))), [f32, f32], 16
    )
    np.testing.assert_array_equal(run(np.ones(20, np.float32)), 2.5)
