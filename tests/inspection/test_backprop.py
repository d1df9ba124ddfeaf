"""The opened backward pass, against the four equations of backpropagation written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inspection.sizes import one_in
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


@one_in(4)
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
    with pytest.raises(OptionError, match="needed for this Network: parameters and loss"):
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


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_factors_of_every_sensitivity(name, training):
    network, parameters, state, X = kinds.made(name)
    T, rng = RNG.normal(size=(len(X), network.outputs)), random.random_state(1)
    found = backprop(network, X, T, parameters=parameters, state=state, loss="squared", rng=rng, training=training)
    for layer in found.layers:
        if layer.slope.ndim == 2:
            product = layer.back * layer.slope
        else:
            product = np.einsum("no,nos->ns", layer.back, layer.slope)
        np.testing.assert_allclose(layer.sensitivities, product, atol=1e-13)


def test_what_comes_back_is_the_derivative_by_the_activations():
    """Of a network whose second layer is fed by two paths, through a sum."""
    network, parameters, _, X = kinds.made("residual")
    T = RNG.normal(size=(len(X), 2))
    found = backprop(network, X, T, parameters=parameters, loss="squared")
    step, n, unit = 1e-6, 3, 1
    losses = []
    for sign in (1, -1):
        # What layer 2, inside the residual connection, makes, is added to the inputs and activated.
        hidden = found.layers[1].activations[n].copy()
        hidden[unit] += sign * step
        outputs = np.tanh(hidden + X[n]) @ parameters[3]["weights"] + parameters[3]["bias"]
        losses.append(np.sum((outputs - T[n]) ** 2))
    assert found.layers[1].back[n, unit] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_jacobian_of_every_kind_of_layer(name, training):
    network, parameters, state, X = kinds.made(name)
    T, rng = np.zeros((len(X), network.outputs)), random.random_state(1)
    found = backprop(network, X, T, parameters=parameters, state=state, loss="squared", rng=rng, training=training)
    step = 1e-6
    for k, layer in enumerate(found.layers):
        if training and layer.state:
            with pytest.raises(OptionError, match=f"layer {k + 1}, batch norm.*depend on each other"):
                layer.jacobian()
            continue
        jacobian, own = layer.jacobian(), network.stream(rng, k) if training else None
        assert jacobian.shape == (len(X), layer.signals.shape[1], layer.inputs.shape[1])
        codes = len(getattr(layer.layer, "categories", ()))
        assert not jacobian[:, :, :codes].any()
        for unit in range(codes, layer.inputs.shape[1]):
            sides = []
            for sign in (1, -1):
                x = layer.inputs.copy()
                x[:, unit] += sign * step
                signal, _ = layer.layer.signal(parameters[k], state[k], x, own, training)
                sides.append(layer.layer.activate(parameters[k], signal, own, training))
            np.testing.assert_allclose(jacobian[:, :, unit], (sides[0] - sides[1]) / (2 * step), atol=1e-7)


SMOOTH = ["identity", "sigmoid", "tanh", "softplus", "gelu", "silu", "softmax"]


@st.composite
def stacks(draw):
    """Layers of all kinds, one after the other and in residual connections, with their units all alike."""
    units = draw(st.integers(2, 4))
    activation = st.sampled_from(SMOOTH)
    layer = st.one_of(
        activation.map(lambda name: nn.Dense(units, name)),
        activation.map(nn.LayerNorm),
        activation.map(nn.BatchNorm),
        st.just(nn.Dropout(0.4)),
    )
    inside = st.lists(layer, min_size=1, max_size=2).map(tuple)
    several = st.one_of(layer, st.builds(nn.Residual, inside, st.sampled_from(["identity", "tanh"])))
    layers = [nn.Dense(units, draw(activation)), *draw(st.lists(several, max_size=3))]
    return nn.Network(draw(st.integers(1, 4)), tuple(layers))


@one_in(5)
@given(network=stacks(), seed=st.integers(0, 2**20), examples=st.integers(1, 4))
def test_jacobians_of_drawn_networks_are_slopes_and_carry_the_sensitivities(network, seed, examples):
    rng, step = np.random.default_rng(seed), 1e-5
    parameters = tuple(
        {name: x + 0.3 * rng.normal(size=x.shape) for name, x in one.items()} for one in network.initialize(rng)
    )
    state = tuple({name: x + rng.uniform(0, 1, x.shape) for name, x in one.items()} for one in network.initial_state())
    X, T = rng.normal(size=(examples, network.inputs)), rng.normal(size=(examples, network.outputs))
    seen = backprop(network, X, T, parameters=parameters, state=state, loss="squared")
    users = [[one for one in seen.layers if layer.number in (one.number - 1, one.skip)] for layer in seen.layers]
    for k, layer in enumerate(seen.layers):
        found = layer.jacobian()
        for unit in range(layer.inputs.shape[1]):
            sides = []
            for sign in (1, -1):
                x = layer.inputs.copy()
                x[:, unit] += sign * step
                signal, _ = layer.layer.signal(parameters[k], state[k], x, None, False)
                sides.append(layer.layer.activate(parameters[k], signal, None, False))
            np.testing.assert_allclose(found[:, :, unit], (sides[0] - sides[1]) / (2 * step), rtol=1e-5, atol=1e-6)
        # What comes back is a row times the Jacobian of each layer that uses the activations.
        if users[k]:
            back = sum(np.einsum("no,noi->ni", one.back, one.jacobian()) for one in users[k])
            np.testing.assert_allclose(layer.back, back, rtol=1e-9, atol=1e-11)


def test_one_example_has_the_gradients_of_its_own_loss():
    network, parameters, X, T = made((3,), "tanh")
    whole = backprop(network, X, T, parameters=parameters, loss="cross_entropy", regularizers=(nn.L2(0.1),))
    ones = [whole.example(n) for n in range(len(X))]
    for n, one in enumerate(ones):
        alone = backprop(
            network, X[n : n + 1], T[n : n + 1], parameters=parameters, loss="cross_entropy", regularizers=(nn.L2(0.1),)
        )
        assert one.objective == pytest.approx(alone.objective, abs=1e-14)
        assert one.equations().largest < 1e-14
        for mine, theirs in zip(one.layers, alone.layers, strict=True):
            for name in ("inputs", "signals", "activations", "back", "slope", "sensitivities"):
                np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), atol=1e-14)
            for name, gradient in mine.gradients.items():
                np.testing.assert_allclose(gradient, theirs.gradients[name], atol=1e-14)
            np.testing.assert_allclose(mine.jacobian(), theirs.jacobian(), atol=1e-14)
    for k, layer in enumerate(whole.layers):
        mean = np.mean([one.layers[k].gradients["weights"] for one in ones], axis=0)
        np.testing.assert_allclose(layer.gradients["weights"], mean, atol=1e-14)
    assert ones[2].example(0).losses == ones[2].losses


def test_one_example_of_dropout_keeps_its_draws():
    network, parameters, state, X = kinds.made("dropout")
    rng, T = random.random_state(4), np.zeros((len(X), 2))
    whole = backprop(network, X, T, parameters=parameters, state=state, loss="squared", rng=rng, training=True)
    one = whole.example(3)
    np.testing.assert_array_equal(one.layers[0].activations, whole.layers[0].activations[3:4])
    np.testing.assert_array_equal(one.layers[0].jacobian(), whole.layers[0].jacobian()[3:4])
    assert one.equations().largest < 1e-14


def test_there_has_to_be_such_an_example():
    network, parameters, X, T = made((3,), "tanh")
    found = backprop(network, X, T, parameters=parameters, loss="cross_entropy")
    for n in (-1, 5):
        with pytest.raises(DataError, match=f"from 0 to 4, found {n}"):
            found.example(n)
    network, parameters, state, X = kinds.made("batch norm")
    trained = backprop(network, X, X[:, :2], parameters=parameters, state=state, loss="squared", training=True)
    with pytest.raises(OptionError, match="layer 2, batch norm tanh, makes the examples"):
        trained.example(0)


def test_weights_of_examples_are_those_of_the_mean():
    network, parameters, X, T = made((3,), "tanh")
    weights = np.array([1.0, 0.0, 2.0, 0.5, 1.0])
    found = backprop(network, X, T, parameters=parameters, loss="cross_entropy", weights=weights)
    assert found.objective == pytest.approx(np.average(found.losses, weights=weights))
    expected = np.average(found.layers[1].sensitivities, axis=0, weights=weights)
    np.testing.assert_allclose(found.layers[1].gradients["bias"], expected, atol=1e-14)
    plain = backprop(network, X, T, parameters=parameters, loss="cross_entropy")
    for one, other in zip(found.layers, plain.layers, strict=True):
        np.testing.assert_allclose(one.sensitivities, other.sensitivities, atol=1e-14)
    for n in range(5):
        alone, other = found.example(n), plain.example(n)
        assert alone.weights is None
        assert alone.objective == pytest.approx(other.objective)
        np.testing.assert_allclose(
            alone.layers[0].gradients["weights"], other.layers[0].gradients["weights"], atol=1e-14
        )
    for wrong in (weights[:3], -weights, 0 * weights):
        with pytest.raises(DataError, match="weights should be one number of at least 0 for each of the 5 examples"):
            backprop(network, X, T, parameters=parameters, loss="cross_entropy", weights=wrong)


def test_weights_do_not_meet_batch_normalisation_in_training():
    network, parameters, state, X = kinds.made("batch norm")
    given = {"parameters": parameters, "state": state, "loss": "squared", "weights": np.arange(1.0, 7.0)}
    assert backprop(network, X, X[:, :2], **given).equations().largest < 1e-14
    with pytest.raises(OptionError, match="weights of examples have no place in training through batch norm"):
        backprop(network, X, X[:, :2], training=True, **given)


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
    with pytest.raises(OptionError, match="needed for this Network: state"):
        backprop(network, X, np.zeros((len(X), 2)), parameters=parameters, loss="squared")


def test_a_model_brings_its_state():
    network, parameters, state, X = kinds.made("batch norm")
    T = np.zeros((len(X), 2))
    by_model = backprop(train.Model(network, parameters, state, "squared"), X, T)
    by_hand = backprop(network, X, T, parameters=parameters, state=state, loss="squared")
    np.testing.assert_array_equal(by_model.layers[0].sensitivities, by_hand.layers[0].sensitivities)


def test_losses_stay_exact_far_out():
    network = nn.Network.of(1, output="sigmoid")
    parameters = ({"weights": np.array([[800.0]]), "bias": np.zeros(1)},)
    found = backprop(network, np.array([[1.0]]), np.zeros((1, 1)), parameters=parameters, loss="binary_cross_entropy")
    assert found.losses.tolist() == [800.0]
    assert found.objective == 800.0
