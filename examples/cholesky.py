"""Cholesky's factorisation, written as loops over an array that is being filled, and a Gaussian process through it.

The factor L of a symmetric positive definite matrix K = L L' is computed entry by entry (the Cholesky-Banachiewicz
order). Two things are differentiated through the loops:

- log det K = 2 sum_i log L[i, i], whose derivative by K is the inverse of K. The loops read the lower triangle alone,
  so that the derivative by K[i, j] and by K[j, i] arrive together below the diagonal: halves of it go to either side.
- the log likelihood of observations y ~ N(0, K), K[i, j] = a^2 exp(-(x_i - x_j)^2 / 2 l^2) + s^2 [i = j], by the
  logarithms of amplitude a, length scale l and noise s. With w = K^-1 y its derivative is 1/2 trace((w w' - K^-1)
  dK).

Sources: G. H. Golub and C. F. Van Loan, Matrix Computations, section 4.2; C. E. Rasmussen and C. K. I. Williams,
Gaussian Processes for Machine Learning (2006), equations 2.30 and 5.9.
"""

import time

import numpy as np
from scipy.optimize import minimize

from chainrule import check_gradient, grad, value_and_grad


def cholesky(K: np.ndarray) -> np.ndarray:
    """The lower triangular L with L L' = K, of shape (n, n)."""
    n = len(K)
    L = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            L[i, j] = (K[i, j] - L[i, :j] @ L[j, :j]) / L[j, j]
        L[i, i] = np.sqrt(K[i, i] - np.sum(L[i, :i] ** 2))
    return L


def forward_substitution(L: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The z with L z = y."""
    z = np.zeros(len(y))
    for i in range(len(y)):
        z[i] = (y[i] - L[i, :i] @ z[:i]) / L[i, i]
    return z


def log_determinant(K: np.ndarray) -> float:
    """log det K."""
    return 2 * np.sum(np.log(np.diag(cholesky(K))))


def covariance(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The covariances of observations at the places x; theta holds log amplitude, log length scale, log noise."""
    amplitude, length, noise = np.exp(theta)
    distances = (x[:, None] - x) / length
    return amplitude**2 * np.exp(-0.5 * distances**2) + noise**2 * np.eye(len(x))


def log_likelihood(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """log N(y; 0, K) = -|z|^2 / 2 - sum_i log L[i, i] - n/2 log 2 pi with L z = y."""
    L = cholesky(covariance(theta, x))
    z = forward_substitution(L, y)
    return -0.5 * z @ z - np.sum(np.log(np.diag(L))) - 0.5 * len(y) * np.log(2 * np.pi)


def gradient_in_closed_form(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1/2 trace((w w' - K^-1) dK/dtheta), from the matrices themselves."""
    K = covariance(theta, x)
    inverse = np.linalg.inv(K)
    w = inverse @ y
    smooth = K - np.exp(theta[2]) ** 2 * np.eye(len(x))
    squares = ((x[:, None] - x) / np.exp(theta[1])) ** 2
    dK = [2 * smooth, smooth * squares, 2 * np.exp(theta[2]) ** 2 * np.eye(len(x))]
    return np.array([0.5 * np.sum((np.outer(w, w) - inverse) * d) for d in dK])


def observations(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A sine over two periods with noise of standard deviation 0.1, at n random places."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 2, n))
    return x, np.sin(2 * np.pi * x) + 0.1 * rng.normal(size=n)


def main(n: int = 30) -> None:
    started = time.perf_counter()
    x, y = observations(n)
    theta = np.log([1.0, 0.5, 0.3])

    K = covariance(theta, x)
    below = grad(log_determinant)(K)
    error = np.max(np.abs((below + below.T) / 2 - np.linalg.inv(K)))
    print(f"log det of a {n} x {n} covariance: {log_determinant(K):.6f}")
    print(f"  its gradient against the inverse matrix: largest difference {error:.1e}")

    gradient = grad(log_likelihood)(theta, x, y)
    print(f"log likelihood at the start: {log_likelihood(theta, x, y):.4f}")
    print(f"  gradient by log amplitude, log length scale, log noise: {gradient.round(4)}")
    print(f"  in closed form:                                         {gradient_in_closed_form(theta, x, y).round(4)}")
    print(f"  {check_gradient(log_likelihood, (theta, x, y))}".replace("\n", "\n  "))

    fit = minimize(value_and_grad(lambda theta: -log_likelihood(theta, x, y)), theta, jac=True, method="L-BFGS-B")
    amplitude, length, noise = np.exp(fit.x)
    print(f"most likely: amplitude {amplitude:.3f}, length scale {length:.3f}, noise {noise:.3f} (made with 0.1)")
    print(f"  log likelihood {-fit.fun:.4f} after {fit.nfev} evaluations")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
