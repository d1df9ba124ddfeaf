"""The estimators where people use them: pipelines, searches, calibration, files, data frames, part by part."""

import importlib
import pickle
import signal

import joblib
import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from chainrule.estimators import MLPClassifier, MLPRegressor, known_steps

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[LABELS]
SMALL = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0}


def same_weights(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True))


@quiet
class TestTogetherWithOthers:
    def test_pipeline(self):
        model = make_pipeline(StandardScaler(), MLPClassifier(**SMALL))
        model.set_output(transform="default")
        assert model.fit(X, NAMES).score(X, NAMES) > 0.95
        assert set(model.predict(X)) == set(NAMES)

    def test_search_and_cross_validation(self):
        grid = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8, 4)], "activation": ["tanh", "relu"]}
        search = GridSearchCV(MLPClassifier(**SMALL), grid, cv=3, error_score="raise").fit(X, LABELS)
        assert search.best_score_ > 0.9
        assert len(cross_val_score(MLPRegressor(**SMALL), X[:, 1:], X[:, 0], cv=4)) == 4

    def test_search_in_two_processes(self):
        search = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [1e-4, 0.1]}, cv=2, n_jobs=2, error_score="raise")
        alone = clone(search).set_params(n_jobs=1)
        found, expected = (s.fit(X, LABELS).cv_results_["mean_test_score"] for s in (search, alone))
        np.testing.assert_array_equal(found, expected)

    def test_calibration(self):
        model = CalibratedClassifierCV(MLPClassifier(**SMALL), cv=3).fit(X, NAMES)
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)

    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    def test_clones_and_files(self, kind, tmp_path):
        model = kind(**SMALL).fit(X, LABELS)
        assert clone(model).get_params() == model.get_params()
        assert not hasattr(clone(model), "coefs_")
        joblib.dump(model, tmp_path / "model")
        for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")):
            np.testing.assert_array_equal(again.predict(X), model.predict(X))
            again.partial_fit(X, LABELS)
        assert same_weights(again, model.partial_fit(X, LABELS))

    def test_kinds(self):
        assert is_classifier(MLPClassifier())
        assert is_regressor(MLPRegressor())
        assert repr(MLPClassifier(alpha=0.5)) == "MLPClassifier(alpha=0.5)"
        assert "MLPClassifier" in MLPClassifier()._repr_html_()

    def test_weights_through_metadata_routing(self):
        weights = np.where(LABELS == 0, 5.0, 1.0)
        with sklearn.config_context(enable_metadata_routing=True):
            inner = MLPClassifier(**SMALL).set_fit_request(sample_weight=True)
            inner.set_score_request(sample_weight=False)
            search = GridSearchCV(inner, {"alpha": [0.01]}, cv=2).fit(X, LABELS, sample_weight=weights)
        direct = MLPClassifier(**{**SMALL, "alpha": 0.01}).fit(X, LABELS, sample_weight=weights)
        assert same_weights(search.best_estimator_, direct)

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_data_frames(self, library):
        frames = pytest.importorskip(library)
        frame = frames.DataFrame({f"column {k}": X[:, k] for k in range(4)})
        model = MLPClassifier(**SMALL).fit(frame, NAMES)
        assert list(model.feature_names_in_) == [f"column {k}" for k in range(4)]
        assert same_weights(model, MLPClassifier(**SMALL).fit(X, NAMES))
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame[[f"column {k}" for k in (1, 0, 2, 3)]])


