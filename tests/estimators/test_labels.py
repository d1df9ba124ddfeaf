"""Targets and labels are those of scikit-learn's LabelBinarizer, and labels have its dtype."""

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from chainrule.estimators import MLPClassifier
from chainrule.estimators.labels import binarized, labels_of, targets_of

COUNTS = [1, 2, 3, 7]
LABELS = {
    "int64": lambda k: k - 2,
    "int8": lambda k: (k - 2).astype(np.int8),
    "uint16": lambda k: (10 * k).astype(np.uint16),
    "bool": lambda k: k == 1,
    "float64": lambda k: k.astype(np.float64),
    "text": lambda k: np.array(["zero", "one", "two"] * 3, dtype="<U9")[k],
    "object": lambda k: np.array(["zero", "one", "two"] * 3, dtype=object)[k],
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", LABELS)
def test_as_by_scikit_learn(kind, count):
    rng = np.random.default_rng(count)
    y = LABELS[kind](rng.integers(0, count, 40))
    theirs = LabelBinarizer().fit(y)
    ours, targets = binarized(y)
    assert ours.y_type_ == theirs.y_type_
    np.testing.assert_array_equal(ours.classes_, theirs.classes_, strict=True)
    np.testing.assert_array_equal(targets, theirs.transform(y))
    some = y[:5]
    np.testing.assert_array_equal(targets_of(ours, some), theirs.transform(some))
    outputs = rng.uniform(size=(40, targets.shape[1]))
    expected = theirs.inverse_transform(outputs.ravel() if outputs.shape[1] == 1 else outputs)
    np.testing.assert_array_equal(labels_of(ours, outputs), expected, strict=True)


def test_several_labels_at_once():
    y = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
    ours, targets = binarized(y)
    np.testing.assert_array_equal(targets, y)
    np.testing.assert_array_equal(labels_of(ours, np.where(y, 0.7, 0.2)), y)


def test_numbers_are_no_labels():
    with pytest.raises(ValueError, match="Unknown label type"):
        binarized(np.array([0.5, 1.5, 2.0]))
    # Without the numbers themselves, of which there may be many.
    with pytest.raises(ValueError, match=r"^Unknown label type: continuous.*regression"):
        MLPClassifier().fit(np.eye(3), np.array([0.5, 1.5, 2.0]))
