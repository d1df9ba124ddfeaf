"""The stated rules: shared ties, kinks, zero stays zero and its price, forms that do not overflow."""

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import chainrule
from chainrule import grad, value_and_grad, vjp
from chainrule.ops.elementwise import relu, root


def pulled(f, *args):
    """Gradients of the sum of the results."""
    value, pull_back = vjp(f, *args)
    return pull_back(np.ones(np.shape(value)))


# Ties.

TIES = {
    "np.maximum": np.maximum,
    "np.minimum": np.minimum,
    "np.fmax": np.fmax,
    "np.fmin": np.fmin,
}


@pytest.mark.parametrize("name", TIES)
def test_a_tie_of_two_is_shared_evenly(name):
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 4.0])
    dx, dy = pulled(TIES[name], x, y)
    larger = name in ("np.maximum", "np.fmax")
    np.testing.assert_array_equal(dx, [0.5, 1.0, 0.0] if larger else [0.5, 0.0, 1.0])
    np.testing.assert_array_equal(dx + dy, np.ones(3))


@pytest.mark.parametrize("name", TIES)
def test_a_tie_with_a_number_is_shared_evenly(name):
    assert grad(lambda x: TIES[name](x, 0.0))(0.0) == 0.5
    assert grad(lambda x: TIES[name](x, x))(3.0) == 1.0


@pytest.mark.parametrize("name", ["np.fmax", "np.fmin"])
def test_a_number_wins_against_nan(name):
    dx, dy = pulled(TIES[name], np.array([1.0, np.nan]), np.array([np.nan, 2.0]))
    np.testing.assert_array_equal(dx, [1.0, 0.0])
    np.testing.assert_array_equal(dy, [0.0, 1.0])


@pytest.mark.parametrize(
    "largest", [np.max, np.amax, lambda x, **axis: x.max(**axis), lambda x, **axis: -np.min(-x, **axis)]
)
def test_ties_of_a_maximum_are_shared_evenly(largest):
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_array_equal(grad(largest)(x), [[0, 0.5, 0.5], [0, 0, 0]])
    np.testing.assert_allclose(pulled(lambda x: largest(x, axis=1), x)[0], [[0, 0.5, 0.5], [1 / 3] * 3], rtol=1e-15)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_the_shares_of_a_maximum_add_up_to_one(entries):
    x = np.array(entries, float)
    np.testing.assert_allclose(np.sum(grad(np.max)(x)), 1.0, rtol=1e-15)
    np.testing.assert_allclose(np.sum(grad(np.min)(x.astype(np.float32))), 1.0, rtol=1e-6)


def test_clip_shares_at_its_bounds():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(pulled(lambda x: np.clip(x, 0.0, 1.0), x)[0], [0.0, 0.5, 1.0, 0.5, 0.0])
    dx, low, high = pulled(np.clip, x, np.zeros(5), np.ones(5))
    np.testing.assert_array_equal(dx + low + high, np.ones(5))
    np.testing.assert_array_equal(low, [1.0, 0.5, 0.0, 0.0, 0.0])


def test_sort_gives_each_entry_its_own_place_at_ties():
    x = np.array([2.0, 1.0, 2.0, 1.0])
    g = np.array([1.0, 2.0, 4.0, 8.0])
    (dx,) = vjp(lambda x: np.sort(x, stable=True), x)[1](g)
    np.testing.assert_array_equal(dx, [4.0, 1.0, 8.0, 2.0])


# Kinks with derivative 0.


@pytest.mark.parametrize("zero", [0.0, -0.0, np.float64(0), np.float32(0)])
@pytest.mark.parametrize("f", [abs, np.abs, np.fabs, relu, root, lambda x: np.hypot(x, 0 * x)])
def test_zero_at_the_kink(f, zero):
    g = grad(f)(zero)
    assert g == 0
    assert np.asarray(g).dtype == np.asarray(zero).dtype


