"""The lesson `vanishing` against backpropagation through sigmoid and tanh layers, written out."""

from itertools import pairwise

import numpy as np
import pytest
from tests.lessons.running import SEEDS, programs, taught

from chainrule.lessons import ladder
from chainrule.nn import Dense, Network


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


#: Function, and slope by the activation.
ACTIVATIONS = {"sigmoid": (sigmoid, lambda a: a * (1 - a)), "tanh": (np.tanh, lambda a: 1 - a * a)}


def passes(activation, weights, biases, X, T):
    """Activations and sensitivities of a network with softmax and cross-entropy, first to last."""
    function, slope = ACTIVATIONS[activation]
    activations = [X]
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        activations.append(function(activations[-1] @ W + b))
    scores = np.exp(activations[-1] @ weights[-1] + biases[-1])
    activations.append(scores / scores.sum(axis=1, keepdims=True))
    deltas = [activations[-1] - T]
    for W, a in zip(reversed(weights[1:]), reversed(activations[1:-1]), strict=True):
        deltas.insert(0, (deltas[0] @ W.T) * slope(a))
    return activations, deltas


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_holds(seed):
    claims = list(taught("vanishing", seed).claims())
    assert len(claims) >= 15
    assert [claim.text for claim in claims if not claim.holds] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_chain_written_out(seed):
    rng = np.random.default_rng(seed)
    weights, biases = rng.normal(size=8), rng.normal(size=8)
    activations, a = [], 1.0
    for w, b in zip(weights, biases, strict=True):
        a = sigmoid(w * a + b)
        activations.append(a)
    slopes = np.array(activations) * (1 - np.array(activations))
    delta, expected = a * slopes[-1], []
    for k in reversed(range(8)):
        expected.insert(0, delta)
        delta *= weights[k] * slopes[k - 1]
    found = taught("vanishing", seed).numbers["chain"]
    np.testing.assert_allclose(found["weight"], weights)
    np.testing.assert_allclose(found["slope"], slopes, rtol=1e-12)
    np.testing.assert_allclose(found["sensitivity"], expected, rtol=1e-9)
    assert slopes.max() <= 0.25


def test_chain_with_signals_of_zero_doubles():
    np.testing.assert_allclose(taught("vanishing", 0).numbers["balanced"]["slope"], 0.25, rtol=1e-12)
    sensitivities = taught("vanishing", 0).numbers["balanced"]["sensitivity"]
    np.testing.assert_allclose(sensitivities[:-1] / sensitivities[1:], 2.0, rtol=1e-9)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_sensitivities_and_factors_of_the_deep_network_written_out(activation):
    X, T, *_ = ladder.digits(2)
    network = Network(64, (*ladder.deep(activation, "glorot_uniform"), Dense(10, "softmax")))
    parameters = network.initialize(2)
    weights, biases = ([layer[name] for layer in parameters] for name in ("weights", "bias"))
    activations, deltas = passes(activation, weights, biases, X, T)
    sizes = np.array([np.sqrt(np.mean(delta**2)) for delta in deltas])
    found = taught("vanishing", 2).numbers["deep"][activation]
    np.testing.assert_allclose(found["sensitivity"], sizes, rtol=1e-8)
    back = np.array([np.sqrt(np.mean((d @ W.T) ** 2)) for d, W in zip(deltas[1:], weights[1:], strict=True)])
    np.testing.assert_allclose(found["by_weights"][:-1], back / sizes[1:], rtol=1e-8)
    np.testing.assert_allclose(found["by_activation"][:-1], sizes[:-1] / back, rtol=1e-8)
    ratio = sizes[0] / sizes[-1]
    assert taught("vanishing", 2).numbers["ratios"][activation, "glorot_uniform"] == pytest.approx(ratio, rel=1e-8)
    assert len(activations) == 10


def trained(activation, bound, seed):
    """Gradient descent by the four equations, at the larger rate, with an order of examples of its own."""
    X, T, *_ = ladder.digits(seed)
    rng = np.random.default_rng(seed + 100)
    sizes = [64, *[32] * 8, 10]
    weights = [rng.uniform(-1, 1, shape) * bound(*shape) for shape in pairwise(sizes)]
    biases = [np.zeros(units) for units in sizes[1:]]
    for _ in range(15):
        losses = []
        for batch in rng.permutation(1000).reshape(20, 50):
            activations, deltas = passes(activation, weights, biases, X[batch], T[batch])
            losses.append(-np.mean(np.sum(T[batch] * np.log(activations[-1]), axis=1)))
            weights = [W - 0.3 * a.T @ d / 50 for W, a, d in zip(weights, activations[:-1], deltas, strict=True)]
            biases = [b - 0.3 * d.mean(axis=0) for b, d in zip(biases, deltas, strict=True)]
    return np.mean(losses)


def test_the_first_three_rows_learned_by_the_four_equations():
    def small(inputs, units):
        return 1 / np.sqrt(inputs)

    def glorot(inputs, units):
        return np.sqrt(6 / (inputs + units))

    old, tanh, better = trained("sigmoid", small, 0), trained("tanh", small, 0), trained("tanh", glorot, 0)
    assert old > 2.25
    assert 0.1 < tanh < 1.2
    assert better < 0.12
    found = [one.losses[0.3] for one in taught("vanishing", 0).numbers["climbed"][:3]]
    np.testing.assert_allclose(np.log10(found), np.log10([old, tanh, better]), atol=0.5)


def test_every_rung_has_eight_layers_of_weights_before_the_output():
    for rung in ladder.STEPS:
        dense = [place.layer for place in rung.network.places if isinstance(place.layer, Dense)]
        assert len(dense) == ladder.DEPTH + 1


def test_exercises_show_what_they_ask_for(capsys):
    deep, chain = programs("vanishing")
    exec(deep, {})
    found = capsys.readouterr().out
    assert "uniform sensitivities of the first layer are" in found
    assert "glorot_uniform" not in found
    exec(chain, {})
    left = {float(line.split()[0]): float(line.split()[1]) for line in capsys.readouterr().out.splitlines()}
    # By the bias of the first unit: its slope of 1/4, and thirty factors of weight / 4.
    for weight, derivative in left.items():
        assert derivative == pytest.approx(0.25 * (weight / 4) ** 30, rel=1e-9)
    assert left[4.0] == pytest.approx(0.25)
