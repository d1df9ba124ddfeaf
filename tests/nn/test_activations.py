"""Activations: values, derivatives, far out and at the kinks, in both precisions."""

import numpy as np
import pytest
from scipy.special import expit, ndtr
from tests.nn.oracles import DERIVATIVES, LEARNING, through

from chainrule.differentiate import grad, vjp
from chainrule.errors import OptionError
from chainrule.nn.activations import ACTIVATIONS, Activation, activation

VALUES = {
    "identity": lambda z: z,
    "sign": np.sign,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "prelu": lambda z: np.where(z > 0, z, 0.25 * z),
    "abs": np.abs,
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "exp": np.exp,
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),
}
NAMES = list(ACTIVATIONS)
Z = np.array([[-3.5, -1.0, -1e-3, 0.0, 1e-3, 0.7, 4.0]])
# Values and derivatives at -1000, 0 and 1000; at a kink the derivative is the one that is stated.
FAR = np.array([[-1000.0, 0.0, 1000.0]])
FAR_VALUES = {
    "identity": [-1000, 0, 1000],
    "sign": [-1, 0, 1],
    "sigmoid": [0, 0.5, 1],
    "tanh": [-1, 0, 1],
    "relu": [0, 0, 1000],
    "leaky_relu": [-10, 0, 1000],
    "prelu": [-250, 0, 1000],
    "abs": [1000, 0, 1000],
    "softplus": [0, np.log(2), 1000],
    "elu": [-1, 0, 1000],
    "gelu": [0, 0, 1000],
    "silu": [0, 0, 1000],
    "softmax": [0, 0, 1],
}
FAR_DERIVATIVES = {
    "identity": [1, 1, 1],
    "sign": [0, 0, 0],
    "sigmoid": [0, 0.25, 0],
    "tanh": [0, 1, 0],
    "relu": [0, 0, 1],
    "leaky_relu": [0.01, 0.01, 1],
    "prelu": [0.25, 0.25, 1],
    "abs": [-1, 0, 1],
    "softplus": [0, 0.5, 1],
    "elu": [0, 1, 1],
    "gelu": [0, 0.5, 1],
    "silu": [0, 0.5, 1],
    "softmax": [0, 0, 0],
}


def apply(name, z):
    """The activation, with parametric relu's slopes at their start."""
    row = ACTIVATIONS[name]
    if row.slope is None:
        return row.function(z)
    return row.function(z, np.full(z.shape[-1], row.slope, z.dtype))


def derivative(name, z):
    """The derivative of the sum of the activations, weighted so that softmax's is not zero."""
    weights = np.ones(z.shape[-1], z.dtype)
    if name == "softmax":
        weights = np.arange(z.shape[-1], dtype=z.dtype)
    return grad(lambda z: np.sum(weights * apply(name, z)))(z)


def test_no_row_is_left_out():
    assert set(VALUES) == set(ACTIVATIONS)
    assert set(DERIVATIVES) | {"softmax", "sign"} == set(ACTIVATIONS)
    assert set(FAR_VALUES) == set(FAR_DERIVATIVES) == set(ACTIVATIONS) - {"exp"}
    assert [name for name, row in ACTIVATIONS.items() if name != row.name] == []
    assert [name for name, row in ACTIVATIONS.items() if not row.learns] == ["sign"]
    assert [name for name, row in ACTIVATIONS.items() if not row.elementwise] == ["softmax"]


@pytest.mark.parametrize("name", NAMES)
def test_values(name):
    np.testing.assert_allclose(apply(name, Z), VALUES[name](Z), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", FAR_VALUES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out(name, dtype):
    found = apply(name, FAR.astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, [FAR_VALUES[name]], rtol=1e-6)


@pytest.mark.parametrize("name", FAR_VALUES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_derivative_far_out_and_at_the_kink(name, dtype):
    found = derivative(name, FAR.astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, [FAR_DERIVATIVES[name]], rtol=1e-6)


@pytest.mark.parametrize("name", LEARNING)
def test_derivatives(name):
    z = np.linspace(-6.0, 6.0, 24).reshape(4, 6)
    slope = np.full(6, 0.25)
    weights = np.ones(6)
    if name == "softmax":
        weights = np.arange(6.0)
    expected = through(name, z, apply(name, z), slope, np.broadcast_to(weights, z.shape))
    np.testing.assert_allclose(derivative(name, z), expected, rtol=1e-10, atol=1e-14)


def test_the_slope_is_learned():
    z, slope = np.array([[-2.0, 3.0], [-1.0, -4.0]]), np.array([0.25, 0.5])
    found = grad(lambda slope: np.sum(ACTIVATIONS["prelu"].function(z, slope)))(slope)
    np.testing.assert_array_equal(found, [-3.0, -4.0])


def test_softmax_has_its_full_jacobian():
    z = np.array([[0.3, -1.0, 2.0]])
    value, pull = vjp(ACTIVATIONS["softmax"].function, z)
    rows = [
        np.ravel(pull(row[None, :])[0] if isinstance(pull(row[None, :]), tuple) else pull(row[None, :]))
        for row in np.eye(3)
    ]
    np.testing.assert_allclose(rows, np.diag(value[0]) - np.outer(value[0], value[0]), rtol=1e-12)


def test_an_activation_of_ones_own():
    row = Activation("cube", lambda z: z**3)
    assert activation(row) is row


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("ReLu", "relu"), ("leaky-relu", "leaky_relu"), ("sigmiod", "sigmoid"), ("Soft Max", "softmax")],
)
def test_unknown_names_are_answered(name, suggestion):
    with pytest.raises(OptionError, match=f"unknown activation '{name}': did you mean '{suggestion}'"):
        activation(name)


def test_nothing_close():
    with pytest.raises(OptionError, match=r"unknown activation 'zzz': the choices are identity, sign, .*softmax"):
        activation("zzz")
