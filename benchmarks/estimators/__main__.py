"""Seconds of a fit: chainrule's estimators, scikit-learn's with the same parameters, and skorch, side by side.

A network of one hidden layer of 100 units, as scikit-learn has it by default. Every time is the median over processes,
which take turns. The first fit of a process finds on disk what an earlier process has compiled; a later one is the
fastest of several in the same process. A search is `GridSearchCV` with 5 folds over 12 settings with three widths; its
first process compiles them all, which is in a column of its own. Scores are means and standard deviations over seeds,
which change first weights, orders and, where no test data belong to the data, the split.

    python -m benchmarks.estimators [--mnist FOLDER] [--case NAME] [--quick] [--out FOLDER]

skorch has as many epochs as scikit-learn took, and float32; the others have the precision of the data.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.estimators.cases import CASES, SEARCHES, Case
from benchmarks.estimators.contestants import CONTESTANTS
from benchmarks.estimators.worker import ask
from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show, text

OURS, PEER, OTHER = CONTESTANTS
#: Where what is compiled stands on disk.
CACHE = "CHAINRULE_CACHE_DIR"


def fits(case: Case, names: Sequence[str], rounds: int, mnist: Path | None) -> dict[str, dict[str, float]]:
    """Medians of what each contestant's processes say."""
    epochs: int = ask("fits", PEER, case.name, mnist)["epochs"]
    ask("fits", OURS, case.name, mnist)
    numbers = {name: {"epochs": epochs} if name == OTHER else {} for name in names}
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            turns[name].append(ask("fits", name, case.name, mnist, **numbers[name]))
    return {
        name: {what: statistics.median(turn[what] for turn in found) for what in found[0]}
        for name, found in turns.items()
    }


def times(found: dict[str, dict[str, dict[str, float]]], names: Sequence[str]) -> list[Result]:
    """A table of first fits, and one of later ones."""
    shown = []
    for what, title in (("first", "the first fit in a process"), ("later", "a later fit in a process")):
        rows = []
        for case, medians in found.items():
            ours = medians[OURS][what]
            ratios = [medians[name][what] / ours for name in names if name != OURS]
            imports = [medians[name]["import"] for name in names] if what == "first" else []
            rows.append([case, *(medians[name][what] for name in names), *ratios, *imports])
        columns = ["data", *names, *(f"{name} / {OURS}" for name in names if name != OURS)]
        columns += [f"import: {name}" for name in names] if what == "first" else []
        title = f"seconds of {title}"
        axis = f"{title} (less is better)"
        shown.append(Result(f"estimators-{what}", title, tuple(columns), rows, tuple(names), axis))
    return shown


def scores(case: Case, names: Sequence[str], mnist: Path | None) -> list[str | float | None]:
    """A row: mean and standard deviation of each."""
    row: list[str | float | None] = [case.name]
    for name in names:
        found = ask("scores", name, case.name, mnist)["scores"]
        row += [f"{statistics.fmean(found):.4f}", f"{statistics.stdev(found):.4f}"]
    return row


def searches(rounds: int, case: str) -> Result:
    """Searches in one process and in two, by both."""
    rows: list[list[str | float | None]] = []
    for search in SEARCHES:
        if case not in search.case:
            continue
        for jobs in (1, 2):
            with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {CACHE: folder}):
                cold = ask("search", OURS, search.case, jobs=jobs)["search"]
            ask("search", OURS, search.case, jobs=jobs)
            turns = [[ask("search", name, search.case, jobs=jobs) for name in (OURS, PEER)] for _ in range(rounds)]
            ours, peers = (statistics.median(turn[k]["search"] for turn in turns) for k in (0, 1))
            best = [f"{turn['best']:.4f}" for turn in turns[0]]
            rows.append([f"{search.name}, n_jobs={jobs}", ours, peers, peers / ours, cold, *best])
    columns = ("data", OURS, PEER, f"{PEER} / {OURS}", f"{OURS}, nothing on disk", f"best: {OURS}", f"best: {PEER}")
    title = "seconds of GridSearchCV, 5 folds over 12 settings with three widths"
    return Result("estimators-search", title, columns, rows, (OURS, PEER), f"{title} (less is better)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="folder of the four files of MNIST, for the case of that name")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each contestant (default 5)")
    parser.add_argument("--quick", action="store_true", help="one process of each, and only small data")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS[1:], default=list(CONTESTANTS[1:]))
    parser.add_argument(
        "--parts", nargs="+", choices=("fits", "searches", "scores"), default=["fits", "searches", "scores"]
    )
    add_output(parser)
    options = parser.parse_args()
    names, rounds = [OURS, *options.contestants], 1 if options.quick else options.rounds
    cases = [case for case in CASES if options.case in case.name and (options.mnist or case.name != "MNIST")]
    cases = [case for case in cases if case.seeds == 10 and not case.settings] if options.quick else cases
    print_machine("numpy", "scipy", "scikit-learn", *(("torch", "skorch") if OTHER in names else ()))
    found = {}
    for case in cases if "fits" in options.parts else ():
        found[case.name] = fits(case, names, rounds, options.mnist)
        line = ", ".join(f"{name} {text(t['first'])} {text(t['later'])}" for name, t in found[case.name].items())
        print(f"{case.name}, seconds of first and later: {line}", flush=True)
    shown = times(found, names) if found else []
    if "searches" in options.parts and any(options.case in search.case for search in SEARCHES):
        shown.append(searches(rounds, options.case))
    if "scores" in options.parts:
        columns = ("data", *(part for name in (OURS, PEER) for part in (f"{name}: mean", "deviation")))
        rows = [scores(case, (OURS, PEER), options.mnist) for case in cases]
        shown.append(Result("estimators-scores", "test scores over seeds", columns, rows))
    for result in shown:
        show(result, options.out)


if __name__ == "__main__":
    main()
