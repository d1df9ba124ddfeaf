"""The machine's rate of multiplications and of copying, and what training steps and elementwise functions reach of it.

What is compared takes turns, each in a process of its own, as in `benchmarks.training`.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.limits.counting import value_and_gradient
from benchmarks.results import Result
from benchmarks.training import ours
from benchmarks.training.networks import LARGE, NETWORKS, Case
from benchmarks.training.worker import Worker
from chainrule.inspection.counting import multiplications

__all__ = ["bandwidth", "products"]

#: Length of the edges of the product that says what the machine can do.
EDGE = 2048
#: float32 numbers of an array that no cache holds.
ENTRIES = 1 << 26

Timed = Callable[[int], tuple[int, float]]


def repeated(call: Callable[[], Any]) -> Timed:
    """A contestant that makes a call again and again."""

    def train(times: int) -> tuple[int, float]:
        begun = time.perf_counter()
        for _ in range(times):
            call()
        return times, time.perf_counter() - begun

    return train


def numpys_product(edge: int, threads: int) -> Timed:
    a, b = squares(edge)
    out = np.empty((edge, edge), np.float32)
    return repeated(lambda: np.matmul(a, b, out=out))


def scipys_product(edge: int, threads: int) -> Timed:
    from scipy.linalg.blas import sgemm

    a, b = (np.asfortranarray(x) for x in squares(edge))
    out = np.zeros((edge, edge), np.float32, order="F")
    return repeated(lambda: sgemm(1.0, a, b, c=out, overwrite_c=True))


def our_product(edge: int, threads: int) -> Timed:
    from chainrule import jit

    a, b = squares(edge)
    product = jit(lambda a, b: a @ b)
    return repeated(lambda: product(a, b))


def named(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def squares(edge: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, edge, edge)).astype(np.float32)


def products(rounds: int, seconds: float, threads: list[int], large: bool) -> list[Result]:
    """The product rate, and the share of it that training steps reach."""
    makers = {"NumPy": numpys_product, "SciPy": scipys_product, "chainrule": our_product}
    workers = {(name, k): Worker(make, k) for name, make in makers.items() for k in threads}
    steps = {(case.name, k): Worker(ours.fit, k) for case in cases(large) for k in threads}
    prepared = {key: worker.prepare(EDGE, seconds) for key, worker in workers.items()}
    prepared |= {key: worker.prepare(NETWORKS[key[0]], seconds) for key, worker in steps.items()}
    assert not any(prepared.values()), prepared
    times = turns(workers | steps, rounds)
    rates = {key: 2e-3 * EDGE**3 / times[key] for key in workers}
    rows = [[name, *(rates[name, k] for k in threads)] for name in makers]
    columns = tuple(map(named, threads))
    machine = Result(
        "limits-product-rate",
        f"the product rate: float32, {EDGE} cubed, GFLOP/s",
        ("", *columns),
        rows,
        drawn=columns,
        axis="GFLOP/s (more is better)",
        log=False,
    )
    # The fastest of all, at the number of threads, is what the machine can do.
    best = {k: max(rates[name, k] for name in makers) for k in threads}
    blas = {k: max(rates[name, k] for name in makers if name != "chainrule") for k in threads}
    shares = []
    for case in cases(large):
        count = multiplications(value_and_gradient(case))
        for k in threads:
            rate = 2e-3 * count / times[case.name, k]
            row = [f"{case.name}, {named(k)}", count / 1e6]
            shares.append([*row, times[case.name, k], rate, 100 * rate / blas[k], 100 * rate / best[k]])
    reached = Result(
        "limits-share-of-product-rate",
        "training steps against the product rate: all multiplications of the step, over its whole time",
        ("step", "10⁶ multiplications", "microseconds", "GFLOP/s", "% of BLAS", "% of the fastest product"),
        shares,
        drawn=("% of BLAS", "% of the fastest product"),
        axis="% of the product rate (more is better; the line is the bar)",
        log=False,
        limit=80,
    )
    return [machine, reached]


def cases(large: bool) -> list[Case]:
    names = ["784-512-512-10 (128)", *([LARGE] if large else [])]
    return [NETWORKS[name] for name in names]


def turns(workers: Mapping[tuple[str, int], Worker], rounds: int) -> dict[tuple[str, int], float]:
    """Median microseconds of a call or step; the processes are closed."""
    times: dict[tuple[str, int], list[float]] = {key: [] for key in workers}
    for _ in range(rounds):
        for key, worker in workers.items():
            times[key].append(worker.turn())
    for worker in workers.values():
        worker.close()
    return {key: statistics.median(found) for key, found in times.items()}


#: What moves how many arrays, reading and writing counted as one each; the arrays are x and y.
MOVES: dict[str, tuple[int, Callable[[np.ndarray, np.ndarray], Any] | None]] = {
    "copy, into an array that is there": (2, None),
    "copy, into a new array": (2, None),
    "NumPy, x + y": (3, np.add),
    "x + 1": (2, lambda x, y: x + 1),
    "x + y": (3, lambda x, y: x + y),
    "exp(x)": (2, lambda x, y: np.exp(x)),
    "tanh(x) * y + x": (3, lambda x, y: np.tanh(x) * y + x),
    "sum(x * y)": (2, lambda x, y: np.sum(x * y)),
    "sum((x - y) ** 2)": (2, lambda x, y: np.sum((x - y) ** 2)),
}


def move(name: str, threads: int) -> Timed:
    """Move arrays that no cache holds; NumPy's copies are shared by threads of Python's."""
    from concurrent.futures import ThreadPoolExecutor

    from chainrule import jit

    x, y = np.ones(ENTRIES, np.float32), np.full(ENTRIES, 0.5, np.float32)
    if name == "copy, into an array that is there":
        pool = ThreadPoolExecutor(threads)
        parts = list(zip(np.array_split(y, threads), np.array_split(x, threads), strict=True))
        return repeated(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))
    if name == "copy, into a new array":
        return repeated(x.copy)
    function = MOVES[name][1]
    assert function is not None
    if name.startswith("NumPy"):
        return repeated(lambda: function(x, y))
    compiled = jit(function)
    return repeated(lambda: compiled(x, y))


def bandwidth(rounds: int, seconds: float, threads: list[int]) -> Result:
    """Gigabytes a second of copies and of compiled elementwise functions."""
    rates = {}
    # Few processes at a time, since each holds its arrays.
    for k in threads:
        workers = {(name, k): Worker(move, k) for name in MOVES}
        for (name, _), worker in workers.items():
            unable = worker.prepare(name, seconds)
            assert unable is None, unable
        found = turns(workers, rounds)
        rates |= {key: 1e-3 * 4 * ENTRIES * MOVES[key[0]][0] / found[key] for key in workers}
    first = next(iter(MOVES))
    rows = [[name, *(rates[name, k] for k in threads)] for name in MOVES]
    rows = [[*row, *(100 * rates[row[0], k] / rates[first, k] for k in threads)] for row in rows]
    columns = tuple(f"GB/s, {named(k)}" for k in threads)
    shares = tuple(f"% of the copy, {named(k)}" for k in threads)
    return Result(
        "limits-bandwidth",
        f"float32 arrays of {4 * ENTRIES >> 20} MiB through memory, bytes read and written; by jit but for the first "
        "three",
        ("", *columns, *shares),
        rows,
        drawn=columns,
        axis="GB/s (more is better)",
        log=False,
    )
