"""Columns: numbers, text and blocks of numbers, and how cells and arrays become one."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError

__all__ = ["MISSING", "Block", "Column", "Numbers", "Text", "column_of_array", "column_of_cells", "number"]

MISSING = frozenset({"", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?[iI]nf(?:inity)?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_PIXELS_AT_LEAST = 16


@dataclass(frozen=True, eq=False)
class Numbers:
    """One numeric column: `values` has shape (rows,), float64, NaN where a value is missing."""

    name: str
    values: NDArray[np.float64]

    @property
    def names(self) -> tuple[str, ...]:
        """The column's name, alone in a tuple."""
        return (self.name,)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> "Numbers":
        """Return the column at these rows."""
        return Numbers(self.name, self.values[rows])


@dataclass(frozen=True, eq=False)
class Text:
    """One column of text.

    Attributes
    ----------
    name : str
        The column's name.
    categories : tuple of str
        The different texts, sorted (as numbers where all of them are whole numbers). Rows taken from a
        column keep all categories, also those that no longer occur.
    codes : array of shape (rows,), integer
        The index of each row's category, -1 where the text is missing.
    declared : bool
        Whoever made the column said that it is text, so that numbers in it are no mistake.
    """

    name: str
    categories: tuple[str, ...]
    codes: NDArray[np.intp]
    declared: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The column's name, alone in a tuple."""
        return (self.name,)

    @property
    def values(self) -> list[str | None]:
        """The text of every row, None where it is missing."""
        return [self.categories[code] if code >= 0 else None for code in self.codes.tolist()]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.intp]) -> "Text":
        """Return the column at these rows."""
        return replace(self, codes=self.codes[rows])

    def counts(self) -> NDArray[np.intp]:
        """Count the rows of each category, shape (categories,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.categories))

    @classmethod
    def of(cls, name: str, values: Iterable[str | None], declared: bool = False) -> "Text":
        """Encode texts, None where one is missing.

        Examples
        --------
        >>> Text.of("size", ["10", "9", None, "9"]).categories
        ('9', '10')
        """
        texts = list(values)
        categories = _sorted({text for text in texts if text is not None})
        index: dict[str | None, int] = {category: i for i, category in enumerate(categories)}
        codes = np.array([index.get(text, -1) for text in texts], dtype=np.intp)
        return cls(name, categories, codes, declared)


@dataclass(frozen=True, eq=False)
class Block:
    """Many numeric columns held as one array.

    Attributes
    ----------
    names : tuple of str
        One name a column.
    values : array of shape (rows, columns), float32 or float64
        NaN where a value is missing.
    alike : bool
        The columns are known to be of one unit (grey values of pixels), so that one scale serves them all.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32] | NDArray[np.float64]
    alike: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> "Block":
        """Return the columns at these rows."""
        return replace(self, values=self.values[rows])


Column = Numbers | Text | Block


def number(cell: str, decimal_comma: bool = False) -> float | None:
    """Read a number as people write it in tables, or return None.

    Examples
    --------
    >>> number("-1.5e3"), number("1_000"), number("3,5"), number("3,5", decimal_comma=True)
    (-1500.0, None, None, 3.5)
    """
    # float() alone would also take 1_000, and digits of other scripts.
    if decimal_comma:
        cell = cell.replace(",", ".", 1)
    return float(cell) if _NUMBER.fullmatch(cell) else None


def column_of_cells(
    name: str, cells: Sequence[str], *, text: bool = False, decimal_comma: bool = False
) -> Numbers | Text:
    """Make a column of a text file's cells.

    Parameters
    ----------
    name : str
        The column's name.
    cells : sequence of str
        One a row. Blanks around a cell do not count; a cell in `MISSING` is missing.
    text : bool
        Keep the cells as text, whatever they look like. Otherwise the column is numeric if all cells that
        are not missing are numbers.
    decimal_comma : bool
        Where a column is not numeric with a decimal point, try the comma.
    """
    stripped = {cell: cell.strip() for cell in set(cells)}
    present = {cell: bare for cell, bare in stripped.items() if bare not in MISSING}
    if not text:
        for comma in (False, True) if decimal_comma else (False,):
            numbers = {cell: number(bare, comma) for cell, bare in present.items()}
            if None not in numbers.values():
                values = [numbers.get(cell, np.nan) for cell in cells]
                return Numbers(name, np.array(values, dtype=np.float64))
    return Text.of(name, [present.get(cell) for cell in cells], declared=text)


def column_of_array(name: str, values: ArrayLike, source: str) -> Column:
    """Make a column, or a block of columns, of an array with the rows first; see `Table.of`.

    Raises
    ------
    DataError
        If the array holds objects or complex numbers, has no rows or columns, or holds text and is not
        one-dimensional.
    """
    array = _array(name, values, source)
    if array.ndim > 1 and array.shape[1:] == (1,):
        array = array[:, 0]
    if array.dtype.kind in "bUS":
        if array.ndim > 1:
            raise DataError(
                f"{source}: the array {name!r} holds {_kind(array)} and has shape {array.shape}; "
                "only one-dimensional arrays may hold text or booleans"
            )
        texts = np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array.astype(str)
        return column_of_cells(name, texts.tolist(), text=True)
    if array.ndim == 1:
        return Numbers(name, array.astype(np.float64))
    return _block(name, array)


def _array(name: str, values: ArrayLike, source: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{source}: {name!r} is not a rectangular array ({error})") from error
    if array.dtype.kind not in "biufUS":
        raise DataError(f"{source}: the array {name!r} has dtype {array.dtype}; numbers, booleans or text are needed")
    if array.ndim == 0:
        raise DataError(f"{source}: the array {name!r} is a single value; its first axis must be the rows")
    if array.size == 0:
        raise DataError(f"{source}: the array {name!r} is empty (shape {array.shape})")
    return array


def _kind(array: NDArray[Any]) -> str:
    return "booleans" if array.dtype.kind == "b" else "text"


def _block(name: str, array: NDArray[Any]) -> Block:
    flat = array.reshape(len(array), -1)
    stem = "x" if name == "X" else name
    names = tuple(f"{stem}{i}" for i in range(flat.shape[1]))
    images = array.ndim > 2
    if array.dtype == np.uint8 and (images or flat.shape[1] >= _PIXELS_AT_LEAST):
        return Block(names, flat / np.float32(255), alike=True)
    if array.dtype in (np.float16, np.float32):
        return Block(names, flat.astype(np.float32), alike=images)
    return Block(names, flat.astype(np.float64), alike=images)


def _sorted(categories: Collection[str]) -> tuple[str, ...]:
    whole = all(_WHOLE.fullmatch(category) for category in categories)
    return tuple(sorted(categories, key=lambda text: (int(text) if whole else 0, text)))
