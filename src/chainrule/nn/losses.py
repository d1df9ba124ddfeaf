"""Loss functions: one number for each example.

A loss takes outputs and targets, both of shape (examples, outputs), sums over the outputs and returns an
array of shape (examples,). Weights, mean or sum over the examples are applied in one place,
`chainrule.nn.objective`.

Where the loss of an output activation has a form that stays exact far out, that form takes the signal;
`chainrule.nn.example_losses` chooses it. The form by the activation stays there, so that dl/da and da/dz can
be read apart.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.lookup import look_up
from chainrule.nn.loss_row import CLASSES, COUNTS, NUMBERS, YES_OR_NO, Loss, LossFunction

__all__ = [
    "LOSSES",
    "Loss",
    "absolute",
    "binary_cross_entropy",
    "cross_entropy",
    "half_squared",
    "huber",
    "loss",
    "poisson",
    "squared",
]

Array: TypeAlias = NDArray[Any]


def _over_outputs(terms: Array) -> Array:
    total: Array = np.sum(terms, axis=1)
    return total


def squared(outputs: Array, targets: Array) -> Array:
    """Squared error, ``sum((a - t)**2)``.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> squared(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    array([5.])
    """
    return _over_outputs(np.square(outputs - targets))


def half_squared(outputs: Array, targets: Array) -> Array:
    """Half the squared error, ``sum((a - t)**2) / 2``, whose derivative is the plain error.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> half_squared(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    array([2.5])
    """
    return 0.5 * squared(outputs, targets)


def absolute(outputs: Array, targets: Array) -> Array:
    """Absolute error, ``sum(|a - t|)``; the derivative is 0 where the error is 0.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> absolute(np.array([[1.0, -2.0]]), np.array([[0.0, 0.0]]))
    array([3.])
    """
    return _over_outputs(np.abs(outputs - targets))


def huber(outputs: Array, targets: Array, delta: float = 1.0) -> Array:
    """Huber's loss: half the squared error up to `delta`, linear with slope `delta` beyond.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.
    delta : float
        Error at which the loss turns from square to linear.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> huber(np.array([[0.5], [3.0]]), np.array([[0.0], [0.0]]))
    array([0.125, 2.5  ])
    """
    error = outputs - targets
    # c * (e - c/2) is e*e/2 inside, where c = e, and delta*|e| - delta*delta/2 outside, where c = +-delta.
    # Nothing large is squared, and at the edge the derivative by c is 0: any share of the tie is right.
    clipped = np.clip(error, -delta, delta)
    return _over_outputs(clipped * (error - 0.5 * clipped))


def _times_log(targets: Array, outputs: Array) -> Array:
    # t * log(a), and 0 where t is 0, whatever a is.
    from scipy.special import xlogy

    product: Array = xlogy(targets, outputs)
    return product


def _minus_sum(terms: Array) -> Array:
    # Subtracted from 0, because -0.0 is no good way to print a perfect loss.
    return 0.0 - _over_outputs(terms)


def binary_cross_entropy(outputs: Array, targets: Array) -> Array:
    """Cross-entropy of independent yes-or-no outputs, ``-sum(t log a + (1 - t) log(1 - a))``.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> binary_cross_entropy(np.array([[0.5], [1.0]]), np.array([[1.0], [1.0]])).round(3)
    array([0.693, 0.   ])
    """
    return _minus_sum(_times_log(targets, outputs) + _times_log(1 - targets, 1 - outputs))


def _binary_cross_entropy_of_sigmoid(signals: Array, targets: Array) -> Array:
    # log_expit keeps the digits of small losses, which softplus(z) - t*z cancels away.
    from scipy.special import log_expit

    return _minus_sum(targets * log_expit(signals) + (1 - targets) * log_expit(-signals))


def cross_entropy(outputs: Array, targets: Array) -> Array:
    """Cross-entropy of classes that exclude each other, ``-sum(t log a)``.

    Targets are one-hot, or probabilities that sum to 1.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> cross_entropy(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])).round(3)
    array([0.693, 0.   ])
    """
    return _minus_sum(_times_log(targets, outputs))


def _cross_entropy_of_softmax(signals: Array, targets: Array) -> Array:
    # SciPy's function is the same, but takes a tenth of a second to import, where a fit may take less.
    from chainrule.library.special import log_softmax

    return _minus_sum(targets * log_softmax(signals, axis=-1))


def poisson(outputs: Array, targets: Array) -> Array:
    """Half the Poisson deviance, ``sum(t log(t / a) - t + a)``: outputs are positive rates, targets counts.

    It is the negative log-likelihood up to a constant of the targets, and 0 where outputs and targets agree.

    Parameters
    ----------
    outputs, targets : array, shape (examples, outputs)
        Activations of the last layer, and what they should be.

    Returns
    -------
    array, shape (examples,)
        The loss of each example.

    Examples
    --------
    >>> poisson(np.array([[1.0], [2.0]]), np.array([[0.0], [2.0]]))
    array([1., 0.])
    """
    return _over_outputs(_poisson_of_targets(targets) - _times_log(targets, outputs) + outputs)


def _poisson_of_exp(signals: Array, targets: Array) -> Array:
    return _over_outputs(_poisson_of_targets(targets) - targets * signals + np.exp(signals))


def _poisson_of_targets(targets: Array) -> Array:
    return _times_log(targets, targets) - targets


_SIGMOID = ACTIVATIONS["sigmoid"]
_SOFTMAX = ACTIVATIONS["softmax"]
_EXP = ACTIVATIONS["exp"]

LOSSES: dict[str, Loss] = {
    row.name: row
    for row in (
        Loss("squared", squared, NUMBERS),
        Loss("half_squared", half_squared, NUMBERS),
        Loss("absolute", absolute, NUMBERS),
        Loss("huber", huber, NUMBERS),
        Loss(
            "binary_cross_entropy",
            binary_cross_entropy,
            YES_OR_NO,
            (_SIGMOID, _SOFTMAX),
            {_SIGMOID: _binary_cross_entropy_of_sigmoid},
        ),
        Loss(
            "cross_entropy",
            cross_entropy,
            CLASSES,
            (_SOFTMAX,),
            {_SOFTMAX: _cross_entropy_of_softmax},
        ),
        Loss("poisson", poisson, COUNTS, (_EXP, ACTIVATIONS["softplus"]), {_EXP: _poisson_of_exp}),
    )
}


def loss(name: str | Loss | LossFunction) -> Loss:
    """Look up a loss by name, or make a row of a function.

    Parameters
    ----------
    name : str, Loss or callable
        A name in `LOSSES`; a row, returned as it is; or any NumPy function of outputs and targets that
        returns one number for each example and takes no decision on their values.

    Returns
    -------
    Loss
        The row.

    Raises
    ------
    OptionError
        Where no loss has this name; the message suggests the closest one.

    Examples
    --------
    >>> loss("squared").name
    'squared'
    >>> def fourth_power(outputs, targets):
    ...     return np.sum((outputs - targets) ** 4, axis=1)
    >>> loss(fourth_power).name
    'fourth_power'
    """
    if isinstance(name, Loss):
        return name
    if callable(name):
        return Loss(getattr(name, "__name__", repr(name)), name)
    return look_up("loss", LOSSES, name)
