"""Dropout: in training, units that are left out at random."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import OptionError
from chainrule.nn.activations import ACTIVATIONS, Activation
from chainrule.nn.layers import Arrays
from chainrule.random import RandomState, bernoulli

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout:
    """In training each activation is 0 with probability `rate`, and otherwise divided by ``1 - rate``.

    So its expectation is what came in, and outside of training it is what came in ("inverted" dropout). The signal is
    what comes in, the activation what is left of it.

    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, Dropout: a simple way to prevent neural
    networks from overfitting, 2014, section 10.

    Attributes
    ----------
    rate : float
        Probability with which a unit is left out, from 0 to below 1; one draw for each unit of each example.

    Raises
    ------
    OptionError
        For another rate.

    Examples
    --------
    >>> from chainrule.random import random_state
    >>> layer = Dropout(0.5)
    >>> layer.activate({}, np.ones((1, 6)), random_state(3), training=True)
    array([[2., 2., 2., 0., 0., 0.]])
    >>> layer.activate({}, np.ones((1, 6)), None, training=False)
    array([[1., 1., 1., 1., 1., 1.]])
    """

    rate: float

    kind: ClassVar[str] = "dropout"
    draws: ClassVar[bool] = True
    activation_row: ClassVar[Activation] = ACTIVATIONS["identity"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", float(self.rate))
        if not 0 <= self.rate < 1:
            raise OptionError(f"the rate of dropout has to be at least 0 and below 1, found {self.rate}")

    @property
    def text(self) -> str:
        """Kind and rate."""
        return f"{self.kind} {self.rate:g}"

    def units_out(self, inputs: int) -> int:
        """As many units as inputs."""
        return inputs

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """No parameters."""
        return {}

    def initialize(self, rng: np.random.Generator, inputs: int, dtype: DTypeLike) -> Arrays:
        """No parameters."""
        return {}

    def state_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """No state."""
        return {}

    def initial_state(self, inputs: int, dtype: DTypeLike) -> Arrays:
        """No state: the numbers follow from `rng`."""
        return {}

    def signal(
        self,
        parameters: Arrays,
        state: Arrays,
        x: NDArray[Any],
        rng: RandomState | None = None,
        training: bool = False,
    ) -> tuple[NDArray[Any], Arrays]:
        """Return what comes in."""
        return x, state

    def activate(
        self, parameters: Arrays, signal: NDArray[Any], rng: RandomState | None, training: bool
    ) -> NDArray[Any]:
        """Leave units out, in training.

        Parameters
        ----------
        parameters : dict
            Empty.
        signal : array, shape (examples, units)
            What comes in.
        rng : RandomState or None
            Where to draw from; needed in training.
        training : bool
            Whether units are left out.

        Returns
        -------
        array, shape (examples, units)
            ``signal / (1 - rate)`` where a draw of `chainrule.random.bernoulli` with probability ``1 - rate`` is true,
            and 0 elsewhere.

        Raises
        ------
        OptionError
            In training, without `rng`.
        """
        if not training:
            return signal
        if rng is None:
            raise OptionError(
                "dropout draws random numbers in training: give rng=chainrule.random.random_state(seed), or "
                "training=False"
            )
        keep = 1 - self.rate
        kept, _ = bernoulli(rng, signal.shape, keep)
        left: NDArray[Any] = np.where(kept, signal / keep, 0.0)
        return left
