"""Microseconds of a value with its gradient: chainrule, derivatives by hand in NumPy, JAX, PyTorch and autograd.

The objectives of ADBench that have one gradient (a Gaussian mixture of 1,000 points with d coordinates and k parts; an
LSTM), and small scientific functions; float64. Where a case does not say otherwise, loops are `scan` in chainrule and
JAX. Every contestant has a process of its own for each number of threads, and the processes take turns; the time of a
contestant is its median at its better number of threads. Before that each is checked against the derivative by hand.
Of k-means it is Newton's step, which takes the Hessian's product with a vector beside the gradient.

    python -m benchmarks.gradients [--quick] [--case NAME] [--first-call] [--out FOLDER]
"""

import argparse
import os

from benchmarks.gradients import contestants
from benchmarks.gradients.cases import CASES, QUICK
from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show, text
from benchmarks.training.__main__ import best, measure
from benchmarks.training.worker import Worker

CONTESTANTS = {
    "chainrule": contestants.compiled,
    "value alone": contestants.value,
    "interpreted": contestants.interpreted,
    "by hand": contestants.by_hand,
    "JAX": contestants.jax,
    "PyTorch": contestants.pytorch,
    "autograd": contestants.autograd,
}
FIRST_CALLS = {"chainrule": contestants.first_call, "JAX": contestants.jax_first_call}
OURS, VALUE, LIBRARIES = "chainrule", "value alone", ("JAX", "PyTorch", "autograd")

Medians = dict[str, tuple[float, int]]
"""For each contestant its time and its better number of threads."""


def results(found: dict[str, Medians], names: list[str]) -> list[Result]:
    title = "microseconds of value and gradient, float64; value alone is compiled too"
    times = [[case, *(medians[n][0] if n in medians else None for n in names)] for case, medians in found.items()]
    drawn = tuple(name for name in names if name != VALUE and any(name in medians for medians in found.values()))
    shown = [Result("gradients", title, ("objective", *names), times, drawn, "microseconds (less is better)")]
    if OURS in names:
        others = [name for name in names if name not in (OURS, VALUE)]
        columns = ("objective", *others, "fastest library", "gradient / value", "threads")
        title = f"times of others / time of {OURS}; then its own gradient to its value alone, and its threads"
        rows = [ratios(case, medians, others) for case, medians in found.items() if OURS in medians]
        drawn = ("fastest library",) if any(row[-3] is not None for row in rows) else ()
        shown.append(Result("gradients-ratios", title, columns, rows, drawn, "times slower than chainrule", limit=1))
    return shown


def ratios(case: str, medians: Medians, others: list[str]) -> list[str | float | int | None]:
    ours, threads = medians[OURS]
    ratio = {name: medians[name][0] / ours for name in others if name in medians}
    libraries = [ratio[name] for name in LIBRARIES if name in ratio]
    to_value = ours / medians[VALUE][0] if VALUE in medians else None
    return [case, *(ratio.get(name) for name in others), min(libraries, default=None), to_value, threads]


def first_calls(found: dict[str, Medians]) -> Result:
    title = "seconds of the first call, which records and compiles; nothing is kept on disk"
    rows = [
        [case, *(medians[n][0] / 1e6 if n in medians else None for n in FIRST_CALLS)] for case, medians in found.items()
    ]
    return Result("gradients-first-call", title, ("objective", *FIRST_CALLS), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and short turns")
    parser.add_argument("--rounds", type=int, help="turns of each contestant (default 7, quick 3)")
    parser.add_argument("--seconds", type=float, help="length of a turn (default 0.2, quick 0.05)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default 1 2)")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--first-call", action="store_true", help="time the first call in place of the later ones")
    add_output(parser)
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 7)
    seconds = options.seconds or (0.05 if options.quick else 0.2)
    cases = [case for case in (QUICK if options.quick else CASES) if options.case in case.name]
    threads = [k for k in options.threads if k <= (os.cpu_count() or 1)]
    makers = FIRST_CALLS if options.first_call else {name: CONTESTANTS[name] for name in options.contestants}
    print_machine("numpy", "scipy", "jax", "torch", "autograd")
    workers = {(name, k): Worker(make, k) for name, make in makers.items() for k in threads}
    found = {}
    for case in cases:
        found[case.name] = best(measure(case, workers, rounds, seconds))
        line = ", ".join(f"{name} {text(t)} ({k})" for name, (t, k) in found[case.name].items())
        print(f"{case.name}: {line}", flush=True)
    for worker in workers.values():
        worker.close()
    for result in [first_calls(found)] if options.first_call else results(found, list(makers)):
        show(result, options.out)


if __name__ == "__main__":
    main()
