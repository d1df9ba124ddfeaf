"""Derivatives of derivatives, and no confusion between their levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.differentiate.differences import along

from chainrule import grad, value_and_grad, vjp


def nth(f, order):
    for _ in range(order):
        f = grad(f)
    return f


# (function, its derivatives of order 1 to 4)
CLOSED = {
    "sin": (np.sin, (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin)),
    "exp": (np.exp, (np.exp,) * 4),
    "power": (lambda x: x**5, (lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2, lambda x: 120 * x)),
    "product": (lambda x: x * x * x * x, (lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x, lambda x: 24.0)),
    "reciprocal": (
        lambda x: 1 / x,
        (lambda x: -(x**-2), lambda x: 2 * x**-3, lambda x: -6 * x**-4, lambda x: 24 * x**-5),
    ),
    "log": (np.log, (lambda x: 1 / x, lambda x: -(x**-2), lambda x: 2 * x**-3, lambda x: -6 * x**-4)),
    "tanh": (
        np.tanh,
        (
            lambda x: 1 - np.tanh(x) ** 2,
            lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
            lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2),
            lambda x: (1 - np.tanh(x) ** 2) * (16 * np.tanh(x) - 24 * np.tanh(x) ** 3),
        ),
    ),
    "sqrt": (
        np.sqrt,
        (lambda x: x**-0.5 / 2, lambda x: -(x**-1.5) / 4, lambda x: 3 * x**-2.5 / 8, lambda x: -15 * x**-3.5 / 16),
    ),
    "arctan": (
        np.arctan,
        (
            lambda x: 1 / (1 + x**2),
            lambda x: -2 * x / (1 + x**2) ** 2,
            lambda x: (6 * x**2 - 2) / (1 + x**2) ** 3,
            lambda x: 24 * x * (1 - x**2) / (1 + x**2) ** 4,
        ),
    ),
}


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("x", [0.7, np.float64(1.3), np.float32(0.9)])
def test_orders_one_to_four(name, order, x):
    f, derivatives = CLOSED[name]
    found = nth(f, order)(x)
    np.testing.assert_allclose(found, derivatives[order - 1](x), rtol=1e-4 if isinstance(x, np.float32) else 1e-12)
    assert np.asarray(found).dtype == np.asarray(x).dtype


@pytest.mark.parametrize("order", [2, 3, 4])
def test_orders_of_a_function_of_arrays(order):
    """d/dt of f(x + t v) again and again, against the closed form of sum((w . x)^5)."""
    w, v, x = np.array([0.3, -0.2, 0.5]), np.array([1.0, 2.0, -1.0]), np.array([1.0, 0.5, 2.0])
    found = nth(lambda t: np.dot(w, x + t * v) ** 5, order)(0.0)
    factor = [20, 60, 120][order - 2]
    np.testing.assert_allclose(found, factor * (w @ x) ** (5 - order) * (w @ v) ** order, rtol=1e-12)


# Perturbation confusion: (function, point, derivative).

CONFUSING = [
    # x * d/dy (x + y) = x
    (lambda x: x * grad(lambda y: x + y)(1.0), 1.0, 1.0),
    # x * d/dy (x y) = x^2
    (lambda x: x * grad(lambda y: x * y)(2.0), 3.0, 6.0),
    # d/dx (x * d/dy (x y^2) at y = x) = d/dx (2 x^3)
    (lambda x: x * grad(lambda y: x * y * y)(x), 2.0, 24.0),
    # the same argument name, the same variable
    (lambda x: grad(lambda x: x * x * x)(x) * x, 2.0, 36.0),
    # the inner function does not use its argument
    (lambda x: grad(lambda y: x * x)(x) + x, 2.0, 1.0),
    # the inner function uses only its own argument
    (lambda x: grad(lambda y: y * y)(3.0) * x, 2.0, 6.0),
    # an inner derivative inside an inner derivative
    (lambda x: grad(lambda y: y * grad(lambda z: x * y * z * z)(y))(x), 2.0, 6 * 3 * 4.0),
    # the outer variable decides how far the inner goes
    (lambda x: sum(grad(lambda y, k=k: x * y**k)(1.0) for k in range(int(np.floor(x)))), 3.5, 3.0),
    # the derivative is used twice
    (lambda x: (lambda s: s * s)(grad(lambda y: x * y * y)(1.0)), 3.0, 24.0),
]


@pytest.mark.parametrize(("f", "x", "expected"), CONFUSING, ids=range(len(CONFUSING)))
def test_levels_are_not_confused(f, x, expected):
    assert grad(f)(x) == pytest.approx(expected, rel=1e-14)
    g = grad(lambda v: np.sum(f(v[0]) + 0 * v))(np.array([x]))
    np.testing.assert_allclose(g, [expected], rtol=1e-14)


def test_the_classic_one():
    """D (x -> x D(y -> x + y)(1))(1) is 1; a single level of perturbations says 2."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0


