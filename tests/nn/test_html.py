"""A network in a notebook: every layer with its numbers."""

import math

import pytest
from tests.html.reading import rows, texts
from tests.nn.kinds import NETWORKS

from chainrule.nn import Activation, Dense, Network, Residual


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_has_its_row(name):
    network = NETWORKS[name]
    fragment = network._repr_html_()
    texts(fragment)
    assert f"{len(network.places)} layer{'s' * (len(network.places) > 1)}" in fragment
    _, inputs, *layers, total = rows(fragment, "Network of")
    assert inputs[1:3] == ["inputs", str(network.inputs)]
    assert len(layers) == len(network.places)
    for found, place, shapes in zip(layers, network.places, network.shapes(), strict=True):
        assert int(found[2]) == place.units
        assert found[3] == place.layer.activation_row.name
        assert int(found[5]) == sum(math.prod(shape) for shape in shapes.values())
        assert all(parameter in found[4] for parameter in shapes)
    assert int(total[5]) == network.count_parameters()


def test_a_residual_connection_says_what_it_adds():
    network = Network(3, (Dense(3), Residual((Dense(2), Dense(3))), Residual((Dense(3),))))
    kinds = [row[1] for row in rows(network._repr_html_(), "Network of")]
    assert kinds[5:8] == ["residual, adds layer 1", "dense", "residual, adds layer 4"]
    first = Network(3, (Residual((Dense(3),)),))
    assert "residual, adds the inputs" in texts(first._repr_html_())


def test_state_is_counted():
    assert "(carries 8 numbers of state)" in NETWORKS["batch norm"]._repr_html_()


def test_the_sketch_is_left_out_where_it_would_be_too_wide():
    assert "<svg" in Network.of(3, [5] * 7)._repr_html_()
    assert "<svg" not in Network.of(3, [5] * 8)._repr_html_()


def test_a_name_is_a_text():
    network = Network(2, (Dense(3, Activation('<script>&"', lambda x: x)), Dense(1)))
    assert texts(network._repr_html_()).count('<script>&"') == 2
