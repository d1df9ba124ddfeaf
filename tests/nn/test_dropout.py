"""Dropout: whose bits the masks are, how many units are left out, and what comes back."""

import numpy as np
import pytest

from chainrule import grad, random
from chainrule.errors import OptionError
from chainrule.nn import Dense, Dropout, Network, Residual


def mask(state, shape, rate):
    """The units that are kept, from NumPy's own generator."""
    generator = np.random.Generator(np.random.Philox(key=state.key, counter=state.counter))
    return generator.random(shape) < 1 - rate


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_the_bits_are_numpy_s(rate):
    x, state = np.random.default_rng(0).normal(size=(7, 5)), random.random_state(11)
    found = Dropout(rate).activate({}, x, state, training=True)
    np.testing.assert_array_equal(found, np.where(mask(state, x.shape, rate), x / (1 - rate), 0.0))


def test_each_layer_has_a_stream_of_its_own():
    network = Network(4, (Dropout(0.5), Dropout(0.5), Dense(4)))
    rng = random.random_state(2)
    passes, _ = network.forward(network.initialize(0), network.initial_state(), np.ones((50, 4)), rng, training=True)
    first, second = (mask(random.fold(rng, number), (50, 4), 0.5) for number in (0, 1))
    np.testing.assert_array_equal(passes[0].activation, 2.0 * first)
    np.testing.assert_array_equal(passes[1].activation, 4.0 * (first & second))
    assert (first != second).any()


def test_inside_a_residual_connection_the_number_is_that_of_the_place():
    network = Network(4, (Dense(4), Residual((Dense(4, "identity"), Dropout(0.5)))))
    rng = random.random_state(2)
    passes, _ = network.forward(network.initialize(0), network.initial_state(), np.ones((9, 4)), rng, training=True)
    kept = mask(random.fold(rng, 2), (9, 4), 0.5)
    np.testing.assert_array_equal(passes[2].activation, np.where(kept, 2 * passes[1].activation, 0.0))
    np.testing.assert_array_equal(passes[3].activation, passes[0].activation + passes[2].activation)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_expectation_stays(rate):
    x = np.full((1000, 100), 3.0)
    found = Dropout(rate).activate({}, x, random.random_state(1), training=True)
    # The part that is left out has a standard deviation of sqrt(rate (1 - rate) / 100,000).
    assert abs(np.mean(found == 0) - rate) < 4 * np.sqrt(rate * (1 - rate) / x.size)
    assert abs(found.mean() - 3.0) < 4 * 3.0 * np.sqrt(rate / (1 - rate) / x.size)
    columns, rows = np.mean(found == 0, axis=0), np.mean(found == 0, axis=1)
    assert np.abs(columns - rate).max() < 5 * np.sqrt(rate * (1 - rate) / 1000)
    assert np.abs(rows - rate).max() < 5 * np.sqrt(rate * (1 - rate) / 100)


def test_what_comes_back_passes_where_the_units_passed():
    x, state = np.random.default_rng(0).normal(size=(6, 4)), random.random_state(8)
    g = np.random.default_rng(1).normal(size=(6, 4))
    found = grad(lambda x: np.sum(g * Dropout(0.25).activate({}, x, state, training=True)))(x)
    np.testing.assert_allclose(found, np.where(mask(state, x.shape, 0.25), g / 0.75, 0.0), rtol=1e-15)


def test_what_is_infinite_and_left_out_is_zero():
    found = Dropout(0.5).activate({}, np.full((1, 6), np.inf), random.random_state(3), training=True)
    assert found.tolist() == [[np.inf, np.inf, np.inf, 0, 0, 0]]


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, np.nan])
def test_rates_that_are_refused(rate):
    with pytest.raises(OptionError, match="the rate of dropout has to be at least 0 and below 1"):
        Dropout(rate)


def test_training_needs_a_random_state():
    network = Network(2, (Dense(3), Dropout(0.5), Dense(1)))
    parameters, state, x = network.initialize(0), network.initial_state(), np.ones((2, 2))
    with pytest.raises(OptionError, match=r"give rng=chainrule.random.random_state\(seed\), or training=False"):
        network.apply(parameters, state, x, training=True)
    with pytest.raises(OptionError, match=r"should be a RandomState, as random_state\(seed\) makes it, found int"):
        network.apply(parameters, state, x, 3, training=True)
    # A network without such a layer needs none.
    Network.of(2).apply(Network.of(2).initialize(0), ({},), x, training=True)