def test_arrays_of_both_levels_meet_in_products():
    a = np.array([[1.0, 2.0], [3.0, 4.0]])

    def outer(w):
        # gradient of y^T (a * w) y is (a * w + its transpose) y
        g = grad(lambda y: y @ (a * w) @ y)(np.array([1.0, -1.0]))
        return np.sum(g**2)

    def by_hand(w):
        m = a * w
        return np.sum(((m + m.T) @ np.array([1.0, -1.0])) ** 2)

    w = np.array([[0.5, 1.5], [-1.0, 2.0]])
    np.testing.assert_allclose(grad(outer)(w), grad(by_hand)(w), rtol=1e-13)


def test_entries_read_inside_where_others_depend_on_the_outer_level():
    def outer(o):
        g = grad(lambda x: x[0] + np.sum(x * o * x))(np.ones(3))
        return np.sum(g * g)

    o = np.array([1.0, 2.0, 3.0])
    # g = (1, 0, 0) + 2 o
    np.testing.assert_allclose(grad(outer)(o), 4 * np.array([3.0, 4.0, 6.0]))


def test_entries_read_in_a_loop_inside():
    def outer(o):
        def inner(x):
            total = 0.0
            for k in range(3):
                total = total + x[k] * x[k] * o[k]
            return total + np.sum(x * o)

        return np.sum(grad(inner)(np.array([1.0, 2.0, 3.0])) ** 2)

    # g_k = 2 x_k o_k + o_k
    factor = np.array([3.0, 5.0, 7.0])
    np.testing.assert_allclose(grad(outer)(np.ones(3)), 2 * factor**2)


def test_a_function_that_differentiates_inside_its_loop():
    """Newton's method as a function of a parameter: d sqrt(a) / da = 1 / (2 sqrt(a))."""

    def root(a):
        x = 1.0
        for _ in range(8):
            f = lambda x: x * x - a  # noqa: E731
            x = x - f(x) / grad(f)(x)
        return x

    value, slope = value_and_grad(root)(2.0)
    assert value == pytest.approx(np.sqrt(2.0), rel=1e-14)
    assert slope == pytest.approx(0.5 / np.sqrt(2.0), rel=1e-12)
    assert grad(grad(root))(2.0) == pytest.approx(-0.25 * 2.0**-1.5, rel=1e-11)


def test_gradient_descent_differentiated_by_its_rate():
    target = np.array([1.0, -2.0])

    def final_loss(rate):
        w = np.zeros(2)
        for _ in range(3):
            w = w - rate * grad(lambda w: np.sum((w - target) ** 2))(w)
        return np.sum((w - target) ** 2)

    # w - t shrinks by (1 - 2 rate) a step: loss = |t|^2 (1 - 2 r)^6
    assert grad(final_loss)(0.1) == pytest.approx(-12 * 5.0 * 0.8**5, rel=1e-13)


def test_vjp_inside_and_its_pull_back_outside():
    def outer(x):
        value, pull_back = vjp(lambda y: x * y**2, np.array([1.0, 2.0]))
        return np.sum(value) + np.sum(pull_back(np.array([1.0, 1.0]) * x)[0])

    # x (1 + 4) + x^2 (2 + 4)
    assert grad(outer)(3.0) == 5.0 + 2 * 6.0 * 3.0


