"""Learning curves show the numbers of the histories, where they belong."""

import numpy as np
import pytest
from tests.inspection.drawings.looks import check

from chainrule.errors import DataError, OptionError
from chainrule.estimators import MLPClassifier
from chainrule.inspection import drawings
from chainrule.train.state import Epoch, History


def test_one_run_with_its_held_out_cost(band):
    figure = drawings.learning_curves(band.fit)
    check(figure, svg=True)
    objective, held_out, ring = figure.axes[0].lines
    arrays = band.fit.history.arrays()
    np.testing.assert_array_equal(objective.get_ydata(), arrays["objective"])
    np.testing.assert_array_equal(objective.get_xdata(), arrays["epoch"])
    np.testing.assert_array_equal(held_out.get_ydata(), arrays["validation"])
    least = np.argmin(arrays["validation"])
    assert (ring.get_xdata(), ring.get_ydata()) == (arrays["epoch"][least], arrays["validation"][least])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["objective", "held-out cost", f"least: {arrays['validation'][least]:.4g}"]


@pytest.mark.parametrize(
    ("across", "label"),
    [("epochs", "epoch"), ("steps", "steps"), ("examples", "examples seen"), ("seconds", "time (s)")],
)
@pytest.mark.parametrize("scale", ["linear", "log", "log-log"])
def test_across_and_scale(band, across, label, scale):
    figure = drawings.learning_curves({"a": band.fit, "b": band.fit.history}, across=across, scale=scale, examples=60)
    check(figure)
    (ax,) = figure.axes
    arrays = band.fit.history.arrays()
    expected = {
        "epochs": arrays["epoch"],
        "steps": arrays["steps"],
        "examples": 60 * arrays["epoch"],
        "seconds": np.cumsum(arrays["seconds"]),
    }[across]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), expected)
    assert ax.get_xlabel() == label
    assert (ax.get_xscale(), ax.get_yscale()) == {
        "linear": ("linear", "linear"),
        "log": ("linear", "log"),
        "log-log": ("log", "log"),
    }[scale]


def test_an_estimator_knows_the_examples_it_saw(band):
    labels = band.T[:, 0].astype(int)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model = MLPClassifier((3,), max_iter=5, random_state=0).fit(band.X, labels)
    figure = drawings.learning_curves(model, across="examples")
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(line.get_xdata(), 60 * np.arange(1, 6))


def test_runs_are_told_apart_by_their_marks():
    figure = drawings.learning_curves({str(k): np.linspace(2 + k, 1, 40) for k in range(4)})
    assert len({line.get_marker() for line in figure.axes[0].lines}) == 4
    assert len({line.get_color() for line in figure.axes[0].lines}) == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], {"across": "hours"}), OptionError, "across has to be one of .* found 'hours'"),
        (([1.0], {"scale": "loglog"}), OptionError, "scale has to be one of .* found 'loglog'"),
        (([1.0, 0.0], {"scale": "log"}), DataError, "objective has the value 0, which has no place"),
        (([1.0], {"across": "steps"}), OptionError, "objective does not know its steps, but its epochs"),
        (([1.0], {"across": "examples"}), OptionError, "the examples that objective saw: examples"),
        (([], {}), DataError, "objective has no whole epoch"),
        (({}, {}), OptionError, "runs is empty"),
        (({"a": 3}, {}), OptionError, "runs: a should be a Fit, .* found int"),
        (([[1.0]], {}), DataError, r"one number an epoch, found shape \(1, 1\)"),
    ],
)
def test_errors_say_what_was_found(arguments, error, message):
    run, options = arguments
    with pytest.raises(error, match=message):
        drawings.learning_curves(run, **options)


@pytest.mark.parametrize("times", [1.3, 1.47, 2.5, 5.0, 8.0, 20.0, 3000.0])
@pytest.mark.parametrize("first", [1.0, 0.00123, 43210.0])
def test_ticks_have_room_on_a_logarithmic_axis(first, times):
    """Wherever the axis begins, and however many times as far it ends."""
    moments = first * np.geomspace(1, times, 12)
    seconds = np.diff(moments, prepend=0)
    rows = [Epoch(k + 1, k + 1, 2 / (k + 1), None, 0.1, one) for k, one in enumerate(seconds)]
    check(drawings.learning_curves(History(tuple(rows)), across="seconds", scale="log-log"))
