"""Inputs of any number of rows, part by part through a network, so that little memory does."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from chainrule.nn import Dense, Network, Parameters, State

__all__ = ["dense", "outputs", "parts"]

#: Numbers in the widest layer that are held at a time: 8 MB in float64.
_PART = 1 << 20


def dense(X: Any) -> NDArray[Any]:
    """Make a sparse matrix dense, and leave an array as it is."""
    found: NDArray[Any] = X.toarray() if issparse(X) else X
    return found


def parts(X: Any, network: Network, *, sparse: bool = False) -> Iterator[Any]:
    """Rows of a matrix, as many at a time as go through a network in little memory.

    Those of a sparse one become dense, unless they may stay as they are: a dense layer multiplies sparse rows, too.
    """
    stays = sparse and issparse(X) and isinstance(network.layers[0], Dense)
    widest = max(0 if stays else network.inputs, *(place.units for place in network.places))
    size = max(1, _PART // widest)
    for begin in range(0, X.shape[0], size):
        rows = X[begin : begin + size]
        yield rows if stays else dense(rows)


def outputs(network: Network, parameters: Parameters, state: State, X: Any, *, signals: bool = False) -> NDArray[Any]:
    """Outputs of a network for checked inputs, or the signals before their activation.

    Parameters
    ----------
    network : Network
        The network.
    parameters, state : tuple of dicts of arrays
        Its parameters and its state.
    X : array or sparse matrix, shape (examples, inputs)
        Inputs.
    signals : bool
        Whether the signals are wanted.

    Returns
    -------
    array, shape (examples, outputs)
        What is too large to be a number is infinite or NaN.
    """
    compute = network.signal if signals else network.apply
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        found = [compute(parameters, state, x)[0] for x in parts(X, network, sparse=True)]
    return found[0] if len(found) == 1 else np.concatenate(found)
