"""Ctrl-C between steps: a first one is noted, a second one acts at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["noted_interrupts"]


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """Note the first Ctrl-C instead of letting it break into whatever runs.

    Python raises KeyboardInterrupt between any two instructions, also halfway through a step or while a
    recording is being closed. Inside this block the first SIGINT is only noted; a second one raises
    KeyboardInterrupt as always, so that a very long step can be left. A handler of the user's own is left
    alone, and so are other threads than the main one, where Python has no handlers.

    Yields
    ------
    callable
        Tells whether Ctrl-C was pressed.
    """
    pressed = False

    def is_pressed() -> bool:
        return pressed

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            signal.default_int_handler(number, frame)
        pressed = True

    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield is_pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield is_pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
