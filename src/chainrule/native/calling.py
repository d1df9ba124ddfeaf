"""Calling machine code from Python."""

import ctypes

__all__ = ["Call"]


class Call:
    """A function ``void f(table, n)`` at an address; the interpreter's lock is released while it runs.

    Parameters
    ----------
    address : int
        Where it starts.
    """

    def __init__(self, address: int) -> None:
        self._function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)

    def __call__(self, table: int, n: int) -> None:
        """Run it."""
        self._function(table, n)
