"""What scikit-learn's users do with its networks, done with these: routing, stacking, processes, weights put in."""

import multiprocessing
import pickle
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV, cross_val_predict, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from chainrule import optim
from chainrule.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
SMALL = {"hidden_layer_sizes": (6,), "learning_rate_init": 0.02, "max_iter": 20, "random_state": 0}


def squared(outputs, targets):
    return np.sum((outputs - targets) ** 2, axis=1)


def falling(step):
    return 0.05 / (1 + 0.1 * step)


def told(state):
    return False


class TestRouting:
    def test_weights_and_held_out_data(self):
        with sklearn.config_context(enable_metadata_routing=True):
            model = MLPClassifier(**SMALL).set_fit_request(sample_weight=True, validation_data=True)
            pipe = make_pipeline(FunctionTransformer(), model)
            weights = np.linspace(0.5, 2, 150)
            pipe.fit(X, LABELS, sample_weight=weights, validation_data=(X, LABELS))
            assert len(pipe[-1].validation_scores_) == 20
            plain = MLPClassifier(**SMALL).fit(X, LABELS, sample_weight=weights)
            np.testing.assert_array_equal(pipe[-1].coefs_[0], plain.coefs_[0])
            found = cross_validate(
                model.set_score_request(sample_weight=True),
                X,
                LABELS,
                params={"sample_weight": weights, "validation_data": (X, LABELS)},
                return_estimator=True,
            )
            assert all(len(one.validation_scores_) == 20 for one in found["estimator"])

    def test_what_was_not_asked_for(self):
        with sklearn.config_context(enable_metadata_routing=True):
            pipe = make_pipeline(FunctionTransformer(), MLPClassifier(**SMALL))
            with pytest.raises(ValueError, match="validation_data"):
                pipe.fit(X, LABELS, validation_data=(X, LABELS))

    def test_each_method_has_its_own(self):
        requests = MLPClassifier().get_metadata_routing()
        assert set(requests.fit.requests) == {"sample_weight", "validation_data"}
        assert set(requests.partial_fit.requests) == {"sample_weight", "validation_data", "classes"}


class TestInOthers:
    def test_stacking_and_voting(self):
        models = [("one", MLPClassifier(**SMALL)), ("other", MLPClassifier(**SMALL, activation="tanh"))]
        for kind in (StackingClassifier(models, LogisticRegression(), cv=3), VotingClassifier(models, voting="soft")):
            assert kind.fit(X, LABELS).score(X, LABELS) > 0.8

    @pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
    def test_calibration(self, method):
        calibrated = CalibratedClassifierCV(MLPClassifier(**SMALL), method=method, cv=3).fit(X, LABELS)
        assert calibrated.score(X, LABELS) > 0.8

    def test_regressors_in_others(self):
        y = np.stack([X[:, 0], X[:, 1]], axis=1)
        assert MultiOutputRegressor(MLPRegressor(**SMALL)).fit(X, y).predict(X).shape == (150, 2)
        assert BaggingRegressor(MLPRegressor(**SMALL), 3, random_state=0).fit(X, y[:, 0]).predict(X).shape == (150,)

    def test_set_output(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(X, columns=list("abcd"))
        pipe = make_pipeline(StandardScaler(), MLPClassifier(**SMALL)).set_output(transform="pandas")
        assert pipe.fit(frame, LABELS).score(frame, LABELS) > 0.8
        assert list(pipe[-1].feature_names_in_) == list("abcd")

    def test_probabilities_out_of_fold(self):
        found = cross_val_predict(MLPClassifier(**SMALL), X, LABELS, method="predict_proba", cv=3)
        np.testing.assert_allclose(found.sum(axis=1), 1)

    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    def test_clones_of_functions(self, kind):
        model = kind(
            **SMALL, loss=squared, solver=optim.sgd(falling), learning_rate=falling, callbacks=[told], clip_norm=1.0
        )
        other = clone(model)
        assert other.loss is squared
        assert other.callbacks == [told]
        for one in (model, other):
            one.set_params(alpha=0.0).fit(X, LABELS)
        np.testing.assert_array_equal(model.coefs_[0], other.coefs_[0])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))

    def test_float32_stays(self):
        for model in (MLPClassifier(**SMALL, early_stopping=True), MLPRegressor(**SMALL, solver="sgd", dropout=0.1)):
            model.fit(X.astype(np.float32), LABELS)
            assert {array.dtype.name for array in [*model.coefs_, *model.intercepts_]} == {"float32"}
            assert getattr(model, "predict_proba", model.predict)(X.astype(np.float32)).dtype == np.float32