def test_relu():
    x = np.array([-np.inf, -1.0, 0.0, 2.0, np.inf])
    np.testing.assert_array_equal(relu(x), np.maximum(x, 0))
    np.testing.assert_array_equal(pulled(relu, x)[0], [0, 0, 0, 1, 1])


NORMS = {
    "2": np.linalg.norm,
    "2 by rows": lambda x: np.sum(np.linalg.norm(x, axis=1)),
    "1": lambda x: np.linalg.norm(np.ravel(x), 1),
    "3": lambda x: np.linalg.norm(np.ravel(x), 3),
    "1.5": lambda x: np.linalg.norm(np.ravel(x), 1.5),
    "fro": lambda x: np.linalg.norm(x, "fro"),
    "std": np.std,
    "std by rows": lambda x: np.sum(np.std(x, axis=1)),
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_norm_and_std_have_zero_at_their_kink(name, dtype):
    x = np.zeros((2, 3), dtype)
    g = grad(NORMS[name])(x)
    assert g.dtype == dtype
    np.testing.assert_array_equal(g, x)
    np.testing.assert_array_equal(grad(lambda x: np.sum(grad(NORMS[name])(x) * (x + 1)))(x), x)


@pytest.mark.parametrize("name", ["2 by rows", "std by rows"])
def test_one_kink_leaves_the_other_rows_alone(name):
    x = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 4.0]])
    g = grad(NORMS[name])(x)
    np.testing.assert_array_equal(g[0], np.zeros(3))
    np.testing.assert_allclose(g[1], grad(NORMS[name])(x[1:])[0], rtol=1e-15)
    assert np.all(g[1])


def test_complex_abs_and_norm_at_zero():
    assert grad(np.abs)(0j) == 0
    np.testing.assert_array_equal(grad(np.linalg.norm)(np.zeros(2, complex)), np.zeros(2))


def test_the_sign_of_complex_numbers_turns_with_them():
    with pytest.raises(chainrule.NoDerivativeError, match=r"np\.sign of complex numbers.*z / np\.abs\(z\)"):
        grad(lambda z: np.real(np.sign(z)))(1 + 1j)
    # What the message says to write: d Re(z / |z|) at z = i v is du / v.
    assert grad(lambda z: np.real(z / np.abs(z)))(2j) == 0.5


# Zero stays zero.


