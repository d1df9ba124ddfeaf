"""What one recorded operation costs: chainrule, autograd and PyTorch's eager mode, forward and backward, side by side.

Every function computes a value and its gradient on scalars or small arrays, where the arithmetic itself takes next to
nothing. The libraries take turns within one run; the median over the rounds is divided by the number of operations.
A second table has single operations, many of which do more arithmetic than those of a program do on the average, beside
the time that the same takes by hand (see `benchmarks.recording_operations`).

    python -m benchmarks.recording
"""

import argparse
import os
from collections.abc import Callable

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

import autograd
import autograd.numpy as anp
import numpy as np
import torch

import chainrule
from benchmarks.machine import print_machine
from benchmarks.recording_operations import seconds_of, single_operations
from benchmarks.results import Result, add_output, show

torch.set_num_threads(1)

#: Calls of one library before the next has its turn: as in a loop that minimises something.
CALLS = 100


def polynomial(np, x):
    y = 1.0
    for k in range(1, 21):
        y = y * x * 0.5 + k
    return y


def scalar_mix(np, x):
    y = x
    for _ in range(10):
        y = np.sin(y) * x + np.exp(-y * y) / (1.0 + x * x)
    return y


def elementwise(np, x):
    y = x
    for _ in range(10):
        y = np.tanh(y) * x + 0.1 * y - y * y / 3.0
    return np.sum(y)


def logistic(np, w):
    z = DATA[np] @ w
    p = 1.0 / (1.0 + np.exp(-z))
    return -np.sum(TARGETS[np] * np.log(p) + (1.0 - TARGETS[np]) * np.log(1.0 - p)) + 0.1 * np.sum(w * w)


def rosenbrock(np, x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def network(np, w):
    a = DATA[np]
    for k in range(3):
        a = np.tanh(a @ w[k] + w[k][0])
    return np.sum(a * a)


_rng = np.random.default_rng(0)
_X, _T = _rng.normal(size=(10, 10)), (_rng.random(10) > 0.5).astype(float)
DATA = {np: _X, anp: _X, torch: torch.tensor(_X)}
TARGETS = {np: _T, anp: _T, torch: torch.tensor(_T)}

#: Function, its point, and whether the point is a Python number.
CASES: list[tuple[str, Callable, object]] = [
    ("polynomial, scalar", polynomial, 0.7),
    ("sin, exp, scalar", scalar_mix, 0.7),
    ("tanh chain, 10 entries", elementwise, _rng.normal(size=10)),
    ("Rosenbrock, 10 entries", rosenbrock, _rng.normal(size=10)),
    ("logistic regression, 10 x 10", logistic, _rng.normal(size=10)),
    ("three layers, 10 x 10", network, _rng.normal(size=(3, 10, 10)) * 0.3),
]


def runners(f: Callable, point: object) -> dict[str, Callable[[], object]]:
    """One call of value and gradient for each library."""
    ours = chainrule.value_and_grad(lambda x: f(np, x))
    theirs = autograd.value_and_grad(lambda x: f(anp, x))

    def eager():
        x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
        y = f(torch, x)
        y.backward()
        return y.item(), x.grad.numpy()

    return {"chainrule": lambda: ours(point), "autograd": lambda: theirs(point), "PyTorch": eager}


def operations(f: Callable, point: object) -> int:
    """Number of operations that one call records."""
    return len(chainrule.trace(lambda x: f(np, x))(point).nodes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="rounds of a hundred calls each (default 30)")
    add_output(parser)
    options = parser.parse_args()
    # PyTorch has no np.-style dispatch, so the functions take the module; sum, exp and the like are spelt alike.
    print_machine("numpy", "autograd", "torch")
    libraries = ("chainrule", "autograd", "PyTorch")
    columns = ("function", "operations", *libraries, "autograd / ours", "PyTorch / ours")
    title, rows = "microseconds for one operation, value and gradient", []
    for name, f, point in CASES:
        calls = runners(f, point)
        values = {library: np.asarray(call()[1]) for library, call in calls.items()}
        for library in ("autograd", "PyTorch"):
            np.testing.assert_allclose(values["chainrule"], values[library], rtol=1e-10)
        count = operations(f, point)
        seconds = seconds_of(calls, options.rounds, CALLS)
        cost = {library: 1e6 * float(np.median(values)) / count for library, values in seconds.items()}
        ratios = [cost[library] / cost["chainrule"] for library in libraries[1:]]
        rows.append([name, count, *(cost[library] for library in libraries), *ratios])
    axis = "microseconds an operation (less is better)"
    show(Result("recording", title, columns, rows, drawn=libraries, axis=axis), options.out)
    show(single_operations(options.rounds), options.out)


if __name__ == "__main__":
    main()
