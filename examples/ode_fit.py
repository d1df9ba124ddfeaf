"""The rates of an epidemic from its daily counts: a system of differential equations fitted by least squares.

The model of Kermack and McKendrick, with the exposed between the susceptible and the infectious, as shares of N people:

    S' = -b(t) S I,   E' = b(t) S I - s E,   I' = s E - g I,   R' = g I,   b(t) = b0 + (b1 - b0) expit((t - t1) / 2)

where the contact rate b falls from b0 to b1 around day t1, when people stay at home. Each day's new cases are what
left E that day, N s E integrated over it: a fifth component counts them, and its differences are compared with what
was reported. SciPy solves the system and fits the logarithms of the parameters; the Jacobian of all days by all
parameters is chainrule's, from the sensitivity equations.

Sources: W. O. Kermack, A. G. McKendrick, A Contribution to the Mathematical Theory of Epidemics (1927); O. Diekmann,
J. A. P. Heesterbeek, J. A. J. Metz, On the Definition and the Computation of the Basic Reproduction Ratio (1990), for
b0 / g.
"""

import time
from collections.abc import Callable

import numpy as np
from scipy.integrate import odeint
from scipy.optimize import OptimizeResult, approx_fprime, least_squares
from scipy.special import expit

from chainrule import grad, jacobian

N = 1e6  # people
NAMES = ("b0", "b1", "t1", "s", "g", "first cases")
TRUE = np.array([0.9, 0.25, 30.0, 1 / 3, 1 / 5, 40.0])


def rates(y: np.ndarray, t: float, b0: float, b1: float, t1: float, s: float, g: float) -> list[float]:
    """The change a day of the shares S, E, I and of the cases so far, as a share."""
    S, E, I, _ = y
    infections = (b0 + (b1 - b0) * expit((t - t1) / 2)) * S * I
    return [-infections, infections - s * E, s * E - g * I, s * E]


def new_cases(log_p: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Expected new cases of each day but the first, from the logarithms of the parameters."""
    b0, b1, t1, s, g, first = np.exp(log_p)
    start = np.array([1 - first / N, first / N, 0.0, 0.0])
    shares = odeint(rates, start, days, args=(b0, b1, t1, s, g), rtol=1e-9, atol=1e-12)
    return N * np.diff(shares[:, 3])


def residuals(log_p: np.ndarray, days: np.ndarray, reported: np.ndarray) -> np.ndarray:
    """In standard deviations of a Poisson count, by Anscombe's root."""
    return 2 * (np.sqrt(new_cases(log_p, days) + 0.375) - np.sqrt(reported + 0.375))


def epidemic(last_day: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Days, and what was reported on each but the first."""
    days = np.arange(last_day + 1.0)
    return days, np.random.default_rng(seed).poisson(new_cases(np.log(TRUE), days)).astype(float)


def fit(days: np.ndarray, reported: np.ndarray, jac: str | Callable[..., np.ndarray]) -> OptimizeResult:
    """Least squares from a rough guess; `jac` as SciPy takes it."""
    guess = np.log([0.6, 0.4, 25.0, 0.5, 0.3, 10.0])
    return least_squares(residuals, guess, jac=jac, args=(days, reported), x_scale=0.1, xtol=1e-12, ftol=1e-12)


def seconds(f: Callable[[], object], repeats: int = 3) -> float:
    """The least time of a few runs."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        f()
        times.append(time.perf_counter() - started)
    return min(times)


def main(last_day: int = 80, repeats: int = 3) -> None:
    started = time.perf_counter()
    days, reported = epidemic(last_day)
    exact = jacobian(residuals)
    found = fit(days, reported, exact)
    covariance = np.linalg.inv(found.jac.T @ found.jac)  # of the logarithms, since residuals have variance one
    print(
        f"{last_day} days, {reported.sum():.0f} cases; sum of squares {2 * found.cost:.1f} for {len(reported)} counts"
    )
    print("              true   fitted   one standard deviation")
    for name, true, log_p, variance in zip(NAMES, TRUE, found.x, np.diag(covariance), strict=True):
        print(f"{name:<12} {true:7.3f} {np.exp(log_p):8.3f}   {np.exp(log_p) * np.sqrt(variance):8.3f}")
    print(f"each case infected {np.exp(found.x[0] - found.x[4]):.2f} others at first, in truth {TRUE[0] / TRUE[4]:.2f}")

    # The gradient by the adjoint system is that of the Jacobian by the sensitivity equations.
    slope = grad(lambda log_p: 0.5 * np.sum(residuals(log_p, days, reported) ** 2))(np.log(TRUE))
    by_jacobian = exact(np.log(TRUE), days, reported).T @ residuals(np.log(TRUE), days, reported)
    apart = np.max(np.abs(slope - by_jacobian)) / np.max(np.abs(slope))
    print(f"gradient in reverse and in forward mode: {apart:.0e} apart; at the fit {np.max(np.abs(found.grad)):.0e}")

    plain = fit(days, reported, "2-point")
    left = np.max(np.abs(exact(plain.x, days, reported).T @ plain.fun))
    print(f"by SciPy's finite differences the fit ends at a gradient of {left:.0e}")
    ours = seconds(lambda: exact(np.log(TRUE), days, reported), repeats)
    theirs = seconds(lambda: approx_fprime(np.log(TRUE), residuals, 1.5e-8, days, reported), repeats)
    print(f"a Jacobian: {1e3 * ours:.1f} ms; by SciPy's finite differences {1e3 * theirs:.1f} ms")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
