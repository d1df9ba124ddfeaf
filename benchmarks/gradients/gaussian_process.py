"""A Gaussian process: minus the log likelihood of its observations, by the logarithms of what its kernel is made of."""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["GAUSSIAN_PROCESS"]


def data(rng: np.random.Generator, points: int) -> tuple[Arrays, Arrays]:
    x = np.sort(rng.uniform(0, 10, points))
    return (np.array([0.0, 0.2, -2.0]),), (x, np.sin(x) + 0.1 * rng.normal(size=points), np.eye(points))


def value(library, logs, x, y, eye):
    np = library.np
    distances = (x[:, None] - x) ** 2
    kernel = np.exp(logs[0] - 0.5 * distances * np.exp(logs[1])) + np.exp(logs[2]) * eye
    factor = np.linalg.cholesky(kernel)
    white = np.linalg.solve(factor, y)
    return 0.5 * white @ white + np.sum(np.log(np.diag(factor)))


def by_hand(logs, x, y, eye):
    distances = (x[:, None] - x) ** 2
    smooth = np.exp(logs[0] - 0.5 * distances * np.exp(logs[1]))
    kernel = smooth + np.exp(logs[2]) * eye
    inverse = np.linalg.inv(kernel)
    weights = inverse @ y
    # d/dt of half of log det K + y' K^-1 y is half of the trace of (K^-1 - w w') dK/dt.
    slope = 0.5 * (inverse - np.outer(weights, weights))
    by_length = -0.5 * np.exp(logs[1]) * distances * smooth
    gradient = np.array([np.sum(slope * smooth), np.sum(slope * by_length), np.exp(logs[2]) * np.trace(slope)])
    return 0.5 * (y @ weights + np.linalg.slogdet(kernel)[1]), gradient


GAUSSIAN_PROCESS = Objective(data, value, by_hand)
