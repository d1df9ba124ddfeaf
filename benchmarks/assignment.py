"""Filling an array entry by entry: the time and the memory of a gradient by the array's length.

python -m benchmarks.assignment
"""

import argparse
import gc
import statistics
import time
import tracemalloc

import numpy as np

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy")
    lengths = tuple(f"{n:,} entries" for n in LENGTHS)
    gradients = {name: [make(n) for n in LENGTHS] for name, make in (("filling", recurrence), ("reading", read))}
    for measure, unit in ((seconds, "seconds"), (megabytes, "megabytes at most")):
        found = {name: [measure(gradient) for gradient in both] for name, both in gradients.items()}
        rows = [[name, small, large, large / small] for name, (small, large) in found.items()]
        result = Result(
            f"assignment-{unit.split()[0]}",
            f"an array filled, or read, entry by entry: value and gradient, {unit}",
            ("", *lengths, "ratio"),
            rows,
            drawn=lengths,
            axis=f"{unit} (less is better)",
        )
        show(result, options.out)


if __name__ == "__main__":
    main()
