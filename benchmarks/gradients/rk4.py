"""Prey and predators after some steps of the classical Runge-Kutta method: distance to a goal, by the four rates."""

import numpy as np

from benchmarks.gradients.objective import Arrays, Objective

__all__ = ["RK4"]

STEP = 0.01


def data(rng: np.random.Generator, steps: int) -> tuple[Arrays, Arrays]:
    return (np.array([1.1, 0.4, 0.4, 0.1]),), (np.array([10.0, 5.0]), np.array([8.0, 6.0]), steps)


def slope(np, rates, y):
    """Lotka's and Volterra's equations."""
    met = y[0] * y[1]
    return np.stack((rates[0] * y[0] - rates[1] * met, rates[3] * met - rates[2] * y[1]))


def value(library, rates, start, goal, steps):
    np = library.np

    def step(y, _):
        k1 = slope(np, rates, y)
        k2 = slope(np, rates, y + 0.5 * STEP * k1)
        k3 = slope(np, rates, y + 0.5 * STEP * k2)
        k4 = slope(np, rates, y + STEP * k3)
        return y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    y, _ = library.loop(step, start, None, steps)
    return np.sum((y - goal) ** 2)


#: Where in the step each slope is taken, and its weight.
STAGES = ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6))


def by_hand(rates, start, goal, steps):
    a, b, c, d = rates.tolist()
    y, taken = start, []
    for _ in range(steps):
        total, k = np.zeros(2), np.zeros(2)
        for part, weight in STAGES:
            at = y + part * STEP * k
            taken.append(at)
            prey, predators = at.tolist()
            met = prey * predators
            k = np.array((a * prey - b * met, d * met - c * predators))
            total += weight * k
        y = y + STEP * total
    distance = y - goal

    by_y, gradient = 2 * distance, np.zeros(4)
    for t in reversed(range(steps)):
        by_before, by_at = by_y, np.zeros(2)
        # The slope of a stage enters the sum, and the place where the next is taken.
        for i in (3, 2, 1, 0):
            onward = STAGES[i + 1][0] * STEP * by_at if i < 3 else 0.0
            by_first, by_second = (STEP * STAGES[i][1] * by_y + onward).tolist()
            prey, predators = taken[4 * t + i].tolist()
            met = prey * predators
            gradient += (by_first * prey, -by_first * met, -by_second * predators, by_second * met)
            by_met = d * by_second - b * by_first
            by_at = np.array((a * by_first + by_met * predators, by_met * prey - c * by_second))
            by_before = by_before + by_at
        by_y = by_before
    return distance @ distance, gradient


RK4 = Objective(data, value, by_hand)
