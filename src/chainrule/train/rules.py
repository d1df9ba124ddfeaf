"""What runs differ in: when they end, what is noted after an epoch, and how far nobody looks."""

from dataclasses import dataclass
from typing import Literal, Protocol

from chainrule.native.patience import FOREVER, Patience
from chainrule.train.state import TrainState

__all__ = ["Ended", "Epochs", "Rules"]

Ended = Literal["epochs", "patience", "callback", "interrupt"]


class Rules(Protocol):
    """What a run goes by; `Epochs` is the plain one.

    What it says follows from the states it is given, so that a run that goes on from a checkpoint goes by the same.
    """

    @property
    def epochs(self) -> int:
        """Epochs in all, at most."""

    def over(self, state: TrainState) -> Ended | None:
        """Why the run is over at a state between two epochs; None where it goes on."""

    def noted(self, state: TrainState) -> TrainState:
        """Take note of the rows of the history that are new after an epoch; the state to go on from."""

    def went_back(self, state: TrainState) -> None:
        """Take note that the run diverged and goes on from `state`."""

    def unwatched(self, state: TrainState) -> int:
        """Epochs to come in which neither an end nor another rate can come, but for what `watched` says."""

    def watched(self) -> Patience:
        """What ends epochs that nobody looks at before the last of them."""


@dataclass(frozen=True)
class Epochs:
    """So many epochs, or until the held-out cost has not fallen for some of them.

    Attributes
    ----------
    epochs : int
        Epochs in all.
    patience : int or None
        Epochs without gain on held-out data after which a run ends.

    Examples
    --------
    >>> Epochs(10).over(TrainState((), (), None, seed=0, epoch=10))
    'epochs'
    """

    epochs: int
    patience: int | None = None

    def over(self, state: TrainState) -> Ended | None:
        """Why the run is over; None where it goes on."""
        if state.epoch >= self.epochs:
            return "epochs"
        without_gain = 0 if state.best is None else state.epoch - state.best.epoch
        return "patience" if self.patience is not None and without_gain >= self.patience else None

    def noted(self, state: TrainState) -> TrainState:
        """Nothing is noted: the state as it is."""
        return state

    def went_back(self, state: TrainState) -> None:
        """Nothing follows from it."""

    def unwatched(self, state: TrainState) -> int:
        """All that are left."""
        return self.epochs - state.epoch

    def watched(self) -> Patience:
        """Objectives of training end nothing."""
        return FOREVER
