"""Memory in which training steps run, and what is known of them beside their machine code.

The steps are made by `chainrule.native.training`, or found on disk: here is nothing of what makes them.
"""

import ctypes
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from chainrule.native import machine
from chainrule.native.imports import addresses
from chainrule.native.memory import TROUBLE_PLACE, Buffer, Memory
from chainrule.native.patience import FOREVER, TAKEN, Patience

__all__ = ["Bench", "Plan", "Steps"]

#: Bytes of a page, and how far apart in one what is read side by side starts: lines of the cache, in no simple ratio.
_PAGE, _APART = 4096, 39 * 64
#: The most bytes that constants may take in what is written of a plan.
_LARGE = 1 << 16

_Place: TypeAlias = tuple[int, np.dtype[Any]]
"""Number of a buffer, and the dtype of its entries."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What is known of steps beside their machine code, in numbers.

    Attributes
    ----------
    names, imports : tuple of str
        The functions that make up a step, in order, and what all code calls from elsewhere.
    memory : Memory
        The buffers.
    constants : mapping of int to ndarray
        Arrays of the steps' own, by place.
    leaves, fixed, rows : tuple of (int, numpy.dtype)
        Where the leaves of the state are, those of what stays the same, and the rows of a minibatch.
    clock : int
        The place of the number of the step.
    written : tuple of int
        Places of what a step writes.
    """

    names: tuple[str, ...]
    imports: tuple[str, ...]
    memory: Memory
    constants: Mapping[int, np.ndarray[Any, Any]]
    leaves: tuple[_Place, ...]
    fixed: tuple[_Place, ...]
    rows: tuple[_Place, ...]
    clock: int
    written: tuple[int, ...]

    def facts(self) -> dict[str, Any] | None:
        """Write it in what JSON holds; None where that would be long, for its constants."""
        if sum(array.nbytes for array in self.constants.values()) > _LARGE:
            return None
        return {
            "names": self.names,
            "imports": self.imports,
            "buffers": [x.facts() for x in self.memory.buffers],
            "lives": self.memory.lives,
            "constants": [[place, x.dtype.str, x.shape, x.tobytes().hex()] for place, x in self.constants.items()],
            "leaves": _written(self.leaves),
            "fixed": _written(self.fixed),
            "rows": _written(self.rows),
            "clock": self.clock,
            "written": self.written,
        }

    @staticmethod
    def read(facts: Mapping[str, Any]) -> "Plan":
        """Make it of what `facts` has written."""
        lives = [None if life is None else (life[0], life[1]) for life in facts["lives"]]
        constants = {
            place: np.frombuffer(bytearray.fromhex(digits), dtype).reshape(shape)
            for place, dtype, shape, digits in facts["constants"]
        }
        return Plan(
            names=tuple(facts["names"]),
            imports=tuple(facts["imports"]),
            memory=Memory([Buffer.read(x) for x in facts["buffers"]], lives),
            constants=constants,
            leaves=_read(facts["leaves"]),
            fixed=_read(facts["fixed"]),
            rows=_read(facts["rows"]),
            clock=facts["clock"],
            written=tuple(facts["written"]),
        )


def _written(places: Sequence[_Place]) -> list[list[Any]]:
    return [[place, dtype.str] for place, dtype in places]


def _read(places: Sequence[Sequence[Any]]) -> tuple[_Place, ...]:
    return tuple((place, np.dtype(dtype)) for place, dtype in places)


class Steps:
    """Training steps as one native function.

    Parameters
    ----------
    plan : Plan
        What is known of them.
    code : tuple of two bytes
        Object files: of the functions that make up a step, and of the one that takes steps, which is called `steps`.

    Attributes
    ----------
    plan, code
        As given.
    """

    def __init__(self, plan: Plan, code: tuple[bytes, bytes]) -> None:
        self.plan, self.code = plan, code
        of_step, of_steps = code
        # Addresses hold as long as the libraries live.
        found = addresses(plan.imports)
        step = machine.linked(of_step, plan.names, found)
        steps = machine.linked(of_steps, ("steps",), step.addresses | found)
        self._libraries = step, steps
        kinds = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 5 + [ctypes.c_void_p] * 3
        self._call = ctypes.CFUNCTYPE(None, *kinds)(steps.addresses["steps"])

    def bench(
        self, fixed: Sequence[Any], rows: Sequence[np.ndarray[Any, Any]], batch: int, *, gathers: bool
    ) -> "Bench":
        """Make room for steps on some examples.

        Parameters
        ----------
        fixed : sequence
            The leaves of what stays the same.
        rows : sequence of array
            All examples: the arrays that minibatches are taken from.
        batch : int
            Rows of a minibatch; the last one may have fewer.
        gathers : bool
            Whether minibatches are picked; otherwise every step takes all rows as they are.

        Returns
        -------
        Bench
            For one run at a time.
        """
        return Bench(self, fixed, rows, batch, gathers)


