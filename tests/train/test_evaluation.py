"""Measures against scikit-learn's, with the baseline, and in parts."""

import numpy as np
import pytest
from sklearn import metrics

from chainrule.data import Table, prepare
from chainrule.errors import DataError
from chainrule.nn import Network, example_losses
from chainrule.train import evaluate, evaluation
from chainrule.train.evaluation import chunks, cost, outputs

RNG = np.random.default_rng(3)
X = RNG.normal(size=(50, 4))


@pytest.fixture(params=[1 << 20, 16], ids=["whole", "in parts"])
def _chunk(request, monkeypatch):
    monkeypatch.setattr("chainrule.train.evaluation._CHUNK", request.param)


def test_parts_are_small_and_make_up_the_whole(monkeypatch):
    monkeypatch.setattr("chainrule.train.evaluation._CHUNK", 16)
    parts = list(chunks(Network.of(4, (3,)), X, np.arange(50)))
    assert {len(x) for x, _ in parts} == {4, 2}
    np.testing.assert_array_equal(np.concatenate([x for x, _ in parts]), X)
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in parts]), np.arange(50))


@pytest.mark.usefixtures("_chunk")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_and_cost(dtype):
    network = Network.of(4, (5,), 3, output="softmax")
    parameters, x = network.initialize(0, dtype), X.astype(dtype)
    t = np.eye(3, dtype=dtype)[RNG.integers(0, 3, 50)]
    np.testing.assert_allclose(
        outputs(network, parameters, network.initial_state(), x),
        network.apply(parameters, network.initial_state(), x)[0],
        rtol=1e-6,
    )
    assert outputs(network, parameters, network.initial_state(), x).dtype == dtype
    assert outputs(network, parameters, network.initial_state(), x[:0]).shape == (0, 3)
    losses, _ = example_losses(network, "cross_entropy", parameters, network.initial_state(), x, t)
    assert cost(network, "cross_entropy", parameters, network.initial_state(), x, t) == pytest.approx(
        losses.mean(dtype=float)
    )
    assert cost(network, "cross_entropy", parameters, network.initial_state(), x, t, "sum") == pytest.approx(
        losses.sum(dtype=float)
    )


@pytest.mark.usefixtures("_chunk")
def test_classes():
    network = Network.of(4, outputs=3, output="softmax")
    parameters = network.initialize(1)
    labels = RNG.integers(0, 3, 50)
    scores = evaluate(
        network,
        "cross_entropy",
        parameters,
        network.initial_state(),
        X,
        np.eye(3)[labels],
        center=np.array([0.2, 0.5, 0.3]),
    )
    predicted = np.argmax(network.apply(parameters, network.initial_state(), X)[0], axis=1)
    assert scores.measures["accuracy"] == metrics.accuracy_score(labels, predicted)
    assert scores.measures["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores.baseline == {"accuracy": np.mean(labels == 1), "balanced_accuracy": pytest.approx(1 / 3)}
    assert (scores.examples, scores.headline) == (50, "accuracy")


def test_two_classes_and_several_yes_or_no_outputs():
    for width in (1, 3):
        network = Network.of(4, outputs=width, output="sigmoid")
        parameters = network.initialize(1)
        t = RNG.integers(0, 2, (50, width)).astype(float)
        scores = evaluate(
            network, "binary_cross_entropy", parameters, network.initial_state(), X, t, center=np.array([0.9] * width)
        )
        yes = network.apply(parameters, network.initial_state(), X)[0] > 0.5
        assert scores.measures["accuracy"] == metrics.accuracy_score(t, yes.astype(float))
        assert scores.baseline["accuracy"] == np.mean(np.all(t == 1, axis=1))
        # Several columns of yes or no are no classes of which an example has one.
        assert ("balanced_accuracy" in scores.measures) == (width == 1)
        if width == 1:
            expected = metrics.balanced_accuracy_score(t[:, 0], yes[:, 0])
            assert scores.measures["balanced_accuracy"] == pytest.approx(expected)


@pytest.mark.usefixtures("_chunk")
def test_numbers():
    network = Network.of(4)
    parameters, t = network.initialize(1), 100 + RNG.normal(size=(50, 1))
    scores = evaluate(network, "absolute", parameters, network.initial_state(), X, t, center=np.array([99.0]))
    given, constant = network.apply(parameters, network.initial_state(), X)[0], np.full((50, 1), 99.0)
    for found, predicted in ((scores.measures, given), (scores.baseline, constant)):
        assert found["r2"] == pytest.approx(metrics.r2_score(t, predicted))
        assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(t, predicted))
        assert found["mae"] == pytest.approx(metrics.mean_absolute_error(t, predicted))
    assert list(scores.measures) == ["cost", "r2", "rmse", "mae"]
    assert scores.headline == "r2"


