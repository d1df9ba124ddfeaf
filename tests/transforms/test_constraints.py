"""Minima under constraints: derivatives by the equations of Karush, Kuhn and Tucker."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize
from scipy.sparse import csr_array

import chainrule
from chainrule import grad, jacobian, jit, vectorize
from chainrule.errors import SolutionError, TraceError

A = np.array([1.0, 2.0])

#: x0 + x1 at most b, in the forms that SciPy takes.
FORMS = {
    "a dict": lambda b: {"type": "ineq", "fun": lambda x, b: b - x[0] - x[1], "args": (b,)},
    "a list": lambda b: [
        {"type": "ineq", "fun": lambda x: b - x[0] - x[1]},
        {"type": "ineq", "fun": lambda x: 100.0 - x**2},
    ],
    "an object": lambda b: optimize.NonlinearConstraint(
        lambda x: [x[0] + x[1] - b, x[0]], [-np.inf, -50.0], [0.0, np.inf]
    ),
}


def nearest(a, b, form, **how):
    """The point nearest to `a` with x0 + x1 <= b: the projection on the line where that is beyond it."""
    return optimize.minimize(lambda x: np.sum((x - a) ** 2), [0.0, 0.0], constraints=FORMS[form](b), **how).x


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["SLSQP", "COBYQA"])
def test_inequalities_that_are_active_or_not(form, method):
    by_a, by_b = jacobian(lambda a, b: nearest(a, b, form, method=method), (0, 1))(A, 1.0)
    np.testing.assert_allclose(by_a, [[0.5, -0.5], [-0.5, 0.5]], atol=1e-10)
    np.testing.assert_allclose(by_b, [0.5, 0.5], atol=1e-10)
    by_a, by_b = jacobian(lambda a, b: nearest(a, b, form, method=method), (0, 1))(A, 5.0)
    np.testing.assert_allclose(by_a, np.eye(2), atol=1e-10)
    np.testing.assert_allclose(by_b, [0.0, 0.0], atol=1e-10)


@pytest.mark.parametrize("matrix", [np.ones((1, 2)), csr_array(np.ones((1, 2)))])
def test_linear_constraints(matrix):
    line = optimize.LinearConstraint(matrix, 1.0, 1.0)

    def solved(a):
        return optimize.minimize(lambda x: np.sum((x - a) ** 2), [0.0, 0.0], constraints=line).x

    np.testing.assert_allclose(jacobian(solved)(A), [[0.5, -0.5], [-0.5, 0.5]], atol=1e-12)


def test_an_equation_to_second_order():
    def solved(r):  # of x0 + 2 x1 on a circle
        circle = {"type": "eq", "fun": lambda x: x @ x - r**2}
        return optimize.minimize(lambda x: x[0] + 2 * x[1], [-1.0, -1.0], constraints=circle)

    direction = -np.array([1.0, 2.0]) / np.sqrt(5)
    np.testing.assert_allclose(jacobian(lambda r: solved(r).x)(2.0), direction, rtol=1e-10)
    np.testing.assert_allclose(jit(jacobian(lambda r: solved(r).x))(2.0), direction, rtol=1e-10)
    np.testing.assert_allclose(jacobian(lambda r: solved(r**2).x)(2.0), 4 * direction, rtol=1e-10)
    np.testing.assert_allclose(jacobian(jacobian(lambda r: solved(r**2).x))(2.0), 2 * direction, rtol=1e-9)
    # The multiplier of the constraint: the least value falls by sqrt(5) for each unit of r.
    assert grad(lambda r: solved(r).fun)(2.0) == pytest.approx(-np.sqrt(5))


def test_a_portfolio():
    """Mean and variance, with weights between 0 and 1 that sum to 1; one of them is 0."""
    S = np.array([[0.1, 0.02, 0.01], [0.02, 0.2, 0.03], [0.01, 0.03, 0.3]])

    def weights(mu, aversion):
        return optimize.minimize(
            lambda w: aversion / 2 * w @ S @ w - mu @ w,
            np.full(3, 1 / 3),
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda w: np.sum(w) - 1},
            options={"ftol": 1e-12},
        ).x

    def closed(mu, aversion):
        """The same with the second weight fixed at 0."""
        ones, inner, m = np.ones(2), S[::2, ::2], mu[::2]
        left = np.concatenate([aversion * inner, -np.ones((1, 2))]), np.array([1.0, 1.0, 0.0])
        system = np.concatenate([left[0], left[1][:, None]], axis=1)
        return np.linalg.solve(system, np.append(m, -ones[0]))[:2]

    mu = np.array([0.1, 0.0, 0.3])
    np.testing.assert_allclose(weights(mu, 2.0)[::2], closed(mu, 2.0), atol=1e-6)
    for wrt in (0, 1):
        J, wanted = jacobian(weights, wrt)(mu, 2.0), jacobian(closed, wrt)(mu, 2.0)
        np.testing.assert_allclose(J[::2], wanted, atol=1e-10)
        np.testing.assert_allclose(J[1], 0, atol=1e-10)
    many = vectorize(grad(lambda mu: weights(mu, 2.0)[0]))(np.stack([mu, mu * 1.1]))
    np.testing.assert_allclose(many[0], jacobian(weights)(mu, 2.0)[0], atol=1e-12)


def test_errors():
    def under(constraints, **how):
        return lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), A, constraints=constraints, **how).x

    # The same constraint twice has no multipliers of its own.
    twice = {"type": "eq", "fun": lambda x: [x[0] + x[1] - 1, x[0] + x[1] - 1]}
    with pytest.raises(SolutionError, match="singular"):
        jacobian(under(twice, method="COBYQA"))(A)
    apart = [{"type": "eq", "fun": lambda x: x[0]}, {"type": "eq", "fun": lambda x: x[0] - 1}]
    with pytest.raises(SolutionError, match="no solution was found"):
        jacobian(under(apart))(A)
    with pytest.raises(ValueError, match="'eq' or 'ineq'"):
        jacobian(under([{"type": "le"}]))(A)
    with pytest.raises(TraceError, match="constraints= with the method bfgs"):
        jacobian(lambda a: nearest(a, 1.0, "a dict", method="BFGS"))(A)


def test_the_value_is_scipys():
    seen = []
    jacobian(lambda a: seen.append(nearest(a, 1.0, "a dict")) or seen[0])(A)
    np.testing.assert_allclose(chainrule.value(seen[0]), nearest(A, 1.0, "a dict"), atol=1e-6)


def test_linear_least_squares_between_bounds():
    rng = np.random.default_rng(0)
    M, b = rng.normal(size=(6, 4)), rng.normal(size=6)
    free = np.flatnonzero(optimize.nnls(M, b)[0])
    assert 0 < len(free) < 4

    def expected(M, b):
        x = np.linalg.lstsq(M[:, free], b)[0]
        return np.sum(np.sin(x)) + np.linalg.norm(M[:, free] @ x - b)

    def by_nnls(M, b):
        x, left = optimize.nnls(M, b)
        return np.sum(np.sin(x)) + left

    def by_lsq_linear(M, b):
        found = optimize.lsq_linear(M, b, optimize.Bounds(0.0, np.inf), tol=1e-14)
        return np.sum(np.sin(found.x)) + np.sqrt(2 * found.cost)

    for f in (by_nnls, by_lsq_linear):
        for k in (0, 1):
            assert_allclose(grad(f, k)(M, b), grad(expected, k)(M, b), atol=1e-6)
            assert_allclose(jit(grad(f, k))(M, b), grad(expected, k)(M, b), atol=1e-6)
    with pytest.raises(TraceError, match="nnls: a sparse matrix or LinearOperator as A is not followed"):
        grad(lambda b: np.sum(optimize.nnls(csr_array(M), b)[0]))(b)
    with pytest.raises(ValueError, match=r"nnls: A of shape \(6, 4\) and b of shape \(5,\)"):
        grad(lambda b: np.sum(optimize.nnls(M, b)[0]))(b[:5])
