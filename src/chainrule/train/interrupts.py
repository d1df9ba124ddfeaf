"""Ctrl-C between steps: a first one is noted, a second one acts at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupts", "noted_interrupts"]


class Interrupts:
    """What is known of Ctrl-C."""

    def __init__(self) -> None:
        self._pressed = self._held = self._late = False

    def __call__(self) -> bool:
        """Tell whether Ctrl-C was pressed."""
        return self._pressed

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal: note the first one, and act on a second one."""
        if self._pressed and not self._held:
            signal.default_int_handler(number, frame)
        self._late = self._pressed
        self._pressed = True

    def hold(self) -> None:
        """Let nothing break in until `release`."""
        self._held = True

    def release(self) -> None:
        """Act on a second one that has come meanwhile."""
        self._held = False
        if self._late:
            self._late = False
            raise KeyboardInterrupt


@contextmanager
def noted_interrupts() -> Iterator[Interrupts]:
    """Note the first Ctrl-C instead of letting it break into whatever runs.

    Python raises KeyboardInterrupt between any two instructions, also halfway through a step or while a
    recording is being closed. Inside this block the first SIGINT is only noted; a second one raises
    KeyboardInterrupt as always, so that a very long step can be left. A handler of the user's own is left
    alone, and so are other threads than the main one, where Python has no handlers.

    Yields
    ------
    Interrupts
        Tells whether Ctrl-C was pressed.
    """
    interrupts = Interrupts()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupts.note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
