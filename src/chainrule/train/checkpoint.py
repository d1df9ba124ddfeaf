"""Checkpoints: the state of a run in a file, from which it goes on to the same bits.

A file holds, in the form of `chainrule.train.containers`, the arrays of a `TrainState` as tensors: parameters and
network state as in a model file, the state of the optimiser by the paths of its leaves, and the columns of the history.
Its description holds the numbers of the state, and what the run is (see `chainrule.train.identity`). Nothing is built
from the file but arrays, numbers and texts: what containers they are in follows from the optimiser of the run that goes
on.
"""

import json
import math
import os
import time
import weakref
from dataclasses import dataclass
from os import PathLike
from typing import Any

from chainrule import tree
from chainrule.errors import CheckpointError, OptionError
from chainrule.nn.layers import check_size
from chainrule.train import containers
from chainrule.train.identity import differences
from chainrule.train.saved_state import restored, saved
from chainrule.train.state import TrainState

__all__ = ["Checkpoint", "Keeper", "check_checkpoint", "read_checkpoint", "read_parts", "source_of"]

_KIND = containers.Kind("checkpoint", "checkpoint", 1, "start the run again without it", CheckpointError)


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often the state of a run is written; also at its end, whatever ends it but an error.

    Attributes
    ----------
    path : path-like
        The file. At every moment it is a whole checkpoint, or not there.
    every : int or None
        Write at the end of every so many epochs; None for a schedule of seconds alone.
    seconds : float or None
        Write when so many seconds have passed since the last time, also within an epoch; None for a schedule of epochs
        alone.

    Raises
    ------
    OptionError
        For a number out of its range.

    Examples
    --------
    >>> Checkpoint("run.checkpoint", every=10)
    Checkpoint(path='run.checkpoint', every=10, seconds=60.0)
    """

    path: str | PathLike[str]
    every: int | None = None
    seconds: float | None = 60.0

    def __post_init__(self) -> None:
        if self.every is not None:
            check_size("every", self.every)
        if self.seconds is not None and not 0 <= self.seconds < math.inf:
            raise OptionError(f"seconds has to be a finite number of at least 0, found {self.seconds}")


class Keeper:
    """Write the checkpoints of one run when they are due.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where and how often.
    run : dict
        What the run is, from `describe_run`.
    state : TrainState
        Where it starts from; nothing is written for it.

    Raises
    ------
    OptionError
        Where the state holds what a file cannot.
    """

    def __init__(self, checkpoint: Checkpoint, run: dict[str, Any], state: TrainState) -> None:
        self._checkpoint, self._run = checkpoint, run
        self._written = weakref.ref(state)
        self._structure = tree.flatten(state.optimizer)[1]
        containers.clean(checkpoint.path)
        saved(state)
        self._wait()

    def _wait(self) -> None:
        seconds = self._checkpoint.seconds
        self._due = math.inf if seconds is None else time.monotonic() + seconds

    def step(self, state: TrainState) -> None:
        """Write the state after a chunk of steps, where it is time."""
        if time.monotonic() >= self._due:
            self._write(state)

    def epoch(self, state: TrainState) -> None:
        """Write the state after an epoch, where it is its turn, or it is time."""
        every = self._checkpoint.every
        if (every is not None and state.epoch % every == 0) or time.monotonic() >= self._due:
            self._write(state)

    def epochs_until(self, state: TrainState) -> float:
        """Epochs after a state at whose end one is written in any case."""
        every = self._checkpoint.every
        return math.inf if every is None else every - state.epoch % every

    def end(self, state: TrainState) -> None:
        """Write the state at the end of the run, if it is not there."""
        if state is not self._written():
            self._write(state)

    def _write(self, state: TrainState) -> None:
        if tree.flatten(state.optimizer)[1] != self._structure:
            raise OptionError(
                "the state of the optimiser changes its structure from step to step, which a checkpoint cannot hold"
            )
        numbers, tensors = saved(state)
        description = json.dumps({"run": self._run, "state": numbers}, ensure_ascii=False)
        try:
            containers.write(_KIND, self._checkpoint.path, containers.to_bytes(_KIND, description, tensors))
        except CheckpointError as error:
            error.state = state
            raise
        self._written = weakref.ref(state)
        self._wait()


def source_of(checkpoint: Checkpoint | None, resume: bool | str | PathLike[str]) -> str | PathLike[str] | None:
    """Find the file that a run goes on from, and check that its own checkpoints can be written.

    Parameters
    ----------
    checkpoint : Checkpoint or None
        Where its checkpoints go.
    resume : bool or path-like
        As for `chainrule.train.fit`.

    Returns
    -------
    path-like or None
        The file; None where the run starts anew.

    Raises
    ------
    CheckpointError
        Where nothing can be written, or a file would be replaced that the run does not go on from.
    OptionError
        Where there is nothing to go on from.
    """
    source = None if isinstance(resume, bool) else resume
    if resume is True:
        if checkpoint is None:
            raise OptionError("resume=True goes on from the file of checkpoint: give checkpoint, or resume=path")
        source = checkpoint.path if os.path.lexists(checkpoint.path) else None
    if checkpoint is None:
        return source
    path = checkpoint.path
    containers.check_place(_KIND, path)
    same = source is not None and os.path.realpath(source) == os.path.realpath(path)
    if not same and os.path.exists(path) and os.path.getsize(path):
        raise CheckpointError(
            f"{os.fspath(path)}: there is a file already, and it is not overwritten: go on from it with --resume "
            "(resume=True), remove it, or name another file"
        )
    return source


def check_checkpoint(checkpoint: Checkpoint, resume: bool) -> bool:
    """Check that a run can have a checkpoint, and go on from it, before anything that takes long.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where its checkpoints go.
    resume : bool
        Whether it goes on from there.

    Returns
    -------
    bool
        Whether there is a state to go on from.

    Raises
    ------
    CheckpointError
        Where nothing can be written, a file would be replaced, or what is there is no whole checkpoint.

    Examples
    --------
    >>> check_checkpoint(Checkpoint("no/such/folder/run.checkpoint"), resume=False)
    Traceback (most recent call last):
        ...
    chainrule.errors.CheckpointError: no/such/folder/run.checkpoint: the checkpoint cannot be written (No such
    file or directory)
    """
    source = source_of(checkpoint, resume)
    if source is not None:
        read_parts(source)
    return source is not None


def read_parts(path: str | PathLike[str]) -> tuple[Any, Any, dict[str, Any]]:
    """Read what the run was, the numbers of its state, and the tensors; CheckpointError where there are none."""

    def build(description: Any, tensors: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        if not isinstance(description, dict):
            raise CheckpointError("the checkpoint is damaged: its description is no table of entries")
        return description.get("run"), description.get("state"), tensors

    return containers.loaded(_KIND, path, build)


def read_checkpoint(path: str | PathLike[str], run: dict[str, Any], like: TrainState) -> TrainState:
    """Read the state of a run.

    No code from the file is run. Names, shapes and types of all tensors are compared with those of the run.

    Parameters
    ----------
    path : path-like
        The file.
    run : dict
        What is to go on, from `describe_run`.
    like : TrainState
        The state before its first step.

    Returns
    -------
    TrainState
        The state that was written.

    Raises
    ------
    CheckpointError
        Where the file is missing, truncated, damaged, no checkpoint, or that of another run; the message says in what
        the runs differ.
    """
    there, numbers, tensors = read_parts(path)
    with containers.named(_KIND, path):
        found = differences(there, run)
        if found:
            raise CheckpointError(
                f"this is the checkpoint of another run. What differs: {'; '.join(found)}. Give what it was then, or "
                "start without this checkpoint"
            )
        return restored(_KIND, numbers, tensors, like)
