"""Losses whose targets carry weights: the same losses, times the weights, in either form."""

import numpy as np
import pytest

from chainrule import value_and_grad
from chainrule.nn import Network, example_losses, objective, weighted, with_weights
from chainrule.nn.losses import LOSSES
from chainrule.train.users_code import has_users_code

RNG = np.random.default_rng(0)
CASES = [
    ("cross_entropy", "softmax", np.eye(3)[RNG.integers(0, 3, 20)]),
    ("binary_cross_entropy", "sigmoid", RNG.integers(0, 2, (20, 3)).astype(float)),
    ("squared", "identity", RNG.normal(size=(20, 3))),
    ("poisson", "exp", RNG.poisson(2.0, (20, 3)).astype(float)),
]


@pytest.mark.parametrize(("loss", "output", "targets"), CASES, ids=[case[0] for case in CASES])
def test_each_loss_is_multiplied_by_its_weight(loss, output, targets):
    network = Network.of(4, (5,), 3, output=output)
    parameters, state, x = network.initialize(0), network.initial_state(), RNG.normal(size=(20, 4))
    weights = RNG.uniform(0, 3, 20)
    plain, _ = example_losses(network, loss, parameters, state, x, targets)
    row = weighted(LOSSES[loss])
    times, _ = example_losses(network, row, parameters, state, x, with_weights(targets, weights))
    np.testing.assert_allclose(times, weights * plain, rtol=1e-13)
    assert (row.name, row.outputs, row.weighted, LOSSES[loss].weighted) == (loss, LOSSES[loss].outputs, True, False)
    # Minimising their mean is minimising the weighted mean that the objective knows, where the weights have mean 1.
    weights /= weights.mean()
    one = value_and_grad(objective(network, row), has_aux=True)
    (value, _), gradient = one(parameters, state, x, with_weights(targets, weights))
    other = value_and_grad(lambda p: objective(network, loss)(p, state, x, targets, weights=weights)[0])
    expected, expected_gradient = other(parameters)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for layer, expected_layer in zip(gradient, expected_gradient, strict=True):
        for name in layer:
            np.testing.assert_allclose(layer[name], expected_layer[name], rtol=1e-9, atol=1e-14)


def test_what_it_is_made_of_is_chainrules_own():
    assert not has_users_code(weighted(LOSSES["squared"]))
    assert has_users_code(weighted(LOSSES["squared"].__class__("own", lambda outputs, targets: outputs[:, 0])))


def test_targets_keep_their_type():
    assert with_weights(np.zeros((2, 1), np.float32), np.ones(2)).dtype == np.float32
