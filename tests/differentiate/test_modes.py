"""`jvp`, `hvp` and `elementwise_grad`: one direction, and entry by entry; with trees, types and complex numbers."""

import numpy as np
import pytest

from chainrule import (
    TraceError,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    recompute,
    scan,
    tree,
    vectorize,
    vjp,
)
from chainrule.errors import OptionError

rng = np.random.default_rng(11)
X = rng.normal(size=(4, 3))
P = {"w": rng.normal(size=3), "b": 0.5}
Z = rng.normal(size=3) + 1j * rng.normal(size=3)


def model(p, x):
    return np.tanh(x @ p["w"] + p["b"])


def cost(p):
    return np.sum(model(p, X) ** 2)


def along(f, point, direction, step=1e-6):
    """Central difference in one direction of a tree."""
    ahead = tree.map(lambda x, d: x + step * d, point, direction)
    behind = tree.map(lambda x, d: x - step * d, point, direction)
    return (f(ahead) - f(behind)) / (2 * step)


# jvp


def test_jvp_of_trees():
    d = {"w": rng.normal(size=3), "b": -1.0}
    value, slope = jvp(lambda p, x: {"y": model(p, x), "n": 3.0}, (P, X), (d, np.zeros_like(X)))
    np.testing.assert_array_equal(value["y"], model(P, X))
    np.testing.assert_allclose(slope["y"], along(lambda p: model(p, X), P, d), rtol=1e-8)
    assert (value["n"], slope["n"]) == (3.0, 0.0)


def test_jvp_keeps_the_types():
    x = np.ones(2, np.float32)
    value, slope = jvp(lambda x: x * 2, (x,), (np.ones(2),))
    assert value.dtype == slope.dtype == np.float32
    assert jvp(lambda x: x * x, (3.0,), (2.0,)) == (9.0, 12.0)
    assert type(jvp(lambda x: x * x, (3.0,), (2.0,))[1]) is float
    assert jvp(lambda x: x * x, (3,), (2,)) == (9.0, 12.0)


def test_jvp_of_a_number_that_is_broadcast():
    b = np.ones((2, 1), np.float32)
    for f in (lambda a: a + b, lambda a: b - a, lambda a: np.where(b > 0, a, b), lambda a: a * b):
        value, slope = jvp(f, (2.0,), (0.5,))
        assert slope.shape == value.shape == (2, 1)
        assert slope.dtype == value.dtype == np.float32
        np.testing.assert_array_equal(slope, -0.5 if np.all(value == -1) else 0.5)


def test_jvp_of_complex_numbers():
    """A step by d moves a holomorphic function by f' d, and |z|^2 by 2 Re(conj(z) d)."""
    d = rng.normal(size=3) + 1j * rng.normal(size=3)
    np.testing.assert_allclose(jvp(np.exp, (Z,), (d,))[1], np.exp(Z) * d)
    slope = jvp(lambda z: np.abs(z) ** 2, (Z,), (d,))[1]
    assert slope.dtype == np.float64
    np.testing.assert_allclose(slope, 2 * np.real(np.conj(Z) * d))
    np.testing.assert_allclose(jvp(lambda x: np.exp(1j * x), (X,), (X,))[1], 1j * X * np.exp(1j * X))
    assert jvp(lambda z: z**2, (1 + 2j,), (1j,))[1] == -4 + 2j


def test_jvp_of_jvp_and_of_grad():
    x, d = rng.normal(size=3), rng.normal(size=3)

    def f(x):
        return np.sum(np.sin(x) * x[::-1])

    h = hessian(f)(x)
    np.testing.assert_allclose(jvp(lambda x: jvp(f, (x,), (d,))[1], (x,), (d,))[1], d @ h @ d)
    np.testing.assert_allclose(jvp(grad(f), (x,), (d,))[1], h @ d)
    np.testing.assert_allclose(grad(lambda x: jvp(f, (x,), (d,))[1])(x), h @ d)


