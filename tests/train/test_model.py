"""A model predicts from tables and from arrays, and says what it cannot take."""

import numpy as np
import pytest

from chainrule.data import Table, prepare
from chainrule.errors import DataError, OptionError
from chainrule.nn import Network
from chainrule.train import Model

RNG = np.random.default_rng(2)
TABLE = Table.of(
    {
        "age": RNG.normal(40, 10, 30),
        "town": RNG.choice(["Troy", "Ithaca", "Sparta"], 30),
        "species": RNG.choice(["cat", "dog", "emu"], 30),
        "ill": RNG.choice(["no", "yes"], 30),
        "fee": RNG.normal(100, 5, 30),
    }
)


def model(target, output, loss, columns=("age", "town"), dtype=np.float32):
    targets = [target] if isinstance(target, str) else list(target)
    preparation = prepare(TABLE.without([n for n in TABLE.names if n not in (*columns, *targets)]), targets)
    network = Network.of(len(preparation.feature_names), (4,), preparation.target.width, "tanh", output)
    return Model(network, network.initialize(0, dtype), network.initial_state(dtype), loss, preparation)


def test_classes_by_name_with_probabilities():
    found = model("species", "softmax", "cross_entropy")
    predicted, probabilities = found.predict(TABLE), found.probabilities(TABLE)
    assert probabilities.shape == (30, 3)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert list(predicted) == [("cat", "dog", "emu")[i] for i in np.argmax(probabilities, axis=1)]


def test_two_classes():
    found = model("ill", "sigmoid", "binary_cross_entropy")
    probabilities = found.probabilities(TABLE)
    assert probabilities.shape == (30, 2)
    assert list(found.predict(TABLE)) == ["yes" if p > 0.5 else "no" for p in probabilities[:, 1]]


def test_numbers_in_their_own_units():
    found = model(("fee", "age"), "identity", "squared", columns=("town",))
    predicted = found.predict(TABLE)
    assert predicted.shape == (30, 2)
    np.testing.assert_allclose(predicted, found.preparation.decode(found.outputs(TABLE)))
    with pytest.raises(OptionError, match="predicts numbers with the output activation identity: it has no probab"):
        found.probabilities(TABLE)


def test_outputs_that_are_no_probabilities():
    with pytest.raises(OptionError, match="predicts classes with the output activation tanh"):
        model("species", "tanh", "squared").probabilities(TABLE)


def test_only_the_input_columns_are_needed_in_any_order():
    found = model("species", "softmax", "cross_entropy")
    bare = Table.of({"town": TABLE["town"].values, "extra": np.zeros(30), "age": TABLE["age"].values})
    np.testing.assert_array_equal(found.outputs(bare), found.outputs(TABLE))
    with pytest.raises(DataError, match="no input column 'age'"):
        found.predict(bare.without(["age"]))


def test_an_array_holds_the_raw_columns():
    found = model("ill", "sigmoid", "binary_cross_entropy", columns=("age", "fee"))
    raw = np.column_stack([TABLE["age"].values, TABLE["fee"].values])
    np.testing.assert_array_equal(found.predict(raw), found.predict(TABLE))
    one = model("ill", "sigmoid", "binary_cross_entropy", columns=("fee",))
    for column in (TABLE["fee"].values, TABLE["fee"].values[:, np.newaxis]):
        np.testing.assert_array_equal(one.outputs(column), one.outputs(TABLE))
    with pytest.raises(DataError, match="the array has 3 columns, but the model takes 2: age, fee"):
        found.predict(np.zeros((4, 3)))
    with pytest.raises(DataError, match=r"takes columns of text \(town\), which an array of numbers cannot hold"):
        model("ill", "sigmoid", "binary_cross_entropy").predict(np.zeros((4, 2)))


def test_images():
    images = RNG.integers(0, 256, (20, 5, 5), dtype=np.uint8)
    table = Table.of({"X": images, "label": RNG.choice(["a", "b", "c"], 20)})
    preparation = prepare(table, "label")
    network = Network.of(25, outputs=3, output="softmax")
    found = Model(network, network.initialize(0), network.initial_state(), "cross_entropy", preparation)
    np.testing.assert_array_equal(found.outputs(images), found.outputs(table))


def test_without_preparation():
    x = RNG.normal(size=(6, 2))
    network = Network.of(2, outputs=3, output="softmax")
    classes = Model(network, network.initialize(0), network.initial_state(), "cross_entropy")
    np.testing.assert_array_equal(classes.predict(x), np.argmax(classes.outputs(x), axis=1))
    np.testing.assert_array_equal(classes.probabilities(x), classes.outputs(x))
    network = Network.of(2, outputs=2, output="sigmoid")
    yes_or_no = Model(network, network.initialize(0), network.initial_state(), "binary_cross_entropy")
    np.testing.assert_array_equal(yes_or_no.predict(x), yes_or_no.outputs(x) > 0.5)
    network = Network.of(2, outputs=2)
    numbers = Model(network, network.initialize(0), network.initial_state(), "squared")
    np.testing.assert_array_equal(numbers.predict(x), network.apply(numbers.parameters, network.initial_state(), x)[0])


def test_inputs_that_are_refused_without_preparation():
    network = Network.of(2)
    plain = Model(network, network.initialize(0), network.initial_state(), "squared")
    with pytest.raises(DataError, match=r"does not know columns: give an array of shape \(examples, 2\)"):
        plain.predict(TABLE)
    with pytest.raises(DataError, match="expects 2 inputs"):
        plain.predict(np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"inputs\[1, 0\] is nan"):
        plain.predict([[0.0, 1.0], [np.nan, 1.0]])
    with pytest.raises(DataError, match="real numbers, found dtype <U1"):
        plain.predict([["a", "b"]])
    assert plain.predict(np.zeros((0, 2))).shape == (0, 1)
