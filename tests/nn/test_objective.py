"""The objective: mean, sum, weights, regularisers, and what is refused."""

import numpy as np
import pytest

from chainrule.differentiate import grad, value_and_grad
from chainrule.errors import DataError, OptionError
from chainrule.nn import L1, L2, Dense, Network, example_losses, objective

NETWORK = Network.of(3, (4,), 2, activation="prelu")
PARAMETERS, STATE = NETWORK.initialize(0), NETWORK.initial_state()
RNG = np.random.default_rng(1)
X, TARGETS, WEIGHTS = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)), RNG.uniform(size=5)
LOSSES = np.sum((NETWORK.apply(PARAMETERS, STATE, X)[0] - TARGETS) ** 2, axis=1)


def test_one_loss_for_each_example():
    losses, state = example_losses(NETWORK, "squared", PARAMETERS, STATE, X, TARGETS)
    np.testing.assert_allclose(losses, LOSSES)
    assert state == STATE == ({}, {})


def test_mean_sum_and_weights():
    mean, total = objective(NETWORK, "squared"), objective(NETWORK, "squared", reduction="sum")
    data = (PARAMETERS, STATE, X, TARGETS)
    assert mean(*data)[0] == pytest.approx(LOSSES.mean())
    assert total(*data)[0] == pytest.approx(LOSSES.sum())
    assert mean(*data, weights=WEIGHTS)[0] == pytest.approx(np.average(LOSSES, weights=WEIGHTS))
    assert total(*data, weights=WEIGHTS)[0] == pytest.approx(WEIGHTS @ LOSSES)
    assert mean(*data, weights=list(WEIGHTS))[0] == pytest.approx(np.average(LOSSES, weights=WEIGHTS))


def test_a_weight_of_two_is_an_example_twice():
    f, double = objective(NETWORK, "squared"), np.array([1.0, 2.0, 1.0, 1.0, 1.0])
    twice = np.array([0, 1, 1, 2, 3, 4])
    weighted, _ = grad(f, has_aux=True)(PARAMETERS, STATE, X, TARGETS, weights=double)
    repeated, _ = grad(f, has_aux=True)(PARAMETERS, STATE, X[twice], TARGETS[twice])
    for one, other in zip(weighted, repeated, strict=True):
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-10)


def test_regularisers_leave_biases_and_slopes_out():
    weights = [layer["weights"] for layer in PARAMETERS]
    assert L1(0.3)(PARAMETERS) == pytest.approx(0.3 * sum(np.abs(w).sum() for w in weights))
    assert L2(0.3)(PARAMETERS) == pytest.approx(0.15 * sum((w**2).sum() for w in weights))
    first, second = grad(L1(0.3))(PARAMETERS), grad(L2(0.3))(PARAMETERS)
    for layer, by_l1, by_l2 in zip(PARAMETERS, first, second, strict=True):
        np.testing.assert_allclose(by_l1["weights"], 0.3 * np.sign(layer["weights"]))
        np.testing.assert_allclose(by_l2["weights"], 0.3 * layer["weights"])
        for gradient in (by_l1, by_l2):
            assert not any(np.any(value) for name, value in gradient.items() if name != "weights")


def test_regularisers_are_added_to_the_cost():
    f = objective(NETWORK, "squared", [L1(0.1), L2(0.2)])
    expected = LOSSES.mean() + L1(0.1)(PARAMETERS) + L2(0.2)(PARAMETERS)
    assert f(PARAMETERS, STATE, X, TARGETS)[0] == pytest.approx(expected)
    twice = np.vstack([X, X]), np.vstack([TARGETS, TARGETS])
    assert f(PARAMETERS, STATE, *twice)[0] == pytest.approx(expected)


@pytest.mark.parametrize("kind", [L1, L2])
@pytest.mark.parametrize("strength", [-0.1, np.inf, np.nan])
def test_strength(kind, strength):
    with pytest.raises(OptionError, match=f"the strength of {kind.__name__} has to be"):
        kind(strength)


def test_float32_stays():
    network = Network(3, (Dense(4, "prelu"), Dense(3, "gelu"), Dense(2, "softmax")))
    parameters = network.initialize(0, np.float32)
    x, t = X.astype(np.float32), np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1]]
    f = objective(network, "cross_entropy", [L1(np.float64(0.1)), L2(0.1)])
    data, weights = (network.initial_state(np.float32), x, t), WEIGHTS.astype(np.float32)
    (value, _), gradients = value_and_grad(f, has_aux=True)(parameters, *data, weights=weights)
    assert np.asarray(value).dtype == np.float32
    assert {leaf.dtype for layer in gradients for leaf in layer.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("network", "loss", "options", "message"),
    [
        (Network.of(2, (3,), activation="sign"), "squared", {}, "layer 1 of 2 has the activation sign"),
        (Network.of(2), "squard", {}, "unknown loss 'squard': did you mean 'squared'"),
        (Network.of(2), "cross_entropy", {}, "does not fit the output activation identity: use softmax"),
        (Network.of(2), "squared", {"reduction": "average"}, "'mean' or 'sum', found 'average'"),
    ],
)
def test_what_is_refused(network, loss, options, message):
    with pytest.raises(OptionError, match=message):
        objective(network, loss, **options)


def test_bad_arrays():
    f = objective(NETWORK, "squared")
    with pytest.raises(DataError, match=r"weights need one number for each example, shape \(5,\), found shape \(4,\)"):
        f(PARAMETERS, STATE, X, TARGETS, weights=WEIGHTS[:4])
    with pytest.raises(DataError, match="no examples"):
        f(PARAMETERS, STATE, X[:0], TARGETS[:0])
    assert objective(NETWORK, "squared", reduction="sum")(PARAMETERS, STATE, X[:0], TARGETS[:0])[0] == 0
