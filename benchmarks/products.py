"""Matrix products of training steps: emitted code beside SciPy's BLAS, both called from native code, on one thread.

python -m benchmarks.products
"""

import argparse
import ctypes
import itertools
import time

import llvmlite.ir as ir
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show
from benchmarks.training.reference import sgemm
from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.imports import addresses, imported
from chainrule.native.pool import emit_parallel, using_threads
from chainrule.native.products import Product, emit_product
from chainrule.native.products_packed import copies_of, emit_packed, rows_of_copy
from chainrule.native.sizes import size_of
from chainrule.native.types import INT, POINTER

# Length of the batch, then the sizes of the layers.
STEPS = (
    (1, 2, 10, 1),
    (32, 4, 16, 3),
    (32, 64, 100, 10),
    (200, 64, 100, 10),
    (32, 784, 100, 10),
    (10_000, 4, 32, 16, 4),
    (128, 784, 512, 512, 10),
    (1024, 1024, 4096, 4096, 1024),
)
FLOAT32 = np.dtype(np.float32)


def products(batch, *sizes):
    """The three products of every layer."""
    for inputs, outputs in itertools.pairwise(sizes):
        known = batch if batch == 1 or inputs * outputs >= 1 << 20 else None
        yield Product("NN", FLOAT32, known, outputs, inputs, machine.lanes(FLOAT32))
        yield Product("NT", FLOAT32, known, inputs, outputs, machine.lanes(FLOAT32))
        yield Product("TN", FLOAT32, inputs, outputs, known, machine.lanes(FLOAT32))


def emit_ours(e, product, a, b, c, *, batch):
    """As a program does: a large product from copies of its factors."""
    copies = copies_of(product)
    if copies is None:
        emit_product(e, product, a, b, c, batch=batch)
        return
    rows = rows_of_copy(product, size_of(product.m)).known()
    held = [aligned(rows * copies[0]), aligned(copies[1])]
    KEPT.extend(held)
    places = [e.b.inttoptr(e.int(x.ctypes.data), POINTER) for x in held]
    emit_packed(e, product, (a, b, c), batch, places, "slice")


#: Memory that compiled functions use.
KEPT = []


def emit_blas(e, product, a, b, c, *, batch):
    """A call of SciPy's BLAS, which stores columns where we store rows: ``C.T = op(B).T @ op(A).T``."""
    p, integer, letter = product, ir.IntType(32), ir.IntType(8)

    def at(value):
        """BLAS takes every number by its address."""
        place = e.b.alloca(value.type)
        e.b.store(value, place)
        return place

    sizes = [p.n, batch.constant if p.m is None else p.m, batch.constant if p.k is None else p.k]
    letters = [at(ir.Constant(letter, ord("T" if p.form == form else "N"))) for form in ("NT", "TN")]
    n, m, k, b_row, a_row, c_row = (at(ir.Constant(integer, x)) for x in (*sizes, p.b_row, max(p.a_steps), p.c_row))
    one, zero = (at(ir.Constant(ir.FloatType(), x)) for x in (1.0, 0.0))
    function = e.b.inttoptr(e.int(sgemm()), ir.FunctionType(ir.VoidType(), [POINTER] * 13).as_pointer())
    e.b.call(function, [*letters, n, m, k, one, b, b_row, a, a_row, zero, c, c_row])


def repeated(product, batch, emit):
    """A function (a, b, c, times), and the milliseconds of its compilation."""
    module = machine.new_module("benchmark")
    one = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * 3), "one")
    e = Emitter(one)
    emit(e, product, *one.args, batch=e.int(batch))
    e.b.ret_void()
    many = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * 3 + [INT]), "many")
    e = Emitter(many)
    with e.loop(e.int(0), many.args[3]):
        e.b.call(one, many.args[:3])
    e.b.ret_void()
    imports = addresses(imported(module))
    times = []
    for _ in range(3):
        start = time.thread_time()
        library = machine.compiled(module, ("many",), imports)
        times.append(time.thread_time() - start)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(library.addresses["many"])
    call.library = library
    return call, 1e3 * min(times)


def aligned(entries):
    """Random numbers that start at a multiple of 64 bytes, as buffers of the steps do."""
    memory = np.random.default_rng(0).normal(size=entries + 16).astype(np.float32)
    start = -(memory.ctypes.data // 4) % 16
    return memory[start : start + entries]


def microseconds(calls, arrays, rounds=25, seconds=2e-4):
    """Shortest time of each call, the calls taking turns."""
    pointers = [x.ctypes.data for x in arrays]

    def timed(call, times):
        start = time.perf_counter()
        call(*pointers, times)
        return time.perf_counter() - start

    times = []
    for call in calls:
        count = 1
        while timed(call, count) < seconds:
            count *= 2
        times.append(count)
    best = [np.inf] * len(calls)
    for _ in range(rounds if max(times) > 1 else 5):
        best = [min(b, timed(call, n) / n) for b, call, n in zip(best, calls, times, strict=True)]
    return [1e6 * b for b in best]


def region_microseconds(count):
    """Cost of a parallel region whose slices do nothing."""
    module = machine.new_module("benchmark")
    one = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INT]), "one")
    Emitter(one).b.ret_void()
    many = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * 3 + [INT]), "many")
    e = Emitter(many)
    with e.loop(e.int(0), many.args[3]):
        emit_parallel(e, one, many.args[0], e.int(count))
    e.b.ret_void()
    library = machine.compiled(module, ("many",), addresses(imported(module)))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(library.addresses["many"])
    return microseconds([call], [aligned(16)] * 3)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy", "scipy", "llvmlite")
    rows = []
    with threadpool_limits(1, "blas"), using_threads(1):
        for batch, *sizes in STEPS:
            name = f"{'-'.join(map(str, sizes))} ({batch})"
            for product in products(batch, *sizes):
                m, n, k = (batch if x is None else x for x in (product.m, product.n, product.k))
                arrays = aligned(m * k), aligned(k * n), aligned(m * n)
                ours, compile_ms = repeated(product, batch, emit_ours)
                blas, _ = repeated(product, batch, emit_blas)
                first, second = microseconds([ours, blas], arrays)
                rates = [2e-3 * m * n * k / t for t in (first, second)]
                row = [f"{name} {product.form} {m}, {k}, {n}", first, second, *rates, second / first]
                rows.append([*row, compile_ms])
    result = Result(
        "products",
        "products of training steps (form; m, k, n), float32, one thread",
        ("product", "emitted, µs", "BLAS, µs", "emitted", "BLAS", "BLAS / emitted", "compiled, ms"),
        rows,
        drawn=("emitted", "BLAS"),
        axis="GFLOP/s (more is better)",
        log=False,
    )
    show(result, options.out)
    slices, rows = (2, 8), []
    for count in (1, 2, 4):
        with using_threads(count):
            rows.append([f"{count} threads" if count > 1 else "1 thread", *map(region_microseconds, slices)])
    columns = tuple(f"{k} slices" for k in slices)
    title = "a parallel region with nothing to do, microseconds"
    axis = "microseconds (less is better)"
    show(Result("parallel-region", title, ("", *columns), rows, drawn=columns, axis=axis), options.out)


if __name__ == "__main__":
    main()
