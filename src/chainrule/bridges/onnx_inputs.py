"""Inputs of an ONNX model: numbers side by side in one tensor, or a tensor for each column where some hold text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.onnx_graph import Writer, element_type, texts
from chainrule.errors import OptionError

__all__ = ["Codes", "Inputs", "Read"]

Read: TypeAlias = Callable[[Sequence[Any]], Any]
"""From the arguments of the recorded function, as `Inputs.arguments` orders them, to an array with a row for each
example."""

#: The tensor of all numbers, as skl2onnx names it.
_ALL = "X"


@dataclass(frozen=True)
class Codes:
    """How the texts of a column become numbers.

    Attributes
    ----------
    column : int
        Position of the column.
    codes : tuple of (str, int)
        The code of each text; any other text is -1.
    """

    column: int
    codes: tuple[tuple[str, int], ...]


@dataclass
class Inputs:
    """The columns that a model is given, and what is read of them.

    Attributes
    ----------
    names : tuple of str
        Names of the columns.
    dtype : dtype
        Type of the numbers.
    """

    names: tuple[str, ...]
    dtype: np.dtype[Any]
    _numbers: set[int] = field(default_factory=set)
    _codes: list[Codes] = field(default_factory=list)

    def numbers(self, columns: Sequence[int]) -> Read:
        """Read columns as numbers, shape (rows, columns)."""
        wanted = tuple(columns)
        self._numbers.update(wanted)

        def read(arguments: Sequence[Any]) -> Any:
            if not self._codes:
                whole = arguments[0]
                return whole if wanted == tuple(range(len(self.names))) else whole[:, np.array(wanted, np.intp)]
            order = sorted(self._numbers)
            found = [arguments[order.index(column)] for column in wanted]
            return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

        return read

    def codes(self, column: int, codes: Sequence[tuple[str, int]]) -> Read:
        """Read a column of text as codes, shape (rows,)."""
        wanted = Codes(column, tuple(codes))
        if wanted not in self._codes:
            self._codes.append(wanted)
        return lambda arguments: arguments[len(self._numbers) + self._codes.index(wanted)]

    def arguments(self, rows: int) -> list[NDArray[Any]]:
        """Arrays of the shapes and dtypes that a `Read` is given."""
        if not self._codes:
            return [np.zeros((rows, len(self.names)), self.dtype)]
        numbers = [np.zeros((rows, 1), self.dtype) for _ in self._numbers]
        return [*numbers, *(np.zeros(rows, np.int64) for _ in self._codes)]

    def tensors(self) -> list[tuple[str, int, list[Any]]]:
        """Name, element type and shape of each input of the ONNX model."""
        if not self._codes:
            return [(_ALL, element_type(self.dtype), ["n", len(self.names)])]
        text = {row.column for row in self._codes}
        if both := text & self._numbers:
            raise OptionError(f"the column {self.names[min(both)]!r} is read as text and as numbers")
        used = sorted(text | self._numbers)
        return [(self.names[k], element_type(str if k in text else self.dtype), ["n", 1]) for k in used]

    def write(self, writer: Writer) -> list[str]:
        """Append what turns the inputs into the arguments, and return a tensor for each."""
        if not self._codes:
            return [_ALL]
        found = [self.names[column] for column in sorted(self._numbers)]
        for row in self._codes:
            flat = writer.add("Reshape", self.names[row.column], writer.integers([-1]))
            keys, values = zip(*row.codes, strict=True)
            found.append(
                writer.add(
                    "LabelEncoder",
                    flat,
                    domain="ai.onnx.ml",
                    keys_strings=texts(keys).tolist(),
                    values_int64s=list(values),
                    default_int64=-1,
                )
            )
        return found
