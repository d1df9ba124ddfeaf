import numpy as np
import pytest
from examples.poisson_regression import main, negative_log_likelihood, observations, rates, reweighted_least_squares
from numpy.testing import assert_allclose
from scipy.special import gammaln

import chainrule
from chainrule.bridges import ScipyFunction

DATA = observations(200, 3)
START = {"level": 0.0, "slopes": np.zeros(3)}


def test_likelihood():
    x, exposure, counts = DATA
    p = {"level": 0.2, "slopes": np.array([0.5, -0.1, 0.0])}
    mu = rates(p, x, exposure)
    expected = -np.sum(counts * np.log(mu) - mu - gammaln(counts + 1))
    assert_allclose(negative_log_likelihood(p, *DATA), expected, rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_gradient_and_hessian_in_closed_form(compiled):
    """Sums of residuals, and X' W X."""
    x, exposure, counts = DATA
    problem = ScipyFunction(negative_log_likelihood, START, DATA, compiled=compiled)
    X = np.column_stack([np.ones(len(x)), x])
    mu = rates(START, x, exposure)
    information = X.T @ (mu[:, None] * X)
    assert_allclose(problem.jac(problem.x0), X.T @ (mu - counts), rtol=1e-10, atol=1e-10)
    assert_allclose(problem.hess(problem.x0), information, rtol=1e-10)
    p = np.arange(4.0)
    assert_allclose(problem.hessp(problem.x0, p), information @ p, rtol=1e-10)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-exact"])
def test_the_fit_is_that_of_reweighted_least_squares(method):
    fit = chainrule.minimize(negative_log_likelihood, START, DATA, method, tol=1e-9)
    found, information = reweighted_least_squares(*DATA)
    assert_allclose([fit.x["level"], *fit.x["slopes"]], found, atol=1e-7)
    problem = ScipyFunction(negative_log_likelihood, fit.x, DATA)
    assert_allclose(problem.hess(problem.x0), information, rtol=1e-6)


def test_main_in_small(capsys):
    main(n=100, inputs=3)
    told = capsys.readouterr().out
    assert "standard errors: largest difference" in told
    assert "by finite differences" in told
