"""What a session shows of a run: short texts in place of arrays, and errors with the numbers that were handed in."""

import numpy as np
import pytest

from chainrule import data, nn, optim
from chainrule.errors import DataError, OptionError
from chainrule.train import History, Model, TrainState, fit, prepare_problem

NETWORK = nn.Network.of(2, hidden=(3,), outputs=1, activation="tanh")
START = NETWORK.initialize(0)
X = np.random.default_rng(0).normal(size=(50, 2))
T = X[:, :1] * X[:, 1:]


def run(**changes):
    given = {"loss": "squared", "inputs": X, "targets": T, "optimizer": optim.sgd(0.1), "epochs": 2, "rng": 0} | changes
    return fit(NETWORK, START, given.pop("loss"), given.pop("inputs"), given.pop("targets"), **given)


def test_runs_are_shown_without_their_arrays():
    found = run(batch_size=25, validation=(X, T))
    first, last = found.history
    objective = f"objective {last.objective:.4g}"
    assert repr(found) == f"<fit: 2 epochs, 4 steps, {objective}, ended: epochs>"
    assert repr(found.state) == f"<state of a run: 2 epochs, 4 steps, {objective}>"
    falls = f"objective {first.objective:.4g} to {last.objective:.4g}"
    assert repr(found.history) == f"<history: 2 epochs, {falls}, held-out cost {last.validation:.4g}>"
    assert repr(run().history).endswith(f"{run().history[-1].objective:.4g}>")
    assert repr(History()) == "<history: no epoch>"
    assert repr(TrainState((), (), (), 0)) == "<state of a run: 0 epochs, 0 steps>"
    model = Model(NETWORK, found.parameters, found.network_state, "squared")
    assert repr(prepare_problem(data.digits())) == (
        "<problem: 1294 to train, 144 to validate, 359 to test; 64 features, outputs 10>"
    )
    assert repr(model) == "<model: 2 - 3 tanh - 1 identity, loss squared>"


def test_errors_name_the_shapes_that_were_given():
    with pytest.raises(DataError, match=r"2 inputs, x has shape \(50, 1\)"):
        run(inputs=X[:, :1])
    with pytest.raises(DataError, match=r"outputs \(50, 1\) and targets \(50,\): give targets\[:, np.newaxis\]"):
        run(targets=T[:, 0])
    with pytest.raises(DataError, match=r"in the held-out data, .* outputs \(10, 1\) and targets \(10,\)"):
        run(validation=(X[:10], T[:10, 0]))


@pytest.mark.parametrize("optimizer", ["adam", optim.adam, None])
def test_an_optimizer_that_is_none_is_refused(optimizer):
    with pytest.raises(OptionError, match=r"optimizer has to be a transform such as chainrule.optim.adam\(0.001\)"):
        run(optimizer=optimizer)


def test_hidden_units_are_a_sequence():
    with pytest.raises(OptionError, match=r"hidden has to be a sequence of sizes such as \(3,\), found 3"):
        nn.Network.of(2, hidden=3)
