"""Sparse Jacobians and Hessians by colouring, beside SciPy's finite differences with a sparsity pattern.

SciPy is handed the pattern and its own groups of columns, found beforehand. A time is the least of some turns, the
first call apart: it finds the pattern and the colours, and, compiled, compiles.

    python -m benchmarks.sparse
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

import numpy as np
from examples.bundle_adjustment import residuals, scene
from scipy.optimize._numdiff import approx_derivative, group_columns

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show
from chainrule import jit, sparse_hessian, sparse_jacobian
from chainrule.inspection.counting.least_seconds import least_seconds


def brusselator(u):
    """Two substances that react and diffuse along a line, of half of the unknowns each."""
    a, b = np.reshape(u, (2, -1))
    whole_a, whole_b = (np.concatenate([[edge], part, [edge]]) for edge, part in ((1.0, a), (3.0, b)))
    spread_a, spread_b = (x[2:] - 2 * x[1:-1] + x[:-2] for x in (whole_a, whole_b))
    return np.concatenate([1 + a**2 * b - 4 * a + 0.02 * spread_a, 3 * a - a**2 * b + 0.02 * spread_b])


def bratu(u):
    """Minus the Laplacian on a square, five points each, with a source that grows exponentially."""
    n = round(u.size**0.5)
    inside = np.reshape(u, (n, n))
    whole = np.pad(inside, 1)
    around = whole[2:, 1:-1] + whole[:-2, 1:-1] + whole[1:-1, 2:] + whole[1:-1, :-2]
    return (4 * inside - around - 0.1 * np.exp(inside)).ravel()


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def with_one_for_all(x):
    """A chain whose links all depend on the first variable besides."""
    return np.sum((x[1:] - x[:-1] ** 2) ** 2 * np.exp(-0.01 * x[0])) + x[0] ** 4


def banded(width: int) -> Callable:
    """A function of which each output depends on so many neighbouring inputs."""

    def f(x):
        y = np.sin(x)
        total = y[: len(x) - width]
        for k in range(1, width):
            total = total + (k + 1) * y[k : len(x) - width + k] ** 2
        return total

    return f


def least(times: int, *calls: Callable[[], object]) -> list[float]:
    """Milliseconds of each call, the least of some turns."""
    return [1e3 * seconds for seconds in least_seconds(*calls, times=times, shortest=0.05)]


def once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def row(name: str, f: Callable, x: np.ndarray, args: tuple, times: int) -> list:
    """Colours and milliseconds of one case."""
    eager = sparse_jacobian(f)
    first = once(lambda: eager(x, *args))
    compiled = jit(sparse_jacobian(f))
    compiling = once(lambda: compiled(x, *args))
    plan = eager.plan(x, *args)
    groups = group_columns(plan.pattern)
    sparsity = (plan.pattern, groups)

    def differences():
        return approx_derivative(f, x, method="2-point", sparsity=sparsity, args=args)

    # Differences have half of the digits.
    error = abs(compiled(x, *args) - differences()).max() / abs(eager(x, *args)).max()
    assert error < 1e-5, error
    calls = [partial(g, x, *args) for g in (f, eager, compiled)]
    of_f, of_eager, of_compiled, of_differences = least(times, *calls, differences)
    return [
        f"{name}, {len(x):,}",
        plan.count,
        int(groups.max()) + 1,
        of_f,
        first,
        of_eager,
        compiling,
        of_compiled,
        of_differences,
    ]


def jacobians(times: int, most: int) -> Result:
    rng = np.random.default_rng(0)
    rows = []
    for n in (10_000, 100_000, 1_000_000):
        if n <= most:
            rows.append(row("Brusselator, 1-D", brusselator, rng.uniform(0.5, 1.5, n), (), times))
            rows.append(row("Bratu, 2-D", bratu, rng.uniform(0, 1, round(n**0.5) ** 2), (), times))
    for cameras, points in ((16, 400), (49, 7776)):
        truth, camera, point, seen = scene(cameras, points, 4)
        rows.append(row("bundle adjustment", residuals, truth, (cameras, camera, point, seen), times))
    columns = ("unknowns", "colours", "SciPy's", "function", "first", "eager", "compiling", "compiled", "differences")
    return Result(
        "sparse-jacobians",
        "Sparse Jacobians, milliseconds: the function itself; the first and any later call; SciPy's differences",
        columns,
        rows,
        drawn=("eager", "compiled", "differences"),
        axis="milliseconds (less is better)",
    )


def by_colours(times: int) -> Result:
    x = np.random.default_rng(0).normal(size=100_000)
    rows = []
    for width in (2, 4, 8, 16, 32):
        f = banded(width)
        eager, compiled = sparse_jacobian(f), jit(sparse_jacobian(f))
        found = least(times, *(partial(g, x) for g in (f, eager, compiled)))
        rows.append([str(width), eager.plan(x).count, *found, found[1] / found[0], found[2] / found[0]])
    return Result(
        "sparse-colours",
        "100,000 unknowns, each output of so many neighbours: milliseconds, and how many runs of the function that is",
        ("neighbours", "colours", "function", "eager", "compiled", "eager / function", "compiled / function"),
        rows,
    )


def hessian_row(name: str, f: Callable, x: np.ndarray, times: int) -> list:
    eager, compiled = sparse_hessian(f), jit(sparse_hessian(f))
    first, compiling = once(lambda: eager(x)), once(lambda: compiled(x))
    plan = eager.plan(x)
    found = least(times, *(partial(g, x) for g in (f, eager, compiled)))
    widest = int(np.diff(plan.pattern.indptr).max())
    return [f"{name}, {len(x):,}", plan.count, widest, found[0], first, found[1], compiling, found[2]]


def hessians(times: int, most: int) -> Result:
    rows = []
    for name, f in (("chain", rosenbrock), ("chain with one variable in all links", with_one_for_all)):
        points = [np.random.default_rng(0).normal(size=n) for n in (10_000, 100_000, 1_000_000) if n <= most]
        rows += [hessian_row(name, f, x, times) for x in points]
    return Result(
        "sparse-hessians",
        "Sparse Hessians, milliseconds; colours, and those that it takes at least without the symmetry",
        ("unknowns", "colours", "without", "function", "first", "eager", "compiling", "compiled"),
        rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="turns, of which the least counts (default 5)")
    parser.add_argument("--most", type=int, default=1_000_000, help="unknowns at most (default a million)")
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy", "scipy")
    show(jacobians(options.times, options.most), options.out)
    show(by_colours(options.times), options.out)
    show(hessians(options.times, options.most), options.out)


if __name__ == "__main__":
    main()
