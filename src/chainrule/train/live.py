"""A run in a notebook: its curve, drawn anew in one place while it goes on."""

import multiprocessing
import sys
import time
from typing import Any

from chainrule.train.state import TrainState
from chainrule.train.task import Task

__all__ = ["Live", "in_notebook"]

# Seconds between two drawings; and how many times the time that one takes has to pass before the next, so that a run is
# never slowed down by more than 2 %.
_FRAME = 0.4
_SHARE = 50.0


def in_notebook() -> bool:
    """Whether a notebook runs this code, which can show HTML and change what it has shown.

    Examples
    --------
    >>> in_notebook()
    False
    """
    # Where nobody has imported IPython, it does not run this code.
    ipython = sys.modules.get("IPython")
    if ipython is None or multiprocessing.parent_process() is not None:
        # A process that a notebook's one has started has no way to its page.
        return False
    # The shell of a terminal has no kernel that messages could go through.
    return getattr(ipython.get_ipython(), "kernel", None) is not None


class Live:
    """The curve of objective and held-out cost in a notebook, drawn in place while a run goes on.

    At the end it leaves the history as a notebook shows it. Where no notebook runs, IPython prints a line of text.

    Raises
    ------
    ImportError
        Where there is no IPython.
    """

    def __init__(self) -> None:
        try:
            from IPython.display import display
        except ImportError as error:
            raise ImportError(
                "Live draws in a notebook, and there is no IPython here: show the run by train.Lines(sys.stderr)"
            ) from error
        self._display = display
        self._handle: Any = None
        self._task: Task | None = None
        self._state: TrainState | None = None
        self._epochs = 1
        self._first = 0
        self._began = self._due = 0.0

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Make the place, and draw what there is."""
        self._task, self._state, self._epochs = task, state.without_arrays(), epochs
        self._first, self._began = state.epoch * task.steps + state.batch, time.monotonic()
        self._handle = None
        self._draw()

    def step(self, state: TrainState) -> None:
        """Draw, where it is time to."""
        self._state = state.without_arrays()
        if time.monotonic() >= self._due:
            self._draw()

    def epoch(self, state: TrainState) -> None:
        """Draw with the epoch's point, where it is time to."""
        self.step(state)

    def halved(self, task: Task, state: TrainState) -> None:
        """Draw without the epochs that were taken back."""
        self._task, self._state = task, state.without_arrays()
        self._draw()

    def end(self) -> None:
        """Draw a last time, without the bar."""
        if self._state is not None:
            from chainrule.train.html import history_html, standing

            self._show(standing(self._state, self._epochs), history_html(self._state.history, self._state.best))

    def _draw(self) -> None:
        task, state = self._task, self._state
        if task is None or state is None:
            return
        # Loaded here, since few runs are in a notebook.
        from chainrule.train.html import running_html, standing

        start = time.monotonic()
        whole, done = self._epochs * task.steps, state.epoch * task.steps + state.batch
        text = standing(state, self._epochs) + _left(start - self._began, done - self._first, whole - done)
        self._show(text, running_html(text, done, whole, state))
        end = time.monotonic()
        self._due = end + max(_FRAME, _SHARE * (end - start))

    def _show(self, text: str, shown: str) -> None:
        bundle = {"text/plain": text, "text/html": shown}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _left(seconds: float, done: int, left: int) -> str:
    """Say how long the rest will take, once a second has told how fast it goes."""
    if seconds < 1 or done <= 0 or left <= 0:
        return ""
    rest = seconds * left / done
    return f", about {rest:.0f} s left" if rest < 120 else f", about {rest / 60:.0f} min left"
