"""What is to be learned: one of several classes, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.columns import Numbers, Text
from chainrule.data.features import as_text, number_text, numbers
from chainrule.data.mistakes import mistaken_number, too_many_texts
from chainrule.data.scaling import mean_and_scale
from chainrule.data.table import Table, listed
from chainrule.errors import DataError, OptionError

__all__ = ["ClassTarget", "Kind", "NumberTarget", "Target", "learned_target"]

Kind = Literal["classes", "numbers"]

_CLASS_NUMBERS_AT_MOST = 20


@dataclass(frozen=True)
class ClassTarget:
    """A column whose values are classes.

    Attributes
    ----------
    name : str
        The column.
    classes : tuple of str
        The names of the classes, at least two, sorted. Whole numbers are written without a decimal point.
    """

    name: str
    classes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column's name, alone in a tuple."""
        return (self.name,)

    @property
    def width(self) -> int:
        """Number of output units: 1 for two classes, otherwise one a class."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def codes(self, table: Table) -> NDArray[np.intp]:
        """Return the index of the class of every row, shape (rows,).

        Raises
        ------
        DataError
            If the column is not there, a value is missing, or a class was not learned.
        """
        column = table[self.name]
        _refuse_missing(column, table)
        text = as_text(column)
        index = {name: i for i, name in enumerate(self.classes)}
        position = np.array([index.get(category, -1) for category in text.categories], dtype=np.intp)
        codes: NDArray[np.intp] = position[text.codes]
        if np.any(codes < 0):
            row = int(np.argmax(codes < 0))
            raise DataError(
                f"{table.source}: {table.place(row)}, target {self.name!r}: {text.values[row]!r} is none of "
                f"the classes that were learned ({listed(self.classes)})"
            )
        return codes

    def encode(self, table: Table, dtype: Any) -> NDArray[Any]:
        """Return 0 and 1 for two classes, shape (rows, 1), one-hot rows (rows, classes) for more."""
        codes = self.codes(table)[:, np.newaxis]
        return (codes if self.width == 1 else codes == np.arange(self.width)).astype(dtype)

    def probabilities(self, outputs: ArrayLike) -> NDArray[Any]:
        """Return the probability of every class, shape (rows, classes), of a network's outputs."""
        given = _outputs(outputs, {self.width, len(self.classes)})
        return np.hstack([1 - given, given]) if given.shape[1] == 1 else given

    def decode(self, outputs: ArrayLike) -> NDArray[np.str_]:
        """Return the name of the most probable class of every row, shape (rows,)."""
        names: NDArray[np.str_] = np.array(self.classes)[np.argmax(self.probabilities(outputs), axis=1)]
        return names


@dataclass(frozen=True)
class NumberTarget:
    """Columns of numbers, standardised for training.

    Attributes
    ----------
    names : tuple of str
        The columns.
    means, scales : tuple of float
        One a column.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @property
    def width(self) -> int:
        """Number of output units, one a column."""
        return len(self.names)

    def encode(self, table: Table, dtype: Any) -> NDArray[Any]:
        """Return (value - mean) / scale, shape (rows, columns).

        Raises
        ------
        DataError
            If a column is not there or holds text, or a value is missing or infinite.
        """
        for name in self.names:
            _refuse_missing(table[name], table)
        values = numbers(table, self.names)
        standardised: NDArray[Any] = ((values - np.array(self.means)) / np.array(self.scales)).astype(dtype)
        return standardised

    def decode(self, outputs: ArrayLike) -> NDArray[np.float64]:
        """Return a network's outputs in the units of the columns, shape (rows, columns)."""
        means, scales = np.array(self.means), np.array(self.scales)
        original: NDArray[np.float64] = _outputs(outputs, {self.width}) * scales + means
        return original


Target = ClassTarget | NumberTarget


