"""What stays the same during a run, and the pure functions from state to state: a step, an epoch."""

import math
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.differentiate import value_and_grad
from chainrule.nn import Loss, Network, Parameters, State, objective
from chainrule.nn.objective import Regularizer
from chainrule.optim import Transform, apply_updates
from chainrule.random import RandomState, fold, random_state
from chainrule.train.compiled import CompiledSteps, compile_steps, fingerprint, run_chunks
from chainrule.train.divergence import Place, all_finite, bad_gradient, bad_loss
from chainrule.train.evaluation import chunks, cost
from chainrule.train.state import Best, Epoch, TrainState
from chainrule.train.users_code import has_users_code

if TYPE_CHECKING:
    from chainrule.native.bench import Steps

__all__ = ["Examples", "Task", "end_epoch", "start", "train_epoch", "train_step"]

Examples = tuple[NDArray[Any], NDArray[Any]]
"""Inputs, shape (examples, inputs), and targets, shape (examples, outputs)."""


@dataclass(eq=False)
class _Code:
    """The machine code of a task, once it is made, or why there is none; and what it was recorded from, as a key."""

    steps: CompiledSteps | str | None = None
    recorded: Hashable = None


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
    factor : float
        What the rate of the optimiser has been multiplied by.
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
    compiled: bool = True
    factor: float = 1.0

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
    def _code(self) -> _Code:
        return _Code()

    def code(self, state: TrainState) -> CompiledSteps | str:
        """The steps in machine code, made when they are first asked for; or why there is none."""
        if not self.compiled:
            return "compiled=False was given"
        if self._code.steps is None:
            if self.batch_size is not None:
                # Loaded by who trains, not by who only makes predictions.
                from chainrule.native.shuffling import begin_shuffling

                begin_shuffling()
            if self.may_change:
                self._code.recorded = fingerprint(self, state)
            self._code.steps = compile_steps(self, state)
        return self._code.steps

    def translated(self, state: TrainState) -> CompiledSteps | None:
        """The steps in machine code, where they are made already."""
        found = self._code.steps if self.compiled else None
        return found if isinstance(found, CompiledSteps) else None

    def bench(self, steps: "Steps", fixed: Sequence[Any], batch: int, *, gathers: bool) -> Any:
        """Make room for steps on the examples: a `chainrule.native.bench.Bench`, or what has its `run`."""
        return steps.bench(fixed, (self.inputs, self.targets), batch, gathers=gathers)

    @property
    def interpreted(self) -> str | None:
        """Why the steps that were taken ran in NumPy; None where they ran as machine code, or there were none."""
        found = self._code.steps if self.compiled else "compiled=False was given"
        return found if isinstance(found, str) else None

    @cached_property
    def may_change(self) -> bool:
        """Whether a step calls functions of the user's, which may read what a callback changes."""
        return has_users_code(self.network, self.loss, self.optimizer, self.regularizers)

    def look_again(self, state: TrainState) -> None:
        """Take in what callbacks may have changed: make new code where the functions do not do what they did."""
        if not isinstance(self._code.steps, CompiledSteps):
            return
        self._code.steps.forget()
        if self.may_change and fingerprint(self, state) != self._code.recorded:
            self._code.steps = None

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return 1 if self.batch_size is None else math.ceil(len(self.inputs) / self.batch_size)

    def order(self, state: TrainState) -> NDArray[np.intp] | None:
        """All rows in the order of the minibatches of the epoch under way; None where one step takes all of them."""
        if self.batch_size is None:
            return None
        from chainrule.native.shuffling import shuffled

        return shuffled(len(self.inputs), (state.seed, state.epoch))

    def rows(self, order: NDArray[np.intp] | None, batch: int) -> NDArray[np.intp] | None:
        """The rows of a minibatch, counted from 0, in the order of an epoch."""
        if order is None or self.batch_size is None:
            return None
        return order[batch * self.batch_size : (batch + 1) * self.batch_size]

    def rate(self, step: int) -> float | None:
        """Rate of a step, counted from 0; None where the optimiser has none."""
        return None if self.optimizer.rate is None else float(self.optimizer.rate(step))

    def objective_so_far(self, state: TrainState) -> float:
        """Objective over the part of the epoch that is done; NaN before its first step."""
        if self.reduction == "sum":
            return state.total
        done = min(state.batch * (self.batch_size or len(self.inputs)), len(self.inputs))
        return state.total / done if done else math.nan

    def row(self, epoch: int, steps: int, total: float, validation: float | None, seconds: float) -> Epoch:
        """The row of an epoch in the history, from the sum of its objectives as in `TrainState.total`."""
        objective = total if self.reduction == "sum" else total / len(self.inputs)
        return Epoch(epoch, steps, objective, validation, self.rate(steps - 1), seconds)

    def validated(self, state: TrainState) -> float | None:
        """The cost on the held-out data after an epoch; None where there are none."""
        return None if self.validation is None else _validation_cost(self, state, self.validation)

    def is_best(self, validation: float, best: Best | None) -> bool:
        """Whether parameters with this cost on the held-out data are better than the best so far."""
        return best is None or validation < best.validation

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
    return replace(
        state,
        parameters=parameters,
        network_state=after,
        optimizer=optimizer,
        batch=state.batch + 1,
        step=state.step + 1,
        total=state.total + (value if task.reduction == "sum" else value * len(x)),
        seconds=state.seconds + (time.perf_counter() - begun),
    )


def train_epoch(task: Task, state: TrainState, hold: Callable[[], None] | None = None) -> Iterator[TrainState]:
    """Take the steps that are left of an epoch, in machine code where there is some.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        A state from the start of an epoch, or from the middle of one.
    hold : callable, optional
        As for `chainrule.train.compiled.run_chunks`.

    Yields
    ------
    TrainState
        The state after each step, or after several. `end_epoch` takes the last one.

    Raises
    ------
    DivergenceError
        As `train_step` does.
    """
    begun = time.perf_counter()
    code = task.code(state)
    spent = time.perf_counter() - begun
    order = task.order(state)
    # This function returns, so that it does not hold on to a state that is over while the epoch runs.
    if isinstance(code, CompiledSteps):
        return run_chunks(task, code, state, order, spent, hold)
    return _run_steps(task, replace(state, seconds=state.seconds + spent), order)


def _run_steps(task: Task, state: TrainState, order: NDArray[np.intp] | None) -> Iterator[TrainState]:
    while state.batch < task.steps:
        state = train_step(task, state, task.rows(order, state.batch))
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
    validation, best = task.validated(state), state.best
    if validation is not None and task.is_best(validation, best):
        best = Best(state.parameters, state.network_state, state.epoch + 1, validation)
    seconds = state.seconds + (time.perf_counter() - begun)
    row = task.row(state.epoch + 1, state.step, state.total, validation, seconds)
    return replace(
        state,
        epoch=state.epoch + 1,
        batch=0,
        total=0.0,
        seconds=0.0,
        history=replace(state.history, rows=(*state.history, row)),
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
