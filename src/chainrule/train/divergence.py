"""Numbers that are not finite: the quick test after every step, and the error that says where they began."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DivergenceError
from chainrule.nn import Loss, Network, Parameters, State, example_losses
from chainrule.random import RandomState

__all__ = ["Place", "all_finite", "bad_gradient", "bad_loss"]


def all_finite(arrays: Iterable[NDArray[Any]]) -> bool:
    """Tell whether every number is finite.

    Examples
    --------
    >>> all_finite([np.ones(3), np.array([1e30])]), all_finite([np.array([np.nan])])
    (True, False)
    """
    with np.errstate(all="ignore"):
        for array in arrays:
            flat = array.reshape(-1)
            # The sum of squares is one pass without a temporary array. It may overflow, so a second look decides.
            if not math.isfinite(flat.dot(flat)) and not np.isfinite(flat).all():
                return False
    return True


@dataclass(frozen=True)
class Place:
    """Where in a run something happened, for messages.

    Attributes
    ----------
    step : int
        Number of the step, from 0.
    epoch : int
        Number of the epoch, from 1.
    rate : float or None
        Rate of the step.
    held_out : bool
        Whether the examples are the held-out ones.
    """

    step: int
    epoch: int
    rate: float | None
    held_out: bool = False


def bad_loss(
    network: Network,
    loss: Loss,
    parameters: Parameters,
    state: State,
    x: NDArray[Any],
    targets: NDArray[Any],
    place: Place,
    rng: RandomState | None = None,
    training: bool = False,
) -> DivergenceError:
    """Build the error for an objective that is not finite.

    Parameters
    ----------
    network : Network
        The network.
    loss : Loss
        Its loss.
    parameters, state : tuple of dicts of arrays
        Finite parameters, and the state of the network, with which the objective was computed.
    x, targets : array
        The examples on which it was computed.
    place : Place
        When that was.
    rng, training
        As they were given to the network.

    Returns
    -------
    DivergenceError
        It names the first layer whose signals or activations are not finite, or says that it is the loss.
    """
    with np.errstate(all="ignore"):
        passes, _ = network.forward(parameters, state, x, rng, training)
        for number, (layer, one) in enumerate(zip(network.places, passes, strict=True), start=1):
            for word, values in (("signals", one.signal), ("activations", one.activation)):
                bad = values.size - np.count_nonzero(np.isfinite(values))
                if bad:
                    found = (
                        f"{bad} of the {values.size} {word} of {_named(network, number)} are NaN or infinite"
                        f", the first in the network that are ({layer.layer.activation_row.name})"
                    )
                    return _error(found, number, place, x)
        losses, _ = example_losses(network, loss, parameters, state, x, targets, rng, training)
    bad = losses.size - np.count_nonzero(np.isfinite(losses))
    if bad:
        found = (
            f"the loss {loss.name} of {bad} of {losses.size} examples is NaN or infinite, while the signals "
            "and activations of all layers are finite"
        )
    else:
        found = "the objective is NaN or infinite, while the losses of all examples are finite"
    return _error(found, None, place, x)


def bad_gradient(
    network: Network, gradients: Parameters, updated: Parameters, state: State, x: NDArray[Any], place: Place
) -> DivergenceError:
    """Build the error for a step after which parameters or state are not finite, while the objective was.

    Parameters
    ----------
    network : Network
        The network.
    gradients, updated : tuple of dicts of arrays
        Gradients of the step, and the parameters after it.
    state : tuple of dicts of arrays
        State of the network after the step.
    x : array
        Inputs of the step.
    place : Place
        When that was.

    Returns
    -------
    DivergenceError
        It names the layer where a gradient, or else a parameter or an array of the state, is not finite: the last
        such layer, because the backward pass comes to it first.
    """
    for word, arrays in (("the gradient by", gradients), ("the update of", updated), ("the update of", state)):
        for number in range(len(network.places), 0, -1):
            for name, values in arrays[number - 1].items():
                if not np.isfinite(values).all():
                    what = f"{word} the {name} of {_named(network, number)}"
                    found = f"the objective is finite, but {what} is NaN or infinite"
                    return _error(found, number, place, x)
    raise AssertionError("all gradients, parameters and states are finite")


def _named(network: Network, number: int) -> str:
    return f"layer {number} of {len(network.places)}"


def _error(found: str, layer: int | None, place: Place, x: NDArray[Any]) -> DivergenceError:
    where = f"at step {place.step} (epoch {place.epoch}){' on the held-out data' if place.held_out else ''}"
    rate = "" if place.rate is None else f" (it was {place.rate:g})"
    largest = float(np.max(np.abs(x), initial=0.0))
    return DivergenceError(
        f"training diverged {where}: {found}. Lower the rate{rate}, clip the norm of the gradients, or scale "
        f"the inputs (the largest has size {largest:.3g})",
        layer=layer,
        step=place.step,
    )
