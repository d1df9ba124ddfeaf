import numpy as np
import pytest
from examples.gaussian_process import (
    gradient_in_closed_form,
    guess,
    main,
    negative_log_likelihood,
    observations,
    predict,
    scikit_learns_fit,
    truth,
)
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

import chainrule
from chainrule import grad, hessian, hvp, jit

X, Y = observations(25)


def test_likelihood_is_the_normal_density():
    from examples.gaussian_process import covariance

    expected = -multivariate_normal(np.zeros(25), covariance(guess(), X)).logpdf(Y)
    assert_allclose(negative_log_likelihood(guess(), X, Y), expected, rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_gradient_in_closed_form(compiled):
    slope = jit(grad(negative_log_likelihood)) if compiled else grad(negative_log_likelihood)
    found, wanted = slope(guess(), X, Y), gradient_in_closed_form(guess(), X, Y)
    for name in wanted:
        assert_allclose(found[name], wanted[name], rtol=1e-9)


def test_second_derivatives():
    blocks = hessian(negative_log_likelihood)(guess(), X, Y)
    along = hvp(negative_log_likelihood)(
        guess(), X, Y, {"log_amplitude": 1.0, "log_lengths": np.zeros(3), "log_noise": 0.0}
    )
    assert_allclose(blocks["log_lengths"]["log_amplitude"], along["log_lengths"], rtol=1e-9)
    assert_allclose(blocks["log_noise"]["log_amplitude"], blocks["log_amplitude"]["log_noise"], rtol=1e-9)


def test_the_fit_is_scikit_learns():
    x, y = observations(60)
    fit = chainrule.minimize(negative_log_likelihood, guess(), (x, y), "L-BFGS-B")
    theirs = scikit_learns_fit(x, y)
    assert fit.fun == pytest.approx(-theirs.log_marginal_likelihood_value_, abs=1e-3)
    assert_allclose(2 * fit.x["log_noise"], theirs.kernel_.theta[-1], atol=0.02)
    # The third input does not matter.
    assert fit.x["log_lengths"][2] > np.log(10)
    mean, deviation = predict(fit.x, x, y, x)
    theirs_mean, _ = theirs.predict(x, return_std=True)
    assert_allclose(mean, theirs_mean, atol=2e-3)
    assert np.all(deviation < 0.2)
    assert np.sqrt(np.mean((mean - truth(x)) ** 2)) < 0.1


def test_main_in_small(capsys):
    main(n=25)
    told = capsys.readouterr().out
    assert "scikit-learn: - log p(y)" in told
    assert "by finite differences" in told
