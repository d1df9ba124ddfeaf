"""The small built-in problems are what they say."""

import subprocess
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

from chainrule.data import band, digits, prepare, xor


def test_xor():
    X, T = xor()
    assert X.dtype == T.dtype == np.float64
    assert np.array_equal(T[:, 0], np.logical_xor(X[:, 0], X[:, 1]))


def test_band_is_balanced_and_has_a_margin():
    X, T = band(1000, np.random.default_rng(0))
    assert np.abs(X).max() <= 1
    assert 0.45 < T.mean() < 0.55
    distance = np.abs(X.sum(axis=1))
    assert distance[T[:, 0] == 1].max() < 0.45
    assert distance[T[:, 0] == 0].min() > 0.55
    again = band(1000, np.random.default_rng(0))
    assert np.array_equal(X, again[0])
    assert np.array_equal(T, again[1])
    assert band(0, np.random.default_rng(0))[0].shape == (0, 2)


def test_no_line_separates_the_band_but_two_hidden_units_do():
    X, T = band(1000, np.random.default_rng(0))
    assert LogisticRegression().fit(X, T[:, 0]).score(X, T[:, 0]) < 0.7
    # One unit for each line x0 + x1 = -1/2 and 1/2, steep enough; between them both are on.
    hidden = np.tanh(50 * (X @ np.array([[1.0, -1.0], [1.0, -1.0]]) + 0.5))
    assert np.array_equal(hidden.sum(axis=1, keepdims=True) > 1, T == 1)


def test_digits():
    dataset = digits()
    preparation = prepare(dataset.table, dataset.targets)
    assert preparation.classes == tuple("0123456789")
    features = preparation.inputs(dataset.table)
    assert features.shape == (1797, 64)
    assert np.abs(features).max() < 3
    assert dataset.table["x3"].values.max() == 16


def test_the_room_loads_neither_scikit_learn_nor_scipy():
    code = "import sys, chainrule.data; print([m for m in ('sklearn', 'scipy', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
