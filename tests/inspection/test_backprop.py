"""The opened backward pass, against the four equations of backpropagation written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.nn import kinds
from tests.nn.kinds import NETWORKS

from chainrule import backprop, data, nn, optim, random, train
from chainrule.errors import DataError, OptionError

RNG = np.random.default_rng(0)

#: g'(s) by the signal and the activation, for the hidden layers.
SLOPES = {
    "identity": lambda s, a: np.ones_like(s),
    "sigmoid": lambda s, a: a * (1 - a),
    "tanh": lambda s, a: 1 - a**2,
    "relu": lambda s, a: (s > 0) * 1.0,
    "softplus": lambda s, a: 1 / (1 + np.exp(-s)),
}


def made(hidden, activation, outputs=3, examples=5, seed=0):
    rng = np.random.default_rng(seed)
    network = nn.Network.of(4, hidden, outputs, activation=activation, output="softmax")
    X = rng.normal(size=(examples, 4))
    T = np.eye(outputs)[rng.integers(0, outputs, examples)]
    return network, network.initialize(rng), X, T


@given(
    activation=st.sampled_from(sorted(SLOPES)),
    hidden=st.lists(st.integers(1, 5), max_size=3).map(tuple),
    examples=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_four_equations(activation, hidden, examples, seed):
    network, parameters, X, T = made(hidden, activation, examples=examples, seed=seed)
    found = backprop(network, X, T, parameters=parameters, loss="cross_entropy")
    last = found.layers[-1]
    # 1. At the output: dl/da times da/ds, which for softmax with cross-entropy is a - t.
    np.testing.assert_allclose(last.sensitivities, last.activations - T, atol=1e-12)
    product = np.einsum("no,nos->ns", found.loss_by_output, found.output_by_signal)
    np.testing.assert_allclose(last.sensitivities, product, atol=1e-9)
    for layer, following, own in zip(found.layers, found.layers[1:], parameters[1:], strict=False):
        # 2. Elsewhere: what comes back through the weights, times g'(s).
        slope = SLOPES[activation](layer.signals, layer.activations)
        np.testing.assert_allclose(layer.sensitivities, following.sensitivities @ own["weights"].T * slope, atol=1e-12)
    for layer in found.layers:
        # 3. and 4. The gradients by bias and weights, of the mean over the examples.
        np.testing.assert_allclose(layer.gradients["bias"], layer.sensitivities.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(
            layer.gradients["weights"], layer.inputs.T @ layer.sensitivities / examples, atol=1e-12
        )


def test_sensitivities_are_the_derivatives_of_one_examples_loss_by_its_signals():
    network, parameters, X, T = made((3,), "tanh")
    found = backprop(network, X, T, parameters=parameters, loss="cross_entropy")
    step = 1e-6
    for n in range(len(X)):
        for unit in range(3):
            losses = []
            for sign in (1, -1):
                hidden = found.layers[0].signals[n].copy()
                hidden[unit] += sign * step
                signal = np.tanh(hidden) @ parameters[1]["weights"] + parameters[1]["bias"]
                losses.append(np.log(np.exp(signal).sum()) - signal @ T[n])
            slope = (losses[0] - losses[1]) / (2 * step)
            assert found.layers[0].sensitivities[n, unit] == pytest.approx(slope, abs=1e-8)


def test_elementwise_output_has_one_factor_a_unit():
    network = nn.Network.of(2, (3,), 2, activation="tanh", output="sigmoid")
    X, T = RNG.normal(size=(4, 2)), RNG.random((4, 2))
    found = backprop(network, X, T, parameters=network.initialize(1), loss="squared")
    assert found.output_by_signal.shape == (4, 2)
    outputs = found.layers[-1].activations
    np.testing.assert_allclose(found.output_by_signal, outputs * (1 - outputs))
    np.testing.assert_allclose(found.loss_by_output, 2 * (outputs - T))
    np.testing.assert_allclose(found.layers[-1].sensitivities, found.loss_by_output * found.output_by_signal)


def test_regularisers_take_part_in_the_gradients_but_not_in_the_sensitivities():
    network, parameters, X, T = made((3,), "tanh")
    plain = backprop(network, X, T, parameters=parameters, loss="cross_entropy")
    penalised = backprop(network, X, T, parameters=parameters, loss="cross_entropy", regularizers=(nn.L2(0.1),))
    for before, after, own in zip(plain.layers, penalised.layers, parameters, strict=True):
        np.testing.assert_array_equal(before.sensitivities, after.sensitivities)
        np.testing.assert_allclose(after.gradients["weights"], before.gradients["weights"] + 0.1 * own["weights"])
        np.testing.assert_array_equal(before.gradients["bias"], after.gradients["bias"])
    assert penalised.objective > plain.objective


def test_learned_slopes_have_gradients_of_their_own():
    network, parameters, X, T = made((3,), "prelu")
    found = backprop(network, X, T, parameters=parameters, loss="cross_entropy")
    assert found.layers[0].gradients["slope"].shape == (3,)
    assert "gradient by slope" in str(found)


def test_the_table_names_every_layer():
    network, parameters, X, T = made((3, 2), "relu")
    text = str(backprop(network, X, T, parameters=parameters, loss="cross_entropy"))
    assert text.startswith("backpropagation through 4 - 3 relu - 2 relu - 3 softmax, 5 examples, objective ")
    assert [line.split()[:3] for line in text.splitlines()[-3:]] == [
        ["1", "3", "relu"],
        ["2", "2", "relu"],
        ["3", "3", "softmax"],
    ]


def test_a_model_brings_what_it_needs():
    X, T = data.xor()
    network = nn.Network.of(2, (4,), output="sigmoid")
    found = train.fit(
        network, network.initialize(0), "binary_cross_entropy", X, T, optimizer=optim.adam(0.1), epochs=20
    )
    model = train.Model(network, found.parameters, found.network_state, "binary_cross_entropy")
    by_model = backprop(model, X, T)
    by_hand = backprop(network, X, T, parameters=found.parameters, loss="binary_cross_entropy")
    np.testing.assert_array_equal(by_model.layers[0].sensitivities, by_hand.layers[0].sensitivities)


def test_what_is_missing_is_named():
    network, parameters, X, T = made((), "tanh")
    with pytest.raises(OptionError, match="needs parameters and loss for this Network"):
        backprop(network, X, T)
    with pytest.raises(DataError, match="at least one example"):
        backprop(network, X[:0], T[:0], parameters=parameters, loss="cross_entropy")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_layer_has_sensitivities_and_gradients(name, training):
    network, parameters, state, X = kinds.made(name)
    T, rng = RNG.normal(size=(len(X), network.outputs)), random.random_state(1)
    found = backprop(network, X, T, parameters=parameters, state=state, loss="squared", rng=rng, training=training)
    assert [layer.layer for layer in found.layers] == [place.layer for place in network.places]
    f = nn.objective(network, "squared", reduction="sum")
    step = 1e-6
    for number, layer in enumerate(found.layers):
        assert layer.gradients.keys() == network.shapes()[number].keys()
        for n, unit in ((0, 0), (len(X) - 1, -1)):
            values = []
            for sign in (1, -1):
                probes = [np.zeros_like(one.signals) for one in found.layers]
                probes[number][n, unit] = sign * step
                values.append(f(parameters, state, X, T, rng, training, probes=probes)[0])
            assert layer.sensitivities[n, unit] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-6)
    # The first equation, where the activation is elementwise.
    if found.output_by_signal.ndim == 2:
        product = found.loss_by_output * found.output_by_signal
        np.testing.assert_allclose(found.layers[-1].sensitivities, product, atol=1e-12)
    if not training:
        expected, _ = network.apply(parameters, state, X)
        np.testing.assert_array_equal(found.layers[-1].activations, expected)


def test_what_goes_into_a_residual_connection_is_the_sum():
    network, parameters, _, X = kinds.made("residual")
    found = backprop(network, X, np.zeros((len(X), 2)), parameters=parameters, loss="squared")
    np.testing.assert_array_equal(found.layers[2].inputs, X + found.layers[1].activations)
    np.testing.assert_array_equal(found.layers[3].inputs, found.layers[2].activations)


def test_the_table_names_every_kind_of_layer():
    network, parameters, state, X = kinds.made("all")
    text = str(backprop(network, X, np.zeros((len(X), 2)), parameters=parameters, state=state, loss="squared"))
    assert text.startswith(
        "backpropagation through 4 - 5 embedding of 5 in 2 - 6 identity - 6 batch norm tanh - 6 dropout 0.3 - "
        "5 identity - 5 residual - 5 layer norm gelu - 2 softmax, 6 examples, objective "
    )
    for name in ("vectors1", "weights", "bias", "scale", "shift"):
        assert f"gradient by {name}" in text


def test_a_state_is_needed_where_there_is_one():
    network, parameters, _, X = kinds.made("batch norm")
    with pytest.raises(OptionError, match="backprop needs state for this Network"):
        backprop(network, X, np.zeros((len(X), 2)), parameters=parameters, loss="squared")


def test_a_model_brings_its_state():
    network, parameters, state, X = kinds.made("batch norm")
    T = np.zeros((len(X), 2))
    by_model = backprop(train.Model(network, parameters, state, "squared"), X, T)
    by_hand = backprop(network, X, T, parameters=parameters, state=state, loss="squared")
    np.testing.assert_array_equal(by_model.layers[0].sensitivities, by_hand.layers[0].sensitivities)
