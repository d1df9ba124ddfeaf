"""Python's collector of reference cycles, while code is made."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused"]


class _Pauses:
    """How many are under way, and whether the collector is to run again after the last of them."""

    lock = threading.Lock()
    count = 0
    was_enabled = False


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let no collection of cycles begin.

    A graph and its instructions are hundreds of thousands of objects that live until the code is there. The collector,
    called for by their number, would look through all objects of the process again and again, for a third of the time
    that it takes to make code. Several threads may pause it at once, and a pause may stand inside of another.

    Examples
    --------
    >>> import gc
    >>> with collector_paused():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    with _Pauses.lock:
        if _Pauses.count == 0:
            _Pauses.was_enabled = gc.isenabled()
            gc.disable()
        _Pauses.count += 1
    try:
        yield
    finally:
        with _Pauses.lock:
            _Pauses.count -= 1
            if _Pauses.count == 0 and _Pauses.was_enabled:
                gc.enable()
