"""Layers: what they hold, how they start, how they pass forward."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import OptionError
from chainrule.nn.activations import Activation, activation
from chainrule.nn.initializers import Initializer, initializer

__all__ = ["Dense", "LayerPass"]


class LayerPass(NamedTuple):
    """What one layer computes in the forward pass.

    Attributes
    ----------
    signal : array, shape (examples, units)
        What enters the activation function.
    activation : array, shape (examples, units)
        What leaves it.
    """

    signal: NDArray[Any]
    activation: NDArray[Any]


def check_size(name: str, size: object) -> int:
    """Return `size` as an int, or raise OptionError where it is not a positive integer."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise OptionError(f"{name} has to be a positive integer, found {size!r}")
    return int(size)


@dataclass(frozen=True)
class Dense:
    """A layer in which every unit sees every input: activation of ``x @ weights + bias``.

    Attributes
    ----------
    units : int
        Number of units.
    activation : str or Activation
        Name in `ACTIVATIONS`, or a row of one's own.
    weights : str, callable or None
        Initialiser of the weights, by name or as a function ``(rng, inputs, outputs, dtype)``; None takes the
        activation's own (He for relu and its kin, Glorot's uniform one for the others).
    bias : float or None
        Starting value of the biases; None takes the activation's own (0.01 for relu, 0 for the others).

    Raises
    ------
    OptionError
        For an unknown name, for `units` that is not a positive integer, and for softmax over a single unit,
        which is always 1.

    Examples
    --------
    >>> layer = Dense(3, "relu")
    >>> layer.shapes(inputs=2)
    {'weights': (2, 3), 'bias': (3,)}
    >>> parameters = layer.initialize(np.random.default_rng(0), 2, np.float64)
    >>> layer.forward(parameters, np.zeros((1, 2))).activation
    array([[0.01, 0.01, 0.01]])
    """

    units: int
    activation: str | Activation = "tanh"
    weights: str | Initializer | None = None
    bias: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", check_size("units of a layer", self.units))
        if isinstance(self.weights, str):
            initializer(self.weights)
        if self.activation_row.name == "softmax" and self.units == 1:
            raise OptionError("softmax over a single unit is always 1: use sigmoid, or one unit for each class")

    @property
    def activation_row(self) -> Activation:
        """Row of the activation function."""
        return activation(self.activation)

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name, for a given number of inputs."""
        shapes: dict[str, tuple[int, ...]] = {"weights": (inputs, self.units), "bias": (self.units,)}
        if self.activation_row.slope is not None:
            shapes["slope"] = (self.units,)
        return shapes

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> dict[str, NDArray[Any]]:
        """Draw starting values of the parameters, by name, in the shapes of `shapes`."""
        row = self.activation_row
        start = initializer(self.weights) if isinstance(self.weights, str) else self.weights or row.weights
        bias = row.bias if self.bias is None else self.bias
        parameters = {
            "weights": start(rng, inputs, self.units, dtype),
            "bias": np.full(self.units, bias, dtype),
        }
        if row.slope is not None:
            parameters["slope"] = np.full(self.units, row.slope, dtype)
        return parameters

    def forward(
        self, parameters: dict[str, NDArray[Any]], x: NDArray[Any], probe: NDArray[Any] | None = None
    ) -> LayerPass:
        """Signals and activations of a batch.

        Parameters
        ----------
        parameters : dict of arrays
            As `initialize` makes them.
        x : array, shape (examples, inputs)
            Activations of the layer before.
        probe : array, shape (examples, units), optional
            Added to the signals: the derivative of a loss by a probe of zeros is the sensitivity.

        Returns
        -------
        LayerPass
            Signals and activations, both of shape (examples, units).
        """
        signal = self.signal(parameters, x, probe)
        return LayerPass(signal, self.activate(parameters, signal))

    def signal(
        self, parameters: dict[str, NDArray[Any]], x: NDArray[Any], probe: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Compute the signals alone; see `forward`."""
        signal: NDArray[Any] = x @ parameters["weights"] + parameters["bias"]
        return signal if probe is None else signal + probe

    def activate(self, parameters: dict[str, NDArray[Any]], signal: NDArray[Any]) -> NDArray[Any]:
        """Compute the activations of given signals; see `forward`."""
        row = self.activation_row
        activation: NDArray[Any] = (
            row.function(signal) if row.slope is None else row.function(signal, parameters["slope"])
        )
        return activation
