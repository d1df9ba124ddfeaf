"""The backward pass as a network of constant gains: its numbers are those of the pass, and add up."""

import numpy as np
import pytest
from matplotlib.patches import Polygon, Rectangle
from tests.inspection.drawings.looks import check

from chainrule import backprop, nn
from chainrule.errors import DataError, OptionError
from chainrule.inspection import NOTATIONS, drawings


def passed(hidden=(2,), outputs=2, output="sigmoid", loss="squared", notation="lee", layers=None):
    rng = np.random.default_rng(0)
    network = nn.Network.of(2, hidden, outputs, output=output) if layers is None else nn.Network(2, layers)
    parameters = tuple(
        {name: x + 0.5 * rng.normal(size=x.shape) for name, x in one.items()} for one in network.initialize(rng)
    )
    X, T = rng.normal(size=(4, 2)), np.eye(outputs)[rng.integers(0, outputs, 4)]
    return backprop(network, X, T, parameters=parameters, loss=loss, notation=notation)


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def shown(value):
    return f"{value + 0.0:.2g}".replace("-", "−")


@pytest.mark.parametrize("key", NOTATIONS)
def test_numbers_are_those_of_the_pass_in_its_notation(key):
    seen = passed(notation=key)
    figure = drawings.constant_gains(seen, 1)
    check(figure, svg=key == "lee")
    found = words(figure)
    for layer, own in zip(seen.layers, seen.arrays(key), strict=True):
        slope = np.diagonal(own["slope"], axis1=1, axis2=2) if own["slope"].ndim == 3 else own["slope"]
        for numbers in (own["sensitivities"][1], own["back"][1], slope[1]):
            for value in numbers:
                assert abs(value) < 1e-3 or shown(value) in found
        assert f"layer {NOTATIONS[key].number(layer.number)}\n2 {layer.layer.activation_row.name}" in found
    for weight in np.ravel(seen.layers[1].parameters["weights"]):
        assert shown(weight) in found


def test_an_amplifier_for_each_unit_and_a_wire_for_each_weight():
    seen = passed((3, 2), 2)
    ax = drawings.constant_gains(seen).axes[0]
    assert sum(isinstance(patch, Polygon) for patch in ax.patches) == 3 + 2 + 2
    coloured = [line for line in ax.lines if line.get_color() in (drawings.figures.POSITIVE, drawings.figures.NEGATIVE)]
    weights = np.concatenate([np.ravel(one.parameters["weights"]) for one in seen.layers[1:]])
    assert len(coloured) == len(weights) == 3 * 2 + 2 * 2
    expected = [drawings.figures.POSITIVE if w >= 0 else drawings.figures.NEGATIVE for w in weights]
    assert sorted(line.get_color() for line in coloured) == sorted(expected)
    # The widest wire is the largest weight.
    assert max(line.get_linewidth() for line in coloured) == pytest.approx(3.2)


def test_softmax_is_a_matrix():
    figure = drawings.constant_gains(passed((2,), 3, "softmax", "cross_entropy", "chainrule"))
    check(figure)
    ax = figure.axes[0]
    assert "times\nmatrix" in words(figure)
    assert sum(isinstance(patch, Rectangle) for patch in ax.patches) == 1
    assert not any(text == "−0" for text in words(figure))


@pytest.mark.parametrize(("hidden", "outputs"), [((), 1), ((4, 3), 3), ((12, 9), 2), ((2,) * 5, 2)])
def test_every_size_can_be_read(hidden, outputs):
    figure = drawings.constant_gains(passed(hidden, outputs))
    check(figure)
    assert figure.get_figwidth() >= 6.4
    assert words(figure).count("⋮") == sum(units > 6 for units in (*hidden, outputs))


def test_what_cannot_be_drawn():
    with pytest.raises(OptionError, match="layer 2, layer norm tanh, is not dense"):
        drawings.constant_gains(passed(layers=(nn.Dense(2), nn.LayerNorm("tanh"), nn.Dense(2))))
    with pytest.raises(OptionError, match="7 layers, of which up to 6"):
        drawings.constant_gains(passed((2,) * 6))
    with pytest.raises(DataError, match="from 0 to 3, found 4"):
        drawings.constant_gains(passed(), 4)
    with pytest.raises(OptionError, match=r"chainrule\.backprop returns, found str"):
        drawings.constant_gains("seen")
