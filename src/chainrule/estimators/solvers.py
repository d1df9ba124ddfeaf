"""The steps of scikit-learn's solvers as gradient transforms.

Their numbers (rate, decays) are part of the state and not of the code, so that one translation to machine code serves
every setting, and a schedule changes the rate between epochs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.optim import Transform
from chainrule.optim.schedules import Schedule

__all__ = ["adam", "rate_of", "sgd", "with_rate"]

Tree = Any


def _zeros(parameters: Tree) -> Tree:
    return tree.map(np.zeros_like, parameters)


def _held(numbers: dict[str, float]) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(float(number)) for name, number in numbers.items()}


def _times(number: NDArray[Any], arrays: Tree) -> Tree:
    """Multiply arrays by a number, in their own precision."""
    return tree.map(lambda x: number.astype(x.dtype) * x, arrays)


def _plus(a: Tree, b: Tree) -> Tree:
    return tree.map(lambda x, y: x + y, a, b)


def _rate(state: Tree, schedule: Schedule | None) -> Any:
    """The rate of a step: that of a schedule, or the one in the state."""
    if schedule is None:
        return state["rate"]
    now: Any = schedule(state["step"])
    return now if hasattr(now, "astype") else np.asarray(float(now))


def sgd(rate: float, momentum: float, nesterov: bool, schedule: Schedule | None = None) -> Transform:
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    rate : float
        The first rate; `with_rate` puts another one into the state.
    momentum : float
        Part of the velocity that is left after a step, from 0 to 1.
    nesterov : bool
        Whether to look one step ahead.
    schedule : callable, optional
        From the step, counted from 0, to the rate, in place of `rate`.

    Returns
    -------
    Transform
        ``velocity = momentum * velocity - rate * gradients``; updates are the velocity, or with `nesterov` ``momentum *
        velocity - rate * gradients``. Unlike in `chainrule.optim.momentum`, the velocity holds the rates it was made
        with, which matters where the rate changes.

    Examples
    --------
    >>> heavy = sgd(0.5, momentum=0.5, nesterov=False)
    >>> w = np.array([1.0])
    >>> updates, state = heavy.update(np.array([1.0]), heavy.init(w), w)
    >>> heavy.update(np.array([1.0]), state, w)[0]
    array([-0.75])
    """

    def init(parameters: Tree) -> Tree:
        numbers = {"rate": rate, "momentum": momentum, "step": 0.0}
        return {**_held(numbers), "velocity": _zeros(parameters)}

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        downhill = _times(-_rate(state, schedule), gradients)
        velocity = _plus(_times(state["momentum"], state["velocity"]), downhill)
        updates = _plus(_times(state["momentum"], velocity), downhill) if nesterov else velocity
        return updates, {**state, "step": state["step"] + 1.0, "velocity": velocity}

    return Transform(init, update, schedule or (lambda step: rate))


def adam(rate: float, beta_1: float, beta_2: float, epsilon: float, schedule: Schedule | None = None) -> Transform:
    """Adam in the second form of its paper, with the bias corrections in the rate.

    Parameters
    ----------
    rate : float
        The rate.
    beta_1, beta_2 : float
        Decay of the running mean of the gradients and of the squared gradients, at least 0 and below 1.
    epsilon : float
        Added to the root.
    schedule : callable, optional
        As for `sgd`.

    Returns
    -------
    Transform
        Updates are ``-rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)`` at step t = 1, 2, ...;
        Kingma and Ba, Adam: a method for stochastic optimization, 2015, the remark before section 2.1. With the same
        epsilon it differs slightly from `chainrule.optim.adam`, which is algorithm 1.

    Examples
    --------
    >>> transform = adam(0.1, 0.9, 0.999, 1e-8)
    >>> w = np.zeros(2)
    >>> transform.update(np.array([100.0, 0.01]), transform.init(w), w)[0].round(3)
    array([-0.1, -0.1])
    """

    def init(parameters: Tree) -> Tree:
        numbers = {"rate": rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon, "step": 0.0}
        return {**_held(numbers), "mean": _zeros(parameters), "square": _zeros(parameters)}

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        step, b1, b2 = state["step"] + 1.0, state["beta_1"], state["beta_2"]
        mean = _plus(_times(b1, state["mean"]), _times(1.0 - b1, gradients))
        square = _plus(_times(b2, state["square"]), _times(1.0 - b2, tree.map(np.square, gradients)))
        now = -_rate(state, schedule) * np.sqrt(1.0 - b2**step) / (1.0 - b1**step)
        updates = tree.map(
            lambda m, v: now.astype(m.dtype) * m / (np.sqrt(v) + state["epsilon"].astype(v.dtype)), mean, square
        )
        return updates, {**state, "step": step, "mean": mean, "square": square}

    return Transform(init, update, schedule or (lambda step: rate))


def with_rate(optimizer: Tree, rate: float) -> Tree:
    """Put another rate into the state of one of these transforms.

    Parameters
    ----------
    optimizer : dict, or tuple that ends with one
        The state, alone or after those of other transforms; it stays as it is.
    rate : float
        The rate of the steps that follow.

    Returns
    -------
    dict or tuple
        The state with the rate.

    Examples
    --------
    >>> state = sgd(0.5, momentum=0.0, nesterov=False).init(np.array([1.0]))
    >>> with_rate(state, 0.1)["rate"]
    array(0.1)
    """
    if isinstance(optimizer, tuple):
        return (*optimizer[:-1], with_rate(optimizer[-1], rate))
    return {**optimizer, "rate": np.asarray(float(rate))}


def rate_of(optimizer: Tree) -> float:
    """Read the rate that `with_rate` puts in.

    Examples
    --------
    >>> rate_of(sgd(0.5, momentum=0.0, nesterov=False).init(np.array([1.0])))
    0.5
    """
    return float((optimizer[-1] if isinstance(optimizer, tuple) else optimizer)["rate"])
