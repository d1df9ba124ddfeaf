"""A run: epoch after epoch, until one of the reasons to end it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from chainrule.errors import DivergenceError
from chainrule.train.checkpoint import Keeper
from chainrule.train.halving import at_rate_of, epoch_begun, epoch_ended, gone_back
from chainrule.train.interrupts import Interrupts, noted_interrupts
from chainrule.train.many_epochs import several_epochs
from chainrule.train.rules import Ended, Rules
from chainrule.train.state import TrainState
from chainrule.train.task import Task, end_epoch, train_epoch

__all__ = ["Callback", "Ended", "Progress", "Run"]

Callback = Callable[[TrainState], Any]


class Progress(Protocol):
    """What shows how a run gets on; see `chainrule.train.display`."""

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Take note that a run starts from `state` and ends after so many epochs in all."""

    def step(self, state: TrainState) -> None:
        """Take note of the state after a step, or after a chunk of steps."""

    def epoch(self, state: TrainState) -> None:
        """Take note of the state after an epoch, or after several: its history has a row for each."""

    def halved(self, task: Task, state: TrainState) -> None:
        """Take note that the run went back to `state`, and goes on with the halved rate of `task`."""

    def end(self) -> None:
        """Take note that the run is over, for whatever reason."""


class Run:
    """A run that can be followed from state to state.

    Parameters
    ----------
    task : Task
        What is minimised.
    state : TrainState
        Where the run starts.
    rules : Rules
        When it ends, and what is noted after an epoch.
    callbacks : tuple of callables
        Called with the state after every epoch.
    progress : Progress or None
        What shows how it gets on.
    keeper : Keeper or None
        What writes its checkpoints.
    goes_back : bool
        Whether it goes back when it diverges.

    Attributes
    ----------
    task : Task
        The task at the rate of now.
    state : TrainState
        A whole step: whatever breaks in, and wherever, what it names is consistent, unless `is_spent`.
    is_spent : bool
        Whether the state is being written over, and there is no other yet.
    """

    def __init__(
        self,
        task: Task,
        state: TrainState,
        rules: Rules,
        callbacks: tuple[Callback, ...],
        progress: Progress | None,
        keeper: Keeper | None,
        goes_back: bool,
    ) -> None:
        if not goes_back and state.good is not None:
            # An earlier part of the run has kept them.
            state = replace(state, began=None, good=None)
        self._given, self.task, self.state = task, at_rate_of(task, state), state
        self._rules, self._callbacks = rules, callbacks
        self._progress, self._keeper, self._goes_back = progress, keeper, goes_back
        self.is_spent = False

    def finish(self) -> Ended:
        """Take all the steps that there are to take, and say why there are no more."""
        try:
            with noted_interrupts() as interrupted:
                if self._progress is not None:
                    self._progress.begin(self.task, self.state, self._rules.epochs)
                while (ended := self._rules.over(self.state)) is None:
                    ended = self._epoch(interrupted)
                    if ended is not None:
                        break
                self._keep_last()
                return ended
        except KeyboardInterrupt:
            if self.is_spent:
                raise
            self._keep_last()
            return "interrupt"
        finally:
            if self._progress is not None:
                self._progress.end()

    def _keep_last(self) -> None:
        if self._keeper is not None:
            self._keeper.end(self.state)

    def _unwatched(self) -> int:
        """Epochs to come that nothing looks at the state between."""
        if self.state.batch or self._callbacks or self._goes_back or self.task.validation is not None:
            return 1
        left = self._rules.unwatched(self.state)
        return left if self._keeper is None else int(min(left, self._keeper.epochs_until(self.state)))

    def _epoch(self, interrupted: Interrupts) -> Ended | None:
        """Take the steps that are left of an epoch, or of several, and close it; or go back to an earlier one."""
        if self._goes_back:
            self.state = epoch_begun(self.state)
        several = several_epochs(self.task, self.state, self._unwatched(), self._rules.watched())
        if several is not None:
            self.state = self._rules.noted(several)
            return self._close(interrupted)

        def hold() -> None:
            interrupted.hold()
            self.is_spent = True

        def release() -> None:
            self.is_spent = False
            interrupted.release()

        try:
            # No variable holds a state beside: one that only this object holds may be written over.
            steps = train_epoch(self.task, self.state, hold)
            for self.state in steps:
                release()
                if self._progress is not None:
                    self._progress.step(self.state)
                if interrupted():
                    return "interrupt"
                if self._keeper is not None:
                    self._keeper.step(self.state)
            after = end_epoch(self.task, self.state)
        except DivergenceError as error:
            if not self._goes_back:
                raise
            self._go_back(error)
            release()
            return "interrupt" if interrupted() else None
        self.state = self._rules.noted(epoch_ended(after) if self._goes_back else after)
        return self._close(interrupted)

    def _close(self, interrupted: Interrupts) -> Ended | None:
        if self._progress is not None:
            self._progress.epoch(self.state)
        if self._keeper is not None:
            self._keeper.epoch(self.state)
        stop = [callback(self.state) for callback in self._callbacks]
        if any(stop):
            return "callback"
        if self._callbacks:
            self.task.look_again(self.state)
        return "interrupt" if interrupted() else None

    def _go_back(self, error: DivergenceError) -> None:
        self.state = gone_back(self.state, error)
        self.task = at_rate_of(self._given, self.state)
        self._rules.went_back(self.state)
        if self._progress is not None:
            self._progress.halved(self.task, self.state)
