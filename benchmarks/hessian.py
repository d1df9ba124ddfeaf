"""Hessians and Jacobians: rows pulled back one by one, the rows of a chunk at once, autograd and JAX; and the memory.

The ways take turns within one run. JAX is timed twice: operation by operation as the others are, and compiled, without
the time that compiling takes.

    python -m benchmarks.hessian
"""

import argparse
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np

import chainrule
from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show

jax.config.update("jax_enable_x64", True)

EXAMPLES = 200
WAYS = ("row by row", "chainrule", "autograd", "JAX", "JAX, compiled")


def logistic(np, X, t, w):
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - t * z) + 0.05 * np.sum(w * w)


def outputs(np, X, t, w):
    """A network 10-8-1 with tanh, all weights in one vector."""
    hidden = np.tanh(X @ np.reshape(w[:80], (10, 8)) + w[80:88])
    return hidden @ w[88:96] + w[96]


def network(np, X, t, w):
    return np.mean((outputs(np, X, t, w) - t) ** 2)


_rng = np.random.default_rng(0)


def _case(f: Callable, inputs: int, weights: int) -> tuple:
    X, t = _rng.normal(size=(EXAMPLES, inputs)), (_rng.random(EXAMPLES) < 0.5).astype(float)
    return f, X, t, _rng.normal(size=weights) / np.sqrt(inputs)


#: What is computed, and the function with its data and point.
CASES = {
    "Hessian, logistic regression, 10 weights": _case(logistic, 10, 10),
    "Hessian, logistic regression, 100 weights": _case(logistic, 100, 100),
    "Hessian, logistic regression, 300 weights": _case(logistic, 300, 300),
    "Hessian, network 10-8-1, 97 weights": _case(network, 10, 97),
    "Jacobian, network 10-8-1, 200 x 97": _case(outputs, 10, 97),
}


def row_by_row(f: Callable) -> Callable:
    """The Jacobian as one writes it with `vjp`."""

    def matrix(x):
        value, pull_back = chainrule.vjp(f, x)
        return np.stack([pull_back(unit)[0] for unit in np.eye(value.size)])

    return matrix


def ways(kind: str, f: Callable, X, t, w) -> dict[str, Callable[[], object]]:
    """One call for each way; JAX returns before it is done, so that it is waited for."""

    def of(module, data):
        return lambda w: f(module, *data, w)

    ours, theirs, jaxs = of(np, (X, t)), of(anp, (X, t)), of(jnp, (jnp.asarray(X), jnp.asarray(t)))
    if kind == "Hessian":
        loop, batched = row_by_row(chainrule.grad(ours)), chainrule.hessian(ours)
        old, new = autograd.hessian(theirs), jax.hessian(jaxs)
    else:
        loop, batched = row_by_row(ours), chainrule.jacobian(ours)
        old, new = autograd.jacobian(theirs), jax.jacfwd(jaxs)
    compiled, point = jax.jit(new), jnp.asarray(w)
    return dict(
        zip(
            WAYS,
            (
                lambda: loop(w),
                lambda: batched(w),
                lambda: old(w),
                lambda: new(point).block_until_ready(),
                lambda: compiled(point).block_until_ready(),
            ),
            strict=True,
        )
    )


def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call, the ways taking turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def times(rounds: int) -> Result:
    rows = []
    for name, case in CASES.items():
        calls = ways(name.partition(",")[0], *case)
        values = {way: np.asarray(call()) for way, call in calls.items()}
        for way in WAYS[1:]:
            np.testing.assert_allclose(values[way], values["row by row"], rtol=1e-9, atol=1e-12)
        cost = measure(calls, rounds)
        ratios = [cost[way] / cost["chainrule"] for way in ("row by row", "autograd")]
        rows.append([name, *(1e3 * cost[way] for way in WAYS), *ratios])
    return Result(
        "hessian",
        f"Hessians and Jacobians, milliseconds, {EXAMPLES} examples",
        ("", *WAYS, "row by row / ours", "autograd / ours"),
        rows,
        drawn=WAYS,
        axis="milliseconds (less is better)",
    )


def peak(call: Callable[[], np.ndarray]) -> float:
    """Most mebibytes in use at once, besides the result."""
    call()
    tracemalloc.start()
    found = call()
    most = tracemalloc.get_traced_memory()[1] - found.nbytes
    tracemalloc.stop()
    return most / 2**20


def memory(rounds: int) -> Result:
    """Peak memory and time under several budgets."""
    X, w = _rng.normal(size=(5000, 300)), _rng.normal(size=300) / 20

    def loss(w):
        return logistic(np, X, 0.5, w)

    calls = {budget: chainrule.hessian(loss, memory=budget * 2**20) for budget in (1, 4, 16, 64, 256)}
    seconds = measure({str(budget): (lambda h=h: h(w)) for budget, h in calls.items()}, rounds)
    return Result(
        "hessian-memory",
        "Hessian of logistic regression, 5000 x 300, under several budgets: peak memory besides the result, and time",
        ("budget", "peak, MiB", "milliseconds"),
        [[f"{n} MiB", peak(lambda h=h: h(w)), 1e3 * seconds[str(n)]] for n, h in calls.items()],
        drawn=("peak, MiB",),
        axis="MiB at most (less is better)",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="calls of each way (default 15)")
    add_output(parser)
    options = parser.parse_args()
    print_machine("numpy", "autograd", "jax")
    show(times(options.rounds), options.out)
    show(memory(max(3, options.rounds // 3)), options.out)


if __name__ == "__main__":
    main()
