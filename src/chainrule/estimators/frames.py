"""Columns of arrays and data frames, one by one, with the types that they have; pandas and polars are not imported."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Factors", "column_of", "declared", "factors", "is_frame", "is_number", "is_text", "name_of", "not_finite"]

Factors: TypeAlias = tuple[list[Any], NDArray[np.intp]]
"""The different values of a column, and for each row the number of its value, -1 where it is missing."""

# What polars calls types whose values are categories.
_TEXTS = ("String", "Utf8", "Categorical", "Enum", "Boolean", "Object")


def is_frame(X: Any) -> bool:
    """Tell a data frame of pandas or polars, by what it offers, from arrays, lists and sparse matrices.

    Examples
    --------
    >>> is_frame(np.zeros((2, 2)))
    False
    """
    return hasattr(X, "columns") and hasattr(X, "dtypes") and hasattr(X, "shape")


def column_of(X: Any, position: int) -> Any:
    """Take a column out of a data frame or an array of two dimensions, by its position."""
    if not is_frame(X):
        return X[:, position]
    return X.iloc[:, position] if hasattr(X, "iloc") else X[X.columns[position]]


def name_of(X: Any, position: int) -> str:
    """Name a column for messages: its name in quotes, or its position.

    Examples
    --------
    >>> name_of(np.zeros((2, 2)), 1)
    '1'
    """
    return repr(X.columns[position]) if is_frame(X) else str(position)


def is_text(column: Any) -> bool:
    """Tell whether the dtype of a column says that its values are categories: category, text, object or bool.

    Examples
    --------
    >>> is_text(np.array(["a"])), is_text(np.array([1])), is_text(np.array([True]))
    (True, False, True)
    """
    kind = getattr(column.dtype, "kind", None)
    if kind is None:
        return str(column.dtype).startswith(_TEXTS)
    return kind in "ObUSTV"


def is_number(column: Any) -> bool:
    """Tell whether the dtype of a column is one of numbers."""
    kind = getattr(column.dtype, "kind", None)
    return bool(column.dtype.is_numeric()) if kind is None else kind in "iufc"


def declared(column: Any) -> list[Any] | None:
    """List the categories that a dtype declares, as pandas' category and polars' Enum do; None where it has none."""
    dtype = column.dtype
    if str(dtype).startswith("Categorical"):
        # Those of polars' Categorical are all that the process has met, in other columns too.
        return None
    found = getattr(dtype, "categories", None)
    return None if found is None else list(found)


def factors(column: Any) -> Factors:
    """Find the different values of a column of any type, in the order in which they come.

    Raises
    ------
    TypeError
        For values that cannot be compared for being the same, such as lists.

    Examples
    --------
    >>> factors(np.array(["b", None, "a", "b"], dtype=object))
    (['b', 'a'], array([ 0, -1,  1,  0]))
    """
    if hasattr(column, "cat") and hasattr(column.cat, "codes"):
        return list(column.cat.categories), np.asarray(column.cat.codes, np.intp)
    if isinstance(column, np.ndarray) and column.dtype.kind in "biufUS":
        values, numbers = np.unique(column, return_inverse=True)
        plain = values.tolist()
        # All NaNs are one value, at the end.
        if plain and plain[-1] != plain[-1]:
            numbers = np.where(numbers == len(plain) - 1, -1, numbers)
            plain.pop()
        return plain, numbers.astype(np.intp)
    return _by_hash(column.to_list() if hasattr(column, "to_list") else column.tolist())


def _by_hash(values: Sequence[Any]) -> Factors:
    found: list[Any] = []
    numbers = {}
    for value in dict.fromkeys(values):
        if is_missing(value):
            numbers[value] = -1
        else:
            numbers[value] = len(found)
            found.append(value)
    return found, np.fromiter(map(numbers.__getitem__, values), np.intp, len(values))


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: None, NaN, and pandas' NA and NaT.

    Examples
    --------
    >>> is_missing(None), is_missing(np.nan), is_missing("")
    (True, True, False)
    """
    if value is None:
        return True
    # NaN and NaT differ from themselves; NA refuses to say.
    return (
        type(value).__name__ == "NAType"
        or (isinstance(value, float | np.floating) and bool(value != value))
        or (type(value).__name__ == "NaTType")
    )


def not_finite(column: Any) -> tuple[int, int]:
    """Count the values of a numeric column that are missing, and those that are infinite.

    Examples
    --------
    >>> not_finite(np.array([1.0, np.nan, np.inf, np.nan]))
    (2, 1)
    """
    try:
        numbers = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column, np.float64)
    except (TypeError, ValueError):
        values = column.to_list() if hasattr(column, "to_list") else column.tolist()
        return sum(map(is_missing, values)), 0
    return int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
