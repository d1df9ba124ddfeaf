"""Residual connections: what is added to what, one inside another, and widths that do not fit."""

import numpy as np
import pytest

from chainrule import grad
from chainrule.errors import OptionError
from chainrule.nn import Dense, Network, Residual, objective

RNG = np.random.default_rng(4)


def test_the_inputs_are_added_to_what_the_layers_make():
    network = Network(3, (Residual((Dense(5, "tanh"), Dense(3, "identity")), "relu"), Dense(1, "identity")))
    parameters, x = network.initialize(0), RNG.normal(size=(6, 3))
    first, second, empty, last = parameters
    assert empty == {}
    hidden = np.tanh(x @ first["weights"] + first["bias"])
    total = x + hidden @ second["weights"] + second["bias"]
    passes, _ = network.forward(parameters, network.initial_state(), x)
    np.testing.assert_allclose(passes[2].signal, total)
    np.testing.assert_allclose(passes[2].activation, np.maximum(total, 0))
    np.testing.assert_allclose(passes[3].signal, np.maximum(total, 0) @ last["weights"] + last["bias"])


def test_one_inside_another():
    inner = Residual((Dense(2, "tanh"),))
    network = Network(2, (Dense(2, "tanh"), Residual((inner, Dense(2, "tanh")))))
    parameters, x = network.initialize(1), RNG.normal(size=(4, 2))

    def dense(number, x):
        return np.tanh(x @ parameters[number]["weights"] + parameters[number]["bias"])

    assert [place.skip for place in network.places] == [None, None, 1, None, 1]
    a = dense(0, x)
    b = a + dense(1, a)
    np.testing.assert_allclose(network.apply(parameters, network.initial_state(), x)[0], a + dense(3, b))


def test_two_paths_bring_back_what_came():
    """The derivative by the inputs is that through the layers plus that past them."""
    network = Network(3, (Residual((Dense(3, "tanh"),)),))
    parameters, x, g = network.initialize(0), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
    found = grad(lambda x: np.sum(g * network.apply(parameters, network.initial_state(), x)[0]))(x)
    weights, bias = parameters[0]["weights"], parameters[0]["bias"]
    slope = 1 - np.tanh(x @ weights + bias) ** 2
    np.testing.assert_allclose(found, g + (g * slope) @ weights.T, rtol=1e-12)


def test_layers_that_give_nothing_leave_the_inputs():
    network = Network(3, (Residual((Dense(3, "identity", weights="zeros", bias=0.0),)),))
    x = RNG.normal(size=(5, 3))
    np.testing.assert_array_equal(network.apply(network.initialize(0), network.initial_state(), x)[0], x)


def test_a_deep_network_learns_through_its_connections():
    plain = Network(2, (*(Dense(2, "tanh", weights="uniform") for _ in range(30)), Dense(1, "identity")))
    blocks = (Residual((Dense(2, "tanh", weights="uniform"),)) for _ in range(30))
    residual = Network(2, (*blocks, Dense(1, "identity")))
    x, t = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 1))
    sizes = []
    for network in (plain, residual):
        f = grad(objective(network, "squared"), has_aux=True)
        gradients, _ = f(network.initialize(0), network.initial_state(), x, t)
        sizes.append(np.abs(gradients[0]["weights"]).max())
    assert sizes[0] < 1e-6
    assert sizes[1] > 1e-3


def test_widths_that_do_not_fit():
    message = "layer 4, a residual connection, adds 4 inputs to the 5 units .*: give its last layer 4 units"
    with pytest.raises(OptionError, match=message):
        Network(3, (Dense(4), Residual((Dense(3), Dense(5))), Dense(1)))


@pytest.mark.parametrize("layers", [(), [], Dense(3)])
def test_no_layers(layers):
    with pytest.raises(OptionError, match="a residual connection needs at least one layer, found"):
        Residual(layers)
