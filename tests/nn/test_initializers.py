"""Initialisers: shapes, types, moments, bounds."""

import numpy as np
import pytest

from chainrule.errors import OptionError
from chainrule.nn.initializers import INITIALIZERS, initializer

VARIANCES = {
    "zeros": lambda inputs, outputs: 0,
    "uniform": lambda inputs, outputs: 1 / (3 * inputs),
    "glorot_uniform": lambda inputs, outputs: 2 / (inputs + outputs),
    "glorot_normal": lambda inputs, outputs: 2 / (inputs + outputs),
    "he": lambda inputs, outputs: 2 / inputs,
    "orthogonal": lambda inputs, outputs: 1 / max(inputs, outputs),
}
BOUNDS = {
    "uniform": lambda inputs, outputs: 1 / np.sqrt(inputs),
    "glorot_uniform": lambda inputs, outputs: np.sqrt(6 / (inputs + outputs)),
}


def draw(name, inputs, outputs, dtype=np.float64, seed=0):
    """Weights from a fresh generator."""
    return INITIALIZERS[name](np.random.default_rng(seed), inputs, outputs, dtype)


def test_no_row_is_left_out():
    assert set(VARIANCES) == set(INITIALIZERS)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(200, 100), (100, 200)])
def test_moments(name, shape):
    weights = draw(name, *shape)
    variance = VARIANCES[name](*shape)
    # The mean of 20,000 numbers is within 4 of its standard errors, their variance within 5 %.
    assert abs(weights.mean()) <= 4 * np.sqrt(variance / weights.size)
    assert np.mean(weights**2) == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_reached_and_kept(name):
    largest = np.abs(draw(name, 300, 100)).max()
    assert 0.99 * BOUNDS[name](300, 100) < largest <= BOUNDS[name](300, 100)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 2)])
def test_one_seed_starts_the_same_network_in_both_precisions(name, shape):
    single, double = draw(name, *shape, np.float32), draw(name, *shape, np.float64)
    assert single.shape == double.shape == shape
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4)])
def test_orthogonal(shape):
    weights = draw("orthogonal", *shape)
    product = weights.T @ weights if shape[0] >= shape[1] else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_prefers_no_side():
    """QR alone would always begin the first column with the same sign."""
    corners = [draw("orthogonal", 3, 2, seed=seed)[0, 0] for seed in range(200)]
    assert abs(np.mean(corners)) < 4 * np.sqrt(1 / 3 / 200)


def test_unknown_name():
    with pytest.raises(OptionError, match="unknown initialiser 'glorot': did you mean 'glorot_"):
        initializer("glorot")
