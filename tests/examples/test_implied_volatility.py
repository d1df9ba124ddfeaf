import numpy as np
from examples.implied_volatility import call_price, implied_volatility, main, square_root, vega
from numpy.testing import assert_allclose

from chainrule import check_gradient, grad

S, K, r, T = 100.0, 95.0, 0.03, 0.5


def test_inverts_the_price():
    assert_allclose(implied_volatility(call_price(0.27, S, K, r, T), S, K, r, T), 0.27, rtol=1e-12)


def test_vega_in_closed_form():
    d = (np.log(S / K) + (r + 0.27**2 / 2) * T) / (0.27 * np.sqrt(T))
    density = np.exp(-(d**2) / 2) / np.sqrt(2 * np.pi)
    assert_allclose(vega(0.27, S, K, r, T), S * density * np.sqrt(T), rtol=1e-12)


def test_derivatives_are_the_implicit_functions():
    price = call_price(0.27, S, K, r, T)
    by_price, by_S = grad(implied_volatility, ("price", "S"))(price, S, K, r, T)
    slope, delta = grad(call_price, ("volatility", "S"))(0.27, S, K, r, T)
    assert_allclose(by_price, 1 / slope, rtol=1e-10)
    assert_allclose(by_S, -delta / slope, rtol=1e-10)
    assert check_gradient(implied_volatility, (price, S, K, r, T), wrt=("price", "S", "r", "T")).ok


def test_second_derivative_is_the_inverse_functions():
    price = call_price(0.27, S, K, r, T)
    second = grad(grad(implied_volatility))(price, S, K, r, T)
    slope, bend = vega(0.27, S, K, r, T), grad(vega)(0.27, S, K, r, T)
    assert_allclose(second, -bend / slope**3, rtol=1e-8)


def test_square_root():
    assert_allclose(square_root(2.0), np.sqrt(2), rtol=1e-14)
    assert_allclose(grad(square_root)(2.0), 0.5 * 2**-0.5, rtol=1e-12)
    assert_allclose(grad(grad(square_root))(2.0), -0.25 * 2**-1.5, rtol=1e-8)


def test_main_in_small(capsys):
    main(strikes=2)
    assert "gradient check: passed" in capsys.readouterr().out