@quiet
class TestData:
    @pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.coo_array])
    def test_sparse_inputs(self, form):
        model = MLPClassifier(**SMALL).fit(form(X), NAMES)
        assert same_weights(model, MLPClassifier(**SMALL).fit(X, NAMES))
        np.testing.assert_allclose(model.predict_proba(form(X)), model.predict_proba(X), rtol=1e-12)

    def test_several_labels(self):
        inputs, labels = make_multilabel_classification(80, 5, n_classes=3, random_state=0)
        model = MLPClassifier(**SMALL).fit(inputs, labels)
        assert model.predict(inputs).shape == model.predict_proba(inputs).shape == (80, 3)
        assert model.out_activation_ == "logistic"

    def test_probabilities_too_small_for_a_number_have_logarithms(self):
        model = MLPClassifier(**SMALL).fit(X, LABELS)
        logarithms = model.predict_log_proba(X * 1e4)
        assert np.isfinite(logarithms).all()
        assert (model.predict_proba(X * 1e4) == 0).any()
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(model.predict_proba(X)), atol=1e-12)

    def test_predictions_are_made_part_by_part(self, monkeypatch):
        model = MLPRegressor(**SMALL).fit(X, LABELS)
        whole = model.predict(X)
        monkeypatch.setattr("chainrule.estimators.parts._PART", 64)
        np.testing.assert_allclose(model.predict(X), whole, rtol=1e-12)
        np.testing.assert_allclose(model.predict(sparse.csr_array(X)), whole, rtol=1e-12)


