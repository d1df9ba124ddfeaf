"""Elements, tables and curves: texts stay texts, numbers keep their place, and any theme can be read."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.html.reading import rows, texts

from chainrule.html import Series, curve, element, facts, panel, table
from chainrule.html.elements import COLOURS

ODD = "<b>&\"'</b></td></style><script>"


def test_a_text_is_shown_as_it_is():
    fragment = panel(
        element("p", ODD, element("code", ODD), ODD, title=ODD),
        table(ODD, [ODD, "b"], [[ODD, ODD]], foot=[ODD, ""]),
        facts(ODD, {ODD: ODD}),
        curve([Series(ODD, np.arange(2), np.arange(2))], ODD),
    )
    assert texts(fragment).count(ODD) >= 10


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_every_text_makes_a_fragment_that_can_be_sent(text):
    shown = "".join(texts(panel(element("p", "x" + text))))
    panel(element("p", text)).encode()
    assert len(shown.replace("\r", "\n")) <= len(text) + 1


def test_characters_without_a_place_in_html_are_replaced():
    assert texts(panel(element("p", "a\0b\ud800c\x1b[d")))[0] == "a\ufffdb\ufffdc\ufffd[d"


def test_a_long_table_shows_both_ends():
    found = rows(panel(table("t", ["n", "m"], [[str(k), "x"] for k in range(1000)])), "t")
    assert found[1][0] == "0"
    assert found[-1][0] == "999"
    assert found[51] == ["… 900 more …"]
    assert len(found) == 102


def luminance(colour):
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("page", ["#ffffff", "#111111", "#1e1e1e"])
def test_lines_are_seen_on_light_and_dark_pages(colour, page):
    darker, lighter = sorted([luminance(colour), luminance(page)])
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def drawn(*series):
    return curve(series).find("svg")


def points(line):
    return np.array([[float(x) for x in pair.split(",")] for pair in line.get("points").split()])


def test_points_stand_where_their_values_are():
    line = drawn(Series("a", np.array([1, 2, 3]), np.array([0.0, 1.0, 0.5]))).find("polyline")
    x, y = points(line).T
    assert x[1] - x[0] == x[2] - x[1]
    assert y[0] - y[2] == pytest.approx(y[2] - y[1], abs=0.2)
    assert y[0] > y[1]


def test_decades_are_of_one_height():
    drawing = drawn(Series("a", np.arange(1, 4), np.array([100.0, 1.0, 0.01])))
    y = points(drawing.find("polyline"))[:, 1]
    assert y[1] - y[0] == pytest.approx(y[2] - y[1], abs=0.2)
    assert "logarithmic" in "".join(drawing.itertext())
    for label in ("100", "1", "0.01"):
        assert label in [text.text for text in drawing.iter("text")]


def test_values_below_zero_have_a_linear_axis():
    assert "logarithmic" not in drawn(Series("a", np.arange(3), np.array([100.0, 1.0, -1.0]))).get("aria-label")


def test_lines_differ_by_more_than_colour_and_are_named():
    drawing = drawn(*(Series(name, np.arange(3), np.arange(3.0) + k) for k, name in enumerate("abc")))
    lines = drawing.findall("polyline")
    assert len({line.get("stroke") for line in lines}) == 3
    assert len({line.get("stroke-dasharray") for line in lines}) == 3
    assert {"a", "b", "c"} <= {text.text for text in drawing.iter("text")}


def test_a_long_line_keeps_its_spikes_and_its_ends():
    y = np.sin(np.arange(100_000) / 1000)
    y[54_321] = 7.0
    found = points(drawn(Series("a", np.arange(len(y)), y)).find("polyline"))
    assert len(found) <= 502
    assert found[:, 1].min() < 45
    assert found[0, 0] == 58
    assert found[-1, 0] == 604


def test_the_mark_is_at_its_point():
    y = np.array([3.0, np.nan, 1.0, 2.0])
    drawing = drawn(Series("a", np.arange(4), y, 2))
    ring = drawing.find("circle")
    x, lowest = points(drawing.find("polyline"))[1]
    assert float(ring.get("cx")) == x
    assert float(ring.get("cy")) == lowest


def test_one_point_is_seen_and_none_is_said():
    assert drawn(Series("a", np.array([1]), np.array([0.5]))).find("circle") is not None
    assert curve([Series("a", np.array([]), np.array([]))]).tag == "p"


@given(arrays.arrays(np.float64, st.integers(1, 30)))
def test_any_numbers_are_drawn_inside(y):
    text = ElementTree.tostring(curve([Series("a", np.arange(len(y)), y)]), encoding="unicode")
    assert not re.search(r'"(nan|inf|-inf)|[ ,"-](nan|inf)[ ,"]', text)
    for line in ElementTree.fromstring(text).iter("polyline"):
        x, height = points(line).T
        assert np.all((x >= 57) & (x <= 605))
        assert np.all((height >= 29) & (height <= 193))


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e6))
def test_labels_of_an_axis_differ(low, span):
    y = np.array([low, low + span])
    labels = [text.text for text in drawn(Series("a", np.array([1, 2]), y)).findall("g/text")]
    assert 2 <= len(set(labels)) == len(labels) <= 12
