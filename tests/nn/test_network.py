"""Networks: sizes, starting values, the forward pass, and what is refused."""

import numpy as np
import pytest

from chainrule.errors import DataError, OptionError
from chainrule.nn import Activation, Dense, Network
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.initializers import he


@pytest.fixture
def network():
    return Network(4, (Dense(5, "relu"), Dense(2, "prelu"), Dense(3, "softmax")))


def test_shapes_and_counts(network):
    parameters = network.initialize(0)
    shapes = tuple({name: value.shape for name, value in layer.items()} for layer in parameters)
    assert shapes == network.shapes()
    assert shapes == (
        {"weights": (4, 5), "bias": (5,)},
        {"weights": (5, 2), "bias": (2,), "slope": (2,)},
        {"weights": (2, 3), "bias": (3,)},
    )
    assert network.count_parameters() == sum(v.size for layer in parameters for v in layer.values()) == 48
    assert network.outputs == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_types_are_kept(name, dtype):
    network = Network.of(3, (4,), 2, activation=name, output=name)
    parameters = network.initialize(0, dtype)
    passes, _ = network.forward(parameters, network.initial_state(dtype), np.ones((2, 3), dtype))
    assert {value.dtype for layer in parameters for value in layer.values()} == {np.dtype(dtype)}
    assert {value.dtype for layer in passes for value in layer} == {np.dtype(dtype)}


def test_one_seed_one_network(network):
    one, other = network.initialize(3), network.initialize(np.random.default_rng(3))
    for layer, same in zip(one, other, strict=True):
        assert layer.keys() == same.keys()
        for name in layer:
            np.testing.assert_array_equal(layer[name], same[name])
    assert not np.array_equal(one[0]["weights"], network.initialize(4)[0]["weights"])


def test_starting_values():
    relu, prelu, tanh, own = Network(
        50, (Dense(40, "relu"), Dense(40, "prelu"), Dense(40), Dense(2, "tanh", weights="zeros", bias=0.5))
    ).initialize(0)
    assert set(relu["bias"]) == {0.01}
    assert set(prelu["bias"]) == {0.0}
    assert set(prelu["slope"]) == {0.25}
    assert relu["weights"].std() == pytest.approx(np.sqrt(2 / 50), rel=0.1)
    assert np.abs(tanh["weights"]).max() <= np.sqrt(6 / 80)
    assert set(own["bias"]) == {0.5}
    assert not own["weights"].any()


def test_an_initialiser_of_ones_own():
    layer = Dense(2, weights=lambda rng, inputs, outputs, dtype: np.full((inputs, outputs), 7.0, dtype))
    assert set(layer.initialize(np.random.default_rng(0), 3, np.float64)["weights"].ravel()) == {7.0}
    assert Dense(2, weights=he).initialize(np.random.default_rng(0), 3, np.float32)["weights"].dtype == np.float32


def test_forward_is_signal_and_activation_of_each_layer(network):
    parameters = network.initialize(1)
    x = np.random.default_rng(2).normal(size=(6, 4))
    (first, second, third), _ = network.forward(parameters, network.initial_state(), x)
    np.testing.assert_allclose(first.signal, x @ parameters[0]["weights"] + parameters[0]["bias"])
    np.testing.assert_allclose(first.activation, np.maximum(first.signal, 0))
    np.testing.assert_allclose(second.activation, np.where(second.signal > 0, 1, 0.25) * second.signal)
    np.testing.assert_allclose(third.activation.sum(axis=1), 1)
    np.testing.assert_array_equal(network.apply(parameters, network.initial_state(), x)[0], third.activation)
    np.testing.assert_array_equal(network.signal(parameters, network.initial_state(), x)[0], third.signal)
    assert network.apply(parameters, network.initial_state(), x[:0])[0].shape == (0, 3)


def test_probes_are_added_to_the_signals(network):
    parameters = network.initialize(1)
    x = np.ones((2, 4))
    probes = (np.zeros((2, 5)), np.full((2, 2), 0.5), np.zeros((2, 3)))
    plain, _ = network.forward(parameters, network.initial_state(), x)
    probed, _ = network.forward(parameters, network.initial_state(), x, probes=probes)
    np.testing.assert_array_equal(probed[0].signal, plain[0].signal)
    np.testing.assert_allclose(probed[1].signal, plain[1].signal + 0.5)


