"""How long it takes until machine code is there: cold, and from the cache on disk, in fresh processes.

    python -m benchmarks.limits.compiling CASE {imports,none}

is such a process. With `imports` all that the package loads lazily is loaded before the clock starts; with `none` the
clock has that in it, as a program's first fit does. LLVM starts within the time in either case.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.results import Result

__all__ = ["CASES", "compile_times"]

#: Bars in seconds, cold and cached; None where there is none.
CASES: dict[str, tuple[float, float | None]] = {
    "training step, 4-16-3 (32)": (0.3, 0.03),
    "training step, 64-100-10 (32)": (0.3, 0.03),
    "training step, 784-100-10 (32)": (0.3, 0.03),
    "training step, 784-512-512-10 (128)": (0.3, 0.03),
    "a thousand nodes: deep network": (2.0, None),
    "a thousand nodes: elementwise": (2.0, None),
}


def deep(parameters: Any, x: Any) -> Any:
    """Eighty layers of 16 units, each with another activation than the one before."""
    for k, (weights, bias) in enumerate(parameters):
        x = (np.tanh, np.sin, np.arctan, np.exp)[k % 4](x @ weights + bias) * 0.5
    return np.sum(x * x)


def loops(x: Any) -> Any:
    """Runge-Kutta steps of the equations of Lotka and Volterra, one after the other."""

    def change(u: Any, v: Any) -> Any:
        return u - 0.5 * u * v, 0.25 * u * v - v

    u, v = x[0], x[1]
    for _ in range(10):
        a, b = change(u, v)
        c, d = change(u + 0.05 * a, v + 0.05 * b)
        e, f = change(u + 0.05 * c, v + 0.05 * d)
        g, h = change(u + 0.1 * e, v + 0.1 * f)
        u, v = u + (a + 2 * c + 2 * e + g) / 60, v + (b + 2 * d + 2 * f + h) / 60
    return np.sum(u * v)


def prepared(name: str) -> tuple[Callable[[], Any], Callable[[], int]]:
    """What compiles and runs once; and what then counts nodes."""
    from benchmarks.training import ours
    from benchmarks.training.networks import NETWORKS
    from chainrule import jit, trace, train, value_and_grad

    if name.startswith("training step, "):
        case = NETWORKS[name.removeprefix("training step, ")]
        net, data, rule, start = ours.network(case), case.data(), ours.optimizer(case), ours.start(case)
        x, targets = data.inputs[: 2 * case.batch], data.targets[: 2 * case.batch]

        def fit() -> Any:
            return train.fit(net, start, case.loss, x, targets, optimizer=rule, epochs=1, batch_size=case.batch, rng=0)

        def step_nodes() -> int:
            from chainrule.train.compiled import step_graph
            from chainrule.train.task import Task

            return len(step_graph(Task(net, fit_loss(case), x, targets, rule, case.batch), fit().state, (32,)).nodes)

        return fit, step_nodes
    rng = np.random.default_rng(0)
    if name.endswith("deep network"):
        function = value_and_grad(deep)
        layers = [(rng.normal(size=(16, 16)) / 4, rng.normal(size=16)) for _ in range(80)]
        arguments: tuple[Any, ...] = (layers, rng.normal(size=(8, 16)))
    else:
        function, arguments = value_and_grad(loops), (rng.uniform(1, 2, size=(2, 100)),)
    compiled = jit(function)
    return lambda: compiled(*arguments), lambda: len(trace(function)(*arguments).nodes)


def fit_loss(case: Any) -> Any:
    from chainrule.nn.losses import loss

    return loss(case.loss)


def once(name: str, imports: bool) -> None:
    """Print the seconds of the first run, those of the second, and the number of nodes."""
    run, nodes = prepared(name)
    if imports:
        load_all()
    begun = time.perf_counter()
    run()
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    run()
    print(first, time.perf_counter() - begun, nodes())


def load_all() -> None:
    """Import every module that compiling, or checking the data of a fit, may need."""
    import importlib
    import pkgutil

    importlib.import_module("scipy.special")
    for room in ("jit", "native", "passes", "train"):
        package = importlib.import_module(f"chainrule.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"chainrule.{room}."):
            importlib.import_module(module.name)


def measured(name: str, imports: bool, folder: str) -> tuple[float, float, int]:
    environment = os.environ | {"CHAINRULE_CACHE_DIR": folder}
    command = [sys.executable, "-m", "benchmarks.limits.compiling", name, "imports" if imports else "none"]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    return float(found[0]), float(found[1]), int(found[2])


def compile_times(rounds: int) -> Result:
    """Medians over fresh processes, for each of which the cache on disk is empty, or full."""
    rows = []
    for name, bars in CASES.items():
        times: dict[tuple[str, bool], list[float]] = {}
        for _ in range(rounds):
            for imports in (True, False):
                with tempfile.TemporaryDirectory() as folder:
                    for state in ("cold", "cached"):
                        first, second, nodes = measured(name, imports, folder)
                        # Less what a run takes once all is compiled.
                        times.setdefault((state, imports), []).append(first - second)
        medians = {key: statistics.median(found) for key, found in times.items()}
        keys = [("cold", True), ("cached", True), ("cold", False), ("cached", False)]
        rows.append([name, nodes, *(1e3 * medians[key] for key in keys), *(b and 1e3 * b for b in bars)])
    return Result(
        "limits-compile-time",
        "milliseconds until machine code is there, in a fresh process: recording, passes, translation, linking",
        ("", "nodes", "cold", "cached", "cold, with imports", "cached, with imports", "bar cold", "bar cached"),
        rows,
        drawn=("cold", "cached", "cold, with imports", "cached, with imports", "bar cold", "bar cached"),
        axis="milliseconds (less is better)",
    )


if __name__ == "__main__":
    once(sys.argv[1], sys.argv[2] == "imports")
