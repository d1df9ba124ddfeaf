"""Another library's answers: the same functions through autograd (HIPS)."""

import numpy as np
import pytest

from chainrule import grad, vjp

autograd = pytest.importorskip("autograd")
import autograd.numpy as anp  # noqa: E402
import autograd.scipy.special as asp  # noqa: E402
import scipy.special as sp  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
POSITIVE = RNG.uniform(0.5, 2.0, (4, 3))
WEIGHTS = RNG.normal(size=(3, 2))
ROWS = np.array([0, 2, 2])

# Each takes NumPy and scipy.special, plain or autograd's, and the point.
FUNCTIONS = {
    "sum of squares": lambda np, sp, x: np.sum(x**2),
    "logistic": lambda np, sp, x: np.sum(np.log(1 + np.exp(-x))),
    "tanh layer": lambda np, sp, x: np.sum(np.tanh(np.dot(x, WEIGHTS)) ** 2),
    "matmul both": lambda np, sp, x: np.sum(np.matmul(x, x.T) ** 2),
    "matmul of stacks": lambda np, sp, x: np.sum(np.matmul(np.stack([x, 2 * x]), WEIGHTS) ** 3),
    "einsum": lambda np, sp, x: np.sum(np.einsum("ij,jk,ik->i", x, WEIGHTS, np.dot(x, WEIGHTS)) ** 2),
    "einsum ellipsis": lambda np, sp, x: np.sum(np.einsum("...j,jk->...k", x, WEIGHTS) ** 2),
    "tensordot": lambda np, sp, x: np.sum(np.tensordot(x, WEIGHTS, [[1], [0]]) ** 2),
    "outer": lambda np, sp, x: np.sum(np.outer(x[0], x[1]) ** 2),
    "inner": lambda np, sp, x: np.sum(np.inner(x, x) ** 2),
    "trace": lambda np, sp, x: np.trace(np.dot(x.T, x)) ** 2,
    "mean and var": lambda np, sp, x: np.mean(x) * np.var(x) + np.sum(np.std(x, axis=0)),
    "prod": lambda np, sp, x: np.sum(np.prod(x, axis=1) ** 2),
    "max": lambda np, sp, x: np.sum(np.max(x, axis=0) ** 2) - np.min(x) ** 2,
    "ties of max": lambda np, sp, x: np.max(np.concatenate([x[0], x[0]])) ** 2,
    "maximum": lambda np, sp, x: np.sum(np.maximum(x, x[::-1]) ** 2),
    "clip": lambda np, sp, x: np.sum(np.clip(x, -0.5, 0.5) ** 2),
    "where": lambda np, sp, x: np.sum(np.where(x > 0, np.exp(x), x**3)),
    "abs": lambda np, sp, x: np.sum(np.abs(x) ** 3),
    "norm": lambda np, sp, x: np.linalg.norm(x) + np.sum(np.linalg.norm(x, axis=1) ** 3),
    "cumsum": lambda np, sp, x: np.sum(np.cumsum(x, axis=0) ** 2),
    "sort": lambda np, sp, x: np.sum(np.sort(x.ravel()) ** 2 * np.arange(12)),
    "indexing": lambda np, sp, x: np.sum(x[1:, ::2] ** 2) + x[0, 1] ** 3,
    "fancy indexing": lambda np, sp, x: np.sum(x[ROWS] ** 2) + np.sum(x[ROWS, ROWS] ** 3),
    "boolean indexing": lambda np, sp, x: np.sum(x[X > 0] ** 3),
    "reshape and transpose": lambda np, sp, x: np.sum(np.reshape(x.T, (2, 6)) ** 2 * np.arange(6)),
    "concatenate": lambda np, sp, x: np.sum(np.concatenate([x, x**2], axis=1)[:, 1:5] ** 2),
    "stack": lambda np, sp, x: np.sum(np.stack([x, x**2], axis=1)[:, 1] ** 2),
    "tile and repeat": lambda np, sp, x: np.sum(np.tile(x, (2, 1)) ** 2) + np.sum(np.repeat(x, 2, axis=1) ** 3),
    "pad": lambda np, sp, x: np.sum(np.pad(x, ((1, 0), (0, 2)), "constant") ** 3),
    "roll": lambda np, sp, x: np.sum(np.roll(x, 1, axis=0) * x**2),
    "diag": lambda np, sp, x: np.sum(np.diag(x[:3]) ** 3) + np.sum(np.diag(x[0]) ** 2),
    "triangles": lambda np, sp, x: np.sum(np.tril(x) ** 2) + np.sum(np.triu(x) ** 3),
    "broadcasting": lambda np, sp, x: np.sum((x[:, None, :] - x[None, :, :]) ** 4),
    "trigonometry": lambda np, sp, x: np.sum(np.sin(x) * np.cos(x) + np.arctan(x) + np.sinh(x) / np.cosh(x)),
    "arctan2": lambda np, sp, x: np.sum(np.arctan2(x, x[::-1])),
    "logaddexp": lambda np, sp, x: np.sum(np.logaddexp(x, x[::-1]) ** 2),
    "expit": lambda np, sp, x: np.sum(sp.expit(x) ** 2),
    "erf": lambda np, sp, x: np.sum(sp.erf(x) ** 2),
    "logsumexp": lambda np, sp, x: np.sum(sp.logsumexp(x, axis=1) ** 2),
    "softmax cross-entropy": lambda np, sp, x: -np.sum((x - sp.logsumexp(x, axis=1, keepdims=True))[:, 0]),
    "a loop": lambda np, sp, x: sum(np.sum(np.sin(k * x)) for k in range(1, 5)),
}
ON_POSITIVE = {
    "powers": lambda np, sp, x: np.sum(x ** x[::-1]) + np.sum(2.0**x) + np.sum(x**-1.5),
    "logarithms": lambda np, sp, x: np.sum(np.log(x) + np.log1p(x) + np.log2(x) + np.log10(x) + np.expm1(x)),
    "roots": lambda np, sp, x: np.sum(np.sqrt(x) + np.reciprocal(x) + np.square(x)),
    "entropy": lambda np, sp, x: -np.sum(x / np.sum(x) * np.log(x / np.sum(x))),
    "inverse hyperbolic": lambda np, sp, x: np.sum(np.arcsinh(x) + np.arccosh(x + 1) + np.arctanh(x / 4)),
}
ALL = [(name, f, X) for name, f in FUNCTIONS.items()] + [(name, f, POSITIVE) for name, f in ON_POSITIVE.items()]


