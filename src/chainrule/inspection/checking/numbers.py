"""What the slips are computed from: the numbers of a right backward pass, layer by layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.differentiate import grad, vjp
from chainrule.inspection.layer_equations import normalised, statistics
from chainrule.inspection.opened import Opened
from chainrule.inspection.quantities import Backprop, LayerBackprop
from chainrule.nn import BatchNorm, LayerNorm
from chainrule.nn.layers import Dense

__all__ = ["Gradients", "Normalised", "Numbers", "can_walk", "numbers_of", "right"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Normalised:
    """What the slips of a normalisation are computed from.

    Attributes
    ----------
    inputs : array, shape (examples, units)
        Before they are scaled and shifted.
    deviation : array
        What they were divided by.
    scale : array, shape (units,)
        What they are multiplied by.
    by_example : bool
        Whether mean and deviation are those of the units of an example, and depend on the inputs.
    """

    inputs: Array
    deviation: Array
    scale: Array
    by_example: bool


@dataclass(frozen=True, eq=False)
class Numbers:
    """The quantities of a network, by the place of the layer, counted from 0.

    Attributes
    ----------
    shares : array, shape (examples, 1)
        What the loss of each example is multiplied by in the mean.
    inputs, signals, activations, slopes, sensitivities : tuple of arrays
        As `LayerBackprop` has them.
    slopes_at_activations : tuple of arrays or None
        The activation's derivative, evaluated at the activations; None where it is a matrix.
    names : tuple of str
        Of the activations.
    loss_by_output : array, shape (examples, outputs)
        Derivative of each example's loss by the outputs.
    weights, bias, penalties, bias_penalties : tuple of arrays
        Parameters, what the regularisers add to the gradients by the weights, and what they would add to those by the
        bias if it counted as a weight; None for a layer that is not dense.
    users : tuple of tuples of int
        Which layers a layer's activations go into: the next one, and sums of residual connections.
    pulls : tuple of functions
        Sensitivities of a layer to what goes back to its inputs.
    norms : tuple of Normalised or None
        Of the layers that normalise.
    """

    shares: Array
    inputs: tuple[Array, ...]
    signals: tuple[Array, ...]
    activations: tuple[Array, ...]
    slopes: tuple[Array, ...]
    slopes_at_activations: tuple[Array | None, ...]
    names: tuple[str, ...]
    sensitivities: tuple[Array, ...]
    loss_by_output: Array
    weights: tuple[Array | None, ...]
    bias: tuple[Array | None, ...]
    penalties: tuple[Array | None, ...]
    bias_penalties: tuple[Array | None, ...]
    users: tuple[tuple[int, ...], ...]
    pulls: tuple[Callable[[Array], Array], ...]
    norms: tuple[Normalised | None, ...]

    @property
    def last(self) -> int:
        """Place of the last layer."""
        return len(self.weights) - 1

    @property
    def places(self) -> tuple[int, ...]:
        """Places of the dense layers."""
        return tuple(k for k, w in enumerate(self.weights) if w is not None)


@dataclass(frozen=True, eq=False)
class Gradients:
    """What a backward pass gives for one layer, a right one or a slipped one.

    Attributes
    ----------
    sensitivities : array, shape (examples, units)
        Of each example's own loss.
    parameters : dict of arrays
        Derivative of the mean loss, without regularisers, by each parameter.
    penalties : dict of arrays
        What the regularisers add to them.
    """

    sensitivities: Array
    parameters: dict[str, Array]
    penalties: dict[str, Array]


def can_walk(seen: Backprop) -> bool:
    """Whether all weights are those of dense layers, of which the slips are known."""
    return all(isinstance(one.layer, Dense) or "weights" not in one.gradients for one in seen.layers)


def right(seen: Backprop) -> tuple[Gradients, ...]:
    """The gradients of a pass as they are, those of regularisers apart."""
    found = []
    for one in seen.layers:
        zeros = {name: np.zeros_like(x) for name, x in one.gradients.items()}
        penalties = {**zeros, **one.penalties}
        data = {name: x - penalties[name] for name, x in one.gradients.items()}
        found.append(Gradients(one.sensitivities, data, penalties))
    return tuple(found)


def numbers_of(parts: Opened, seen: Backprop) -> Numbers:
    """Take out of a pass what the slips are computed from."""
    layers = seen.layers
    count = len(seen.losses)
    weights = np.ones(count) if seen.weights is None else seen.weights
    gradients = right(seen)
    return Numbers(
        shares=(weights / seen.total)[:, np.newaxis],
        inputs=tuple(np.asarray(one.inputs, one.signals.dtype) for one in layers),
        signals=tuple(one.signals for one in layers),
        activations=tuple(one.activations for one in layers),
        slopes=tuple(one.slope for one in layers),
        slopes_at_activations=tuple(_slope_at_activations(one) for one in layers),
        names=tuple(one.layer.activation_row.name for one in layers),
        sensitivities=tuple(one.sensitivities for one in layers),
        loss_by_output=seen.loss_by_output,
        weights=tuple(one.parameters.get("weights") for one in layers),
        bias=tuple(one.parameters.get("bias") for one in layers),
        penalties=tuple(one.penalties.get("weights") for one in gradients),
        bias_penalties=tuple(
            _bias_penalty(parts, one.parameters["bias"]) if "bias" in one.parameters else None for one in layers
        ),
        users=tuple(
            tuple(j for j, other in enumerate(layers) if k + 1 in (other.number - 1, other.skip))
            for k in range(len(layers))
        ),
        pulls=tuple(_pull(one) for one in layers),
        norms=tuple(_normalised(one) for one in layers),
    )


def _pull(one: LayerBackprop) -> Callable[[Array], Array]:
    inputs = np.asarray(one.inputs, one.signals.dtype)
    _, pull_back = vjp(one._signal, inputs)

    def pull(delta: Array) -> Array:
        found: Array = pull_back(np.asarray(delta, inputs.dtype))[0]
        return found

    return pull


def _normalised(one: LayerBackprop) -> Normalised | None:
    if not isinstance(one.layer, BatchNorm | LayerNorm):
        return None
    _, deviation, axis = statistics(one)
    return Normalised(normalised(one), np.asarray(deviation), one.parameters["scale"], axis is not None)


def _slope_at_activations(one: Any) -> Array | None:
    if one.slope.ndim == 3:
        return None
    value, pull_back = vjp(lambda s: one.layer.activate(one.parameters, s, None, False), one.activations)
    found: Array = pull_back(np.ones_like(value))[0]
    return found


def _bias_penalty(parts: Opened, bias: Array) -> Any:
    """What the regularisers add to the gradient of a bias that is laid out as weights, which they count."""
    if not parts.regularizers:
        return np.zeros_like(bias)
    found = grad(lambda p: sum(one(({"weights": p},)) for one in parts.regularizers))(bias[np.newaxis])
    return np.asarray(found)[0]
