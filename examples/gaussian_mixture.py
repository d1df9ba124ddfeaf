"""A mixture of Gaussians by maximum likelihood, with a gradient in the place of expectation and maximisation.

The density is sum_k pi_k N(x; m_k, P_k^-1). What is fitted has no constraints: pi is the softmax of `logits`, and the
precision P_k = L_k L_k' has a lower triangular factor whose diagonal is the exponential of that of `factors`. So

    log N(x; m, P^-1) = sum_i log L_ii - |L' (x - m)|^2 / 2 - d/2 log 2 pi,

and log p(x) is a logsumexp over k. At a maximum a step of expectation and maximisation changes nothing: that is how the
fit is checked.

Sources: A. P. Dempster, N. M. Laird and D. B. Rubin, Maximum likelihood from incomplete data via the EM algorithm,
Journal of the Royal Statistical Society B 39 (1977), 1-38; C. M. Bishop, Pattern Recognition and Machine Learning
(2006), section 9.2.
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.special import logsumexp, softmax

import chainrule
from chainrule import tree


@dataclass
class Mixture:
    """Logits, shape (k,), means, shape (k, d), and factors, shape (k, d, d), of which the upper triangle is idle."""

    logits: np.ndarray
    means: np.ndarray
    factors: np.ndarray


def cholesky_factors(mixture: Mixture) -> np.ndarray:
    """The factors L of the precisions."""
    diagonal = np.exp(np.diagonal(mixture.factors, axis1=1, axis2=2))
    return np.tril(mixture.factors, -1) + diagonal[:, :, None] * np.eye(diagonal.shape[1])


def log_joint(mixture: Mixture, x: np.ndarray) -> np.ndarray:
    """log pi_k N(x; m_k, P_k^-1) for the rows of x, shape (n, d): shape (n, k)."""
    away = x[:, None, :] - mixture.means
    scaled = np.einsum("nkd,kde->nke", away, cholesky_factors(mixture))
    log_determinant = np.sum(np.diagonal(mixture.factors, axis1=1, axis2=2), axis=1)
    constant = 0.5 * x.shape[1] * np.log(2 * np.pi)
    log_weights = mixture.logits - logsumexp(mixture.logits)
    return log_weights + log_determinant - 0.5 * np.sum(scaled**2, axis=2) - constant


def negative_log_likelihood(mixture: Mixture, x: np.ndarray) -> float:
    """- mean log p(x)."""
    return -np.mean(logsumexp(log_joint(mixture, x), axis=1))


def moments(mixture: Mixture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and covariances."""
    L = cholesky_factors(mixture)
    return softmax(mixture.logits), mixture.means, np.linalg.inv(L @ np.swapaxes(L, 1, 2))


def expectation_and_maximisation(mixture: Mixture, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and covariances after one step of the EM algorithm."""
    shares = softmax(log_joint(mixture, x), axis=1)
    counts = np.sum(shares, axis=0)
    means = shares.T @ x / counts[:, None]
    away = x[:, None, :] - means
    return counts / len(x), means, np.einsum("nk,nki,nkj->kij", shares, away, away) / counts[:, None, None]


def observations(n: int, seed: int = 0) -> np.ndarray:
    """Points in the plane from three Gaussians of weights 0.5, 0.3 and 0.2."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 2.0]])
    shapes = np.array([[[1.0, 0.0], [0.8, 0.6]], [[0.5, 0.0], [0.0, 1.0]], [[0.7, 0.0], [-0.5, 0.4]]])
    kinds = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return centres[kinds] + np.einsum("nij,nj->ni", shapes[kinds], rng.normal(size=(n, 2)))


def guess(x: np.ndarray, k: int) -> Mixture:
    """Equal weights, means at observations far from each other, the precision 1."""
    means = [x[np.argmax(np.sum((x - np.mean(x, axis=0)) ** 2, axis=1))]]
    while len(means) < k:
        distances = np.min([np.sum((x - mean) ** 2, axis=1) for mean in means], axis=0)
        means.append(x[np.argmax(distances)])
    return Mixture(np.zeros(k), np.array(means), np.zeros((k, x.shape[1], x.shape[1])))


def main(n: int = 1000, k: int = 3) -> None:
    x = observations(n)
    start = guess(x, k)
    options = {"gtol": 1e-9, "ftol": 1e-15}

    started = time.perf_counter()
    fit = chainrule.minimize(negative_log_likelihood, start, (x,), "L-BFGS-B", options=options)
    first = time.perf_counter() - started
    started = time.perf_counter()
    fit = chainrule.minimize(negative_log_likelihood, start, (x,), "L-BFGS-B", options=options)
    again = time.perf_counter() - started
    weights, means, covariances = moments(fit.x)
    print(f"{n} points, {k} components; - mean log likelihood {fit.fun:.6f} after {fit.nfev} evaluations")
    for number in np.argsort(-weights):
        deviations = np.sqrt(np.diagonal(covariances[number]))
        print(
            f"  weight {weights[number]:.3f}, mean {means[number].round(2)}, standard deviations {deviations.round(2)}"
        )
    moved = expectation_and_maximisation(fit.x, x)
    steps = [np.max(np.abs(a - b)) for a, b in zip((weights, means, covariances), moved, strict=True)]
    print(f"  a step of EM moves weights by {steps[0]:.1e}, means by {steps[1]:.1e}, covariances by {steps[2]:.1e}")

    vector, layout = tree.ravel(start)
    started = time.perf_counter()
    slow = optimize.minimize(
        lambda v: negative_log_likelihood(layout.unravel(v), x), vector, method="L-BFGS-B", options=options
    )
    differences = time.perf_counter() - started
    print(f"by finite differences: {slow.fun:.6f} after {slow.nfev} evaluations")
    print(f"{first:.2f} s with compiling, then {again:.3f} s; by finite differences {differences:.2f} s")


if __name__ == "__main__":
    main()
