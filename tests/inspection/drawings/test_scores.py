"""Confusion, calibration and residuals are those of the predictions."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from tests.inspection.drawings.looks import check

from chainrule import nn
from chainrule.errors import DataError, OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.inspection import drawings


@pytest.fixture(scope="module")
def many():
    """Ten classes whose names are words."""
    rng = np.random.default_rng(0)
    names = np.array([f"class{k}" for k in range(10)])
    labels = rng.integers(0, 10, 150)
    X = rng.standard_normal((150, 4)) + labels[:, None]
    model = MLPClassifier((5,), solver="lbfgs", max_iter=20, random_state=0)
    with pytest.warns(UserWarning, match="lbfgs failed to converge|[Mm]aximum"):
        model.fit(X, names[labels])
    return model, X, names[labels]


def test_confusion_counts_as_scikit_learn_does(many):
    model, X, y = many
    figure = drawings.confusion_matrix(model, X, y)
    check(figure, svg=True)
    ax = figure.axes[0]
    expected = confusion_matrix(y, model.predict(X), labels=model.classes_)
    assert [int(text.get_text()) for text in ax.texts] == expected.ravel().tolist()
    np.testing.assert_allclose(ax.images[0].get_array(), expected / expected.sum(axis=1, keepdims=True))
    assert [text.get_text() for text in ax.get_yticklabels()] == list(model.classes_)
    assert ax.get_title() == f"Confusion: {100 * model.score(X, y):.1f} % of 150 right"


def test_confusion_of_a_network(band):
    figure = drawings.confusion_matrix(band.network, band.X, band.T, parameters=band.parameters)
    check(figure)
    expected = confusion_matrix(band.T, band.outputs(band.X) > 0.5)
    assert [int(text.get_text()) for text in figure.axes[0].texts] == expected.ravel().tolist()


def test_calibration_of_two_classes(band):
    figure = drawings.calibration(band.network, band.X, band.T, parameters=band.parameters, bins=5)
    check(figure)
    top, bottom = figure.axes
    given, came = band.outputs(band.X)[:, 0], band.T[:, 0] == 1
    place = np.minimum((given * 5).astype(int), 4)
    there = [k for k in range(5) if np.any(place == k)]
    line = top.lines[1]
    np.testing.assert_allclose(line.get_xdata(), [given[place == k].mean() for k in there])
    np.testing.assert_allclose(line.get_ydata(), [came[place == k].mean() for k in there])
    assert bottom.patches[0].get_data().values.sum() == 60


def test_calibration_of_many_classes_is_of_what_was_decided(many):
    model, X, y = many
    figure = drawings.calibration(model, X, y)
    check(figure)
    assert [line.get_label() for line in figure.axes[0].lines] == ["exact", "the class decided for"]
    sizes = figure.axes[1].patches[0].get_data().values
    weighted = np.sum(figure.axes[0].lines[1].get_ydata() * sizes[sizes > 0])
    assert weighted == pytest.approx(model.score(X, y) * 150)


def test_calibration_of_three_classes(band):
    network = nn.Network.of(2, outputs=3, output="softmax")
    y = np.arange(60) % 3
    figure = drawings.calibration(network, band.X, y, parameters=network.initialize(0))
    check(figure)
    assert len(figure.axes[0].lines) == 4


def test_residuals_are_targets_minus_predictions():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (50, 2))
    y = X.sum(axis=1) + 0.1 * rng.standard_normal(50)
    model = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0, max_iter=500).fit(X, y)
    figure = drawings.residuals(model, X, y)
    check(figure)
    left, right = figure.axes
    dots = left.collections[0].get_offsets()
    np.testing.assert_allclose(dots[:, 0], model.predict(X))
    np.testing.assert_allclose(dots[:, 1], y - model.predict(X))
    assert sum(bar.get_width() for bar in right.patches) == 50
    rms = np.sqrt(np.mean((y - model.predict(X)) ** 2))
    assert figure.get_suptitle() == f"Residuals: root mean square {rms:.4g}"


def test_residuals_of_one_of_two_outputs(band):
    network = nn.Network.of(2, outputs=2)
    parameters = network.initialize(0)
    out = network.apply(parameters, network.initial_state(), band.X)[0]
    figure = drawings.residuals(network, band.X, band.X, parameters=parameters, output=1)
    np.testing.assert_allclose(figure.axes[0].collections[0].get_offsets()[:, 1], band.X[:, 1] - out[:, 1])


def test_errors_say_what_was_found(band, many):
    model, X, y = many
    with pytest.raises(OptionError, match="MLPClassifier predicts classes: draw its confusion_matrix"):
        drawings.residuals(model, X, y)
    with pytest.raises(DataError, match="y has 149 examples, but X 150"):
        drawings.confusion_matrix(model, X, y[1:])
    with pytest.raises(DataError, match="which is none of the model's classes"):
        drawings.calibration(model, X, ["other"] * 150)
    with pytest.raises(OptionError, match="no threshold decides by a MLPClassifier"):
        drawings.confusion_matrix(model, X, y, threshold=0.5)
    plain = nn.Network.of(2)
    parameters = plain.initialize(0)
    with pytest.raises(OptionError, match="one output with the activation identity"):
        drawings.calibration(plain, band.X, band.T, parameters=parameters)
    tanh = nn.Network.of(2, output="tanh")
    with pytest.raises(OptionError, match="calibration needs probabilities"):
        drawings.calibration(tanh, band.X, 2 * band.T - 1, parameters=parameters)
    with pytest.raises(OptionError, match="bins has to be at least 2, found 1"):
        drawings.calibration(band.network, band.X, band.T, parameters=band.parameters, bins=1)
    with pytest.raises(DataError, match=r"y should be numbers of shape \(60, 1\), as the predictions, found \(59, 1\)"):
        drawings.residuals(plain, band.X, band.T[1:], parameters=parameters)
    with pytest.raises(OptionError, match="output 1 is none of the model's 1"):
        drawings.residuals(plain, band.X, band.T, parameters=parameters, output=1)


def test_many_classes_with_long_names_can_be_read():
    network = nn.Network.of(3, hidden=(), outputs=60, output="softmax")
    X = np.random.default_rng(0).normal(size=(300, 3))
    model = _Named(network, network.initialize(0), tuple(f"a class with a long name {k:02}" for k in range(60)))
    figure = drawings.confusion_matrix(model, X, np.array(model.classes_)[np.arange(300) % 60])
    check(figure)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(names) == len(set(names)) == 20
    assert names[1] == "a class wi…g name 03"


class _Named:
    """A classifier of classes that have names."""

    def __init__(self, network, parameters, classes):
        self._network, self._own, self.classes_ = network, parameters, classes

    def predict_proba(self, X):
        return self._network.apply(self._own, self._network.initial_state(), X)[0]

    def predict(self, X):
        return np.array(self.classes_)[np.argmax(self.predict_proba(X), axis=1)]
