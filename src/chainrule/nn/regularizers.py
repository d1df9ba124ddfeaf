"""Regularisers: what the objective adds to the cost to keep weights small.

Weights are the parameters of two or more dimensions, as for weight decay in `chainrule.optim`: those of dense layers,
and the vectors of embeddings. Biases, slopes, scales and shifts are left out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.nn.network import Parameters

__all__ = ["L1", "L2"]


def _check_strength(name: str, strength: float) -> float:
    strength = float(strength)
    if not 0 <= strength < math.inf:
        raise OptionError(f"the strength of {name} has to be a finite number of at least 0, found {strength}")
    return strength


def _weights(parameters: Parameters) -> Iterator[NDArray[Any]]:
    return (array for layer in parameters for array in layer.values() if array.ndim >= 2)


@dataclass(frozen=True)
class L1:
    """``strength * sum(|w|)`` over all weights: draws weights to exactly zero.

    The sum is not divided by the number of examples.

    Attributes
    ----------
    strength : float
        At least 0; otherwise OptionError.

    Examples
    --------
    >>> parameters = ({"weights": np.array([[1.0, -2.0]]), "bias": np.array([5.0, 5.0])},)
    >>> float(L1(0.1)(parameters).round(3))
    0.3
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", _check_strength("L1", self.strength))

    def __call__(self, parameters: Parameters) -> Any:
        """Compute the number that the objective adds."""
        return self.strength * sum(np.sum(np.abs(w)) for w in _weights(parameters))


@dataclass(frozen=True)
class L2:
    """``strength / 2 * sum(w**2)`` over all weights, so that the gradient is ``strength * w``.

    The sum is not divided by the number of examples.

    Attributes
    ----------
    strength : float
        At least 0; otherwise OptionError.

    Examples
    --------
    >>> parameters = ({"weights": np.array([[1.0, -2.0]]), "bias": np.array([5.0, 5.0])},)
    >>> float(L2(0.1)(parameters))
    0.25
    """

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", _check_strength("L2", self.strength))

    def __call__(self, parameters: Parameters) -> Any:
        """Compute the number that the objective adds."""
        return 0.5 * self.strength * sum(np.sum(np.square(w)) for w in _weights(parameters))
