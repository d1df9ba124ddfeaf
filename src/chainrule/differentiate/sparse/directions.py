"""Several directions sent along a tape at once, forward from all arguments or backward from all outputs."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.differentiate.chunks import backward_bytes, forward_bytes
from chainrule.differentiate.recorded import Recorded, kind_of
from chainrule.errors import TraceError
from chainrule.ops.axes import shape_of
from chainrule.trace.batch import Batch, all_examples, batched

__all__ = ["Directions"]

Array = np.ndarray[Any, Any]
Send = Callable[[Sequence[Any]], list[Any]]


class Directions:
    """How directions go along a tape.

    Parameters
    ----------
    recorded : Recorded
        The tape.
    mode : {"forward", "reverse"}
        Which way.

    Attributes
    ----------
    bytes_of_one : int
        What the arrays of one direction take on the way.
    of_complex : ndarray of bool or None
        For a tape on which directions are sent twice, for real and for imaginary changes: which entries of the
        arguments are complex.
    """

    __slots__ = ("_mode", "_recorded", "_send", "_starts", "bytes_of_one", "of_complex")

    def __init__(self, recorded: Recorded, mode: str) -> None:
        sources = recorded.call.sources
        ends = [node for node in recorded.nodes if node is not None]
        self._recorded = recorded
        self._mode = mode
        self._send: Send = recorded.push_leaves if mode == "forward" else recorded.pull_leaves
        self._starts: Sequence[Any] = sources if mode == "forward" else recorded.values
        entries = recorded.entries
        self.bytes_of_one = (
            forward_bytes(entries, sources, ends) if mode == "forward" else backward_bytes(entries, ends)
        )
        is_complex = [x.dtype.kind == "c" for x in sources]
        twice = any(is_complex)
        if mode == "reverse":
            twice = not all(is_complex) and any(kind_of(y) == "c" for y in recorded.values)
        self.of_complex = np.repeat(is_complex, [x.size for x in sources]) if twice else None

    def sent(self, units: Array) -> tuple[Any, Any]:
        """Send real directions, one in each row, and list what arrives in as many rows; then the same times i or -i.

        Parameters
        ----------
        units : ndarray
            A column for each entry of the arguments (forward) or the outputs (reverse).

        Returns
        -------
        once, twice : array or traced value
            What arrives, with a column for each entry of the outputs or the arguments; `twice` is None where numbers
            are real.
        """
        once = self._sent(units, None)
        if self.of_complex is None:
            return once, None
        return once, self._sent(units, 1j if self._mode == "forward" else -1j)

    def combined(self, once: Any, twice: Any, of_complex: Any) -> Any:
        """Derivatives by complex numbers u + iv as df/du - i df/dv of the real part, by real ones as they are.

        Parameters
        ----------
        once, twice : array
            What has arrived (see `sent`).
        of_complex : bool or ndarray of bool
            For each, whether the argument is complex.
        """
        if twice is None:
            return once
        if self._mode == "forward":
            return np.where(of_complex, np.real(once) - 1j * np.real(twice), once)
        return np.where(of_complex, once, once + 1j * twice)

    def _sent(self, units: Array, turn: complex | None) -> Any:
        count = len(units)
        seeds: list[Any] = []
        start = 0
        for x in self._starts:
            shape = shape_of(x)
            size = math.prod(shape)
            mine = units[:, start : start + size].reshape(count, *shape)
            start += size
            if kind_of(x) == "c":
                seeds.append(mine if turn is None else turn * mine)
            elif turn is None:
                seeds.append(mine.astype(x.dtype, copy=False) if hasattr(x, "dtype") else mine)
            else:
                seeds.append(None)
        if count > 1:
            batch = Batch(count)
            try:
                found = self._send([None if x is None else batched(x, batch) for x in seeds])
                return _in_rows([all_examples(part, batch) for part in found], count)
            except (TraceError, ValueError) as problem:
                # NumPy hides the real reason behind an error of its own.
                if not isinstance(problem, TraceError) and not isinstance(problem.__cause__, TraceError):
                    raise
        rows = []
        for k in range(count):
            found = self._send([None if x is None else x[k] for x in seeds])
            rows.append(_in_rows([np.reshape(part, (1, *shape_of(part))) for part in found], 1))
        return rows[0] if count == 1 else np.concatenate(rows)


def _in_rows(parts: Sequence[Any], count: int) -> Any:
    flat = [np.reshape(part, (count, math.prod(shape_of(part)[1:]))) for part in parts]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)
