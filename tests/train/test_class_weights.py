"""Weights of classes: what they are, that training minimises the weighted cost, and what is said of them."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from chainrule.data import Dataset, Table
from chainrule.errors import CheckpointError, OptionError
from chainrule.nn import example_losses
from chainrule.train import Options, choose, prepare_problem, train
from chainrule.train.class_weights import chosen_weights, example_weights

RNG = np.random.default_rng(0)


def dataset(counts, shift=1.0):
    labels = np.repeat(list(counts), list(counts.values()))
    x = RNG.normal(size=(len(labels), 3))
    x[:, 0] += shift * np.repeat(np.arange(len(counts)), list(counts.values()))
    return Dataset(Table.of({"X": x, "y": labels}), targets=("y",))


@pytest.mark.parametrize("counts", [{"no": 40, "yes": 8}, {"a": 30, "b": 6, "c": 12}])
def test_balanced_is_scikit_learns(counts):
    problem = prepare_problem(dataset(counts), Options(test=0))
    found = chosen_weights(problem, "balanced")
    labels = np.repeat(list(counts), list(counts.values()))
    expected = compute_class_weight("balanced", classes=np.array(list(counts)), y=labels)
    assert list(found) == list(counts)
    np.testing.assert_allclose(list(found.values()), expected)


def test_weights_have_mean_1_over_the_training_rows():
    problem = prepare_problem(dataset({"a": 30, "b": 6, "c": 12}), Options(test=0))
    found = chosen_weights(problem, {"b": 5.0, "c": 0.0})
    assert found["b"] == pytest.approx(5 * found["a"])
    assert found["c"] == 0
    weights = example_weights(found, problem.train[1])
    assert weights.mean() == pytest.approx(1)
    assert {float(w) for w in weights} == set(found.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nay": 1.0}, "unknown class 'nay'"),
        ({"no": 0.0, "yes": 0.0}, "no training row has a weight above 0"),
    ],
)
def test_what_does_not_fit_the_problem(given, message):
    problem = prepare_problem(dataset({"no": 20, "yes": 20}))
    with pytest.raises(OptionError, match=message):
        choose(problem, Options(class_weight=given))


@pytest.mark.parametrize("given", ["equal", {}, 2.0, {"a": -1.0}, {"a": float("nan")}, {"a": float("inf")}])
def test_what_are_no_weights(given):
    with pytest.raises(OptionError, match=r"class_weight has to be|the weight of a class has to be"):
        Options(class_weight=given)


def test_numbers_have_no_classes():
    table = Table.of({"x": RNG.normal(size=20), "y": RNG.normal(size=20)})
    with pytest.raises(OptionError, match="but the target y is numbers"):
        choose(prepare_problem(Dataset(table, targets=("y",))), Options(class_weight="balanced"))


def test_the_objective_is_the_weighted_cost():
    """One step over all rows: the history has the weighted means of the losses at the start, and of held-out rows."""
    options = Options(
        class_weight={"yes": 4.0}, epochs=1, batch_size="all", validation=0.25, dtype="float64", hidden=(), test=0
    )
    problem = prepare_problem(dataset({"no": 60, "yes": 20}), options)
    model, report = train(problem, options)
    network, settings = model.network, report.settings
    start = network.initialize(np.random.default_rng(0).spawn(3)[1], "float64")

    def cost(parameters, part):
        losses, _ = example_losses(network, "binary_cross_entropy", parameters, network.initial_state(), *part)
        return float(np.mean(example_weights(settings.class_weights, part[1]) * losses))

    row = report.fit.history[0]
    assert row.objective == pytest.approx(cost(start, problem.train), rel=1e-12)
    assert row.validation == pytest.approx(cost(report.fit.state.parameters, problem.validation), rel=1e-12)
    assert report.gradient.ok
    plain = report.results["validation"].measures["cost"]
    assert plain != pytest.approx(row.validation, rel=1e-3)
    assert model.loss == "binary_cross_entropy"
    assert model.record.settings["class_weights"] == settings.class_weights


def test_a_rare_class_is_found_more_often():
    data = dataset({"no": 300, "yes": 30}, shift=1.5)
    options = Options(epochs=40, test=0.3, hidden=(8,), rate=0.01)
    problem = prepare_problem(data, options)
    plain = train(problem, options)[1].results["test"].measures
    balanced = (
        train(problem, Options(epochs=40, hidden=(8,), rate=0.01, class_weight="balanced"))[1].results["test"].measures
    )
    assert balanced["balanced_accuracy"] > plain["balanced_accuracy"] + 0.1


def test_a_class_of_weight_0_is_not_learned():
    data = dataset({"a": 40, "b": 40, "c": 40}, shift=3.0)
    options = Options(epochs=60, class_weight={"c": 0.0}, test=0)
    model, _ = train(prepare_problem(data, options), options)
    assert "c" not in model.predict(data.table)


def test_a_checkpoint_knows_the_weights(tmp_path):
    data = dataset({"no": 30, "yes": 10})

    def run(resume=True, epochs=4, **options):
        chosen = Options(epochs=epochs, schedule="constant", hidden=(4,), **options)
        return train(prepare_problem(data, chosen), chosen, checkpoint=tmp_path / "run", resume=resume)[0]

    run(resume=False, class_weight="balanced", epochs=2)
    with pytest.raises(CheckpointError, match=r"the weights \(they have the same shape, but other numbers\)"):
        run(class_weight={"yes": 9.0})
    with pytest.raises(CheckpointError, match=r"the loss .* now it is 'binary_cross_entropy'"):
        run()
    with pytest.raises(CheckpointError, match="the network"):
        run(class_weight="balanced", dropout=0.1)
    resumed = run(class_weight="balanced")
    (tmp_path / "run").unlink()
    whole = run(class_weight="balanced")
    for one, other in zip(resumed.parameters, whole.parameters, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)