class TestProcesses:
    def test_two_of_them(self):
        models = (MLPClassifier(**SMALL, batch_size=50), MLPClassifier(**SMALL, solver=optim.adamw(0.02)))
        for model in models:
            found = [cross_validate(model, X, LABELS, cv=2, n_jobs=jobs, return_estimator=True) for jobs in (1, 2)]
            for one, other in zip(found[0]["estimator"], found[1]["estimator"], strict=True):
                np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])

    def test_a_search_in_two(self):
        search = RandomizedSearchCV(
            MLPClassifier(**SMALL), {"alpha": [0.001, 0.1, 10.0]}, n_iter=3, cv=2, n_jobs=2, random_state=0
        )
        assert search.fit(X, LABELS).best_score_ > 0.6

    def test_joblib_with_loky(self):
        model = MLPRegressor(**SMALL).fit(X, LABELS)
        with joblib.parallel_backend("loky", n_jobs=2):
            found = joblib.Parallel()(joblib.delayed(model.predict)(part) for part in (X[:70], X[70:]))
        np.testing.assert_array_equal(np.concatenate(found), model.predict(X))

    def test_a_fitted_model_goes_to_a_fresh_process(self):
        model = MLPClassifier(**SMALL, batch_norm=True, early_stopping=True).fit(X, LABELS)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            there = pool.apply(model.partial_fit, (X, LABELS))
        here = model.partial_fit(X, LABELS)
        np.testing.assert_array_equal(there.coefs_[0], here.coefs_[0])
        assert there.validation_scores_ == here.validation_scores_


class TestWeightsPutIn:
    @pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
    def test_in_place_of_those_of_a_fit(self, name):
        theirs = getattr(neural_network, name)(**SMALL).fit(X, LABELS)
        ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name](**SMALL).fit(X[::30], LABELS[::30])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours.fit(X, LABELS)
        ours.coefs_ = [1.0 * coefs for coefs in theirs.coefs_]
        ours.intercepts_ = [1.0 * intercepts for intercepts in theirs.intercepts_]
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))

    def test_before_there_is_a_fit(self):
        theirs = neural_network.MLPRegressor(**SMALL).fit(X, LABELS)
        ours = MLPRegressor(**SMALL)
        for attribute in (
            "coefs_",
            "intercepts_",
            "n_features_in_",
            "n_outputs_",
            "n_layers_",
            "out_activation_",
            "t_",
        ):
            setattr(ours, attribute, getattr(theirs, attribute))
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
        before = ours.coefs_[0]
        ours.partial_fit(X, LABELS)
        assert 0 < np.abs(ours.coefs_[0] - before).max() < 0.1


def test_a_fit_that_diverges_keeps_the_best_weights_of_early_stopping():
    model = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=1, max_iter=20, early_stopping=True, random_state=0
    )
    raw, y = load_iris(return_X_y=True)
    with pytest.warns(UserWarning, match=r"diverged at step .* The weights with the best validation score so far"):
        model.fit(raw, y)
    assert np.isfinite(model.predict(raw)).all()
    assert model.best_validation_score_ == max(model.validation_scores_)
    with pytest.raises(ValueError, match="diverged at step"):
        model.set_params(early_stopping=False).fit(raw, y)
