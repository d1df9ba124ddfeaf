"""Tables: named columns of equal length, with the place of every row in its file."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.columns import Block, Column, Numbers, Text, column_of_array
from chainrule.errors import DataError

__all__ = ["Dataset", "Table", "counted", "listed", "unknown_column"]

_NAMES_SHOWN = 16


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length.

    Attributes
    ----------
    columns : tuple of Numbers, Text or Block
        In the order of the file.
    places : array of shape (rows,), integer
        Where each row stands in its source, for messages: the line of a text file, the index in an array.
    source : str
        What messages begin with, usually the path of the file.
    unit : str
        What `places` counts: ``"line"`` (from 1) or ``"row"`` (from 0).

    Raises
    ------
    DataError
        If two columns have one name or columns differ in length.

    Examples
    --------
    >>> table = Table.of({"age": [31.0, 54.0, 22.0], "town": ["Troy", "Ithaca", "Troy"]})
    >>> table
    Table(3 rows; columns age, town)
    >>> table.take([2, 1])["town"].values
    ['Troy', 'Ithaca']
    """

    columns: tuple[Column, ...]
    places: NDArray[np.intp]
    source: str = "the table"
    unit: str = "row"
    _where: dict[str, tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        where: dict[str, tuple[int, int]] = {}
        for position, column in enumerate(self.columns):
            if len(column) != len(self.places):
                raise DataError(
                    f"{self.source}: every column must have {len(self.places)} rows, "
                    f"but {listed(column.names)} has {len(column)}"
                )
            for inner, name in enumerate(column.names):
                if name in where:
                    raise DataError(f"{self.source}: two columns are named {name!r}; names must be unique")
                where[name] = (position, inner)
        object.__setattr__(self, "_where", where)

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, name: object) -> bool:
        return name in self._where

    def __getitem__(self, name: str) -> Numbers | Text:
        """Return one column by its name; a column of a block comes as `Numbers`.

        Raises
        ------
        DataError
            If there is no column of this name.
        """
        if name not in self._where:
            raise unknown_column(name, self.names, self.source)
        position, inner = self._where[name]
        column = self.columns[position]
        if isinstance(column, Block):
            return Numbers(name, column.values[:, inner].astype(np.float64))
        return column

    def __repr__(self) -> str:
        return f"Table({len(self)} rows; columns {listed(self.names)})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, those inside blocks too."""
        return tuple(self._where)

    def place(self, row: int) -> str:
        """Name a row as the user knows it, such as ``'line 12'``."""
        return f"{self.unit} {self.places[row]}"

    def take(self, rows: ArrayLike) -> "Table":
        """Return the table of these rows, an array of indices, in the order given."""
        indices = np.asarray(rows, dtype=np.intp)
        columns = tuple(column.take(indices) for column in self.columns)
        return replace(self, columns=columns, places=self.places[indices])

    def without(self, names: Collection[str]) -> "Table":
        """Return the table without the columns of these names.

        Raises
        ------
        DataError
            If there is no column of such a name.
        """
        for name in names:
            if name not in self:
                raise unknown_column(name, self.names, self.source)
        parts = (part for column in self.columns for part in _without(column, names))
        return replace(self, columns=tuple(parts))

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike], source: str = "the table") -> "Table":
        """Build a table from arrays or lists by name.

        Parameters
        ----------
        arrays : mapping of str to array-like
            Arrays with the rows first. Numbers of shape (rows,) or (rows, 1) make a numeric column, text
            and booleans of these shapes a text column. Numbers of shape (rows, ...) make a block whose
            columns have the array's name followed by 0, 1, 2 and so on, where the name ``"X"`` gives x0,
            x1, x2. Images, that is arrays of three or more dimensions and rows of 16 or more bytes (uint8),
            are of one unit; bytes are divided by 255 then. Blanks around texts do not count, and those that
            stand for a missing value in a file, such as NA, do so here.
        source : str
            What messages begin with.

        Raises
        ------
        DataError
            If arrays differ in length, are empty, or hold something else than numbers, booleans and text.
        """
        columns = {name: column_of_array(name, values, source) for name, values in arrays.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name!r} has {rows}" for name, rows in lengths.items())
            raise DataError(f"{source}: the arrays must have equally many rows, but {found}")
        if not columns:
            raise DataError(f"{source}: there are no arrays")
        return cls(tuple(columns.values()), np.arange(next(iter(lengths.values()))), source)


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a file holds.

    Attributes
    ----------
    table : Table
        The rows to learn from: all rows, where the file does not set some aside.
    test : Table or None
        The rows that the file itself sets aside for testing.
    targets : tuple of str
        The names of the target columns: those asked for, or those that the format knows. Empty if there are
        none.
    """

    table: Table
    test: Table | None = None
    targets: tuple[str, ...] = ()


def listed(names: Sequence[str]) -> str:
    """List names for a message, without the middle of a long list.

    Examples
    --------
    >>> listed(["a", "b"]), listed([f"x{i}" for i in range(784)])[-26:]
    ('a, b', 'x14, ... x783 (784 in all)')
    """
    if len(names) <= _NAMES_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: _NAMES_SHOWN - 1])}, ... {names[-1]} ({len(names)} in all)"


def counted(count: int, word: str) -> str:
    """Put a number before a word, with an s where there is not just one.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def unknown_column(name: str, names: Sequence[str], source: str, word: str = "column") -> DataError:
    """Build the error for a name that is not among the names, with the nearest one and the list of all."""
    folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "."
    return DataError(f"{source}: there is no {word} {name!r}{hint} The columns are: {listed(names)}")


def _without(column: Column, names: Collection[str]) -> tuple[Column, ...]:
    kept = [i for i, name in enumerate(column.names) if name not in names]
    if len(kept) == len(column.names):
        return (column,)
    if not kept or not isinstance(column, Block):
        return ()
    return (replace(column, names=tuple(column.names[i] for i in kept), values=column.values[:, kept]),)
