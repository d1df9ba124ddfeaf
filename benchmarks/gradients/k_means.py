"""The cost of k-means: squared distances of points to the nearest of some centres; Newton's step on it.

The Hessian is diagonal, since no distance mixes coordinates or centres.
"""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["K_MEANS"]


def data(rng: np.random.Generator, points: int, centres: int, d: int) -> tuple[Arrays, Arrays]:
    x = rng.normal(size=(points, d))
    return (x[:centres].copy(),), (x,)


def value(library, centres, x):
    np = library.np
    distances = np.sum(x**2, axis=1)[:, None] + np.sum(centres**2, axis=1) - 2 * x @ centres.T
    return np.sum(library.smallest(distances, 1))


def by_hand(centres, x):
    nearest = np.argmin(np.sum(centres**2, axis=1) - 2 * x @ centres.T, axis=1)
    members = np.zeros((len(x), len(centres)))
    members[np.arange(len(x)), nearest] = 1.0
    counts = members.sum(axis=0)[:, None]
    return (((2 * counts) * centres - 2 * (members.T @ x)) / (2 * counts),)


K_MEANS = Objective(data, value, by_hand, "newton")
