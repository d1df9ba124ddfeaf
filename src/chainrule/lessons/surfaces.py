"""Networks set by hand whose outputs are a cliff, a ridge, crossing ridges and towers over two inputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import nn
from chainrule.inspection import backprop
from chainrule.nn import Parameters

__all__ = ["cliff", "crossing", "heights", "measure_cliff", "outputs", "ridge", "tower", "tower_and_hole", "towers"]

Array = NDArray[np.float64]
Set = tuple[nn.Network, Parameters]

#: Length of the weights of a unit, half the width of a ridge, and how hard a tower is cut out of what crosses.
_STEEP, _HALF, _CUT = 8.0, 0.6, 12.0


def cliff(direction: Array, steepness: float) -> Set:
    """One sigmoid unit whose weights have a direction, shape (2,), and a length."""
    return nn.Network.of(2, output="sigmoid"), (_layer(steepness * direction[:, np.newaxis], [0.0]),)


def ridge(direction: Array) -> Set:
    """Two units that face each other, added: 1 between two lines, 0 on both sides."""
    first = _ridges([direction], np.zeros(2))
    return _two_layers(2, "identity"), (first, _layer(np.ones((2, 1)), [-1.0]))


def crossing(direction: Array) -> Set:
    """Two ridges at right angles, added: 2 where they cross, 1 on the arms."""
    first = _ridges([direction, _turned(direction)], np.zeros(2))
    return _two_layers(4, "identity"), (first, _layer(np.ones((4, 1)), [-2.0]))


def tower(direction: Array) -> Set:
    """Cut the arms off: a sigmoid output unit with its threshold halfway between arms and top."""
    first = _ridges([direction, _turned(direction)], np.zeros(2))
    return _two_layers(4, "sigmoid"), (first, _layer(np.full((4, 1), _CUT), [-3.5 * _CUT]))


def towers(places: Array, levels: Array, direction: Array) -> Set:
    """Make towers of given heights, or levels, at given places by two hidden layers.

    Parameters
    ----------
    places : array, shape (towers, 2)
        Their middles.
    levels : array, shape (towers,)
        Their heights; a hole has a negative one.
    direction : array, shape (2,)
        Of the first ridge of each, of length 1.

    Returns
    -------
    tuple of Network and parameters
        Four units a tower in the first hidden layer, one in the second.

    Examples
    --------
    >>> places = np.array([[-1.0, 0.0], [1.0, 0.0]])
    >>> network, parameters = towers(places, np.array([1.0, -0.5]), np.array([1.0, 0.0]))
    >>> network.apply(parameters, network.initial_state(), places)[0].ravel().round(2)
    array([ 1. , -0.5])
    """
    count = len(places)
    each = [_ridges([direction, _turned(direction)], place) for place in places]
    first = {name: np.concatenate([one[name] for one in each], axis=-1) for name in ("weights", "bias")}
    second = _layer(_CUT * np.repeat(np.eye(count), 4, axis=0), [-3.5 * _CUT] * count)
    network = nn.Network.of(2, hidden=(4 * count, count), activation="sigmoid", output="identity")
    return network, (first, second, _layer(levels[:, np.newaxis], [0.0]))


def outputs(network: nn.Network, parameters: Parameters, X: NDArray[Any]) -> Array:
    """Compute the one output of a network, shape (examples,)."""
    return np.asarray(network.apply(parameters, network.initial_state(), X)[0])[:, 0]


def measure_cliff(direction: Array, steepness: float) -> dict[str, float]:
    """Output and slope at the line, width from 0.1 to 0.9, and how much the output changes along the line."""
    network, parameters = cliff(direction, steepness)
    at_line = backprop(network, np.zeros((1, 2)), np.zeros((1, 1)), parameters=parameters, loss="half_squared")
    across = np.linspace(-3, 3, 6001)
    rising = outputs(network, parameters, across[:, np.newaxis] * direction)
    along = np.linspace(-3, 3, 61)[:, np.newaxis] * _turned(direction) + 0.1 * direction
    return {
        "middle": at_line.layers[0].activations.item(),
        "slope": float(np.linalg.norm(at_line.layers[0].jacobian()[0])),
        "width": float(np.interp(0.9, rising, across) - np.interp(0.1, rising, across)),
        "along": float(np.ptp(outputs(network, parameters, along))),
    }


def heights(network: nn.Network, parameters: Parameters, direction: Array) -> dict[str, float]:
    """Outputs in the middle, 2 away along the ridge across `direction` and across that ridge, and far from both."""
    turned = _turned(direction)
    points = np.array([0 * direction, 2 * turned, 2 * direction, 2 * (direction + turned)])
    found = outputs(network, parameters, points)
    return dict(zip(("middle", "along", "across", "corner"), map(float, found), strict=True))


def tower_and_hole(direction: Array) -> Array:
    """Outputs on a tower of height 1, in a hole of half the depth, and between them."""
    places = np.array([direction, -direction])
    made = towers(places, np.array([1.0, -0.5]), direction)
    return outputs(*made, np.array([*places, np.zeros(2)]))


def _turned(direction: Array) -> Array:
    return np.array([-direction[1], direction[0]])


def _ridges(directions: list[Array], middle: Array) -> dict[str, Array]:
    """Two units for each direction: one rises before the middle, the other falls behind it."""
    weights = np.column_stack([sign * _STEEP * one for one in directions for sign in (1, -1)])
    return _layer(weights, _STEEP * _HALF - middle @ weights)


def _two_layers(units: int, output: str) -> nn.Network:
    return nn.Network.of(2, hidden=(units,), activation="sigmoid", output=output)


def _layer(weights: Array, bias: "list[float] | Array") -> dict[str, Array]:
    return {"weights": np.asarray(weights, float), "bias": np.asarray(bias, float)}
