"""Layers in the order in which they compute, each with its number of inputs and units."""

from collections.abc import Iterable
from typing import NamedTuple

from chainrule.errors import OptionError
from chainrule.nn.layers import Layer
from chainrule.nn.residual import Residual

__all__ = ["PlacedLayer", "placed"]


class PlacedLayer(NamedTuple):
    """A layer at its place in a network.

    Attributes
    ----------
    layer : Layer
        The layer.
    inputs, units : int
        How many numbers of an example go in, and come out.
    skip : int or None
        For a residual connection the number of the layer whose activations are added to what comes in, 0 for the
        inputs of the network.
    """

    layer: Layer
    inputs: int
    units: int
    skip: int | None = None


def placed(layers: Iterable[Layer], inputs: int) -> tuple[PlacedLayer, ...]:
    """Put layers in order for a number of inputs; those inside a residual connection come before the one that adds.

    Parameters
    ----------
    layers : iterable of layers
        As they were given to a network.
    inputs : int
        Number of features of an example.

    Returns
    -------
    tuple of PlacedLayer
        One for each layer that computes.

    Raises
    ------
    OptionError
        Where a layer does not take what the one before it makes, or is none.

    Examples
    --------
    >>> from chainrule.nn import Dense
    >>> [(place.inputs, place.units, place.skip) for place in placed((Dense(3), Residual((Dense(3),))), 2)]
    [(2, 3, None), (3, 3, None), (3, 3, 1)]
    """
    places: list[PlacedLayer] = []
    _place(layers, inputs, places)
    return tuple(places)


def _place(layers: Iterable[Layer], inputs: int, places: list[PlacedLayer]) -> int:
    """Append the places of layers that are given so many inputs, and return the units of the last one."""
    for layer in layers:
        if isinstance(layer, type) or not hasattr(layer, "units_out"):
            raise OptionError(f"layer {len(places) + 1} has to be a layer, such as Dense(3, 'relu'), found {layer!r}")
        skip = None
        if isinstance(layer, Residual):
            skip, before = len(places), inputs
            inputs = _place(layer.layers, inputs, places)
            if inputs != before:
                raise OptionError(
                    f"layer {len(places) + 1}, a residual connection, adds {before} inputs to the {inputs} units that "
                    f"its layers make of them: give its last layer {before} units"
                )
        try:
            units = layer.units_out(inputs)
        except OptionError as error:
            raise OptionError(f"layer {len(places) + 1}: {error}") from None
        places.append(PlacedLayer(layer, inputs, units, skip))
        inputs = units
    return inputs
