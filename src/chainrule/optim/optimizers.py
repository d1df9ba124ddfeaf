"""Optimisers by name: short chains of gradient transforms."""

from collections.abc import Callable
from functools import partial

from chainrule.errors import OptionError
from chainrule.nn.lookup import look_up
from chainrule.optim.schedules import Schedule
from chainrule.optim.transforms import (
    Transform,
    add_decayed_weights,
    chain,
    scale_by_adam,
    scale_by_rate,
)
from chainrule.optim.transforms import momentum as accumulate

__all__ = ["OPTIMIZERS", "adam", "adamw", "optimizer", "sgd"]


def sgd(rate: float | Schedule = 0.1, momentum: float = 0.0, nesterov: bool = False) -> Transform:
    """Gradient descent; stochastic where the gradients are those of minibatches.

    Parameters
    ----------
    rate : float or callable
        Rate or schedule.
    momentum : float
        Part of the velocity left after a step, at least 0 and below 1; with 0 there is no velocity.
    nesterov : bool
        Whether momentum looks one step ahead.

    Returns
    -------
    Transform
        The optimiser.

    Raises
    ------
    OptionError
        For a number out of its range, and for `nesterov` without momentum.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0])
    >>> descent = sgd(0.1)
    >>> updates, state = descent.update(2 * w, descent.init(w), w)
    >>> updates
    array([-0.2])
    """
    if momentum == 0:
        if nesterov:
            raise OptionError("nesterov needs momentum, found momentum 0: give for example momentum=0.9")
        return scale_by_rate(rate)
    return chain(accumulate(momentum, nesterov), scale_by_rate(rate))


def adam(rate: float | Schedule = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Transform:
    """Adam: every parameter at a pace of its own; see `scale_by_adam`.

    Parameters
    ----------
    rate : float or callable
        Rate or schedule: about the size of a step of each parameter.
    b1, b2 : float
        Decay of the running mean of the gradients and of the squared gradients, at least 0 and below 1.
    eps : float
        Added to the root of the mean square, positive.

    Returns
    -------
    Transform
        The optimiser.

    Raises
    ------
    OptionError
        For a number out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 100.0])
    >>> paced = adam(0.1)
    >>> updates, state = paced.update(2 * w, paced.init(w), w)
    >>> updates.round(3)
    array([-0.1, -0.1])
    """
    return chain(scale_by_adam(b1, b2, eps), scale_by_rate(rate))


def adamw(
    rate: float | Schedule = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    decay: float = 1e-2,
) -> Transform:
    """Adam with weight decay that is not divided by the root of the mean square.

    Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2. The decay of a step is
    ``rate * decay * weights``; biases and slopes are left out.

    Parameters
    ----------
    rate : float or callable
        Rate or schedule.
    b1, b2 : float
        Decay of the running mean of the gradients and of the squared gradients, at least 0 and below 1.
    eps : float
        Added to the root of the mean square, positive.
    decay : float
        Strength of the weight decay, at least 0.

    Returns
    -------
    Transform
        The optimiser.

    Raises
    ------
    OptionError
        For a number out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([[1.0]])
    >>> decayed = adamw(0.1, decay=0.5)
    >>> updates, state = decayed.update(0 * w, decayed.init(w), w)
    >>> updates
    array([[-0.05]])
    """
    return chain(scale_by_adam(b1, b2, eps), add_decayed_weights(decay), scale_by_rate(rate))


OPTIMIZERS: dict[str, Callable[..., Transform]] = {
    "sgd": sgd,
    # With decay 0.9 the velocity of a steady gradient grows to ten times it.
    "momentum": partial(sgd, rate=0.01, momentum=0.9),
    "nesterov": partial(sgd, rate=0.01, momentum=0.9, nesterov=True),
    "adam": adam,
    "adamw": adamw,
}
"""Optimisers by name; each takes ``rate=`` and has a rate of its own for where none is given."""


def optimizer(name: str) -> Callable[..., Transform]:
    """Look up an optimiser by name.

    Parameters
    ----------
    name : str
        A name in `OPTIMIZERS`.

    Returns
    -------
    callable
        Takes ``rate=`` and what else the optimiser has, and makes it.

    Raises
    ------
    OptionError
        Where no optimiser has this name; the message suggests the closest one.

    Examples
    --------
    >>> optimizer("adam")(rate=0.01).rate(0)
    0.01
    """
    return look_up("optimiser", OPTIMIZERS, name)
