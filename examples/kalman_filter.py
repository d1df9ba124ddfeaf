"""A Kalman filter that fills arrays of means and covariances, and its noise found by maximum likelihood.

A body moves along a line with a velocity that is pushed about at random; its position is observed with noise:

    s[t] = F s[t-1] + q,   F = [[1, dt], [0, 1]],   q ~ N(0, a^2 G),   G = [[dt^3/3, dt^2/2], [dt^2/2, dt]]
    y[t] = H s[t] + r,     H = [1, 0],              r ~ N(0, b^2)

The filter predicts, compares, corrects. The log likelihood is the sum of those of the prediction errors, and the
gradient by (log a, log b) goes back through the whole filter. The check: all observations together are one Gaussian
vector, whose covariance can be written down, and whose density must be the same number with the same derivative.

Sources: R. E. Kalman, A New Approach to Linear Filtering and Prediction Problems (1960); J. Durbin and S. J. Koopman,
Time Series Analysis by State Space Methods, section 7.2 (the likelihood by prediction errors).
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from chainrule import check_gradient, grad, value_and_grad

DT = 0.1  # seconds between observations
F = np.array([[1.0, DT], [0.0, 1.0]])
G = np.array([[DT**3 / 3, DT**2 / 2], [DT**2 / 2, DT]])
H = np.array([1.0, 0.0])
START = np.eye(2)  # covariance of the first state, whose mean is zero


@dataclass
class Noise:
    """Logarithms of the strengths of the pushes (m s^-3/2) and of the errors of observation (m)."""

    push: float
    observation: float


def kalman_filter(noise: Noise, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Filtered means (n, 2), their covariances (n, 2, 2), and the log likelihood of each observation (n,)."""
    n = len(y)
    means = np.zeros((n, 2))
    covariances = np.zeros((n, 2, 2))
    log_likelihoods = np.empty(n)
    Q = np.exp(2 * noise.push) * G
    R = np.exp(2 * noise.observation)
    mean, P = np.zeros(2), START
    for t in range(n):
        if t > 0:
            mean = F @ means[t - 1]
            P = F @ covariances[t - 1] @ F.T + Q
        error = y[t] - H @ mean
        variance = H @ P @ H + R
        gain = P @ H / variance
        means[t] = mean + gain * error
        covariances[t] = P - np.outer(gain, H @ P)
        log_likelihoods[t] = -0.5 * (np.log(2 * np.pi * variance) + error**2 / variance)
    return means, covariances, log_likelihoods


def log_likelihood(noise: Noise, y: np.ndarray) -> float:
    """Log density of all observations, from the filter."""
    return np.sum(kalman_filter(noise, y)[2])


def log_likelihood_at_once(noise: Noise, y: np.ndarray) -> tuple[float, Noise]:
    """The same from the covariance matrix C of all observations, with its derivatives: 1/2 trace((w w' - C^-1) dC)."""
    n = len(y)
    pushed, fixed = np.zeros((n, n)), np.zeros((n, n))  # C without observation errors is pushed e^(2 log a) + fixed
    P, D = START, np.zeros((2, 2))  # covariance of the state at t without pushes, and what pushes of a = 1 add to it
    for t in range(n):
        if t > 0:
            P, D = F @ P @ F.T, F @ D @ F.T + G
        ahead = np.eye(2)
        for u in range(t, n):
            fixed[t, u] = fixed[u, t] = H @ P @ ahead.T @ H
            pushed[t, u] = pushed[u, t] = H @ D @ ahead.T @ H
            ahead = F @ ahead
    dC = Noise(2 * np.exp(2 * noise.push) * pushed, 2 * np.exp(2 * noise.observation) * np.eye(n))
    C = fixed + (dC.push + dC.observation) / 2
    inverse = np.linalg.inv(C)
    w = inverse @ y
    value = -0.5 * (np.linalg.slogdet(C)[1] + y @ w + n * np.log(2 * np.pi))
    slope = np.outer(w, w) - inverse
    return value, Noise(0.5 * np.sum(slope * dC.push), 0.5 * np.sum(slope * dC.observation))


def observations(n: int, noise: Noise, seed: int = 0) -> np.ndarray:
    """Positions (m) drawn from the model."""
    rng = np.random.default_rng(seed)
    state = rng.multivariate_normal(np.zeros(2), START)
    y = np.zeros(n)
    for t in range(n):
        y[t] = H @ state + np.exp(noise.observation) * rng.normal()
        state = F @ state + rng.multivariate_normal(np.zeros(2), np.exp(2 * noise.push) * G)
    return y


def main(n: int = 300) -> None:
    started = time.perf_counter()
    truth = Noise(np.log(0.5), np.log(0.2))
    y = observations(n, truth)
    guess = Noise(0.0, 0.0)

    gradient = grad(log_likelihood)(guess, y)
    print(f"{n} positions, {DT} s apart; log likelihood at the guess a = 1, b = 1: {log_likelihood(guess, y):.3f}")
    print(f"  gradient by log a {gradient.push:.4f}, by log b {gradient.observation:.4f}")
    print(f"  {check_gradient(log_likelihood, (guess, y))}".replace("\n", "\n  "))
    few = y[:30]
    value, gradient = value_and_grad(log_likelihood)(guess, few)
    reference, closed = log_likelihood_at_once(guess, few)
    print(f"filter against the joint density of {len(few)} positions: difference {value - reference:.1e},")
    print(f"  in its gradient {gradient.push - closed.push:.1e} and {gradient.observation - closed.observation:.1e}")

    objective = value_and_grad(lambda theta: -log_likelihood(Noise(*theta), y))
    fit = minimize(objective, np.zeros(2), jac=True, method="L-BFGS-B")
    push, observation = np.exp(fit.x)
    print(f"most likely: a = {push:.3f} (made with 0.5), b = {observation:.3f} m (made with 0.2)")
    print(f"  log likelihood {-fit.fun:.3f} after {fit.nfev} evaluations")
    means, covariances, _ = kalman_filter(Noise(*fit.x), y)
    print(f"last position {means[-1, 0]:.3f} m, standard deviation {np.sqrt(covariances[-1, 0, 0]):.3f} m")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
