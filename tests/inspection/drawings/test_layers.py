"""Histograms and sensitivities hold the numbers of the layers."""

import numpy as np
import pytest
from tests.inspection.drawings.looks import check

from chainrule import backprop, nn
from chainrule.errors import OptionError
from chainrule.inspection import drawings

DEEP = nn.Network.of(2, hidden=(4,) * 7, activation="tanh", output="sigmoid")


def passed(band, network, parameters):
    return backprop(network, band.X, band.T, parameters=parameters, loss="binary_cross_entropy")


def rms(values):
    return np.sqrt(np.mean(values**2))


def counted(ax):
    """The heights of the stacked histograms of one plot, its edges."""
    stairs = [one for one in ax.patches if type(one).__name__ == "StepPatch"]
    data = [one.get_data() for one in stairs]
    return [one.values - one.baseline for one in data], data[0].edges


def test_weight_histograms_count_every_parameter(band):
    network = nn.Network.of(2, hidden=(30,), outputs=3, output="softmax")
    parameters = network.initialize(0)
    figure = drawings.weight_histograms(network, parameters=parameters, bins=10)
    check(figure, svg=True)
    for ax, own in zip(figure.axes, parameters, strict=True):
        heights, edges = counted(ax)
        for found, values in zip(heights, (own["weights"], own["bias"]), strict=True):
            np.testing.assert_array_equal(found, np.histogram(values, edges)[0])
            assert found.sum() == values.size
    seen = passed(band, band.network, band.parameters)
    assert len(drawings.weight_histograms(seen).axes) == 2


def test_gradient_histograms_are_of_sizes_and_say_what_is_zero(band):
    network = nn.Network.of(2, hidden=(6,), activation="relu", output="sigmoid")
    parameters = network.initialize(0)
    dead = ({**parameters[0], "bias": np.array([-100.0, -100.0, 0, 0, 0, 0])}, parameters[1])
    seen = passed(band, network, dead)
    figure = drawings.gradient_histograms(seen, bins=8)
    check(figure)
    zeros = sum(np.count_nonzero(one == 0) for one in seen.layers[0].gradients.values())
    assert zeros >= 6
    assert figure.axes[0].get_title(loc="left") == f"layer 1: 18, {100 * zeros / 18:.3g} % exactly 0"
    heights, edges = counted(figure.axes[0])
    sizes = np.abs(seen.layers[0].gradients["weights"])
    np.testing.assert_array_equal(heights[0], np.histogram(np.log10(sizes[sizes > 0]), edges)[0])


def test_many_layers_have_room(band):
    check(drawings.gradient_histograms(passed(band, DEEP, DEEP.initialize(0))))


def test_sensitivities_and_their_factors_by_layer(band):
    seen = passed(band, DEEP, DEEP.initialize(0))
    figure = drawings.sensitivities_by_layer(seen)
    check(figure, svg=True)
    (ax,) = figure.axes
    for line, name in zip(ax.lines, ("sensitivities", "back", "slope"), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 9))
        expected = [rms(getattr(layer, name)) for layer in seen.layers]
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)
    ratio = rms(seen.layers[0].sensitivities) / rms(seen.layers[-1].sensitivities)
    assert ax.get_title() == f"Sensitivities by layer: the first is {ratio:.2g} times the last"


def test_several_passes_are_compared(band):
    two = {str(k): passed(band, DEEP, DEEP.initialize(k)) for k in range(2)}
    figure = drawings.sensitivities_by_layer(two)
    check(figure)
    assert [line.get_label() for line in figure.axes[0].lines] == ["0", "1"]


@pytest.mark.parametrize("deep", [False, True])
def test_sensitivities_over_time(band, deep):
    if deep:
        passes = {10 * k: passed(band, DEEP, DEEP.initialize(k)) for k in range(4)}
    else:
        passes = {10 * k: passed(band, band.network, band.path[10 * k]) for k in range(4)}
    figure = drawings.sensitivities_over_time(passes)
    check(figure)
    ax = figure.axes[0]
    expected = np.array([[rms(layer.sensitivities) for layer in one.layers] for one in passes.values()])
    if deep:
        (mesh,) = [one for one in ax.collections if type(one).__name__ == "QuadMesh"]
        np.testing.assert_allclose(np.asarray(mesh.get_array()), np.log10(expected.T), rtol=1e-12)
    else:
        for k, line in enumerate(ax.lines):
            np.testing.assert_array_equal(line.get_xdata(), [0, 10, 20, 30])
            np.testing.assert_allclose(line.get_ydata(), expected[:, k], rtol=1e-12)
    assert ax.get_xlabel() == "epoch"


def test_errors_say_what_was_found(band):
    for draw in (drawings.gradient_histograms, drawings.sensitivities_by_layer):
        with pytest.raises(OptionError, match=r"chainrule\.backprop returns, found int"):
            draw(3)
    seen = passed(band, DEEP, DEEP.initialize(0))
    other = passed(band, band.network, band.parameters)
    with pytest.raises(OptionError, match="two or more passes of one network, found 1"):
        drawings.sensitivities_over_time([seen])
    with pytest.raises(OptionError, match="two or more passes of one network, found 2"):
        drawings.sensitivities_over_time([seen, other])
    with pytest.raises(OptionError, match="seen is empty"):
        drawings.sensitivities_by_layer({})
    zero = passed(band, band.network, band.parameters)
    for layer in zero.layers:
        for name in layer.gradients:
            layer.gradients[name] = np.zeros_like(layer.gradients[name])
    with pytest.raises(OptionError, match="every gradient is exactly 0"):
        drawings.gradient_histograms(zero)
