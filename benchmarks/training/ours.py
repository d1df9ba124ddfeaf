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

    def run(steps: int) -> tuple[int, float]:
        nonlocal found
        done = found.epoch if isinstance(found, train.TrainState) else 0
        epochs, ends = math.ceil(steps / case.steps), []
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
            callbacks=[lambda state: ends.append(time.perf_counter())],
        ).state
        return epochs * case.steps, ends[-1] - ends[0]

    return run
