import numpy as np
from examples.kalman_smoother import (
    GUESS,
    TRUTH,
    all_at_once,
    em_step,
    fitted,
    gradient_by_smoothing,
    kalman_filter,
    log_likelihood,
    log_likelihood_by_a_loop,
    main,
    observations,
    smoother,
)
from numpy.testing import assert_allclose

from chainrule import check_gradient, grad, jit

STATES, Y = observations(40, TRUTH, seed=3)


def test_smoothed_states_are_those_of_the_joint_density():
    means, covariances, _ = smoother(GUESS, Y)
    expected, variances = all_at_once(GUESS, Y)
    assert_allclose(means, expected, rtol=1e-9, atol=1e-12)
    assert_allclose(covariances, variances, rtol=1e-9, atol=1e-12)


def test_the_gradient_is_the_expected_gradient_of_the_whole():
    for theta in (GUESS, TRUTH):
        assert_allclose(grad(log_likelihood)(theta, Y), gradient_by_smoothing(theta, Y), rtol=1e-9)
    assert_allclose(log_likelihood(GUESS, Y), log_likelihood_by_a_loop(GUESS, Y), rtol=1e-12)
    assert check_gradient(log_likelihood, (GUESS, Y), wrt=("theta", "y")).ok


def test_compiled_it_is_the_same_and_all_of_it_native():
    compiled = jit(grad(log_likelihood))
    assert_allclose(compiled(GUESS, Y), grad(log_likelihood)(GUESS, Y), rtol=1e-9)
    assert not compiled.stages().through_numpy


def test_em_rests_where_the_likelihood_is_largest():
    fit = fitted(Y)
    assert_allclose(em_step(fit.x, Y), fit.x, atol=1e-4)
    assert -fit.fun > log_likelihood(TRUTH, Y)


def test_smoothing_knows_more_than_filtering():
    _, covariances, _ = smoother(TRUTH, Y)
    filtered = kalman_filter(TRUTH, Y).covariance
    assert np.all(np.trace(covariances[:-1], axis1=1, axis2=2) < np.trace(filtered[:-1], axis1=1, axis2=2))
    assert_allclose(covariances[-1], filtered[-1])


def test_main_in_small(capsys):
    main(n=30)
    told = capsys.readouterr().out
    assert "most likely" in told
    assert "finite differences" in told
