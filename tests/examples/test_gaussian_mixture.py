import numpy as np
import pytest
from examples.gaussian_mixture import (
    Mixture,
    expectation_and_maximisation,
    guess,
    log_joint,
    main,
    moments,
    negative_log_likelihood,
    observations,
)
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import chainrule
from chainrule import check_gradient

X = observations(40)


def anywhere(k=2):
    rng = np.random.default_rng(1)
    return Mixture(rng.normal(size=k), rng.normal(size=(k, 2)), 0.5 * rng.normal(size=(k, 2, 2)))


def test_density():
    mixture = anywhere()
    weights, means, covariances = moments(mixture)
    parts = [
        np.log(weight) + multivariate_normal(mean, covariance).logpdf(X)
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    assert_allclose(log_joint(mixture, X), np.transpose(parts), rtol=1e-10)
    assert_allclose(negative_log_likelihood(mixture, X), -np.mean(logsumexp(parts, axis=0)), rtol=1e-12)


def test_gradient():
    assert check_gradient(negative_log_likelihood, (anywhere(), X)).ok


def test_the_upper_triangle_is_idle():
    gradient = chainrule.grad(negative_log_likelihood)(anywhere(), X)
    assert_allclose(np.triu(gradient.factors, 1), 0)
    # What the logits have in common does not matter.
    assert np.sum(gradient.logits) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_fit_is_a_fixed_point_of_em(compiled):
    x = observations(150)
    fit = chainrule.minimize(
        negative_log_likelihood, guess(x, 3), (x,), "L-BFGS-B", options={"gtol": 1e-8, "ftol": 1e-15}, compiled=compiled
    )
    assert type(fit.x) is Mixture
    found = moments(fit.x)
    for now, following in zip(found, expectation_and_maximisation(fit.x, x), strict=True):
        assert_allclose(following, now, atol=1e-5)
    assert_allclose(np.sort(found[0]), [0.2, 0.3, 0.5], atol=0.1)


def test_main_in_small(capsys):
    main(n=60, k=2)
    told = capsys.readouterr().out
    assert "a step of EM moves weights by" in told
    assert "by finite differences" in told
