"""A recording: the list of operations that one differentiation, or one `trace`, sees go by."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node

__all__ = ["Recording", "arrays_entering", "next_level"]


class _Here(threading.local):
    """What takes the constant arrays of this thread's recordings (see `arrays_entering`)."""

    enter: Callable[[np.ndarray[Any, Any]], Any] | None = None


_here = _Here()

# A later recording is nested in an earlier one or has nothing to do with it, so the order of making is the level.
_levels = itertools.count()


def next_level() -> int:
    """Number of a new level of nesting."""
    return next(_levels)


#: Arrays up to this many bytes are copied when a recording keeps them; larger ones are made read-only for its duration.
_COPY_LIMIT = 4096


# Arrays that are read-only for now, with the number of recordings that read them: nested ones, or in several threads.
_locked: dict[int, list[Any]] = {}
_guard = threading.Lock()


def _owners(array: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The arrays that a view was taken from."""
    found = []
    base = array.base
    while isinstance(base, np.ndarray):
        found.append(base)
        base = base.base
    return found


def _lock_array(array: np.ndarray[Any, Any]) -> bool:
    with _guard:
        entry = _locked.get(id(array))
        if entry is not None:
            entry[1] += 1
            return True
        if not array.flags.writeable:
            return False
        array.flags.writeable = False
        _locked[id(array)] = [array, 1]
        return True


def _unlock_arrays(arrays: list[np.ndarray[Any, Any]]) -> None:
    with _guard:
        for array in arrays:
            _locked[id(array)][1] -= 1
        # A view can only be made writable once its owner is, which another recording may still be reading.
        free = [array for array, count in _locked.values() if count == 0]
        for array in sorted(free, key=lambda array: len(_owners(array))):
            if not any(id(owner) in _locked for owner in _owners(array)):
                array.flags.writeable = True
                del _locked[id(array)]


class Recording:
    """Collects nodes while a function runs.

    Attributes
    ----------
    level : int
        Grows with every recording made; an inner differentiation has the higher level.
    append : callable
        Takes the node of an operation.
    entries : list of Node
        The tape: the operations in the order of computation, each with what its derivative reads.
    whole : bool
        True to record operations without derivative too, and to keep no values: for graphs that are printed or
        evaluated again. False for a derivative alone, in which such results are plain arrays.
    group : str or None
        The NumPy or SciPy function whose composition is running.
    """

    __slots__ = ("_held", "append", "copies", "entries", "group", "level", "whole")

    #: False for the levels that treat an operation in a way of their own (see `Tracer`).
    is_special = False

    def __init__(self, *, whole: bool = False, copies: bool = False) -> None:
        self.level = next(_levels)
        self.entries: list[Node] = []
        self.append = self.entries.append
        self.whole = whole
        self.copies = copies
        self.group: str | None = None
        self._held: list[np.ndarray[Any, Any]] = []

    def hold(self, array: np.ndarray[Any, Any]) -> Any:
        """Make sure that a constant array still has its present entries when the backward pass reads them (see `keep`).

        Parameters
        ----------
        array : ndarray
            A constant that an operation reads.

        Returns
        -------
        ndarray or Tracer
            The array, or its copy; or what stands for it in a recording around this one (see `arrays_entering`).
        """
        enter = _here.enter
        if enter is not None and array.dtype.kind in "fc" and array.ndim:
            return enter(array)
        return array.copy("K") if array.nbytes <= _COPY_LIMIT else self.keep(array)

    def keep(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Make sure that a constant array keeps its present entries until the recording ends.

        A function may fill one buffer again and again. A small array is copied; a large one is read-only until the
        recording ends, so that writing into it raises instead of changing a derivative.

        Parameters
        ----------
        array : ndarray
            A constant that an operation reads.

        Returns
        -------
        ndarray
            The array, or its copy.
        """
        # Copies keep the order in memory, on which depends what np.reshape makes a view of.
        if array.nbytes <= _COPY_LIMIT:
            return array.copy("K")
        parts = [array, *_owners(array)]
        if not any(part.flags.writeable or id(part) in _locked for part in parts):
            return array
        if self.copies:
            return array.copy("K")
        for part in parts:
            if _lock_array(part):
                self._held.append(part)
        return array

    def close(self) -> None:
        """End the recording: arrays held are writable again, and a traced value that escaped can no longer be used."""
        if self._held:
            _unlock_arrays(self._held)
        self._held.clear()
        self.append = _refuse


@contextmanager
def arrays_entering(enter: Callable[[np.ndarray[Any, Any]], Any] | None) -> Iterator[None]:
    """Let the constant arrays of recordings that this thread makes in this block be traced.

    Parameters
    ----------
    enter : callable or None
        Takes an array of real or complex numbers, and returns what stands for it. None: they stay what they are, as
        those of a graph that is made anew inside of a recording.
    """
    before = _here.enter
    _here.enter = enter
    try:
        yield
    finally:
        _here.enter = before


def _refuse(node: Node) -> None:
    raise TraceError(
        f"A traced value was used after its recording had ended, in {node.name}: it escaped from the function that "
        "was differentiated, through a global variable or a cache. Return it, or keep chainrule.value(x)." + user_line()
    )