def test_a_pull_back_called_in_a_later_derivative():
    _, pull_back = vjp(lambda y: y**2, np.array([1.0, 2.0]))
    g = grad(lambda g: np.sum(pull_back(g)[0] ** 2))(np.array([1.0, 1.0]))
    np.testing.assert_array_equal(g, 2 * np.array([2.0, 4.0]) ** 2)


def test_the_same_function_at_several_levels():
    g = grad(np.sin)
    assert grad(g)(0.3) == pytest.approx(-np.sin(0.3))
    assert grad(lambda x: g(x) * g(2.0 * x))(0.3) == pytest.approx(
        -np.sin(0.3) * np.cos(0.6) - 2 * np.cos(0.3) * np.sin(0.6), rel=1e-13
    )


def test_hessian_by_rows_is_symmetric():
    def f(x):
        return np.sum(np.exp(x[:-1] * x[1:])) + np.prod(x) + np.var(x) + np.linalg.norm(x)

    x = np.array([0.5, -1.0, 2.0, 0.3])
    hessian = np.array([grad(lambda x, k=k: grad(f)(x)[k])(x) for k in range(4)])
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-12)


def test_an_outer_number_inside_trees():
    def outer(x):
        g = grad(lambda p: p["a"] * x + p["b"][0] ** 2 * x)({"a": 1.0, "b": [x]})
        return g["a"] * g["b"][0]

    # g = (x, 2 x^2)
    assert grad(outer)(3.0) == pytest.approx(3 * 2 * 9.0)


# Random programs: the derivative of a graph with much sharing.

STEPS = (
    lambda a, b: a + b,
    lambda a, b: a - 0.5 * b,
    lambda a, b: a * b,
    lambda a, b: a / (2.0 + b * b),
    lambda a, b: np.tanh(a) + b,
    lambda a, b: np.where(a > b, a, b * 0.7),
    lambda a, b: np.sin(a - b),
    lambda a, b: a - np.mean(b),
    lambda a, b: np.sum(a * b) * 0.3 + a,
    lambda a, b: a[::-1] + b,
    lambda a, b: np.stack([a, b])[[1, 0, 1]].sum(axis=0) / 2,
    lambda a, b: np.outer(a, b) @ np.ones(3) / 3,
    lambda a, b: np.cumsum(a) / 3 + b[0],
    lambda a, b: np.concatenate([a[1:], b[:1]]),
    lambda a, b: np.exp(-a * a) - b.max(),
    lambda a, b: np.roll(a, 1) * b.sum(),
)


@st.composite
def programs(draw):
    """Steps that each read two of the earlier results."""
    lines = []
    for k in range(draw(st.integers(1, 7))):
        earlier = st.integers(0, k)
        lines.append((draw(st.integers(0, len(STEPS) - 1)), draw(earlier), draw(earlier)))
    return lines


@settings(max_examples=2 * settings().max_examples)
@given(programs(), st.integers(0, 2**32 - 1))
def test_random_programs(lines, seed):
    rng = np.random.default_rng(seed)
    x, d, e = rng.uniform(-1, 1, (3, 3))

    def f(x):
        results = [x]
        for step, i, j in lines:
            results.append(STEPS[step](results[i], results[j]))
        return np.sum(results[-1])

    def phi(x):
        return grad(f)(x) @ d

    g, slope = grad(f)(x), along(f, x, d)
    if slope is not None:
        np.testing.assert_allclose(g @ d, slope, rtol=1e-6, atol=1e-6 * (1 + np.max(np.abs(g))))
    hessian_row, curve = grad(phi)(x), along(phi, x, e)
    if slope is not None and curve is not None:
        np.testing.assert_allclose(hessian_row @ e, curve, rtol=1e-5, atol=1e-5 * (1 + np.max(np.abs(hessian_row))))
