"""How a run gets on: a curve in a notebook, a bar on a terminal, plain lines elsewhere."""

import math
import multiprocessing
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from chainrule.train.live import Live, in_notebook
from chainrule.train.running import Progress
from chainrule.train.state import Epoch, TrainState
from chainrule.train.task import Task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

__all__ = ["Bar", "Lines", "progress", "short", "write_line"]

_LINES = 20
# Seconds after which a line is due in the middle of a long epoch, and between two updates of the bar.
_LONG = 30.0
_FRAME = 0.05


def progress(stream: TextIO | None = None) -> Progress:
    """Choose how to show a run.

    Parameters
    ----------
    stream : text file, optional
        Such as ``sys.stdout``. By default a notebook where one runs, otherwise ``sys.stderr``.

    Returns
    -------
    Progress
        `Live` in a notebook. On a stream a `Bar` where it is a terminal that can move its cursor, otherwise `Lines`. In
        a process that another one has started, such as a worker of joblib, also `Lines`: several processes cannot share
        the cursor.

    Examples
    --------
    >>> import io
    >>> type(progress(io.StringIO())).__name__
    'Lines'
    """
    if stream is None:
        if in_notebook():
            return Live()
        stream = sys.stderr
    if stream.isatty() and multiprocessing.parent_process() is None:
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
        self._seen = 0  # Rows of the history.

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Take note that a run starts."""
        self._task, self._epochs, self._seen = task, epochs, len(state.history)
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
        """Write the line of each epoch where it is due."""
        for row in state.history.rows[self._seen :]:
            self._unwritten = row
            if row.epoch % self._every == 0 or row.epoch in (1, self._epochs):
                self._write_epoch(row)
        self._seen = len(state.history)

    def halved(self, task: Task, state: TrainState) -> None:
        """Write a line that says so."""
        self._task, self._unwritten, self._seen = task, None, len(state.history)
        self._write(str(state.history.halvings[-1]))

    def end(self) -> None:
        """Write the line of the last epoch, if it is not there."""
        if self._unwritten is not None:
            self._write_epoch(self._unwritten)

    def _write_epoch(self, row: Epoch) -> None:
        self._write(f"epoch {row.epoch}/{self._epochs}  {_numbers(row.objective, row.validation, row.rate)}")
        self._unwritten = None

    def _write(self, line: str) -> None:
        write_line(self._stream, line)
        self._due = time.monotonic() + _LONG


class Bar:
    """A progress bar over all steps of the run, with epoch, loss and rate.

    Runs in several threads have their bars below each other.

    Parameters
    ----------
    console : rich.console.Console
        Where it is drawn.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._bars: RichProgress | None = None
        self._line: Any = None
        self._task: Task | None = None
        self._state: TrainState | None = None
        self._epochs = 1
        self._due = 0.0

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Draw the bar."""
        self._task, self._epochs, self._state = task, epochs, state.without_arrays()
        self._bars = _joined(self._console)
        self._line = self._bars.add_task("", total=epochs * task.steps, numbers="")
        self._draw()

    def step(self, state: TrainState) -> None:
        """Move the bar, not more often than an eye can see."""
        self._state = state.without_arrays()
        if time.monotonic() >= self._due:
            self._draw()

    def epoch(self, state: TrainState) -> None:
        """Show the epoch's row of the history."""
        self.step(state)

    def halved(self, task: Task, state: TrainState) -> None:
        """Write a line that says so above the bar, and move it back."""
        self._task, self._state = task, state.without_arrays()
        if self._bars is not None:
            self._bars.console.print(str(state.history.halvings[-1]))
        self._draw()

    def end(self) -> None:
        """Leave the bar as it stands; or a line in its place, where others are still moving."""
        self._draw()
        if self._bars is not None:
            _left(self._console, self._bars, self._line)
            self._bars = None

    def _draw(self) -> None:
        task, state = self._task, self._state
        if task is None or state is None or self._bars is None:
            return
        rate = task.rate(max(state.step - 1, 0))
        row = state.history[-1] if len(state.history) else None
        loss = row.objective if row is not None and not state.batch else task.objective_so_far(state)
        self._bars.update(
            self._line,
            completed=state.epoch * task.steps + state.batch,
            description=f"epoch {state.epoch + 1 if state.batch else max(state.epoch, 1)}/{self._epochs}",
            numbers=_numbers(loss, None if row is None else row.validation, rate),
        )
        self._due = time.monotonic() + _FRAME


_guard = threading.Lock()
#: What is drawn on a stream just now, and by how many runs: two displays on one terminal would overwrite each other.
_drawn: "dict[int, tuple[RichProgress, int]]" = {}


def _joined(console: "Console") -> "RichProgress":
    """The bars on a console, to which one more may be added."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    with _guard:
        bars, runs = _drawn.get(id(console.file), (None, 0))
        if bars is None:
            bars = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[numbers]}"),
                TimeRemainingColumn(),
                console=console,
            )
            bars.start()
        _drawn[id(console.file)] = bars, runs + 1
        return bars


def _left(console: "Console", bars: "RichProgress", line: Any) -> None:
    """Take note that one run less is drawn on a console."""
    with _guard:
        _, runs = _drawn.pop(id(console.file))
        if runs == 1:
            bars.stop()
            return
        _drawn[id(console.file)] = bars, runs - 1
        over = next(task for task in bars.tasks if task.id == line)
        bars.remove_task(line)
        bars.console.print(f"{over.description}  {over.fields['numbers']}", highlight=False)


def write_line(stream: TextIO, line: str) -> None:
    """Write a line whole, so that lines of several threads and processes do not run into each other."""
    stream.write(f"{line}\n")
    stream.flush()


def _numbers(loss: float, validation: float | None, rate: float | None) -> str:
    named = {"loss": None if math.isnan(loss) else loss, "validation": validation, "rate": rate}
    return "  ".join(f"{name} {short(value)}" for name, value in named.items() if value is not None)


def short(value: float) -> str:
    """Write a number with about four digits."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"
