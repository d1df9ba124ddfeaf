"""Drawings of a pass are in its notation: symbols, numbers of layers, scale and sign."""

import numpy as np
import pytest
from tests.inspection.drawings.looks import check, texts

from chainrule import backprop
from chainrule.inspection import NOTATIONS, drawings
from chainrule.inspection.drawings.symbols import symbol


@pytest.fixture(scope="module")
def passes(band):
    return {
        key: backprop(band.network, band.X, band.T, parameters=band.parameters, loss="squared", notation=key)
        for key in NOTATIONS
    }


@pytest.mark.parametrize("key", ["nielsen", "kanade", "aima"])
def test_sensitivities_by_layer(passes, key):
    seen, row = passes[key], NOTATIONS[key]
    figure = drawings.sensitivities_by_layer(seen)
    check(figure)
    ax = figure.axes[0]
    line, back, slope = ax.lines
    assert list(line.get_xdata()) == [row.number(1), row.number(2)]
    arrays = seen.arrays(key)
    np.testing.assert_allclose(line.get_ydata(), [np.sqrt(np.mean(one["sensitivities"] ** 2)) for one in arrays])
    np.testing.assert_allclose(back.get_ydata(), [np.sqrt(np.mean(one["back"] ** 2)) for one in arrays])
    np.testing.assert_allclose(slope.get_ydata(), [np.sqrt(np.mean(one.slope**2)) for one in seen.layers])
    label = ax.get_legend().get_texts()[0].get_text()
    assert label == f"{row.noun('sensitivities')} {symbol(row, 'sensitivities')}"
    over = drawings.sensitivities_over_time([seen, seen])
    check(over)
    assert [text.get_text() for text in over.axes[0].get_legend().get_texts()] == [
        f"layer {row.number(1)}",
        f"layer {row.number(2)}",
    ]


def test_the_network_with_signs_of_the_notation(passes, band):
    for key in ("chainrule", "aima"):
        figure = drawings.network_drawing(band.network, seen=passes[key], example=0)
        check(figure)
        words = [text for text, _ in texts(figure)]
        assert f"layer {NOTATIONS[key].number(1)}\n2 tanh" in words
        units = next(one for one in figure.axes[1].collections if one.get_array() is not None)
        shown = units.get_array().compressed() if np.ma.isMaskedArray(units.get_array()) else units.get_array()
        expected = np.concatenate([one["sensitivities"][0] for one in passes[key].arrays(key)])
        np.testing.assert_allclose([x for x in shown if np.isfinite(x)], expected)


def test_gradients_in_the_scale_of_the_notation(passes):
    plain, lee = (drawings.gradient_histograms(passes[key]) for key in ("chainrule", "lee"))
    check(lee)
    assert "$L$" in lee.axes[-1].get_xlabel()
    lower, upper = (max(np.max(patch.get_data().edges) for patch in one.axes[0].patches) for one in (plain, lee))
    # The sum over 60 examples, and not the mean.
    assert upper - lower == pytest.approx(np.log10(60))
    assert drawings.gradient_histograms(passes["nielsen"]).axes[0].get_title(loc="left").startswith("layer 2")


def test_the_cost_in_the_scale_of_the_notation(band):
    pair = ((1, "weights", (0, 1)), (2, "bias", 0))
    given = {"parameters": band.parameters, "loss": "squared", "directions": pair, "points": 5}
    names, ticks = {}, {}
    for key in ("chainrule", "magdon-ismail", "nielsen", "lee"):
        figure = drawings.cost_surface(band.network, band.X, band.T, notation=key, **given)
        check(figure)
        ax, bar = figure.axes
        names[key] = (ax.get_xlabel(), ax.get_ylabel(), bar.get_ylabel())
        ticks[key] = float(bar.get_yticklabels()[0].get_text())
    assert names == {
        "chainrule": ("layer 1: weights[0, 1]", "layer 2: bias[0]", "objective"),
        "magdon-ismail": ("$W^{(1)}$[1, 1]", "$W^{(2)}$[0, 0]", r"$E_{\mathrm{in}}$"),
        "nielsen": ("$w^{2}$[1, 0]", "$b^{3}$[0]", "$C$"),
        "lee": ("$W^{1}$[1, 0]", "$b^{2}$[0]", "$L$"),
    }
    assert ticks["nielsen"] == pytest.approx(ticks["chainrule"] / 2, rel=0.01)
    assert ticks["lee"] == pytest.approx(ticks["chainrule"] * 60, rel=0.01)


def test_the_graph_with_bars():
    figure = drawings.computation_graph(lambda w, x: (w * x - 1.0) ** 2, 3.0, 2.0, derivatives=True, notation="grosse")
    check(figure)
    found = [text.get_text() for text in figure.axes[0].texts]
    assert "w\n3\n$\\overline{w}$ = 20" in found


def test_the_graph_of_a_loop_has_its_steps():
    from chainrule import scan

    def f(w):
        return scan(lambda c, x: (c * w, None), w, None, length=3)[0]

    figure = drawings.computation_graph(f, 2.0, derivatives=True)
    check(figure)
    assert any(text.get_text().startswith("w\n2\n∂ 32") for text in figure.axes[0].texts)
