"""What holds for every kind of layer: derivatives, precision, seeds, state, batches of one."""

import numpy as np
import pytest
from tests.nn.kinds import NETWORKS, SEPARATE, made

from chainrule import check_gradient, grad, jvp, random, scan, tree, value_and_grad, vectorize
from chainrule.errors import OptionError
from chainrule.nn import (
    L2,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    LayerNorm,
    Network,
    Residual,
    example_losses,
    layers,
    objective,
)
from chainrule.nn.layers import Layer

RNG = random.random_state(3)
KINDS = {
    Dense: Dense(3),
    BatchNorm: BatchNorm("relu"),
    LayerNorm: LayerNorm(),
    Dropout: Dropout(0.5),
    Residual: Residual((Dense(4),)),
    Embedding: Embedding((3,), (2,)),
}
every_network = pytest.mark.parametrize("name", NETWORKS)
both_ways = pytest.mark.parametrize("training", [False, True])


def bits(values):
    return [np.asarray(leaf).tobytes() for leaf in tree.leaves(values)]


def test_no_kind_is_left_out():
    used = {type(place.layer) for network in NETWORKS.values() for place in network.places}
    assert used == set(KINDS)
    assert len({layer.kind for layer in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("layer", KINDS.values(), ids=lambda layer: layer.kind)
def test_every_kind_has_all_of_the_protocol(layer):
    asked = {name for name in vars(Layer) if not name.startswith("_")}
    assert asked == {
        "activate",
        "activation_row",
        "draws",
        "initial_state",
        "initialize",
        "kind",
        "shapes",
        "signal",
        "state_shapes",
        "text",
        "units_out",
    }
    assert all(hasattr(layer, name) for name in asked)
    parameters = layer.initialize(np.random.default_rng(0), 4, np.float32)
    state = layer.initial_state(4, np.float32)
    assert {name: array.shape for name, array in parameters.items()} == layer.shapes(4)
    assert {name: array.shape for name, array in state.items()} == layer.state_shapes(4)
    assert {array.dtype for array in (*parameters.values(), *state.values())} <= {np.dtype(np.float32)}
    assert hash(layer) == hash(type(layer)(**vars(layer)))
    assert isinstance(layer.signal(parameters, state, np.zeros((2, 4)), None, False), tuple)


@both_ways
@every_network
def test_gradients_are_those_of_differences(name, training):
    network, parameters, state, x = made(name)
    targets = np.random.default_rng(1).normal(size=(len(x), network.outputs))
    f = objective(network, "squared", [L2(0.1)])

    def value(parameters):
        return f(parameters, state, x, targets, RNG, training)[0]

    report = check_gradient(value, (parameters,))
    assert report.ok, report


@both_ways
@every_network
def test_sensitivities_are_those_of_differences(name, training):
    network, parameters, state, x = made(name)
    targets = np.random.default_rng(1).normal(size=(len(x), network.outputs))
    passes, _ = network.forward(parameters, state, x, RNG, training)
    probes = tuple(np.zeros_like(one.signal) for one in passes)
    assert [probe.shape for probe in probes] == [(len(x), place.units) for place in network.places]
    f = objective(network, "squared", reduction="sum")
    report = check_gradient(lambda probes: f(parameters, state, x, targets, RNG, training, None, probes)[0], (probes,))
    assert report.ok, report


@both_ways
@every_network
def test_single_precision_stays(name, training):
    network, parameters, state, x = made(name, dtype=np.float32)
    targets = np.zeros((len(x), network.outputs), np.float32)
    f = objective(network, "squared", [L2(0.1)])
    (value, after), gradients = value_and_grad(f, has_aux=True)(parameters, state, x, targets, RNG, training)
    passes, _ = network.forward(parameters, state, x, RNG, training)
    found = [value, *tree.leaves(after), *tree.leaves(gradients), *(array for one in passes for array in one)]
    assert {np.asarray(array).dtype for array in found} == {np.dtype(np.float32)}


@every_network
def test_the_same_random_state_gives_the_same_bits(name):
    network, parameters, state, x = made(name)
    one, same = (network.apply(parameters, state, x, random.random_state(5), True) for _ in range(2))
    assert bits(one) == bits(same)
    other = network.apply(parameters, state, x, random.random_state(6), True)
    draws = any(place.layer.draws for place in network.places)
    assert (bits(one[0]) != bits(other[0])) == draws


@every_network
def test_nothing_changes_but_in_training(name):
    network, parameters, state, x = made(name)
    before = bits((parameters, state, x))
    outputs, after = network.apply(parameters, state, x)
    assert bits(after) == bits(state)
    np.testing.assert_array_equal(network.apply(parameters, state, x, RNG)[0], outputs)
    _, trained = network.apply(parameters, state, x, RNG, training=True)
    assert (bits(trained) != bits(state)) == any(network.state_shapes())
    # What went in is not written to.
    assert bits((parameters, state, x)) == before


@every_network
def test_examples_pass_one_by_one_as_together(name):
    network, parameters, state, x = made(name)
    outputs, _ = network.apply(parameters, state, x)

    def one(row):
        return network.apply(parameters, state, row[np.newaxis])[0][0]

    np.testing.assert_allclose(vectorize(one)(x), outputs, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose([one(row) for row in x], outputs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", SEPARATE)
def test_gradients_of_each_example_in_training(name):
    network, parameters, state, x = made(name)
    targets = np.ones((len(x), network.outputs))

    def loss(parameters, row, target, number):
        rng = random.fold(RNG, number)
        losses, _ = example_losses(
            network, "squared", parameters, state, row[np.newaxis], target[np.newaxis], rng, training=True
        )
        return losses[0]

    numbers = np.arange(len(x))
    together = vectorize(grad(loss), (None, 0, 0, 0))(parameters, x, targets, numbers)
    for number in numbers:
        alone = grad(loss)(parameters, x[number], targets[number], int(number))
        for found, expected in zip(tree.leaves(together), tree.leaves(alone), strict=True):
            np.testing.assert_allclose(found[number], expected, rtol=1e-9, atol=1e-12)


@both_ways
@every_network
def test_forward_mode_agrees_to_second_order(name, training):
    network, parameters, state, x = made(name)
    targets = np.random.default_rng(1).normal(size=(len(x), network.outputs))
    rng = np.random.default_rng(2)
    direction = tree.map(lambda p: rng.normal(size=p.shape), parameters)
    f = objective(network, "squared")

    def value(parameters):
        return f(parameters, state, x, targets, RNG, training)[0]

    def slope(parameters):
        pairs = zip(tree.leaves(grad(value)(parameters)), tree.leaves(direction), strict=True)
        return sum(np.sum(gradient * one) for gradient, one in pairs)

    np.testing.assert_allclose(jvp(value, (parameters,), (direction,))[1], slope(parameters), rtol=1e-9)
    # The derivative of the gradient, forward over reverse and reverse over reverse.
    along = jvp(grad(value), (parameters,), (direction,))[1]
    for one, other in zip(tree.leaves(along), tree.leaves(grad(slope)(parameters)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)


@every_network
def test_training_inside_a_scan(name):
    """Recorded once, without values, the steps are those of a Python loop."""
    network, parameters, state, x = made(name)
    targets = np.random.default_rng(1).normal(size=(len(x), network.outputs))
    f = grad(objective(network, "squared"), has_aux=True)

    def step(carry, number):
        gradients, state = f(*carry, x, targets, random.fold(RNG, number), True)
        return (tree.map(lambda p, g: p - 0.05 * g, carry[0], gradients), state), None

    expected = parameters, state
    for number in range(4):
        expected, _ = step(expected, number)
    found, _ = scan(step, (parameters, state), np.arange(4))
    assert bits(found) == bits(expected)


def test_the_state_that_comes_out_has_derivative_zero():
    network, parameters, state, x = made("batch norm")

    def of_the_state(parameters):
        _, after = network.apply(parameters, state, x, training=True)
        return sum(np.sum(array) for array in after[1].values()) + 0.0 * np.sum(parameters[0]["bias"])

    for leaf in tree.leaves(grad(of_the_state)(parameters)):
        np.testing.assert_array_equal(leaf, 0)


def test_a_layer_of_one_s_own():
    class Noise:
        kind, draws, text = "noise", True, "noise"
        activation_row = layers.activation("identity")

        def units_out(self, inputs):
            return inputs

        def shapes(self, inputs):
            return {}

        def state_shapes(self, inputs):
            return {"batches": ()}

        def initialize(self, rng, inputs, dtype):
            return {}

        def initial_state(self, inputs, dtype):
            return {"batches": np.zeros((), dtype)}

        def signal(self, parameters, state, x, rng, training):
            return x, {"batches": state["batches"] + 1} if training else state

        def activate(self, parameters, signal, rng, training):
            return signal + random.normal(rng, signal.shape, 0.0, 0.1)[0] if training else signal

    network = Network(2, (Noise(), Dense(1)))
    parameters, state, x = network.initialize(0), network.initial_state(), np.ones((3, 2))
    plain, _ = network.apply(parameters, state, x)
    noisy, after = network.apply(parameters, state, x, RNG, training=True)
    assert not np.array_equal(plain, noisy)
    assert after == ({"batches": 1.0}, {})


def test_softmax_over_a_single_unit_is_refused_at_every_kind():
    for layer in (BatchNorm("softmax"), Residual((Dense(1),), "softmax")):
        with pytest.raises(OptionError, match="softmax over a single unit is always 1"):
            Network(3, (Dense(1), layer))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Dense(3), "layers of a network have to be a tuple of layers, found Dense"),
        ((Dense(3), Dropout), "layer 2 has to be a layer, such as Dense.*, found <class"),
        ((Dense(3), Residual((Dense(5), "relu"))), "layer 3 has to be a layer, such as Dense.*, found 'relu'"),
    ],
)
def test_what_is_no_layer(given, message):
    with pytest.raises(OptionError, match=message):
        Network(3, given)


def test_a_network_without_parameters():
    with pytest.raises(OptionError, match="at least one layer with parameters, found none: add a Dense"):
        Network(3, (Dropout(0.5),))


def test_what_every_layer_says_of_itself():
    texts = [(place.units, place.layer.text) for place in NETWORKS["all"].places]
    assert texts == [
        (5, "embedding of 5 in 2"),
        (6, "identity"),
        (6, "batch norm tanh"),
        (6, "dropout 0.3"),
        (5, "identity"),
        (5, "residual"),
        (5, "layer norm gelu"),
        (2, "softmax"),
    ]
