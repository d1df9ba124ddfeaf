"""Filling an array entry by entry: the time and the memory of a gradient by the array's length.

python -m benchmarks.assignment
"""

import gc
import statistics
import time
import tracemalloc

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import print_machine
from chainrule import grad

LENGTHS = (1_000, 10_000)


def recurrence(length):
    """The sum of an array in which each entry follows from the one before."""

    def f(x):
        filled = np.zeros(length)
        filled[0] = x
        for i in range(1, length):
            filled[i] = 0.999 * filled[i - 1] + x
        return np.sum(filled)

    return grad(f)


def read(length):
    """A sum that reads an array entry by entry."""

    def f(x):
        total = 0.0
        for i in range(length):
            total = total + x[i] * x[i]
        return total

    gradient = grad(f)
    return lambda scale: gradient(np.full(length, scale))


def seconds(gradient, rounds=7):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        gradient(0.5)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def megabytes(gradient):
    # Python keeps some thousands of small objects for the next use; those left by an earlier call would not be counted.
    gc.collect()
    tracemalloc.start()
    gradient(0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    print_machine("numpy")
    table = Table("", *(f"{n:,} entries" for n in LENGTHS), "ratio", title="value and gradient")
    for name, make in (("filling", recurrence), ("reading", read)):
        gradients = [make(n) for n in LENGTHS]
        for measure, unit in ((seconds, "s"), (megabytes, "MB")):
            small, large = (measure(gradient) for gradient in gradients)
            table.add_row(name, f"{small:.3g} {unit}", f"{large:.3g} {unit}", f"{large / small:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
