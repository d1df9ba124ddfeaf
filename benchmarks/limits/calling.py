"""What a call of a small compiled function costs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import chainrule
from benchmarks.limits.counting import measured
from benchmarks.results import Result

__all__ = ["calls"]


def affine(x: Any) -> Any:
    return 2.0 * x + 1.0


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def logistic(w: Any, x: Any, t: Any) -> Any:
    z = x @ w["weights"] + w["bias"]
    return np.mean(np.logaddexp(0, z) - t * z)


def calls(rounds: int) -> Result:
    """Microseconds of a call: of the way in and out, as next to nothing is computed."""
    x, rng = np.linspace(0.1, 1.0, 2), np.random.default_rng(0)
    weights = {"weights": rng.normal(size=3), "bias": 0.5}
    batch = rng.normal(size=(4, 3)), np.ones(4)
    cases: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "2 x + 1, a float": (chainrule.jit(affine), (0.5,)),
        "2 x + 1, 2 entries": (chainrule.jit(affine), (x,)),
        "Rosenbrock, 2 entries": (chainrule.jit(rosenbrock), (x,)),
        "Rosenbrock and its gradient, 2 entries": (chainrule.jit(chainrule.value_and_grad(rosenbrock)), (x,)),
        "logistic regression and its gradient, a dict, 4 x 3": (
            chainrule.jit(chainrule.value_and_grad(logistic)),
            (weights, *batch),
        ),
    }
    rows = []
    for name, (function, arguments) in cases.items():
        function(*arguments)
        (seconds,) = measured([partial(function, *arguments)], rounds)
        rows.append([name, 1e6 * seconds])
    return Result(
        "limits-calls",
        "microseconds of a call of a jitted function",
        ("function", "microseconds"),
        rows,
        drawn=("microseconds",),
        axis="microseconds (less is better; the line is the bar)",
        log=False,
        limit=2,
    )
