import numpy as np
import pytest
from examples.nested_optimisation import answer, example_market, leader, leaders_profit, main
from numpy.testing import assert_allclose

from chainrule import check_gradient, grad, hessian, jacobian


@pytest.fixture
def market():
    return example_market(3)


def test_optima_in_closed_form(market):
    alone = np.linalg.solve(market.B, market.margins)
    q = leader(market, 40, 40)
    assert_allclose(q, alone / 2, rtol=1e-7)
    assert_allclose(answer(q, market, 40), alone / 4, rtol=1e-7)


def test_follower_gives_way_by_half(market):
    assert_allclose(jacobian(answer)(np.ones(3), market, 60), -np.eye(3) / 2, atol=1e-12)


def test_second_derivatives_through_the_inner_descent(market):
    # With f(q) in it the leader's profit is q . (margins - B q) / 2.
    q = np.array([1.0, 2.0, 3.0])
    assert_allclose(grad(leaders_profit)(q, market, 60), market.margins / 2 - market.B @ q, rtol=1e-10)
    assert_allclose(hessian(leaders_profit)(q, market, 60), -market.B, rtol=1e-10)
    assert check_gradient(leaders_profit, (q, market, 5)).ok


def test_gradient_by_the_market_itself(market):
    # The derivative by the margins goes through both descents: q* and f* are linear in them.
    J = jacobian(lambda margins: leader(type(market)(margins, market.B), 40, 40))(market.margins)
    assert_allclose(J, np.linalg.inv(market.B) / 2, atol=1e-6)


def test_main_in_small(capsys):
    main(n=2, outer=30, inner=30)
    assert "in closed form" in capsys.readouterr().out
