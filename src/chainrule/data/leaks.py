"""Input columns that give the target away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import Block, Numbers, Text
from chainrule.data.table import Table

__all__ = ["Leak", "leaks"]

_ROWS_AT_LEAST = 20
_ROWS_A_VALUE = 5
_CORRELATION = 0.9999
_SURPRISE = -np.log(1e-6)
_SAMPLE = 512


@dataclass(frozen=True)
class Leak:
    """An input column that predicts a target column perfectly.

    Attributes
    ----------
    column, target : str
        Their names.
    reason : str
        How it predicts it.
    """

    column: str
    target: str
    reason: str

    def __str__(self) -> str:
        claim = f"column {self.column!r} predicts the target {self.target!r} perfectly"
        return f"{claim} ({self.reason}): a likely leak"


def leaks(table: Table, targets: Sequence[str]) -> tuple[Leak, ...]:
    """Find input columns that predict a target perfectly, each by itself.

    A column does if each of its values always comes with the same value of the target, which would happen
    less than once in a million times if the two were independent, and has five rows or more on average, so
    that a column of identifiers does not count. A numeric column also does if its correlation with a
    numeric target is above 0.9999 in size, unless it only counts the rows. A missing value is a value of
    its own for the first, and is passed over for the second. Nothing is found in fewer than 20 rows.

    Parameters
    ----------
    table : Table
        The rows to look at.
    targets : sequence of str
        The names of the target columns; all other columns are inputs.

    Returns
    -------
    tuple of Leak

    Raises
    ------
    DataError
        If there is no column of a target's name.

    Examples
    --------
    >>> survived = [1, 0, 0] * 20
    >>> table = Table.of({"alive": ["yes", "no", "no"] * 20, "age": range(60), "survived": survived})
    >>> for leak in leaks(table, ["survived"]):
    ...     print(leak)
    column 'alive' predicts the target 'survived' perfectly (each of its 2 values comes with
    one target only): a likely leak
    """
    inputs = table.without(targets)
    found: list[Leak] = []
    if len(table) < _ROWS_AT_LEAST:
        return ()
    for target in targets:
        column = table[target]
        codes = _codes(column)
        if codes.max() == codes.min():
            continue
        for name, values in _columns(inputs):
            reason = _mapping(values, codes) or _correlation(values, column, table)
            if reason is not None:
                found.append(Leak(name, target, reason))
    return tuple(found)


def _columns(table: Table) -> list[tuple[str, Text | NDArray[Any]]]:
    parts: list[tuple[str, Text | NDArray[Any]]] = []
    for column in table.columns:
        if isinstance(column, Block):
            parts += [(name, column.values[:, i]) for i, name in enumerate(column.names)]
        else:
            parts.append((column.name, column if isinstance(column, Text) else column.values))
    return parts


def _codes(column: Numbers | Text) -> NDArray[np.intp]:
    """Number the different values of a column; NaN is one value."""
    if isinstance(column, Text):
        return column.codes + 1
    return np.unique(column.values, return_inverse=True)[1]


def _mapping(values: Text | NDArray[Any], target: NDArray[np.intp]) -> str | None:
    keys = values.codes if isinstance(values, Text) else values
    # A column that is refuted by its first rows, as every pixel is, need not be sorted whole.
    if not _determines(keys[:_SAMPLE], target[:_SAMPLE]) or not _determines(keys, target):
        return None
    _, first = np.unique(keys, return_index=True)
    if len(first) * _ROWS_A_VALUE > len(keys):
        return None
    # Were the two independent, a row would have the target of the first row with its value only as often as
    # this target occurs: the product of these frequencies is the chance of a mere accident.
    surprise = -np.log(np.bincount(target)[target] / len(target))
    if np.sum(surprise) - np.sum(surprise[first]) < _SURPRISE:
        return None
    return f"each of its {len(first)} values comes with one target only"


def _determines(keys: NDArray[Any], target: NDArray[np.intp]) -> bool:
    """Tell whether equal keys always have equal targets."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return bool(np.all(target == target[first][inverse]))


def _correlation(values: Text | NDArray[Any], target: Numbers | Text, table: Table) -> str | None:
    if isinstance(values, Text) or isinstance(target, Text):
        return None
    known = np.isfinite(values) & np.isfinite(target.values)
    x, y = values[known].astype(np.float64), target.values[known]
    if len(x) < _ROWS_AT_LEAST or np.ptp(x - table.places[known]) == 0:
        return None
    x, y = (part / (np.max(np.abs(part)) or 1.0) for part in (x, y))
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    if size == 0 or abs(x @ y) / size < _CORRELATION:
        return None
    return f"their correlation is {x @ y / size:.6f}"
