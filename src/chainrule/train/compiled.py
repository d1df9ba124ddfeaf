"""The steps of a task in machine code: an epoch runs without returning to Python, but between chunks of steps.

The step is the one of `chainrule.train.task.train_step`, recorded for the numbers of rows that minibatches have. A step
whose numbers are not finite is taken again by that function, which knows what can be done, or else what to say.
"""

import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.errors import ChainruleError
from chainrule.graph import Graph
from chainrule.optim import apply_updates
from chainrule.passes import optimized
from chainrule.passes.keys import graph_key
from chainrule.random import RandomState, fold
from chainrule.trace.sizes import trace_sizes
from chainrule.trace.unify import Mismatch
from chainrule.train.divergence import all_finite, bad_gradient
from chainrule.train.in_place import HELD_ONCE, is_held_once, is_large, kept_unless
from chainrule.train.state import TrainState
from chainrule.train.users_code import has_users_code

if TYPE_CHECKING:
    from chainrule.native.bench import Bench, Steps

__all__ = ["GROWTH", "CompiledSteps", "Pace", "batch_sizes", "compile_steps", "fingerprint", "run_chunks", "weights_of"]

#: Seconds that a chunk of steps should take: callbacks, Ctrl-C and progress wait so long.
_CHUNK_SECONDS = 0.05
#: The most that a chunk grows by from one to the next, and what it grows by after a step that had to be taken again.
GROWTH, _CAREFUL_GROWTH = 64, 2
#: Rows that a block has at most (see `chainrule.native.regions`): code for fewer may as well know their number.
_ONE_BLOCK = 128


@dataclass(eq=False)
class Pace:
    """How many steps the next chunk has, as far as an epoch has so many left; runs of the same steps may share it."""

    count: int = 1


@dataclass(eq=False)
class CompiledSteps:
    """Machine code for the steps of a task.

    Attributes
    ----------
    by_rows : dict of int to chainrule.native.bench.Steps
        The code for each number of rows that a minibatch has; mostly one for all.
    finite : int
        Number of leaves, at the start of the state, that have to be finite: parameters and the network's state.
    guarded : bool
        Whether a step leaves the state as it is where a number is not finite; see `chainrule.train.in_place`.
    paced : Pace
        The steps of the next chunk.
    """

    by_rows: "dict[int, Steps]"
    finite: int
    paced: Pace = field(default_factory=Pace)
    guarded: bool = False
    _benches: "dict[tuple[int, int], Bench]" = field(default_factory=dict)
    _flat: list[Any] = field(default_factory=list)
    _structure: tree.Structure = tree.LEAF

    def bench(self, steps: "Steps", task: Any, state: TrainState, batch: int, *, gathers: bool) -> "Bench":
        """Where the steps of a task run; made at the first time, so that a chunk of a few steps costs little."""
        key = id(steps), state.seed
        if key not in self._benches:
            fixed = tree.leaves(_stream(task, state))
            self._benches[key] = task.bench(steps, fixed, batch, gathers=gathers)
        return self._benches[key]

    def flat(self, state: TrainState) -> tuple[list[Any], tree.Structure]:
        """The leaves of what goes from step to step, and their structure; those of the state made last are at hand."""
        carried = _carried(state)
        if self._flat and all(a is b for a, b in zip(self._flat[0], carried, strict=True)):
            return self._flat[1], self._structure
        leaves = self._structure.leaves_of(carried)
        return tree.flatten(carried) if leaves is None else (leaves, self._structure)

    def pace(self, count: int, seconds: float, growth: float) -> None:
        """Choose the steps of the next chunk, after `count` steps took so many seconds."""
        self.paced.count = max(1, int(count * min(_CHUNK_SECONDS / max(seconds, 1e-6), growth)))

    def forget(self) -> None:
        """Look at the leaves of the next state again: a callback may have put other arrays into it."""
        self._flat.clear()

    def let_go(self) -> None:
        """Hold no array of any state."""
        self.forget()
        for bench in self._benches.values():
            bench.let_go()

    def whole(self, found: Sequence[NDArray[Any]], before: Sequence[Any], structure: tree.Structure) -> Any:
        """What goes from step to step, made of the leaves that steps have left; the opposite of `flat`."""
        leaves = list(_like(found, before))
        carried = structure.unflatten(leaves)
        self._flat[:] = carried, leaves
        self._structure = structure
        return carried


