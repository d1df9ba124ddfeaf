"""The two ways down of the lesson `digits`: gradient descent, and stochastic gradient descent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import optim
from chainrule.nn import Network
from chainrule.nn.network import Parameters
from chainrule.train import Fit, TrainState, fit
from chainrule.train.evaluation import cost

__all__ = ["RATE", "Descent", "gradient_descent", "stochastic_gradient_descent"]

Array = NDArray[Any]

#: Of both ways, so that they differ in nothing else.
RATE = 0.02
#: Steps of gradient descent after which the error is looked at; of the stochastic one up to so many epochs.
_LOOKS = (*(m * 10**k for k in range(4) for m in (1, 2, 3, 5, 7)), 10_000)
_EPOCHS = 1000


@dataclass(frozen=True, eq=False)
class Descent:
    """One way down: after how many steps and examples seen E_in was how large, and where it ended.

    `objectives`, shape (epochs,), are the mean losses of the epochs, each image's before the step on it: of gradient
    descent that is E_in after no step, after one, and so on.
    """

    steps: Array
    examples: Array
    errors: Array
    objectives: Array
    parameters: Parameters

    @property
    def rises(self) -> int:
        """Epochs with a higher mean loss than the one before."""
        return int(np.count_nonzero(np.diff(self.objectives) > 0))


def gradient_descent(network: Network, start: Parameters, X: Array, T: Array) -> Descent:
    """Take steps over all examples."""
    way = _looked_at(network, start, X, T, _LOOKS)
    looks = np.array(_LOOKS)
    return Descent(
        looks, looks * len(X), np.array(way.errors), way.fit.history.arrays()["objective"], way.fit.parameters
    )


def stochastic_gradient_descent(network: Network, start: Parameters, X: Array, T: Array, seed: int) -> Descent:
    """Take a step for every example, in an order drawn anew for each epoch."""
    rng = np.random.default_rng(seed)
    # The first epoch in parts, so that it can be looked at after 1 step, 2, 3, 5 and so on.
    order, ends = rng.permutation(len(X)), [look for look in _LOOKS if look < len(X)]
    errors, parameters = [], start
    for rows in np.split(order, ends):
        way = _looked_at(network, parameters, X[rows], T[rows], (1,), 1, rng)
        parameters = way.fit.parameters
        errors.append(cost(network, "squared", parameters, way.fit.network_state, X, T))
    looks = [epochs for epochs in _LOOKS if epochs < _EPOCHS]
    way = _looked_at(network, parameters, X, T, looks, 1, rng)
    steps = np.array([*ends, len(X), *((1 + epochs) * len(X) for epochs in looks)])
    errors += way.errors
    return Descent(steps, steps, np.array(errors), way.fit.history.arrays()["objective"], way.fit.parameters)


class _Way(NamedTuple):
    """A run, and E_in after some of its epochs."""

    fit: Fit
    errors: list[float]


def _looked_at(
    network: Network,
    start: Parameters,
    X: Array,
    T: Array,
    looks: Sequence[int],
    batch_size: int | None = None,
    rng: np.random.Generator | None = None,
) -> _Way:
    state: Parameters | TrainState = start
    errors = []
    for epochs in looks:
        # It goes on from the state before, as if it had not stopped.
        found = fit(
            network, state, "squared", X, T, optimizer=optim.sgd(RATE), epochs=epochs, batch_size=batch_size, rng=rng
        )
        state = found.state
        errors.append(cost(network, "squared", found.parameters, found.network_state, X, T))
    return _Way(found, errors)
