"""Gaussian mixture model: the log-posterior of ADBench, with a Wishart prior on the precisions.

A precision is Q'Q with Q lower triangular: the logarithms of its diagonal come first in `icf` (inverse covariance
factors), and then what is below the diagonal, column by column.
"""

import math

import numpy as np
from scipy.special import logsumexp, multigammaln

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["GMM"]

GAMMA, M = 1.0, 0


def data(rng: np.random.Generator, d: int, k: int, n: int = 1000) -> tuple[Arrays, Arrays]:
    alphas, means = rng.normal(size=k), rng.random((k, d))
    icf = rng.normal(size=(k, d * (d + 1) // 2)) / math.sqrt(d)
    return (alphas, means, icf), (rng.normal(size=(n, d)),)


def places(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column in Q of the entries of `icf`."""
    columns, rows = np.triu_indices(d, 1)
    return np.concatenate((np.arange(d), rows)), np.concatenate((np.arange(d), columns))


def constant(n: int, d: int, k: int) -> float:
    """What does not depend on the parameters."""
    freedom = d + M + 1
    scale = freedom * d * math.log(GAMMA / math.sqrt(2)) - float(multigammaln(0.5 * freedom, d))
    return -0.5 * n * d * math.log(2 * math.pi) - k * scale


def value(library, alphas, means, icf, x):
    np = library.np
    (n, d), k = x.shape, len(alphas)
    entries = np.concatenate((np.exp(icf[:, :d]), icf[:, d:]), axis=1)
    factors = library.fill((k, d, d), (slice(None), *places(d)), entries)
    y = (x - means[:, None, :]) @ np.swapaxes(factors, 1, 2)
    logs = np.sum(icf[:, :d], axis=1)
    inner = (alphas + logs)[:, None] - 0.5 * np.sum(y**2, axis=2)
    likelihood = np.sum(library.logsumexp(inner, 0)) - n * library.logsumexp(alphas, 0)
    return likelihood + 0.5 * GAMMA**2 * np.sum(entries**2) - M * np.sum(logs) + constant(n, d, k)


def by_hand(alphas, means, icf, x):
    (n, d), k = x.shape, len(alphas)
    rows, columns = places(d)
    entries = icf.copy()
    np.exp(icf[:, :d], out=entries[:, :d])
    factors = np.zeros((k, d, d))
    factors[:, rows, columns] = entries
    centred = x - means[:, None, :]
    y = centred @ factors.transpose(0, 2, 1)
    logs = icf[:, :d].sum(axis=1)
    inner = (alphas + logs)[:, None] - 0.5 * np.einsum("kni,kni->kn", y, y)
    sums, all_alphas = logsumexp(inner, axis=0), logsumexp(alphas)
    prior = 0.5 * GAMMA**2 * np.sum(entries**2) - M * logs.sum()
    found = sums.sum() - n * all_alphas + prior + constant(n, d, k)

    parts = np.exp(inner - sums)
    totals = parts.sum(axis=1)
    y *= -parts[:, :, None]
    by_entries = (y.transpose(0, 2, 1) @ centred)[:, rows, columns] + GAMMA**2 * entries
    by_entries[:, :d] *= entries[:, :d]
    by_entries[:, :d] += totals[:, None] - M
    by_means = -(y.sum(axis=1)[:, None, :] @ factors)[:, 0]
    return found, totals - n * np.exp(alphas - all_alphas), by_means, by_entries


GMM = Objective(data, value, by_hand)
