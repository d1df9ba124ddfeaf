"""Normalisation: of each unit over the examples of a batch, and of each example over its units."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.activations import Activation, activation
from chainrule.nn.layers import Arrays, check_width, kind_text
from chainrule.random import RandomState
from chainrule.trace import stop_gradient

__all__ = ["BatchNorm", "LayerNorm"]


def _check_epsilon(name: str, epsilon: float) -> float:
    epsilon = float(epsilon)
    if not 0 < epsilon < np.inf:
        raise OptionError(f"epsilon of {name} has to be a positive finite number, found {epsilon}")
    return epsilon


def _shapes(row: Activation, units: int) -> dict[str, tuple[int, ...]]:
    return {"scale": (units,), "shift": (units,), **row.shapes(units)}


def _initialize(row: Activation, units: int, dtype: DTypeLike) -> Arrays:
    return {"scale": np.ones(units, dtype), "shift": np.zeros(units, dtype), **row.initialize(units, dtype)}


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation: ``scale * (x - mean) / sqrt(variance + epsilon) + shift``, then the activation.

    In training, mean and variance of each unit are those of the batch, and are part of what is differentiated: the
    examples of a batch depend on each other. Otherwise they are the running ones, which the state carries. Put
    between a dense layer and its activation, as in ``Dense(16, "identity"), BatchNorm("relu")``, it makes the dense
    layer's bias superfluous.

    S. Ioffe and C. Szegedy, Batch normalization: accelerating deep network training by reducing internal covariate
    shift, 2015, algorithms 1 and 2. As there, and as in PyTorch, the batch is normalised with the variance divided by
    n, the number of examples, and the running variance takes the unbiased one, divided by n - 1.

    Attributes
    ----------
    activation : str or Activation
        Name in `ACTIVATIONS`, or a row of one's own.
    momentum : float
        Part of the running mean and variance that is kept in a step; the batch gives the rest. (PyTorch's momentum is
        1 minus this.)
    epsilon : float
        Added to the variance.

    Raises
    ------
    OptionError
        For a `momentum` outside of [0, 1), or an `epsilon` that is not positive.

    Notes
    -----
    The parameters are ``scale``, which starts at 1, and ``shift``, which starts at 0; the state is ``mean`` and
    ``variance``, which start at 0 and 1, all of shape (units,). The state that comes out has derivative zero.

    A single example has no variance: in training it is refused with a DataError.

    Examples
    --------
    >>> layer = BatchNorm("relu")
    >>> parameters = layer.initialize(np.random.default_rng(0), 1, np.float64)
    >>> state = layer.initial_state(1, np.float64)
    >>> x = np.array([[1.0], [2.0], [6.0]])
    >>> signal, after = layer.signal(parameters, state, x, None, training=True)
    >>> signal.round(2).ravel()
    array([-0.93, -0.46,  1.39])
    >>> after["mean"].round(3), after["variance"].round(3)
    (array([0.3]), array([1.6]))
    """

    activation: str | Activation = "identity"
    momentum: float = 0.9
    epsilon: float = 1e-5

    kind: ClassVar[str] = "batch norm"
    draws: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", float(self.momentum))
        if not 0 <= self.momentum < 1:
            raise OptionError(
                f"momentum of BatchNorm has to be at least 0 and below 1, found {self.momentum}: it is the part of the "
                "running mean and variance that is kept"
            )
        object.__setattr__(self, "epsilon", _check_epsilon("BatchNorm", self.epsilon))
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
        """As many units as inputs."""
        return check_width(self.activation_row, inputs)

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""
        return _shapes(self.activation_row, inputs)

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """Starting values of the parameters, by name; nothing is drawn."""
        return _initialize(self.activation_row, inputs, dtype)

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Those of the running mean and variance."""
        return {"mean": (inputs,), "variance": (inputs,)}

    def initial_state(self, inputs: int, dtype: DTypeLike) -> Arrays:
        """Running mean 0 and variance 1."""
        return {"mean": np.zeros(inputs, dtype), "variance": np.ones(inputs, dtype)}

    def signal(
        self, parameters: Arrays, state: Arrays, x: NDArray[Any], rng: RandomState | None, training: bool
    ) -> tuple[NDArray[Any], Arrays]:
        """Normalise, scale and shift a batch.

        Parameters
        ----------
        parameters, state : dict of arrays
            As `initialize` and `initial_state` make them.
        x : array, shape (examples, units)
            Activations of the layer before.
        rng
            Not used.
        training : bool
            Whether mean and variance are those of the batch.

        Returns
        -------
        signal : array, shape (examples, units)
            What enters the activation function.
        state : dict of arrays
            In training the running mean and variance after the batch; otherwise the state that went in.

        Raises
        ------
        DataError
            In training, for fewer than two examples.
        """
        if not training:
            return self._scaled(parameters, x - state["mean"], state["variance"]), state
        count = x.shape[0]
        if count < 2:
            raise DataError(
                "batch normalisation in training needs the variance over a batch of at least 2 examples, found "
                f"{count}: choose a batch size that leaves no single example over, or apply with training=False"
            )
        mean = np.mean(x, axis=0)
        centred = x - mean
        total = np.sum(np.square(centred), axis=0)
        kept, given = self.momentum, 1 - self.momentum
        after = {
            "mean": kept * state["mean"] + given * stop_gradient(mean),
            "variance": kept * state["variance"] + given * (stop_gradient(total) / (count - 1)),
        }
        return self._scaled(parameters, centred, total / count), after

    def _scaled(self, parameters: Arrays, centred: NDArray[Any], variance: NDArray[Any]) -> NDArray[Any]:
        signal: NDArray[Any] = centred * (parameters["scale"] / np.sqrt(variance + self.epsilon)) + parameters["shift"]
        return signal

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None = None, training: bool = False
    ) -> NDArray[Any]:
        """Compute the activations of given signals, shape (examples, units)."""
        return self.activation_row.activate(parameters, signal)


@dataclass(frozen=True)
class LayerNorm:
    """Layer normalisation: ``scale * (x - mean) / sqrt(variance + epsilon) + shift``, then the activation.

    Mean and variance are those of each example over its units, the variance divided by their number, in training and
    afterwards: examples do not depend on each other, and there is no state.

    J. Ba, J. Kiros and G. Hinton, Layer normalization, 2016, equation 3 (with epsilon, as in PyTorch).

    Attributes
    ----------
    activation : str or Activation
        Name in `ACTIVATIONS`, or a row of one's own.
    epsilon : float
        Added to the variance.

    Raises
    ------
    OptionError
        For an `epsilon` that is not positive; and from a network where there is a single unit, whose normalised
        value would always be 0.

    Notes
    -----
    The parameters are ``scale``, which starts at 1, and ``shift``, which starts at 0, of shape (units,).

    Examples
    --------
    >>> layer = LayerNorm()
    >>> parameters = layer.initialize(np.random.default_rng(0), 3, np.float64)
    >>> signal, state = layer.signal(parameters, {}, np.array([[1.0, 2.0, 6.0]]))
    >>> signal.round(2)
    array([[-0.93, -0.46,  1.39]])
    """

    activation: str | Activation = "identity"
    epsilon: float = 1e-5

    kind: ClassVar[str] = "layer norm"
    draws: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", _check_epsilon("LayerNorm", self.epsilon))
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
        """As many units as inputs, at least two."""
        if inputs == 1:
            raise OptionError("layer normalisation of a single unit is always 0: leave it out, or use BatchNorm")
        return inputs

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""
        return _shapes(self.activation_row, inputs)

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """Starting values of the parameters, by name; nothing is drawn."""
        return _initialize(self.activation_row, inputs, dtype)

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
        """Normalise, scale and shift each example; the state comes out as it is."""
        centred = x - np.mean(x, axis=1, keepdims=True)
        variance = np.mean(np.square(centred), axis=1, keepdims=True)
        return centred / np.sqrt(variance + self.epsilon) * parameters["scale"] + parameters["shift"], state

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None = None, training: bool = False
    ) -> NDArray[Any]:
        """Compute the activations of given signals, shape (examples, units)."""
        return self.activation_row.activate(parameters, signal)