def test_jvp_keeps_little():
    """A tangent that was read for the last time is given up: what a later operation reads is still there."""

    def f(x):
        early = np.sin(x)
        for _ in range(5):
            x = np.cos(x) * x
        return x + early, early

    x = rng.normal(size=4)
    slopes = jvp(f, (x,), (np.ones(4),))[1]
    for slope, k in zip(slopes, range(2), strict=True):
        np.testing.assert_allclose(slope, np.diag(jacobian(lambda x: f(x)[k], mode="reverse")(x)), rtol=1e-13)  # noqa: B023


def test_jvp_lets_zero_stay_zero_in_a_product():
    x = np.array([0.0, 1.0, 2.0])
    with np.errstate(divide="ignore"):
        value, slope = jvp(lambda s: np.log(x) @ s, (np.ones(3),), (np.array([0.0, 2.0, 1.0]),))
        assert (value, slope) == (-np.inf, np.log(2.0))
        assert jvp(lambda s: np.log(x) @ s, (np.ones(3),), (np.ones(3),))[1] == -np.inf


def test_jvp_says_what_is_wrong():
    with pytest.raises(OptionError, match="a tuple of arguments and a tuple with a tangent for each"):
        jvp(np.sin, 1.0, 1.0)
    with pytest.raises(OptionError, match="a tuple with a tangent for each of them"):
        jvp(np.sin, (1.0,), (1.0, 2.0))
    with pytest.raises(OptionError, match="the tangents have the structure"):
        jvp(lambda p: p["a"], ({"a": 1.0},), ({"b": 1.0},))
    with pytest.raises(OptionError, match=r"x has shape \(2,\), but its tangent has \(3,\)"):
        jvp(lambda x: x * 1.0, (np.ones(2),), (np.ones(3),))
    with pytest.raises(TraceError, match="has dtype int64"):
        jvp(lambda x: x * 1.0, (np.arange(3),), (np.ones(3),))


def test_vjp_says_what_is_wrong():
    _, pull_back = vjp(lambda x: {"y": x * 1.0}, np.ones(2))
    with pytest.raises(OptionError, match="the derivative given has the structure"):
        pull_back(np.ones(2))
    with pytest.raises(OptionError, match=r"has shape \(3,\), but the value of f has shape \(2,\)"):
        pull_back({"y": np.ones(3)})


# hvp


def test_hvp_is_the_hessian_times_a_vector():
    def f(w, x):
        return np.sum(np.tanh(x @ w) ** 2)

    w, v = rng.normal(size=3), rng.normal(size=3)
    np.testing.assert_allclose(hvp(f)(w, X, v), hessian(f)(w, X) @ v, rtol=1e-12)
    u = rng.normal(size=X.shape)
    expected = np.einsum("ijkl,kl->ij", hessian(f, "x")(w, X), u)
    np.testing.assert_allclose(hvp(f, "x")(w, X, u), expected, rtol=1e-12)
    np.testing.assert_allclose(hvp(f, 1)(w, X, u), expected, rtol=1e-12)


def test_hvp_of_a_tree():
    v = {"w": rng.normal(size=3), "b": 2.0}
    h, found = hessian(cost)(P), hvp(cost)(P, v)
    np.testing.assert_allclose(found["w"], h["w"]["w"] @ v["w"] + h["w"]["b"] * v["b"], rtol=1e-12)
    np.testing.assert_allclose(found["b"], h["b"]["w"] @ v["w"] + h["b"]["b"] * v["b"], rtol=1e-12)


def test_hvp_of_numbers_and_types():
    assert hvp(lambda x: x**3)(2.0, 1.0) == 12.0
    assert hvp(lambda x: np.sum(x**3))(np.ones(2, np.float32), np.ones(2, np.float32)).dtype == np.float32


