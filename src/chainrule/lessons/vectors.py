"""Parameters as one vector, for the lessons that go through all weights alike."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from chainrule import tree
from chainrule.nn import Network, Parameters, objective

__all__ = ["Vector", "as_vector", "objective_of_vector"]

Vector: TypeAlias = NDArray[Any]


def as_vector(parameters: Parameters) -> Vector:
    """Write all parameters one after the other.

    Parameters
    ----------
    parameters : tuple of dicts of arrays
        Of a network.

    Returns
    -------
    array, shape (parameters,)
        A new one.

    Examples
    --------
    >>> import numpy as np
    >>> as_vector(({"bias": np.zeros(2), "weights": np.ones((1, 2))},))
    array([0., 0., 1., 1.])
    """
    vector: Vector = tree.ravel(parameters)[0]
    return vector


def objective_of_vector(
    network: Network,
    loss: str,
    parameters: Parameters,
    X: Vector,
    T: Vector,
    regularizers: Sequence[Any] = (),
) -> Callable[[Vector], Any]:
    """Make the objective on some data a function of all parameters in one vector.

    Parameters
    ----------
    network : Network
        The network.
    loss : str
        Name of the loss.
    parameters : tuple of dicts of arrays
        In whose order and shapes the vector is taken apart.
    X : array, shape (examples, inputs)
        Inputs, of the dtype in which the objective is computed.
    T : array, shape (examples, outputs)
        Targets.
    regularizers : sequence of callables
        As for `chainrule.nn.objective`.

    Returns
    -------
    callable
        Takes a vector as `as_vector` makes it and returns a number; it can be differentiated and compiled.

    Examples
    --------
    >>> import numpy as np
    >>> network, x = Network.of(1, output="identity"), np.ones((1, 1))
    >>> start = network.initialize(0)
    >>> float(objective_of_vector(network, "squared", start, x, x)(np.array([0.5, 2.0])))
    2.25
    """
    _, layout = tree.ravel(tree.map(lambda leaf: leaf.astype(X.dtype), parameters))
    whole, state = objective(network, loss, regularizers), network.initial_state(X.dtype)

    def of_vector(vector: Vector) -> Any:
        return whole(layout.unravel(vector), state, X, T)[0]

    return of_vector
