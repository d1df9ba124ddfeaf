"""Black-box variational inference: the posterior of a logistic regression, from its log density alone.

A Gaussian q(w) = N(m, L L^T) is fitted to the posterior p(w | t) by stochastic gradient ascent on the evidence bound

    ELBO(m, L) = E_q[log p(t, w)] + H[q],   w = m + L e,   e ~ N(0, I),   H[q] = sum(log diag L) + constant

whose gradient goes through the drawn w ("reparametrised"). Of the model only `log_joint` is used, so that any other
density can stand in its place. The check needs what a black box does not know: for logistic regression the best
Gaussian solves two equations in which every expectation is an integral over one number,

    E_q[d log p / dw] = 0,   L L^T = -E_q[d^2 log p / dw^2]^-1,

which Gauss and Hermite's rule and a few fixed-point steps solve to all digits.

Sources: R. Ranganath, S. Gerrish, D. M. Blei, Black Box Variational Inference (2014); D. P. Kingma, M. Welling,
Auto-Encoding Variational Bayes (2014); M. Opper, C. Archambeau, The Variational Gaussian Approximation Revisited
(2009), for the two equations.
"""

import time

import numpy as np
from scipy.optimize import approx_fprime

from chainrule import check_gradient, jit, value_and_grad
from chainrule.optim import adam, apply_updates

PRIOR = 2.0  # standard deviation of every weight under the prior, whose mean is zero


def log_joint(w: np.ndarray, X: np.ndarray, t: np.ndarray) -> np.ndarray:
    """log p(t, w) up to a constant, for draws w (draws, d): shape (draws,)."""
    margins = (2 * t - 1) * (w @ X.T)
    return -np.sum(np.logaddexp(0, -margins), axis=1) - 0.5 * np.sum((w / PRIOR) ** 2, axis=1)


def unpack(q: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and Cholesky factor (d, d) from one vector; the diagonal is kept as logarithms."""
    L = np.zeros((d, d))
    L[np.tril_indices(d, -1)] = q[2 * d :]
    L[np.diag_indices(d)] = np.exp(q[d : 2 * d])
    return q[:d], L


def negative_elbo(q: np.ndarray, noise: np.ndarray, X: np.ndarray, t: np.ndarray) -> float:
    """An unbiased estimate of -ELBO, up to a constant, from noise (draws, d)."""
    d = X.shape[1]
    m, L = unpack(q, d)
    return -np.mean(log_joint(m + noise @ L.T, X, t)) - np.sum(q[d : 2 * d])


def best_gaussian(X: np.ndarray, t: np.ndarray, iterations: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the best Gaussian, from its two equations."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / np.sum(weights)
    d = X.shape[1]
    m, S = np.zeros(d), np.eye(d)
    for _ in range(iterations):
        spread = np.sqrt(np.sum((X @ S) * X, axis=1))  # of each example's margin
        p = 1 / (1 + np.exp(-((X @ m)[:, None] + spread[:, None] * nodes)))
        slope = X.T @ (t - p @ weights) - m / PRIOR**2
        curvature = X.T @ (((p * (1 - p)) @ weights)[:, None] * X) + np.eye(d) / PRIOR**2
        S = np.linalg.inv(curvature)
        m = m + S @ slope
    return m, S


def examples_to_learn(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d), the first of which is one, and targets 0 or 1 (n,) drawn from the model."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, d - 1))])
    w = rng.normal(size=d)
    return X, (rng.random(n) < 1 / (1 + np.exp(-X @ w))).astype(float)


def fit(X: np.ndarray, t: np.ndarray, steps: int, draws: int = 16, seed: int = 1) -> np.ndarray:
    """The vector q after so many steps of Adam: the mean of the last half, at a rate that falls to zero."""
    rng = np.random.default_rng(seed)
    d = X.shape[1]
    q = np.zeros(2 * d + d * (d - 1) // 2)
    step = jit(value_and_grad(negative_elbo))
    optimiser = adam(lambda k: 0.05 * (1 - k / steps))
    state, mean = optimiser.init(q), np.zeros_like(q)
    for k in range(steps):
        _, gradient = step(q, rng.normal(size=(draws, d)), X, t)
        updates, state = optimiser.update(gradient, state, q)
        q = apply_updates(q, updates)
        if k >= steps // 2:
            mean += q / (steps - steps // 2)
    return mean


def main(examples: int = 200, features: int = 6, steps: int = 4000) -> None:
    started = time.perf_counter()
    X, t = examples_to_learn(examples, features)
    q = fit(X, t, steps)
    m, L = unpack(q, features)
    print(f"{examples} examples, {features} weights, {q.size} numbers in q, {steps} steps of 16 draws")
    mean, covariance = best_gaussian(X, t)
    sd = np.sqrt(np.diag(covariance))
    print("weight    mean     best      sd     best")
    for j in range(features):
        print(f"{j:6d} {m[j]:7.3f} {mean[j]:8.3f} {np.linalg.norm(L[j]):7.3f} {sd[j]:8.3f}")
    print(f"largest error of a mean: {np.max(np.abs(m - mean) / sd):.3f} of its standard deviation")

    noise = np.random.default_rng(2).normal(size=(16, features))
    report = check_gradient(negative_elbo, (q, noise, X, t), wrt=("q", "noise"))
    print(f"  {report}".replace("\n", "\n  "))
    print(f"{time.perf_counter() - started:.2f} s")
    for name, seconds in seconds_per_gradient(q, noise, X, t).items():
        print(f"  {name:<32} {1e6 * seconds:9.1f} us a gradient")


def seconds_per_gradient(q: np.ndarray, noise: np.ndarray, X: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """What one gradient of the bound costs: the least of twenty calls."""
    compiled = jit(value_and_grad(negative_elbo))
    ways = {
        "chainrule, compiled": lambda: compiled(q, noise, X, t),
        "chainrule": lambda: value_and_grad(negative_elbo)(q, noise, X, t),
        "SciPy's finite differences": lambda: approx_fprime(q, negative_elbo, 1e-8, noise, X, t),
    }
    found = {}
    for name, way in ways.items():
        way()
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - started)
        found[name] = min(seconds)
    return found


if __name__ == "__main__":
    main()
