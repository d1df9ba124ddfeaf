"""Feed-forward networks: layers one after the other, parameters and state apart from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.activations import Activation
from chainrule.nn.layers import Arrays, Dense, Layer, LayerPass, check_size
from chainrule.nn.places import PlacedLayer, placed
from chainrule.random import RandomState, fold

__all__ = ["Network", "Parameters", "State"]

Parameters: TypeAlias = tuple[Arrays, ...]
"""One dict of arrays for each layer, such as "weights", "bias" and, where it is learned, "slope"."""

State: TypeAlias = tuple[Arrays, ...]
"""One dict of arrays for each layer: what it carries from step to step; empty for most."""


@dataclass(frozen=True)
class Network:
    """A feed-forward network; a function of its parameters, its state and its inputs.

    Logistic regression and any other single-layer model is a network without hidden layer. The state is what layers
    carry from step to step, such as the running mean of batch normalisation; for dense layers there is none, and it is
    a tuple of empty dicts.

    Attributes
    ----------
    inputs : int
        Number of features of an example.
    layers : tuple of layers
        The layers in order; the last one gives the outputs.

    Raises
    ------
    OptionError
        Where `inputs` is not a positive integer, no layer has parameters, or a layer does not take what the one
        before it makes.

    Examples
    --------
    >>> network = Network(2, (Dense(3, "tanh"), Dense(1, "sigmoid")))
    >>> parameters, state = network.initialize(np.random.default_rng(0)), network.initial_state()
    >>> outputs, state = network.apply(parameters, state, np.zeros((4, 2)))
    >>> outputs.shape
    (4, 1)
    >>> network.count_parameters()
    13
    """

    inputs: int
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", check_size("inputs of a network", self.inputs))
        if not isinstance(self.layers, Sequence):
            raise OptionError(f"layers of a network have to be a tuple of layers, found {self.layers!r}")
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise OptionError("a network needs at least one layer, found none")
        if not any(self.shapes()):
            raise OptionError("a network needs at least one layer with parameters, found none: add a Dense layer")

    @classmethod
    def of(
        cls,
        inputs: int,
        hidden: Sequence[int] = (),
        outputs: int = 1,
        activation: str | Activation | Sequence[str | Activation] = "tanh",
        output: str | Activation = "identity",
    ) -> "Network":
        """Make a network of dense layers from sizes and names.

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
        if isinstance(hidden, int):
            raise OptionError(f"hidden has to be a sequence of sizes such as ({hidden},), found {hidden}")
        names = [activation] * len(hidden) if isinstance(activation, str | Activation) else list(activation)
        if len(names) != len(hidden):
            raise OptionError(
                f"{len(names)} activations were given for {len(hidden)} hidden layers: give one for each, or "
                "one for all"
            )
        layers = [Dense(units, name) for units, name in zip(hidden, names, strict=True)]
        return cls(inputs, (*layers, Dense(outputs, output)))

    @cached_property
    def places(self) -> tuple[PlacedLayer, ...]:
        """Every layer in the order in which they compute, those inside residual connections too.

        Parameters, state, passes and probes have one entry for each; layer 1 is the first of them.

        Examples
        --------
        >>> [(place.inputs, place.units) for place in Network(2, (Dense(3), Dense(1))).places]
        [(2, 3), (3, 1)]
        """
        return placed(self.layers, self.inputs)

    def _repr_html_(self) -> str:
        from chainrule.nn.html import network_html

        return network_html(self)

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.places[-1].units

    def shapes(self) -> tuple[dict[str, tuple[int, ...]], ...]:
        """Shape of every parameter, in the structure of the parameters.

        Examples
        --------
        >>> Network(2, (Dense(3),)).shapes()
        ({'weights': (2, 3), 'bias': (3,)},)
        """
        return tuple(place.layer.shapes(place.inputs) for place in self.places)

    def count_parameters(self) -> int:
        """Count the numbers that are learned.

        Examples
        --------
        >>> Network(2, (Dense(3),)).count_parameters()
        9
        """
        return sum(math.prod(shape) for layer in self.shapes() for shape in layer.values())

    def initialize(self, rng: np.random.Generator | int, dtype: DTypeLike = np.float64) -> Parameters:
        """Draw starting values of the parameters.

        Parameters
        ----------
        rng : numpy.random.Generator or int
            Source of random numbers, or the seed of one.
        dtype : dtype
            Type of the parameters.

        Returns
        -------
        tuple of dicts of arrays
            For each layer of `places` its parameters by name, in the shapes of `shapes`: for a dense layer "weights",
            shape (inputs, units), "bias", shape (units,), and for parametric relu "slope", shape (units,).

        Examples
        --------
        >>> parameters = Network(2, (Dense(3),)).initialize(0, np.float32)
        >>> parameters[0]["weights"].dtype
        dtype('float32')
        """
        rng = np.random.default_rng(rng)
        return tuple(place.layer.initialize(rng, place.inputs, dtype) for place in self.places)

    def initial_state(self, dtype: DTypeLike = np.float64) -> State:
        """Make the state before the first step.

        Parameters
        ----------
        dtype : dtype
            Type of its arrays: that of the parameters.

        Returns
        -------
        tuple of dicts of arrays
            For each layer of `places` what it carries, by name; an empty dict for most.

        Examples
        --------
        >>> from chainrule.nn import BatchNorm
        >>> Network(2, (Dense(1, "identity"), BatchNorm("relu"))).initial_state()
        ({}, {'mean': array([0.]), 'variance': array([1.])})
        """
        return tuple(place.layer.initial_state(place.inputs, dtype) for place in self.places)

    def state_shapes(self) -> tuple[dict[str, tuple[int, ...]], ...]:
        """Shape of every array of the state, in its structure."""
        return tuple(place.layer.state_shapes(place.inputs) for place in self.places)

    def forward(
        self,
        parameters: Parameters,
        state: State,
        x: NDArray[Any],
        rng: RandomState | None = None,
        training: bool = False,
        probes: Sequence[NDArray[Any]] | None = None,
    ) -> tuple[tuple[LayerPass, ...], State]:
        """Signals and activations of every layer, and the state afterwards.

        Parameters
        ----------
        parameters, state : tuple of dicts of arrays
            As `initialize` and `initial_state` make them.
        x : array, shape (examples, inputs)
            Inputs.
        rng : RandomState, optional
            Where random numbers are drawn from, as `chainrule.random.random_state` makes it; needed in training for
            layers that draw. Each of them has a stream of its own: that of layer k, counted from 0, is
            ``chainrule.random.fold(rng, k)``.
        training : bool
            Whether dropout leaves units out, and batch normalisation takes mean and variance of the batch and renews
            the running ones.
        probes : sequence of arrays, each of shape (examples, units), optional
            Added to the signals: the derivatives of a loss by probes of zeros are the sensitivities.

        Returns
        -------
        passes : tuple of LayerPass
            ``signal`` and ``activation`` of each layer of `places`, both of shape (examples, units).
        state : tuple of dicts of arrays
            What went in, unless `training`.

        Raises
        ------
        DataError
            Where `x` does not have the shape (examples, inputs), or a layer does not take what it is given.
        OptionError
            Where there are not as many dicts of parameters, states or probes as layers, or `rng` is needed.

        Examples
        --------
        >>> network = Network(1, (Dense(1, "identity"), Dense(1, "relu")))
        >>> one = {"weights": np.array([[2.0]]), "bias": np.array([-1.0])}
        >>> passes, state = network.forward((one, one), network.initial_state(), np.array([[0.5]]))
        >>> [float(activation.item()) for signal, activation in passes]
        [0.0, 0.0]
        """
        hidden, signal, after, own = self._enter_last(parameters, state, x, rng, training, probes)
        activation = self.places[-1].layer.activate(parameters[-1], signal, own, training)
        return (*hidden, LayerPass(signal, activation)), after

    def _enter_last(
        self,
        parameters: Parameters,
        state: State,
        x: NDArray[Any],
        rng: RandomState | None,
        training: bool,
        probes: Sequence[NDArray[Any]] | None,
    ) -> tuple[list[LayerPass], NDArray[Any], State, RandomState | None]:
        """Passes of the layers before the last one, its signals, the states, and what it draws from."""
        places = self.places
        count = len(places)
        if len(parameters) != count or len(state) != count or (probes is not None and len(probes) != count):
            raise OptionError(_counts(count, parameters, state, probes))
        if not hasattr(x, "shape"):
            x = np.asarray(x)
        self.check_inputs(x.shape)
        inputs, after = x, []
        hidden: list[LayerPass] = []
        for number, place in enumerate(places):
            layer = place.layer
            if hidden:
                x = hidden[-1].activation
            if place.skip is not None:
                x = x + (hidden[place.skip - 1].activation if place.skip else inputs)
            own = self.stream(rng, number) if training else None
            signal, one = layer.signal(parameters[number], state[number], x, own, training)
            if probes is not None:
                signal = signal + probes[number]
            after.append(one)
            if number < count - 1:
                hidden.append(LayerPass(signal, layer.activate(parameters[number], signal, own, training)))
        return hidden, signal, tuple(after), own

    def stream(self, rng: RandomState | None, number: int) -> RandomState | None:
        """Where a layer draws from, its number in `places` counted from 0; None for a layer that does not draw."""
        return None if rng is None or not self.places[number].layer.draws else fold(rng, number)

    def check_inputs(self, shape: tuple[int, ...]) -> None:
        """Raise DataError where inputs of this shape are none of the network's: (examples, inputs)."""
        if len(shape) == 2 and shape[1] == self.inputs:
            return
        advice = f"give an array of shape (examples, {self.inputs})"
        if len(shape) == 1 and self.inputs == 1:
            advice = "give x[:, np.newaxis], one row for each example"
        elif shape == (self.inputs,):
            advice = "for a single example give x[np.newaxis, :]"
        inputs = f"{self.inputs} input{'s' if self.inputs > 1 else ''}"
        raise DataError(f"the network expects {inputs}, x has shape {shape}: {advice}")

    def apply(
        self,
        parameters: Parameters,
        state: State,
        x: NDArray[Any],
        rng: RandomState | None = None,
        training: bool = False,
    ) -> tuple[NDArray[Any], State]:
        """Compute the outputs, and the state afterwards; see `forward`.

        Returns
        -------
        outputs : array, shape (examples, outputs)
            Activations of the last layer.
        state : tuple of dicts of arrays
            What went in, unless `training`.

        Examples
        --------
        >>> network = Network.of(1, outputs=1)
        >>> parameters = ({"weights": np.array([[2.0]]), "bias": np.array([1.0])},)
        >>> outputs, state = network.apply(parameters, network.initial_state(), np.array([[3.0]]))
        >>> outputs
        array([[7.]])
        """
        passes, after = self.forward(parameters, state, x, rng, training)
        return passes[-1].activation, after

    def signal(
        self,
        parameters: Parameters,
        state: State,
        x: NDArray[Any],
        rng: RandomState | None = None,
        training: bool = False,
        probes: Sequence[NDArray[Any]] | None = None,
    ) -> tuple[NDArray[Any], State]:
        """Compute the signals of the last layer alone, shape (examples, outputs), and the state; see `forward`.

        Examples
        --------
        >>> network = Network.of(1, outputs=1, output="sigmoid")
        >>> parameters = ({"weights": np.array([[2.0]]), "bias": np.array([1.0])},)
        >>> network.signal(parameters, network.initial_state(), np.array([[3.0]]))[0]
        array([[7.]])
        """
        _, signal, after, _ = self._enter_last(parameters, state, x, rng, training, probes)
        return signal, after

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
        for number, place in enumerate(self.places, start=1):
            row = place.layer.activation_row
            if not row.learns:
                raise OptionError(
                    f"layer {number} of {len(self.places)} has the activation {row.name}, which decides and "
                    "cannot learn (its derivative is zero everywhere): train with tanh, and put sign in its "
                    "place to decide"
                )


def _counts(count: int, parameters: Parameters, state: State, probes: Sequence[Any] | None) -> str:
    if len(parameters) != count:
        return f"the network has {count} layers, but there are parameters for {len(parameters)}"
    if len(state) != count:
        return (
            f"the network has {count} layers, but there is a state for {len(state)}: network.initial_state() makes it"
        )
    return f"the network has {count} layers, but there are {len(probes or ())} probes"
