"""Residual connections: layers whose inputs are added to what they make of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import OptionError
from chainrule.nn.activations import Activation, activation
from chainrule.nn.layers import Arrays, Layer, check_width, kind_text
from chainrule.random import RandomState

__all__ = ["Residual"]


@dataclass(frozen=True)
class Residual:
    """A residual connection: activation of ``x + layers(x)``.

    K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, 2015, equation 1.

    To a network it is the layers inside, one after the other, followed by one that adds: each has its own number,
    parameters, state, signals and sensitivities. The signal of the last one is the sum.

    Attributes
    ----------
    layers : tuple of layers
        They end with as many units as they begin with inputs; further residual connections may be among them.
    activation : str or Activation
        Activation of the sum.

    Raises
    ------
    OptionError
        Where there is no layer; and from a network where the numbers of inputs and units differ.

    Examples
    --------
    >>> from chainrule import nn
    >>> network = nn.Network(2, (nn.Residual((nn.Dense(5, "relu"), nn.Dense(2, "identity"))), nn.Dense(1)))
    >>> [(place.layer.kind, place.units) for place in network.places]
    [('dense', 5), ('dense', 2), ('residual', 2), ('dense', 1)]
    """

    layers: tuple[Layer, ...]
    activation: str | Activation = "identity"

    kind: ClassVar[str] = "residual"
    draws: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not isinstance(self.layers, Sequence) or not self.layers:
            raise OptionError(f"a residual connection needs at least one layer, found {self.layers!r}")
        object.__setattr__(self, "layers", tuple(self.layers))
        activation(self.activation)

    @property
    def text(self) -> str:
        """Kind and activation."""
        return kind_text(self.kind, self.activation_row)

    @property
    def activation_row(self) -> Activation:
        """Row of the activation function."""
        return activation(self.activation)

    def units_out(self, inputs: int) -> int:
        """As many units as inputs of the sum."""
        return check_width(self.activation_row, inputs)

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters that the activation has; those of the layers inside are their own."""
        return self.activation_row.shapes(inputs)

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """Starting values of the parameters of `shapes`."""
        return self.activation_row.initialize(inputs, dtype)

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """No state."""
        return {}

    def initial_state(self, inputs: int, dtype: DTypeLike) -> Arrays:
        """No state."""
        return {}

    def signal(
        self,
        parameters: Arrays,
        state: Arrays,
        x: NDArray[Any],
        rng: RandomState | None = None,
        training: bool = False,
    ) -> tuple[NDArray[Any], Arrays]:
        """Return the sum, which the network has made."""
        return x, state

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None = None, training: bool = False
    ) -> NDArray[Any]:
        """Compute the activations of given signals, shape (examples, units)."""
        return self.activation_row.activate(parameters, signal)
