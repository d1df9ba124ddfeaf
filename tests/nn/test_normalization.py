"""Batch and layer normalisation against their formulas, forward and backward, and against PyTorch where it is there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import vjp
from chainrule.errors import DataError, OptionError
from chainrule.nn import BatchNorm, Dense, LayerNorm, Network

EPSILON = 1e-5


@st.composite
def cases(draw, least=2):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(least, 6)), draw(st.integers(2, 5))
    x, g = rng.normal(rng.normal(), 2.0, shape), rng.normal(size=shape)
    parameters = {"scale": rng.normal(size=shape[1]), "shift": rng.normal(size=shape[1])}
    return x, g, parameters


def by_the_textbook(x, g, parameters, axis):
    """The signals, and the derivatives by scale, shift and x that a derivative g by the signals gives.

    Ioffe and Szegedy, section 3, one equation a line: the derivatives by the normalised value, the variance, the mean,
    and the input; m is the number of values that are averaged. Along the other axis they are those of layer
    normalisation.
    """
    m = x.shape[axis]
    mean = x.sum(axis=axis, keepdims=True) / m
    variance = ((x - mean) ** 2).sum(axis=axis, keepdims=True) / m
    normalised = (x - mean) / np.sqrt(variance + EPSILON)
    by_normalised = g * parameters["scale"]
    by_variance = (by_normalised * (x - mean) * -0.5 * (variance + EPSILON) ** -1.5).sum(axis=axis, keepdims=True)
    by_mean = (by_normalised * -1 / np.sqrt(variance + EPSILON)).sum(axis=axis, keepdims=True)
    by_mean = by_mean + by_variance * (-2 * (x - mean)).sum(axis=axis, keepdims=True) / m
    by_x = by_normalised / np.sqrt(variance + EPSILON) + by_variance * 2 * (x - mean) / m + by_mean / m
    signal = parameters["scale"] * normalised + parameters["shift"]
    return signal, {"scale": (g * normalised).sum(axis=0), "shift": g.sum(axis=0)}, by_x


def assert_the_textbook(layer, state, case, axis):
    x, g, parameters = case
    signal, pull_back = vjp(lambda p, x: layer.signal(p, state, x, None, True)[0], parameters, x)
    by_parameters, by_x = pull_back(g)
    expected, gradients, expected_by_x = by_the_textbook(x, g, parameters, axis)
    np.testing.assert_allclose(signal, expected, rtol=1e-10, atol=1e-10)
    assert by_parameters.keys() == gradients.keys()
    for name, found in by_parameters.items():
        np.testing.assert_allclose(found, gradients[name], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_x, expected_by_x, rtol=1e-7, atol=1e-7)


@given(cases())
def test_batch_norm_in_training(case):
    layer = BatchNorm()
    assert_the_textbook(layer, layer.initial_state(case[0].shape[1], np.float64), case, axis=0)


@given(cases(least=1))
def test_layer_norm(case):
    assert_the_textbook(LayerNorm(), {}, case, axis=1)


@given(cases(), st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_running_mean_and_variance(case, momentum):
    x, _, parameters = case
    state = {"mean": np.full(x.shape[1], 3.0), "variance": np.full(x.shape[1], 2.0)}
    _, after = BatchNorm(momentum=momentum).signal(parameters, state, x, None, True)
    np.testing.assert_allclose(after["mean"], momentum * 3.0 + (1 - momentum) * x.mean(axis=0), rtol=1e-12)
    unbiased = x.var(axis=0, ddof=1)
    np.testing.assert_allclose(after["variance"], momentum * 2.0 + (1 - momentum) * unbiased, rtol=1e-12)


@given(cases(least=1))
def test_batch_norm_afterwards_is_a_line_for_each_unit(case):
    x, g, parameters = case
    state = {"mean": np.linspace(-1, 1, x.shape[1]), "variance": np.linspace(0.5, 2, x.shape[1])}
    layer = BatchNorm()
    signal, pull_back = vjp(lambda x: layer.signal(parameters, state, x, None, False)[0], x)
    slope = parameters["scale"] / np.sqrt(state["variance"] + EPSILON)
    np.testing.assert_allclose(signal, slope * (x - state["mean"]) + parameters["shift"])
    np.testing.assert_allclose(pull_back(g)[0], g * slope)


def test_the_state_settles_at_what_the_data_have():
    rng = np.random.default_rng(0)
    layer = BatchNorm()
    parameters, state = layer.initialize(rng, 2, np.float64), layer.initial_state(2, np.float64)
    for _ in range(400):
        _, state = layer.signal(parameters, state, rng.normal([5.0, -1.0], [2.0, 0.1], (64, 2)), None, True)
    np.testing.assert_allclose(state["mean"], [5.0, -1.0], atol=0.2)
    np.testing.assert_allclose(state["variance"], [4.0, 0.01], rtol=0.15)


def test_a_constant_column_is_only_shifted():
    layer = BatchNorm()
    parameters = {"scale": np.ones(1), "shift": np.full(1, 0.5)}
    state = layer.initial_state(1, np.float64)
    signal, after = layer.signal(parameters, state, np.full((4, 1), 7.0), None, True)
    np.testing.assert_array_equal(signal, 0.5)
    np.testing.assert_allclose(after["variance"], 0.9)


def test_the_activation_follows():
    network = Network(2, (Dense(3, "identity"), BatchNorm("relu")))
    rng = np.random.default_rng(0)
    passes, _ = network.forward(network.initialize(0), network.initial_state(), rng.normal(size=(5, 2)), training=True)
    np.testing.assert_array_equal(passes[1].activation, np.maximum(passes[1].signal, 0))
    assert (passes[1].signal < 0).any()


@pytest.mark.parametrize("examples", [0, 1])
def test_a_single_example_in_training(examples):
    network = Network(2, (Dense(3, "identity"), BatchNorm("relu")))
    parameters, state, x = network.initialize(0), network.initial_state(), np.ones((examples, 2))
    with pytest.raises(DataError, match=f"a batch of at least 2 examples, found {examples}: choose a batch size that"):
        network.apply(parameters, state, x, training=True)
    assert network.apply(parameters, state, x)[0].shape == (examples, 3)


def test_what_is_refused():
    for momentum in (1.0, -0.1, np.nan):
        with pytest.raises(OptionError, match="momentum of BatchNorm has to be at least 0 and below 1"):
            BatchNorm(momentum=momentum)
    for kind in (BatchNorm, LayerNorm):
        for epsilon in (0.0, -1.0, np.inf, np.nan):
            with pytest.raises(OptionError, match=f"epsilon of {kind.__name__} has to be a positive finite number"):
                kind(epsilon=epsilon)
        with pytest.raises(OptionError, match="unknown activation 'rleu': did you mean 'relu'"):
            kind("rleu")
    with pytest.raises(OptionError, match="layer 2: layer normalisation of a single unit is always 0"):
        Network(2, (Dense(1), LayerNorm()))


@given(cases(), st.booleans())
def test_torch_agrees_on_batch_norm(case, training):
    torch = pytest.importorskip("torch")
    x, _, _ = case
    theirs = torch.nn.BatchNorm1d(x.shape[1], momentum=0.1, eps=EPSILON, dtype=torch.float64)
    theirs.train(training)
    layer, state = BatchNorm(momentum=0.9), {"mean": np.full(x.shape[1], 0.3), "variance": np.full(x.shape[1], 1.7)}
    assert_torch_agrees(torch, theirs, layer, state, case)


@given(cases())
def test_torch_agrees_on_layer_norm(case):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.LayerNorm(case[0].shape[1], eps=EPSILON, dtype=torch.float64)
    assert_torch_agrees(torch, theirs, LayerNorm(), {}, case)


def assert_torch_agrees(torch, theirs, layer, state, case):
    x, g, parameters = case
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(parameters["scale"]))
        theirs.bias.copy_(torch.tensor(parameters["shift"]))
        if state:
            theirs.running_mean.copy_(torch.tensor(state["mean"]))
            theirs.running_var.copy_(torch.tensor(state["variance"]))
    given_x = torch.tensor(x, requires_grad=True)
    outputs = theirs(given_x)
    outputs.backward(torch.tensor(g))
    training = theirs.training
    signal, pull_back = vjp(lambda p, x: layer.signal(p, state, x, None, training)[0], parameters, x)
    by_parameters, by_x = pull_back(g)
    np.testing.assert_allclose(signal, outputs.detach().numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_x, given_x.grad.numpy(), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(by_parameters["scale"], theirs.weight.grad.numpy(), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(by_parameters["shift"], theirs.bias.grad.numpy(), rtol=1e-8, atol=1e-8)
    if state:
        _, after = layer.signal(parameters, state, x, None, training)
        np.testing.assert_allclose(after["mean"], theirs.running_mean.numpy(), rtol=1e-9)
        np.testing.assert_allclose(after["variance"], theirs.running_var.numpy(), rtol=1e-9)
