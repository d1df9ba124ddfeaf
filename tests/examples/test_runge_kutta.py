import pytest
from examples.runge_kutta import (
    RATES,
    START,
    invariant,
    lotka_volterra,
    main,
    mismatch,
    rk4_step,
    solve_by_loop,
    solve_by_scan,
)
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from chainrule import check_gradient, grad, hessian, jacobian


def test_loop_and_scan_are_the_same_numbers():
    assert_allclose(solve_by_scan(RATES, 30, 0.05), solve_by_loop(RATES, 30, 0.05), rtol=1e-14)
    by_loop = jacobian(solve_by_loop)(RATES, 30, 0.05)
    assert_allclose(jacobian(solve_by_scan)(RATES, 30, 0.05), by_loop, rtol=1e-11, atol=1e-12)


def test_loop_and_scan_to_second_order():
    observed = solve_by_loop(RATES * 1.1, 20, 0.05)[4::5]
    hessians = [hessian(mismatch)(RATES, observed, 5, 0.05, solve) for solve in (solve_by_loop, solve_by_scan)]
    assert_allclose(hessians[1], hessians[0], rtol=1e-9, atol=1e-9)


def test_solution_is_scipys():
    ys = solve_by_scan(RATES, 200, 0.05)
    exact = solve_ivp(lambda _, y: lotka_volterra(y, RATES), (0, 10), START, rtol=1e-11, atol=1e-11).y[:, -1]
    assert_allclose(ys[-1], exact, rtol=1e-6)


def test_fourth_order():
    drifts = []
    for steps in (200, 400):
        ys = solve_by_loop(RATES, steps, 10 / steps)
        drifts.append(abs(invariant(ys[-1], RATES) - invariant(START, RATES)))
    assert drifts[0] / drifts[1] > 15


def test_derivative_by_the_start_of_a_linear_equation():
    # y' = a y: the derivative of a step by y is the polynomial of degree 4 of exp(a h).
    a, h = -0.7, 0.3
    slope = grad(lambda y: rk4_step(lambda y: a * y, y, h))(1.0)
    assert_allclose(slope, sum((a * h) ** k / [1, 1, 2, 6, 24][k] for k in range(5)), rtol=1e-14)


@pytest.mark.parametrize("solve", [solve_by_loop, solve_by_scan])
def test_gradient_against_differences(solve):
    observed = solve_by_loop(RATES * 1.05, 20, 0.05)[4::5]
    assert check_gradient(lambda r: mismatch(r, observed, 5, 0.05, solve), RATES).ok


def test_main_in_small(capsys):
    main(years=5, every=10)
    told = capsys.readouterr().out
    assert "gradient check: passed" in told
    assert "fitted rates" in told
