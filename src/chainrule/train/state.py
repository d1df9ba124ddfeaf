"""The state of a training run, and the history that it carries."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.nn import Parameters, State

__all__ = ["Best", "Epoch", "Halving", "History", "TrainState"]


@dataclass(frozen=True)
class Epoch:
    """One row of a history.

    Attributes
    ----------
    epoch : int
        Number of the epoch, from 1.
    steps : int
        Steps taken since the start of the run.
    objective : float
        Objective over the epoch's minibatches, each at the parameters before its step: their mean, weighted
        by the number of examples, or their sum where the losses of examples are summed.
    validation : float or None
        Cost on the held-out data at the end of the epoch; None where there are none.
    rate : float or None
        Rate of the epoch's last step; None where the optimiser has none.
    seconds : float
        Time that the epoch took.
    """

    epoch: int
    steps: int
    objective: float
    validation: float | None
    rate: float | None
    seconds: float


@dataclass(frozen=True)
class Halving:
    """That a run diverged, went back to an earlier state, and goes on with half the rate.

    Attributes
    ----------
    epoch : int
        Number of the epoch in which it diverged, from 1.
    step : int
        Number of the step, from 0.
    back_to : int
        Whole epochs that the state had done from which it goes on.
    reason : str
        The message of the error that would have ended the run.
    """

    epoch: int
    step: int
    back_to: int
    reason: str

    def __str__(self) -> str:
        place = f"the end of epoch {self.back_to}" if self.back_to else "the start"
        return f"diverged at step {self.step} (epoch {self.epoch}): back to {place}, with half the rate"


@dataclass(frozen=True)
class History:
    """What happened in each epoch.

    Attributes
    ----------
    rows : tuple of Epoch
        One row for each whole epoch.
    halvings : tuple of Halving
        When the rate was halved because the run diverged. The rows of the epochs that were taken back are not kept.

    Examples
    --------
    >>> history = History((Epoch(1, 10, 0.5, None, 0.1, 0.02), Epoch(2, 20, 0.25, None, 0.1, 0.02)))
    >>> len(history), history[-1].objective
    (2, 0.25)
    >>> history.arrays()["objective"]
    array([0.5 , 0.25])
    """

    rows: tuple[Epoch, ...] = ()
    halvings: tuple[Halving, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> Epoch:
        return self.rows[index]

    def __repr__(self) -> str:
        if not self.rows:
            return "<history: no epoch>"
        first, last = self.rows[0], self.rows[-1]
        held_out = "" if last.validation is None else f", held-out cost {last.validation:.4g}"
        return f"<history: {len(self)} epochs, objective {first.objective:.4g} to {last.objective:.4g}{held_out}>"

    def _repr_html_(self) -> str:
        from chainrule.train.html import history_html

        return history_html(self)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Make one array for each column, by name; what is None in a row is NaN.

        Returns
        -------
        dict of str to array, shape (epochs,)
            ``epoch`` and ``steps`` of integers, the others of float64.
        """
        whole = {"epoch", "steps"}
        return {
            column.name: np.array(
                [getattr(row, column.name) for row in self.rows],
                dtype=np.int64 if column.name in whole else np.float64,
            )
            for column in fields(Epoch)
        }


@dataclass(frozen=True, eq=False)
class Best:
    """The parameters that did best on the held-out data so far.

    Attributes
    ----------
    parameters : tuple of dicts of arrays
        The parameters at the end of that epoch.
    network_state : tuple of dicts of arrays
        The state of the network at the end of that epoch.
    epoch : int
        Its number, from 1.
    validation : float
        Their cost on the held-out data.
    """

    parameters: Parameters
    network_state: State
    epoch: int
    validation: float


@dataclass(frozen=True, eq=False)
class TrainState:
    """All that a run needs in order to go on: a checkpoint.

    A state is a plain tree of arrays, numbers and named containers. Nothing in it is changed in place, so a
    state that was kept stays what it was.

    Attributes
    ----------
    parameters : tuple of dicts of arrays
        Parameters of the network.
    network_state : tuple of dicts of arrays
        State of the network.
    optimizer : tree
        State of the optimiser.
    seed : int
        What all random numbers follow from. The order of the examples in epoch e (from 0) is drawn from
        ``numpy.random.default_rng([seed, e])``; what layers draw in step k (from 0), such as the units that dropout
        leaves out, from ``chainrule.random.fold(stream, k)``, where ``stream`` is
        ``chainrule.random.random_state(numpy.random.SeedSequence(seed, spawn_key=(0,)))``.
    epoch : int
        Whole epochs done.
    batch : int
        Minibatches done in the epoch under way.
    step : int
        Steps done since the start.
    total : float
        Sum of the objectives of the epoch under way: each times its number of examples, or as it is where the
        losses of examples are summed.
    seconds : float
        Time spent in the epoch under way.
    history : History
        One row for each whole epoch.
    best : Best or None
        The best parameters on held-out data; None before the first epoch has ended, and without such data.
    began : TrainState or None
        The state at the start of the epoch under way; None between epochs, and where a run does not go back when it
        diverges.
    good : TrainState or None
        The state to go back to when the run diverges: the one at the start of the epoch with the lowest objective.
        None where a run does not go back.
    """

    parameters: Parameters
    network_state: State
    optimizer: Any
    seed: int
    epoch: int = 0
    batch: int = 0
    step: int = 0
    total: float = 0.0
    seconds: float = 0.0
    history: History = field(default_factory=History)
    best: Best | None = None
    began: "TrainState | None" = None
    good: "TrainState | None" = None

    def __repr__(self) -> str:
        return f"<state of a run: {self.text}>"

    @property
    def text(self) -> str:
        """Where the run stands: epochs, steps, and the objective of the last whole epoch."""
        objective = f", objective {self.history[-1].objective:.4g}" if len(self.history) else ""
        return f"{self.epoch} epochs, {self.step} steps{objective}"

    def without_arrays(self) -> "TrainState":
        """The numbers and the history alone, for who shows them: a state that nobody holds may be written over."""
        return replace(self, parameters=(), network_state=(), optimizer=None, began=None, good=None)

    @property
    def rate_factor(self) -> float:
        """What the rate of the optimiser is multiplied by: half for each time that the run has diverged."""
        return float(0.5 ** len(self.history.halvings))
