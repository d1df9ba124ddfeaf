"""What may be chosen before training on a file, and what is chosen where nothing is."""

import re

import numpy as np
import pytest

from chainrule.data import Dataset, Table
from chainrule.errors import DataError, OptionError
from chainrule.nn import L1, L2, BatchNorm, Dense, Dropout, LayerNorm
from chainrule.train import Options, choose, prepare_problem, train

RNG = np.random.default_rng(0)


def problem(target="y", rows=40, **options):
    columns = {
        "x": RNG.normal(size=rows),
        "y": ["a", "b", "c", "d"] * (rows // 4),
        "two": ["no", "yes"] * (rows // 2),
        "number": RNG.normal(5, 1, rows),
        "count": RNG.poisson(3.0, rows).astype(float) + np.arange(rows),
    }
    targets = (target,) if isinstance(target, str) else target
    kept = {name: values for name, values in columns.items() if name == "x" or name in targets}
    return prepare_problem(Dataset(Table.of(kept), None, targets), Options(**options))


@pytest.mark.parametrize(
    ("target", "output", "loss"),
    [
        ("y", "softmax", "cross_entropy"),
        ("two", "sigmoid", "binary_cross_entropy"),
        ("number", "identity", "squared"),
        (("number", "count"), "identity", "squared"),
    ],
)
def test_output_and_loss_follow_from_the_target(target, output, loss):
    settings = choose(problem(target))
    assert (settings.output, settings.loss) == (output, loss)
    network = settings.network(1, problem(target).outputs)
    assert [layer.units for layer in network.layers] == [100, problem(target).outputs]
    assert network.layers[0].activation == "relu"


@pytest.mark.parametrize(
    ("target", "loss", "output"),
    [
        ("count", "poisson", "exp"),
        ("number", "absolute", "identity"),
        ("number", "huber", "identity"),
        ("y", "binary_cross_entropy", "sigmoid"),
        ("y", "squared", "softmax"),
        ("two", "squared", "sigmoid"),
    ],
)
def test_the_output_follows_from_the_loss(target, loss, output):
    assert choose(problem(target, loss=loss), Options(loss=loss)).output == output


def test_counts_are_not_standardised_for_the_poisson_loss():
    found = problem("count", loss="poisson")
    assert found.train[1].min() >= 0
    np.testing.assert_array_equal(found.train[1], np.round(found.train[1]))
    assert problem("count").train[1].min() < 0


def test_lengths_follow_from_the_number_of_examples():
    small, middle, large = (choose(problem(rows=rows)) for rows in (40, 2000, 20_000))
    assert [(s.batch_size, s.hidden) for s in (small, middle, large)] == [(32, (100,)), (32, (200,)), (128, (200,))]
    assert [s.epochs for s in (small, middle, large)] == [1000, 45, 20]
    assert [s.patience for s in (small, middle, large)] == [None, 10, 10]
    assert choose(problem(rows=40, patience=3), Options(patience=3)).patience == 3
    assert choose(problem(rows=2000, validation=0), Options(validation=0)).patience is None


def test_everything_can_be_chosen():
    options = Options(
        hidden=(8, 4),
        activation=("tanh", "gelu"),
        output="softmax",
        loss="squared",
        optimizer="nesterov",
        rate=0.05,
        schedule="step",
        batch_size="all",
        epochs=7,
        l1=0.1,
        l2=0.2,
        clip=3.0,
        dtype="float64",
        seed=11,
    )
    settings = choose(problem(), options)
    assert settings.activations == ("tanh", "gelu")
    assert (settings.batch_size, settings.epochs, settings.rate) == (None, 7, 0.05)
    assert settings.regularizers == (L1(0.1), L2(0.2))
    assert settings.to_description()["hidden"] == [8, 4]
    assert problem(dtype="float64").train[0].dtype == np.float64
    assert choose(problem(), Options(hidden=())).network(1, 4).layers[0].units == 4


@pytest.mark.parametrize(("name", "rate"), [("adam", 1e-3), ("adamw", 1e-3), ("sgd", 0.1), ("nesterov", 0.01)])
def test_every_optimiser_has_a_rate_of_its_own(name, rate):
    assert choose(problem(), Options(optimizer=name)).rate == rate


def test_schedules_last_as_long_as_the_run():
    rates = {}
    for name in ("constant", "cosine", "step"):
        settings = choose(problem(), Options(schedule=name, rate=0.16, epochs=10, batch_size=8))
        rate = settings.transform(32).rate
        rates[name] = [rate(step) for step in (0, 20, 39)]
    assert rates["constant"] == [0.16] * 3
    assert rates["cosine"] == pytest.approx([0.16, 0.08, 0.0], abs=1e-3)
    assert rates["step"] == pytest.approx([0.16, 0.04, 0.01])


def test_the_gradient_is_clipped():
    transform = choose(problem(), Options(optimizer="sgd", rate=1.0, schedule="constant", clip=0.5)).transform(32)
    start = {"w": np.zeros(2)}
    updates, _ = transform.update({"w": np.array([300.0, 400.0])}, transform.init(start), start)
    np.testing.assert_allclose(updates["w"], [-0.3, -0.4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (3, 0)}, "a hidden layer has to be a whole number from 1 on, found 0"),
        ({"hidden": (2.5,)}, "a hidden layer has to be a whole number from 1 on, found 2.5"),
        ({"activation": "rleu"}, "unknown activation 'rleu': did you mean 'relu'"),
        ({"activation": ("relu", "tahn")}, "did you mean 'tanh'"),
        ({"output": "sofmax"}, "did you mean 'softmax'"),
        ({"loss": "mse"}, "unknown loss 'mse'"),
        ({"optimizer": "adma"}, "did you mean 'adam'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"rate": 0.0}, "rate has to be a positive finite number, found 0.0"),
        ({"rate": float("nan")}, "rate has to be a positive finite number, found nan"),
        ({"clip": -1.0}, "clip has to be a positive finite number"),
        ({"batch_size": 0}, "batch_size has to be a whole number from 1 on, found 0"),
        ({"batch_size": "some"}, "batch_size has to be a whole number from 1 on, found 'some'"),
        ({"epochs": 0}, "epochs has to be a whole number from 1 on"),
        ({"epochs": True}, "epochs has to be a whole number from 1 on"),
        ({"patience": 0}, "patience has to be a whole number from 1 on"),
        ({"patience": 3, "validation": 0}, "patience needs held-out examples, but validation is 0"),
        ({"l1": -0.1}, "l1 has to be a finite number of at least 0"),
        ({"l2": float("inf")}, "l2 has to be a finite number of at least 0"),
        ({"test": 1.0}, "test has to be at least 0 and below 1, found 1.0"),
        ({"validation": -0.1}, "validation has to be at least 0 and below 1"),
        ({"dtype": "float16"}, "dtype has to be 'float32' or 'float64'"),
        ({"seed": -1}, "seed has to be a whole number from 0 on, found -1"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        Options(**options)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("number", {"loss": "cross_entropy"}, "needs classes, but the target number is numbers: choose another loss"),
        ("two", {"loss": "cross_entropy"}, "needs three classes or more, found two.*use binary_cross_entropy"),
        ("y", {"output": "tanh"}, "cross_entropy does not fit the output activation tanh: use softmax"),
        ("y", {"hidden": (3, 4), "activation": ("relu",)}, "1 activations were given for 2 hidden layers"),
        ("y", {"dropout": (0.1, 0.2)}, "2 dropout rates were given for 1 hidden layer: "),
    ],
)
def test_choices_that_do_not_fit_the_target(target, options, message):
    with pytest.raises(OptionError, match=message):
        choose(problem(target), Options(**options))


def test_rows_are_held_out_of_every_class():
    found = problem(rows=2000, validation=0.1, test=0.25)
    assert [len(part[0]) for part in (found.train, found.validation, found.test)] == [1350, 150, 500]
    for part in (found.train, found.validation, found.test):
        np.testing.assert_allclose(part[1].mean(axis=0), 0.25, atol=0.01)


def test_the_same_seed_holds_the_same_rows_out():
    table = Table.of({"x": np.arange(100.0), "y": RNG.normal(size=100)})
    one, same, other = (prepare_problem(Dataset(table, None, ("y",)), Options(seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.test[0], same.test[0])
    assert not np.array_equal(one.test[0], other.test[0])


def test_a_file_s_own_test_rows_are_used():
    table = Table.of({"x": np.arange(100.0), "y": ["a", "b"] * 50})
    test = Table.of({"x": np.arange(10.0), "y": ["a", "b"] * 5})
    found = prepare_problem(Dataset(table, test, ("y",)))
    assert (len(found.train[0]), len(found.test[0])) == (100, 10)


def test_means_and_scales_are_those_of_the_training_rows():
    found = problem("number", rows=400)
    np.testing.assert_allclose(found.train[0].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.center, 0, atol=1e-6)
    assert abs(found.test[0].mean()) > 1e-4


def test_too_few_rows_to_hold_some_out():
    table = Table.of({"x": [0.0, 1.0, 2.0, 3.0], "y": ["a", "b", "a", "b"]})
    with pytest.raises(DataError, match=r"4 rows are too few to hold some out.*at least 10.*--test 0 \(test=0\)"):
        prepare_problem(Dataset(table, None, ("y",)))
    found = prepare_problem(Dataset(table, None, ("y",)), Options(test=0))
    assert len(found.train[0]) == 4
    assert found.test is None


def test_what_is_remarkable_is_noted():
    rows = 60
    table = Table.of(
        {
            "age": np.where(np.arange(rows) % 10 == 0, np.nan, RNG.normal(40, 5, rows)),
            "name": [f"name {i}" for i in range(rows)],
            "alive": ["yes", "no"] * (rows // 2),
            "survived": [1, 0] * (rows // 2),
        }
    )
    with pytest.raises(DataError, match=r"values are missing in the input columns age \(6\).*--impute"):
        prepare_problem(Dataset(table, None, ("survived",)))
    notes = prepare_problem(Dataset(table, None, ("survived",)), Options(impute=True)).notes
    assert len(notes) == 3
    assert "'name' is left out" in notes[0]
    assert "'alive' predicts the target 'survived' perfectly" in notes[1]
    assert "'age': 6 missing values filled" in notes[2]


def test_layers_with_dropout_and_normalisation():
    options = Options(hidden=(4, 3), dropout=(0.5, 0.0), normalization="batch", activation="tanh")
    network = choose(problem(), options).network(2, 4)
    assert network.layers == (
        Dense(4, "identity"),
        BatchNorm("tanh"),
        Dropout(0.5),
        Dense(3, "identity"),
        BatchNorm("tanh"),
        Dense(4, "softmax"),
    )
    network = choose(problem(), Options(hidden=(4,), dropout=0.25, normalization="layer")).network(2, 4)
    assert network.layers == (Dense(4, "identity"), LayerNorm("relu"), Dropout(0.25), Dense(4, "softmax"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1.0}, "dropout has to be at least 0 and below 1, found 1.0"),
        ({"dropout": (0.1, -0.1)}, "dropout has to be at least 0 and below 1, found -0.1"),
        ({"normalization": "group"}, "normalization has to be 'batch' or 'layer', found 'group'"),
    ],
)
def test_dropout_and_normalisation_out_of_their_range(options, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        Options(**options)


def test_no_minibatch_of_one_example_is_normalised():
    """33 training rows: 32 and one, which has no deviation; the rows of a minibatch are fewer then."""
    found = problem(rows=44, test=0.25)
    assert len(found.train[0]) == 33
    assert choose(found, Options(normalization="batch")).batch_size == 31
    assert choose(found, Options(normalization="layer")).batch_size == 32
    assert train(found, Options(normalization="batch", epochs=2))[1].gradient.ok
