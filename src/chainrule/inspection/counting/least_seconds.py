"""How long calls take, one beside the other."""

import math
import time
from collections.abc import Callable
from typing import Any

__all__ = ["least_seconds"]


def least_seconds(*calls: Callable[[], Any], times: int = 7, shortest: float = 0.001) -> tuple[float, ...]:
    """Measure calls in turns, and take the least time of each: what disturbs a measurement makes it longer.

    Parameters
    ----------
    *calls : callables without arguments
        What is measured; each is called before, in which time it may compile.
    times : int
        How often each is measured.
    shortest : float
        The shortest time, in seconds, that is measured: shorter calls are done so often together.

    Returns
    -------
    tuple of float
        Seconds of one call of each.

    Examples
    --------
    >>> short, long = least_seconds(lambda: sum(range(10)), lambda: sum(range(10_000)))
    >>> short < long
    True
    """
    counts = [_enough(call, shortest) for call in calls]
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(times):
        for call, count, seconds in zip(calls, counts, found, strict=True):
            begun = time.perf_counter()
            for _ in range(count):
                call()
            seconds.append((time.perf_counter() - begun) / count)
    return tuple(map(min, found))


def _enough(call: Callable[[], Any], shortest: float) -> int:
    """How many calls take as long as is measured at least."""
    call()
    begun = time.perf_counter()
    call()
    return math.ceil(shortest / max(time.perf_counter() - begun, 1e-7))
