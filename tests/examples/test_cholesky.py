import numpy as np
import pytest
from examples.cholesky import (
    cholesky,
    covariance,
    gradient_in_closed_form,
    log_determinant,
    log_likelihood,
    main,
    observations,
)
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from chainrule import check_gradient, grad, hessian


@pytest.fixture
def theta():
    return np.log([1.0, 0.5, 0.3])


def test_factor_is_numpys(theta):
    K = covariance(theta, observations(8)[0])
    assert_allclose(cholesky(K), np.linalg.cholesky(K), atol=1e-14)


def test_gradient_of_log_determinant_is_the_inverse(theta):
    K = covariance(theta, observations(8)[0])
    G = grad(log_determinant)(K)
    assert_allclose(np.triu(G, 1), 0)
    assert_allclose((G + G.T) / 2, np.linalg.inv(K), rtol=1e-10, atol=1e-12)


def test_likelihood_is_the_normal_density(theta):
    x, y = observations(8)
    expected = multivariate_normal(np.zeros(8), covariance(theta, x)).logpdf(y)
    assert_allclose(log_likelihood(theta, x, y), expected, rtol=1e-12)


def test_gradient_of_likelihood_in_closed_form(theta):
    x, y = observations(8)
    assert_allclose(grad(log_likelihood)(theta, x, y), gradient_in_closed_form(theta, x, y), rtol=1e-10)


def test_second_derivatives(theta):
    x, y = observations(6)
    H = hessian(log_likelihood)(theta, x, y)
    assert_allclose(H, H.T, rtol=1e-9)
    assert check_gradient(lambda t: grad(log_likelihood)(t, x, y) @ np.arange(1.0, 4), theta).ok


def test_float32_stays_float32(theta):
    x, y = (part.astype(np.float32) for part in observations(6))
    G = grad(log_likelihood)(theta.astype(np.float32), x, y)
    assert G.dtype == np.float32
    assert_allclose(G, grad(log_likelihood)(theta, *observations(6)), rtol=1e-2)


def test_main_in_small(capsys):
    main(n=12)
    told = capsys.readouterr().out
    assert "gradient check: passed" in told
    assert "most likely" in told
