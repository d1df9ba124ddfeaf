"""What scikit-learn's networks do not have: layers, activations, losses and penalties of more kinds."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression

from chainrule import optim
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.estimators.losses import quantile
from chainrule.nn import Activation, Network, losses
from chainrule.train import fit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
NUMBERS = make_regression(120, 4, noise=5.0, random_state=0)
SMALL = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0}


class TestLayers:
    def test_an_activation_for_each_layer(self):
        model = MLPClassifier((8, 6, 5), activation=["tanh", "logistic", "gelu"], max_iter=3, random_state=0)
        model.fit(X, LABELS)
        found, _ = Network.of(4, (8, 6, 5), 3, ("tanh", "sigmoid", "gelu"), "softmax").apply(
            tuple({"weights": w, "bias": b} for w, b in zip(model.coefs_, model.intercepts_, strict=True)), ({},) * 4, X
        )
        np.testing.assert_allclose(model.predict_proba(X), found, rtol=1e-12)

    def test_an_activation_of_ones_own(self):
        cube = Activation("cube", lambda z: z**3)
        model = MLPRegressor(hidden_layer_sizes=(5,), activation=cube, solver="lbfgs", random_state=0)
        assert model.fit(X, X[:, 0] ** 3).score(X, X[:, 0] ** 3) > 0.99

    def test_the_output(self):
        model = MLPRegressor(**SMALL, output_activation="softplus").fit(X, LABELS)
        assert model.out_activation_ == "softplus"
        assert (model.predict(X) > 0).all()
        with pytest.raises(ValueError, match="the loss cross_entropy does not fit the output activation tanh"):
            MLPClassifier(**SMALL, output_activation="tanh").fit(X, LABELS)

    @pytest.mark.parametrize("parameters", [{"batch_norm": True}, {"layer_norm": True}, {"activation": "prelu"}])
    def test_what_more_is_learned(self, parameters):
        model = MLPClassifier(**{**SMALL, "batch_size": 30, **parameters}).fit(X, LABELS)
        assert model.score(X, LABELS) > 0.95
        assert len(model.coefs_) == len(model.intercepts_) == 2
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        # The network that comes out goes on where it was.
        done = model.n_iter_
        again.set_params(warm_start=True, n_iter_no_change=np.inf, max_iter=3).fit(X, LABELS)
        assert again.loss_curve_[done] < 0.5 * again.loss_curve_[0]

    def test_normalised_over_what_was_seen_in_training(self):
        model = MLPClassifier(**SMALL, batch_norm=True).fit(X, LABELS)
        np.testing.assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1], rtol=1e-12)

    def test_dropout(self):
        models = [MLPClassifier(**{**SMALL, "dropout": rate}).fit(X, LABELS) for rate in (0.0, 0.5, [0.5])]
        assert models[1].loss_ > models[0].loss_
        assert models[1].score(X, LABELS) > 0.9
        assert models[1].loss_ == models[2].loss_ == clone(models[1]).fit(X, LABELS).loss_
        np.testing.assert_array_equal(models[1].predict_proba(X), models[1].predict_proba(X))

    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"activation": ["relu", "relu"]}, "activation has 2 entries for 1 hidden layers"),
            ({"dropout": [0.5, 0.5]}, "dropout has 2 entries for 1 hidden layers"),
            ({"dropout": 1.0}, "'dropout' parameter of MLPClassifier"),
            ({"batch_norm": True, "layer_norm": True}, "choose one of them"),
            ({"batch_norm": True, "solver": "lbfgs"}, "lbfgs needs a loss that is the same each time"),
            ({"activation": "sign"}, "cannot learn"),
            ({"activation": "rlu"}, "'activation' parameter of MLPClassifier must be"),
            ({"batch_norm": True, "batch_size": 149}, "at least 2 examples"),
        ],
    )
    def test_what_cannot_be(self, parameters, said):
        with pytest.raises(ValueError, match=said):
            MLPClassifier(**{**SMALL, **parameters}).fit(X, LABELS)


class TestLosses:
    @pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
    def test_by_name_or_as_a_function(self, loss):
        inputs, y = NUMBERS[0], NUMBERS[1] / 50
        functions = {
            "absolute_error": lambda outputs, targets: np.sum(np.abs(outputs - targets), axis=1),
            "huber": lambda outputs, targets: losses.huber(outputs, targets, 0.5),
            "quantile": lambda outputs, targets: np.sum(
                np.where(targets > outputs, 0.7 * (targets - outputs), 0.3 * (outputs - targets)), axis=1
            ),
        }
        settings = {**SMALL, "batch_size": 30, "delta": 0.5, "quantile": 0.7}
        named, own = (MLPRegressor(f, **settings).fit(inputs, y) for f in (loss, functions[loss]))
        np.testing.assert_allclose(named.loss_curve_, own.loss_curve_, rtol=1e-9)
        assert named.out_activation_ == "identity"

    def test_quantiles_are_quantiles(self):
        rng = np.random.default_rng(0)
        x = rng.uniform(-1, 1, (2000, 1))
        y = x[:, 0] + rng.normal(size=2000)
        for q in (0.1, 0.8):
            model = MLPRegressor("quantile", (), quantile=q, learning_rate_init=0.02, random_state=0).fit(x, y)
            assert np.mean(y < model.predict(x)) == pytest.approx(q, abs=0.02)

    def test_quantile_where_it_turns(self):
        at = np.array([[2.0]])
        assert quantile(at, at, 0.3) == 0

    def test_a_classifier_with_a_loss_of_ones_own(self):
        def brier(outputs, targets):
            return np.sum((outputs - targets) ** 2, axis=1)

        model = MLPClassifier(**SMALL, loss=brier).fit(X, LABELS)
        assert model.score(X, LABELS) > 0.95
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)

    def test_a_loss_that_takes_examples_together(self):
        def spread(outputs, targets):
            error = outputs - targets
            return np.sum((error - np.mean(error)) ** 2, axis=1)

        y = X[:, 0] + 7.0
        whole = MLPRegressor(spread, (), learning_rate_init=0.05, random_state=0, max_iter=500).fit(X, y)
        assert np.corrcoef(whole.predict(X), y)[0, 1] > 0.99
        for more, weights in (({"batch_size": 20}, None), ({}, np.ones(len(X)))):
            with pytest.raises(ValueError, match="the loss spread of an example changes with the other examples"):
                MLPRegressor(spread, **more).fit(X, y, weights)

    def test_a_loss_with_one_number_for_all_is_refused(self):
        with pytest.raises(ValueError, match="has to return one number for each example"):
            MLPRegressor(lambda outputs, targets: np.mean((outputs - targets) ** 2)).fit(X, LABELS)


class TestWeightsOfClasses:
    def test_they_are_weights_of_examples(self):
        weights = {0: 1.0, 1: 3.0, 2: 0.5}
        a = MLPClassifier(**SMALL, class_weight=weights).fit(X, LABELS)
        b = MLPClassifier(**SMALL).fit(X, LABELS, np.array([weights[k] for k in LABELS]))
        np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])

    def test_balanced(self):
        few = np.r_[0:50, 50:55]
        plain, balanced = (
            MLPClassifier((), class_weight=w, learning_rate_init=0.01, max_iter=30, random_state=0).fit(
                X[few, :1], LABELS[few]
            )
            for w in (None, "balanced")
        )
        share = [model.predict_proba(X[few, :1])[:, 1].mean() for model in (plain, balanced)]
        assert share[1] > share[0]
        with pytest.raises(ValueError, match="needs all labels at once"):
            MLPClassifier(class_weight="balanced").partial_fit(X, LABELS, classes=[0, 1, 2])


class TestPenalties:
    def test_l1_draws_weights_to_zero(self):
        inputs = np.hstack([X, np.random.default_rng(0).normal(size=(len(X), 6))])
        plain, sparse = (
            MLPRegressor(hidden_layer_sizes=(), l1=l1, learning_rate_init=0.01, max_iter=400, random_state=0).fit(
                inputs, X[:, 0]
            )
            for l1 in (0.0, 20.0)
        )
        assert np.abs(sparse.coefs_[0][4:]).max() < 0.02
        assert np.abs(sparse.coefs_[0]).sum() < np.abs(plain.coefs_[0]).sum()

    def test_both_are_those_of_the_objective(self):
        model = MLPRegressor(hidden_layer_sizes=(5,), alpha=3.0, l1=0.7, solver="sgd", max_iter=1, random_state=0)
        model.set_params(momentum=0.0, learning_rate_init=0.1, activation="tanh")
        y = X[:, 0]
        after = clone(model).fit(X, y)
        # A rate so small that the first weights come out.
        first = model.set_params(learning_rate_init=1e-300).fit(X, y)
        start = tuple({"weights": w, "bias": b} for w, b in zip(first.coefs_, first.intercepts_, strict=True))

        def penalty(parameters):
            weights = [layer["weights"] for layer in parameters]
            return sum(1.5 * np.sum(w**2) + 0.7 * np.sum(np.abs(w)) for w in weights) / len(X)

        found = fit(
            Network.of(4, (5,), activation="tanh"),
            start,
            "half_squared",
            X,
            y[:, np.newaxis],
            optimizer=optim.sgd(0.1),
            epochs=1,
            regularizers=[penalty],
        )
        for a, layer in zip(after.coefs_, found.parameters, strict=True):
            np.testing.assert_allclose(a, layer["weights"], rtol=1e-12)
        assert after.loss_ == pytest.approx(found.history[-1].objective)
