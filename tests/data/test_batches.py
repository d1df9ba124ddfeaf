"""Minibatches and splits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import minibatches, split
from chainrule.errors import DataError, OptionError


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.integers(0, 50), st.integers(1, 60), st.integers(0, 5))
def test_every_example_once(examples, batch_size, seed):
    batches = list(minibatches(examples, batch_size, rng(seed)))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert sorted(index for batch in batches for index in batch) == list(range(examples))
    again = minibatches(examples, batch_size, rng(seed))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_epochs_differ():
    generator = rng()
    first, second = ([batch.tolist() for batch in minibatches(20, 6, generator)] for _ in range(2))
    assert first != second


def test_the_full_batch_is_in_order_and_draws_nothing():
    generator = rng()
    (batch,) = minibatches(5, None, generator)
    assert batch.tolist() == [0, 1, 2, 3, 4]
    assert generator.random() == rng().random()


def test_one_by_one():
    assert [len(batch) for batch in minibatches(4, 1, rng())] == [1, 1, 1, 1]
    assert [len(batch) for batch in minibatches(4, np.int64(3), rng())] == [3, 1]


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, "2"])
def test_batch_sizes_without_meaning(batch_size):
    with pytest.raises(OptionError) as caught:
        minibatches(4, batch_size, rng())
    assert str(caught.value) == f"batch_size is {batch_size!r}; it must be a whole number from 1 on, or None for all"


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 3))
def test_split(examples, fraction, seed):
    kept, held_out = split(examples, fraction, rng(seed))
    assert sorted([*kept, *held_out]) == list(range(examples))
    assert len(held_out) == min(max(1, round(fraction * examples)), examples - 1)
    again = split(examples, fraction, rng(seed))
    assert np.array_equal(kept, again[0])
    assert np.array_equal(held_out, again[1])
    assert np.all(np.diff(kept) > 0)
    assert np.all(np.diff(held_out) > 0)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.floats(0.01, 0.99), st.integers(0, 3))
def test_stratified_split(classes, fraction, seed):
    labels = np.array(classes)
    sizes = np.bincount(labels)
    if sizes.max() == 1:
        with pytest.raises(DataError, match="too few rows to hold some out"):
            split(len(labels), fraction, rng(seed), labels)
        return
    kept, held_out = split(len(labels), fraction, rng(seed), labels)
    assert sorted([*kept, *held_out]) == list(range(len(labels)))
    wanted = min(max(1, round(fraction * len(labels))), np.sum(sizes[sizes > 0] - 1))
    assert len(held_out) == wanted
    held = np.bincount(labels[held_out], minlength=len(sizes))
    assert np.all(sizes[sizes > 0] - held[sizes > 0] >= 1)
    # Nearly in proportion, unless a small class must keep its only example.
    if np.all(sizes * (1 - fraction) >= 2):
        assert np.all(np.abs(held - sizes * wanted / len(labels)) < 1)


def test_classes_may_be_names():
    names = np.array(["a"] * 50 + ["b"] * 10)
    _, held_out = split(60, 0.2, rng(), names)
    assert np.unique(names[held_out], return_counts=True)[1].tolist() == [10, 2]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_fractions_without_meaning(fraction):
    with pytest.raises(OptionError, match="it must lie between 0 and 1"):
        split(10, fraction, rng())


def test_too_few():
    with pytest.raises(DataError, match="too few rows to hold some out: 1; at least 2 are needed"):
        split(1, 0.5, rng())
    with pytest.raises(DataError, match=r"there are 4 examples, but classes has shape \(3,\)"):
        split(4, 0.5, rng(), [0, 1, 0])
