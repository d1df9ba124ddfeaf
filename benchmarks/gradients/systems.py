"""Many small systems of linear equations: the squares of their solutions, by matrices and right-hand sides."""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["SYSTEMS"]


def data(rng: np.random.Generator, count: int, size: int) -> tuple[Arrays, Arrays]:
    matrices = rng.normal(size=(count, size, size)) + size * np.eye(size)
    return (matrices, rng.normal(size=(count, size, 1))), ()


def value(library, matrices, right):
    np = library.np
    return np.sum(np.linalg.solve(matrices, right) ** 2)


def by_hand(matrices, right):
    solution = np.linalg.solve(matrices, right)
    by_right = np.linalg.solve(matrices.mT, 2 * solution)
    return np.sum(solution**2), -by_right @ solution.mT, by_right


SYSTEMS = Objective(data, value, by_hand)
