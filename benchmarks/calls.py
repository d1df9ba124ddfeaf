"""What one call costs: small functions and their gradients, compiled, beside plain NumPy, JAX and autograd.

The arithmetic takes next to nothing here, so that what is measured is the way in and out. The libraries take turns
within one run; of each the median over the rounds is shown, in microseconds a call.

    python -m benchmarks.calls
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np

import chainrule
from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show

jax.config.update("jax_enable_x64", True)

#: Calls of one library before the next has its turn.
CALLS = 2000


def rosenbrock(np, x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def affine(np, x):
    return np.sum(2.0 * x + 1.0)


def softmax_entropy(np, x):
    y = np.exp(x - np.max(x))
    y = y / np.sum(y)
    return -np.sum(y * np.log(y))


#: Name, function, number of entries of its argument.
FUNCTIONS = (("affine", affine, 2), ("rosenbrock", rosenbrock, 2), ("softmax entropy", softmax_entropy, 10))


def ways(function: Callable, size: int) -> dict[str, Callable[[], object]]:
    """Each library's call of value and gradient, ready to be made; NumPy's is the value alone."""
    x = np.linspace(0.1, 1.0, size)
    compiled = chainrule.jit(chainrule.value_and_grad(lambda x: function(np, x)))
    value_alone = chainrule.jit(lambda x: function(np, x))
    theirs = jax.jit(jax.value_and_grad(lambda x: function(jnp, x)))
    followed = autograd.value_and_grad(lambda x: function(anp, x))
    device = jnp.asarray(x)
    return {
        "NumPy, value": lambda: function(np, x),
        "chainrule, value": lambda: value_alone(x),
        "chainrule": lambda: compiled(x),
        "JAX": lambda: jax.block_until_ready(theirs(x)),
        "JAX, its own array": lambda: jax.block_until_ready(theirs(device)),
        "autograd": lambda: followed(x),
    }


def microseconds(call: Callable[[], object]) -> float:
    """Time of one call, over a stretch of them."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="turns of each library (default 9)")
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy", "jax", "autograd")
    columns, rows = tuple(ways(affine, 2)), []
    for name, function, size in FUNCTIONS:
        calls = ways(function, size)
        for call in calls.values():
            call()
            call()
        times = {key: [] for key in calls}
        for _ in range(options.rounds):
            for key, call in calls.items():
                times[key].append(microseconds(call))
        rows.append([f"{name} ({size})", *(statistics.median(times[key]) for key in columns)])
    result = Result(
        "calls",
        "microseconds a call: value and gradient, but where it says value",
        ("function", *columns),
        rows,
        drawn=columns,
        axis="microseconds (less is better)",
    )
    show(result, options.out)


if __name__ == "__main__":
    main()
