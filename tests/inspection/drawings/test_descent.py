"""The cost surface holds the objective at the points of its plane, and the path where descent has been."""

import numpy as np
import pytest
from tests.inspection.drawings.looks import check

from chainrule import nn
from chainrule.errors import OptionError
from chainrule.inspection import drawings
from chainrule.nn.objective import objective

UNIT = nn.Network.of(1, output="sigmoid")
X, T = np.array([[-1.0], [1.0]]), np.array([[1.0], [0.0]])
PAIR = ((1, "weights", (0, 0)), (1, "bias", 0))


def at(w, b):
    return ({"weights": np.array([[float(w)]]), "bias": np.array([float(b)])},)


def cost(w, b):
    """Of one sigmoid unit, with the squared error."""
    a = 1 / (1 + np.exp(-(w * X[:, 0] + b)))
    return np.mean((a - T[:, 0]) ** 2)


def fills(ax):
    return [one for one in ax.collections if type(one).__name__ == "QuadContourSet"]


def test_two_weights_stand_at_their_values_and_lines_at_the_cost():
    path = [at(2, 0.5), at(1, 0.2), at(-1, 0.1)]
    figure = drawings.cost_surface(UNIT, X, T, directions=PAIR, path=path, loss="squared", points=33)
    check(figure, svg=True)
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer 1: weights[0, 0]", "layer 1: bias[0]")
    walked = next(line for line in ax.lines if line.get_label() == "path")
    np.testing.assert_allclose(walked.get_xydata(), [[2, 0.5], [1, 0.2], [-1, 0.1]], atol=1e-12)
    ends = {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label() in ("start", "end")}
    np.testing.assert_allclose(ends["start"], [[2, 0.5]])
    np.testing.assert_allclose(ends["end"], [[-1, 0.1]])
    lines = fills(ax)[1]
    met = 0
    for level, drawn in zip(lines.levels, lines.get_paths(), strict=True):
        for w, b in drawn.vertices:
            assert cost(w, b) == pytest.approx(level, rel=0.05)
            met += 1
    assert met > 50


def test_the_components_of_a_path_hold_most_of_it(band):
    parameters = {"loss": "binary_cross_entropy", "points": 7}
    figure = drawings.cost_surface(band.network, band.X, band.T, path=band.path, **parameters)
    check(figure)
    ax = figure.axes[0]
    flat = np.array([np.concatenate([np.ravel(a) for one in p for a in one.values()]) for p in band.path])
    off = flat - flat[-1]
    sizes = np.linalg.svd(off, compute_uv=False)
    assert f"({100 * sizes[0] ** 2 / np.sum(sizes**2):.3g} % of its spread)" in ax.get_xlabel()
    walked = next(line for line in ax.lines if line.get_label() == "path").get_xydata()
    assert len(walked) == len(band.path)
    np.testing.assert_allclose(walked[-1], 0, atol=1e-12)
    # A projection keeps its length: what is left out is what the other components hold.
    np.testing.assert_allclose(np.sum(walked**2), np.sum(sizes[:2] ** 2), rtol=1e-10)


def test_random_directions_around_the_parameters_have_the_objective_in_the_middle(band):
    options = {"parameters": band.parameters, "loss": "binary_cross_entropy", "points": 5, "radius": 0.5}
    figure = drawings.cost_surface(band.network, band.X, band.T, regularizers=[nn.L2(0.1)], **options)
    check(figure)
    whole = objective(band.network, "binary_cross_entropy", [nn.L2(0.1)])
    value = whole(band.parameters, ({}, {}), band.X, band.T)[0]
    low, high = fills(figure.axes[0])[0].levels[[0, -1]]
    assert low <= value <= high
    again = drawings.cost_surface(band.network, band.X, band.T, regularizers=[nn.L2(0.1)], **options)
    levels = fills(figure.axes[0])[0].levels
    np.testing.assert_array_equal(fills(again.axes[0])[0].levels, levels)
    other = drawings.cost_surface(band.network, band.X, band.T, rng=1, regularizers=[nn.L2(0.1)], **options)
    assert not np.array_equal(fills(other.axes[0])[0].levels, levels)


def test_directions_that_are_trees():
    figure = drawings.cost_surface(
        UNIT, X, T, parameters=at(1, 2), directions=(at(1, 1), at(1, -1)), loss="squared", points=5
    )
    ax = figure.axes[0]
    assert ax.get_xlabel() == "along direction 1 (times its length)"
    lines = fills(ax)[0]
    assert lines.levels[0] <= cost(1, 2) <= lines.levels[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": [at(1, 0)]}, "path has to hold at least two points, found 1"),
        ({"directions": (PAIR[0],)}, "directions has to hold two, found 1"),
        ({"directions": (PAIR[0], PAIR[0])}, "the two directions span no plane"),
        (
            {"directions": ((2, "weights", 0), PAIR[1])},
            "there is no 'weights' in layer 2: the network has layers 1 to 1",
        ),
        ({"directions": ((1, "slope", 0), PAIR[1])}, "there is no 'slope' in layer 1"),
        ({"directions": ((1, "weights", (0, 5)), PAIR[1])}, r"weights of layer 1 has no entry \(0, 5\)"),
        ({"radius": -1.0}, "radius has to be above 0, found -1.0"),
        ({"points": 1}, "points has to be at least 2, found 1"),
    ],
)
def test_errors_say_what_was_found(options, message):
    with pytest.raises(OptionError, match=message):
        drawings.cost_surface(UNIT, X, T, parameters=at(1, 0), loss="squared", **options)
