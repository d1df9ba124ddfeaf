"""Logistic regression with a penalty on the weights."""

import numpy as np
from scipy.special import expit

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["LOGISTIC"]

PENALTY = 0.1


def data(rng: np.random.Generator, examples: int, features: int) -> tuple[Arrays, Arrays]:
    X, w = rng.normal(size=(examples, features)), rng.normal(size=features) / np.sqrt(features)
    return (w,), (X, (rng.random(examples) < 0.5).astype(float))


def value(library, w, X, t):
    np = library.np
    z = X @ w
    return np.mean(library.softplus(z) - t * z) + 0.5 * PENALTY * np.sum(w**2)


def by_hand(w, X, t):
    z = X @ w
    return (
        np.mean(np.logaddexp(0.0, z) - t * z) + 0.5 * PENALTY * (w @ w),
        (expit(z) - t) @ X / len(t) + PENALTY * w,
    )


LOGISTIC = Objective(data, value, by_hand)
