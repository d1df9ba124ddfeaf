"""The hidden space holds the activations of the layer, and its boundary is the one of the layers after it."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.inspection.drawings.looks import check
from tests.inspection.drawings.test_plane import mesh_of

from chainrule import nn
from chainrule.errors import DataError, OptionError
from chainrule.estimators import MLPClassifier
from chainrule.inspection import drawings
from chainrule.train import Model


def scattered(ax):
    return [one for one in ax.collections if type(one).__name__ == "PathCollection"]


def test_both_sides_hold_the_same_examples(band):
    figure = drawings.hidden_space(band.network, band.X, band.T, parameters=band.parameters)
    check(figure, svg=True)
    left, right = figure.axes
    own = band.parameters[0]
    hidden = np.tanh(band.X @ own["weights"] + own["bias"])
    for k in (0, 1):
        of_class = band.T[:, 0] == k
        np.testing.assert_array_equal(scattered(left)[k].get_offsets(), band.X[of_class])
        np.testing.assert_allclose(scattered(right)[k].get_offsets(), hidden[of_class], rtol=1e-14)
    assert [ax.get_title() for ax in (left, right)] == ["Input space", "Hidden layer 1"]
    assert right.get_xlabel() == "activation of unit 0"


def test_the_boundary_in_hidden_space_is_the_line_of_the_last_layer(band):
    figure = drawings.hidden_space(band.network, band.X, band.T, parameters=band.parameters)
    right = figure.axes[1]
    last = band.parameters[1]
    points, decided = mesh_of(right)
    signal = (points @ last["weights"] + last["bias"])[:, 0]
    clear = np.abs(signal) > 1e-6
    np.testing.assert_array_equal(decided[clear], (signal > 0)[clear])
    (line,) = [one for one in right.collections if type(one).__name__ == "QuadContourSet"]
    on_it = np.concatenate([path.vertices for path in line.get_paths()])
    # The line is found between points of a grid from the sigmoid, which is straight there but for rounding.
    np.testing.assert_allclose(on_it @ last["weights"] + last["bias"], 0, atol=0.02)


def test_models_and_pipelines_show_the_boundary_on_both_sides(band):
    model = Model(band.network, band.parameters, ({}, {}), "binary_cross_entropy")
    labels = np.array(["out", "in"])[band.T[:, 0].astype(int)]
    classifier = MLPClassifier((2,), activation="tanh", solver="lbfgs", random_state=0, max_iter=1000)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(band.X, labels)
    for one, y in ((model, band.T), (pipeline, labels)):
        figure = drawings.hidden_space(one, band.X, y)
        check(figure)
        assert all(len(mesh_of(ax)[1]) for ax in figure.axes)
    scaled = pipeline[0].transform(band.X)
    hidden = np.tanh(scaled @ classifier.coefs_[0] + classifier.intercepts_[0])
    # Classes stand in the order of their names.
    np.testing.assert_allclose(scattered(figure.axes[1])[0].get_offsets(), hidden[labels == "in"], rtol=1e-12)


def test_of_a_wide_layer_the_two_units_that_differ_most(band):
    network = nn.Network.of(2, hidden=(5, 4), output="softmax", outputs=2)
    parameters = network.initialize(0)
    hot = np.hstack([1 - band.T, band.T])
    figure = drawings.hidden_space(network, band.X, hot, parameters=parameters, layer=1)
    check(figure)
    right = figure.axes[1]
    own = parameters[0]
    hidden = np.tanh(band.X @ own["weights"] + own["bias"])
    units = sorted(np.argsort(-hidden.std(axis=0))[:2])
    assert right.get_title() == "Hidden layer 1, 2 of 5 units"
    assert right.get_xlabel() == f"activation of unit {units[0]}"
    np.testing.assert_allclose(scattered(right)[0].get_offsets(), hidden[band.T[:, 0] == 0][:, units], rtol=1e-14)
    chosen = drawings.hidden_space(network, band.X, hot, parameters=parameters, layer=2, units=(3, 1)).axes[1]
    assert (chosen.get_xlabel(), chosen.get_ylabel()) == ("activation of unit 3", "activation of unit 1")


def test_more_inputs_than_two(band):
    network = nn.Network.of(3, hidden=(2,), output="sigmoid")
    X = np.hstack([band.X, band.X[:, :1] ** 2])
    figure = drawings.hidden_space(network, X, band.T, parameters=network.initialize(0), inputs=(2, 0))
    check(figure)
    left = figure.axes[0]
    assert (left.get_xlabel(), left.get_ylabel()) == ("input x2", "input x0")
    np.testing.assert_array_equal(scattered(left)[0].get_offsets(), X[band.T[:, 0] == 0][:, [2, 0]])


def test_errors_say_what_was_found(band):
    draw = drawings.hidden_space
    flat = nn.Network.of(2, output="sigmoid")
    with pytest.raises(OptionError, match="has no hidden layer"):
        draw(flat, band.X, band.T, parameters=flat.initialize(0))
    narrow = nn.Network.of(2, hidden=(1,), output="sigmoid")
    with pytest.raises(OptionError, match="the layer has one unit"):
        draw(narrow, band.X, band.T, parameters=narrow.initialize(0))
    for options, message in [
        ({"layer": 2}, "layer 2 is none of the network's hidden layers, 1 to 1"),
        ({"units": (0, 2)}, r"units has to be two numbers from 0 to 1, found \(0, 2\)"),
        ({"inputs": (0, 3)}, r"inputs has to be two numbers from 0 to 1, found \(0, 3\)"),
    ]:
        with pytest.raises(OptionError, match=message):
            draw(band.network, band.X, band.T, parameters=band.parameters, **options)
    with pytest.raises(DataError, match="a row for each of the 60 examples, found 59"):
        draw(band.network, band.X, band.T[1:], parameters=band.parameters)
