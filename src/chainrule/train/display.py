"""How a run gets on: a bar on a terminal, plain lines elsewhere."""

import math
import time
from typing import TYPE_CHECKING, Any, TextIO

from chainrule.train.running import Progress
from chainrule.train.state import Epoch, TrainState
from chainrule.train.task import Task

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Bar", "Lines", "progress"]

_LINES = 20
# Seconds after which a line is due in the middle of a long epoch, and between two updates of the bar.
_LONG = 30.0
_FRAME = 0.05


def progress(stream: TextIO) -> Progress:
    """Choose how to show a run on a stream.

    Parameters
    ----------
    stream : text file
        Such as ``sys.stderr``.

    Returns
    -------
    Progress
        A `Bar` where the stream is a terminal that can move its cursor, otherwise `Lines`.

    Examples
    --------
    >>> import io
    >>> type(progress(io.StringIO())).__name__
    'Lines'
    """
    if stream.isatty():
        from rich.console import Console

        console = Console(file=stream)
        if console.is_terminal and not console.is_dumb_terminal:
            return Bar(console)
    return Lines(stream)


class Lines:
    """Plain lines: about twenty in a run, and one every half minute where epochs take long.

    Parameters
    ----------
    stream : text file
        Where the lines go.

    Examples
    --------
    >>> import sys
    >>> from chainrule import data, nn, optim
    >>> from chainrule.train import fit
    >>> network = nn.Network.of(2, output="sigmoid")
    >>> X, T = data.xor()
    >>> run = fit(network, network.initialize(0), "binary_cross_entropy", X, T, optimizer=optim.sgd(0.5),
    ...           epochs=2, progress=Lines(sys.stdout))
    epoch 1/2  loss 0.7130  rate 0.5000
    epoch 2/2  loss 0.7110  rate 0.5000
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._task: Task | None = None
        self._epochs = self._every = 1
        self._due = math.inf
        self._unwritten: Epoch | None = None

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Take note that a run starts."""
        self._task, self._epochs = task, epochs
        self._every = max(1, math.ceil((epochs - state.epoch) / _LINES))
        self._due = time.monotonic() + _LONG
        if state.step:
            self._write(f"goes on after step {state.step} (epoch {state.epoch + (state.batch > 0)})")

    def step(self, state: TrainState) -> None:
        """Write a line where none was written for long."""
        if time.monotonic() < self._due or self._task is None:
            return
        percent = 100 * state.batch // self._task.steps
        text = _numbers(self._task.objective_so_far(state), None, self._task.rate(state.step - 1))
        self._write(f"epoch {state.epoch + 1}/{self._epochs} ({percent} %)  {text}")

    def epoch(self, state: TrainState) -> None:
        """Write the epoch's line where it is due."""
        self._unwritten = state.history[-1]
        if state.epoch % self._every == 0 or state.epoch in (1, self._epochs):
            self._write_epoch(self._unwritten)

    def halved(self, task: Task, state: TrainState) -> None:
        """Write a line that says so."""
        self._task, self._unwritten = task, None
        self._write(str(state.history.halvings[-1]))

    def end(self) -> None:
        """Write the line of the last epoch, if it is not there."""
        if self._unwritten is not None:
            self._write_epoch(self._unwritten)

    def _write_epoch(self, row: Epoch) -> None:
        self._write(f"epoch {row.epoch}/{self._epochs}  {_numbers(row.objective, row.validation, row.rate)}")
        self._unwritten = None

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
        self._due = time.monotonic() + _LONG


class Bar:
    """A progress bar over all steps of the run, with epoch, loss and rate.

    Parameters
    ----------
    console : rich.console.Console
        Where it is drawn.
    """

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._line: Any = None
        self._task: Task | None = None
        self._state: TrainState | None = None
        self._epochs = 1
        self._due = 0.0

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Draw the bar."""
        self._task, self._epochs, self._state = task, epochs, state
        self._line = self._bar.add_task("", total=epochs * task.steps, numbers="")
        self._bar.start()
        self._draw()

    def step(self, state: TrainState) -> None:
        """Move the bar, not more often than an eye can see."""
        self._state = state
        if time.monotonic() >= self._due:
            self._draw()

    def epoch(self, state: TrainState) -> None:
        """Show the epoch's row of the history."""
        self.step(state)

    def halved(self, task: Task, state: TrainState) -> None:
        """Write a line that says so above the bar, and move it back."""
        self._task, self._state = task, state
        self._bar.console.print(str(state.history.halvings[-1]))
        self._draw()

    def end(self) -> None:
        """Leave the bar as it stands."""
        self._draw()
        self._bar.stop()

    def _draw(self) -> None:
        task, state = self._task, self._state
        if task is None or state is None:
            return
        rate = task.rate(max(state.step - 1, 0))
        row = state.history[-1] if len(state.history) else None
        loss = row.objective if row is not None and not state.batch else task.objective_so_far(state)
        self._bar.update(
            self._line,
            completed=state.epoch * task.steps + state.batch,
            description=f"epoch {state.epoch + 1 if state.batch else max(state.epoch, 1)}/{self._epochs}",
            numbers=_numbers(loss, None if row is None else row.validation, rate),
        )
        self._due = time.monotonic() + _FRAME


def _numbers(loss: float, validation: float | None, rate: float | None) -> str:
    named = {"loss": None if math.isnan(loss) else loss, "validation": validation, "rate": rate}
    return "  ".join(f"{name} {_short(value)}" for name, value in named.items() if value is not None)


def _short(value: float) -> str:
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"
