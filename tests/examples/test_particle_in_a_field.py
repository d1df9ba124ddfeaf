import numpy as np
import pytest
from examples.particle_in_a_field import distance_to, end, energy, fly, force, main
from numpy.testing import assert_allclose

from chainrule import check_gradient, grad, jacobian, jvp

START = np.array([0.0, 0.1, 0.4, 0.0])
W = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])


def test_force_in_closed_form():
    x, y = 0.3, -0.2
    assert_allclose(force(np.array([x, y])), [-x - 2 * x * y, -y - x**2 + y**2], rtol=1e-14)


def test_energy_is_kept_to_second_order():
    drifts = [max(abs(energy(s) - energy(START)) for s in fly(START, n, 5 / n)) for n in (50, 100)]
    assert drifts[0] < 1e-3
    assert_allclose(drifts[0] / drifts[1], 4, rtol=0.05)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_symplectic(mode):
    J = jacobian(end, mode=mode)(START, 30, 0.05)
    assert_allclose(J.T @ W @ J, W, atol=1e-13)
    assert_allclose(np.linalg.det(J), 1, rtol=1e-12)


def test_flight_can_be_reversed():
    last = end(START, 30, 0.05)
    back = end(last * [1, 1, -1, -1], 30, 0.05)
    assert_allclose(back * [1, 1, -1, -1], START, atol=1e-14)


def test_gradient_of_the_end_by_the_start():
    target = np.array([0.1, 0.1])
    assert check_gradient(lambda s: distance_to(target, s, 20, 0.05), START).ok
    G = grad(lambda s: distance_to(target, s, 20, 0.05))(START)
    _, slope = jvp(lambda s: distance_to(target, s, 20, 0.05), (START,), (np.ones(4),))
    assert_allclose(slope, np.sum(G), rtol=1e-10)


def test_the_callers_start_is_left_alone():
    start = START.copy()
    grad(lambda s: np.sum(end(s, 3, 0.05)))(start)
    fly(start, 3, 0.05)
    assert_allclose(start, START)


def test_main_in_small(capsys):
    main(steps=20)
    assert "gradient check: passed" in capsys.readouterr().out
