"""Work that is done piece by piece in several processes, each with one thread."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from chainrule.errors import ChainruleError

__all__ = ["do_all"]

Shared = TypeVar("Shared")
Piece = TypeVar("Piece")
Result = TypeVar("Result")

_LOST = "the process that it ran in ended by itself, as where memory runs out"


def do_all(
    work: Callable[[Shared, Piece], Result], shared: Shared, pieces: Sequence[Piece], jobs: int
) -> Iterator[tuple[int, Result | ChainruleError]]:
    """Call a function for every piece, in this process or in several new ones.

    Each new process has one thread for products and one for native code, so that together they take as many cores as
    there are jobs. What the function returns must not depend on how many there are. Ctrl-C is heard by this process
    alone. When the iterator ends or is closed, the processes end, whatever they are doing.

    Parameters
    ----------
    work : callable
        ``work(shared, piece)``, a function of a module.
    shared : object
        What all calls need; it is sent to each process once.
    pieces : sequence
        What differs from call to call.
    jobs : int
        Number of processes; 1 for this one.

    Yields
    ------
    int
        Which piece is done.
    object
        What the function returned, or the ChainruleError that it raised. Where a process ended by itself, all pieces
        that are not done have one, too.

    Examples
    --------
    >>> from operator import mul
    >>> sorted(do_all(mul, 3, [1, 2], jobs=1))
    [(0, 3), (1, 6)]
    """
    jobs = min(jobs, len(pieces))
    if jobs <= 1:
        yield from ((number, _tried(work, shared, piece)) for number, piece in enumerate(pieces))
        return
    others = set(multiprocessing.active_children())
    # Forked processes would take over locks that threads of this one hold.
    executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (work, shared))
    try:
        with _without_interrupts():
            waiting: dict[Future[Any], int] = {executor.submit(_do, piece): i for i, piece in enumerate(pieces)}
            # Each submission has the executor's thread look at which processes there are, and only then starts another:
            # without one more, the end of the last process would be heard of when the others are done.
            executor.submit(int)
        for future in as_completed(waiting):
            yield waiting.pop(future), _result(future)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BrokenProcessPool:
        return ChainruleError(_LOST)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C; processes that begin meanwhile ignore it for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tried(work: Callable[[Any, Any], Any], shared: Any, piece: Any) -> Any:
    try:
        return work(shared, piece)
    except ChainruleError as error:
        return error


_given: list[Any] = []
"""In a process of the pool: the function, and what all calls need."""


def _begin(work: Callable[[Any, Any], Any], shared: Any) -> None:
    from threadpoolctl import threadpool_limits

    from chainrule.native.pool import set_threads

    threadpool_limits(1)
    set_threads(1)
    _given[:] = [work, shared]


def _do(piece: Any) -> Any:
    work, shared = _given
    return _tried(work, shared, piece)
