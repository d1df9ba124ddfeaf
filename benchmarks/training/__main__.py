"""Microseconds of a training step: chainrule, a program in C with BLAS, JAX, PyTorch and scikit-learn, side by side.

Every contestant has a process of its own for each number of threads, and the processes take turns; the time of a
contestant is its median at its better number of threads. What each one does is said in peers.py and ours.py.

    python -m benchmarks.training [--large] [--csv FILE] [--plot FILE]
"""

import argparse
import csv
import os
import statistics
from pathlib import Path

from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_info

from benchmarks.machine import print_machine
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


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def tables(found: dict[str, dict[str, tuple[float, int]]], names: list[str]) -> list[Table]:
    title = "microseconds of a training step, float32; in brackets the better number of threads"
    steps = Table("network (batch)", *names, title=title)
    for case, medians in found.items():
        cells = [f"{number(medians[n][0])} ({medians[n][1]})" if n in medians else "-" for n in names]
        steps.add_row(case, *cells)
    if OURS not in names:
        return [steps]
    others = [name for name in names if name != OURS]
    ratios = Table("network (batch)", *others, "fastest library", title=f"times of others / time of {OURS}")
    for case, medians in found.items():
        if OURS in medians:
            ratio = {name: medians[name][0] / medians[OURS][0] for name in others if name in medians}
            libraries = [value for name, value in ratio.items() if name != REFERENCE]
            cells = [f"{ratio[name]:.2f}" if name in ratio else "-" for name in others]
            ratios.add_row(case, *cells, f"{min(libraries):.2f}" if libraries else "-")
    return [steps, ratios]


def write_csv(path: Path, found: dict[str, Times]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["network", "contestant", "threads", "median_us", "fastest_us", "slowest_us", "turns"])
        for case, times in found.items():
            for (name, threads), turns in times.items():
                spread = (statistics.median(turns), min(turns), max(turns))
                writer.writerow([case, name, threads, *(f"{value:.4g}" for value in spread), len(turns)])


def plot(path: Path, found: dict[str, dict[str, tuple[float, int]]], names: list[str]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.2 + 0.55 * len(found)), layout="constrained")
    axes = figure.subplots()
    for k, name in enumerate(names):
        rows = [(medians[name][0], row) for row, medians in enumerate(found.values()) if name in medians]
        # One below the other where times agree.
        axes.scatter([t for t, _ in rows], [row + 0.09 * (k - len(names) / 2) for _, row in rows], label=name, s=36)
    axes.set_xscale("log")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.3)
    axes.set_xlabel("microseconds of a training step (less is better)")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each contestant (default 9)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a turn (default 0.3)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default 1 2)")
    parser.add_argument("--large", action="store_true", help=f"also {LARGE}, seconds a step")
    parser.add_argument("--network", default="", help="only networks with this in their name")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--csv", type=Path, help="write all medians to a file")
    parser.add_argument("--plot", type=Path, help="draw the table")
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
        times[case.name] = measure(case, workers, options.rounds, options.seconds)
        line = ", ".join(f"{name} {number(t)} ({k})" for name, (t, k) in best(times[case.name]).items())
        print(f"{case.name}: {line}", flush=True)
    for worker in workers.values():
        worker.close()
    found = {case: best(turns) for case, turns in times.items()}
    console = Console(width=150)
    for table in tables(found, names):
        console.print(table)
    if options.csv:
        write_csv(options.csv, times)
    if options.plot:
        plot(options.plot, found, names)


if __name__ == "__main__":
    main()