@quiet
class TestPartByPart:
    def test_warm_start_goes_on(self):
        model = MLPClassifier(**{**SMALL, "max_iter": 5}, warm_start=True).fit(X, NAMES)
        before, curve = model.loss_, len(model.loss_curve_)
        model.fit(X, NAMES)
        assert model.loss_ < before
        assert (model.n_iter_, len(model.loss_curve_), model.t_) == (5, 2 * curve, 10 * len(X))

    def test_a_cold_start_begins_again(self):
        model = MLPClassifier(**SMALL).fit(X, NAMES)
        first = [c.copy() for c in model.coefs_]
        for a, b in zip(first, model.fit(X, NAMES).coefs_, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_partial_fit_keeps_the_state_of_adam(self):
        whole = MLPClassifier(**{**SMALL, "max_iter": 8, "shuffle": False, "batch_size": 50}).fit(X, NAMES)
        parts = MLPClassifier(**{**SMALL, "shuffle": False, "batch_size": 50})
        for _ in range(8):
            parts.partial_fit(X, NAMES, classes=np.unique(NAMES))
        assert same_weights(whole, parts)
        assert (parts.n_iter_, parts.t_, len(parts.loss_curve_)) == (1, 8 * len(X), 8)

    def test_partial_fit_after_fit(self):
        model = MLPRegressor(**SMALL).fit(X, LABELS)
        model.partial_fit(X[:20], LABELS[:20])
        assert model.t_ == 60 * len(X) + 20

    def test_partial_fit_with_labels_that_are_not_all_there(self):
        model = MLPClassifier(**SMALL).partial_fit(X[:50], NAMES[:50], classes=np.unique(NAMES))
        assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
        assert model.predict_proba(X).shape == (150, 3)

    def test_a_fit_stays_in_the_precision_it_began_in(self):
        model = MLPRegressor(**SMALL).partial_fit(X.astype(np.float32), LABELS)
        assert model.partial_fit(X, LABELS).coefs_[0].dtype == np.float32

    def test_ctrl_c_keeps_what_was_learned(self):
        def press(state):
            if state.epoch == 3:
                signal.raise_signal(signal.SIGINT)

        with pytest.warns(UserWarning, match="Training interrupted by user"):
            model = MLPClassifier(**SMALL, callbacks=[press]).fit(X, NAMES)
        assert len(model.loss_curve_) == model.n_iter_ == 3
        assert model.predict(X).shape == (150,)


@quiet
class TestCode:
    @pytest.mark.parametrize("solver", ["adam", "sgd"])
    def test_steps_are_machine_code(self, solver, monkeypatch):
        def refuse(*arguments):
            raise AssertionError("a step was taken in NumPy")

        monkeypatch.setattr("chainrule.train.task.train_step", refuse)
        for kind in (MLPClassifier, MLPRegressor):
            kind(solver=solver, max_iter=2, batch_size=40, random_state=0).fit(X, LABELS, np.ones(len(X)))

    def test_no_more_code_is_kept_than_is_bounded(self, monkeypatch):
        monkeypatch.setattr(known_steps, "_KEPT", 2)
        monkeypatch.setattr(known_steps, "_known", type(known_steps._known)())
        for units in (2, 3, 4):
            MLPRegressor(hidden_layer_sizes=(units,), max_iter=1, random_state=0).fit(X, LABELS)
        assert len(known_steps._known) == 2


class TestErrors:
    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"solver": "newton"}, "'solver' parameter of MLPClassifier must be a str among"),
            ({"alpha": -1}, "'alpha' parameter of MLPClassifier must be a float in the range"),
            ({"max_iter": 0}, "'max_iter' parameter"),
            ({"activation": "cube"}, "'activation' parameter"),
            ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
            ({"momentum": 1.5}, "'momentum' parameter"),
        ],
    )
    def test_parameters(self, parameters, said):
        with pytest.raises(InvalidParameterError, match=said):
            MLPClassifier(**parameters).fit(X, NAMES)

    @pytest.mark.parametrize("sizes", [(0,), (5, -1)])
    def test_sizes(self, sizes):
        with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
            MLPClassifier(sizes).fit(X, NAMES)

    def test_not_fitted(self):
        with pytest.raises(NotFittedError):
            MLPRegressor().predict(X)

    def test_partial_fit(self):
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            MLPClassifier().partial_fit(X, NAMES)
        model = MLPClassifier(**SMALL).partial_fit(X, LABELS, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="`y` has classes not in"):
            model.partial_fit(X, LABELS + 1)
        with pytest.raises(AttributeError, match="partial_fit"):
            _ = MLPClassifier(solver="lbfgs").partial_fit

    @quiet
    def test_warm_start(self):
        model = MLPClassifier(**SMALL, warm_start=True).fit(X, LABELS)
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
            model.fit(X, LABELS == 1)
        with pytest.raises(ValueError, match=r"do not fit 4 features, hidden_layer_sizes=\[3\] and 3 outputs"):
            model.set_params(hidden_layer_sizes=(3,)).fit(X, LABELS)

    def test_held_out_part_too_small(self):
        with pytest.raises(ValueError, match="validation set is too small"):
            MLPRegressor(early_stopping=True, validation_fraction=0.05).fit(X[:20], LABELS[:20])

    def test_held_out_part_without_weight(self):
        weights = np.r_[1.0, np.zeros(19)]
        with pytest.raises(ValueError, match="weights of the validation set sum to zero"):
            MLPRegressor(early_stopping=True, random_state=0).fit(X[:20], LABELS[:20], weights)

    def test_counts_below_zero(self):
        with pytest.raises(ValueError, match="the loss poisson expects finite numbers of at least 0"):
            MLPRegressor(loss="poisson").fit(X, LABELS - 1)

    def test_divergence(self):
        model = MLPRegressor(activation="identity", solver="sgd", learning_rate_init=10.0, random_state=0)
        with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
            model.fit(X * 1e3, LABELS)
        assert "training diverged at step" in str(caught.value)

    def test_lbfgs_where_losses_overflow(self):
        with pytest.raises(ValueError, match="lbfgs ended after 0 iterations where the objective is inf"):
            MLPRegressor(solver="lbfgs", random_state=0).fit(np.float32([[1e30]]), [1e30])

    def test_batches_larger_than_the_data(self):
        with (
            pytest.warns(UserWarning, match="It is going to be clipped"),
            pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(1\) reached"),
        ):
            MLPRegressor(batch_size=1000, max_iter=1).fit(X, LABELS)


def test_the_room_is_found_from_the_front():
    assert importlib.import_module("chainrule").estimators.MLPClassifier is MLPClassifier


@quiet
@pytest.mark.parametrize("verbose", [True, 2])
def test_how_a_fit_is_shown(verbose, capsys):
    MLPClassifier(**{**SMALL, "max_iter": 40}, verbose=verbose).fit(X, NAMES)
    printed, shown = capsys.readouterr()
    if verbose == 2:
        assert printed == ""
        assert shown.splitlines()[-1].startswith("epoch 40/40  loss ")
        assert 20 <= len(shown.splitlines()) <= 25
    else:
        assert printed.splitlines()[39].startswith("Iteration 40, loss = ")
        assert shown == ""
