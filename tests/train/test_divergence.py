"""Numbers that are not finite stop a run with an error that says where they began, and with no warnings before it."""

import warnings

import numpy as np
import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X

from chainrule import optim, tree
from chainrule.errors import DivergenceError
from chainrule.nn import Network
from chainrule.train import fit
from chainrule.train.divergence import all_finite

START = NETWORK.initialize(0)


def diverge(network, parameters, loss, x, targets, **options):
    """Train until it diverges, compiled and interpreted; any warning on the way is an error of its own."""
    options = {"optimizer": optim.sgd(0.1), "epochs": 100} | options
    errors = []
    for compiled in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DivergenceError) as caught:
                fit(network, parameters, loss, x, targets, **options, compiled=compiled)
        errors.append(caught.value)
    one, other = errors
    assert (str(one), one.layer, one.step) == (str(other), other.layer, other.step)
    return one


def test_a_rate_that_is_too_large():
    network = Network.of(3, (6, 5), 2, "leaky_relu")
    error = diverge(network, network.initialize(0), "absolute", X, T, optimizer=optim.sgd(1e6), batch_size=8, rng=0)
    assert error.step > 0
    assert error.layer is not None
    text = str(error)
    assert text.startswith(f"training diverged at step {error.step} (epoch {error.step // 3 + 1}): ")
    assert f"layer {error.layer} of 3" in text
    assert (
        "Lower the rate (it was 1e+06), clip the norm of the gradients, or scale the inputs (the largest has size"
        in (text)
    )


def test_the_first_layer_that_is_not_finite_is_named():
    # exp of a signal of 1000 is infinite, and the identity after it passes that on.
    network = Network.of(3, (4, 4), 1, ("tanh", "exp"), "identity")
    start = network.initialize(0)
    start[1]["bias"][2] = 1000.0
    error = diverge(network, start, "squared", X, T[:, :1])
    assert (error.layer, error.step) == (2, 0)
    assert "23 of the 92 activations of layer 2 of 3 are NaN or infinite, the first in the network that are (exp)" in (
        str(error)
    )


def test_signals_are_told_from_activations():
    network = Network.of(1, (1,), 1, "tanh")
    start = network.initialize(0)
    start[0]["weights"][:] = start[1]["weights"][:] = 1e200
    error = diverge(network, start, "squared", np.full((2, 1), 1e200), np.zeros((2, 1)))
    assert (error.layer, error.step) == (1, 0)
    assert "2 of the 2 signals of layer 1 of 2" in str(error)
    assert "the largest has size 1e+200" in str(error)


def test_the_loss_alone():
    network = Network.of(1)
    start = network.initialize(0)
    error = diverge(network, start, lambda a, t: np.log(-np.abs(a[:, 0])), np.ones((3, 1)), np.ones((3, 1)))
    assert (error.layer, error.step) == (None, 0)
    assert (
        "the loss <lambda> of 3 of 3 examples is NaN or infinite, while the signals and activations of all layers"
        in (str(error))
    )


def test_a_regulariser_alone():
    error = diverge(NETWORK, START, LOSS, X, T, regularizers=[lambda parameters: np.inf])
    assert error.layer is None
    assert "the objective is NaN or infinite, while the losses of all examples are finite" in str(error)


def test_a_gradient_that_is_not_finite_while_the_objective_is():
    # The root has an infinite derivative at 0, where a parameter of 0 puts it.
    network = Network.of(1)
    start = tree.map(np.zeros_like, network.initialize(0))
    error = diverge(network, start, lambda a, t: np.sqrt(a[:, 0]) + a[:, 0], np.ones((3, 1)), np.ones((3, 1)))
    assert (error.layer, error.step) == (1, 0)
    assert "the objective is finite, but the gradient by the weights of layer 1 of 1 is NaN or infinite" in str(error)


def test_an_update_that_is_not_finite_while_the_gradient_is():
    network = Network.of(1)
    error = diverge(
        network,
        network.initialize(0, np.float32),
        "squared",
        np.ones((3, 1)),
        np.zeros((3, 1)),
        optimizer=optim.sgd(1e39),
    )
    assert error.layer == 1
    assert "but the update of the weights of layer 1 of 1" in str(error)


def test_the_cost_of_held_out_data():
    network = Network.of(1, output="exp")
    start = network.initialize(0)
    start[0]["weights"][:] = 1.0
    x, t = np.linspace(0, 1, 8)[:, np.newaxis], np.ones((8, 1))
    held_out = (np.array([[0.5], [1000.0]]), np.ones((2, 1)))
    error = diverge(
        network, start, "poisson", x, t, optimizer=optim.sgd(0.001), validation=held_out, batch_size=2, rng=0
    )
    assert (error.layer, error.step) == (1, 3)
    assert "at step 3 (epoch 1) on the held-out data: 1 of the 2 activations of layer 1 of 1" in str(error)


def test_what_is_large_but_finite_goes_on():
    network = Network.of(1)
    start = network.initialize(0, np.float32)
    start[0]["bias"][:] = 1e25  # its square does not fit into float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit(network, start, "absolute", np.zeros((2, 1)), np.zeros((2, 1)), optimizer=optim.sgd(1e24), epochs=3)
    assert found.parameters[0]["bias"][0] == pytest.approx(7e24)


def test_a_run_that_is_healthy_is_not_disturbed():
    assert fit(NETWORK, START, LOSS, X, T, optimizer=optim.sgd(0.1), epochs=2, validation=HELD_OUT).ended == "epochs"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_all_finite(dtype, bad):
    array = np.ones((3, 4), dtype)
    assert all_finite([array, array[:, ::2], np.zeros((0, 2), dtype)])
    array[1, 2] = bad
    assert not all_finite([np.ones(2), array])
    with np.errstate(over="ignore"):
        assert all_finite([np.full((2, 2), np.finfo(dtype).max)])