def test_logistic_regression_is_a_network_without_hidden_layer():
    network = Network.of(2, output="sigmoid")
    parameters = ({"weights": np.array([[1.0], [-2.0]]), "bias": np.array([0.5])},)
    x = np.array([[3.0, 1.0]])
    np.testing.assert_allclose(network.apply(parameters, network.initial_state(), x)[0], 1 / (1 + np.exp(-1.5)))
    assert len(network.layers) == 1


def test_of_takes_one_activation_or_one_for_each():
    mixed = Network.of(2, (3, 4), 1, activation=("relu", "gelu"))
    assert [layer.activation for layer in mixed.layers] == ["relu", "gelu", "identity"]
    own = Activation("cube", lambda z: z**3)
    assert [layer.activation for layer in Network.of(2, (3, 4), 1, activation=own).layers] == [
        own,
        own,
        "identity",
    ]
    with pytest.raises(OptionError, match="3 activations were given for 2 hidden layers"):
        Network.of(2, (3, 4), 1, activation=["tanh"] * 3)


def test_networks_compare_and_hash(network):
    assert network == Network(4, list(network.layers))
    assert len({network, Network(4, network.layers)}) == 1


def test_lists_are_welcome(network):
    parameters = network.initialize(0)
    assert network.apply(parameters, network.initial_state(), [[1, 2, 3, 4]])[0].shape == (1, 3)


@pytest.mark.parametrize("units", [0, -3, 2.0, "4", True, None])
def test_units_have_to_be_positive_integers(units):
    with pytest.raises(OptionError, match="units of a layer has to be a positive integer, found"):
        Dense(units)


def test_numpy_integers_are_sizes():
    network = Network(np.int64(2), [Dense(np.int32(3))])
    assert (network.inputs, network.layers[0].units) == (2, 3)
    assert type(network.inputs) is type(network.layers[0].units) is int


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network(0, (Dense(1),)), "inputs of a network has to be a positive integer, found 0"),
        (lambda: Network(2, ()), "at least one layer"),
        (lambda: Dense(2, "tanhh"), "unknown activation 'tanhh': did you mean 'tanh'"),
        (lambda: Dense(2, weights="He"), "unknown initialiser 'He': did you mean 'he'"),
        (lambda: Dense(1, "softmax"), "softmax over a single unit is always 1"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(OptionError, match=message):
        make()


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((10, 3), r"give an array of shape \(examples, 4\)"),
        ((4,), r"for a single example give x\[np.newaxis, :\]"),
        ((7,), r"give an array of shape \(examples, 4\)"),
        ((1, 2, 4), r"give an array of shape \(examples, 4\)"),
    ],
)
def test_inputs_of_the_wrong_shape(network, shape, advice):
    with pytest.raises(DataError, match=r"the network expects 4 inputs, x has shape \(.*\): " + advice):
        network.apply(network.initialize(0), network.initial_state(), np.ones(shape))


def test_a_single_feature():
    network = Network.of(1)
    with pytest.raises(DataError, match=r"expects 1 input, x has shape \(5,\): give x\[:, np.newaxis\]"):
        network.apply(network.initialize(0), network.initial_state(), np.ones(5))


def test_parameters_and_probes_of_another_network(network):
    parameters = network.initialize(0)
    with pytest.raises(OptionError, match="the network has 3 layers, but there are parameters for 2"):
        network.apply(parameters[:2], network.initial_state(), np.ones((1, 4)))
    with pytest.raises(OptionError, match=r"3 layers, but there is a state for 1: network.initial_state\(\) makes it"):
        network.apply(parameters, ({},), np.ones((1, 4)))
    with pytest.raises(OptionError, match="the network has 3 layers, but there are 1 probes"):
        network.forward(parameters, network.initial_state(), np.ones((1, 4)), probes=(np.zeros((1, 5)),))


def test_sign_decides_and_cannot_learn():
    network = Network(2, (Dense(3, "tanh"), Dense(1, "sign")))
    assert set(np.ravel(network.apply(network.initialize(0), network.initial_state(), np.eye(2))[0])) <= {
        -1.0,
        0.0,
        1.0,
    }
    with pytest.raises(OptionError, match="layer 2 of 2 has the activation sign, which decides and cannot learn"):
        network.check_trainable()