@pytest.mark.parametrize(("name", "f", "x"), ALL, ids=[name for name, _, _ in ALL])
def test_gradient(name, f, x):
    found = grad(lambda x: f(np, sp, x))(x)
    expected = autograd.grad(lambda x: f(anp, asp, x))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("name", "f", "x"), ALL, ids=[name for name, _, _ in ALL])
def test_hessian_times_a_vector(name, f, x):
    v = np.cos(np.arange(12.0)).reshape(4, 3)
    found = grad(lambda x: np.sum(grad(lambda x: f(np, sp, x))(x) * v))(x)
    expected = autograd.grad(lambda x: anp.sum(autograd.grad(lambda x: f(anp, asp, x))(x) * v))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


COMPLEX = {
    "abs": lambda np, z: np.sum(np.abs(z) ** 2),
    "exp": lambda np, z: np.real(np.sum(np.exp(z) * (1 + 2j))),
    "imag": lambda np, z: np.sum(np.imag(z * z)),
    "conj": lambda np, z: np.real(np.sum(z * np.conj(z) * z)),
    "matmul": lambda np, z: np.sum(np.abs(np.dot(z.T, z))),
    "angle": lambda np, z: np.sum(np.real(np.log(z))),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_gradient(name):
    z = X + 1j * POSITIVE
    found = grad(lambda z: COMPLEX[name](np, z))(z)
    expected = autograd.grad(lambda z: COMPLEX[name](anp, z))(z)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_vector_jacobian_product():
    def f(np, x):
        return np.tanh(np.dot(x, WEIGHTS))

    g = RNG.normal(size=(4, 2))
    value, pull_back = vjp(lambda x: f(np, x), X)
    expected_pull_back, expected = autograd.make_vjp(lambda x: f(anp, x))(X)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_allclose(pull_back(g)[0], expected_pull_back(g), rtol=1e-13)
