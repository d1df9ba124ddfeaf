"""Multiplications of forward and backward, counted in the recorded graph, beside the measured times."""

import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

import chainrule
from benchmarks.results import Result
from benchmarks.training import ours
from benchmarks.training.networks import NETWORKS, Case
from chainrule import nn
from chainrule.graph import Graph
from chainrule.inspection.counting import multiplications

__all__ = ["backward_over_forward", "value_and_gradient"]

#: Networks in which the first layer has more and more, and then less and less, of all multiplications.
SHAPES = (
    NETWORKS["784-100-10 (32)"],
    Case("784-512-10 (128)", (784, 512, 10), "relu", "softmax", 128, 1_280),
    NETWORKS["784-512-512-10 (128)"],
    NETWORKS["64-100-10 (200)"],
    NETWORKS["4-32-16-4 tanh, all 10,000"],
    Case("256, 2 x 256 (128)", (256, 256, 256), "relu", "softmax", 128, 1_280),
    Case("256, 8 x 256 (128)", (256,) * 9, "relu", "softmax", 128, 1_280),
    Case("10-512-512-512-10 (128)", (10, 512, 512, 512, 10), "relu", "softmax", 128, 1_280),
)

NOTE = """\
Forward, a layer takes one product; backward two as large: the gradient of its weights, and the sensitivities of its
inputs, which the first layer does not need. So the whole is 3 less the first layer's share of the forward pass: 2 where
the first layer is nearly all, near 3 in a deep network, and 3 where the derivative by the inputs is wanted too. In
small networks activation functions take the time, and backward they cost less than forward."""


def forward(case: Case) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The cost as a function of parameters, inputs and targets; and such arguments."""
    net, data = ours.network(case), case.data()
    objective, state = nn.objective(net, case.loss), net.initial_state()

    def cost(parameters: Any, x: np.ndarray, targets: np.ndarray) -> Any:
        return objective(parameters, state, x, targets)[0]

    return cost, (ours.start(case), data.inputs[: case.batch], data.targets[: case.batch])


def value_and_gradient(case: Case, wrt: Any = "parameters") -> Graph:
    cost, arguments = forward(case)
    return chainrule.trace(chainrule.value_and_grad(cost, wrt))(*arguments)


def backward_over_forward(rounds: int) -> Result:
    """Counted and measured: forward and backward, over forward alone."""
    rows = []
    for case in SHAPES:
        cost, arguments = forward(case)
        both = chainrule.value_and_grad(cost)
        counts = [
            multiplications(graph)
            for graph in (
                chainrule.trace(cost)(*arguments),
                value_and_gradient(case),
                value_and_gradient(case, ("parameters", "x")),
            )
        ]
        layers = [a * b for a, b in pairwise(case.sizes)]
        compiled = [chainrule.jit(f) for f in (cost, both, chainrule.value_and_grad(cost, ("parameters", "x")))]
        times = measured([partial(f, *arguments) for f in compiled], rounds)
        rows.append(
            [
                case.name,
                counts[0] / 1e6,
                100 * layers[0] / sum(layers),
                counts[1] / counts[0],
                times[1] / times[0],
                counts[2] / counts[0],
                times[2] / times[0],
                1e6 * times[0],
                1e6 * times[1],
            ]
        )
    return Result(
        "limits-backward-over-forward",
        "forward and backward over forward alone: counted multiplications and measured time",
        (
            "network (batch)",
            "10⁶ multiplications forward",
            "% in the first layer",
            "counted",
            "measured",
            "counted, inputs too",
            "measured, inputs too",
            "forward, µs",
            "both, µs",
        ),
        rows,
        drawn=("counted", "measured", "counted, inputs too", "measured, inputs too"),
        axis="forward and backward / forward",
        log=False,
        note=NOTE,
    )


def measured(calls: list[Callable[[], Any]], rounds: int, seconds: float = 0.02) -> list[float]:
    """Median seconds of each call, in turns."""
    counts = []
    for call in calls:
        call()
        begun = time.perf_counter()
        call()
        counts.append(math.ceil(seconds / max(time.perf_counter() - begun, 1e-6)))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, found in zip(calls, counts, times, strict=True):
            begun = time.perf_counter()
            for _ in range(count):
                call()
            found.append((time.perf_counter() - begun) / count)
    return [statistics.median(found) for found in times]
