"""Kepler's equation by bisection inside `while_loop`, with the right derivatives.

A planet on an ellipse of eccentricity e has at mean anomaly M the eccentric anomaly E with E - e sin E = M: no
formula gives E, and bisection finds it, always.

What is the derivative of a bisection? Its steps only choose: every end of the bracket is a mean of the ends it
started with, and the choices are constant almost everywhere. So what is recorded has the derivative of those means
(0, for a bracket that does not move with e and M), which is the derivative of the procedure, but not that of the
root. Newton steps from the converged root repair it. From a constant x0 at the root for p0, the step

    x1(p) = x0 - f(x0, p) / f'(x0, p)

changes x0 by nothing at p0 and has the derivative -f_p / f_x there, which is the implicit function theorem. Newton's
error goes as the square: x0 errs by O(p - p0), one step by its square, and so k steps give the first 2^k - 1
derivatives. The two steps below are good for three.

Sources: J. Kepler, Astronomia nova (1609), chapter 60; A. Griewank and A. Walther, Evaluating Derivatives (2008),
chapter 15 (derivatives of iterations).
"""

import time
from collections.abc import Callable

import numpy as np

from chainrule import grad, vectorize, while_loop


def bisection(f: Callable[[float], float], low: float, high: float, tolerance: float = 1e-12) -> float:
    """A root of f, which has opposite signs at low and high: one operation, whatever the number of steps."""

    def unfinished(bracket: tuple[float, float]) -> bool:
        low, high = bracket
        return high - low > tolerance

    def halve(bracket: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        low, high = bracket
        middle = 0.5 * (low + high)
        below = f(middle) * f(low) > 0  # the root lies above the middle
        return np.where(below, middle, low), np.where(below, high, middle)

    low, high = while_loop(unfinished, halve, (low, high))
    return 0.5 * (low + high)


def kepler(E: float, e: float, M: float) -> float:
    """Zero where E belongs to M, in radians."""
    return E - e * np.sin(E) - M


def anomaly_without_newton(e: float, M: float) -> float:
    """E by bisection alone: right as a value, and of derivative zero."""
    return bisection(lambda E: kepler(E, e, M), -1.0, 8.0)


def eccentric_anomaly(e: float, M: float) -> float:
    """E for 0 <= e < 1 and M in [0, 2 pi], with its derivatives to the third order."""
    E = bisection(lambda E: kepler(E, e, M), -1.0, 8.0)
    for _ in range(2):
        E = E - kepler(E, e, M) / grad(kepler)(E, e, M)
    return E


def main(places: int = 1000) -> None:
    started = time.perf_counter()
    e, M = 0.6, 2.0
    E = eccentric_anomaly(e, M)
    print(f"e = {e}, M = {M} rad: E = {E:.12f} rad, residual {kepler(E, e, M):.1e}")
    print(f"  dE/de, dE/dM by bisection alone: {grad(anomaly_without_newton, (0, 1))(e, M)}")
    by_e, by_M = grad(eccentric_anomaly, (0, 1))(e, M)
    slope = 1 - e * np.cos(E)
    print(f"  with Newton steps:               ({by_e:.12f}, {by_M:.12f})")
    print(f"  by the implicit function:        ({np.sin(E) / slope:.12f}, {1 / slope:.12f})")
    second = grad(grad(eccentric_anomaly, 1), 1)(e, M)
    print(f"  second derivative by M: {second:.12f}, in closed form {-e * np.sin(E) / slope**3:.12f}")

    Ms = np.linspace(0.01, 2 * np.pi - 0.01, places)
    Es = vectorize(eccentric_anomaly, (None, 0))(e, Ms)
    speeds = vectorize(grad(eccentric_anomaly, 1), (None, 0))(e, Ms)
    error = np.max(np.abs(speeds - 1 / (1 - e * np.cos(Es))))
    print(f"{places} places in one batch: dE/dM against the implicit function, largest difference {error:.1e}")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
