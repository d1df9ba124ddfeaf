"""Folds: every example in one of them, every class in all, nothing by chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.folds import ALWAYS_KEPT, fold_rows
from chainrule.errors import DataError, OptionError


@given(
    classes=st.lists(st.integers(0, 4), min_size=1, max_size=60) | st.none(),
    folds=st.integers(2, 6),
    seed=st.integers(0, 3),
)
def test_every_example_is_in_one_fold_and_every_class_in_all(classes, folds, seed):
    examples = 40 if classes is None else len(classes)
    labels = np.zeros(examples, int) if classes is None else np.array(classes)
    sizes = np.bincount(labels)
    alone = 0 if classes is None else np.sum(sizes == 1)
    if examples - alone < folds:
        with pytest.raises(DataError, match="too few"):
            fold_rows(examples, folds, np.random.default_rng(seed), classes)
        return
    found = fold_rows(examples, folds, np.random.default_rng(seed), classes)
    assert np.array_equal(found, fold_rows(examples, folds, np.random.default_rng(seed), classes))
    assert np.sum(found == ALWAYS_KEPT) == alone
    counts = np.bincount(found[found != ALWAYS_KEPT], minlength=folds)
    assert len(counts) == folds
    assert counts.max() - counts.min() <= 1
    for label, size in enumerate(sizes):
        of_class = found[labels == label]
        if classes is not None and size == 1:
            assert of_class == ALWAYS_KEPT
        elif size:
            spread = np.bincount(of_class, minlength=folds)
            assert spread.max() - spread.min() <= 1
            # Without any fold there is still an example of the class to learn from.
            assert classes is None or np.all(size - spread >= 1)


def test_folds_are_drawn():
    one, other = (fold_rows(50, 5, np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, np.arange(50) % 5)


@pytest.mark.parametrize("folds", [1, 0, -3, 2.5, "5"])
def test_too_few_folds(folds):
    with pytest.raises(OptionError, match="at least 2 folds, found"):
        fold_rows(20, folds, np.random.default_rng(0))


def test_classes_of_another_length():
    with pytest.raises(DataError, match="5 examples, but classes has shape"):
        fold_rows(5, 2, np.random.default_rng(0), [0, 1])
