"""A fitted network of scikit-learn taken over: the same outputs, and the same steps from there on."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression

from chainrule.bridges import from_sklearn
from chainrule.errors import OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4))
NUMBERS = X @ rng.standard_normal(4)
THREE = np.digitize(NUMBERS, [-1.0, 1.0])
TARGETS = {
    "numbers": (neural_network.MLPRegressor, NUMBERS),
    "two columns": (neural_network.MLPRegressor, np.column_stack([NUMBERS, X[:, 0]])),
    "three": (neural_network.MLPClassifier, THREE),
    "two texts": (neural_network.MLPClassifier, np.array(["no", "yes"])[(THREE > 0).astype(int)]),
    "several": (neural_network.MLPClassifier, np.column_stack([THREE > 0, THREE > 1]).astype(int)),
}


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("name", TARGETS)
def test_same_outputs_and_same_steps(name, activation, solver):
    kind, y = TARGETS[name]
    theirs = fitted(
        kind(
            hidden_layer_sizes=(5, 3), activation=activation, solver=solver, max_iter=4, random_state=0, batch_size=16
        ),
        X,
        y,
    )
    ours = from_sklearn(theirs)
    assert type(ours) is {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[kind.__name__]
    for parameter, value in theirs.get_params().items():
        assert getattr(ours, parameter) == value
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == theirs.loss_
    assert_array_equal(ours.predict(X) if y.dtype.kind != "f" else 0, theirs.predict(X) if y.dtype.kind != "f" else 0)
    if kind is neural_network.MLPClassifier:
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-12, atol=1e-15)
    else:
        assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12, atol=1e-14)
    if solver != "lbfgs":
        before = [weights.copy() for weights in theirs.coefs_]
        for _ in range(2):
            ours.partial_fit(X, y)
            theirs.partial_fit(X, y)
        for a, b, start in zip(ours.coefs_, theirs.coefs_, before, strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-12)
            assert np.any(b != start)
        assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
        assert ours.t_ == theirs.t_


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_goes_on_with_warm_start(solver):
    theirs = neural_network.MLPRegressor(
        hidden_layer_sizes=(5,), solver=solver, warm_start=True, max_iter=3, random_state=0, batch_size=16
    )
    fitted(theirs, X, NUMBERS)
    ours = from_sklearn(theirs)
    fitted(ours, X, NUMBERS)
    fitted(theirs, X, NUMBERS)
    for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_single_precision_names_and_independence():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X.astype(np.float32), columns=list("abcd"))
    theirs = fitted(
        neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0, early_stopping=True),
        frame,
        NUMBERS,
    )
    ours = from_sklearn(theirs)
    assert ours.coefs_[0].dtype == theirs.coefs_[0].dtype
    assert ours.feature_names_in_.tolist() == list("abcd")
    assert ours.validation_scores_ == theirs.validation_scores_
    before = theirs.coefs_[0].copy()
    ours.coefs_[0][:] = 0
    assert_array_equal(theirs.coefs_[0], before)


def test_parameters_changed_after_the_fit():
    theirs = fitted(neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0), X, NUMBERS)
    theirs.set_params(hidden_layer_sizes=(7, 7), alpha=0.5)
    ours = from_sklearn(theirs)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    assert ours.hidden_layer_sizes == (7, 7)


def test_what_is_refused():
    with pytest.raises(OptionError, match="found LinearRegression"):
        from_sklearn(LinearRegression())
    with pytest.raises(NotFittedError):
        from_sklearn(neural_network.MLPRegressor())
