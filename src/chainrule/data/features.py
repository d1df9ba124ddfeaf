"""How columns become input features: numbers are standardised, text becomes one-hot."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import Block, Column, Numbers, Text, number
from chainrule.data.scaling import LARGEST, PIXELS_AT_LEAST, alike, mean_and_scale
from chainrule.data.table import Table
from chainrule.errors import DataError

__all__ = [
    "Feature",
    "LeftOut",
    "OneHot",
    "Scaling",
    "as_text",
    "grouped",
    "learned_feature",
    "number_text",
    "numbers",
    "numbers_of",
]


@dataclass(frozen=True)
class Scaling:
    """Numeric columns, each feature being (value - mean) / scale.

    Attributes
    ----------
    names : tuple of str
        The columns; the features have their names.
    means, scales : tuple of float
        One a column, or a single one for all columns. Scales are positive.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature."""
        return self.names

    def encode(self, table: Table, out: NDArray[Any]) -> None:
        """Write the features of every row into `out`, shape (rows, columns); a missing value as the mean."""
        values = numbers(table, self.names)
        np.subtract(values, np.array(self.means), out=out, casting="same_kind")
        np.divide(out, np.array(self.scales), out=out, casting="same_kind")
        out[np.isnan(out)] = 0.0  # the mean, standardised

    def missing(self, table: Table) -> dict[str, int]:
        """Count the missing values of each column that has some."""
        counts = np.sum(np.isnan(numbers(table, self.names)), axis=0)
        return {self.names[i]: int(counts[i]) for i in np.flatnonzero(counts)}

    def filling(self, name: str) -> str:
        """Say what a missing value of a column is replaced by."""
        return f"the mean {self.means[self.names.index(name) if len(self.means) > 1 else 0]:.6g}"


@dataclass(frozen=True)
class OneHot:
    """A text column, with one feature a category: 1 where the row has it, else 0.

    Attributes
    ----------
    name : str
        The column; the features are called ``name=category``.
    categories : tuple of str
        Those of the training rows. Another one gives a row of zeros.
    frequent : str
        The most frequent category, which replaces a missing text.
    """

    name: str
    categories: tuple[str, ...]
    frequent: str

    @property
    def names(self) -> tuple[str, ...]:
        """The column's name, alone in a tuple."""
        return (self.name,)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature."""
        return tuple(f"{self.name}={category}" for category in self.categories)

    def encode(self, table: Table, out: NDArray[Any]) -> None:
        """Write the features of every row into `out`, shape (rows, categories); missing is `frequent`."""
        column = as_text(table[self.name])
        index = {category: i for i, category in enumerate(self.categories)}
        position = np.array([index.get(category, -1) for category in column.categories], dtype=np.intp)
        # The last entry is that of the code -1, a missing text.
        place = np.append(position, index[self.frequent])[column.codes]
        out[:] = place[:, np.newaxis] == np.arange(len(self.categories))

    def missing(self, table: Table) -> dict[str, int]:
        """Count the missing texts, by column; nothing if there are none."""
        count = int(np.sum(as_text(table[self.name]).codes < 0))
        return {self.name: count} if count else {}

    def filling(self, name: str) -> str:
        """Say what a missing text is replaced by."""
        return repr(self.frequent)

    def unseen(self, table: Table) -> dict[str, int]:
        """Count the rows of each category that was not learned."""
        column = as_text(table[self.name])
        counts = zip(column.categories, column.counts().tolist(), strict=True)
        return {category: count for category, count in counts if count and category not in self.categories}


Feature = Scaling | OneHot


@dataclass(frozen=True)
class LeftOut:
    """An input column that is not used, and why."""

    name: str
    reason: str


def grouped(columns: tuple[Column, ...]) -> list[Column]:
    """Join numeric columns named alike, such as pixel0, pixel1, into a block if they look like pixels."""
    result: list[Column] = []
    run: list[Numbers] = []
    for column in (*columns, None):
        if isinstance(column, Numbers) and (not run or _stem(run[-1].name) == _stem(column.name)):
            run.append(column)
            continue
        result += _joined(run)
        run = [column] if isinstance(column, Numbers) else []
        if column is not None and not run:
            result.append(column)
    return result


def learned_feature(column: Column) -> Feature:
    """Learn the means and scales, or the categories, of a column with values, none infinite."""
    if isinstance(column, Text):
        counts = column.counts()
        categories = tuple(column.categories[i] for i in np.flatnonzero(counts))
        return OneHot(column.name, categories, column.categories[int(np.argmax(counts))])
    if isinstance(column, Numbers):
        means, scales = mean_and_scale(column.values[:, np.newaxis])
    else:
        means, scales = mean_and_scale(column.values, shared=column.alike or alike(column.values))
    return Scaling(column.names, tuple(means.tolist()), tuple(scales.tolist()))


def numbers(table: Table, names: tuple[str, ...]) -> NDArray[Any]:
    """Return numeric columns side by side, shape (rows, columns), NaN where a value is missing.

    Raises
    ------
    DataError
        If a column is missing or holds text, or a value is infinite or larger than `LARGEST`.
    """
    for column in table.columns:
        if isinstance(column, Block) and column.names == names:
            values: NDArray[Any] = column.values
            break
    else:
        values = np.column_stack([numbers_of(table[name], table) for name in names])
    bound = min(LARGEST, float(np.finfo(values.dtype).max))
    if np.fmax.reduce(values, axis=None) > bound or np.fmin.reduce(values, axis=None) < -bound:
        row, column_index = np.argwhere(np.abs(values) > bound)[0]
        found = values[row, column_index]
        what = "infinite" if np.isinf(found) else f"too large ({found:g})"
        raise DataError(
            f"{table.source}: {table.place(row)}, column {names[column_index]!r}: the value is {what}; "
            "correct or remove it"
        )
    return values


def numbers_of(column: Numbers | Text, table: Table) -> NDArray[np.float64]:
    """Return the values of a column that must be numeric, shape (rows,).

    Raises
    ------
    DataError
        If the column holds text.
    """
    if isinstance(column, Numbers):
        return column.values
    values = [number(category) for category in column.categories]
    for row, code in enumerate(column.codes.tolist()):
        if code >= 0 and values[code] is None:
            raise DataError(
                f"{table.source}: {table.place(row)}, column {column.name!r}: text in a numeric column: "
                f"{column.categories[code]!r}; correct it, or leave it empty if the value is missing"
            )
    found = [np.nan if value is None else value for value in values]
    return np.array([*found, np.nan], dtype=np.float64)[column.codes]


def as_text(column: Numbers | Text) -> Text:
    """Return a column as text; numbers are written as `number_text` writes them."""
    if isinstance(column, Text):
        return column
    values = [None if np.isnan(value) else number_text(value) for value in column.values.tolist()]
    return Text.of(column.name, values)


def number_text(value: float) -> str:
    """Write a number as a category: whole numbers without a decimal point.

    Examples
    --------
    >>> number_text(3.0), number_text(0.25)
    ('3', '0.25')
    """
    return str(int(value)) if value.is_integer() else repr(value)


def _stem(name: str) -> str:
    """Return a name without its numbers: that of pixel_0_1 is the same as that of pixel_7_7."""
    return re.sub("[0-9]+", "", name)


def _joined(run: list[Numbers]) -> list[Column]:
    if len(run) < PIXELS_AT_LEAST:
        return list(run)
    values = np.column_stack([column.values for column in run])
    if not alike(values):
        return list(run)
    return [Block(tuple(column.name for column in run), values, alike=True)]
