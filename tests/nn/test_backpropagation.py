"""The backward pass, which is the derivative of the graph, meets the equations of backpropagation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.oracles import LEARNING, four_equations, matrix_form

from chainrule.differentiate import grad
from chainrule.nn import Dense, Network, objective
from chainrule.nn.losses import LOSSES


def draw_targets(loss, rng, shape):
    """Random targets that the loss allows."""
    if loss == "binary_cross_entropy":
        return rng.integers(0, 2, shape).astype(float)
    if loss == "cross_entropy":
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    if loss == "poisson":
        return rng.poisson(2.0, shape).astype(float)
    return rng.normal(size=shape)


@st.composite
def problems(draw, activation, loss):
    """A network with `activation` in its hidden layers, its parameters, inputs and targets."""
    outputs = [row.name for row in LOSSES[loss].outputs or ()] or LEARNING
    # Softmax needs two units to be anything but 1.
    sizes = st.integers(2, 4)
    hidden = draw(st.lists(sizes, min_size=0, max_size=3))
    layers = [Dense(units, activation) for units in hidden]
    layers.append(Dense(draw(sizes), draw(st.sampled_from(outputs))))
    network = Network(draw(st.integers(1, 4)), tuple(layers))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Biases away from their start, so that an error in them cannot hide. A tower of exp would overflow.
    scale = 0.2 if activation == "exp" else 1.0
    parameters = tuple(
        {name: scale * (value + 0.3 * rng.normal(size=value.shape)) for name, value in layer.items()}
        for layer in network.initialize(rng)
    )
    examples = draw(st.integers(1, 5))
    x = rng.normal(size=(examples, network.inputs))
    return network, parameters, x, draw_targets(loss, rng, (examples, network.outputs))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", LEARNING)
def test_the_four_equations(activation, loss):
    @settings(max_examples=15)
    @given(problems(activation, loss))
    def check(problem):
        network, parameters, x, targets = problem
        state = network.initial_state()
        passes, _ = network.forward(parameters, state, x)
        probes = tuple(np.zeros_like(layer.signal) for layer in passes)
        f = objective(network, loss, reduction="sum")
        both = grad(f, ("parameters", "probes"), has_aux=True)
        (gradients, sensitivities), _ = both(parameters, state, x, targets, probes=probes)
        deltas, expected = four_equations(network, parameters, passes, x, targets, loss)
        for found, delta in zip(sensitivities, deltas, strict=True):
            np.testing.assert_allclose(found, delta, rtol=1e-8, atol=1e-10)
        for found, by_hand in zip(gradients, expected, strict=True):
            assert found.keys() == by_hand.keys()
            for name in found:
                np.testing.assert_allclose(found[name], by_hand[name], rtol=1e-8, atol=1e-10)

    check()


@pytest.mark.parametrize(
    ("name", "loss"), [("tanh", "squared"), ("sigmoid", "binary_cross_entropy"), ("identity", "huber")]
)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    examples=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15)
def test_the_matrix_form_with_the_bias_as_row_0(name, loss, sizes, examples, seed):
    rng = np.random.default_rng(seed)
    network = Network(sizes[0], tuple(Dense(units, name) for units in sizes[1:]))
    parameters = tuple(
        {key: value + 0.3 * rng.normal(size=value.shape) for key, value in layer.items()}
        for layer in network.initialize(rng)
    )
    x = rng.normal(size=(examples, sizes[0]))
    targets = draw_targets(loss, rng, (examples, sizes[-1]))
    found, _ = grad(objective(network, loss), has_aux=True)(parameters, network.initial_state(), x, targets)
    for layer, expected in zip(found, matrix_form(parameters, name, loss, x, targets), strict=True):
        np.testing.assert_allclose(layer["bias"], expected[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(layer["weights"], expected[1:], rtol=1e-9, atol=1e-12)


def test_the_derivative_by_the_inputs():
    network = Network.of(2, (3,), 1)
    parameters = network.initialize(0)
    x, t = np.array([[0.3, -0.2]]), np.array([[1.0]])
    f = objective(network, "half_squared")
    probes = tuple(np.zeros((1, units)) for units in (3, 1))
    both = grad(f, ("x", "probes"), has_aux=True)
    (by_inputs, (first, _)), _ = both(parameters, network.initial_state(), x, t, probes=probes)
    np.testing.assert_allclose(by_inputs, first @ parameters[0]["weights"].T)


def test_sum_and_mean_differ_by_the_number_of_examples():
    network = Network.of(2, (3,), 1)
    parameters, x, t = network.initialize(0), np.eye(2), np.ones((2, 1))
    state = network.initial_state()
    mean, _ = grad(objective(network, "squared"), has_aux=True)(parameters, state, x, t)
    total, _ = grad(objective(network, "squared", reduction="sum"), has_aux=True)(parameters, state, x, t)
    for one, other in zip(mean, total, strict=True):
        for name in one:
            np.testing.assert_allclose(2 * one[name], other[name])
