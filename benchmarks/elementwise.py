"""Elementwise functions, nanoseconds an entry: emitted kernels, NumPy with `out=` and PyTorch, each on one thread.

Arrays of 10,000 entries stay in the cache. The libraries take turns within one run; the median over the rounds counts.
Beside it, what a kernel costs to compile: LLVM's instructions, and milliseconds from the formula to machine code.

    python -m benchmarks.elementwise
"""

import argparse
import ctypes
import os
import statistics
import time

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

import llvmlite.ir as ir
import numpy as np
import scipy.special
import torch

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show
from chainrule.native import machine
from chainrule.native.elementwise import FUNCTIONS
from chainrule.native.emitter import Emitter
from chainrule.native.types import INT, POINTER

torch.set_num_threads(1)

ENTRIES = 10_000

#: Operation, PyTorch's name (None: it has none), and where its operands come from.
CASES = (
    ("np.add", "add", (-3, 3)),
    ("np.divide", "div", (0.5, 3)),
    ("np.sqrt", "sqrt", (0, 3)),
    ("np.exp", "exp", (-10, 10)),
    ("np.exp2", "exp2", (-10, 10)),
    ("np.expm1", "expm1", (-3, 3)),
    ("np.log", "log", (0, 10)),
    ("np.log2", "log2", (0, 10)),
    ("np.log10", "log10", (0, 10)),
    ("np.log1p", "log1p", (-0.9, 10)),
    ("np.logaddexp", "logaddexp", (-3, 3)),
    ("np.tanh", "tanh", (-3, 3)),
    ("np.sinh", "sinh", (-3, 3)),
    ("np.cosh", "cosh", (-3, 3)),
    ("np.arctanh", "arctanh", (-0.9, 0.9)),
    ("np.arcsinh", "arcsinh", (-3, 3)),
    ("np.arccosh", "arccosh", (1, 4)),
    ("scipy.special.expit", "sigmoid", (-6, 6)),
    ("scipy.special.log_expit", "nn.functional.logsigmoid", (-6, 6)),
    ("np.sin", "sin", (-10, 10)),
    ("np.cos", "cos", (-10, 10)),
    ("np.tan", "tan", (-10, 10)),
    ("np.arcsin", "arcsin", (-1, 1)),
    ("np.arccos", "arccos", (-1, 1)),
    ("np.arctan", "arctan", (-3, 3)),
    ("np.arctan2", "arctan2", (-3, 3)),
    ("scipy.special.erf", "erf", (-3, 3)),
    ("scipy.special.erfc", "erfc", (-3, 6)),
    ("scipy.special.ndtr", "special.ndtr", (-3, 3)),
    ("np.power", "pow", (0.1, 3)),
    ("np.cbrt", None, (-3, 3)),
    ("np.hypot", "hypot", (-3, 3)),
    ("np.maximum", "maximum", (-3, 3)),
    ("np.floor_divide", "floor_divide", (0.5, 9)),
    ("np.remainder", "remainder", (0.5, 9)),
)


def kernel(name, dtype, operands):
    """A function of addresses and a length, its number of instructions, and the seconds that it took to make."""
    start = time.perf_counter()
    lanes = machine.lanes(dtype)
    module = machine.new_module("benchmark")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * (operands + 1) + [INT]), "run")
    e = Emitter(function)
    *arrays, n = function.args
    with e.loop(e.int(0), n, lanes) as loop:
        xs = [e.load(array, loop.index, dtype, lanes) for array in arrays[:-1]]
        e.store(FUNCTIONS[name](e, dtype, *xs), arrays[-1], loop.index, dtype)
    e.b.ret_void()
    library = machine.compiled(module, ("run",))
    seconds = time.perf_counter() - start
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (operands + 1), ctypes.c_int64)(library.addresses["run"])
    call.library = library
    return call, sum(len(block.instructions) for f in module.functions for block in f.blocks), seconds


def found(package, name):
    """A function by its dotted name."""
    for part in name.split("."):
        package = getattr(package, part)
    return package


def measure(calls, rounds, repeat=20):
    """Median nanoseconds an entry of each call, in turns."""
    times = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            times[name].append(time.perf_counter() - start)
    return {name: 1e9 * statistics.median(each) / repeat / ENTRIES for name, each in times.items()}


def row(name, other, between, dtype, rounds):
    """Nanoseconds of the three, instructions and milliseconds to compile."""
    rng = np.random.default_rng(0)
    ufunc = found({"np": np, "scipy": scipy.special}[name.split(".")[0]], name.rpartition(".")[2])
    # A multiple of the lanes, so that the kernel needs no tail.
    xs = [rng.uniform(*between, ENTRIES).astype(dtype) for _ in range(ufunc.nin)]
    out, theirs = np.empty(ENTRIES, dtype), np.empty(ENTRIES, dtype)
    call, instructions, seconds = kernel(name, dtype, ufunc.nin)
    addresses = [x.ctypes.data for x in (*xs, out)]
    calls = {"ours": lambda: call(*addresses, ENTRIES), "NumPy": lambda: ufunc(*xs, out=theirs)}
    if other is not None:
        tensors, result = [torch.from_numpy(x) for x in xs], torch.empty(ENTRIES, dtype=torch.from_numpy(out).dtype)
        function = found(torch, other)
        if other.startswith("nn."):
            calls["PyTorch"] = lambda: function(*tensors)
        else:
            calls["PyTorch"] = lambda: function(*tensors, out=result)
    times = measure(calls, rounds)
    np.testing.assert_allclose(out, theirs, rtol=1e-5 if dtype.itemsize == 4 else 1e-12, atol=1e-6)
    return times, instructions, 1e3 * seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("names", nargs="*", help="operations, such as np.exp; all without")
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy", "scipy", "torch", "llvmlite")
    machine.compiled(machine.new_module("first"), ())
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        rows = []
        for name, other, between in CASES:
            if options.names and name not in options.names:
                continue
            times, instructions, milliseconds = row(name, other, between, dtype, options.rounds)
            found = [times.get(key) for key in ("ours", "NumPy", "PyTorch")]
            rows.append([name, *found, times["NumPy"] / times["ours"], instructions, milliseconds])
        libraries = ("chainrule", "NumPy", "PyTorch")
        result = Result(
            f"elementwise-{dtype}",
            f"elementwise functions, {dtype}, one thread, nanoseconds an entry",
            ("", *libraries, "NumPy / chainrule", "instructions", "compile, ms"),
            rows,
            drawn=libraries,
            axis="nanoseconds an entry (less is better)",
        )
        show(result, options.out)


if __name__ == "__main__":
    main()