def compile_steps(task: Any, state: TrainState, *, any_rows: bool = False) -> CompiledSteps | str:
    """Translate the steps of a task.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        A state of the run; only structure, shapes and dtypes are read.
    any_rows : bool
        Whether the code is to hold for any number of rows where that is possible, so that it serves other runs too.

    Returns
    -------
    CompiledSteps or str
        The code; or why there is none, such as a loss that takes a decision on a value.
    """
    sizes, guarded = batch_sizes(task), is_large(state)
    with np.errstate(all="ignore"):
        try:
            try:
                graphs = dict.fromkeys(sizes, step_graph(task, state, _recorded_at(sizes, any_rows), guarded))
            except Mismatch:
                graphs = {rows: step_graph(task, state, (rows,), guarded) for rows in sizes}
            leaves = len(tree.leaves(_carried(state)))
            finite = len(tree.leaves((state.parameters, state.network_state)))
            translated = {rows: _translated(_Known(graph), leaves) for rows, graph in graphs.items()}
            return CompiledSteps(translated, finite, guarded=guarded)
        except (ChainruleError, NotImplementedError, Mismatch) as reason:
            return str(reason)
        except Exception as problem:  # A function of the user's may need values, in whatever way that shows.
            return f"without values a step raised {type(problem).__name__}: {problem}"


@dataclass(frozen=True)
class _Known:
    """A graph that is equal to every graph that computes the same."""

    graph: Graph = field(compare=False)
    key: Hashable = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", graph_key(self.graph))


@lru_cache(maxsize=32)
def _translated(known: _Known, leaves: int) -> "Steps":
    # These are loaded by who trains, not by who only makes predictions; the translator by who finds nothing on disk.
    from chainrule.native.graph_names import name_of
    from chainrule.native.kept_steps import keep, kept

    name = name_of("steps", known.graph, leaves)
    steps = None if name is None else kept(name)
    if steps is None:
        from chainrule.native.training import compiled_steps

        steps = compiled_steps(optimized(known.graph), leaves)
        if name is not None:
            keep(name, steps)
    return steps


def batch_sizes(task: Any) -> tuple[int] | tuple[int, int]:
    """The numbers of rows that minibatches have."""
    total = len(task.inputs)
    usual = total if task.batch_size is None else min(task.batch_size, total)
    left = total % usual
    return (usual, left) if left else (usual,)


def _recorded_at(sizes: tuple[int] | tuple[int, int], any_rows: bool) -> tuple[int] | tuple[int, int]:
    """Two numbers of rows where the code is to hold for any, and threads may share blocks of them."""
    if len(sizes) == 1 and (any_rows or sizes[0] > _ONE_BLOCK):
        # Neither of them is 1, which would broadcast.
        most = max(sizes[0], 3)
        return most, most - 1
    return sizes


def fingerprint(task: Any, state: TrainState) -> Hashable:
    """What tells whether the functions of a task do what they did: what a step records, as a key."""
    with np.errstate(all="ignore"):
        try:
            return graph_key(step_graph(task, state, (batch_sizes(task)[0],)))
        except Exception as reason:  # As for `compile_steps`, which says what it is.
            return str(reason)


def step_graph(task: Any, state: TrainState, sizes: tuple[int] | tuple[int, int], guarded: bool = False) -> Graph:
    """Record a step: from the state, what layers draw from, the step's number and a batch to the state and objective.

    Parameters
    ----------
    task, state
        As for `compile_steps`.
    sizes : tuple of one or two int
        The numbers of rows for which the graph has to hold.
    guarded : bool
        Whether the arrays of the state stay as they are where the objective or a gradient is not finite.

    Returns
    -------
    Graph
        Inputs and outputs are as `chainrule.native.training.compiled_steps` takes them.

    Raises
    ------
    Mismatch, TraceError
        As `chainrule.trace.sizes.trace_sizes` does.
    """
    shows = guarded or has_users_code(task.optimizer)

    def step(carried: Any, stream: Any, clock: Any, x: Any, targets: Any) -> Any:
        parameters, network_state, optimizer = carried
        rng = fold(stream, clock) if task.draws else None
        (value, after), gradients = task.value_and_gradient(parameters, network_state, x, targets, rng, True)
        if shows:
            # A transform of the user's may make a number of NaN, and a guarded step is not taken: that has to show in
            # the objective.
            for gradient in tree.leaves(gradients):
                value = value + np.sum(gradient * 0)
        ok = np.isfinite(value)
        if guarded:
            # What the update reads follows from `ok`, so that no loop computes it before that is known.
            gradients = tree.map(lambda gradient: np.where(ok, gradient, 0), gradients)
        updates, next_optimizer = task.optimizer.update(gradients, optimizer, parameters)
        if tree.flatten(next_optimizer)[1] != tree.flatten(optimizer)[1]:
            raise NotImplementedError("the state of the optimiser changes its structure in a step")
        found = apply_updates(parameters, updates), after, next_optimizer
        if guarded:
            found = kept_unless(ok, carried, found, _carried(state))
        return *found, value

    arguments = [_carried(state), _stream(task, state), 0.0, task.inputs[:1], task.targets[:1]]
    names = ["state", "stream", "step", "x", "targets"]
    return trace_sizes(step, arguments, names, [False, False, False, True, True], sizes, careful=False)


