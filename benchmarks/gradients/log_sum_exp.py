"""The logarithm of a sum of exponentials."""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["LOG_SUM_EXP"]


def data(rng: np.random.Generator, n: int) -> tuple[Arrays, Arrays]:
    return (rng.normal(size=n),), ()


def value(library, x):
    return library.logsumexp(x, 0)


def by_hand(x):
    most = x.max()
    powers = np.exp(x - most)
    total = powers.sum()
    powers /= total
    return most + np.log(total), powers


LOG_SUM_EXP = Objective(data, value, by_hand)
