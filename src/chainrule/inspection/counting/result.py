"""What a training step costs, as it is shown and read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.counting.timing import Seconds
from chainrule.inspection.notation import Notation
from chainrule.inspection.text import render_table
from chainrule.nn.layers import check_size

__all__ = ["Count", "Piece", "Work"]


class Work(NamedTuple):
    """What is done in one direction.

    Attributes
    ----------
    multiplications : int
        In matrix products.
    others : int
        Numbers that all other operations compute, or add up.
    bytes : int
        Bytes that operations read and write, each on its own; compiled code, which fuses them, moves less.
    """

    multiplications: int
    others: int
    bytes: int


@dataclass(frozen=True)
class Piece:
    """What one layer costs, or the loss.

    Attributes
    ----------
    number : int or None
        Of the layer, from 1; None for the loss, to which the regularisers belong.
    text : str
        What it is.
    inputs, units : int
        How many numbers of an example go in, and come out.
    forward, backward : Work
        The work of the forward pass, and of the backward pass.
    stored : int
        Bytes of what the forward pass computes here and the backward pass reads.
    seconds : tuple of two float, or None
        Measured time of the forward pass alone, and of both, as machine code and by itself; None where nothing was
        measured.
    """

    number: int | None
    text: str
    inputs: int
    units: int
    forward: Work
    backward: Work
    stored: int
    seconds: Seconds | None

    @property
    def ratio(self) -> float:
        """Multiplications of both passes over those of the forward pass; NaN without any."""
        return _ratio(self.forward, self.backward)


@dataclass(frozen=True, eq=False)
class Count:
    """What a training step costs; printing it shows a table.

    Attributes
    ----------
    pieces : tuple of Piece
        The layers in order, and the loss.
    examples : int
        Size of the batch.
    parameters : int
        How many numbers are learned.
    fixed : int
        Bytes of the parameters and of the optimiser's state.
    of_data : int
        Bytes of the inputs and targets of one example.
    seconds : tuple of two float, or None
        Measured time of the objective alone, and with its gradient.
    notation : Notation
        Which says how the layers are counted where they are shown.
    """

    pieces: tuple[Piece, ...]
    examples: int
    parameters: int
    fixed: int
    of_data: int
    seconds: Seconds | None
    notation: Notation
    # Bytes that are there after each operation: a part that does not depend on the batch, and one for each example.
    _alive: tuple[NDArray[Any], NDArray[Any]] = field(repr=False)

    @property
    def forward(self) -> Work:
        """The work of the whole forward pass."""
        return _sum([one.forward for one in self.pieces])

    @property
    def backward(self) -> Work:
        """The work of the whole backward pass."""
        return _sum([one.backward for one in self.pieces])

    @property
    def ratio(self) -> float:
        """Multiplications of forward and backward over those of forward alone.

        Forward, a dense layer takes one product; backward two as large: the gradient of its weights, and the
        derivatives by its inputs, which the first layer does not need.
        """
        return _ratio(self.forward, self.backward)

    @property
    def stored(self) -> int:
        """Bytes of what the forward pass computes and the backward pass reads."""
        return sum(one.stored for one in self.pieces)

    def memory(self, examples: int | None = None) -> int:
        """Bytes that a step needs at once.

        Parameters, the optimiser's state, the examples of the batch, the gradients, and all results that are still to
        be read at the operation where they take most, as NumPy goes through the graph. Compiled code makes fewer of
        them, and keeps some for longer.

        Parameters
        ----------
        examples : int, optional
            Size of the batch; by default the one that was counted.

        Returns
        -------
        int
            Bytes.

        Raises
        ------
        OptionError
            For a size that is not a positive integer, or where the step has no form for other sizes.
        """
        n = self.examples if examples is None else check_size("examples", examples)
        whole, each = self._alive
        if n != self.examples and np.any(np.isnan(each)):
            raise OptionError(f"the step has a form for {self.examples} examples alone: count it for {n}")
        there = whole + np.nan_to_num(each) * (n - self.examples)
        return self.fixed + n * self.of_data + int(np.max(there))

    def batch_size(self, memory: float) -> int:
        """Find the largest batch that fits.

        Parameters
        ----------
        memory : float
            Bytes, such as ``8 * 2**30``.

        Returns
        -------
        int
            The largest number of examples for which `memory` is not more.

        Raises
        ------
        OptionError
            Where not even one example fits.

        Examples
        --------
        >>> from chainrule import inspection, nn
        >>> found = inspection.count(nn.Network.of(784, (100,), 10, "relu", "softmax"), 32, loss="cross_entropy")
        >>> n = found.batch_size(2**20 * 10)
        >>> found.memory(n) <= 2**20 * 10 < found.memory(n + 1)
        True
        """
        least = self.memory(1)
        if memory < least:
            raise OptionError(f"a single example needs {size_text(least)}, found memory of {size_text(memory)}")
        # `memory` grows with the number of examples: halve between one that fits and one that does not.
        low, high = 1, 2
        while self.memory(high) <= memory:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.memory(middle) <= memory else (low, middle)
        return low

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The numbers of all pieces, for drawings.

        Returns
        -------
        dict of str to array, shape (layers + 1,)
            ``forward multiplications``, ``forward others``, ``forward bytes``, the same of ``backward``, ``stored``,
            and ``forward seconds`` and ``seconds``, NaN where nothing was measured. The last entry is the loss.
        """
        found: dict[str, NDArray[Any]] = {}
        for way in ("forward", "backward"):
            for name in Work._fields:
                found[f"{way} {name}"] = np.array([getattr(getattr(one, way), name) for one in self.pieces])
        found["stored"] = np.array([one.stored for one in self.pieces])
        none = (np.nan, np.nan)
        found["forward seconds"], found["seconds"] = np.array([one.seconds or none for one in self.pieces]).T
        return found

    def table(self) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
        """The costs, a row for each layer, one for the loss, and one for the whole.

        Returns
        -------
        title : str
            The batch, and what it needs in memory.
        heads : tuple of str
            Of the columns; times only where they were measured.
        rows : list of tuples of str
            The cells.
        """
        examples = f"{self.examples} example{'s' if self.examples > 1 else ''}"
        title = (
            f"a step with {examples}, {self.parameters:,} parameters: {size_text(self.memory())} at once, of which "
            f"{size_text(self.stored)} kept from forward for backward"
        )
        heads = ["layer", "", "forward, products", "backward, products", "both / forward", "others", "moved", "kept"]
        lines = [
            (
                str(self.notation.number(one.number)) if one.number else "loss",
                _shape(one),
                one.forward,
                one.backward,
                one.stored,
                one.seconds,
            )
            for one in self.pieces
        ]
        lines.append(("whole", "", self.forward, self.backward, self.stored, self.seconds))
        rows = [
            (
                name,
                text,
                f"{forward.multiplications:,}",
                f"{backward.multiplications:,}",
                f"{_ratio(forward, backward):.2f}" if forward.multiplications else "",
                f"{forward.others + backward.others:,}",
                size_text(forward.bytes + backward.bytes),
                size_text(kept),
                *(() if seconds is None else (_time(seconds[0]), _time(seconds[1]), f"{seconds[1] / seconds[0]:.2f}")),
            )
            for name, text, forward, backward, kept, seconds in lines
        ]
        if self.seconds is not None:
            heads += ["forward", "both", "measured"]
        return title, tuple(heads), rows

    def __str__(self) -> str:
        title, heads, rows = self.table()
        return render_table(title, heads, rows, numbers=range(2, len(heads)), narrow=True)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from chainrule.inspection.counting.html import count_html

        return count_html(self)


def _sum(works: Sequence[Work]) -> Work:
    return Work(*(sum(one[k] for one in works) for k in range(3)))


def _ratio(forward: Work, backward: Work) -> float:
    once = forward.multiplications
    return (once + backward.multiplications) / once if once else float("nan")


def _shape(one: Piece) -> str:
    return one.text if one.number is None else f"{one.inputs:,} - {one.units:,} {one.text}"


def size_text(count: float) -> str:
    """Write a number of bytes as ``1.2 MiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:.3g} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
