"""Layers: what every kind of layer offers to a network, and the dense layer."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import OptionError
from chainrule.nn.activations import Activation, activation
from chainrule.nn.initializers import Initializer, initializer
from chainrule.random import RandomState

__all__ = ["Arrays", "Dense", "Layer", "LayerPass", "check_size"]

Arrays: TypeAlias = dict[str, NDArray[Any]]
"""Arrays of one layer by name: its parameters, or its state."""


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


class Layer(Protocol):
    """What a network asks of a layer; a class of one's own that has all of it is a layer.

    A layer is a frozen description: parameters and state are kept apart from it, and go in and come out. Its forward
    pass has two parts, so that every layer has sensitivities, the derivatives by its signals: `signal` computes what
    enters the activation function, and `activate` what leaves it.
    """

    @property
    def kind(self) -> str:
        """What it is called in model files, such as ``"dense"``."""

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers in training."""

    @property
    def text(self) -> str:
        """The layer in a few words, to stand after a number of units: ``"relu"``, ``"batch norm relu"``."""

    @property
    def activation_row(self) -> Activation:
        """Row of the activation function."""

    def units_out(self, inputs: int) -> int:
        """Number of units, for a number of inputs; OptionError where the layer does not take so many."""

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """Draw starting values of the parameters, by name."""

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each array of the state, by name; empty for a layer that has none."""

    def initial_state(self, inputs: int, dtype: DTypeLike) -> Arrays:
        """State before the first step, by name."""

    def signal(
        self, parameters: Arrays, state: Arrays, x: NDArray[Any], rng: RandomState | None, training: bool
    ) -> tuple[NDArray[Any], Arrays]:
        """Compute the signals of a batch, shape (examples, units), and the state after it."""

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None, training: bool
    ) -> NDArray[Any]:
        """Compute the activations of given signals, shape (examples, units)."""


def check_size(name: str, size: object) -> int:
    """Return `size` as an int, or raise OptionError where it is not a positive integer."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise OptionError(f"{name} has to be a positive integer, found {size!r}")
    return int(size)


def kind_text(kind: str, row: Activation) -> str:
    """Write the kind of a layer, and its activation where it has one."""
    return kind if row.name == "identity" else f"{kind} {row.name}"


def check_width(row: Activation, units: int) -> int:
    """Return `units`, or raise OptionError where an activation means nothing for so many."""
    if row.name == "softmax" and units == 1:
        raise OptionError("softmax over a single unit is always 1: use sigmoid, or one unit for each class")
    return units


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
    >>> signal, state = layer.signal(parameters, {}, np.zeros((1, 2)))
    >>> layer.activate(parameters, signal)
    array([[0.01, 0.01, 0.01]])
    """

    units: int
    activation: str | Activation = "tanh"
    weights: str | Initializer | None = None
    bias: float | None = None

    kind: ClassVar[str] = "dense"
    draws: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", check_size("units of a layer", self.units))
        if isinstance(self.weights, str):
            initializer(self.weights)
        check_width(self.activation_row, self.units)

    @property
    def text(self) -> str:
        """Name of the activation."""
        return self.activation_row.name

    @property
    def activation_row(self) -> Activation:
        """Row of the activation function."""
        return activation(self.activation)

    def units_out(self, inputs: int) -> int:
        """Number of units, whatever the number of inputs."""
        return self.units

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name, for a given number of inputs."""
        return {
            "weights": (inputs, self.units),
            "bias": (self.units,),
            **self.activation_row.shapes(self.units),
        }

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """Draw starting values of the parameters, by name, in the shapes of `shapes`."""
        row = self.activation_row
        start = initializer(self.weights) if isinstance(self.weights, str) else self.weights or row.weights
        bias = row.bias if self.bias is None else self.bias
        return {
            "weights": start(rng, inputs, self.units, dtype),
            "bias": np.full(self.units, bias, dtype),
            **row.initialize(self.units, dtype),
        }

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
        """Compute the signals ``x @ weights + bias``.

        Parameters
        ----------
        parameters : dict of arrays
            As `initialize` makes them.
        state : dict
            Comes out as it is.
        x : array, shape (examples, inputs)
            Activations of the layer before.
        rng, training
            Not used.

        Returns
        -------
        signal : array, shape (examples, units)
            What enters the activation function.
        state : dict
            The one that went in.
        """
        return x @ parameters["weights"] + parameters["bias"], state

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None = None, training: bool = False
    ) -> NDArray[Any]:
        """Compute the activations of given signals, shape (examples, units)."""
        return self.activation_row.activate(parameters, signal)
