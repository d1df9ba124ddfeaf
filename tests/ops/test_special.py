"""Functions of scipy.special where their derivatives are large, cancel, or meet a pole."""

import numpy as np
import pytest
import scipy.special

from chainrule import NoDerivativeError, TraceError, elementwise_grad, grad, vjp


def test_derivatives_of_the_logarithm_of_gamma_are_the_polygamma_functions():
    x = np.array([0.1, 1.0, 2.5, 40.0, 1e6, -0.5, -1.7])
    f = scipy.special.gammaln
    for n in range(4):
        f = elementwise_grad(f)
        np.testing.assert_allclose(f(x), scipy.special.polygamma(n, x), rtol=1e-12)


def test_polygamma_of_several_orders():
    n, x = np.array([0, 1, 2]), np.array([0.5, 1.5, 2.5])
    found = elementwise_grad(lambda x: scipy.special.polygamma(n, x))(x)
    np.testing.assert_allclose(found, scipy.special.polygamma(n + 1, x), rtol=1e-13)
    np.testing.assert_allclose(
        grad(lambda x: scipy.special.zeta(3, x))(0.5), -3 * scipy.special.zeta(4, 0.5), rtol=1e-14
    )


def test_the_zeta_function_by_its_order():
    """Riemann's has the derivative -0.9375482543158437... at 2, and 1.98928023429890102... the second time."""
    f = grad(lambda x: scipy.special.zeta(x, 1.0))
    np.testing.assert_allclose(f(2.0), -0.93754825431584375, rtol=1e-15)
    np.testing.assert_allclose(grad(f)(2.0), 1.98928023429890102, rtol=1e-15)
    # By the sum alone, where it converges.
    x, q = np.array([30.0, 60.0]), np.array([0.1, 3.0])
    k = q[:, None] + np.arange(60)
    np.testing.assert_allclose(
        elementwise_grad(scipy.special.zeta)(x, q), -np.sum(np.log(k) * k ** -x[:, None], axis=1), rtol=1e-14
    )


@pytest.mark.parametrize("name", ["gamma", "rgamma", "loggamma"])
def test_of_complex_numbers_the_gamma_function_has_a_first_derivative(name):
    f = getattr(scipy.special, name)
    z, h = np.array([0.3 + 0.2j, -1.5 + 0.1j, 2.0 - 1.0j]), 1e-4
    expected = (8 * (f(z + h) - f(z - h)) - (f(z + 2 * h) - f(z - 2 * h))) / (12 * h)
    found = vjp(f, z)[1](np.ones(3, complex))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_one_over_gamma_of_complex_numbers_at_its_zeros():
    z = np.array([0.0, -1.0, -2.0, -3.0])
    found = vjp(scipy.special.rgamma, z + 0j)[1](np.ones(4, complex))[0]
    np.testing.assert_allclose(found, [1.0, -1.0, 2.0, -6.0], atol=1e-13)


def test_no_derivative_for_complex_numbers():
    """Of exp(-|Re z|), which scales the function, there is none by z."""
    with pytest.raises(NoDerivativeError, match="complex numbers"):
        vjp(lambda z: scipy.special.ive(1.5, z), np.array([0.3 + 0.2j]))[1](np.ones(1, complex))


@pytest.mark.parametrize("f", [lambda x: scipy.special.polygamma(x, 0.5), scipy.special.zeta])
def test_no_derivative_by_an_order(f):
    with pytest.raises(TraceError, match=r"polygamma|zeta"):
        grad(f)(1.5)


def test_the_left_tail_of_the_normal_distribution():
    """phi / Phi = -x + 1 / -x + O(x^-3) (Mills's ratio), of which the derivative is -1 + 1 / x^2."""
    x = np.array([-1e8, -1e6, -1e4])
    slope = elementwise_grad(scipy.special.log_ndtr)
    np.testing.assert_allclose(slope(x), -x - 1 / x, rtol=1e-14)
    np.testing.assert_allclose(elementwise_grad(slope)(x), -1 + 1 / x**2, rtol=1e-8)


def test_the_right_tail_of_the_normal_distribution():
    x = np.array([0.0, 5.0, 40.0, 1e6])
    slope = elementwise_grad(scipy.special.log_ndtr)
    density = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(slope(x), density / scipy.special.ndtr(x), rtol=1e-14)
    np.testing.assert_allclose(elementwise_grad(slope)(x[1:]), -x[1:] * density[1:], rtol=1e-5)


def test_erfcx_far_out():
    """It goes as 1 / (x sqrt(pi)); 2 x erfcx(x) - 2 / sqrt(pi), as it stands, has no digits there."""
    x = np.array([900.0, 1100.0, 1e5, 1e9])
    np.testing.assert_allclose(
        elementwise_grad(scipy.special.erfcx)(x), -1 / (np.sqrt(np.pi) * x**2) * (1 - 1.5 / x**2), rtol=1e-9
    )


def test_bessel_functions_at_zero():
    """I0 = 1 + x^2 / 4 + x^4 / 64 and I1 = x / 2 + x^3 / 16: their derivatives at 0 are known."""
    f, found = scipy.special.i0, []
    for _ in range(4):
        f = grad(f)
        found.append(f(0.0))
    np.testing.assert_allclose(found, [0, 1 / 2, 0, 3 / 8], rtol=1e-15)


def test_products_with_a_logarithm_at_zero():
    np.testing.assert_array_equal(grad(scipy.special.xlog1py, (0, 1))(0.0, 2.0), (np.log(3.0), 0.0))
    assert grad(scipy.special.xlog1py, 1)(0.0, -1.0) == 0.0
    assert grad(lambda x: grad(scipy.special.xlog1py, 1)(x, 1.0))(0.0) == 0.5
