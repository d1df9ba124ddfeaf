"""Threads that run slices of native functions.

Emitted code calls ``parallel(function, context, count)``; slices are numbered, and whoever is free takes the next
one. What a slice is must not depend on the number of threads: then results do not depend on it either. The threads
never touch the interpreter. They start when there is first something to share, look for work a little while after
each region, and then sleep.

One region runs at a time: a second caller, or a slice that starts a region itself, runs all slices alone.
"""

import atexit
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import llvmlite.ir as ir
import numpy as np

from chainrule.errors import OptionError
from chainrule.native import machine
from chainrule.native.cache import Kept, fetch, key_of
from chainrule.native.emitter import Emitter
from chainrule.native.pool_code import (
    FIELDS,
    PARALLEL,
    PARALLEL_ARGUMENTS,
    SLICE_ARGUMENTS,
    STATE_BYTES,
    SYMBOLS,
    THREADS,
    write_pool,
)
from chainrule.native.types import INT, POINTER

__all__ = [
    "context_of",
    "emit_parallel",
    "emit_threads",
    "pool_addresses",
    "set_threads",
    "slice_function",
    "threads",
    "using_threads",
]

VARIABLE = "CHAINRULE_THREADS"
_INTEGER = np.dtype(np.int64)


class Pool:
    """The pool's code and memory; there is one in a process.

    Attributes
    ----------
    library : Library
        Machine code.
    """

    def __init__(self) -> None:
        posix = sys.platform != "win32"
        self._memory = ctypes.create_string_buffer(STATE_BYTES + 64)
        self._state = -(-ctypes.addressof(self._memory) // 64) * 64
        self._c = ctypes.CDLL(None) if posix else None
        set_mask = int(signal.SIG_SETMASK) if posix else 0
        kept = fetch(key_of("pool", posix, set_mask), lambda: Kept(_object_code(posix, set_mask)))
        imports = {"chainrule.pool.state": self._state}
        if self._c is not None:
            imports |= {name: ctypes.cast(getattr(self._c, name), ctypes.c_void_p).value or 0 for name in SYMBOLS}
        self.library = machine.linked(kept.code, (PARALLEL, THREADS, "chainrule.pool.wake"), imports)
        self._wake = ctypes.CFUNCTYPE(None)(self.library.addresses["chainrule.pool.wake"])
        self.clear()
        if posix:
            os.register_at_fork(after_in_child=self.clear)
        atexit.register(self.stop)

    def field(self, name: str) -> ctypes.c_int64:
        """A number in the pool's memory."""
        return ctypes.c_int64.from_address(self._state + FIELDS[name])

    def clear(self) -> None:
        """Forget all threads: there are none yet, or they stayed behind in the parent process."""
        ctypes.memset(self._state, 0, STATE_BYTES)
        if self._c is not None:
            self._c.pthread_mutex_init(ctypes.c_void_p(self._state + FIELDS["mutex"]), None)
            for name in ("work", "finished"):
                self._c.pthread_cond_init(ctypes.c_void_p(self._state + FIELDS[name]), None)
        self.field("limit").value = threads() - 1

    def limit(self, count: int) -> None:
        """Let regions run in so many threads, the caller among them; those that are too many end."""
        self.field("limit").value = count - 1
        self._wake()

    def stop(self) -> None:
        """End all threads, before their code goes."""
        self.limit(1)
        end = time.monotonic() + 1.0
        while self.field("started").value > 0 and time.monotonic() < end:
            time.sleep(0.0002)


def _object_code(posix: bool, set_mask: int) -> bytes:
    module = machine.new_module("pool")
    write_pool(module, threads=posix, set_mask=set_mask)
    return machine.object_code(module)


_making = threading.Lock()
_wanted: list[int] = []


@cache
def _made() -> Pool:
    return Pool()


def pool() -> Pool:
    """The pool of this process."""
    with _making:
        return _made()


def threads() -> int:
    """Number of threads that native code may use.

    Returns
    -------
    int
        What `set_threads` was given; before that what the environment variable CHAINRULE_THREADS says; without it
        the number of cores that this process may run on.

    Raises
    ------
    OptionError
        When CHAINRULE_THREADS is not a positive whole number.

    Examples
    --------
    >>> from chainrule.native.pool import threads
    >>> threads() >= 1
    True
    """
    if not _wanted:
        _wanted.append(_from_environment())
    return _wanted[-1]


def _from_environment() -> int:
    text = os.environ.get(VARIABLE)
    if text is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(f"the environment variable {VARIABLE} is {text!r}: expected a number of threads, 1 or more.")
    return int(text)


def set_threads(count: int) -> None:
    """Choose the number of threads that native code uses.

    Results do not depend on it.

    Parameters
    ----------
    count : int
        The caller's thread included; 1 starts none.

    Raises
    ------
    OptionError
        When `count` is below 1.

    Examples
    --------
    >>> from chainrule.native.pool import set_threads, threads
    >>> before = threads()
    >>> set_threads(2)
    >>> threads()
    2
    >>> set_threads(before)
    """
    if count < 1:
        raise OptionError(f"{count} threads: expected 1 or more.")
    _wanted[:] = [int(count)]
    if _made.cache_info().currsize:
        pool().limit(count)


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Use another number of threads inside a ``with`` block.

    Parameters
    ----------
    count : int
        As for `set_threads`.

    Examples
    --------
    >>> from chainrule.native.pool import threads, using_threads
    >>> with using_threads(1):
    ...     threads()
    1
    """
    before = threads()
    set_threads(count)
    try:
        yield
    finally:
        set_threads(before)


def context_of(e: Emitter, values: Sequence[ir.Value]) -> ir.Value:
    """Put pointers and 64-bit integers where the slices of `slice_function` find them; returns the address."""
    context = e.b.bitcast(e.b.alloca(INT, len(values)), POINTER)
    for place, value in enumerate(values):
        word = value if value.type == INT else e.b.ptrtoint(value, INT)
        e.store(word, context, e.int(place), _INTEGER)
    return context


def slice_function(module: ir.Module, name: str, kinds: Sequence[ir.Type]) -> tuple[Emitter, list[ir.Value], ir.Value]:
    """Begin a function that runs a slice, as `emit_parallel` calls it.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where it is written.
    name : str
        What it is called.
    kinds : sequence of Type
        Types of the values that `context_of` is given: pointers and 64-bit integers.

    Returns
    -------
    e : Emitter
        Writes the function, ``e.b.function``; its return is still to be written.
    values : list of Value
        What the context holds.
    number : Value
        Of the slice.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), SLICE_ARGUMENTS), name)
    function.linkage = "internal"
    e = Emitter(function)
    context, number = function.args
    words = [e.load(context, e.int(place), _INTEGER) for place in range(len(kinds))]
    values = [word if kind == INT else e.b.inttoptr(word, kind) for word, kind in zip(words, kinds, strict=True)]
    return e, values, number


def emit_parallel(e: Emitter, function: ir.Value, context: ir.Value, count: ir.Value) -> None:
    """Write a call that runs slices, in parallel where that is possible, and returns when all are done.

    Parameters
    ----------
    e : Emitter
        Writes it. `imports.addresses` says where the pool stands.
    function : Value
        Takes the context's address and the number of a slice, a 64-bit integer.
    context : Value
        Address of whatever the slices need to know.
    count : Value
        How many slices there are; they are numbered from 0.
    """
    e.b.call(e.declared(PARALLEL, ir.VoidType(), PARALLEL_ARGUMENTS), [function, context, count])


def emit_threads(e: Emitter) -> ir.Value:
    """Write a call that finds the number of threads: for slices on whose length no bit of a result depends."""
    return e.b.call(e.declared(THREADS, INT, []), [])


def pool_addresses(names: Iterable[str]) -> dict[str, int]:
    """Addresses of the pool's functions by name."""
    return {name: pool().library.addresses[name] for name in names}
