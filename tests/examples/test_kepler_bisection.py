import numpy as np
from examples.kepler_bisection import anomaly_without_newton, bisection, eccentric_anomaly, kepler, main
from numpy.testing import assert_allclose

from chainrule import check_gradient, grad, jvp, vectorize

e, M = 0.7, 2.5


def test_value_solves_keplers_equation():
    E = eccentric_anomaly(e, M)
    assert_allclose(E, anomaly_without_newton(e, M), atol=1e-11)
    assert abs(kepler(E, e, M)) < 1e-14


def test_gradient_is_the_implicit_functions():
    E = eccentric_anomaly(e, M)
    by_e, by_M = grad(eccentric_anomaly, (0, 1))(e, M)
    assert_allclose(by_e, np.sin(E) / (1 - e * np.cos(E)), rtol=1e-12)
    assert_allclose(by_M, 1 / (1 - e * np.cos(E)), rtol=1e-12)
    assert check_gradient(eccentric_anomaly, (e, M), wrt=("e", "M")).ok
    assert_allclose(jvp(lambda M: eccentric_anomaly(e, M), (M,), (1.0,))[1], by_M, rtol=1e-12)


def test_two_newton_steps_give_three_derivatives():
    E = eccentric_anomaly(e, M)
    slope = 1 - e * np.cos(E)
    second = grad(grad(eccentric_anomaly, 1), 1)
    assert_allclose(second(e, M), -e * np.sin(E) / slope**3, rtol=1e-10)
    third = -e * np.cos(E) / slope**4 + 3 * (e * np.sin(E)) ** 2 / slope**5
    assert_allclose(grad(second, 1)(e, M), third, rtol=1e-9)


def test_bisection_alone_has_the_derivative_of_its_bracket():
    assert grad(anomaly_without_newton, (0, 1))(e, M) == (0.0, 0.0)
    # A bracket that moves as its parameter does carries the root along, wherever the root really goes.
    moved = grad(lambda a: bisection(lambda x: x**2 - 2.0, a, a + 2.0))(0.5)
    assert_allclose(moved, 1.0)


def test_batch_is_the_loop():
    Ms = np.linspace(0.1, 6.0, 7)
    found = vectorize(grad(eccentric_anomaly, 1), (None, 0))(e, Ms)
    assert_allclose(found, [grad(eccentric_anomaly, 1)(e, M) for M in Ms], rtol=1e-13)


def test_main_in_small(capsys):
    main(places=5)
    assert "5 places in one batch" in capsys.readouterr().out
