"""The objective: cost plus regularisers; here, and only here, are losses weighted and averaged or summed."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.losses import Loss
from chainrule.nn.losses import loss as loss_row
from chainrule.nn.network import Network, Parameters, State
from chainrule.random import RandomState

__all__ = ["Regularizer", "example_losses", "objective"]

Array: TypeAlias = NDArray[Any]
Regularizer: TypeAlias = Callable[[Parameters], Any]
LossLike: TypeAlias = str | Loss | Callable[[Array, Array], Array]


def example_losses(
    network: Network,
    loss: LossLike,
    parameters: Parameters,
    state: State,
    x: Array,
    targets: Array,
    rng: RandomState | None = None,
    training: bool = False,
    probes: Sequence[Array] | None = None,
) -> tuple[Array, State]:
    """Loss of each example, in the form that is most exact for the network's output activation; and the state.

    Parameters
    ----------
    network : Network
        The network.
    loss : str, Loss or callable
        As for `chainrule.nn.losses.loss`.
    parameters, state : tuple of dicts of arrays
        Parameters and state of the network.
    x : array, shape (examples, inputs)
        Inputs.
    targets : array, shape (examples, outputs)
        Targets.
    rng, training, probes
        As for `Network.forward`.

    Returns
    -------
    losses : array, shape (examples,)
        One number for each example.
    state : tuple of dicts of arrays
        The state of the network afterwards.

    Raises
    ------
    DataError
        Where the shapes of `x` or `targets` do not fit.
    OptionError
        For an unknown loss, one that does not fit the output activation, or one that does not return one
        number for each example.

    Examples
    --------
    >>> network = Network.of(1, output="sigmoid")
    >>> parameters = ({"weights": np.array([[1.0]]), "bias": np.array([0.0])},)
    >>> x, t = np.array([[-800.0], [800.0]]), np.array([[1.0], [1.0]])
    >>> losses, state = example_losses(
    ...     network, "binary_cross_entropy", parameters, network.initial_state(), x, t
    ... )
    >>> losses
    array([800.,   0.])
    """
    row, output = loss_row(loss), network.places[-1].layer.activation_row
    row.check_output(output)
    if output in row.from_signal:
        signal, after = network.signal(parameters, state, x, rng, training, probes)
        return row.of_signal(signal, output, targets), after
    passes, after = network.forward(parameters, state, x, rng, training, probes)
    return row(passes[-1].activation, targets), after


def objective(
    network: Network,
    loss: LossLike,
    regularizers: Iterable[Regularizer] = (),
    reduction: Literal["mean", "sum"] = "mean",
) -> Callable[..., Any]:
    """Make the function that training minimises.

    Parameters
    ----------
    network : Network
        The network.
    loss : str, Loss or callable
        As for `chainrule.nn.losses.loss`.
    regularizers : iterable of callables
        Functions of the parameters, such as `L1` and `L2`, added to the cost as they are: they are not
        divided by the number of examples.
    reduction : {"mean", "sum"}
        Whether the cost is the mean or the sum of the losses of the examples.

    Returns
    -------
    callable
        ``f(parameters, state, x, targets, rng=None, training=False, weights=None, probes=None)``, which gives a
        scalar and the state of the network afterwards: differentiate it with ``has_aux=True``. `rng`, `training` and
        `probes` are as for `Network.forward`. `weights`, shape (examples,), multiply the losses; the mean is then
        ``sum(weights * losses) / sum(weights)``.

    Raises
    ------
    OptionError
        Where the network cannot be trained through, the loss is unknown or does not fit the output
        activation, or `reduction` is neither of the two.

    Examples
    --------
    >>> network = Network.of(1)
    >>> f = objective(network, "squared", [lambda parameters: 10.0])
    >>> parameters = ({"weights": np.array([[1.0]]), "bias": np.array([0.0])},)
    >>> value, state = f(parameters, network.initial_state(), np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]))
    >>> float(value)
    15.0
    """
    network.check_trainable()
    row = loss_row(loss)
    row.check_output(network.places[-1].layer.activation_row)
    if reduction not in ("mean", "sum"):
        raise OptionError(f"reduction has to be 'mean' or 'sum', found {reduction!r}")
    regularizers = tuple(regularizers)

    def total(
        parameters: Parameters,
        state: State,
        x: Array,
        targets: Array,
        rng: RandomState | None = None,
        training: bool = False,
        weights: Array | None = None,
        probes: Sequence[Array] | None = None,
    ) -> tuple[Any, State]:
        losses, after = example_losses(network, row, parameters, state, x, targets, rng, training, probes)
        value = _cost(losses, weights, reduction)
        for regularizer in regularizers:
            value = value + regularizer(parameters)
        return value, after

    return total


def _cost(losses: Array, weights: Array | None, reduction: str) -> Any:
    if losses.shape[0] == 0 and reduction == "mean":
        raise DataError("the mean loss of no examples is undefined: x and targets have no rows")
    if weights is None:
        return np.mean(losses) if reduction == "mean" else np.sum(losses)
    if not hasattr(weights, "shape"):
        weights = np.asarray(weights)
    if weights.shape != losses.shape:
        raise DataError(f"weights need one number for each example, shape {losses.shape}, found shape {weights.shape}")
    weighted = np.sum(weights * losses)
    return weighted / np.sum(weights) if reduction == "mean" else weighted
