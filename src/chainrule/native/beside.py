"""Work that is begun before its result is asked for, in a thread beside the one that goes on."""

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["begun"]

T = TypeVar("T")

_under_way: "set[_Work[Any]]" = set()


def begun(work: Callable[[], T]) -> Callable[[], T]:
    """Run a function in a thread of its own.

    Parameters
    ----------
    work : callable
        What to run; its time should pass without the interpreter, since one thread has that at a time.

    Returns
    -------
    callable
        Waits, and returns what `work` has returned, or raises what it has raised; the same when called again.

    Examples
    --------
    >>> from chainrule.native.beside import begun
    >>> wait = begun(lambda: 6 * 7)
    >>> wait()
    42
    """
    return _Work(work).begin()


class _Work(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work: Callable[[], T] | None = work
        self._found: list[T] = []
        self._problem: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="chainrule")

    def begin(self) -> Callable[[], T]:
        _under_way.add(self)
        try:
            self._thread.start()
        except RuntimeError:  # There can be no other thread: none is left, or the interpreter is about to end.
            self._run()
            return self._result
        return self._waited

    def join(self) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        assert self._work is not None
        try:
            self._found.append(self._work())
        except BaseException as problem:  # Who waits raises it.
            self._problem.append(problem)
        finally:
            self._work = None  # What it works on goes with it.
            _under_way.discard(self)

    def _waited(self) -> T:
        self._thread.join()
        return self._result()

    def _result(self) -> T:
        for problem in self._problem:
            raise problem
        return self._found[0]


def _wait() -> None:
    """Let all that is under way end: a child process has none of these threads, and would wait for them for ever."""
    for work in list(_under_way):
        work.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait)
