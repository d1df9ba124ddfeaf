"""Going back where a run diverges: to which state, and on with half the rate."""

from dataclasses import replace
from typing import Any

from chainrule import tree
from chainrule.errors import DivergenceError
from chainrule.optim import Transform
from chainrule.train.state import Halving, TrainState
from chainrule.train.task import Task

__all__ = ["MOST_HALVINGS", "at_rate_of", "epoch_begun", "epoch_ended", "gone_back"]

#: How often a run may go back; the rate is then a thousandth of what it was.
MOST_HALVINGS = 10


def at_rate_of(task: Task, state: TrainState) -> Task:
    """Make the task whose rate is that of the optimiser, halved as often as the run has diverged."""
    factor = state.rate_factor
    return task if factor == 1 else replace(task, optimizer=_slower(task.optimizer, factor), factor=factor)


def _slower(optimizer: Transform, factor: float) -> Transform:
    """Multiply updates, and the rate that is shown, by a number; what the optimiser carries stays what it is."""
    rate = optimizer.rate

    def update(gradients: Any, state: Any, parameters: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(gradients, state, parameters)
        return tree.map(lambda x: factor * x, updates), state

    return Transform(optimizer.init, update, None if rate is None else lambda step: factor * rate(step))


def epoch_begun(state: TrainState) -> TrainState:
    """Note the state at the start of an epoch, which may turn out to be a good one."""
    plain = replace(state, began=None, good=None)
    return replace(state, began=plain if state.batch == 0 else state.began, good=state.good or plain)


def epoch_ended(state: TrainState) -> TrainState:
    """Choose the state to go back to: that at the start of the epoch with the lowest objective.

    Parameters that grow without bound are finite for some epochs, but the objective at them is not low. It is measured
    before each step, so that it is known of the state at the start of an epoch, and not of the one at its end.
    """
    began, good = state.began, state.good
    if began is not None and good is not None:
        rows = state.history
        if rows[began.epoch].objective <= rows[good.epoch].objective:
            good = began
    return replace(state, began=None, good=good)


def gone_back(state: TrainState, error: DivergenceError) -> TrainState:
    """Go back to the good state, with half the rate.

    Parameters
    ----------
    state : TrainState
        The last whole step before the run diverged.
    error : DivergenceError
        What would end the run.

    Returns
    -------
    TrainState
        The state to go on from.

    Raises
    ------
    DivergenceError
        Where the run has gone back `MOST_HALVINGS` times.
    """
    good, halvings = state.good, state.history.halvings
    if good is None or len(halvings) >= MOST_HALVINGS:
        raise DivergenceError(
            f"{error}. The rate was halved {len(halvings)} times", layer=error.layer, step=error.step
        ) from error
    note = Halving(state.epoch + 1, error.step, good.epoch, str(error))
    return replace(good, history=replace(good.history, halvings=(*halvings, note)))
