"""What the lesson `symmetry` computes: networks that compute the same, and runs from equal and unequal units."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate import hessian
from chainrule.inspection import Backprop, backprop
from chainrule.lessons.vectors import Vector, as_vector, objective_of_vector
from chainrule.nn import L2, Dense, Dropout, Network, Parameters
from chainrule.optim import Transform, sgd
from chainrule.train import Fit, fit

__all__ = [
    "EPOCHS",
    "NETWORK",
    "PARTED",
    "RATE",
    "WITH_DROPOUT",
    "curvature",
    "disguises",
    "equal_units",
    "gap",
    "outputs",
    "parting_run",
    "seen",
    "trained",
]

NETWORK = Network.of(2, (2,), output="sigmoid")
WITH_DROPOUT = Network(2, (Dense(2, "tanh"), Dropout(0.2), Dense(1, "sigmoid")))
RATE, EPOCHS = 2.0, 3000
#: A gap at which units count as having parted.
PARTED = 0.1

_LOSS = "binary_cross_entropy"
_REGULARIZER = L2(5e-3)


def disguises(parameters: Parameters) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], Parameters]]:
    """All networks with one hidden layer of tanh units that differ from this one in order and signs of the units alone.

    Parameters
    ----------
    parameters : tuple of two dicts of arrays
        Of the hidden layer and of the output layer.

    Yields
    ------
    order : tuple of int
        Which unit stands at each place.
    signs : tuple of int
        1 or -1 for each: what the weights into it and out of it are multiplied by.
    parameters : tuple of two dicts of arrays
        The network.

    Examples
    --------
    >>> len(list(disguises(NETWORK.initialize(0))))
    8
    """
    hidden, output = parameters
    units = hidden["bias"].size
    for order in itertools.permutations(range(units)):
        for signs in itertools.product((1, -1), repeat=units):
            sign, at = np.array(signs), list(order)
            yield (
                order,
                signs,
                (
                    {"weights": hidden["weights"][:, at] * sign, "bias": hidden["bias"][at] * sign},
                    {"weights": output["weights"][at] * sign[:, None], "bias": output["bias"]},
                ),
            )


def equal_units(parameters: Parameters, apart: float = 0.0) -> Parameters:
    """Give every hidden unit the weights of the first one, but for one weight of the second.

    Parameters
    ----------
    parameters : tuple of two dicts of arrays
        Of the hidden layer and of the output layer.
    apart : float
        By how much of itself the first weight of the second unit differs.

    Returns
    -------
    tuple of two dicts of arrays
        New ones.
    """
    hidden, output = (dict(tree.map(np.copy, layer)) for layer in parameters)
    hidden["weights"][:] = hidden["weights"][:, :1]
    hidden["bias"][:] = hidden["bias"][0]
    output["weights"][:] = output["weights"][:1]
    hidden["weights"][0, 1] *= 1 + apart
    return hidden, output


def gap(parameters: Parameters) -> float:
    """How different the hidden units are: the spread of their weights about the mean unit, over the length of all."""
    hidden, output = parameters[0], parameters[-1]
    units = np.concatenate([hidden["weights"], hidden["bias"][None], output["weights"].T])
    return float(np.linalg.norm(units - np.mean(units, axis=1, keepdims=True)) / np.linalg.norm(units))


def outputs(network: Network, parameters: Parameters, X: Vector) -> Vector:
    """What a network makes of some data."""
    return np.asarray(network.apply(parameters, network.initial_state(), X)[0])


def seen(parameters: Parameters, X: Vector, T: Vector) -> Backprop:
    """The backward pass of the objective."""
    return backprop(NETWORK, X, T, parameters=parameters, loss=_LOSS, regularizers=[_REGULARIZER])


def curvature(parameters: Parameters, X: Vector, T: Vector) -> Vector:
    """Eigenvalues of the objective's Hessian by all weights, from the smallest."""
    whole = objective_of_vector(NETWORK, _LOSS, parameters, X, T, [_REGULARIZER])
    return np.asarray(np.linalg.eigvalsh(hessian(whole)(as_vector(parameters))))


def trained(
    start: Parameters,
    X: Vector,
    T: Vector,
    optimizer: Transform,
    epochs: int,
    *,
    network: Network = NETWORK,
    batch_size: int | None = None,
    callbacks: Any = (),
) -> Fit:
    """Minimise the objective."""
    return fit(
        network,
        start,
        _LOSS,
        X,
        T,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        regularizers=[_REGULARIZER],
        rng=0,
        callbacks=callbacks,
    )


def parting_run(
    start: Parameters, X: Vector, T: Vector, network: Network = NETWORK, epochs: int = EPOCHS
) -> dict[str, Any]:
    """Gradient descent, and how the units part.

    Returns
    -------
    dict
        ``parameters`` at the end; ``gaps``, shape (epochs + 1,), from the start on; ``parted``, the first epoch with a
        gap above `PARTED`, or None; ``objective``, shape (epochs,).
    """
    gaps = [gap(start)]
    callbacks = [lambda state: gaps.append(gap(state.parameters))]
    found = trained(start, X, T, sgd(RATE), epochs, network=network, callbacks=callbacks)
    above = np.array(gaps) > PARTED
    return {
        "parameters": found.parameters,
        "gaps": np.array(gaps),
        "parted": int(np.argmax(above)) if np.any(above) else None,
        "objective": np.array(found.history.arrays()["objective"]),
    }
