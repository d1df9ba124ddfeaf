"""Embeddings: looking vectors up, adding their gradients up, codes that are none, and what is learned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import grad, optim
from chainrule.errors import DataError, OptionError
from chainrule.nn import Dense, Embedding, Network, objective
from chainrule.train import fit


def example(seed, examples=8):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, 5, examples), rng.integers(0, 2, examples)])
    return rng, codes, np.column_stack([codes, rng.normal(size=(examples, 2))])


@given(st.integers(0, 1000))
def test_vectors_side_by_side_and_then_the_other_columns(seed):
    rng, codes, x = example(seed)
    layer = Embedding((5, 2), (3, 1))
    parameters = layer.initialize(rng, 4, np.float64)
    signal, _ = layer.signal(parameters, {}, x)
    one_hot = np.eye(5)[codes[:, 0]], np.eye(2)[codes[:, 1]]
    expected = [one_hot[0] @ parameters["vectors1"], one_hot[1] @ parameters["vectors2"], x[:, 2:]]
    np.testing.assert_array_equal(signal, np.hstack(expected))
    assert signal.shape[1] == layer.units_out(4)


@given(st.integers(0, 1000))
def test_the_gradient_adds_up_over_the_examples_of_a_category(seed):
    rng, codes, x = example(seed)
    layer = Embedding((5, 2), (3, 1))
    parameters, g = layer.initialize(rng, 4, np.float64), rng.normal(size=(8, 6))
    by_parameters, by_x = grad(lambda p, x: np.sum(g * layer.signal(p, {}, x)[0]), (0, 1))(parameters, x)
    for column, part in enumerate((slice(0, 3), slice(3, 4))):
        name = f"vectors{column + 1}"
        expected = np.zeros_like(parameters[name])
        np.add.at(expected, codes[:, column], g[:, part])
        np.testing.assert_allclose(by_parameters[name], expected, atol=1e-12)
    np.testing.assert_array_equal(by_x, np.column_stack([np.zeros((8, 2)), g[:, 4:]]))


def test_the_start_has_variance_1():
    vectors = Embedding((1000,), (20,)).initialize(np.random.default_rng(0), 1, np.float32)["vectors1"]
    assert vectors.dtype == np.float32
    assert abs(vectors.std() - 1) < 0.02


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("row", "column", "code", "count"), [(1, 0, 5.0, 5), (2, 0, -1.0, 5), (0, 1, 0.5, 2), (3, 1, np.nan, 2)]
)
def test_codes_that_are_refused(row, column, code, count, dtype):
    network = Network(3, (Embedding((5, 2), (3, 1)), Dense(1)))
    x = np.ones((4, 3), dtype)
    x[row, column] = code
    message = (
        rf"x\[{row}, {column}\] is {code:g}: the embedding takes codes of {count} categories in column {column}, whole "
        f"numbers from 0 to {count - 1}"
    )
    parameters, state = network.initialize(0, dtype), network.initial_state(dtype)
    with pytest.raises(DataError, match=message):
        network.apply(parameters, state, x)
    # Traced inputs are looked at too.
    with pytest.raises(DataError, match=message):
        grad(lambda x: np.sum(network.apply(parameters, state, x)[0]))(x)


@pytest.mark.parametrize("held_out", [False, True])
def test_training_looks_at_all_codes_before_the_first_step(held_out):
    network = Network(3, (Embedding((5, 2), (3, 1)), Dense(1)))
    fine, wrong, t = np.ones((9, 3)), np.ones((9, 3)), np.ones((9, 1))
    wrong[7, 0] = 5.0
    options = {"optimizer": optim.sgd(0.1), "epochs": 1, "batch_size": 2}
    if held_out:
        options["validation"] = (wrong, t)
    with pytest.raises(
        DataError, match=r"x\[7, 0\] is 5: the embedding takes codes of 5 categories in column 0"
    ) as caught:
        fit(network, network.initialize(0), "squared", fine if held_out else wrong, t, **options)
    assert str(caught.value).startswith("in the held-out data, ") == held_out


@pytest.mark.parametrize(
    ("categories", "units", "message"),
    [
        ((), (), "categories of an embedding has to be one number for each column"),
        (5, 3, "categories of an embedding has to be one number for each column, found 5"),
        ((5,), (3, 1), "units for each column of categories, found 2 for 1"),
        ((0,), (3,), "categories of an embedding has to be a positive integer, found 0"),
        ((5,), (2.5,), "units of an embedding has to be a positive integer, found 2.5"),
    ],
)
def test_sizes_that_are_refused(categories, units, message):
    with pytest.raises(OptionError, match=message):
        Embedding(categories, units)


def test_more_columns_of_categories_than_inputs():
    with pytest.raises(OptionError, match="layer 1: the embedding takes 2 columns of categories, but there are 1 inp"):
        Network(1, (Embedding((5, 2), (3, 1)),))


def test_the_effect_of_categories_is_learned():
    rng = np.random.default_rng(0)
    effects = rng.normal(0.0, 3.0, 30)
    codes, rest = rng.integers(0, 30, 600), rng.normal(size=600)
    x, t = np.column_stack([codes, rest]), (effects[codes] + 0.5 * rest)[:, np.newaxis]
    network = Network(2, (Embedding((30,), (1,)), Dense(1, "identity")))
    found = fit(
        network, network.initialize(0), "squared", x, t, optimizer=optim.adam(0.05), epochs=60, batch_size=50, rng=0
    )
    learned = found.parameters[0]["vectors1"] @ found.parameters[1]["weights"][:1] + found.parameters[1]["bias"]
    np.testing.assert_allclose(learned[:, 0], effects, atol=0.1)
    assert objective(network, "squared")(found.parameters, found.network_state, x, t)[0] < 0.01
