"""scipy.optimize: solutions of equations and minima, by what the functions read.

SciPy stops at its tolerances; they are set as tight as a difference needs. Parameters may be complex wherever the
equation is one of real numbers.
"""

import numpy as np
from scipy import optimize
from tests.ops.case import NONZERO, POSITIVE, REALS, Case, between, fixed, in_double

#: Makes float64 of float32, so that a function is computed to what the tolerances ask for.
WIDE = np.float64(1.0)
UNIT_SQUARE = between(0.1, 0.4)
# No solution is close to 0, where a tolerance of SciPy is no share of it.
PAIR = ((POSITIVE, ()), (NONZERO, ()))
PAIRS = ((POSITIVE, (2,)), (NONZERO, (2,)))


def cubic(x, a, b):
    """It rises everywhere, and has one root."""
    return x**3 + np.abs(a) * WIDE * x - np.real(b) * WIDE


def slope(x, a, b):
    return 3 * x**2 + np.abs(a) * WIDE


def system(x, a, b):
    """The same in each component, and each by the other."""
    return cubic(x, a, b) + 0.1 * x[::-1]


def system_slopes(x, a, b):
    return np.diag(slope(x, a, b)) + 0.1 * np.eye(2)[::-1]


def distance(x, a, b):
    """It is 0 where the system is solved: of a least value of 0 no digits are lost, so that SciPy comes close to it."""
    return np.sum(system(x, a, b) ** 2) / 2


def distance_slope(x, a, b):
    return system_slopes(x, a, b).T @ system(x, a, b)


def distance_bend(x, a, b):
    """The second derivative at the solution."""
    return system_slopes(x, a, b).T @ system_slopes(x, a, b)


def bracketed(name):
    """A search between two numbers. That of ridder is not tried here: at such a tolerance it may fail in SciPy."""
    solver = getattr(optimize, name)
    return lambda a, b: solver(cubic, -4.0, 4.0, args=(a, b), xtol=1e-12, rtol=1e-12)


def line_of(t, p, q):
    return p * t + q * np.exp(-t)


def line_slopes(t, p, q):
    return np.stack([t, np.exp(-t)], axis=1)


T = np.linspace(0.0, 2.0, 5)

CASES = (
    *(
        Case(f"scipy.optimize.{name}", bracketed(name), fixed(*PAIR), complex=True, tolerance=1e-11)
        for name in ("bisect", "brenth", "brentq", "toms748")
    ),
    Case(
        "scipy.optimize.root_scalar",
        lambda a, b: optimize.root_scalar(cubic, (a, b), bracket=(-4.0, 4.0), xtol=1e-12, rtol=1e-12).root,
        fixed(*PAIR),
        complex=True,
        tolerance=1e-11,
    ),
    Case(
        "scipy.optimize.newton",
        lambda a, b: optimize.newton(cubic, 1.5, slope, (a, b), tol=1e-14),
        fixed(*PAIR),
        complex=True,
        tolerance=1e-11,
    ),
    Case(
        "scipy.optimize.fixed_point",
        lambda a, b: optimize.fixed_point(
            lambda x: np.cos(x + np.real(b) * WIDE) / (2 + np.abs(a) * WIDE), 0.1, xtol=1e-14
        ),
        fixed(*PAIR),
        complex=True,
        tolerance=1e-11,
    ),
    Case(
        "scipy.optimize.fsolve",
        lambda a, b: optimize.fsolve(system, np.full(2, 0.5), (a, b), system_slopes, xtol=1e-12),
        fixed(*PAIRS),
        complex=True,
        tolerance=1e-11,
    ),
    Case(
        "scipy.optimize.root",
        lambda a, b: optimize.root(system, np.full(2, 0.5), (a, b), jac=system_slopes, tol=1e-12).x,
        fixed(*PAIRS),
        complex=True,
        tolerance=1e-11,
    ),
    Case(
        "scipy.optimize.minimize",
        lambda a, b: (
            optimize.minimize(
                distance, np.full(2, 0.5), (a, b), "trust-exact", distance_slope, distance_bend, options={"gtol": 1e-12}
            ).x
        ),
        fixed(*PAIRS),
        complex=True,
        tolerance=1e-10,
    ),
    Case(
        "scipy.optimize.minimize_scalar",
        lambda a, b: optimize.minimize_scalar(lambda x: cubic(x, a, b) ** 2, (-3.0, 3.0), tol=1e-12).x,
        fixed(*PAIR),
        complex=True,
        tolerance=1e-10,
    ),
    Case(
        "scipy.optimize.least_squares",
        lambda a, b: (
            optimize.least_squares(
                system, np.full(2, 0.5), system_slopes, args=(a, b), xtol=1e-15, ftol=1e-15, gtol=1e-15
            ).x
        ),
        fixed(*PAIRS),
        complex=True,
        tolerance=1e-10,
    ),
    Case(
        "scipy.optimize.curve_fit",
        lambda y: optimize.curve_fit(
            line_of, T, np.real(y) * WIDE, [1.0, 1.0], jac=line_slopes, ftol=1e-15, xtol=1e-15, gtol=1e-15
        ),
        fixed((REALS, (5,))),
        complex=True,
        tolerance=1e-9,
    ),
    # The second entry stands at a bound.
    Case(
        "scipy.optimize.nnls",
        in_double(lambda A, b: optimize.nnls(A + 2 * np.eye(3, 2), np.array([3.0, -3.0, 0.5]) + 0.2 * b)),
        fixed((UNIT_SQUARE, (3, 2)), (REALS, (3,))),
        tolerance=1e-10,
    ),
    Case(
        "scipy.optimize.lsq_linear",
        in_double(
            lambda A, b: (
                optimize.lsq_linear(
                    A + 2 * np.eye(3, 2), np.array([3.0, 30.0, 0.5]) + 0.2 * b, (-9.0, 2.5), tol=1e-14
                ).x
            )
        ),
        fixed((UNIT_SQUARE, (3, 2)), (REALS, (3,))),
        tolerance=1e-8,
    ),
)
