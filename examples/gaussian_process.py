"""Regression by a Gaussian process with one length scale for each input, fitted by its marginal likelihood.

Observations y = f(x) + e, with f a Gaussian process of covariance a^2 exp(-1/2 sum_d (x_d - x'_d)^2 / l_d^2) and noise
e of standard deviation s, have the log density

    log p(y) = -1/2 y' K^-1 y - sum_i log L_ii - n/2 log 2 pi,    K = L L',

with K the covariance matrix of the observations and L its Cholesky factor. A long length scale tells that an input does
not matter. The gradient is checked against the trace formula 1/2 tr((w w' - K^-1) dK), w = K^-1 y, and the fit against
scikit-learn's, which has that formula by hand for each kernel. In examples/cholesky.py the factorisation itself is
written as loops.

Sources: C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (2006), equations 2.25, 2.26,
2.30, 5.1 and 5.9.
"""

import time
import warnings

import numpy as np
from scipy import optimize
from scipy.linalg import cho_solve
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

import chainrule
from chainrule import tree

Parameters = dict[str, np.ndarray]


def kernel(p: Parameters, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Covariances of f at the rows of a, shape (n, d), and of b, shape (m, d): shape (n, m)."""
    differences = (a[:, None, :] - b[None, :, :]) / np.exp(p["log_lengths"])
    return np.exp(2 * p["log_amplitude"] - 0.5 * np.sum(differences**2, axis=-1))


def covariance(p: Parameters, x: np.ndarray) -> np.ndarray:
    """Covariances of the observations at the rows of x."""
    return kernel(p, x, x) + np.exp(2 * p["log_noise"]) * np.eye(len(x))


def negative_log_likelihood(p: Parameters, x: np.ndarray, y: np.ndarray) -> float:
    """- log p(y)."""
    L = np.linalg.cholesky(covariance(p, x))
    w = cho_solve((L, True), y)
    return 0.5 * y @ w + np.sum(np.log(np.diagonal(L))) + 0.5 * len(y) * np.log(2 * np.pi)


def gradient_in_closed_form(p: Parameters, x: np.ndarray, y: np.ndarray) -> Parameters:
    """- 1/2 tr((w w' - K^-1) dK), from the matrices themselves."""
    inverse = np.linalg.inv(covariance(p, x))
    w = inverse @ y
    A, smooth = np.outer(w, w) - inverse, kernel(p, x, x)
    squares = ((x[:, None, :] - x[None, :, :]) / np.exp(p["log_lengths"])) ** 2
    return {
        "log_amplitude": -np.sum(A * smooth),
        "log_lengths": -0.5 * np.einsum("ij,ij,ijd->d", A, smooth, squares),
        "log_noise": -np.exp(2 * p["log_noise"]) * np.trace(A),
    }


def predict(p: Parameters, x: np.ndarray, y: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of f at the rows of `at`, given the observations."""
    K = np.linalg.cholesky(covariance(p, x))
    across = kernel(p, at, x)
    explained = np.sum(across.T * cho_solve((K, True), across.T), axis=0)
    return across @ cho_solve((K, True), y), np.sqrt(np.exp(2 * p["log_amplitude"]) - explained)


def truth(x: np.ndarray) -> np.ndarray:
    """A function of the first two inputs; the third does not matter."""
    return np.sin(3 * x[:, 0]) + 0.5 * np.cos(x[:, 1])


def observations(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`truth` with noise of standard deviation 0.1, at n random places in three dimensions."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (n, 3))
    return x, truth(x) + 0.1 * rng.normal(size=n)


def guess() -> Parameters:
    """Where the fits start."""
    return {"log_amplitude": 0.0, "log_lengths": np.zeros(3), "log_noise": np.log(0.3)}


def scikit_learns_fit(x: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    """The same model, from the same start; its parameters are the logarithms of a^2, the lengths, and s^2."""
    start = guess()
    parts = ConstantKernel(np.exp(2 * start["log_amplitude"])) * RBF(np.exp(start["log_lengths"]), (1e-5, 1e7))
    whole = parts + WhiteKernel(np.exp(2 * start["log_noise"]))
    with warnings.catch_warnings():
        # An input that does not matter has its length scale at the end of what is allowed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianProcessRegressor(whole, alpha=0.0).fit(x, y)


def main(n: int = 120) -> None:
    x, y = observations(n)
    start = guess()

    gradient = chainrule.grad(negative_log_likelihood)(start, x, y)
    closed = gradient_in_closed_form(start, x, y)
    error = max(np.max(np.abs(a - b)) for a, b in zip(tree.leaves(gradient), tree.leaves(closed), strict=True))
    print(f"{n} observations; - log p(y) at the guess: {negative_log_likelihood(start, x, y):.4f}")
    print(f"  gradient against the trace formula: largest difference {error:.1e}")

    started = time.perf_counter()
    fit = chainrule.minimize(negative_log_likelihood, start, (x, y), "L-BFGS-B")
    first = time.perf_counter() - started
    started = time.perf_counter()
    fit = chainrule.minimize(negative_log_likelihood, start, (x, y), "L-BFGS-B")
    again = time.perf_counter() - started
    lengths = np.exp(fit.x["log_lengths"])
    print(f"- log p(y) at the fit: {fit.fun:.4f} after {fit.nfev} evaluations")
    print(f"  length scales {lengths[0]:.3f}, {lengths[1]:.3f} and {lengths[2]:.3g} for the input that does not matter")
    print(f"  noise {np.exp(fit.x['log_noise']):.4f} (made with 0.1)")

    theirs = scikit_learns_fit(x, y)
    print(f"  scikit-learn: - log p(y) {-theirs.log_marginal_likelihood_value_:.4f}")

    vector, layout = tree.ravel(start)
    started = time.perf_counter()
    slow = optimize.minimize(lambda v: negative_log_likelihood(layout.unravel(v), x, y), vector, method="L-BFGS-B")
    differences = time.perf_counter() - started
    print(f"by finite differences: {slow.fun:.4f} after {slow.nfev} evaluations")

    places = observations(200, seed=1)[0]
    mean, deviation = predict(fit.x, x, y, places)
    inside = np.mean(np.abs(mean - truth(places)) < 2 * deviation)
    print(f"at {len(places)} new places: {inside:.0%} of the truth within two standard deviations")
    print(f"{first:.2f} s with compiling, then {again:.3f} s; by finite differences {differences:.2f} s")


if __name__ == "__main__":
    main()
