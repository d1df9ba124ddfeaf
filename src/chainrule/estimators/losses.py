"""The losses of estimators: scikit-learn's names, and functions of one's own."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.nn import Loss
from chainrule.nn.loss_row import NUMBERS
from chainrule.nn.losses import LOSSES, huber
from chainrule.nn.losses import loss as loss_row

__all__ = ["REGRESSION", "check_coupling", "quantile", "regression_loss"]

#: Names of the losses of a regressor, and the activation of the outputs that each comes with.
REGRESSION = {
    "squared_error": "identity",
    "absolute_error": "identity",
    "huber": "identity",
    "quantile": "identity",
    "poisson": "exp",
}
_KNOWN = {"squared_error": "half_squared", "absolute_error": "absolute", "poisson": "poisson"}
#: Examples on which a function is tried.
_TRIED = 8


def quantile(outputs: NDArray[Any], targets: NDArray[Any], q: float) -> NDArray[Any]:
    """Pinball loss, ``sum(max(q * (t - a), (q - 1) * (t - a)))``, least where a is the quantile q of the targets.

    R. Koenker and G. Bassett, Regression quantiles, Econometrica 46(1), 1978.

    Examples
    --------
    >>> quantile(np.array([[0.0], [0.0]]), np.array([[1.0], [-1.0]]), 0.75)
    array([0.75, 0.25])
    """
    error = targets - outputs
    # q * e + max(-e, 0) is both branches; relu written as half of |e| - e has derivative q - 1/2 where e is 0.
    loss: NDArray[Any] = np.sum(q * error + 0.5 * (np.abs(error) - error), axis=1)
    return loss


def regression_loss(name: str | Callable[..., Any], q: float, delta: float) -> Loss:
    """Make the row of a regressor's loss.

    Parameters
    ----------
    name : str or callable
        A name in `REGRESSION`, or a function of outputs and targets.
    q : float
        The quantile of "quantile".
    delta : float
        Error at which "huber" turns from square to linear.

    Returns
    -------
    Loss
        Its name tells rows with other numbers apart.

    Examples
    --------
    >>> regression_loss("quantile", 0.9, 1.0).name
    'quantile(0.9)'
    """
    if name == "huber":
        return Loss(f"huber({delta!r})", partial(huber, delta=float(delta)), NUMBERS)
    if name == "quantile":
        return Loss(f"quantile({q!r})", partial(quantile, q=float(q)), NUMBERS)
    return LOSSES[_KNOWN[name]] if isinstance(name, str) else loss_row(name)


def check_coupling(loss: Loss, outputs: NDArray[Any], targets: NDArray[Any], why: str | None) -> None:
    """Refuse a function of one's own that takes examples together, where it is given weights or a part of them.

    Parameters
    ----------
    loss : Loss
        The loss.
    outputs, targets : array
        Some outputs and targets.
    why : str or None
        What would make such a function wrong; None where nothing does.

    Raises
    ------
    ValueError
        Where the loss of an example changes with the other examples.

    Examples
    --------
    >>> ranks = Loss("ranks", lambda outputs, targets: np.sum(outputs - np.mean(outputs), axis=1))
    >>> check_coupling(ranks, np.array([[0.0], [1.0]]), np.zeros((2, 1)), "sample_weight was given")
    Traceback (most recent call last):
        ...
    ValueError: the loss ranks of an example changes with the other examples, and sample_weight was given: write it
    for each example by itself, or fit with all examples at once (batch_size) and without weights
    """
    if why is None or loss.name in LOSSES:
        return
    # Outputs that differ, since those of a network that has learned nothing may be all the same.
    outputs = outputs[:_TRIED] + np.linspace(0, 0.1, len(outputs[:_TRIED]), dtype=outputs.dtype)[:, np.newaxis]
    targets = targets[:_TRIED]
    together = np.asarray(loss(outputs, targets))
    alone = np.concatenate([loss(outputs[k : k + 1], targets[k : k + 1]) for k in range(len(outputs))])
    if not np.allclose(together, alone, rtol=1e-4, equal_nan=True):
        raise ValueError(
            f"the loss {loss.name} of an example changes with the other examples, and {why}: write it for each example "
            "by itself, or fit with all examples at once (batch_size) and without weights"
        )
