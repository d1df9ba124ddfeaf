"""The classical Runge-Kutta method as a Python loop and as `scan`, and a parameter of an equation fitted through it.

Hares u and lynxes v after Lotka and Volterra, in thousands, with rates per year:

    u' = a u - b u v,    v' = d u v - c v

The loop records every operation of every step; `scan` records one step. Values and gradients are the same numbers.
Two checks: u and v stay on a curve d u - c log u + b v - a log v = constant, to the order of the method; and the
gradient agrees with finite differences.

Source: E. Hairer, S. P. Nørsett and G. Wanner, Solving Ordinary Differential Equations I, section II.1.
"""

import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from chainrule import check_gradient, grad, scan, value_and_grad

Solver = Callable[[np.ndarray, int, float], np.ndarray]

RATES = np.array([0.6, 0.028, 0.84, 0.026])  # a, b, c, d
START = np.array([30.0, 4.0])


def lotka_volterra(y: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """The derivative of y = (hares, lynxes) by time."""
    u, v = y
    a, b, c, d = rates
    return np.array([a * u - b * u * v, d * u * v - c * v])


def rk4_step(f: Callable[[np.ndarray], np.ndarray], y: np.ndarray, h: float) -> np.ndarray:
    """One step of size h for y' = f(y)."""
    k1 = f(y)
    k2 = f(y + h / 2 * k1)
    k3 = f(y + h / 2 * k2)
    k4 = f(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def solve_by_loop(rates: np.ndarray, steps: int, h: float) -> np.ndarray:
    """The solution at h, 2 h, ..., of shape (steps, 2)."""
    ys = np.zeros((steps, 2))
    y = START
    for i in range(steps):
        y = rk4_step(lambda y: lotka_volterra(y, rates), y, h)
        ys[i] = y
    return ys


def solve_by_scan(rates: np.ndarray, steps: int, h: float) -> np.ndarray:
    """The same, with one step recorded."""

    def step(y: np.ndarray, _: None) -> tuple[np.ndarray, np.ndarray]:
        y = rk4_step(lambda y: lotka_volterra(y, rates), y, h)
        return y, y

    return scan(step, START, length=steps)[1]


def mismatch(rates: np.ndarray, observed: np.ndarray, every: int, h: float, solve: Solver = solve_by_scan) -> float:
    """Mean squared difference of logarithms at the times of observation, one in `every` steps."""
    ys = solve(rates, len(observed) * every, h)[every - 1 :: every]
    return np.mean((np.log(ys) - np.log(observed)) ** 2)


def invariant(y: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """d u - c log u + b v - a log v, which the equation keeps."""
    a, b, c, d = rates
    u, v = y[..., 0], y[..., 1]
    return d * u - c * np.log(u) + b * v - a * np.log(v)


def main(years: int = 20, every: int = 20) -> None:
    started = time.perf_counter()
    h = 1 / every
    ys = solve_by_scan(RATES, years * every, h)
    rng = np.random.default_rng(0)
    observed = ys[every - 1 :: every] * np.exp(0.05 * rng.normal(size=(years, 2)))
    drift = np.max(np.abs(invariant(ys, RATES) - invariant(START, RATES)))
    print(f"{years * every} steps of {h:g} years: the invariant drifts by {drift:.1e}")

    guess = RATES * np.array([1.05, 1.0, 0.95, 1.0])
    by_loop = grad(lambda r: mismatch(r, observed, every, h, solve_by_loop))
    by_scan = grad(lambda r: mismatch(r, observed, every, h, solve_by_scan))
    for name, gradient in (("loop", by_loop), ("scan", by_scan)):
        before = time.perf_counter()
        print(f"  gradient by {name}: {gradient(guess).round(6)}, {time.perf_counter() - before:.3f} s")
    print(f"  largest difference {np.max(np.abs(by_loop(guess) - by_scan(guess))):.1e}")
    print(f"  {check_gradient(lambda r: mismatch(r, observed, every, h), guess)}".replace("\n", "\n  "))

    def objective(log_rates: np.ndarray) -> float:
        return mismatch(np.exp(log_rates), observed, every, h)

    fit = minimize(value_and_grad(objective), np.log(guess), jac=True, method="L-BFGS-B")
    print(f"fitted rates {np.exp(fit.x).round(4)} per year, made with {RATES}; {fit.nfev} evaluations")
    print(f"  root mean square difference of logarithms {np.sqrt(fit.fun):.4f} (noise 0.05)")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
