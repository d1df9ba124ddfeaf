"""The steps of a task in machine code: an epoch runs without returning to Python, but between chunks of steps.

The step is the one of `chainrule.train.task.train_step`, recorded once for every batch size. A chunk that ends with a
number that is not finite is taken again from its start by that function, which knows how to say what happened.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.errors import TraceError
from chainrule.graph import Graph
from chainrule.native.training import Steps
from chainrule.optim import apply_updates
from chainrule.passes import optimized
from chainrule.random import RandomState, fold
from chainrule.trace.sizes import trace_every_size
from chainrule.train.divergence import all_finite
from chainrule.train.state import TrainState

__all__ = ["CompiledSteps", "compile_steps", "run_chunks"]

#: Seconds that a chunk of steps should take: callbacks, Ctrl-C and progress wait so long.
_CHUNK_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class CompiledSteps:
    """Machine code for the steps of a task.

    Attributes
    ----------
    steps : chainrule.native.training.Steps
        The code.
    """

    steps: Steps


def compile_steps(task: Any, state: TrainState) -> CompiledSteps | str:
    """Translate the steps of a task.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        A state of the run; only structure, shapes and dtypes are read.

    Returns
    -------
    CompiledSteps or str
        The code; or why there is none, such as a loss that takes a decision on a value.
    """
    try:
        graph = optimized(step_graph(task, state))
        if graph.specialized:
            return f"the step depends on the batch size: {graph.specialized}"
        return CompiledSteps(Steps(graph, len(tree.leaves(_carried(state)))))
    except (TraceError, NotImplementedError) as reason:
        return str(reason)


def step_graph(task: Any, state: TrainState) -> Graph:
    """Record a step: from the state, what layers draw from, the step's number and a batch to the state and objective."""

    def step(carried: Any, stream: Any, clock: Any, x: Any, targets: Any) -> Any:
        parameters, network_state, optimizer = carried
        rng = fold(stream, clock) if task.draws else None
        (value, after), gradients = task.value_and_gradient(parameters, network_state, x, targets, rng, True)
        updates, optimizer = task.optimizer.update(gradients, optimizer, parameters)
        return apply_updates(parameters, updates), after, optimizer, value

    arguments = [_carried(state), _stream(task, state), 0.0, task.inputs[:1], task.targets[:1]]
    names = ["state", "stream", "step", "x", "targets"]
    return trace_every_size(step, arguments, names, [False, False, False, True, True], careful=False)


def _carried(state: TrainState) -> Any:
    return state.parameters, state.network_state, state.optimizer


def _stream(task: Any, state: TrainState) -> RandomState | tuple[()]:
    return task.stream(state.seed) if task.draws else ()


def run_chunks(
    task: Any, compiled: CompiledSteps, state: TrainState, batches: Sequence[NDArray[np.intp] | None]
) -> Iterator[TrainState]:
    """Take the steps that are left of an epoch, chunk by chunk.

    Parameters
    ----------
    task : Task
        The task.
    compiled : CompiledSteps
        Its steps.
    state : TrainState
        A state from the start of an epoch, or from the middle of one.
    batches : sequence of arrays of integer, or of None
        The rows of each minibatch of the epoch; None for all rows as they are.

    Yields
    ------
    TrainState
        The state after each chunk.

    Raises
    ------
    DivergenceError
        As `train_step` does.
    """
    total = len(task.inputs)
    whole = batches[0] is None
    order = None if whole else np.concatenate(batches)
    batch = total if whole else task.batch_size
    count = 1
    while state.batch < task.steps:
        begun = time.perf_counter()
        count = min(count, task.steps - state.batch)
        leaves, structure = tree.flatten(_carried(state))
        found, objectives = compiled.steps.run(
            leaves,
            tree.leaves(_stream(task, state)),
            state.step,
            (task.inputs, task.targets),
            order,
            batch,
            state.batch,
            count,
        )
        if not (np.isfinite(objectives).all() and all_finite(x for x in found if x.dtype.kind == "f")):
            for state in _again(task, state, batches[state.batch : state.batch + count]):
                yield state
            continue
        parameters, network_state, optimizer = structure.unflatten(_like(found, leaves))
        rows = [min(batch, total - (state.batch + k) * batch) for k in range(count)]
        gained = _summed(state.total, objectives, rows, is_sum=task.reduction == "sum")
        taken = time.perf_counter() - begun
        state = replace(
            state,
            parameters=parameters,
            network_state=network_state,
            optimizer=optimizer,
            batch=state.batch + count,
            step=state.step + count,
            total=gained,
            seconds=state.seconds + taken,
        )
        yield state
        count = max(1, int(count * min(_CHUNK_SECONDS / max(taken, 1e-6), 64)))


def _summed(total: float, objectives: NDArray[Any], rows: Sequence[int], *, is_sum: bool) -> float:
    for value, examples in zip(objectives.tolist(), rows, strict=True):
        total += value if is_sum else value * examples
    return total


def _like(found: Sequence[NDArray[Any]], before: Sequence[Any]) -> Iterator[Any]:
    """The leaves of a state as they were: what counted in Python counts in Python."""
    for x, y in zip(found, before, strict=True):
        yield type(y)(x.item()) if isinstance(y, (int, float)) else x


def _again(task: Any, state: TrainState, batches: Sequence[NDArray[np.intp] | None]) -> Iterator[TrainState]:
    """Take the steps of a chunk again, one by one in NumPy."""
    from chainrule.train.task import train_step

    for rows in batches:
        state = train_step(task, state, rows)
        yield state