def masked_log(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0))


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
class TestZeroStaysZero:
    X = np.array([0.0, 2.0, -1.0, 4.0])

    def test_masked_log(self):
        np.testing.assert_array_equal(grad(masked_log)(self.X), [0.0, 0.5, 0.0, 0.25])

    def test_masked_log_of_numbers(self):
        assert grad(lambda x: np.where(x > 0, np.log(x), 0.0))(0.0) == 0.0

    def test_second_order(self):
        g = grad(lambda x: np.sum(grad(masked_log)(x) ** 2))(self.X)
        np.testing.assert_allclose(g, [0.0, -2 / 8, 0.0, -2 / 64], rtol=1e-15)

    def test_third_order(self):
        def slope(x):
            return np.sum(grad(lambda x: np.sum(grad(masked_log)(x)))(x))

        np.testing.assert_allclose(grad(slope)(self.X), [0.0, 2 / 8, 0.0, 2 / 64], rtol=1e-15)

    @pytest.mark.parametrize(
        ("f", "expected"),
        [
            (lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0, 0.5 / np.sqrt(2), 0, 0.25]),
            (lambda x: np.where(x > 0, 1 / x, 0.0), [0, -0.25, 0, -1 / 16]),
            (lambda x: np.where(x > 0, x * np.log(x), 0.0), [0, 1 + np.log(2), 0, 1 + np.log(4)]),
            (lambda x: np.where(x > 0, x**0.5, 0.0), [0, 0.5 / np.sqrt(2), 0, 0.25]),
            (lambda x: np.where(x > 0, np.exp(-1 / x), 0.0), [0, np.exp(-0.5) / 4, 0, np.exp(-0.25) / 16]),
            (lambda x: np.where(x > 0, np.arctan2(x, 0 * x), 0.0), [0, 0, 0, 0]),
        ],
    )
    def test_masked(self, f, expected):
        np.testing.assert_allclose(pulled(f, self.X)[0], expected, rtol=1e-14)

    BAD = (np.nan, np.inf, -np.inf)

    @pytest.mark.parametrize("bad", BAD)
    def test_masked_data_through_multiply(self, bad):
        data, use = np.array([1.0, bad, 3.0]), np.array([True, False, True])
        w = np.array([2.0, 2.0, 2.0])

        def loss(w):
            return np.sum(np.where(use, (w * data) ** 2, 0.0))

        np.testing.assert_array_equal(grad(loss)(w), [4.0, 0.0, 36.0])
        np.testing.assert_array_equal(grad(lambda w: np.sum(grad(loss)(w)))(w), [2.0, 0.0, 18.0])

    @pytest.mark.parametrize("bad", BAD)
    @pytest.mark.parametrize(
        "product", [np.matmul, np.dot, lambda x, w: np.einsum("ij,j->i", x, w), lambda x, w: np.tensordot(x, w, 1)]
    )
    def test_masked_rows_through_a_product(self, bad, product):
        x = np.array([[1.0, 2.0], [bad, 5.0], [3.0, 4.0]])
        use = np.array([True, False, True])
        w = np.array([1.0, -1.0])

        def loss(w):
            return np.sum(np.where(use, product(x, w) ** 2, 0.0))

        np.testing.assert_allclose(grad(loss)(w), [2 * (-1 * 1 + -1 * 3), 2 * (-1 * 2 + -1 * 4)], rtol=1e-14)
        hessian = [grad(lambda w, j=j: grad(loss)(w)[j])(w) for j in range(2)]
        np.testing.assert_allclose(hessian, 2 * x[use].T @ x[use], rtol=1e-14)

    @pytest.mark.parametrize("bad", BAD)
    def test_masked_rows_through_a_layer(self, bad):
        x = np.array([[1.0, 2.0], [bad, 5.0], [3.0, 4.0]])
        use = np.array([[True], [False], [True]])
        weights = np.array([[0.1, 0.2], [0.3, -0.4]])

        def loss(weights):
            return np.sum(np.where(use, np.tanh(x @ weights), 0.0))

        np.testing.assert_allclose(
            grad(loss)(weights), grad(lambda w: np.sum(np.tanh(x[[0, 2]] @ w)))(weights), rtol=1e-14
        )

    @pytest.mark.parametrize("bad", BAD)
    @pytest.mark.parametrize("product", [np.prod, lambda x, axis: np.cumprod(x, axis=axis)[:, -1]])
    def test_masked_rows_through_prod(self, bad, product):
        x = np.array([[1.0, 2.0], [bad, 5.0], [3.0, 4.0]])
        use = np.array([True, False, True])
        g = grad(lambda x: np.sum(np.where(use, product(x, axis=1), 0.0)))(x)
        np.testing.assert_array_equal(g, [[2.0, 1.0], [0.0, 0.0], [4.0, 3.0]])

    @pytest.mark.parametrize("bad", BAD)
    def test_a_masked_end_of_cumprod(self, bad):
        x = np.array([2.0, 3.0, bad, 5.0, 7.0])
        use = np.array([True, True, False, False, False])
        g = grad(lambda x: np.sum(np.where(use, np.cumprod(x), 0.0)))(x)
        np.testing.assert_array_equal(g, [1 + 3.0, 2.0, 0.0, 0.0, 0.0])

    def test_where_a_derivative_does_arrive_the_result_is_infinite_or_undefined(self):
        """Nothing is hidden: a derivative that is not zero still meets the infinite one."""
        np.testing.assert_array_equal(grad(lambda x: np.sum(np.sqrt(x)))(np.array([0.0, 4.0])), [np.inf, 0.25])
        assert np.isnan(grad(lambda x: np.sum(x * np.array([np.nan, 1.0])))(np.ones(2))[0])
        g = grad(lambda w: np.sum(np.array([[np.nan, 1.0], [2.0, 3.0]]) @ w))(np.ones(2))
        np.testing.assert_array_equal(g, [np.nan, 4.0])

    def test_its_price(self):
        """The derivative of sqrt(x)**2 is 1, but 0 at 0: 2 sqrt(0) is exactly zero there."""
        assert grad(lambda x: np.sqrt(x) ** 2)(0.0) == 0.0
        assert grad(lambda x: np.sqrt(x) ** 2)(4.0) == 1.0


