import numpy as np
from examples.kalman_filter import (
    DT,
    F,
    G,
    H,
    Noise,
    kalman_filter,
    log_likelihood,
    log_likelihood_at_once,
    main,
    observations,
)
from numpy.testing import assert_allclose

from chainrule import check_gradient, hessian, value_and_grad

NOISE = Noise(np.log(0.7), np.log(0.3))
Y = observations(15, NOISE, seed=3)


def test_likelihood_and_gradient_are_those_of_the_joint_density():
    value, gradient = value_and_grad(log_likelihood)(NOISE, Y)
    expected, closed = log_likelihood_at_once(NOISE, Y)
    assert_allclose(value, expected, rtol=1e-11)
    assert_allclose(gradient.push, closed.push, rtol=1e-9)
    assert_allclose(gradient.observation, closed.observation, rtol=1e-9)


def test_gradient_by_the_observations_too():
    assert check_gradient(log_likelihood, (NOISE, Y), wrt=("noise", "y")).ok


def test_second_derivatives_are_symmetric():
    def f(theta):
        return log_likelihood(Noise(theta[0], theta[1]), Y)

    M = hessian(f)(np.array([NOISE.push, NOISE.observation]))
    assert_allclose(M[0, 1], M[1, 0], rtol=1e-9)


def test_filter_settles():
    # The covariance of the prediction solves the Riccati equation in the limit.
    P = kalman_filter(NOISE, np.zeros(600))[1][-1]
    ahead = F @ P @ F.T + np.exp(2 * NOISE.push) * G
    gain = ahead @ H / (H @ ahead @ H + np.exp(2 * NOISE.observation))
    assert_allclose(ahead - np.outer(gain, H @ ahead), P, rtol=1e-8)
    assert P[0, 0] < np.exp(2 * NOISE.observation)
    assert DT > 0


def test_main_in_small(capsys):
    main(n=40)
    told = capsys.readouterr().out
    assert "gradient check: passed" in told
    assert "most likely" in told