def test_hvp_by_complex_numbers():
    """The step of the gradient df/du - i df/dv: of |z|^4 that is 4 conj(z)^2 d + 8 |z|^2 conj(d)."""
    d = rng.normal(size=3) + 1j * rng.normal(size=3)
    expected = 4 * np.conj(Z) ** 2 * d + 8 * np.abs(Z) ** 2 * np.conj(d)
    found = hvp(lambda z: np.sum(np.abs(z) ** 4))(Z, d)
    step = 1e-6
    g = grad(lambda z: np.sum(np.abs(z) ** 4))
    np.testing.assert_allclose(found, (g(Z + step * d) - g(Z - step * d)) / (2 * step), rtol=1e-7)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_hvp_composes():
    def f(w, x):
        return np.sum(np.tanh(x * w) ** 2)

    w, v = rng.normal(size=3), rng.normal(size=3)
    found = vectorize(hvp(f), (None, 0, None))(w, X, v)
    np.testing.assert_allclose(found, np.stack([hessian(f)(w, x) @ v for x in X]), rtol=1e-12)
    third = jacobian(hessian(f))(w, X[0])
    np.testing.assert_allclose(jacobian(lambda w: hvp(f)(w, X[0], v))(w), third @ v, rtol=1e-11, atol=1e-14)
    ran = scan(lambda c, x: (hvp(f)(c, x, v), None), w, X)[0]
    for x in X:
        w = hessian(f)(w, x) @ v
    np.testing.assert_allclose(ran, w, rtol=1e-10)
    np.testing.assert_allclose(hvp(recompute(f))(ran, X[0], v), hessian(f)(ran, X[0]) @ v, rtol=1e-12)


# elementwise_grad


def test_elementwise_grad():
    x = rng.normal(size=(2, 3))
    np.testing.assert_allclose(elementwise_grad(np.tanh)(x), 1 - np.tanh(x) ** 2)
    np.testing.assert_allclose(elementwise_grad(elementwise_grad(np.sin))(x), -np.sin(x))
    assert elementwise_grad(np.sin)(0.0) == 1.0
    assert type(elementwise_grad(lambda x: x**2)(3.0)) is float
    assert elementwise_grad(np.sin)(x.astype(np.float32)).dtype == np.float32


def test_elementwise_grad_by_several_arguments():
    a, b = rng.normal(size=3), rng.normal(size=3)
    for wrt in ((0, 1), ("a", "b")):
        by_a, by_b = elementwise_grad(lambda a, b: a**2 * b, wrt)(a, b)
        np.testing.assert_allclose(by_a, 2 * a * b)
        np.testing.assert_allclose(by_b, a**2)
    # A number that all entries share has the sum.
    assert elementwise_grad(lambda a, b: a * b, "a")(2.0, np.arange(3.0)) == 3.0
    np.testing.assert_allclose(elementwise_grad(lambda p: p["w"] * p["b"])(P)["w"], np.full(3, 0.5))


def test_elementwise_grad_of_complex_numbers():
    np.testing.assert_allclose(elementwise_grad(np.exp)(Z), np.exp(Z))
    np.testing.assert_allclose(elementwise_grad(lambda z: np.abs(z) ** 2)(Z), 2 * np.conj(Z))
    np.testing.assert_allclose(elementwise_grad(lambda x: np.exp(1j * x))(X), 1j * np.exp(1j * X))


def test_elementwise_grad_composes():
    def f(x):
        return np.exp(x) * x

    expected = (2 + X) * np.exp(X)
    np.testing.assert_allclose(vectorize(elementwise_grad(elementwise_grad(f)))(X), expected)
    np.testing.assert_allclose(grad(lambda x: np.sum(elementwise_grad(f)(x)))(X), expected)
    np.testing.assert_allclose(scan(lambda c, x: (c, elementwise_grad(f)(x)), 0.0, X)[1], (1 + X) * np.exp(X))


def test_elementwise_grad_says_what_is_wrong():
    with pytest.raises(TraceError, match="returned a tuple, where one array was expected"):
        elementwise_grad(lambda x: (x, x))(1.0)
    with pytest.raises(OptionError, match="no argument 'y'"):
        elementwise_grad(np.sin, "y")(1.0)
