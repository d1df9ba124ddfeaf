"""What all figures share: colours, files, axes of one's own, and the message where matplotlib is missing."""

import pickle
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.inspection.drawings.looks import check

from chainrule import nn
from chainrule.errors import OptionError
from chainrule.html.elements import COLOURS
from chainrule.inspection import drawings
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def test_colours_are_those_of_the_pages_and_are_seen_on_white():
    assert PALETTE[: len(COLOURS)] == COLOURS
    assert len(set(PALETTE)) == len(PALETTE) == len(set(MARKERS)) == len(MARKERS)
    assert len(set(DASHES)) == len(DASHES)
    for colour in PALETTE:
        assert 1.05 / (luminance(colour) + 0.05) > 3, colour


def test_svg_is_a_document_and_the_same_for_the_same_numbers(tmp_path):
    first, second = (drawings.learning_curves([3.0, 2.0, 1.0]) for _ in range(2))
    assert drawings.svg_text(first) == drawings.svg_text(second)
    assert drawings.svg_text(first) != drawings.svg_text(drawings.learning_curves([3.0, 2.0, 1.5]))
    path = drawings.save_svg(first, tmp_path / "curve.svg")
    assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert path.read_text(encoding="utf-8") == drawings.svg_text(first)


def test_a_figure_is_none_of_pyplots_and_settings_stay():
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    before, numbers = dict(mpl.rcParams), plt.get_fignums()
    drawings.svg_text(drawings.learning_curves([3.0, 2.0]))
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == numbers


def test_axes_of_ones_own_are_drawn_into():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert drawings.learning_curves([3.0, 2.0], ax=right) is figure
    assert not left.lines
    assert len(right.lines) == 1
    with pytest.raises(OptionError, match="ax has to be matplotlib's Axes, found int"):
        drawings.learning_curves([3.0, 2.0], ax=3)


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    network = nn.Network.of(2)
    for draw in (
        lambda: drawings.learning_curves([1.0]),
        lambda: drawings.network_drawing(network, parameters=network.initialize(0)),
        lambda: drawings.computation_graph(np.sin, 1.0),
    ):
        with pytest.raises(OptionError, match=r'pip install "chainrule\[plot\]"'):
            draw()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda figure: figure.text(0.99, 0.5, "far too long"), "'far too long' leaves the figure by"),
        (lambda figure: figure.text(0.5, 0.95, "something", in_layout=False), "lie over each other"),
        (lambda figure: figure.axes[0].set(xlabel="", ylabel=""), "has no name"),
    ],
)
def test_the_check_of_figures_finds_what_cannot_be_read(spoil, message):
    figure = drawings.learning_curves([3.0, 2.0, 1.0])
    check(figure)
    spoil(figure)
    with pytest.raises(AssertionError, match=message):
        check(figure)


def test_numbers_along_a_logarithmic_axis():
    """Plain ones where all of them are short; powers of ten, all of them, where one is not."""

    def ticks(values):
        figure = pickle.loads(pickle.dumps(drawings.learning_curves(values, scale="log")))
        figure.draw_without_rendering()
        return {label.get_text() for which in (False, True) for label in figure.axes[0].get_yticklabels(minor=which)}

    assert {"0.1", "0.2", "0.6"} <= ticks([0.7, 0.2, 0.05])
    assert {"10", "100", "1000"} <= ticks([2000.0, 30.0, 5.0])
    for values in ([0.7, 1e-5], [3e5, 10.0]):
        assert all("10^{" in text for text in ticks(values) if text)
