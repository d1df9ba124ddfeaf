"""Per-example gradients of a small network: one batched pass by `vectorize`, beside a loop in Python.

python -m benchmarks.per_example
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show
from chainrule import grad, vectorize


def loss(parameters, x, t):
    """Squared error of one example through two layers."""
    (w1, b1), (w2, b2) = parameters
    return np.sum((np.tanh(x @ w1 + b1) @ w2 + b2 - t) ** 2)


def median_seconds(call, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy")
    rng = np.random.default_rng(0)
    parameters = [(rng.normal(size=(64, 32)) / 8, np.zeros(32)), (rng.normal(size=(32, 10)) / 6, np.zeros(10))]
    gradient = grad(loss)
    batched = vectorize(gradient, (None, 0, 0))
    rows = []
    for examples in (10, 100, 1000):
        X, T = rng.normal(size=(examples, 64)), rng.normal(size=(examples, 10))

        def loop(X=X, T=T):
            return [gradient(parameters, x, t) for x, t in zip(X, T, strict=True)]

        def at_once(X=X, T=T):
            return batched(parameters, X, T)

        np.testing.assert_allclose(at_once()[0][0][3], loop()[3][0][0])
        slow, fast = median_seconds(loop, 5), median_seconds(at_once, 5)
        rows.append([f"{examples} examples", 1e3 * slow, 1e3 * fast, slow / fast])
    title, columns = "per-example gradients, 64-32-10 tanh, milliseconds", ("", "loop", "vectorize", "ratio")
    result = Result("per-example", title, columns, rows, drawn=columns[1:3], axis="milliseconds (less is better)")
    show(result, options.out)


if __name__ == "__main__":
    main()
