"""A fitted estimator in a notebook: scikit-learn's diagram, and beneath it the network and how the fit went."""

import warnings

import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from tests.html.reading import rows, texts

from chainrule.estimators import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)


def fitted(model, targets=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, targets)


def own_part(model):
    """What stands beneath scikit-learn's diagram."""
    return model._repr_html_()[model._repr_html_().rindex('<div class="chainrule">') :]


def test_one_that_is_not_fitted_shows_itself_as_before():
    model = MLPClassifier((5,))
    shown = model._repr_html_()
    assert 'class="chainrule"' not in shown
    assert "sk-top-container" in shown


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_network_and_the_fit_stand_beneath_the_diagram(solver):
    model = fitted(MLPClassifier((5,), solver=solver, max_iter=30, random_state=0))
    shown = model._repr_mimebundle_()
    assert shown["text/plain"] == repr(model)
    assert shown["text/html"].index("sk-top-container") < shown["text/html"].index('class="chainrule"')
    part = own_part(model)
    texts(part)
    assert rows(part, "Network of 2 layers")[-1][5] == str(4 * 5 + 5 + 5 * 3 + 3)
    told = dict(rows(part, "Fit"))
    assert told["iterations"] == str(model.n_iter_)
    assert told["loss"] == f"{model.loss_:.5g}"
    assert part.count("over iterations 1 to 30") == (solver == "adam")


def test_held_out_scores_have_a_curve_of_their_own():
    model = fitted(
        MLPRegressor(hidden_layer_sizes=(5,), early_stopping=True, max_iter=20, random_state=0), X[:, 0] * 1.0
    )
    part = own_part(model)
    assert "held-out score (ring: highest)" in texts(part)
    assert part.count("<polyline") == 2
    assert dict(rows(part, "Fit"))["best held-out score"] == f"{model.best_validation_score_:.5g}"
    assert f"{model.validation_scores_[-1]:.4g} at last" in part


def test_a_fit_that_broke_off_can_be_shown():
    model = MLPRegressor(hidden_layer_sizes=(5,), solver="sgd", learning_rate_init=1e6, random_state=0)
    with pytest.raises(ValueError, match="non-finite"):
        fitted(model, 1e100 * X[:, 0])
    texts(own_part(model))


def test_text_is_shown_where_it_is_asked_for():
    model = fitted(MLPClassifier((5,), max_iter=2))
    with config_context(display="text"):
        assert list(model._repr_mimebundle_()) == ["text/plain"]
        assert not hasattr(model, "_repr_html_")


def test_in_a_pipeline_the_diagram_is_scikit_learns():
    model = fitted(make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=2)))
    assert "MLPClassifier" in model._repr_html_()
    assert 'class="chainrule"' not in estimator_html_repr(clone(model[-1]))
