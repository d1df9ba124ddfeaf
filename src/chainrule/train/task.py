"""What stays the same during a run, and the pure functions from state to state: a step, an epoch."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data import minibatches
from chainrule.differentiate import value_and_grad
from chainrule.nn import Loss, Network, Parameters, State, objective
from chainrule.nn.objective import Regularizer
from chainrule.optim import Transform, apply_updates
from chainrule.random import RandomState, fold, random_state
from chainrule.train.compiled import CompiledSteps, compile_steps, run_chunks
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
    compiled : bool
        Whether steps run as machine code where they can.
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
    compiled: bool = False

    @cached_property
    def value_and_gradient(self) -> Callable[..., tuple[tuple[Any, State], Parameters]]:
        """Objective with the network's state, and gradient; a function of what `chainrule.nn.objective` takes."""
        return value_and_grad(objective(self.network, self.loss, self.regularizers, self.reduction), has_aux=True)

    @cached_property
    def draws(self) -> bool:
        """Whether a layer of the network draws random numbers in training."""
        return any(place.layer.draws for place in self.network.places)

    def random_state(self, state: TrainState) -> RandomState | None:
        """Where the layers draw from in the step after `state`; None where none of them draws."""
        return fold(self.stream(state.seed), state.step) if self.draws else None

    @staticmethod
    def stream(seed: int) -> RandomState:
        """What the random numbers of all steps of a run are folded from."""
        return random_state(np.random.SeedSequence(seed, spawn_key=(0,)))

    @cached_property
    def _codes(self) -> list[CompiledSteps | str]:
        return []

    def code(self, state: TrainState) -> CompiledSteps | str:
        """The steps in machine code, made when they are first asked for; or why there is none."""
        if not self.compiled:
            return "compiled=False was asked for"
        if not self._codes:
            self._codes.append(compile_steps(self, state))
        return self._codes[0]

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


def start(
    task: Task, parameters: Parameters, network_state: State, rng: np.random.Generator | int | None = None
) -> TrainState:
    """Make the state before the first step.

    Parameters
    ----------
    task : Task
        The task.
    parameters, network_state : tuple of dicts of arrays
        Starting values.
    rng : numpy.random.Generator, int or None
        What the seed of the run is drawn from: a generator, or the seed of one; None for a fresh one.

    Returns
    -------
    TrainState
        No step done.
    """
    seed = int(np.random.default_rng(rng).integers(2**63))
    return TrainState(parameters, network_state, task.optimizer.init(parameters), seed)


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
        Where the objective, or a parameter or the network's state after the step, is not finite.
    """
    begun = time.perf_counter()
    if rows is None:
        x, targets = task.inputs, task.targets
    else:
        x, targets = task.inputs.take(rows, axis=0), task.targets.take(rows, axis=0)
    before, rng = state.parameters, task.random_state(state)
    # What overflows shows as a number that is not finite, for which there is an error that says more than a
    # warning.
    with np.errstate(all="ignore"):
        (found, after), gradients = task.value_and_gradient(before, state.network_state, x, targets, rng, True)
        value = float(found)
        if not math.isfinite(value):
            where = task.place(state)
            raise bad_loss(task.network, task.loss, before, state.network_state, x, targets, where, rng, training=True)
        updates, optimizer = task.optimizer.update(gradients, state.optimizer, before)
        parameters = apply_updates(before, updates)
        if not all_finite(array for layers in (parameters, after) for layer in layers for array in layer.values()):
            raise bad_gradient(task.network, gradients, parameters, after, x, task.place(state))
    return TrainState(
        parameters,
        after,
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
    """Take the steps that are left of an epoch, in machine code where there is some.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        A state from the start of an epoch, or from the middle of one.

    Yields
    ------
    TrainState
        The state after each step, or after several. `end_epoch` takes the last one.

    Raises
    ------
    DivergenceError
        As `train_step` does.
    """
    batches: list[NDArray[np.intp]] | list[None] = [None]
    if task.batch_size is not None:
        order = np.random.default_rng([state.seed, state.epoch])
        batches = list(minibatches(len(task.inputs), task.batch_size, order))
    code = task.code(state)
    if isinstance(code, CompiledSteps):
        yield from run_chunks(task, code, state, batches)
        return
    for rows in batches[state.batch :]:
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
            best = Best(state.parameters, state.network_state, state.epoch + 1, validation)
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
        found = cost(
            task.network, task.loss, state.parameters, state.network_state, *held_out, reduction=task.reduction
        )
    if not math.isfinite(found):
        for x, targets in chunks(task.network, *held_out):
            with np.errstate(all="ignore"):
                one = cost(task.network, task.loss, state.parameters, state.network_state, x, targets)
            if not math.isfinite(one):
                break
        where = task.place(state, held_out=True)
        raise bad_loss(task.network, task.loss, state.parameters, state.network_state, x, targets, where)
    return found
