"""Optimisers, schedules and clipping; held-out data of one's own; derivatives of what was fitted, and by it."""

import copy
import itertools

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression

from chainrule import check_gradient, grad, jit, optim
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.nn import Network
from chainrule.train import fit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
SMALL = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 30, "random_state": 0}


def first_weights(model):
    """The weights that a fit of a regressor with one hidden layer of tanh starts from, as chainrule holds them."""
    rng = np.random.RandomState(model.random_state)
    sizes, found = (X.shape[1], *model.hidden_layer_sizes, 1), []
    for before, units in itertools.pairwise(sizes):
        bound = np.sqrt(6 / (before + units))
        weights = rng.uniform(-bound, bound, (before, units))
        found.append({"weights": weights, "bias": rng.uniform(-bound, bound, units)})
    return tuple(found)


class TestOptimisers:
    @pytest.mark.parametrize(
        ("parameters", "optimizer"),
        [
            ({"solver": optim.adamw(0.01)}, optim.adamw(0.01)),
            ({"solver": optim.sgd(0.05, momentum=0.5), "clip_norm": 0.1}, None),
            ({"solver": "sgd", "momentum": 0.0, "learning_rate": optim.schedules.cosine(0.1, 20)}, None),
            ({"solver": "sgd", "momentum": 0.0, "learning_rate": lambda step: 0.1 / (1 + step)}, None),
        ],
        ids=["adamw", "clipped", "cosine", "own schedule"],
    )
    def test_the_steps_are_those_of_chainrule(self, parameters, optimizer):
        others = {
            "clip_norm": lambda: optim.chain(optim.clip_by_global_norm(0.1), optim.sgd(0.05, momentum=0.5)),
            "learning_rate": lambda: optim.sgd(parameters["learning_rate"]),
        }
        optimizer = optimizer or next(make() for name, make in others.items() if name in parameters)
        model = MLPRegressor(hidden_layer_sizes=(6,), activation="tanh", alpha=0.0, max_iter=12, random_state=0)
        model.set_params(tol=0.0, **parameters).fit(X, X[:, 0])
        found = fit(
            Network.of(4, (6,)),
            first_weights(model),
            "half_squared",
            X,
            X[:, :1],
            optimizer=optimizer,
            epochs=12,
        )
        for a, b in zip(model.coefs_, found.parameters, strict=True):
            np.testing.assert_allclose(a, b["weights"], rtol=1e-9)

    def test_they_are_cloned_copied_and_gone_on_with(self):
        model = MLPClassifier((5,), solver=optim.adamw(0.02), random_state=0, max_iter=3, batch_size=50)
        for other in (clone(model), copy.deepcopy(model)):
            np.testing.assert_array_equal(other.fit(X, LABELS).coefs_[0], clone(model).fit(X, LABELS).coefs_[0])
        assert model.partial_fit(X, LABELS, classes=[0, 1, 2]).partial_fit(X, LABELS).t_ == 2 * len(X)

    def test_adaptive_rates_with_clipping(self):
        model = MLPRegressor(solver="sgd", learning_rate="adaptive", clip_norm=1.0, tol=0.1, n_iter_no_change=2)
        assert model.set_params(max_iter=400, random_state=0).fit(X, X[:, 0]).n_iter_ < 400