class Bench:
    """Memory in which steps run, but for the state that comes and goes; see `Steps.bench`."""

    def __init__(
        self, steps: Steps, fixed: Sequence[Any], rows: Sequence[np.ndarray[Any, Any]], batch: int, gathers: bool
    ) -> None:
        plan = steps.plan
        self._steps, self._batch, self._gathers, self._total = steps, batch, gathers, len(rows[0])
        data = [np.ascontiguousarray(x, dtype) for x, (_, dtype) in zip(rows, plan.rows, strict=True)]
        arrays = dict(plan.constants)
        for (place, dtype), value in zip(plan.fixed, fixed, strict=True):
            arrays[place] = np.array(value, dtype)
        self._clock = arrays[plan.clock] = np.zeros(())
        for (place, dtype), x in zip(plan.rows, data, strict=True):
            arrays[place] = np.empty((batch, *x.shape[1:]), dtype) if gathers else x
        self._dtypes = [dtype for _, dtype in plan.leaves]
        leaves = [place for place, _ in plan.leaves]
        self._large = [plan.memory.buffers[place].bytes(batch) >= _PAGE for place in leaves]
        spare = sorted(set(plan.written) - set(leaves))
        #: Places of the state, and of what a step writes beside it.
        self._places = np.array([*leaves, *spare], np.intp)
        self._spare = [plan.memory.array(place, batch) for place in spare]
        self._before: list[np.ndarray[Any, Any]] = []
        self._last: list[np.ndarray[Any, Any]] = []
        arrays.update(plan.memory.workspace(batch, arrays))
        self._table = np.zeros(len(plan.memory.buffers), np.uint64)
        for place, array in arrays.items():
            self._table[place] = _address(array)
        self._sources = np.array([_address(x) for x in data], np.uint64)
        self._trouble = arrays[TROUBLE_PLACE]
        self._kept = arrays, data  # What the table points to.

    def run(
        self,
        state: Sequence[Any],
        clock: int,
        order: np.ndarray[Any, Any] | None,
        first: int,
        count: int,
        patience: Patience = FOREVER,
        *,
        spends: bool = False,
    ) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
        """Take some steps.

        Parameters
        ----------
        state : sequence
            The leaves of the state; they stay as they are unless they are spent.
        clock : int
            Number of the first of these steps since the start of the training.
        order : array of int64 or None
            The rows of the epoch in their order, where minibatches are picked; of several epochs, one after the other.
        first, count : int
            Number of the first minibatch of these steps in the first epoch, and how many there are.
        patience : Patience
            What ends them with an earlier epoch; they then begin with one.
        spends : bool
            Whether the steps may write over the arrays of the state; they have no memory in common.

        Returns
        -------
        state : list of array
            The leaves of the state after the last step.
        objectives : array, shape (steps,)
            The objective of each step that was taken, before it was taken; NaN where an index was out of bounds in one
            of them.
        """
        state = self._spent(state) if spends else self._copied(state)
        arrays = [*state, *self._spare]
        addresses = [_address(x) for x in arrays]
        self._table[self._places] = addresses
        self._clock[...] = clock
        self._trouble[...] = 0
        objectives = np.empty(count)
        order = np.ascontiguousarray(order if self._gathers else (), np.int64)
        watched = patience.table()
        self._steps._call(
            _address(self._table),
            _address(order),
            self._gathers,
            first,
            count,
            self._batch,
            self._total,
            _address(objectives),
            _address(self._sources),
            _address(watched),
        )
        objectives = objectives[: int(watched[TAKEN])]
        if self._trouble:
            objectives[:] = np.nan  # An index was out of bounds: the interpreter says which.
        # Where the state has changed places with what stands beside it, the next run has that room.
        here = dict(zip(addresses, arrays, strict=True))
        found = [here[address] for address in self._table[self._places].tolist()]
        self._spare = found[len(state) :]
        self._before, self._last = self._last, found[: len(state)]
        return self._last[:], objectives

    def let_go(self) -> None:
        """Hold no array of the states that were returned; the next copies take new memory."""
        self._before, self._last = [], []

    def _spent(self, state: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
        """The arrays of a state, and copies of its numbers."""
        return [
            x if isinstance(x, np.ndarray) and x.ndim and x.dtype == dtype else np.array(x, dtype, order="C")
            for x, dtype in zip(state, self._dtypes, strict=True)
        ]

    def _copied(self, state: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
        """Copies of the leaves of a state, in the memory of the state before the last where nobody holds it."""
        old, copies = self._before, []
        for k, (value, dtype, is_large) in enumerate(zip(state, self._dtypes, self._large, strict=True)):
            if old and _references(old, k) == _ALONE and old[k].shape == np.shape(value) and not is_large:
                np.copyto(old[k], value)
                copies.append(old[k])
            elif not is_large:
                copies.append(np.array(value, dtype, order="C"))
            else:
                copies.append(_copy(value, dtype, k, old))
        self._before = []
        return copies


def _copy(value: Any, dtype: np.dtype[Any], k: int, old: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """A copy of a large leaf, of that number, in the old one's memory where nobody holds that or a part of it.

    Vectors do not lie across lines of the cache. And what is read side by side, as a weight and its means are, starts
    at different places of a page: a cache tells lines apart by those, and a processor takes a load for one of what was
    just stored at the same place of another page.
    """
    # Parts of an array refer to the memory that it is itself a part of.
    if old and _references(old, k) == _ALONE == sys.getrefcount(old[k].base) and old[k].shape == np.shape(value):
        found = old[k]
    else:
        size = np.size(value) * dtype.itemsize
        memory = np.empty(size + _PAGE, np.uint8)
        first = (k * _APART - _address(memory)) % _PAGE
        found = memory[first : first + size].view(dtype).reshape(np.shape(value))
    np.copyto(found, value)
    return found


def _references(arrays: list[np.ndarray[Any, Any]], k: int) -> int:
    return sys.getrefcount(arrays[k])


def _address(x: np.ndarray[Any, Any]) -> int:
    """Where the entries of an array start; `x.ctypes.data` takes four times as long."""
    if not (x.size and x.flags.writeable):
        return x.ctypes.data
    buffer: Any = x
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


#: References to an array that only a list holds, as Python counts them here.
_ALONE = _references([np.empty(0)], 0)