# Powers.


@pytest.mark.parametrize("x", [0.0, -2.0, 3.0])
@pytest.mark.parametrize("k", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", [int, float, np.float64, np.array])
def test_integer_powers_of_any_number(x, k, kind):
    slope = k * x ** (k - 1) if k else 0.0
    curve = k * (k - 1) * x ** (k - 2) if k > 1 else 0.0
    f = grad(lambda x: x ** kind(k))
    assert f(x) == slope
    assert grad(f)(x) == curve


def test_the_exponent_of_zero():
    """d 0^y / dy = 0^y log 0, which goes to 0 for y > 0."""
    assert grad(lambda y: np.power(0.0, y))(2.0) == 0.0
    np.testing.assert_array_equal(
        pulled(np.power, np.array([0.0, 2.0]), np.array([3.0, 1.0]))[1], [0.0, 2 * np.log(2.0)]
    )


@pytest.mark.parametrize(("x", "y"), [(1.0, 0.1), (6.0, 0.2), (-1.0, 0.1), (7.0, -0.7), (0.9, 0.3), (5.0, np.inf)])
def test_the_quotient_of_a_remainder_is_the_one_numpy_took(x, y):
    """x = q y + r, where 1.0 // 0.1 is 9: rounding x / y gives 10."""
    assert grad(lambda y: x % y)(y) == -(x // y)
    assert grad(lambda y: np.fmod(x, y))(y) == -np.rint((x - np.fmod(x, y)) / y)


def test_xlogy_at_zero():
    np.testing.assert_array_equal(grad(scipy.special.xlogy, (0, 1))(0.0, 2.0), (np.log(2.0), 0.0))
    assert grad(scipy.special.xlogy, 1)(0.0, 0.0) == 0.0
    # The mixed derivative is 1 / y also at x = 0.
    assert grad(lambda x: grad(scipy.special.xlogy, 1)(x, 2.0))(0.0) == 0.5
    assert grad(lambda y: grad(scipy.special.xlogy, 0)(0.0, y))(2.0) == 0.5


# Forms that do not overflow.

HUGE = np.array([-1e300, -1e4, -745.0, -40.0, 0.0, 40.0, 745.0, 1e4, 1e300])


STABLE = {
    "np.tanh": (np.tanh, lambda x: 4 * np.exp(-2 * np.abs(x)) / (1 + np.exp(-2 * np.abs(x))) ** 2),
    "expit": (scipy.special.expit, lambda x: np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2),
    "log_expit": (scipy.special.log_expit, lambda x: scipy.special.expit(-x)),
    "np.logaddexp": (lambda x: np.logaddexp(x, 0.0), scipy.special.expit),
    "np.logaddexp2": (lambda x: np.logaddexp2(x, 0.0), lambda x: scipy.special.expit(x * np.log(2))),
    "erf": (scipy.special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-(np.minimum(np.abs(x), 1e3) ** 2))),
    "np.hypot": (lambda x: np.hypot(x, 1e300), lambda x: x / np.hypot(x, 1e300)),
    "np.arctan2": (lambda x: np.arctan2(x, 1e300), lambda x: 1e300 / np.hypot(x, 1e300) / np.hypot(x, 1e300)),
}


@pytest.mark.parametrize("name", STABLE)
def test_huge_inputs(name):
    f, derivative = STABLE[name]
    np.testing.assert_allclose(pulled(f, HUGE)[0], derivative(HUGE), rtol=1e-13, atol=1e-16)
    # Second derivatives vanish out there, or are finite at least.
    assert np.all(np.isfinite(grad(lambda x: np.sum(pulled(f, x)[0]))(HUGE)))


SMALL = np.array([-1e30, -100.0, 0.0, 100.0, 1e30], np.float32)


@pytest.mark.parametrize("name", [name for name in STABLE if name not in ("np.hypot", "np.arctan2")])
def test_huge_inputs_in_float32(name):
    f, derivative = STABLE[name]
    (g,) = pulled(f, SMALL)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, derivative(SMALL.astype(float)), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("x", [(-np.inf, 0.0), (1000.0, 0.0), (-1000.0, -1001.0), (1e300, -1e300), (5.0, 5.0)])
def test_logaddexp_shares_by_softmax(x):
    dx, dy = grad(np.logaddexp, (0, 1))(*map(np.float64, x))
    np.testing.assert_allclose([dx, dy], scipy.special.softmax(np.array(x)), rtol=1e-12)


# Zeros in products.


@pytest.mark.parametrize("x", [[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [5.0], []])
def test_prod_with_zeros(x):
    x = np.array(x)
    others = [np.prod(np.delete(x, k)) for k in range(x.size)]
    np.testing.assert_array_equal(grad(np.prod)(x), others)


def test_prod_with_zeros_second_order():
    x = np.array([0.0, 0.0, 3.0, 4.0])
    hessian = [grad(lambda x, k=k: grad(np.prod)(x)[k])(x) for k in range(4)]
    expected = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
    np.testing.assert_array_equal(hessian, expected)


@pytest.mark.parametrize("x", [[2.0, 0.0, 3.0, 4.0], [0.0, 0.0, 3.0], [0.0], []])
def test_cumprod_with_zeros(x):
    x = np.array(x)
    weights = np.arange(1.0, 1 + x.size)
    g = grad(lambda x: np.sum(weights * np.cumprod(x)))(x)
    rows = [np.sum(weights[k:] * np.cumprod(np.where(np.arange(x.size) == k, 1.0, x))[k:]) for k in range(x.size)]
    np.testing.assert_allclose(g, rows, rtol=1e-15)


# Conventions of complex numbers.


@given(
    st.complex_numbers(min_magnitude=0.1, max_magnitude=3),
    st.sampled_from((np.exp, np.sin, np.square, lambda z: z**3 / (1 + z))),
)
def test_of_a_real_output_the_gradient_is_du_minus_i_dv(z, f):
    g = grad(lambda z: np.real(f(z)))(z)
    step = 1e-6
    du = (np.real(f(z + step)) - np.real(f(z - step))) / (2 * step)
    dv = (np.real(f(z + 1j * step)) - np.real(f(z - 1j * step))) / (2 * step)
    np.testing.assert_allclose(g, du - 1j * dv, rtol=1e-6, atol=1e-7)


def test_squared_absolute_value():
    """d |z|^2 = 2 u du + 2 v dv, so the gradient is 2 (u - iv)."""
    z = np.array([1 + 2j, -3j])
    value, g = value_and_grad(lambda z: np.sum(np.abs(z) ** 2))(z)
    assert value == pytest.approx(14.0)
    np.testing.assert_allclose(g, 2 * np.conj(z), rtol=1e-14)
    np.testing.assert_allclose(grad(lambda z: np.real(np.vdot(z, z)))(z), 2 * np.conj(z), rtol=1e-14)
