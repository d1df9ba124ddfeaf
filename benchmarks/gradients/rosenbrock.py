"""Rosenbrock's function of n variables."""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["ROSENBROCK"]


def data(rng: np.random.Generator, n: int) -> tuple[Arrays, Arrays]:
    return (rng.normal(size=n),), ()


def value(library, x):
    np = library.np
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def by_hand(x):
    before = x[:-1]
    valley, slope = x[1:] - before * before, 1 - before
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * valley * before - 2 * slope
    gradient[1:] += 200 * valley
    return 100 * (valley @ valley) + slope @ slope, gradient


ROSENBROCK = Objective(data, value, by_hand)
