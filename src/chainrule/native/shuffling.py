"""Random orders in machine code: an epoch of a small network takes no longer than NumPy's shuffle of its examples."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.ir as ir
import numpy as np
from numpy.typing import NDArray

from chainrule.native import cache as disk
from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.random import block_of_words
from chainrule.native.types import INT, POINTER

__all__ = ["begin_shuffling", "shuffled"]

_INTEGER = np.dtype(np.int64)
_WIDE = ir.IntType(128)


def shuffled(count: int, key: tuple[int, int]) -> NDArray[np.int64]:
    """Put the numbers from 0 to count - 1 into a random order.

    Parameters
    ----------
    count : int
        How many numbers.
    key : tuple of two int
        From 0 to 2^64 - 1; another key gives another order.

    Returns
    -------
    array of int64, shape (count,)
        Number k was put at place j = floor((k + 1) w_k / 2^64), and what stood there at place k, for one k after the
        other, where w are the words of ``numpy.random.Philox(key=key)``. An order is more or less frequent than
        others by a part of count / 2^64 at most.

    Notes
    -----
    The shuffle of Fisher and Yates, as Durstenfeld wrote it (Communications of the ACM 7(7), 1964), "inside out";
    the product in place of a remainder is Lemire's (ACM Transactions on Modeling and Computer Simulation 29(1), 2019).

    Examples
    --------
    >>> from chainrule.native.shuffling import shuffled
    >>> shuffled(6, (0, 0)).tolist()
    [2, 5, 4, 1, 3, 0]
    """
    order = np.empty(count, np.int64)
    _function()(order.ctypes.data, count, *key)
    return order


def begin_shuffling() -> None:
    """Have the function translated in a thread beside, for who has something else to do before it shuffles."""
    _object_code()


@cache
def _function() -> Callable[..., None]:
    library = machine.linked(_object_code()(), ("shuffle",))
    kinds: list[Any] = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint64]
    call = ctypes.CFUNCTYPE(None, *kinds)(library.addresses["shuffle"])
    # The code lives as long as what calls it.
    call.library = library  # type: ignore[attr-defined]
    return call


@cache
def _object_code() -> Callable[[], bytes]:
    return disk.begun(disk.key_of("shuffle"), lambda: machine.begun_code(_module()))


def _module() -> ir.Module:
    module = machine.new_module("shuffling")
    e = Emitter(ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INT, INT, INT]), "shuffle"))
    order, count, *key = e.b.function.args
    blocks = e.b.sdiv(e.b.add(count, e.int(3)), e.int(4))
    zero = e.int(0)
    with e.loop(zero, blocks) as loop:
        words = block_of_words(e, key, [e.b.add(loop.index, e.int(1)), zero, zero, zero])
        for k, word in enumerate(words):
            number = e.b.add(e.b.mul(loop.index, e.int(4)), e.int(k))
            with e.b.if_then(e.b.icmp_signed("<", number, count)):
                _put(e, order, number, word)
    e.b.ret_void()
    return module


def _put(e: Emitter, order: ir.Value, number: ir.Value, word: ir.Value) -> None:
    """Put a number at a random place up to its own, and what is there at its own place."""
    b = e.b
    product = b.mul(b.zext(word, _WIDE), b.zext(b.add(number, e.int(1)), _WIDE))
    place = b.trunc(b.lshr(product, ir.Constant(_WIDE, 64)), INT)
    # Where the place is its own, what is read is not used: it is written over at once.
    e.store(e.load(order, place, _INTEGER), order, number, _INTEGER)
    e.store(number, order, place, _INTEGER)
