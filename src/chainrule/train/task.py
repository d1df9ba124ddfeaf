"""What stays the same during a run, and the pure functions from state to state: a step, an epoch."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data import minibatches
from chainrule.differentiate import value_and_grad
from chainrule.nn import Loss, Network, Parameters, objective
from chainrule.nn.objective import Regularizer
from chainrule.optim import Transform, apply_updates
from chainrule.train.divergence import Place, all_finite, bad_gradient, bad_loss
from chainrule.train.evaluation import chunks, cost
from chainrule.train.state import Best, Epoch, History, TrainState

__all__ = ["Examples", "Task", "end_epoch", "start", "train_epoch", "train_step"]

Examples = tuple[NDArray[Any], NDArray[Any]]
"""Inputs, shape (examples, inputs), and targets, shape (examples, outputs)."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a run minimises, over which examples and how: all that is not state.

    Attributes
    ----------
    network : Network
        The network.
    loss : Loss
        Row of the loss.
    inputs : array, shape (examples, inputs)
        Inputs, in the precision of the parameters.
    targets : array, shape (examples, outputs)
        Targets.
    optimizer : Transform
        The optimiser.
    batch_size : int or None
        Examples of a minibatch; None for all of them.
    regularizers : tuple of callables
        What the objective adds to the cost.
    reduction : {"mean", "sum"}
        Whether the cost is the mean or the sum of the losses.
    validation : tuple of two arrays, or None
        Inputs and targets of the held-out data.
    """

    network: Network
    loss: Loss
    inputs: NDArray[Any]
    targets: NDArray[Any]
    optimizer: Transform
    batch_size: int | None = None
    regularizers: tuple[Regularizer, ...] = ()
    reduction: Literal["mean", "sum"] = "mean"
    validation: Examples | None = None

    @cached_property
    def value_and_gradient(self) -> Callable[..., tuple[Any, Parameters]]:
        """Objective and gradient as a function of parameters, inputs and targets."""
        return value_and_grad(objective(self.network, self.loss, self.regularizers, self.reduction))

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return 1 if self.batch_size is None else math.ceil(len(self.inputs) / self.batch_size)

    def rate(self, step: int) -> float | None:
        """Rate of a step, counted from 0; None where the optimiser has none."""
        return None if self.optimizer.rate is None else float(self.optimizer.rate(step))

    def objective_so_far(self, state: TrainState) -> float:
        """Objective over the part of the epoch that is done; NaN before its first step."""
        if self.reduction == "sum":
            return state.total
        done = min(state.batch * (self.batch_size or len(self.inputs)), len(self.inputs))
        return state.total / done if done else math.nan

    def place(self, state: TrainState, *, held_out: bool = False) -> Place:
        """Where a run stands during the step after `state`, or on held-out data at the end of its epoch."""
        step = max(state.step - 1, 0) if held_out else state.step
        return Place(step, state.epoch + 1, self.rate(step), held_out)


def start(task: Task, parameters: Parameters, rng: np.random.Generator | int | None = None) -> TrainState:
    """Make the state before the first step.

    Parameters
    ----------
    task : Task
        The task.
    parameters : tuple of dicts of arrays
        Starting values.
    rng : numpy.random.Generator, int or None
        What the seed of the order of examples is drawn from: a generator, or the seed of one; None for a
        fresh one.

    Returns
    -------
    TrainState
        No step done.
    """
    seed = int(np.random.default_rng(rng).integers(2**63))
    return TrainState(parameters, task.optimizer.init(parameters), seed)


def train_step(task: Task, state: TrainState, rows: NDArray[np.intp] | None = None) -> TrainState:
    """Take one step downhill on the objective of some examples.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        The state before the step; it stays as it is.
    rows : array of integer, optional
        Indices of the examples; by default all.

    Returns
    -------
    TrainState
        The state after the step.

    Raises
    ------
    DivergenceError
        Where the objective, or a parameter after the step, is not finite.
    """
    begun = time.perf_counter()
    if rows is None:
        x, targets = task.inputs, task.targets
    else:
        x, targets = task.inputs.take(rows, axis=0), task.targets.take(rows, axis=0)
    before = state.parameters
    # What overflows shows as a number that is not finite, for which there is an error that says more than a
    # warning.
    with np.errstate(all="ignore"):
        found, gradients = task.value_and_gradient(before, x, targets)
        value = float(found)
        if not math.isfinite(value):
            raise bad_loss(task.network, task.loss, before, x, targets, task.place(state))
        updates, optimizer = task.optimizer.update(gradients, state.optimizer, before)
        parameters = apply_updates(before, updates)
        if not all_finite(array for layer in parameters for array in layer.values()):
            raise bad_gradient(task.network, gradients, parameters, x, task.place(state))
    return TrainState(
        parameters,
        optimizer,
        state.seed,
        state.epoch,
        state.batch + 1,
        state.step + 1,
        state.total + (value if task.reduction == "sum" else value * len(x)),
        state.seconds + (time.perf_counter() - begun),
        state.history,
        state.best,
    )


def train_epoch(task: Task, state: TrainState) -> Iterator[TrainState]:
    """Take the steps that are left of an epoch.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        A state from the start of an epoch, or from the middle of one.

    Yields
    ------
    TrainState
        The state after each step. `end_epoch` takes the last one.

    Raises
    ------
    DivergenceError
        As `train_step` does.
    """
    if task.batch_size is None:
        batches: Iterator[NDArray[np.intp] | None] = iter([None])
    else:
        order = np.random.default_rng([state.seed, state.epoch])
        batches = iter(minibatches(len(task.inputs), task.batch_size, order))
    for rows in islice(batches, state.batch, None):
        state = train_step(task, state, rows)
        yield state


def end_epoch(task: Task, state: TrainState) -> TrainState:
    """Close an epoch: write its row of the history, and keep the parameters that do best on held-out data.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        The state after the epoch's last step.

    Returns
    -------
    TrainState
        The state before the next epoch.

    Raises
    ------
    DivergenceError
        Where the cost on the held-out data is not finite.
    """
    begun = time.perf_counter()
    validation, best = None, state.best
    if task.validation is not None:
        validation = _validation_cost(task, state, task.validation)
        if best is None or validation < best.validation:
            best = Best(state.parameters, state.epoch + 1, validation)
    seconds = state.seconds + (time.perf_counter() - begun)
    row = Epoch(
        state.epoch + 1,
        state.step,
        task.objective_so_far(state),
        validation,
        task.rate(state.step - 1),
        seconds,
    )
    return replace(
        state,
        epoch=state.epoch + 1,
        batch=0,
        total=0.0,
        seconds=0.0,
        history=History((*state.history, row)),
        best=best,
    )


def _validation_cost(task: Task, state: TrainState, held_out: Examples) -> float:
    with np.errstate(all="ignore"):
        found = cost(task.network, task.loss, state.parameters, *held_out, reduction=task.reduction)
    if not math.isfinite(found):
        for x, targets in chunks(task.network, *held_out):
            with np.errstate(all="ignore"):
                one = cost(task.network, task.loss, state.parameters, x, targets)
            if not math.isfinite(one):
                break
        raise bad_loss(task.network, task.loss, state.parameters, x, targets, task.place(state, held_out=True))
    return found
