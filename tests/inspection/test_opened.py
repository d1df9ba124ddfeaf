"""Fitted estimators and pipelines, opened: the pass is that of what `fit` minimises."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import backprop, nn
from chainrule.errors import OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.inspection import NOTATIONS, opened

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)) * [1.0, 5.0, 0.1] + 2.0
LABELS = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [1.5, 2.5])]
SMALL = {"hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 5}
pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations.*", "ignore:.*lbfgs failed.*")


def test_a_classifier_takes_labels():
    model = MLPClassifier(alpha=0.3, **SMALL).fit(X, LABELS)
    seen = backprop(model, X, LABELS)
    assert seen.losses.mean() == pytest.approx(log_loss(LABELS, model.predict_proba(X)))
    penalty = 0.3 / 2 / len(X) * sum(np.sum(w**2) for w in model.coefs_)
    assert seen.objective == pytest.approx(seen.losses.mean() + penalty)
    np.testing.assert_array_equal(seen.layers[0].parameters["weights"], model.coefs_[0])
    np.testing.assert_array_equal(seen.layers[-1].activations, model.predict_proba(X))
    assert seen.equations("nielsen").largest < 1e-14
    np.testing.assert_allclose(seen.layers[0].penalties["weights"], 0.3 / len(X) * model.coefs_[0])


def test_two_classes_have_one_output():
    model = MLPClassifier(**SMALL).fit(X, LABELS == "low")
    seen = backprop(model, X, LABELS == "low")
    assert seen.layers[-1].signals.shape == (40, 1)
    np.testing.assert_allclose(seen.layers[-1].sensitivities[:, 0], model.predict_proba(X)[:, 1] - (LABELS == "low"))


def test_class_weights_weigh_the_examples():
    shares = {"low": 1.0, "middle": 3.0, "high": 0.5}
    model = MLPClassifier(class_weight=shares, alpha=0.0, **SMALL).fit(X, LABELS)
    seen = backprop(model, X, LABELS)
    weights = np.array([shares[label] for label in LABELS])
    np.testing.assert_array_equal(seen.weights, weights)
    assert seen.objective == pytest.approx(log_loss(LABELS, model.predict_proba(X), sample_weight=weights))
    assert seen.equations().largest < 1e-14


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_norms_dropout_penalties_and_class_weights_together(norm):
    """Of a pipeline: the pass predicts as it does, its equations hold, and its gradient is the objective's slope."""
    model = MLPClassifier(dropout=0.3, alpha=0.2, l1=0.1, class_weight="balanced", **{norm: True}, **SMALL)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, LABELS)
    seen = backprop(pipeline, X, LABELS)
    assert {one.layer.kind for one in seen.layers} == {"dense", norm.replace("_", " "), "dropout"}
    np.testing.assert_array_equal(seen.layers[-1].activations, pipeline.predict_proba(X))
    for key in NOTATIONS:
        assert seen.equations(key).largest < 1e-13
    weights = np.array([len(X) / (3 * np.sum(label == LABELS)) for label in LABELS])
    np.testing.assert_allclose(seen.weights, weights)
    parts, step, values = opened(pipeline, X, LABELS), 1e-6, []
    for sign in (1, -1):
        moved = [dict(one) for one in parts.parameters]
        moved[0]["weights"] = moved[0]["weights"].copy()
        moved[0]["weights"][1, 2] += sign * step
        options = {"state": parts.state, "loss": parts.loss, "regularizers": parts.regularizers}
        again = backprop(
            parts.network, parts.inputs, parts.targets, parameters=tuple(moved), weights=weights, **options
        )
        values.append(again.objective)
    slope = (values[0] - values[1]) / (2 * step)
    assert seen.layers[0].gradients["weights"][1, 2] == pytest.approx(slope, abs=1e-7)


def test_a_fit_ends_where_the_gradient_is_zero():
    """The opened objective is the one that lbfgs minimised, penalties and all."""
    settings = {"activation": "tanh", "solver": "lbfgs", "alpha": 0.1, "l1": 0.01, "max_iter": 2000, "tol": 1e-12}
    model = MLPRegressor(hidden_layer_sizes=(3,), random_state=0, **settings).fit(X, X[:, 0] / 5)
    seen = backprop(model, X, X[:, 0] / 5)
    assert max(np.abs(layer.gradients["bias"]).max() for layer in seen.layers) < 1e-4
    without = max(np.abs(layer.gradients["bias"]).max() for layer in backprop(model, X, X[:, 0] / 5 + 1).layers)
    assert without > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_regressor_keeps_its_precision(dtype):
    model = MLPRegressor(**SMALL).fit(X.astype(dtype), X[:, :2].astype(dtype))
    seen = backprop(model, X.astype(dtype), X[:, :2])
    assert {layer.sensitivities.dtype for layer in seen.layers} == {np.dtype(dtype)}
    np.testing.assert_array_equal(seen.layers[-1].activations, model.predict(X.astype(dtype)))


def test_a_pipeline_transforms_the_inputs():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SMALL)).fit(X, LABELS)
    seen = backprop(pipeline, X, LABELS)
    np.testing.assert_array_equal(seen.layers[0].inputs, pipeline[0].transform(X))
    alone = make_pipeline(MLPRegressor(**SMALL)).fit(X, X[:, 0])
    np.testing.assert_array_equal(backprop(alone, X, X[:, 0]).layers[0].inputs, X)


def test_sparse_inputs_are_made_dense():
    model = MLPRegressor(**SMALL).fit(X, X[:, 0])
    np.testing.assert_array_equal(backprop(model, csr_array(X), X[:, 0]).layers[0].inputs, X)


def test_categories_become_codes():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"number": X[:, 0], "kind": pandas.Categorical(np.where(X[:, 1] > 2, "a", "b"))})
    model = MLPRegressor(categorical_features=["kind"], **SMALL).fit(frame, X[:, 2])
    seen = backprop(model, frame, X[:, 2])
    assert seen.layers[0].layer.kind == "embedding"
    equations = seen.equations("magdon-ismail")
    assert equations.largest < 1e-13
    assert (1, "gradient by vectors1") in equations.residuals


def test_looking_changes_nothing():
    model = MLPClassifier(**SMALL).fit(X, LABELS)
    before = {name: repr(value) for name, value in vars(model).items()}
    str(backprop(model, X[:5], LABELS[:5]).equations())
    assert {name: repr(value) for name, value in vars(model).items()} == before


def test_what_is_missing_or_too_much_is_named():
    model = MLPClassifier(**SMALL).fit(X, LABELS)
    with pytest.raises(OptionError, match="needed for this MLPClassifier: y, the targets as fit took them"):
        backprop(model, X)
    with pytest.raises(OptionError, match="brings its own loss and regularizers: leave them out"):
        backprop(model, X, LABELS, loss="squared", regularizers=(nn.L2(0.1),))
    with pytest.raises(ValueError, match="y has classes not in"):
        backprop(model, X, np.full(len(X), "none"))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        backprop(model, X, LABELS[:3])
    with pytest.raises(ValueError, match="not fitted"):
        backprop(MLPClassifier(), X, LABELS)
    with pytest.raises(OptionError, match=r"model has to be a Network, .*found sklearn\.linear_model"):
        opened(LogisticRegression(), X, LABELS)
    with pytest.raises(OptionError, match=r"model has to be a Network, .*found sklearn\.preprocessing"):
        opened(make_pipeline(StandardScaler()), X, LABELS)
