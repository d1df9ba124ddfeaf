"""A Kalman smoother, and the frequency, damping and noise of an oscillator by maximum likelihood.

A swing turns by an angle w a step and loses some of its size; pushes disturb it, and two instruments observe it:

    s[t] = F s[t-1] + q,   F = d [[cos w, sin w], [-sin w, cos w]],   q ~ N(0, a^2 I)
    y[t] = H s[t] + r,     H = [[1, 0], [1/2, 1/2]],                  r ~ N(0, diag(b^2, c^2))

The filter (kalman_filter.py explains it) goes forward; the smoother goes back and tells what is known of each state
from all observations, past and future. The filter is a `scan`, so that one compiled function gives the log likelihood
with its gradient by (logit d, w, log a, log b, log c), which L-BFGS climbs; SciPy's finite differences climb the same
hill on the same filter as a Python loop.

Checks: the smoothed means and covariances are those of the joint Gaussian of all states and observations. By Fisher's
identity the gradient of the log likelihood is the expected gradient of the log density of states and observations
together, given the observations: the smoother's moments tell it without differentiating the filter. And where the
likelihood is largest, a step of the EM algorithm changes nothing.

Sources: H. Rauch, F. Tung and C. Striebel, Maximum likelihood estimates of linear dynamic systems (1965); R. Shumway
and D. Stoffer, An approach to time series smoothing and forecasting using the EM algorithm (1982); J. Durbin and
S. J. Koopman, Time Series Analysis by State Space Methods, sections 4.4 and 7.3.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from chainrule import jit, scan, value_and_grad

H = np.array([[1.0, 0.0], [0.5, 0.5]])
START = 4.0 * np.eye(2)  # covariance of the first state, whose mean is zero
TRUTH = np.array([3.5, 0.3, np.log(0.15), np.log(0.5), np.log(0.3)])
GUESS = np.array([1.0, 0.4, np.log(0.5), 0.0, 0.0])


class Filtered(NamedTuple):
    """What the filter knows of each state before and after its observation, and the log likelihood of this."""

    ahead: np.ndarray
    covariance_ahead: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    log_likelihood: np.ndarray


def matrices(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F, and the covariances of pushes and of errors of observation."""
    damping = 1 / (1 + np.exp(-theta[0]))
    c, s = np.cos(theta[1]), np.sin(theta[1])
    F = damping * np.array([[c, s], [-s, c]])
    return F, np.exp(2 * theta[2]) * np.eye(2), np.diag(np.exp(2 * theta[3:]))


def filter_step(F: np.ndarray, Q: np.ndarray, R: np.ndarray) -> Callable[..., tuple[tuple, Filtered]]:
    """The filter from one observation to the next; it carries what is known of the state to come."""

    def step(carry: tuple, y: np.ndarray) -> tuple[tuple, Filtered]:
        ahead, P = carry
        error = y - H @ ahead
        variance = H @ P @ H.T + R
        gain = np.linalg.solve(variance, H @ P).T
        mean, covariance = ahead + gain @ error, P - gain @ variance @ gain.T
        surprise = error @ np.linalg.solve(variance, error) + np.linalg.slogdet(variance)[1] + 2 * np.log(2 * np.pi)
        return (F @ mean, F @ covariance @ F.T + Q), Filtered(ahead, P, mean, covariance, -0.5 * surprise)

    return step


def kalman_filter(theta: np.ndarray, y: np.ndarray) -> Filtered:
    """The filter over all observations (n, 2)."""
    return scan(filter_step(*matrices(theta)), (np.zeros(2), START), y)[1]


def log_likelihood(theta: np.ndarray, y: np.ndarray) -> float:
    """Log density of all observations."""
    return np.sum(kalman_filter(theta, y).log_likelihood)


def log_likelihood_by_a_loop(theta: np.ndarray, y: np.ndarray) -> float:
    """The same in plain Python."""
    step, carry, total = filter_step(*matrices(theta)), (np.zeros(2), START), 0.0
    for observed in y:
        carry, found = step(carry, observed)
        total += found.log_likelihood
    return total