def learned_target(table: Table, names: Sequence[str], kind: Kind | None) -> Target:
    """Decide what the target is, and learn its classes or its means and scales.

    Text and booleans are classes. So are whole numbers with at most 20 different values, each at least
    twice on average, or only two. All else, and several columns, are numbers.

    Raises
    ------
    DataError
        If a value is missing, infinite or text among numbers, there is only one value, or classes do not
        repeat.
    OptionError
        If `kind` asks for what the columns cannot be.
    """
    if kind not in (None, "classes", "numbers"):
        raise OptionError(f"kind is {kind!r}; it must be 'classes', 'numbers' or None")
    columns = [table[name] for name in names]
    for column in columns:
        _refuse_missing(column, table)
        if isinstance(column, Text) and kind != "classes" and (message := mistaken_number(column, table)):
            raise DataError(message)
    if len(columns) == 1 and (kind == "classes" or (kind is None and _are_classes(columns[0]))):
        return _class_target(columns[0], table)
    if kind == "classes":
        raise OptionError(f"classes can be learned from one target column, not from {len(columns)}")
    for column in columns:
        if isinstance(column, Text):
            numbers_needed = "for numbers" if len(columns) == 1 else "where there are several targets"
            raise DataError(
                f"{table.source}: the target {column.name!r} holds text ({_some(column)}); {numbers_needed}, "
                "every target column must be numeric"
            )
    values = numbers(table, tuple(names))
    for name, low, high in zip(names, values.min(axis=0), values.max(axis=0), strict=True):
        if low == high:
            raise _single_value(name, number_text(float(low)), table)
    means, scales = mean_and_scale(values)
    return NumberTarget(tuple(names), tuple(means.tolist()), tuple(scales.tolist()))


def _are_classes(column: Numbers | Text) -> bool:
    if isinstance(column, Text):
        return True
    different = np.unique(column.values)
    whole = bool(np.all(np.isfinite(different)) and np.all(different == np.round(different)))
    few = len(different) <= _CLASS_NUMBERS_AT_MOST and 2 * len(different) <= len(column)
    return whole and (few or len(different) == 2)


def _class_target(column: Numbers | Text, table: Table) -> ClassTarget:
    if isinstance(column, Numbers):
        numbers(table, column.names)
    text = as_text(column)
    counts = text.counts()
    classes = tuple(text.categories[i] for i in np.flatnonzero(counts))
    if len(classes) < 2:
        value = classes[0] if isinstance(column, Numbers) else repr(classes[0])
        raise _single_value(column.name, value, table)
    if (reason := too_many_texts(text)) is not None:
        raise DataError(f"{table.source}: the target {column.name!r} has no classes to learn: {reason}")
    return ClassTarget(column.name, classes)


def _single_value(name: str, value: str, table: Table) -> DataError:
    return DataError(
        f"{table.source}: the target {name!r} is {value} in all {len(table)} rows; "
        "at least two classes, or numbers that differ, are needed"
    )


def _refuse_missing(column: Numbers | Text, table: Table) -> None:
    missing = np.isnan(column.values) if isinstance(column, Numbers) else column.codes < 0
    rows = np.flatnonzero(missing)
    if rows.size:
        places = ", ".join(str(place) for place in table.places[rows[:5]])
        more = ", ..." if rows.size > 5 else ""
        units = table.unit if rows.size == 1 else f"{table.unit}s"
        raise DataError(
            f"{table.source}: the target {column.name!r} is missing in {rows.size} of {len(table)} rows "
            f"({units} {places}{more}); remove these rows"
        )


def _outputs(outputs: ArrayLike, widths: set[int]) -> NDArray[Any]:
    given = np.asarray(outputs)
    if given.ndim != 2 or given.shape[1] not in widths:
        expected = " or ".join(f"(rows, {width})" for width in sorted(widths))
        raise DataError(f"the outputs have shape {given.shape}; {expected} is needed")
    return given


def _some(column: Text) -> str:
    return ", ".join(repr(category) for category in column.categories[:3])
