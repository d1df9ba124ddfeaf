"""Feed-forward networks: layers one after the other, parameters apart from them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.activations import Activation
from chainrule.nn.layers import Dense, LayerPass, check_size

__all__ = ["Network", "Parameters"]

Parameters: TypeAlias = tuple[dict[str, NDArray[Any]], ...]
"""One dict of arrays for each layer: "weights", "bias" and, where it is learned, "slope"."""


@dataclass(frozen=True)
class Network:
    """A feed-forward network; a function of its parameters and its inputs.

    Logistic regression and any other single-layer model is a network without hidden layer.

    Attributes
    ----------
    inputs : int
        Number of features of an example.
    layers : tuple of Dense
        The layers in order; the last one gives the outputs.

    Raises
    ------
    OptionError
        Where `inputs` is not a positive integer, or there is no layer.

    Examples
    --------
    >>> network = Network(2, (Dense(3, "tanh"), Dense(1, "sigmoid")))
    >>> parameters = network.initialize(np.random.default_rng(0))
    >>> network.apply(parameters, np.zeros((4, 2))).shape
    (4, 1)
    >>> network.count_parameters()
    13
    """

    inputs: int
    layers: tuple[Dense, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", check_size("inputs of a network", self.inputs))
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise OptionError("a network needs at least one layer, found none")

    @classmethod
    def of(
        cls,
        inputs: int,
        hidden: Sequence[int] = (),
        outputs: int = 1,
        activation: str | Activation | Sequence[str | Activation] = "tanh",
        output: str | Activation = "identity",
    ) -> "Network":
        """Make a network from sizes and names.

        Parameters
        ----------
        inputs : int
            Number of features.
        hidden : sequence of int
            Units of each hidden layer; none makes a single-layer network.
        outputs : int
            Units of the output layer.
        activation : str, Activation or sequence of them
            Activation of the hidden layers, one for all or one for each.
        output : str or Activation
            Activation of the output layer.

        Returns
        -------
        Network
            The network.

        Raises
        ------
        OptionError
            For a size that is not a positive integer, an unknown activation, or a number of activations that
            is not the number of hidden layers.

        Examples
        --------
        >>> network = Network.of(4, hidden=(16, 8), outputs=3, activation="relu", output="softmax")
        >>> [(layer.units, layer.activation) for layer in network.layers]
        [(16, 'relu'), (8, 'relu'), (3, 'softmax')]
        """
        names = [activation] * len(hidden) if isinstance(activation, str | Activation) else list(activation)
        if len(names) != len(hidden):
            raise OptionError(
                f"{len(names)} activations were given for {len(hidden)} hidden layers: give one for each, or "
                "one for all"
            )
        layers = [Dense(units, name) for units, name in zip(hidden, names, strict=True)]
        return cls(inputs, (*layers, Dense(outputs, output)))

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.layers[-1].units

    def shapes(self) -> tuple[dict[str, tuple[int, ...]], ...]:
        """Shape of every parameter, in the structure of the parameters.

        Examples
        --------
        >>> Network(2, (Dense(3),)).shapes()
        ({'weights': (2, 3), 'bias': (3,)},)
        """
        return tuple(layer.shapes(inputs) for layer, inputs in self._layers_with_inputs())

    def _layers_with_inputs(self) -> Iterator[tuple[Dense, int]]:
        inputs = self.inputs
        for layer in self.layers:
            yield layer, inputs
            inputs = layer.units

    def count_parameters(self) -> int:
        """Count the numbers that are learned.

        Examples
        --------
        >>> Network(2, (Dense(3),)).count_parameters()
        9
        """
        return sum(math.prod(shape) for layer in self.shapes() for shape in layer.values())

    def initialize(self, rng: np.random.Generator | int, dtype: DTypeLike = np.float64) -> Parameters:
        """Draw starting values.

        Parameters
        ----------
        rng : numpy.random.Generator or int
            Source of random numbers, or the seed of one.
        dtype : dtype
            Type of the parameters.

        Returns
        -------
        tuple of dicts of arrays
            For each layer "weights", shape (inputs, units), "bias", shape (units,), and for parametric relu
            "slope", shape (units,).

        Examples
        --------
        >>> parameters = Network(2, (Dense(3),)).initialize(0, np.float32)
        >>> parameters[0]["weights"].dtype
        dtype('float32')
        """
        rng = np.random.default_rng(rng)
        return tuple(layer.initialize(rng, inputs, dtype) for layer, inputs in self._layers_with_inputs())

    def forward(
        self, parameters: Parameters, x: NDArray[Any], probes: Sequence[NDArray[Any]] | None = None
    ) -> tuple[LayerPass, ...]:
        """Signals and activations of every layer.

        Parameters
        ----------
        parameters : tuple of dicts of arrays
            As `initialize` makes them.
        x : array, shape (examples, inputs)
            Inputs.
        probes : sequence of arrays, each of shape (examples, units), optional
            Added to the signals: the derivatives of a loss by probes of zeros are the sensitivities.

        Returns
        -------
        tuple of LayerPass
            ``signal`` and ``activation`` of each layer, both of shape (examples, units).

        Raises
        ------
        DataError
            Where `x` does not have the shape (examples, inputs).
        OptionError
            Where there are not as many dicts of parameters, or probes, as layers.

        Examples
        --------
        >>> network = Network(1, (Dense(1, "identity"), Dense(1, "relu")))
        >>> one = {"weights": np.array([[2.0]]), "bias": np.array([-1.0])}
        >>> [float(a.item()) for s, a in network.forward((one, one), np.array([[0.5]]))]
        [0.0, 0.0]
        """
        hidden, signal = self._enter_last(parameters, x, probes)
        return (*hidden, LayerPass(signal, self.layers[-1].activate(parameters[-1], signal)))

    def _enter_last(
        self, parameters: Parameters, x: NDArray[Any], probes: Sequence[NDArray[Any]] | None
    ) -> tuple[list[LayerPass], NDArray[Any]]:
        count = len(self.layers)
        if len(parameters) != count:
            raise OptionError(f"the network has {count} layers, but there are parameters for {len(parameters)}")
        if probes is not None and len(probes) != count:
            raise OptionError(f"the network has {count} layers, but there are {len(probes)} probes")
        if not hasattr(x, "shape"):
            x = np.asarray(x)
        if len(x.shape) != 2 or x.shape[1] != self.inputs:
            raise DataError(f"the network expects {self._expected(x.shape)}")
        *before, last = zip(self.layers, parameters, probes or (None,) * count, strict=True)
        hidden: list[LayerPass] = []
        for layer, own, probe in before:
            hidden.append(layer.forward(own, x, probe))
            x = hidden[-1].activation
        layer, own, probe = last
        return hidden, layer.signal(own, x, probe)

    def _expected(self, shape: tuple[int, ...]) -> str:
        text = f"{self.inputs} input{'s' if self.inputs > 1 else ''}, x has shape {shape}: "
        if len(shape) == 1 and self.inputs == 1:
            return text + "give x[:, np.newaxis], one row for each example"
        if shape == (self.inputs,):
            return text + "for a single example give x[np.newaxis, :]"
        return text + f"give an array of shape (examples, {self.inputs})"

    def apply(self, parameters: Parameters, x: NDArray[Any]) -> NDArray[Any]:
        """Compute the outputs, shape (examples, outputs): the activations of the last layer.

        Examples
        --------
        >>> network = Network.of(1, outputs=1)
        >>> network.apply(({"weights": np.array([[2.0]]), "bias": np.array([1.0])},), np.array([[3.0]]))
        array([[7.]])
        """
        return self.forward(parameters, x)[-1].activation

    def signal(
        self, parameters: Parameters, x: NDArray[Any], probes: Sequence[NDArray[Any]] | None = None
    ) -> NDArray[Any]:
        """Compute the signals of the last layer alone, shape (examples, outputs); see `forward`.

        Examples
        --------
        >>> network = Network.of(1, outputs=1, output="sigmoid")
        >>> network.signal(({"weights": np.array([[2.0]]), "bias": np.array([1.0])},), np.array([[3.0]]))
        array([[7.]])
        """
        return self._enter_last(parameters, x, probes)[1]

    def check_trainable(self) -> None:
        """Raise OptionError where a layer cannot be trained through.

        Examples
        --------
        >>> Network.of(2, output="sign").check_trainable()
        Traceback (most recent call last):
            ...
        chainrule.errors.OptionError: layer 1 of 1 has the activation sign, which decides and cannot learn
        (its derivative is zero everywhere): train with tanh, and put sign in its place to decide
        """
        for number, layer in enumerate(self.layers, start=1):
            row = layer.activation_row
            if not row.learns:
                raise OptionError(
                    f"layer {number} of {len(self.layers)} has the activation {row.name}, which decides and "
                    "cannot learn (its derivative is zero everywhere): train with tanh, and put sign in its "
                    "place to decide"
                )
