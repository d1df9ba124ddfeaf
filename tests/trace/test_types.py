"""NumPy's rules for dtypes hold for traced values, Python numbers included."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import grad, trace, value_and_grad, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify

BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "maximum": np.maximum,
    "arctan2": np.arctan2,
    "hypot": np.hypot,
    "where": lambda x, y: np.where(np.greater(x, 0), x, y),
    "stack": lambda x, y: np.stack([np.ravel(x)[:1], np.ravel(y)[:1]]),
    "power": lambda x, y: np.power(np.abs(x) + 1, y),
}
UNARY = {
    "-": operator.neg,
    "abs": abs,
    "exp": lambda x: np.exp(-abs(x)),
    "square": lambda x: x**2,
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "var": np.var,
    "half": lambda x: x / 2,
    "plus int": lambda x: 3 + x,
    "times float": lambda x: 0.5 * x,
    "clip": lambda x: np.clip(x, -1, 1.5),
    "round": lambda x: np.round(x, 1),
    "sqrt": lambda x: np.sqrt(np.abs(x) + 1),
}
LEAVES = {
    "float32 array": np.array([0.5, -1.5], np.float32),
    "float64 array": np.array([0.25, 2.0]),
    "float16 array": np.array([0.5, 1.0], np.float16),
    "zero-dimensional float32": np.array(0.75, np.float32),
    "np.float32": np.float32(1.25),
    "np.float64": np.float64(-0.5),
    "float": 1.5,
}
CONSTANTS = (2, -0.75, np.float32(3), np.float64(0.3), np.array([1, 2]), np.array([1.5, 2.5], np.float32), np.int8(2))


@st.composite
def expressions(draw, depth=3):
    """A function of one argument and its text, put together at random."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return (lambda x: x), "x"
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(UNARY)))
        inner, text = draw(expressions(depth - 1))
        return (lambda x: UNARY[name](inner(x))), f"{name}({text})"
    name = draw(st.sampled_from(sorted(BINARY)))
    left, left_text = draw(expressions(depth - 1))
    if draw(st.booleans()):
        constant = draw(st.sampled_from(CONSTANTS))
        if draw(st.booleans()):
            return (lambda x: BINARY[name](left(x), constant)), f"({left_text} {name} {constant!r})"
        return (lambda x: BINARY[name](constant, left(x))), f"({constant!r} {name} {left_text})"
    right, right_text = draw(expressions(depth - 1))
    return (lambda x: BINARY[name](left(x), right(x))), f"({left_text} {name} {right_text})"


@settings(max_examples=4 * settings().max_examples)
@given(expressions(), st.sampled_from(sorted(LEAVES)))
def test_random_expressions_have_numpys_dtypes(expression, leaf):
    f, _ = expression
    x = LEAVES[leaf]
    with np.errstate(all="ignore"):
        expected = f(x)
        found, pull_back = vjp(f, x)
        (again,) = evaluate(graph := trace(f)(x), x)
        verify(graph)
        (g,) = pull_back(np.ones_like(expected))
    for result in (found, again):
        assert np.shape(result) == np.shape(expected)
        assert np.asarray(result).dtype == np.asarray(expected).dtype
        assert isinstance(result, float) == isinstance(expected, float)
        np.testing.assert_allclose(result, expected, rtol=1e-2 if "16" in leaf else 1e-5, equal_nan=True)
    assert np.shape(g) == np.shape(x)
    assert np.asarray(g).dtype == np.asarray(x).dtype


@pytest.mark.parametrize("number", [2, 2.0, 0.5, -3, True])
@pytest.mark.parametrize("name", sorted(BINARY))
def test_a_python_number_does_not_widen_float32(name, number):
    x = np.array([0.5, 1.5], np.float32)
    for f in (lambda x: BINARY[name](x, number), lambda x: BINARY[name](number, x)):
        expected = f(x)
        value, pull_back = vjp(f, x)
        assert value.dtype == expected.dtype
        assert pull_back(np.ones_like(expected))[0].dtype == np.float32


def test_a_traced_python_number_does_not_widen_float32():
    x = np.array([0.5, 1.5], np.float32)

    def f(scale, x):
        y = scale * x + scale**2 - 1 / scale
        assert y.dtype == np.float32
        return np.sum(y)

    value, (d_scale, d_x) = value_and_grad(f, (0, 1))(2.0, x)
    assert type(value) is np.float32
    assert type(d_scale) is float
    assert d_scale == 2.0 + 2 * (4 + 0.25)
    assert d_x.dtype == np.float32


def test_a_numpy_number_widens_as_in_numpy():
    x = np.array([0.5], np.float32)
    value, g = value_and_grad(lambda x: np.sum(x * np.float64(2)))(x)
    assert type(value) is np.float64
    assert g.dtype == np.float32


@pytest.mark.parametrize(
    ("x", "kind"),
    [(3, float), (3.0, float), (np.float64(3), np.float64), (np.float32(3), np.float32), (np.array(3.0), np.ndarray)],
)
def test_the_gradient_is_of_the_arguments_kind(x, kind):
    value, g = value_and_grad(lambda x: x * x)(x)
    assert type(g) is kind
    assert value == 9.0
    assert g == 6.0
    # And where nothing depends on it, or by way of another dtype.
    assert type(grad(lambda x: 1.0)(x)) is kind
    assert type(grad(lambda x: np.sum(x * np.ones(2)))(x)) is kind
    assert type(grad(lambda x: np.sum(x * np.ones(2, np.float32)))(x)) is kind


def test_python_integers_count_as_floats():
    assert grad(lambda x, n: x**n, (0, 1))(2, 3) == (12.0, 8 * np.log(2.0))
    assert grad(lambda x: x // 1 + x)(3) == 1.0
    assert grad(lambda x: x / 2)(3) == 0.5


def test_integers_and_booleans_among_the_operands():
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(grad(lambda x: np.sum(x * np.arange(3)))(x), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(grad(lambda x: np.sum(x * (x > 1)))(x), [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(grad(lambda x: np.sum(x @ np.eye(3, dtype=int)))(x), np.ones(3))
    g = grad(lambda x: np.sum(x * np.arange(3, dtype=np.int8)))(x.astype(np.float32))
    assert g.dtype == np.float32


def test_complex_numbers_among_real_ones():
    x = np.array([1.0, 2.0])
    g = grad(lambda x: np.sum(np.abs(x * (3 + 4j))))(x)
    assert g.dtype == np.float64
    np.testing.assert_allclose(g, [5.0, 5.0])
    z = np.array([1 + 1j], np.complex64)
    value, g = value_and_grad(lambda z: np.sum(np.real(z * np.conj(z))))(z)
    assert type(value) is np.float32
    assert g.dtype == np.complex64
    assert type(grad(lambda z: abs(z) ** 2)(1 + 2j)) is complex
    assert grad(lambda z: np.real(z) * np.imag(z))(1 + 2j) == 2 - 1j


def test_conversions():
    x = np.array([1.25, 2.5])
    g = grad(lambda x: np.sum(x.astype(np.float32) ** 2))(x)
    assert g.dtype == np.float64
    np.testing.assert_array_equal(g, 2 * x)
    np.testing.assert_array_equal(grad(lambda x: np.sum(x.astype(int) * x))(x), [1.0, 2.0])
    value, g = value_and_grad(lambda x: np.sum(x, dtype=np.float64))(x.astype(np.float32))
    assert type(value) is np.float64
    assert g.dtype == np.float32
    value, g = value_and_grad(lambda x: np.sum(np.add(x, x, dtype=np.float64)))(x.astype(np.float32))
    assert type(value) is np.float64
    assert g.dtype == np.float32
