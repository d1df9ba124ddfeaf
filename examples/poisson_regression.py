"""Poisson regression: counts whose logarithmic rate is linear, by Newton's method with conjugate gradients.

Counts y_i of exposure t_i are Poisson distributed with the rate t_i exp(b_0 + x_i' b). The negative log likelihood is
convex, and Newton-CG asks for its Hessian times vectors alone. The fit is checked against iteratively reweighted least
squares, which solves X' W X b = X' W z with W = diag(mu) and z = eta + (y - mu) / mu, and the standard errors, roots of
the diagonal of the inverse Hessian, against (X' W X)^-1.

Sources: P. McCullagh and J. A. Nelder, Generalized Linear Models (2nd ed., 1989), sections 2.5 and 6.2; J. Nocedal and
S. J. Wright, Numerical Optimization (2nd ed., 2006), algorithm 7.1.
"""

import time

import numpy as np
from scipy import optimize
from scipy.stats import poisson

import chainrule
from chainrule import tree
from chainrule.bridges import ScipyFunction

Parameters = dict[str, float | np.ndarray]


def rates(p: Parameters, x: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Expected counts, one for each row of x."""
    return exposure * np.exp(p["level"] + x @ p["slopes"])


def negative_log_likelihood(p: Parameters, x: np.ndarray, exposure: np.ndarray, counts: np.ndarray) -> float:
    """- sum_i log P(y_i)."""
    return -np.sum(poisson.logpmf(counts, rates(p, x, exposure)))


def reweighted_least_squares(x: np.ndarray, exposure: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Level and slopes in one vector, and X' W X there."""
    X = np.column_stack([np.ones(len(x)), x])
    b = np.zeros(X.shape[1])
    for _ in range(50):
        eta = X @ b
        mu = exposure * np.exp(eta)
        information = X.T @ (mu[:, None] * X)
        b, old = np.linalg.solve(information, X.T @ (mu * eta + counts - mu)), b
        if np.max(np.abs(b - old)) < 1e-12:
            break
    return b, information


def observations(n: int, inputs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, exposures and counts; slopes are 0.5, -0.25 and 0 for all others, the level is 0.3."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inputs))
    exposure = rng.uniform(0.5, 3, n)
    slopes = np.zeros(inputs)
    slopes[:2] = 0.5, -0.25
    return x, exposure, rng.poisson(rates({"level": 0.3, "slopes": slopes}, x, exposure)).astype(float)


def main(n: int = 2000, inputs: int = 30) -> None:
    data = observations(n, inputs)
    start: Parameters = {"level": 0.0, "slopes": np.zeros(inputs)}

    started = time.perf_counter()
    fit = chainrule.minimize(negative_log_likelihood, start, data, "Newton-CG", tol=1e-10)
    first = time.perf_counter() - started
    started = time.perf_counter()
    fit = chainrule.minimize(negative_log_likelihood, start, data, "Newton-CG", tol=1e-10)
    again = time.perf_counter() - started
    print(f"{n} counts, {inputs} inputs; - log likelihood {fit.fun:.4f} after {fit.nit} steps")

    problem = ScipyFunction(negative_log_likelihood, fit.x, data)
    errors = np.sqrt(np.diagonal(np.linalg.inv(problem.hess(problem.x0))))
    found, information = reweighted_least_squares(*data)
    print(f"  reweighted least squares: largest difference {np.max(np.abs(problem.x0 - found)):.1e}")
    closed = np.sqrt(np.diagonal(np.linalg.inv(information)))
    print(f"  standard errors: largest difference {np.max(np.abs(errors - closed)):.1e}")
    for name, value, error in zip(("level", "first slope", "second slope"), problem.x0, errors, strict=False):
        print(f"  {name:12} {value:7.4f} +- {error:.4f}")

    vector, layout = tree.ravel(start)

    def flat(v: np.ndarray) -> float:
        """The negative log likelihood of one vector, for SciPy."""
        return negative_log_likelihood(layout.unravel(v), *data)

    started = time.perf_counter()
    slow = optimize.minimize(flat, vector, method="BFGS")
    differences = time.perf_counter() - started
    print(f"BFGS by finite differences, as Newton-CG knows none: {slow.fun:.4f} after {slow.nfev} evaluations")
    print(f"{first:.2f} s with compiling, then {again:.3f} s; by finite differences {differences:.2f} s")


if __name__ == "__main__":
    main()
