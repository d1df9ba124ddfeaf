"""Losses whose targets carry the weight of each example, so that whatever picks minibatches picks the weights too."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.nn.loss_row import Loss

__all__ = ["weighted", "with_weights"]


def weighted(loss: Loss) -> Loss:
    """Make a loss whose targets carry the weight of each example in one more column.

    Parameters
    ----------
    loss : Loss
        A row of the table of losses.

    Returns
    -------
    Loss
        The same losses, each times the weight of its example. What targets have to be is not checked by it: check them
        with `loss`.

    Examples
    --------
    >>> from chainrule.nn.losses import LOSSES
    >>> twice = weighted(LOSSES["half_squared"])
    >>> twice(np.array([[1.0], [1.0]]), np.array([[0.0, 2.0], [0.0, 1.0]]))
    array([1. , 0.5])
    """

    def times(of: Callable[..., Any]) -> Callable[..., Any]:
        def weighted_loss(outputs: Any, targets: Any) -> Any:
            return targets[:, -1] * of(outputs, targets[:, :-1])

        return weighted_loss

    forms = {row: times(function) for row, function in loss.from_signal.items()}
    return replace(loss, function=times(loss.function), targets=None, from_signal=forms, weighted=True)


def with_weights(targets: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Put the weight of each example into one more column of the targets, for a loss that `weighted` made.

    Parameters
    ----------
    targets : array, shape (examples, outputs)
        Targets.
    weights : array, shape (examples,)
        Their weights.

    Returns
    -------
    array, shape (examples, outputs + 1)
        In the type of the targets.

    Examples
    --------
    >>> with_weights(np.array([[0.0], [1.0]]), np.array([0.5, 2.0]))
    array([[0. , 0.5],
           [1. , 2. ]])
    """
    return np.column_stack([targets, weights.astype(targets.dtype)])