def test_a_target_that_does_not_vary():
    network = Network.of(1)
    parameters = ({"weights": np.array([[1.0]]), "bias": np.array([0.0])},)
    for x in (2.0, 3.0):
        scores = evaluate(
            network,
            "squared",
            parameters,
            network.initial_state(),
            np.array([[x]]),
            np.array([[2.0]]),
            center=np.array([0.0]),
        )
        assert scores.measures["r2"] == (1.0 if x == 2.0 else 0.0)


def test_prepared_targets_are_measured_in_their_own_units():
    table = Table.of({"x": np.arange(20.0), "y": 50 + 7 * np.arange(20.0), "z": np.arange(20.0) ** 2})
    preparation = prepare(table, ["y", "z"])
    network = Network.of(1, outputs=2)
    parameters = network.initialize(0)
    x, t = preparation.inputs(table), preparation.targets(table)
    scores = evaluate(
        network, "squared", parameters, network.initial_state(), x, t, center=t.mean(axis=0), target=preparation.target
    )
    given = preparation.decode(network.apply(parameters, network.initial_state(), x)[0])
    for i, name in enumerate(("y", "z")):
        true = table[name].values
        assert scores.measures[f"rmse of {name}"] == pytest.approx(metrics.root_mean_squared_error(true, given[:, i]))
        assert scores.measures[f"mae of {name}"] == pytest.approx(metrics.mean_absolute_error(true, given[:, i]))
        assert scores.measures[f"r2 of {name}"] == pytest.approx(metrics.r2_score(true, given[:, i]))
        assert scores.baseline[f"rmse of {name}"] == pytest.approx(np.std(true))
    assert scores.measures["r2"] == pytest.approx(
        metrics.r2_score(np.stack([table["y"].values, table["z"].values], 1), given)
    )
    assert scores.baseline["r2"] == pytest.approx(0.0)


def test_classes_stay_classes_whatever_the_loss():
    table = Table.of({"x": np.arange(9.0), "y": ["a", "b", "c"] * 3})
    preparation = prepare(table, "y")
    network = Network.of(1, outputs=3)
    x, t = preparation.inputs(table), preparation.targets(table)
    scores = evaluate(
        network,
        "squared",
        network.initialize(0),
        network.initial_state(),
        x,
        t,
        center=t.mean(axis=0),
        target=preparation.target,
    )
    predicted = preparation.decode(network.apply(network.initialize(0), network.initial_state(), x)[0])
    assert scores.measures["accuracy"] == np.mean(predicted == np.array(table["y"].values))


def test_no_examples():
    network = Network.of(4)
    parameters = network.initialize(0)
    with pytest.raises(DataError, match="no examples to measure"):
        evaluate(network, "squared", parameters, network.initial_state(), X[:0], X[:0, :1], center=np.zeros(1))
    with pytest.raises(DataError, match="the cost of no examples is undefined"):
        evaluation.cost(network, "squared", parameters, network.initial_state(), X[:0], X[:0, :1])
