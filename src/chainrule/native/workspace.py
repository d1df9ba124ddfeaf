"""Memory between arguments and results that is kept from one call to the next.

A workspace beyond what the C library keeps by itself would be fresh pages of the system at every call. So the calls of
all programs hand one block on: a call takes it by exchanging its address for zero, and one that finds zero makes its
own. What two calls give back is the larger one; the block goes with the last program.
"""

import ctypes
import threading
import weakref
from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir

from chainrule.native.entry_writer import ObjectWriter
from chainrule.native.types import INT, POINTER

__all__ = ["HEAD", "KEPT", "KEPT_FROM", "BlockWriter", "Slot", "slot"]

#: Bytes from which on, and up to which, a block is kept.
KEPT_FROM, KEPT = 1 << 20, 1 << 28
#: Bytes in front of a workspace: the first of them say how large it is, others let it start at a line of the cache.
HEAD = 128


class Slot:
    """Where the block stands between calls.

    Attributes
    ----------
    address : int
        Of a word that holds the address of the block, or zero.
    """

    def __init__(self) -> None:
        self._word = ctypes.c_uint64(0)
        self.address = ctypes.addressof(self._word)
        # At the end of the process there may be calls under way, and the memory goes with it.
        weakref.finalize(self, _give_back, self._word).atexit = False

    @property
    def bytes(self) -> int:
        """How large the block is that is kept now; 0 where there is none."""
        return 0 if not self._word.value else ctypes.c_int64.from_address(self._word.value).value


def _give_back(word: ctypes.c_uint64) -> None:
    free = ctypes.pythonapi.PyMem_RawFree
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    free(word.value)


_lock = threading.Lock()
_known: "weakref.WeakValueDictionary[str, Slot]" = weakref.WeakValueDictionary()


def slot() -> Slot:
    """The slot of this process; it is there for as long as somebody holds it."""
    with _lock:
        found = _known.get("")
        if found is None:
            found = _known[""] = Slot()
        return found


class BlockWriter(ObjectWriter):
    """Writes how a function takes a block and gives it back."""

    def _taken(self, total: ir.Value, give_up: Callable[[], Any]) -> ir.Value:
        """A block from the heap: the one that is kept, where this call gets hold of it and it is large enough.

        Where there is no memory it ends the function, after what `give_up` writes.
        """
        e, b = self._e, self._e.b
        look, found = b.append_basic_block("look"), b.append_basic_block("found")
        make, after = b.append_basic_block("make"), b.append_basic_block("taken")
        kept = slot()
        self.kept.append(kept)
        self._slot = self._elsewhere(kept.address)
        b.cbranch(self._is_kept(total), look, make)
        b.position_at_end(look)
        old = b.inttoptr(b.atomic_rmw("xchg", self._slot, e.int(0), "seq_cst"), POINTER)
        b.cbranch(self._is_null(old), make, found)
        b.position_at_end(found)
        small = b.append_basic_block("too_small")
        b.cbranch(b.icmp_signed(">=", self._field(old, 0, INT), total), after, small)
        b.position_at_end(small)
        self._call("PyMem_RawFree", ir.VoidType(), old)
        b.branch(make)
        b.position_at_end(make)
        new = self._call("PyMem_RawMalloc", POINTER, b.add(total, e.int(HEAD)))
        failed, sized = b.append_basic_block("no_memory"), b.append_basic_block("made")
        b.cbranch(self._is_null(new), failed, sized)
        b.position_at_end(failed)
        give_up()
        b.ret(self._call("PyErr_NoMemory", POINTER))
        b.position_at_end(sized)
        b.store(total, new)
        b.branch(after)
        b.position_at_end(after)
        block = b.phi(POINTER)
        block.add_incoming(old, found)
        block.add_incoming(new, sized)
        return block

    def _is_kept(self, total: ir.Value) -> ir.Value:
        e, b = self._e, self._e.b
        return b.and_(b.icmp_signed(">=", total, e.int(KEPT_FROM)), b.icmp_signed("<=", total, e.int(KEPT)))

    def _give_back(self, block: ir.Value, total: ir.Value) -> None:
        """Keep the block for the next call, or the one that another call has put there, if that is larger."""
        b = self._e.b

        def exchanged(x: ir.Value) -> ir.Value:
            return b.inttoptr(b.atomic_rmw("xchg", self._slot, b.ptrtoint(x, INT), "seq_cst"), POINTER)

        size = self._field(block, 0, INT)
        keep, free, after = (b.append_basic_block(name) for name in ("keep", "free", "given_back"))
        before = b.block
        b.cbranch(self._is_kept(total), keep, free)
        b.position_at_end(keep)
        other = exchanged(block)
        look, back = b.append_basic_block("look_at_other"), b.append_basic_block("put_back")
        b.cbranch(self._is_null(other), after, look)
        b.position_at_end(look)
        b.cbranch(b.icmp_signed(">", self._field(other, 0, INT), size), back, free)
        b.position_at_end(back)
        again = exchanged(other)
        b.branch(free)
        b.position_at_end(free)
        gone = b.phi(POINTER)
        for x, source in ((block, before), (other, look), (again, back)):
            gone.add_incoming(x, source)
        self._call("PyMem_RawFree", ir.VoidType(), gone)  # Which takes a null pointer, too.
        b.branch(after)
        b.position_at_end(after)
