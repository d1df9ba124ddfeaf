"""Several whole epochs in one stretch of machine code, where nothing looks at the state between them."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chainrule.native.patience import FOREVER, Patience
from chainrule.train.compiled import GROWTH, CompiledSteps, batch_sizes, weights_of
from chainrule.train.divergence import all_finite
from chainrule.train.state import Epoch, TrainState
from chainrule.train.task import Task

__all__ = ["several_epochs"]

#: Rows whose order is drawn beforehand at most: 2 MB of them.
_ROWS = 1 << 18


def several_epochs(task: Task, state: TrainState, most: int, patience: Patience = FOREVER) -> TrainState | None:
    """Take several epochs at once.

    Each step gives the same bits as one by one, and each epoch has its row in the history. Between the epochs of a
    small network Python would take as long as their steps.

    Parameters
    ----------
    task : Task
        The task; it has no held-out data.
    state : TrainState
        The state before an epoch.
    most : int
        How many there may be; fewer are taken where so many would take longer than a chunk of steps should.
    patience : Patience
        What ends them earlier.

    Returns
    -------
    TrainState or None
        The state after the last of them. None where a chunk has no room for two, there is no machine code yet, or none
        that holds for every step, or a number is not finite: steps taken one by one tell which.
    """
    code = task.translated(state) if most > 1 else None
    if code is None or len(set(code.by_rows.values())) > 1:
        return None
    count = min(most, code.paced.count // task.steps)
    if task.batch_size is not None:
        count = min(count, _ROWS // len(task.inputs))
    if count < 2:
        return None
    orders = _orders(task, state, count)
    while count:
        after, good = _taken(task, code, state, orders, count, patience)
        if after is not None:
            return after
        # A parameter that is not finite shows in the objective of the step after.
        count = min(good, count - 1)
    code.paced.count = task.steps
    return None


def _orders(task: Task, state: TrainState, count: int) -> NDArray[np.intp] | None:
    """The orders of some epochs, one after the other."""
    if task.batch_size is None:
        return None
    orders = (task.order(replace(state, epoch=state.epoch + k)) for k in range(count))
    return np.concatenate([order for order in orders if order is not None])


def _taken(
    task: Task,
    code: CompiledSteps,
    state: TrainState,
    orders: NDArray[np.intp] | None,
    count: int,
    patience: Patience,
) -> tuple[TrainState | None, int]:
    """The state after some epochs, or None where a number is not finite; and how many epochs have finite objectives."""
    begun = time.perf_counter()
    steps, batch = task.steps, batch_sizes(task)[0]
    leaves, structure = code.flat(state)
    bench = code.bench(code.by_rows[batch], task, state, batch, gathers=orders is not None)
    found, objectives = bench.run(leaves, state.step, orders, 0, count * steps, patience)
    count = len(objectives) // steps
    bad = np.flatnonzero(~np.isfinite(objectives))
    if len(bad):
        return None, int(bad[0]) // steps
    if not all_finite(x for x in found[: code.finite] if x.dtype.kind == "f"):
        return None, count - 1
    parameters, network_state, optimizer = code.whole(found, leaves, structure)
    weights = weights_of(task, 0, steps)
    # One after the other from zero, as the steps of an epoch are added.
    parts = np.zeros((count, steps + 1))
    np.multiply(objectives.reshape(count, steps), weights, out=parts[:, 1:])
    sums = np.add.accumulate(parts, axis=1)[:, -1]
    seconds = (time.perf_counter() - begun) / count
    code.pace(steps, seconds, GROWTH * count)
    return replace(
        state,
        parameters=parameters,
        network_state=network_state,
        optimizer=optimizer,
        epoch=state.epoch + count,
        step=state.step + count * steps,
        seconds=0.0,
        history=replace(state.history, rows=(*state.history, *_rows(task, state, sums.tolist(), seconds))),
    ), count


def _rows(task: Task, state: TrainState, sums: list[float], seconds: float) -> Iterator[Epoch]:
    for k, total in enumerate(sums, start=1):
        before = state.seconds if k == 1 else 0.0
        yield task.row(state.epoch + k, state.step + k * task.steps, total, None, seconds + before)
