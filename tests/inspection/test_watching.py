"""A diagnosis over a run: what it holds, what it finds, and that it costs no more than it is told."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import diagnose, nn, optim, train
from chainrule.errors import OptionError
from chainrule.estimators import MLPClassifier
from chainrule.inspection import Watch
from chainrule.train import TrainState
from chainrule.train.state import Epoch, History

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 10))
Y = (X[:, :1] * X[:, 1:2] > 0).astype(float)
LOSS = "binary_cross_entropy"
NETWORK = nn.Network.of(10, (16,), 1, "tanh", "sigmoid")


def run(watch, network=NETWORK, parameters=None, epochs=20, optimizer=None, **others):
    start = network.initialize(0) if parameters is None else parameters
    rule = optim.adam(0.01) if optimizer is None else optimizer
    return train.fit(
        network, start, LOSS, X, Y, optimizer=rule, epochs=epochs, batch_size=50, rng=0, callbacks=[watch], **others
    )


def state_of(parameters, epoch, seconds=1.0):
    rows = tuple(Epoch(k, k, 0.5, None, 0.1, seconds) for k in range(1, epoch + 1))
    return TrainState(parameters, NETWORK.initial_state(), (), 0, epoch=epoch, history=History(rows))


def test_looks_every_so_many_epochs_and_holds_arrays():
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=5)
    found = run(watch)
    assert watch.epochs == (1, 5, 10, 15, 20)
    numbers = watch.arrays()
    assert numbers["epoch"].tolist() == [1, 5, 10, 15, 20]
    assert numbers["sensitivity"].shape == numbers["moved"].shape == (5, 2)
    assert np.all(np.isnan(numbers["moved"][0]))
    assert np.all(numbers["moved"][1:] > 0)
    last = watch.diagnoses[-1]
    assert last.examples == 256
    np.testing.assert_array_equal(numbers["gradient"][-1], last.arrays()["gradient"])
    assert numbers["whole objective"][0] > numbers["whole objective"][-1]
    assert watch.findings == ()
    # It changes nothing in the run.
    plain = train.fit(
        NETWORK, NETWORK.initialize(0), LOSS, X, Y, optimizer=optim.adam(0.01), epochs=20, batch_size=50, rng=0
    )
    for one, other in zip(found.parameters, plain.parameters, strict=True):
        np.testing.assert_array_equal(one["weights"], other["weights"])


def test_a_look_is_the_diagnosis_of_the_sample():
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=20, examples=300)
    found = run(watch)
    expected = diagnose(NETWORK, X, Y, parameters=found.parameters, loss=LOSS)
    np.testing.assert_array_equal(watch.diagnoses[-1].squared_gradients, expected.squared_gradients)


def test_movement_is_relative_and_for_each_epoch():
    start = NETWORK.initialize(0)
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=1)
    watch(state_of(start, 1))
    watch.look(state_of(tuple({k: 1.25 * v for k, v in layer.items()} for layer in start), 3))
    np.testing.assert_allclose(watch.arrays()["moved"][1], 0.2 / 2)


def test_a_layer_that_stopped_is_named():
    """Layer 1 moves until epoch 4, and not afterwards."""
    start = NETWORK.initialize(0)
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=1)
    for epoch in range(1, 8):
        moved = {name: value * (1 + 0.1 * min(epoch, 4)) for name, value in start[0].items()}
        other = {name: value * (1 + 0.1 * epoch) for name, value in start[1].items()}
        watch(state_of((moved, other), epoch))
    (stopped,) = [one for one in watch.findings if one.kind == "stopped"]
    assert str(stopped).startswith("layer 1: stopped moving after epoch 4: 0 of its size an epoch, where layer 2 moves")


def test_a_layer_that_never_moved_is_named():
    network = nn.Network.of(10, (16,), 1, "relu", "sigmoid")
    start = network.initialize(0)
    dead = ({**start[0], "bias": np.full(16, -100.0)}, start[1])
    watch = Watch(network, X, Y, loss=LOSS, every=2)
    run(watch, network, dead, epochs=6, optimizer=optim.sgd(0.1))
    kinds = {(one.kind, one.layer): one.text for one in watch.findings}
    assert kinds["stopped", 1].startswith("hardly moves: 0 of its size an epoch")
    assert kinds["dead", 1].startswith("from the first epoch on: 16 of 16 units")


def test_findings_say_since_when():
    start = NETWORK.initialize(0)
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=1)
    for epoch, factor in enumerate((1, 1, 30, 30, 1), 1):
        watch(state_of(({**start[0], "weights": factor * start[0]["weights"]}, start[1]), epoch))
        if epoch == 4:
            (found,) = [one for one in watch.findings if one.kind == "saturated"]
            assert found.text.startswith("since epoch 3: ")
    (found,) = [one for one in watch.findings if one.kind == "saturated"]
    assert found.text.startswith("in epochs 3 to 4, and no longer: ")


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("seed", range(2))
def test_data_as_they_come_and_standardised(activation, seed):
    """The same networks on the same data: as they come they are found ill, standardised they are healthy."""
    x, labels = load_wine(return_X_y=True)
    kinds = []
    for inputs in (x, StandardScaler().fit_transform(x)):
        network = nn.Network.of(13, (16, 16), 3, activation, "softmax")
        targets = np.eye(3)[labels]
        watch = Watch(network, inputs, targets, loss="cross_entropy", every=10)
        train.fit(
            network,
            network.initialize(seed),
            "cross_entropy",
            inputs,
            targets,
            optimizer=optim.adam(0.003),
            epochs=30,
            batch_size=32,
            rng=0,
            callbacks=[watch],
        )
        kinds.append({(one.kind, one.layer) for one in watch.findings})
    raw, scaled = kinds
    assert scaled == set()
    assert {("scales", 0), ("saturated" if activation == "tanh" else "dead", 1)} <= raw


def test_looks_take_their_share_of_the_time():
    start = NETWORK.initialize(0)
    watch = Watch(NETWORK, X, Y, loss=LOSS, share=0.05)
    watch(state_of(start, 1))
    # An epoch takes as long as the first look did, on whatever machine: there is time for one in about twenty.
    first = watch.seconds
    for epoch in range(2, 200):
        before = watch.seconds
        watch(state_of(start, epoch, seconds=first))
        # It looks only where there is time for it, however long that look then takes.
        assert watch.seconds == before or before - first <= 0.05 * first * epoch
    assert 2 < len(watch.epochs) < 199


def test_a_run_that_goes_back_or_starts_anew():
    start = NETWORK.initialize(0)
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=1)
    for epoch in (1, 2, 3, 4):
        watch(state_of(start, epoch))
    watch(state_of(start, 3))
    assert watch.epochs == (1, 2, 3)
    assert len(watch.diagnoses) == len(watch.arrays()["moved"]) == 3
    watch(state_of(start, 1))
    assert watch.epochs == (1,)


def test_the_last_state_can_be_looked_at():
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=15)
    found = run(watch)
    assert watch.epochs == (1, 15)
    watch.look(found.state)
    watch.look(found.state)
    assert watch.epochs == (1, 15, 20)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators():
    model = MLPClassifier(hidden_layer_sizes=(8,), max_iter=10, random_state=0)
    watch = Watch(model, X, Y.ravel(), every=5, examples=300)
    model.set_params(callbacks=[watch]).fit(X, Y.ravel())
    assert watch.epochs == (1, 5, 10)
    expected = diagnose(model, X, Y.ravel())
    np.testing.assert_array_equal(watch.diagnoses[-1].squared_gradients, expected.squared_gradients)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_pipelines():
    model = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(8,), max_iter=10, random_state=0))
    watch = Watch(model, 50 + 9 * X, Y.ravel(), every=5, examples=300)
    model.set_params(mlpclassifier__callbacks=[watch]).fit(50 + 9 * X, Y.ravel())
    expected = diagnose(model, 50 + 9 * X, Y.ravel())
    assert watch.diagnoses[-1].objective == expected.objective


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_another_estimator_than_the_one_that_is_fitted_is_refused():
    model = MLPClassifier(hidden_layer_sizes=(8,), max_iter=3, random_state=0)
    model.set_params(callbacks=[Watch(model, X, Y.ravel())])
    with pytest.raises(OptionError, match="not the one that is being fitted"):
        clone(model).fit(X, Y.ravel())
    with pytest.raises(OptionError, match="found a StandardScaler"):
        Watch(StandardScaler(), X, Y)(state_of(NETWORK.initialize(0), 1))


def test_it_can_be_copied_and_pickled():
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=10)
    run(watch, epochs=10)
    for other in (copy.deepcopy(watch), pickle.loads(pickle.dumps(watch))):
        assert str(other) == str(watch)


def test_text_and_html():
    watch = Watch(NETWORK, X, Y, loss=LOSS, every=10)
    assert "0 looks" in str(watch)
    assert watch.arrays()["epoch"].shape == (0,)
    run(watch)
    lines = str(watch).splitlines()
    assert lines[0] == "3 looks at 256 examples"
    assert lines[-1] == "- nothing stands out"
    assert "Nothing stands out." in watch._repr_html_()


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"every": 0}, {"examples": 0}])
def test_options_are_checked(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Watch(NETWORK, X, Y, loss=LOSS, **wrong)
