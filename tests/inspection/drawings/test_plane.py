"""Boundaries and surfaces show what the model computes."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.inspection.drawings.looks import check

from chainrule import nn
from chainrule.errors import DataError, OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.inspection import drawings
from chainrule.inspection.drawings.plane import grid_over
from chainrule.train import Model


def mesh_of(ax):
    """Middles of the cells of a filled plane, and their numbers."""
    (mesh,) = [one for one in ax.collections if type(one).__name__ == "QuadMesh"]
    corners = np.asarray(mesh.get_coordinates())
    middles = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    return middles.reshape(-1, 2), np.asarray(mesh.get_array()).ravel()


def test_regions_and_boundary_are_the_networks(band):
    figure = drawings.decision_boundary(band.network, band.X, band.T, parameters=band.parameters)
    check(figure, svg=True)
    (ax,) = figure.axes
    points, decided = mesh_of(ax)
    out = band.outputs(points)[:, 0]
    # Rounding of the middles may decide otherwise next to the boundary.
    clear = np.abs(out - 0.5) > 1e-6
    np.testing.assert_array_equal(decided[clear], (out > 0.5)[clear])
    (lines,) = [one for one in ax.collections if type(one).__name__ == "QuadContourSet"]
    on_it = np.concatenate([path.vertices for path in lines.get_paths()])
    assert len(on_it) > 10
    np.testing.assert_allclose(band.outputs(on_it), 0.5, atol=0.05)
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "class 0"


def test_the_data_are_drawn_by_class_and_what_is_wrong_has_a_ring(band):
    figure = drawings.decision_boundary(band.network, band.X, band.T, parameters=band.path[0])
    scattered = [one for one in figure.axes[0].collections if type(one).__name__ == "PathCollection"]
    truth = band.T[:, 0]
    for k, one in enumerate(scattered[:2]):
        np.testing.assert_array_equal(one.get_offsets(), band.X[truth == k])
    out = band.network.apply(band.path[0], ({}, {}), band.X)[0][:, 0]
    wrong = (out > 0.5) != truth
    np.testing.assert_array_equal(scattered[2].get_offsets(), band.X[wrong])
    assert figure.axes[0].get_title() == f"Decisions: {wrong.sum()} of 60 examples wrong"


def pipeline_of_three(rng):
    X = rng.standard_normal((90, 2)) + np.repeat([[0, 0], [30, 0], [0, 40]], 30, axis=0)
    y = np.repeat(["first", "second", "third"], 30)
    classifier = MLPClassifier((4,), solver="lbfgs", random_state=0, max_iter=300)
    return make_pipeline(StandardScaler(), classifier).fit(X, y), X, y


def test_a_pipeline_of_three_classes_is_drawn_in_its_own_units():
    model, X, y = pipeline_of_three(np.random.default_rng(0))
    figure = drawings.decision_boundary(model, X, y, names=("height (cm)", "weight (kg)"))
    check(figure, svg=True)
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("height (cm)", "weight (kg)")
    points, decided = mesh_of(ax)
    assert np.mean(model.classes_[decided.astype(int)] == model.predict(points)) > 0.999


def test_names_come_from_a_data_frame():
    pandas = pytest.importorskip("pandas")
    model, X, y = pipeline_of_three(np.random.default_rng(0))
    frame = pandas.DataFrame(X, columns=["one", "two"])
    figure = drawings.decision_boundary(model.fit(frame, y), frame, y)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("one", "two")


def test_a_trained_model_and_one_hot_targets():
    network = nn.Network.of(2, outputs=3, output="softmax")
    model = Model(network, network.initialize(0), network.initial_state(), "cross_entropy")
    X = np.random.default_rng(0).standard_normal((20, 2))
    y = model.predict(X)
    figure = drawings.decision_boundary(model, X, np.eye(3)[y])
    assert figure.axes[0].get_title() == "Decisions: 0 of 20 examples wrong"
    points, decided = mesh_of(figure.axes[0])
    assert np.mean(decided == model.predict(points)) > 0.999


@pytest.mark.parametrize("activation", ["tanh", "identity"])
def test_one_output_that_is_no_probability(activation):
    network = nn.Network.of(2, output=activation)
    parameters = ({"weights": np.array([[1.0], [0.0]]), "bias": np.array([0.0])},)
    X = np.array([[-1.0, 0.0], [0.3, 1.0], [1.0, 0.0]])
    if activation == "identity":
        with pytest.raises(OptionError, match=r"one output with the activation identity, .* give threshold"):
            drawings.decision_boundary(network, X, [0, 0, 1], parameters=parameters)
        figure = drawings.decision_boundary(network, X, [0, 0, 1], parameters=parameters, threshold=0.5)
    else:
        figure = drawings.decision_boundary(network, X, [-1, 1, 1], parameters=parameters)
    assert figure.axes[0].get_title() == "Decisions: 0 of 3 examples wrong"


@pytest.mark.parametrize("kind", ["surface", "contours"])
@pytest.mark.parametrize("targets", [True, False])
def test_the_surface_is_the_networks_output(band, kind, targets):
    y = band.T if targets else None
    figure = drawings.output_surface(band.network, band.X, y, parameters=band.parameters, kind=kind)
    check(figure)
    ax = figure.axes[0]
    if kind == "surface":
        (solid,) = [one for one in ax.collections if type(one).__name__ == "Poly3DCollection"]
        a, b = grid_over(band.X, 60)
        at = band.outputs(np.column_stack([a.ravel(), b.ravel()])).reshape(a.shape)
        # A facet has the colour of the mean of its corners.
        corners = (at[:-1, :-1] + at[:-1, 1:] + at[1:, :-1] + at[1:, 1:]) / 4
        np.testing.assert_allclose(np.sort(solid.get_array()), np.sort(corners.ravel()), atol=1e-12)
    else:
        filled, lines = [one for one in ax.collections if type(one).__name__ == "QuadContourSet"]
        for level, path in zip(lines.levels, lines.get_paths(), strict=True):
            np.testing.assert_allclose(band.outputs(path.vertices)[:, 0], level, atol=0.05)
        assert filled.get_clim()[0] < filled.get_clim()[1]
        np.testing.assert_allclose(np.round(lines.levels, 1), lines.levels, atol=1e-12)  # 0.2, 0.4, ...
        assert len(lines.levels) >= 3
    if targets:
        dots = [
            one for one in ax.collections if "PathCollection" in type(one).__name__ or "Path3D" in type(one).__name__
        ]
        assert len(dots) == 1


def test_a_regressor_has_a_surface():
    X = np.random.default_rng(0).uniform(-1, 1, (40, 2))
    model = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0, max_iter=100).fit(X, X.sum(axis=1))
    check(drawings.output_surface(model, X, X.sum(axis=1), kind="contours"))
    with pytest.raises(OptionError, match="MLPRegressor predicts numbers, not classes: draw its output_surface"):
        drawings.decision_boundary(model, X, X.sum(axis=1))


def test_a_surface_that_is_flat(band):
    zero = ({"weights": np.zeros((2, 1)), "bias": np.zeros(1)},)
    check(drawings.output_surface(nn.Network.of(2), band.X, parameters=zero, kind="contours"))


def test_errors_say_what_was_found(band):
    three = nn.Network.of(3, output="sigmoid")
    X, p = np.ones((4, 3)), three.initialize(0)
    with pytest.raises(DataError, match="a boundary is drawn over two inputs, found 3"):
        drawings.decision_boundary(three, X, [0, 1, 0, 1], parameters=p)
    with pytest.raises(DataError, match="a surface is drawn over two inputs, found 3"):
        drawings.output_surface(three, X, parameters=p)
    draw = drawings.decision_boundary
    with pytest.raises(OptionError, match="needed for a Network: parameters"):
        draw(band.network, band.X, band.T)
    with pytest.raises(
        DataError, match=r"y holds (np.float64\()?2.0\)?, which is none of the model's classes \[0, 1\]"
    ):
        draw(band.network, band.X, band.T * 2, parameters=band.parameters)
    with pytest.raises(DataError, match=r"a row for each of the 60 examples, found shape \(59, 1\)"):
        draw(band.network, band.X, band.T[1:], parameters=band.parameters)
    with pytest.raises(DataError, match=r"X should be numbers of shape \(examples, inputs\), found shape \(2,\)"):
        draw(band.network, band.X[0], band.T[0], parameters=band.parameters)
    with pytest.raises(OptionError, match="names has to hold two names"):
        draw(band.network, band.X, band.T, parameters=band.parameters, names="ab")
    with pytest.raises(OptionError, match=r"model has to .*, found builtins\.int"):
        draw(3, band.X, band.T)
    with pytest.raises(OptionError, match="output 1 is none of the model's 1"):
        drawings.output_surface(band.network, band.X, parameters=band.parameters, output=1)
    with pytest.raises(OptionError, match="kind has to be 'surface' or 'contours', found 'map'"):
        drawings.output_surface(band.network, band.X, parameters=band.parameters, kind="map")