def _carried(state: TrainState) -> Any:
    return state.parameters, state.network_state, state.optimizer


def _stream(task: Any, state: TrainState) -> RandomState | tuple[()]:
    return task.stream(state.seed) if task.draws else ()


def run_chunks(
    task: Any,
    compiled: CompiledSteps,
    state: TrainState,
    order: NDArray[np.intp] | None,
    spent: float = 0.0,
    hold: Callable[[], None] | None = None,
) -> Iterator[TrainState]:
    """Take the steps that are left of an epoch, chunk by chunk.

    Each step gives the same bits, whatever chunk it is in.

    Parameters
    ----------
    task : Task
        The task.
    compiled : CompiledSteps
        Its steps.
    state : TrainState
        A state from the start of an epoch, or from the middle of one.
    order : array of integer, or None
        The rows of the epoch in the order of its minibatches; None for one step with all rows as they are.
    spent : float
        Seconds that were spent on the epoch besides.
    hold : callable, optional
        Given by one who holds no state but the last one, in one place. It is called where that one is written over:
        from then on there is none until the next one is yielded.

    Yields
    ------
    TrainState
        The state after each chunk.

    Raises
    ------
    DivergenceError
        As `train_step` does.
    """
    from chainrule.train.task import train_step

    total = len(task.inputs)
    batch = batch_sizes(task)[0]
    usual, last = compiled.by_rows[batch], compiled.by_rows[total - (task.steps - 1) * batch]

    def taken(steps: "Steps", state: TrainState, count: int, spends: bool = False) -> TrainState | None:
        """The state after some steps; None where a number is not finite."""
        begun = time.perf_counter()
        leaves, structure = compiled.flat(state)
        bench = compiled.bench(steps, task, state, batch, gathers=order is not None)
        found, objectives = bench.run(leaves, state.step, order, state.batch, count, spends=spends)
        if not np.isfinite(objectives).all():
            return None
        finite = all_finite(x for x in found[: compiled.finite] if x.dtype.kind == "f")
        if not (finite or spends):
            return None
        parameters, network_state, optimizer = compiled.whole(found, leaves, structure)
        if not finite:
            # The state before is gone, but the gradients were finite.
            x = task.inputs if order is None else task.inputs.take(task.rows(order, state.batch), axis=0)
            raise bad_gradient(task.network, ({},) * len(parameters), parameters, network_state, x, task.place(state))
        return replace(
            state,
            parameters=parameters,
            network_state=network_state,
            optimizer=optimizer,
            batch=state.batch + count,
            step=state.step + count,
            # One after the other, so that it does not depend on the chunk.
            total=float(
                np.add.accumulate(np.append(state.total, objectives * weights_of(task, state.batch, count)))[-1]
            ),
            seconds=state.seconds + (time.perf_counter() - begun),
        )

    growth = GROWTH
    while state.batch < task.steps:
        at_end = state.batch == task.steps - 1
        left = task.steps - state.batch if usual is last or at_end else task.steps - 1 - state.batch
        count = 1 if compiled.guarded else min(compiled.paced.count, left)
        steps = last if at_end else usual
        spends = False
        if hold is not None and compiled.guarded:
            compiled.let_go()
            spends = sys.getrefcount(state) == HELD_ONCE and is_held_once(state)
            if spends:
                hold()
        after = taken(steps, state, count, spends)
        if after is None:
            good = _finite_steps(lambda k, steps=steps, state=state: taken(steps, state, k) is not None, count)
            if good:
                state = taken(steps, state, good) or state
                yield state
            state = train_step(task, state, task.rows(order, state.batch))
            yield state
            compiled.paced.count, growth = 1, _CAREFUL_GROWTH
            continue
        seconds = after.seconds - state.seconds
        state = replace(after, seconds=after.seconds + spent) if spent else after
        spent, after = 0.0, None
        yield state
        if not compiled.guarded:
            compiled.pace(count, seconds, growth)


def weights_of(task: Any, first: int, count: int) -> NDArray[np.float64]:
    """What the objectives of some minibatches of an epoch, from the number `first` on, count for in its total."""
    weights = np.ones(count)
    if task.reduction == "mean":
        batch = batch_sizes(task)[0]
        weights[:] = batch
        weights[-1] = min(batch, len(task.inputs) - (first + count - 1) * batch)
    return weights


def _finite_steps(is_finite: Any, count: int) -> int:
    """The most steps after which all is finite, by halving; after `count` of them it is not, and NaN stays."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_finite(middle) else (low, middle)
    return low


def _like(found: Sequence[NDArray[Any]], before: Sequence[Any]) -> Iterator[Any]:
    """The leaves of a state as they were: what counted in Python counts in Python."""
    for x, y in zip(found, before, strict=True):
        if isinstance(y, np.ndarray):
            yield x
        else:
            yield x[()] if isinstance(y, np.generic) else type(y)(x.item())
