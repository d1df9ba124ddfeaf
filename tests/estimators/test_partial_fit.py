"""`partial_fit`: early stopping, held-out data, several labels."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression

from chainrule.estimators import MLPClassifier, MLPRegressor

X, LABELS = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
ALL = [0, 1, 2]
SMALL = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "random_state": 0}
WILD = {**SMALL, "learning_rate_init": 0.1, "early_stopping": True, "n_iter_no_change": 5}


def noisy():
    """Numbers that a network learns by heart, and others that it then predicts badly."""
    inputs, y = make_regression(60, 20, noise=80.0, random_state=0)
    return (inputs[:30], y[:30]), (inputs[30:], y[30:])


class TestEarlyStopping:
    def test_the_best_weights_are_kept_while_training_goes_on(self):
        data, held_out = noisy()
        model, plain = MLPRegressor(**WILD), MLPRegressor(**{**WILD, "early_stopping": False})
        for _ in range(60):
            model.partial_fit(*data, validation_data=held_out)
            plain.partial_fit(*data, validation_data=held_out)
            assert model.score(*held_out) == pytest.approx(max(model.validation_scores_))
        # The same steps are taken as without it.
        assert model.validation_scores_ == plain.validation_scores_
        assert model.loss_curve_ == plain.loss_curve_
        assert model.best_validation_score_ == max(plain.validation_scores_) > plain.validation_scores_[-1]

    def test_a_caller_sees_that_there_is_no_gain(self):
        data, held_out = noisy()
        model, calls = MLPRegressor(**WILD), 0
        while not getattr(model, "converged_", False):
            model.partial_fit(*data, validation_data=held_out)
            calls += 1
        scores = model.validation_scores_
        assert len(scores) == calls < 200
        # More than five calls without gain, as `fit` counts them.
        fitted = MLPRegressor(**WILD, shuffle=False, max_iter=200).fit(*data, validation_data=held_out)
        assert fitted.converged_
        assert fitted.validation_scores_ == scores
        np.testing.assert_array_equal(fitted.coefs_[0], model.coefs_[0])

    def test_a_part_is_held_out_the_same_for_the_same_data(self):
        model = MLPClassifier(**{**SMALL, "random_state": None}, early_stopping=True, validation_fraction=0.3)
        # Random labels: whoever has seen them scores better than one in three.
        rng = np.random.default_rng(0)
        inputs, y = rng.normal(size=(200, 30)), rng.integers(0, 3, 200)
        for _ in range(200):
            model.partial_fit(inputs, y, classes=ALL)
        assert model.t_ == 200 * 140
        assert max(model.validation_scores_) < 0.55
        assert model.loss_ < 0.5

    def test_it_goes_on_after_a_pickle_as_before(self):
        data, held_out = noisy()
        model = MLPRegressor(**WILD)
        for _ in range(10):
            model.partial_fit(*data, validation_data=held_out)
        other = pickle.loads(pickle.dumps(model))
        for one in (model, other):
            for _ in range(10):
                one.partial_fit(*data, validation_data=held_out)
        assert model.validation_scores_ == other.validation_scores_
        np.testing.assert_array_equal(model.coefs_[0], other.coefs_[0])

    def test_too_few_examples(self):
        model = MLPClassifier(**SMALL, early_stopping=True)
        with pytest.raises(ValueError, match=r"was given 10 examples.*give validation_data"):
            model.partial_fit(X[::15], LABELS[::15], classes=ALL)
        model.partial_fit(X[::15], LABELS[::15], classes=ALL, validation_data=(X, LABELS))
        # One example of a class is no reason to refuse.
        model.partial_fit(X[:51], LABELS[:51])

    def test_weights_of_the_held_out_examples(self):
        weights = np.where(LABELS == 2, 5.0, 0.0)
        model = MLPClassifier(**SMALL).partial_fit(X, LABELS, classes=ALL, validation_data=(X, LABELS, weights))
        expected = model.score(X[LABELS == 2], LABELS[LABELS == 2])
        assert model.validation_scores_ == [pytest.approx(expected)]

    def test_a_fit_afterwards_starts_anew(self):
        model = MLPClassifier(**SMALL, early_stopping=True, max_iter=5).partial_fit(X, LABELS, classes=ALL)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X, LABELS)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            fresh = clone(model).fit(X, LABELS)
        np.testing.assert_array_equal(model.coefs_[0], fresh.coefs_[0])
        assert model.validation_scores_ == fresh.validation_scores_


class TestSeveralLabels:
    X, Y = make_multilabel_classification(90, 6, n_classes=4, random_state=0)

    def test_as_one_fit(self):
        settings = {**SMALL, "batch_size": 90}
        model = MLPClassifier(**settings)
        for _ in range(6):
            model.partial_fit(self.X, self.Y, classes=np.arange(4))
        with pytest.warns(UserWarning, match="Maximum iterations"):
            fitted = MLPClassifier(**settings, max_iter=6).fit(self.X, self.Y)
        np.testing.assert_allclose(model.coefs_[0], fitted.coefs_[0], rtol=1e-12)
        assert model.predict(self.X).shape == (90, 4)

    def test_early_stopping(self):
        model = MLPClassifier(**SMALL, early_stopping=True, n_iter_no_change=3)
        for _ in range(100):
            if model.partial_fit(self.X, self.Y, classes=np.arange(4)).converged_:
                break
        assert model.converged_

    def test_labels_that_come_later(self):
        rare = self.Y.copy()
        rare[:45, 3] = 0
        model = MLPClassifier(**SMALL).partial_fit(self.X[:45], rare[:45], classes=np.arange(4))
        model.partial_fit(self.X[45:], rare[45:])
        assert model.n_outputs_ == 4

    def test_another_number_of_labels(self):
        model = MLPClassifier(**SMALL).partial_fit(self.X, self.Y, classes=np.arange(4))
        for others in (self.Y[:, :3], np.hstack([self.Y, self.Y])):
            with pytest.raises(ValueError, match=r"label|classes"):
                model.partial_fit(self.X, others)
        with pytest.raises(ValueError, match="classes"):
            MLPClassifier(**SMALL).partial_fit(self.X, self.Y, classes=np.arange(3))


class TestWhatIsRefused:
    def test_held_out_data_of_another_kind(self):
        for kind in (MLPClassifier, MLPRegressor):
            for data in (X, (X,), (X, LABELS, None, None)):
                with pytest.raises(ValueError, match="validation_data has to be"):
                    kind(**SMALL).fit(X, LABELS, validation_data=data)
            with pytest.raises(ValueError, match=r"non-zero|sum to zero"):
                kind(**SMALL).fit(X, LABELS, validation_data=(X, LABELS, np.zeros(150)))
        with pytest.raises(ValueError, match="has 2 columns, but the y of the fit has 1"):
            MLPRegressor(**SMALL).fit(X, LABELS, validation_data=(X, np.stack([LABELS, LABELS], axis=1)))

    def test_lbfgs_has_no_epochs(self):
        assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