class TestHeldOutData:
    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    def test_scores_after_each_epoch(self, kind):
        model = kind(**SMALL).fit(X[::2], LABELS[::2], validation_data=(X[1::2], LABELS[1::2]))
        plain = kind(**SMALL).fit(X[::2], LABELS[::2])
        np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
        assert len(model.validation_scores_) == model.n_iter_
        assert model.validation_scores_[-1] == pytest.approx(model.score(X[1::2], LABELS[1::2]))
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert plain.validation_scores_ is None

    def test_the_best_weights_on_them_are_kept(self):
        inputs, y = make_regression(60, 20, noise=80.0, random_state=0)
        settings = {**SMALL, "learning_rate_init": 0.1, "max_iter": 300, "early_stopping": True}
        model = MLPRegressor(**settings).fit(inputs[:30], y[:30], validation_data=(inputs[30:], y[30:]))
        assert model.score(inputs[30:], y[30:]) == pytest.approx(model.best_validation_score_)
        assert model.best_validation_score_ > model.validation_scores_[-1]
        assert model.n_iter_ < 300

    def test_without_epochs_there_is_one_score(self):
        model = MLPRegressor(solver="lbfgs", random_state=0, max_iter=20).fit(X, LABELS, validation_data=(X, LABELS))
        assert model.validation_scores_ == [pytest.approx(model.score(X, LABELS))]

    def test_they_may_come_later(self):
        model = MLPClassifier(**SMALL, warm_start=True).fit(X, LABELS)
        model.fit(X, LABELS, validation_data=(X, LABELS))
        assert len(model.validation_scores_) == model.n_iter_

    def test_what_cannot_be_scored(self):
        with pytest.raises(ValueError, match="y of validation_data has classes not in"):
            MLPClassifier(**SMALL).fit(X, LABELS, validation_data=(X, LABELS + 1))
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            MLPRegressor(**SMALL).fit(X, LABELS, validation_data=(X, LABELS[1:]))
        with pytest.raises(ValueError, match="X has 3 features"):
            MLPRegressor(**SMALL).fit(X, LABELS, validation_data=(X[:, :3], LABELS))


class TestDerivatives:
    def test_decision_function(self):
        two = MLPClassifier(**SMALL).fit(X, LABELS == 1)
        np.testing.assert_allclose(1 / (1 + np.exp(-two.decision_function(X))), two.predict_proba(X)[:, 1])
        three = MLPClassifier(**SMALL).fit(X, LABELS)
        np.testing.assert_array_equal(three.decision_function(X).argmax(axis=1), three.predict(X))

    @pytest.mark.parametrize("parameters", [{}, {"batch_norm": True}, {"dropout": 0.2}])
    def test_gradient_by_the_inputs(self, parameters):
        model = MLPRegressor(**SMALL, activation="tanh", **parameters).fit(X, LABELS)
        found, step = model.input_gradient(X), 1e-6
        for k in range(4):
            moved = step * np.eye(4)[k]
            expected = (model.predict(X + moved) - model.predict(X - moved)) / (2 * step)
            np.testing.assert_allclose(found[:, k], expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(model.input_gradient(sparse.csr_array(X)), found)

    def test_gradient_of_each_output(self):
        model = MLPClassifier(**SMALL).fit(X, LABELS)
        assert model.input_gradient(X).shape == (150, 3, 4)
        assert MLPClassifier(**SMALL).fit(X, LABELS == 1).input_gradient(X).shape == (150, 4)

    def test_inside_functions_that_are_differentiated_and_compiled(self):
        regressor = MLPRegressor(**SMALL, activation="tanh").fit(X, X[:, 0] ** 2)
        classifier = MLPClassifier(**SMALL, activation="tanh").fit(X, LABELS == 2)

        def f(x):
            return np.sum(regressor.predict(x) ** 2 * classifier.predict_proba(x)[:, 1])

        def plain(x):
            return np.sum(classifier.decision_function(x) + classifier.predict_log_proba(x)[:, 0])

        for function in (f, plain):
            check_gradient(function, X[:5])
            assert jit(function)(X) == pytest.approx(function(X))
            np.testing.assert_allclose(jit(grad(function))(X), grad(function)(X), rtol=1e-9, atol=1e-12)

    def test_a_design_is_found_by_going_downhill_on_a_fitted_model(self):
        model = MLPRegressor(hidden_layer_sizes=(20,), activation="tanh", solver="lbfgs", random_state=0, max_iter=2000)
        inputs = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        model.fit(inputs, np.sum((inputs - 0.3) ** 2, axis=1))
        slope, at = jit(grad(lambda x: np.sum(model.predict(x)))), np.zeros((1, 2))
        for _ in range(100):
            at = at - 0.1 * slope(at)
        np.testing.assert_allclose(at, 0.3, atol=0.05)
