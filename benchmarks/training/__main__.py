"""Microseconds of a training step: chainrule, a program in C with BLAS, JAX, PyTorch and scikit-learn, side by side.

Every contestant has a process of its own for each number of threads, and the processes take turns; the time of a
contestant is its median at its better number of threads. What each one does is said in peers.py and ours.py.

    python -m benchmarks.training [--large] [--out FOLDER]
"""

import argparse
import os
import statistics

from threadpoolctl import threadpool_info

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show, text
from benchmarks.training import ours, peers
from benchmarks.training.check import check
from benchmarks.training.networks import LARGE, NETWORKS, Case
from benchmarks.training.worker import Worker

CONTESTANTS = {
    "chainrule": ours.fit,
    "C": peers.c,
    "JAX": peers.jax,
    "PyTorch": peers.pytorch,
    "scikit-learn": peers.scikit_learn,
}
OURS, REFERENCE = "chainrule", "C"

Times = dict[tuple[str, int], list[float]]
"""Microseconds of a step in every turn, for contestant and number of threads."""


def measure(case: Case, workers: dict[tuple[str, int], Worker], rounds: int, seconds: float) -> Times:
    times: Times = {}
    for key, worker in workers.items():
        unable = worker.prepare(case, seconds)
        if unable is None:
            times[key] = []
        else:
            print(f"{case.name}: {key[0]} is left out: {unable}", flush=True)
    for _ in range(rounds):
        for key, turns in times.items():
            turns.append(workers[key].turn())
    return times


def best(times: Times) -> dict[str, tuple[float, int]]:
    """Median of each contestant at its better number of threads, and that number."""
    found: dict[str, tuple[float, int]] = {}
    for (name, threads), turns in times.items():
        median = statistics.median(turns)
        if name not in found or median < found[name][0]:
            found[name] = median, threads
    return found


def results(times: dict[str, Times], names: list[str]) -> list[Result]:
    """Medians of each at its better number of threads, their ratios, and all turns."""
    rows, ratios, spreads = [], [], []
    others = [name for name in names if name != OURS]
    for case, turns in times.items():
        found = best(turns)
        medians = {name: found[name][0] if name in found else None for name in names}
        threads = ", ".join(str(found[name][1]) if name in found else "-" for name in names)
        rows.append([case, *medians.values(), threads])
        if medians.get(OURS):
            ratio = {name: median / medians[OURS] for name, median in medians.items() if median and name != OURS}
            libraries = [value for name, value in ratio.items() if name != REFERENCE]
            ratios.append([case, *map(ratio.get, others), min(libraries, default=None)])
        for (name, k), taken in turns.items():
            spreads.append([f"{case}, {name}", k, statistics.median(taken), min(taken), max(taken), len(taken)])
    steps = Result(
        "training",
        "microseconds of a training step, float32, each at its better number of threads",
        ("network (batch)", *names, "threads of each"),
        rows,
        drawn=tuple(names),
        axis="microseconds of a training step (less is better)",
    )
    relative = Result(
        "training-ratios",
        f"time of a training step / time of {OURS}",
        ("network (batch)", *others, "fastest library"),
        ratios,
        drawn=tuple(others),
        axis=f"time / time of {OURS} (more is better for {OURS})",
        limit=1,
    )
    columns = ("network (batch), contestant", "threads", "median", "fastest", "slowest", "turns")
    turns = Result("training-turns", "microseconds of a training step, turn by turn", columns, spreads)
    return [steps, relative, turns] if others and ratios else [steps, turns]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each contestant (default 9)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a turn (default 0.3)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default 1 2)")
    parser.add_argument("--large", action="store_true", help=f"also {LARGE}, seconds a step")
    parser.add_argument("--network", default="", help="only networks with this in their name")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy", "scipy", "scikit-learn", "jax", "torch")
    # OpenBLAS takes kernels for AVX2 where it does not know a processor, which OPENBLAS_CORETYPE can mend.
    kernels = {pool["architecture"] for pool in threadpool_info() if pool["internal_api"] == "openblas"}
    print(f"OpenBLAS with kernels for {', '.join(sorted(kernels)) or 'no processor: another BLAS is used'}\n")
    names = options.contestants
    cases = [c for c in NETWORKS.values() if options.network in c.name and (options.large or c.name != LARGE)]
    if REFERENCE in names:
        check([case for case in cases if case.name != LARGE])
    threads = [k for k in options.threads if k <= (os.cpu_count() or 1)]
    workers = {(name, k): Worker(CONTESTANTS[name], k) for name in names for k in threads}
    times = {}
    for case in cases:
        # A turn is an epoch at least, which takes seconds with the large network.
        rounds = min(options.rounds, 3) if case.name == LARGE else options.rounds
        times[case.name] = measure(case, workers, rounds, options.seconds)
        line = ", ".join(f"{name} {text(t)} ({k})" for name, (t, k) in best(times[case.name]).items())
        print(f"{case.name}: {line}", flush=True)
    for worker in workers.values():
        worker.close()
    for result in results(times, names):
        show(result, options.out)


if __name__ == "__main__":
    main()
