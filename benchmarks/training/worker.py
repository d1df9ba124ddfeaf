"""Processes in which contestants wait for their turns: libraries take their number of threads when they are loaded."""

import multiprocessing
import os
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing.connection import Connection

from benchmarks.training.contestant import Contestant
from benchmarks.training.networks import Case

__all__ = ["Worker"]


class Worker:
    """A process of a contestant with a number of threads.

    Parameters
    ----------
    make : callable
        ``make(case, threads)`` gives a contestant; it is called in the process.
    threads : int
        What the libraries find in the environment when the process loads them.
    """

    def __init__(self, make: Callable[[Case, int], Contestant], threads: int) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(make, threads, theirs), daemon=True
        )
        with _environment(threads):
            self._process.start()
        # Only the process holds its end now, so that its death ends the wait for an answer.
        theirs.close()

    def prepare(self, case: Case, seconds: float) -> str | None:
        """Make the contestant of a network, and find how many steps fill a turn; gives the reason where it cannot."""
        return self._ask(("prepare", case, seconds))

    def turn(self) -> float:
        """Microseconds of a step, over one turn."""
        return self._ask(("turn",))

    def close(self) -> None:
        self._process.terminate()
        self._process.join()

    def _ask(self, message: tuple):
        self._connection.send(message)
        return self._connection.recv()


@contextmanager
def _environment(threads: int):
    # NPROC sets the threads of XLA's pool, which has one for each processor otherwise.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CHAINRULE_THREADS", "NPROC")
    settings = {"JAX_PLATFORMS": "cpu"} | dict.fromkeys(names, str(threads))
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(make: Callable[[Case, int], Contestant], threads: int, connection: Connection) -> None:
    train, steps = None, 0
    while True:
        name, *arguments = connection.recv()
        if name == "prepare":
            # What the network before held is let go first.
            train = None
            case, seconds = arguments
            try:
                train = make(case, threads)
                steps = _calibrated(train, seconds)
                connection.send(None)
            except Exception as error:
                # One that fails leaves a gap in the table, and the others go on.
                connection.send(f"{type(error).__name__}: {error}")
        else:
            count, taken = train(steps)
            connection.send(1e6 * taken / count)


def _calibrated(train: Contestant, seconds: float) -> int:
    """Steps that take about so many seconds."""
    train(1)
    count, taken = train(1)
    while taken < seconds / 10:
        count, taken = train(2 * count)
    return max(1, round(count * seconds / taken))
