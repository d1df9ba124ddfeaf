"""The orders of examples that scikit-learn draws, as a function of the epoch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Orders"]

#: Rows of orders that are kept for who asks again: 4 MB of them.
_KEPT = 1 << 19


class Orders:
    """Orders of examples, each a shuffle of the one before, with the draws of scikit-learn.

    Parameters
    ----------
    count : int
        Number of examples.
    rng : numpy.random.RandomState
        What they are drawn from, from the first time that one is asked for; nothing else draws from it then, until
        `end`.

    Examples
    --------
    >>> orders = Orders(4, np.random.RandomState(0))
    >>> orders.of(0), orders.of(1), orders.of(0)
    (array([2, 3, 1, 0]), array([2, 1, 3, 0]), array([2, 3, 1, 0]))
    """

    def __init__(self, count: int, rng: np.random.RandomState) -> None:
        self._count, self._rng = count, rng
        self._begin: dict[str, Any] | None = None
        self._last = np.arange(count)
        self._drawn = 0
        self._kept: dict[int, NDArray[np.intp]] = {}

    def of(self, epoch: int) -> NDArray[np.intp]:
        """The order in an epoch, counted from 0."""
        if epoch in self._kept:
            return self._kept[epoch]
        if self._begin is None:
            self._begin = self._rng.get_state(legacy=False)
        if epoch < self._drawn:
            # Back to an epoch of long ago: all are drawn again.
            self._go_back(self._begin)
        while self._drawn <= epoch:
            moved = np.arange(self._count)
            self._rng.shuffle(moved)
            self._last = self._kept[self._drawn] = self._last[moved]
            self._drawn += 1
            if len(self._kept) * self._count > _KEPT and len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]
        return self._last

    def end(self, epochs: int) -> None:
        """Leave the generator as so many epochs leave it, where more orders were drawn, or fewer by a resumed fit."""
        if self._begin is not None and epochs < self._drawn:
            self._go_back(self._begin)
        if epochs:
            self.of(epochs - 1)

    def _go_back(self, begin: dict[str, Any]) -> None:
        self._rng.set_state(begin)
        self._last, self._drawn = np.arange(self._count), 0
        self._kept.clear()
