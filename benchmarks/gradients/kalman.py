"""A Kalman filter: minus the log likelihood of its observations, by the logarithms of the strengths of two noises."""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["KALMAN"]


def data(rng: np.random.Generator, states: int, observed: int, steps: int) -> tuple[Arrays, Arrays]:
    forward = 0.9 * np.eye(states) + 0.1 * np.eye(states, k=1)
    seen = np.eye(observed, states)
    constants = (rng.normal(size=(steps, observed)), forward, seen, np.eye(states), np.eye(observed), np.zeros(states))
    return (np.array([0.1, -0.3]),), constants


def value(library, logs, observations, forward, seen, eye, small_eye, start):
    np = library.np
    pushes, errors = np.exp(logs[0]) * eye, np.exp(logs[1]) * small_eye

    def step(carry, y):
        mean, spread = carry
        mean, spread = forward @ mean, forward @ spread @ forward.T + pushes
        error, variance = y - seen @ mean, seen @ spread @ seen.T + errors
        gain = np.linalg.solve(variance, seen @ spread).T
        loss = np.linalg.slogdet(variance)[1] + error @ np.linalg.solve(variance, error)
        return (mean + gain @ error, spread - gain @ variance @ gain.T), loss

    _, losses = library.loop(step, (start, eye), observations)
    return 0.5 * np.sum(losses)


def by_hand(logs, observations, forward, seen, eye, small_eye, start):
    # The filter's sensitivity equations: both derivatives go forward beside it, as stacks of two.
    pushes, errors = np.exp(logs[0]) * eye, np.exp(logs[1]) * small_eye
    by_pushes = np.stack((pushes, 0 * pushes))
    by_errors = np.stack((0 * errors, errors))
    mean, spread = start, eye
    by_mean, by_spread = np.zeros((2, len(start), 1)), np.zeros((2, *eye.shape))
    total, gradient = 0.0, np.zeros(2)
    for y in observations:
        mean, spread = forward @ mean, forward @ spread @ forward.T + pushes
        by_mean, by_spread = forward @ by_mean, forward @ by_spread @ forward.T + by_pushes
        error, variance = y - seen @ mean, seen @ spread @ seen.T + errors
        by_error, by_variance = -seen @ by_mean, seen @ by_spread @ seen.T + by_errors
        inverse = np.linalg.inv(variance)
        weighted = inverse @ error
        total += np.linalg.slogdet(variance)[1] + error @ weighted
        gradient += np.sum(inverse * by_variance, axis=(1, 2)) - weighted @ by_variance @ weighted
        gradient += 2 * (weighted @ by_error)[:, 0]
        gain = spread @ seen.T @ inverse
        by_gain = (by_spread @ seen.T - gain @ by_variance) @ inverse
        mean, spread = mean + gain @ error, spread - gain @ variance @ gain.T
        by_mean = by_mean + by_gain @ error[:, None] + gain @ by_error
        half = by_gain @ variance @ gain.T
        by_spread = by_spread - half - half.mT - gain @ by_variance @ gain.T
    return 0.5 * total, 0.5 * gradient


KALMAN = Objective(data, value, by_hand)
