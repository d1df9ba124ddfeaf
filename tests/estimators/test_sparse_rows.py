"""Sparse inputs that become dense minibatch by minibatch: the same bits as dense ones."""

import numpy as np
import pytest
from scipy import sparse

from chainrule.estimators import MLPClassifier, MLPRegressor, sparse_rows
from chainrule.estimators.sparse_rows import SparseRows, held

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = sparse.random(90, 17, density=0.2, random_state=0, format="csr")
Y = RNG.integers(0, 3, 90)


@pytest.fixture
def never_dense(monkeypatch):
    monkeypatch.setattr(sparse_rows, "_DENSE", 0)


@pytest.fixture
def benches(monkeypatch):
    """How many benches of slices were made."""
    found = []

    class Noted(sparse_rows.SlicedBench):
        def __init__(self, *arguments):
            found.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr("chainrule.estimators.task.SlicedBench", Noted)
    return found


def rows_of(matrix):
    return SparseRows(matrix.data, matrix.indices, matrix.indptr, matrix.shape)


def test_rows_are_those_of_the_matrix():
    dense = X.toarray()
    for rows in ([3, 1, 1, 89], [], range(90)):
        rows = np.array(rows, np.intp)
        np.testing.assert_array_equal(rows_of(X).take(rows), dense[rows])
    np.testing.assert_array_equal(rows_of(X)[:4], dense[:4])
    assert len(rows_of(X)) == 90


def test_entries_that_stand_twice_are_added(never_dense):
    twice = sparse.csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([2, 2, 0]), np.array([0, 2, 3])), shape=(2, 3))
    np.testing.assert_array_equal(held(twice, np.float64, in_parts=True).take(np.arange(2)), [[0, 0, 3], [4, 0, 0]])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 20},
        {"batch_size": 1, "max_iter": 3},
        {"batch_size": 45, "shuffle": False},
        {"batch_size": 20, "solver": "sgd", "learning_rate": "adaptive", "tol": 1e-2},
        {"batch_size": 20, "early_stopping": True},
        {"batch_size": 20, "dropout": 0.3, "batch_norm": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits(kind, settings, form, dtype, never_dense, benches):
    settings = {"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 12} | settings
    matrix = X.astype(dtype).asformat(form)
    found = kind(**settings).fit(matrix, Y)
    assert benches
    expected = kind(**settings).fit(matrix.toarray(), Y)
    assert found.loss_curve_ == expected.loss_curve_
    assert all(np.array_equal(a, b) for a, b in zip(found.coefs_, expected.coefs_, strict=True))
    np.testing.assert_allclose(found.predict(matrix), expected.predict(matrix), rtol=1e-5)


def test_weights_and_part_by_part(never_dense, benches):
    weights = RNG.uniform(0.5, 2, 90)
    found, expected = (
        MLPClassifier((6,), random_state=0, batch_size=20, max_iter=5).fit(part, Y, weights)
        for part in (X, X.toarray())
    )
    assert benches
    assert found.loss_curve_ == expected.loss_curve_
    found, expected = (
        MLPClassifier((6,), random_state=0, batch_size=20),
        MLPClassifier((6,), random_state=0, batch_size=20),
    )
    for _ in range(3):
        found.partial_fit(X, Y, classes=range(3))
        expected.partial_fit(X.toarray(), Y, classes=range(3))
    assert all(np.array_equal(a, b) for a, b in zip(found.coefs_, expected.coefs_, strict=True))


def test_a_checkpoint_knows_its_rows(never_dense, tmp_path):
    settings = {"hidden_layer_sizes": (6,), "random_state": 0, "batch_size": 20, "checkpoint": tmp_path / "run"}
    whole = MLPClassifier(**settings | {"checkpoint": None}, max_iter=9).fit(X, Y)
    MLPClassifier(**settings, max_iter=4).fit(X, Y)
    other = X.copy()
    other.data[0] += 1
    with pytest.raises(ValueError, match="another run"):
        MLPClassifier(**settings, max_iter=9, resume=True).fit(other, Y)
    resumed = MLPClassifier(**settings, max_iter=9, resume=True).fit(X, Y)
    assert resumed.loss_curve_ == whole.loss_curve_


def test_a_step_that_diverges_is_named(never_dense):
    model = MLPRegressor(hidden_layer_sizes=(6,), random_state=0, solver="sgd", learning_rate_init=1e200, batch_size=20)
    with pytest.raises(ValueError, match="diverged at step"):
        model.fit(X, Y)


def test_what_fits_into_little_memory_is_dense():
    assert isinstance(held(X, np.float64, in_parts=True), np.ndarray)
    assert isinstance(held(X, np.float64, in_parts=False), np.ndarray)
