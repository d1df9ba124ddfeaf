"""Networks and graphs: every unit, weight, operation and edge, at a place of its own."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inspection.drawings.looks import check

from chainrule import backprop, explain, nn
from chainrule.errors import OptionError, TraceError
from chainrule.inspection import drawings
from chainrule.inspection.drawings.figures import NEGATIVE, POSITIVE
from chainrule.inspection.drawings.layout import layered


def loss(w, b, x, t, lam=0.1):
    y = 1 / (1 + np.exp(-(w * x + b)))
    return 0.5 * (y - t) ** 2 + lam * 0.5 * w**2


def lines_of(ax):
    """End points, widths and colours of the weights."""
    from matplotlib.colors import to_hex

    (one,) = [c for c in ax.collections if type(c).__name__ == "LineCollection"]
    ends = [tuple(map(tuple, np.round(path, 9))) for path in one.get_segments()]
    return {e: (w, to_hex(c)) for e, w, c in zip(ends, one.get_linewidths(), one.get_colors(), strict=True)}


def units_of(ax):
    return next(c for c in ax.collections if type(c).__name__ == "PathCollection")


def test_a_network_has_its_units_and_weights():
    network = nn.Network.of(2, hidden=(3,), output="sigmoid")
    parameters = network.initialize(0)
    figure = drawings.network_drawing(network, parameters=parameters)
    check(figure, svg=True)
    (ax,) = figure.axes
    assert len(units_of(ax).get_offsets()) == 2 + 3 + 1
    lines = lines_of(ax)
    assert len(lines) == network.count_parameters()
    places = {tuple(place) for place in np.round(units_of(ax).get_offsets(), 9)}
    inputs = sorted((p for p in places if p[0] == 0), key=lambda p: -p[1])
    hidden = sorted((p for p in places if p[0] == 3), key=lambda p: -p[1])
    weights = parameters[0]["weights"]
    largest = max(np.abs(one).max() for layer in parameters for one in layer.values())
    for i, j in np.ndindex(weights.shape):
        width, colour = lines[inputs[i], hidden[j]]
        assert width == pytest.approx(max(4.5 * abs(weights[i, j]) / largest, 0.25))
        assert colour == (POSITIVE if weights[i, j] >= 0 else NEGATIVE)


def test_with_a_pass_units_have_their_numbers_both_ways(band):
    seen = backprop(band.network, band.X, band.T, parameters=band.parameters, loss="binary_cross_entropy")
    figure = drawings.network_drawing(band.network, seen=seen, example=7)
    check(figure)
    top, bottom = figure.axes[:2]
    first, last = seen.layers
    forward = np.concatenate([band.X[7], first.activations[7], last.activations[7]])
    np.testing.assert_allclose(np.asarray(units_of(top).get_array()), forward)
    back = np.ma.asarray(units_of(bottom).get_array())
    np.testing.assert_allclose(back[2:], [*first.sensitivities[7], *last.sensitivities[7]])
    widths = {ends: width for ends, (width, _) in lines_of(bottom).items()}
    returned = np.abs(last.parameters["weights"][:, 0] * last.sensitivities[7])
    through_first = np.abs(first.parameters["weights"] * first.sensitivities[7])
    largest = max(returned.max(), through_first.max())
    found = sorted(width for (start, _), width in widths.items() if start[0] == 3)
    np.testing.assert_allclose(found, np.sort(np.maximum(4.5 * returned / largest, 0.25)))


def test_of_many_examples_root_mean_squares(band):
    seen = backprop(band.network, band.X, band.T, parameters=band.parameters, loss="binary_cross_entropy")
    figure = drawings.network_drawing(band.network, seen=seen)
    check(figure)
    expected = np.sqrt(np.mean(seen.layers[1].sensitivities ** 2))
    assert np.asarray(units_of(figure.axes[1]).get_array())[-1] == pytest.approx(expected)


def test_wide_layers_are_shortened_and_layers_without_weights_drawn():
    layers = (nn.Dense(20, "identity"), nn.BatchNorm("relu"), nn.Dense(3, "softmax"))
    network = nn.Network(12, layers)
    figure = drawings.network_drawing(network, parameters=network.initialize(0), state=network.initial_state())
    check(figure)
    assert len(units_of(figure.axes[0]).get_offsets()) == 7 + 7 + 7 + 3
    assert sum(text.get_text() == "⋮" for text in figure.axes[0].texts) == 3


def test_a_residual_connection_is_named():
    inside = nn.Residual((nn.Dense(5, "relu"), nn.Dense(3, "identity")), "relu")
    network = nn.Network(2, (nn.Dense(3), inside, nn.Dense(1, "sigmoid")))
    parameters = network.initialize(0)
    figure = drawings.network_drawing(network, parameters=parameters)
    check(figure)
    assert "layer 4\n3 relu\nadds layer 1" in [text.get_text() for text in figure.axes[0].texts]
    seen = backprop(network, np.ones((3, 2)), np.ones((3, 1)), parameters=parameters, loss="binary_cross_entropy")
    check(drawings.network_drawing(network, seen=seen))


def boxes(figure, label=None):
    """The text of each box of a graph, with its lower left and upper right corner."""
    ax = figure.axes[0] if label is None else next(one for one in figure.axes if one.get_label() == label)
    patches = [one for one in ax.patches if type(one).__name__ == "FancyBboxPatch"]
    return {text.get_text(): one.get_path().get_extents() for text, one in zip(ax.texts, patches, strict=True)}


def test_a_graph_has_every_step_with_its_value():
    figure = drawings.computation_graph(loss, 2.0, 1.0, 0.5, 1.0, derivatives=True)
    check(figure, svg=True)
    steps = explain(loss)(2.0, 1.0, 0.5, 1.0).steps
    found = {text.split(" = ")[0].split("\n")[0]: text.split("\n") for text in boxes(figure)}
    assert len(found) == len(steps) == 16
    for step in steps:
        _, value, derivative = found[step.name]
        assert float(value.replace("−", "-")) == pytest.approx(step.value, rel=1e-3)
        assert float(derivative[2:].replace("−", "-")) == pytest.approx(step.derivative, rel=1e-3)


def test_boxes_hold_their_words_and_lie_apart():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = drawings.computation_graph(loss, 2.0, 1.0, 0.5, 1.0)
    for one, other in combinations(boxes(figure).values(), 2):
        assert not one.overlaps(other)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ax = figure.axes[0]
    for text, box in zip(ax.texts, (p for p in ax.patches if type(p).__name__ == "FancyBboxPatch"), strict=True):
        inside, around = text.get_window_extent(), box.get_window_extent()
        assert around.x0 <= inside.x0
        assert inside.x1 <= around.x1
        assert around.y0 <= inside.y0
        assert inside.y1 <= around.y1


def test_arrays_have_their_shapes():
    figure = drawings.computation_graph(lambda x: np.var(x), np.arange(5.0))
    texts = list(boxes(figure))
    assert texts[0] == "x\n(5,): rms 2.45"
    assert texts[1] == "v1 = sum(x)  (in var)\n(1,): 10"
    assert texts[-1].endswith("(in var)\n2")


def test_architecture_names_layers_and_parameters(band):
    options = {"parameters": band.parameters, "loss": "binary_cross_entropy", "regularizers": [nn.L2(0.1)]}
    figure = drawings.architecture(band.network, band.X, band.T, **options)
    check(figure)
    graph, column = boxes(figure, "computation graph"), boxes(figure, "architecture")
    assert {text.split("\n")[0] for text in graph} >= {"W1", "b1", "W2", "b2", "x", "targets", "v1 = x @ W1"}
    assert [text.split("\n")[0] for text in column] == ["inputs", "layer 1", "layer 2", "loss"]
    assert max(box.x1 for box in column.values()) < min(box.x0 for box in graph.values())
    value = backprop(band.network, band.X, band.T, **options).objective
    assert float(list(graph)[-1].split("\n")[1]) == pytest.approx(value, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_layout_keeps_rows_order_and_distance(data):
    count = data.draw(st.integers(1, 10))
    edges = [(i, j) for j in range(count) for i in range(j) if data.draw(st.integers(0, 3)) == 0]
    widths = {k: data.draw(st.sampled_from([0.5, 1.0, 2.0])) for k in range(count)}
    found = layered(widths, edges)
    assert all(found.rows[i] < found.rows[j] for i, j in edges)
    for i, j in combinations(range(count), 2):
        if found.rows[i] == found.rows[j]:
            assert abs(found.across[i] - found.across[j]) >= (widths[i] + widths[j]) / 2
    for (i, j), way in found.ways.items():
        assert [row for row, _ in way] == list(range(found.rows[i], found.rows[j] + 1))
        assert (way[0][1], way[-1][1]) == (found.across[i], found.across[j])
        # What passes a row passes between the things in it.
        for row, at in way[1:-1]:
            assert all(abs(at - found.across[k]) > widths[k] / 2 for k in range(count) if found.rows[k] == row)
    assert all(widths[k] / 2 - 1e-9 <= found.across[k] <= found.width - widths[k] / 2 + 1e-9 for k in range(count))


def test_errors_say_what_was_found(band):
    seen = backprop(band.network, band.X, band.T, parameters=band.parameters, loss="binary_cross_entropy")
    other = nn.Network.of(2, hidden=(3,), output="sigmoid")
    draw = drawings.network_drawing
    with pytest.raises(
        OptionError, match=r"seen is a pass of a network with \[2, 1\] units, but this one has \[3, 1\]"
    ):
        draw(other, seen=seen, parameters=other.initialize(0))
    with pytest.raises(OptionError, match="example 60 is none of the 60 of the pass"):
        draw(band.network, seen=seen, example=60)
    with pytest.raises(OptionError, match=r"chainrule\.backprop returns, found int"):
        draw(band.network, seen=3, parameters=band.parameters)
    deep = nn.Network.of(2, hidden=(2,) * 9)
    with pytest.raises(OptionError, match="the network has 10 layers, of which up to 8 can be drawn"):
        draw(deep, parameters=deep.initialize(0))
    with pytest.raises(OptionError, match="has 101 inputs and operations, of which up to 80 can be read"):
        drawings.computation_graph(lambda x: sum((x * 2.0 for _ in range(50)), x), 1.0)
    with pytest.raises(OptionError, match="computes nothing from its arguments"):
        drawings.computation_graph(lambda x: x, 1.0)
    with pytest.raises(TraceError, match="to be explained it should return one real number"):
        drawings.computation_graph(lambda x: x * 2, np.ones(3), derivatives=True)
