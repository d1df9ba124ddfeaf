"""The memory of a program: what its buffers take, and arrays in a workspace that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.native.planning import ALIGNMENT, Life, planned
from chainrule.native.sizes import Size

__all__ = ["TROUBLE_PLACE", "Buffer", "Memory"]

#: Place of the buffer that says whether an index was out of range.
TROUBLE_PLACE = 0


@dataclass(frozen=True)
class Buffer:
    """Memory for a value.

    Attributes
    ----------
    count : Size
        Number of entries.
    dtype : numpy.dtype
        Of the entries.
    shape : tuple of Size
        Of the value that it was made for.
    block : int
        Where it is not 0, so much is needed for every block of so many rows.
    """

    count: Size
    dtype: np.dtype[Any]
    shape: tuple[Size, ...]
    block: int = 0

    def bytes(self, n: int) -> int:
        """How much memory it takes for a leading size."""
        return self.count.at(n) * self.dtype.itemsize * (-(-n // self.block) if self.block else 1)

    def facts(self) -> list[Any]:
        """Write it in what JSON holds; `read` is the opposite."""
        shape = [length.coefficients for length in self.shape]
        return [self.count.coefficients, self.dtype.str, shape, self.block]

    @staticmethod
    def read(facts: Sequence[Any]) -> "Buffer":
        """Make it of what `facts` has written."""
        count, dtype, shape, block = facts
        return Buffer(Size(tuple(count)), np.dtype(dtype), tuple(Size(tuple(length)) for length in shape), block)


@dataclass(frozen=True, eq=False)
class Memory:
    """The buffers of a program.

    Attributes
    ----------
    buffers : sequence of Buffer
        By number: arguments, results, constants, and what is between.
    lives : sequence of Life or None
        When each of those between is needed; those that are never needed at one time share memory.
    """

    buffers: Sequence[Buffer]
    lives: Sequence[Life | None]
    _layouts: dict[int, tuple[int, dict[int, int]]] = field(default_factory=dict)

    def layout(self, n: int) -> tuple[int, dict[int, int]]:
        """Bytes of a workspace, and where in it each buffer stands that needs memory there."""
        found = self._layouts.get(n)
        if found is None:
            lives = {place: life for place, life in enumerate(self.lives) if life is not None}
            found = self._layouts[n] = planned({place: self.buffers[place].bytes(n) for place in lives}, lives)
        return found

    def workspace(self, n: int, known: Mapping[int, Any]) -> dict[int, np.ndarray[Any, Any]]:
        """Memory for what is neither input nor output, nor among what is known."""
        total, starts = self.layout(n)
        memory = np.empty(total + ALIGNMENT, np.uint8)
        first = -memory.ctypes.data % ALIGNMENT
        return {
            place: self.array(place, n, memory[first + start :])
            for place, start in starts.items()
            if place not in known
        }

    def array(self, place: int, n: int, memory: Any = None) -> np.ndarray[Any, Any]:
        """An array for a buffer: in memory given, or its own."""
        buffer = self.buffers[place]
        shape = tuple(length.at(n) for length in buffer.shape)
        if memory is None:
            return np.empty(shape, buffer.dtype)
        if buffer.block:
            return np.asarray(memory[: buffer.bytes(n)])
        return np.asarray(memory[: buffer.bytes(n)].view(buffer.dtype).reshape(shape))
