"""The contestant from chainrule."""

import math
import time

import numpy as np

from benchmarks.training.contestant import Contestant
from benchmarks.training.networks import Case

__all__ = ["fit", "network", "optimizer", "start"]


def network(case: Case):
    from chainrule import nn

    return nn.Network.of(case.sizes[0], case.sizes[1:-1], case.sizes[-1], case.hidden, case.output)


def optimizer(case: Case):
    from chainrule import optim

    return {"adam": optim.adam, "sgd": optim.sgd}[case.optimizer](case.rate)


def start(case: Case) -> tuple[dict[str, np.ndarray], ...]:
    return tuple({"weights": weights, "bias": bias} for weights, bias in case.parameters())


def fit(case: Case, threads: int) -> Contestant:
    """`chainrule.train.fit`, timed from the end of its first epoch on."""
    from chainrule import train

    data, net, rule = case.data(), network(case), optimizer(case)
    found = start(case)

    class Ends:
        """When epochs end, as what shows progress sees it: after one, or after several that were taken at once."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def begin(self, task, state, epochs) -> None:
            pass

        def epoch(self, state) -> None:
            self.times.append(time.perf_counter())

        step = halved = end = lambda self, *_: None

    def run(steps: int) -> tuple[int, float]:
        nonlocal found
        done = found.epoch if isinstance(found, train.TrainState) else 0
        epochs, ends = math.ceil(steps / case.steps), Ends()
        found = train.fit(
            net,
            found,
            case.loss,
            data.inputs,
            data.targets,
            optimizer=rule,
            epochs=done + 1 + epochs,
            batch_size=None if case.whole else case.batch,
            rng=0,
            progress=ends,
        ).state
        return epochs * case.steps, ends.times[-1] - ends.times[0]

    return run
