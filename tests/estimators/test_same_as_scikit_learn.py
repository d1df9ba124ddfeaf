"""The same names, weights and notes as scikit-learn's networks, for the same data and `random_state`."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_digits, load_wine, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from chainrule.estimators import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # From scikit-learn 1.6, where SciPy is newer.
    pytest.mark.filterwarnings("ignore:scipy.optimize. The `disp` and `iprint` options:DeprecationWarning"),
]

PAIRS = [(MLPClassifier, neural_network.MLPClassifier), (MLPRegressor, neural_network.MLPRegressor)]
THEIRS = dict(PAIRS)


def wine():
    X, y = load_wine(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), y


def several_labels():
    return make_multilabel_classification(90, 6, n_classes=4, random_state=0)


def numbers(outputs=1):
    X, y = make_regression(90, 5, n_targets=outputs, noise=1.0, random_state=0)
    return X, y / 50


def counts():
    X, _ = numbers()
    return X, np.random.default_rng(0).poisson(np.exp(0.5 * X[:, 0])).astype(float)


PROBLEMS = {
    "classes": (MLPClassifier, wine, {}),
    "yes or no": (MLPClassifier, lambda: (wine()[0], wine()[1] == 1), {}),
    "several labels": (MLPClassifier, several_labels, {}),
    "number": (MLPRegressor, numbers, {}),
    "several numbers": (MLPRegressor, lambda: numbers(3), {}),
    "counts": (MLPRegressor, counts, {"loss": "poisson"}),
}
SOLVERS = {
    "plain": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.05},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.05},
    "adam": {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4},
}


def fitted(kind, X, y, sample_weight=None, **parameters):
    """Ours and theirs, both fitted."""
    found = []
    for maker in (kind, THEIRS[kind]):
        names = inspect.signature(maker).parameters
        if maker is not kind and not set(parameters) <= set(names):
            pytest.skip(f"this scikit-learn has no {set(parameters) - set(names)}")
        model = maker(**parameters)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if maker is not kind and weights and "sample_weight" not in inspect.signature(model.fit).parameters:
            pytest.skip("this scikit-learn has no sample_weight")
        found.append(model.fit(X, y, **weights))
    return found


def assert_same_weights(ours, theirs, rtol=1e-9, atol=1e-12):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("is_weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_one_step(problem, solver, is_weighted, alpha):
    kind, data, more = PROBLEMS[problem]
    X, y = data()
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X)) if is_weighted else None
    ours, theirs = fitted(
        kind, X, y, weights, hidden_layer_sizes=(7,), alpha=alpha, max_iter=1, random_state=0, **SOLVERS[solver], **more
    )
    assert_same_weights(ours, theirs, rtol=1e-11)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-12)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(
    "parameters",
    [
        {"batch_size": 32, "hidden_layer_sizes": (8, 5), "activation": "tanh"},
        {"batch_size": 25, "shuffle": False, "activation": "logistic"},
        {"batch_size": 40, "solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.02},
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.01, "tol": 0.05, "n_iter_no_change": 3},
        {"early_stopping": True, "batch_size": 32, "n_iter_no_change": 4, "learning_rate_init": 0.01},
        {"hidden_layer_sizes": (), "activation": "identity", "batch_size": 30},
    ],
    ids=lambda parameters: " ".join(str(x) for x in parameters.values()),
)
def test_whole_fit(problem, parameters):
    kind, data, more = PROBLEMS[problem]
    X, y = data()
    ours, theirs = fitted(kind, X, y, max_iter=40, random_state=3, **{**parameters, **more})
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_weights(ours, theirs, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-7)
    for name in ("t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-7)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_lbfgs(problem):
    kind, data, more = PROBLEMS[problem]
    X, y = data()
    ours, theirs = fitted(
        kind, X, y, solver="lbfgs", hidden_layer_sizes=(4,), activation="tanh", max_iter=4, random_state=0, **more
    )
    if problem == "several numbers":
        # There, scikit-learn gives its routine a value with the mean over the outputs and a gradient of the sum.
        assert ours.score(X, y) >= theirs.score(X, y) - 0.02
        return
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_weights(ours, theirs, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-7)
    assert not hasattr(ours, "loss_curve_")
    assert not hasattr(ours, "partial_fit")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_same_outputs_from_copied_weights(problem, dtype):
    kind, data, more = PROBLEMS[problem]
    X, y = data()
    X = X.astype(dtype)
    ours, theirs = fitted(kind, X, y, hidden_layer_sizes=(9,), max_iter=30, random_state=0, **more)
    ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    methods = ["predict"] if kind is MLPRegressor else ["predict", "predict_proba", "predict_log_proba"]
    for method in methods:
        a, b = getattr(ours, method)(X), getattr(theirs, method)(X)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-5)


def test_float32_stays_float32():
    X, y = load_digits(return_X_y=True)
    X = (X[:400] / 16).astype(np.float32)
    for solver in ("adam", "sgd", "lbfgs"):
        ours, theirs = fitted(MLPClassifier, X, y[:400], solver=solver, max_iter=5, random_state=0)
        assert {array.dtype for array in (*ours.coefs_, *ours.intercepts_)} == {np.dtype(np.float32)}
        assert ours.predict_proba(X).dtype == np.float32
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-4)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_of_theirs_in_the_same_place(kind):
    ours = list(inspect.signature(kind).parameters.values())
    theirs = list(inspect.signature(THEIRS[kind]).parameters.values())
    mine = {p.name: p for p in ours}
    for p in theirs:
        assert (mine[p.name].default, mine[p.name].kind) == (p.default, p.kind)
    positional = [p.name for p in theirs if p.kind is p.POSITIONAL_OR_KEYWORD]
    if "loss" in inspect.signature(THEIRS[MLPRegressor]).parameters:
        assert [p.name for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD] == positional


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_method_and_attribute_of_theirs(kind):
    X, y = wine()
    ours, theirs = fitted(kind, X, y, max_iter=2, random_state=0)
    public = {name for name in dir(theirs) if not name.startswith("_")}
    # What is neither documented nor a setting there.
    assert public - set(dir(ours)) <= {"loss"}


def test_the_end_is_told_in_the_same_way():
    X, y = wine()
    told = []
    for maker in (MLPClassifier, neural_network.MLPClassifier):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            maker(max_iter=2, random_state=0).fit(X, y)
            maker(solver="lbfgs", max_iter=2, random_state=0).fit(X, y)
        told.append(
            [
                (w.category, str(w.message).partition("(")[0].split()[0])
                for w in caught
                if w.category is ConvergenceWarning
            ]
        )
    assert told[0] == told[1]
    assert len(told[0]) == 2


@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "adaptive"}])
def test_the_same_is_printed(parameters, capsys):
    X, y = wine()
    printed = []
    for maker in (MLPClassifier, neural_network.MLPClassifier):
        maker(max_iter=30, tol=0.1, n_iter_no_change=2, random_state=0, verbose=True, **parameters).fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Iteration 1, loss = " in printed[0]
