"""One process of a contestant: it does what it is asked to and prints what it took.

python -m benchmarks.estimators.worker TASK CONTESTANT CASE [--mnist FOLDER] [--epochs N] [--jobs N]
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.estimators.cases import CASES, SEARCHES, Case, Data
from benchmarks.estimators.contestants import make

__all__ = ["ask"]


def ask(task: str, contestant: str, case: str, mnist: Path | None = None, **numbers: int) -> dict[str, Any]:
    """Start a process, wait for it, and give what it has found.

    Parameters
    ----------
    task : {"fits", "scores", "search"}
        What it does.
    contestant, case : str
        Who does it, on what.
    mnist : Path, optional
        The folder of MNIST's files.
    **numbers : int
        Options of the process.

    Returns
    -------
    dict
        Seconds of ``import``, ``first`` and ``later`` fits and ``epochs``; or ``scores``; or ``search`` in seconds,
        the ``best`` score and the number of ``fits``.

    Raises
    ------
    RuntimeError
        Where the process failed.
    """
    command = [sys.executable, "-m", "benchmarks.estimators.worker", task, contestant, case]
    command += [] if mnist is None else ["--mnist", str(mnist)]
    command += [part for name, number in numbers.items() for part in (f"--{name}", str(number))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{contestant}, {case}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def fits(contestant: str, case: Case, data: Data, epochs: int | None, jobs: int | None) -> dict[str, Any]:
    begun = time.perf_counter()
    model = make(contestant, case, 0, epochs)
    imported = time.perf_counter()
    model.fit(data.X, data.y)
    first, later = time.perf_counter() - imported, []
    # skorch takes long, and gains nothing from being asked again.
    for _ in range(case.fits if contestant != "skorch" else 1):
        model = make(contestant, case, 0, epochs)
        start = time.perf_counter()
        model.fit(data.X, data.y)
        later.append(time.perf_counter() - start)
    return {
        "import": imported - begun,
        "first": first,
        "later": min(later),
        "epochs": getattr(model, "n_iter_", epochs),
    }


def scores(contestant: str, case: Case, data: Data, epochs: int | None, jobs: int | None) -> dict[str, Any]:
    found = []
    for seed in range(case.seeds):
        X, y, X_test, y_test = data.split(seed)
        found.append(float(make(contestant, case, seed, epochs).fit(X, y).score(X_test, y_test)))
    return {"scores": found}


def search(contestant: str, case: Case, data: Data, epochs: int | None, jobs: int | None) -> dict[str, Any]:
    from sklearn.model_selection import GridSearchCV

    (grid,) = (s.grid for s in SEARCHES if s.case == case.name)
    begun = time.perf_counter()
    found = GridSearchCV(make(contestant, case, 0), grid, cv=5, n_jobs=jobs).fit(data.X, data.y)
    seconds = time.perf_counter() - begun
    return {"search": seconds, "best": float(found.best_score_), "fits": 5 * len(found.cv_results_["params"]) + 1}


TASKS = {"fits": fits, "scores": scores, "search": search}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("contestant")
    parser.add_argument("case")
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    (case,) = (case for case in CASES if case.name == options.case)
    found = TASKS[options.task](options.contestant, case, case.data(options.mnist), options.epochs, options.jobs)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