def smoother(theta: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (n, 2) and covariances (n, 2, 2) of the states given all observations, and of each with the one before."""
    F, _, _ = matrices(theta)
    known = kalman_filter(theta, y)
    means, covariances = known.mean.copy(), known.covariance.copy()
    with_previous = np.zeros_like(covariances)
    for t in range(len(y) - 2, -1, -1):
        gain = np.linalg.solve(known.covariance_ahead[t + 1], F @ known.covariance[t]).T
        means[t] += gain @ (means[t + 1] - known.ahead[t + 1])
        covariances[t] += gain @ (covariances[t + 1] - known.covariance_ahead[t + 1]) @ gain.T
        with_previous[t + 1] = covariances[t + 1] @ gain.T
    return means, covariances, with_previous


def all_at_once(theta: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances of the states given all observations, from one Gaussian of 2 n states."""
    n = len(y)
    F, Q, R = matrices(theta)
    noise = np.zeros((2 * n, 2 * n))  # covariance of the first state and of the pushes
    push = np.eye(2 * n)  # the states are the inverse of this times those
    for t in range(n):
        here = slice(2 * t, 2 * t + 2)
        noise[here, here] = Q if t else START
        if t:
            push[here, 2 * t - 2 : 2 * t] = -F
    inverse = np.linalg.inv(push)
    prior = inverse @ noise @ inverse.T
    observe = np.kron(np.eye(n), H)
    variance = observe @ prior @ observe.T + np.kron(np.eye(n), R)
    gain = np.linalg.solve(variance, observe @ prior).T
    means = gain @ y.ravel()
    whole = prior - gain @ variance @ gain.T
    return means.reshape(n, 2), np.stack([whole[2 * t : 2 * t + 2, 2 * t : 2 * t + 2] for t in range(n)])


def expected_squares(theta: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Given the observations: sums of the products of pushes, of pushes and the states before, of squared errors."""
    F, _, _ = matrices(theta)
    m, P, C = smoother(theta, y)
    before = np.einsum("ti,tj->ij", m[:-1], m[:-1]) + P[:-1].sum(0)
    after = np.einsum("ti,tj->ij", m[1:], m[1:]) + P[1:].sum(0)
    across = np.einsum("ti,tj->ij", m[1:], m[:-1]) + C[1:].sum(0)
    pushes = after - F @ across.T - across @ F.T + F @ before @ F.T
    errors = np.sum((y - m @ H.T) ** 2, axis=0) + np.einsum("ki,tij,kj->k", H, P, H)
    return pushes, across - F @ before, errors


def gradient_by_smoothing(theta: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of the log likelihood by Fisher's identity."""
    n = len(y)
    F, Q, R = matrices(theta)
    pushes, with_before, errors = expected_squares(theta, y)
    by_F = np.linalg.solve(Q, with_before)
    turned = np.array([[0.0, 1.0], [-1.0, 0.0]]) @ F  # derivative of F by the angle
    lost = 1 / (1 + np.exp(theta[0]))  # derivative of log d by logit d
    by_push = np.trace(pushes) / Q[0, 0] - 2 * (n - 1)
    return np.array([lost * np.sum(by_F * F), np.sum(by_F * turned), by_push, *(errors / np.diag(R) - n)])


def em_step(theta: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The noise that is most likely where states and pushes are as the smoother expects them."""
    n = len(y)
    pushes, _, errors = expected_squares(theta, y)
    return np.array([*theta[:2], 0.5 * np.log(np.trace(pushes) / (2 * (n - 1))), *(0.5 * np.log(errors / n))])


def observations(n: int, theta: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """States (n, 2) drawn from the model, and what the instruments show (n, 2)."""
    rng = np.random.default_rng(seed)
    F, Q, R = matrices(theta)
    states = np.zeros((n, 2))
    state = rng.multivariate_normal(np.zeros(2), START)
    for t in range(n):
        states[t] = state
        state = F @ state + rng.multivariate_normal(np.zeros(2), Q)
    return states, states @ H.T + rng.multivariate_normal(np.zeros(2), R, n)


def fitted(y: np.ndarray) -> OptimizeResult:
    """The most likely parameters, with the gradient."""
    both = jit(value_and_grad(lambda theta: -log_likelihood(theta, y)))
    return minimize(both, GUESS, jac=True, method="L-BFGS-B", options={"ftol": 1e-12, "gtol": 1e-6})


def fitted_by_differences(y: np.ndarray) -> OptimizeResult:
    """The same with SciPy's finite differences."""
    return minimize(lambda theta: -log_likelihood_by_a_loop(theta, y), GUESS, method="L-BFGS-B")


def main(n: int = 400) -> None:
    states, y = observations(n, TRUTH)
    few = y[:20]
    means, covariances, _ = smoother(GUESS, few)
    whole = all_at_once(GUESS, few)
    apart = max(np.max(abs(means - whole[0])), np.max(abs(covariances - whole[1])))
    print(f"smoother of {len(few)} observations against one Gaussian of all states: difference {apart:.1e}")
    gradient = value_and_grad(log_likelihood)(GUESS, y)[1]
    closed = gradient_by_smoothing(GUESS, y)
    print("gradient at the guess", np.array2string(gradient, precision=3))
    print(f"  against Fisher's identity: {np.max(abs(gradient / closed - 1)):.1e}, relative")

    started = time.perf_counter()
    fit = fitted(y)
    took = time.perf_counter() - started
    damping, angle, *noise = 1 / (1 + np.exp(-fit.x[0])), fit.x[1], *np.exp(fit.x[2:])
    print(f"most likely: d = {damping:.4f}, w = {angle:.4f}, a, b, c =", np.array2string(np.array(noise), precision=3))
    print(f"  log likelihood {-fit.fun:.3f} after {fit.nfev} evaluations in {took:.2f} s, compilation included")
    print(
        f"  a step of EM from there moves the logarithms of the noise by {np.max(abs(em_step(fit.x, y) - fit.x)):.1e}"
    )
    started = time.perf_counter()
    other = fitted_by_differences(y)
    took = time.perf_counter() - started
    print(f"SciPy's finite differences: log likelihood {-other.fun:.3f}, {other.nfev} evaluations in {took:.2f} s")

    filtered, smoothed = kalman_filter(fit.x, y).mean, smoother(fit.x, y)[0]
    errors = (f"{np.sqrt(np.mean((found - states) ** 2)):.3f}" for found in (filtered, smoothed))
    print("root mean square error of the states, filtered and smoothed:", *errors)


if __name__ == "__main__":
    main()
