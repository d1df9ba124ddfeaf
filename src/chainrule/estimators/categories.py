"""What is known of categorical columns: their categories, the codes of these, and the layer that learns vectors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.errors import ModelFileError
from chainrule.estimators.frames import Factors, column_of, declared, factors, name_of
from chainrule.nn import Embedding
from chainrule.nn.layers import Arrays

__all__ = ["Categories", "Columns", "learned", "length"]


def length(categories: int) -> int:
    """Length of the vectors for so many categories: ``round(1.6 * categories**0.56)``, at most 600.

    J. Howard and S. Gugger, fastai: a layered API for deep learning, 2020, whose tabular learner has this rule.

    Examples
    --------
    >>> [length(count) for count in (2, 3, 10, 100, 10_000)]
    [2, 3, 6, 21, 278]
    """
    return min(600, round(1.6 * math.pow(categories, 0.56)))


@dataclass(frozen=True)
class Categories:
    """What is known of one categorical column.

    Attributes
    ----------
    position : int
        Where the column stands in the inputs.
    name : str
        Its name for messages.
    values : tuple
        The categories; category k has the code k + 1, since 0 stands for a missing value.
    seen : tuple of bool
        For each code, whether there are examples of it in the data that were fitted first.
    """

    position: int
    name: str
    values: tuple[Any, ...]
    seen: tuple[bool, ...]

    def codes(self, column: Any) -> tuple[NDArray[np.intp], dict[Any, int]]:
        """Give each row its code, 0 where the category is not known, and count the rows of such categories."""
        found, numbers = _factors(column, self.name)
        index = {value: code for code, value in enumerate(self.values, start=1)}
        codes = np.array([*(index.get(value, 0) for value in found), 0], np.intp)[numbers]
        rows = np.bincount(numbers[numbers >= 0], minlength=len(found)).tolist()
        return codes, {value: count for value, count in zip(found, rows, strict=True) if count and value not in index}


@dataclass(frozen=True)
class Columns:
    """What a fit has learned about columns of which some are categorical.

    Attributes
    ----------
    categories : tuple of Categories
        The categorical columns, in their order.
    numeric : tuple of int
        Positions of the others.
    """

    categories: tuple[Categories, ...]
    numeric: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of categorical columns; they come first in the encoded inputs."""
        return len(self.categories)

    @property
    def layer(self) -> Embedding:
        """The layer that turns encoded inputs into vectors and numbers."""
        sizes = tuple(len(column.values) + 1 for column in self.categories)
        return Embedding(sizes, tuple(map(length, sizes)))

    def first_vectors(self, rng: Any, dtype: DTypeLike) -> Arrays:
        """Draw the first vectors; those of categories without examples are zeros, which say nothing, and stay so."""
        found = self.layer.initialize(rng, self.count + len(self.numeric), dtype)
        for vectors, column in zip(found.values(), self.categories, strict=True):
            vectors[~np.array(column.seen)] = 0
        return found

    def to_description(self) -> dict[str, Any]:
        """Describe the columns in dicts, lists, texts, numbers and booleans, which JSON can hold.

        Raises
        ------
        ValueError
            For categories that are neither texts nor numbers, such as dates.

        Examples
        --------
        >>> columns = learned(np.array([["a", 1.0]], dtype=object), np.array([True, False]))
        >>> columns.to_description()
        {'categories': [{'position': 0, 'name': '0', 'values': ['a'], 'seen': [False, True]}], 'numeric': [1]}
        >>> Columns.from_description(columns.to_description()) == columns
        True
        """
        for column in self.categories:
            for value in column.values:
                if not isinstance(value, str | int | float):
                    raise ValueError(
                        f"column {column.name} has the category {value!r} of type {type(value).__name__}: a file holds "
                        "texts, numbers and booleans as categories"
                    )
        entries = [
            {"position": c.position, "name": c.name, "values": list(c.values), "seen": list(c.seen)}
            for c in self.categories
        ]
        return {"categories": entries, "numeric": list(self.numeric)}

    @classmethod
    def from_description(cls, description: Any) -> "Columns":
        """Put together what `to_description` described.

        Raises
        ------
        ModelFileError
            Where an entry is missing, of another type, or makes no sense.
        """
        found = []
        for entry in _entries(description, "categories", dict):
            values, seen = _entries(entry, "values", (str, int, float)), _entries(entry, "seen", bool)
            _require(len(seen) == len(values) + 1, "'seen' has another length than 'values'")
            _require(len(set(values)) == len(values), "a category stands twice in 'values'")
            position, name = entry.get("position"), entry.get("name")
            _require(isinstance(name, str), "'name' is no text")
            found.append(Categories(position, name, tuple(values), tuple(seen)))
        numeric = _entries(description, "numeric", int)
        positions = [*(column.position for column in found), *numeric]
        whole = all(isinstance(k, int) and not isinstance(k, bool) for k in positions)
        _require(whole and sorted(positions) == list(range(len(positions))), "the positions are not those of columns")
        _require(bool(found), "'categories' is empty")
        return cls(tuple(found), tuple(numeric))


def _entries(entry: Any, key: str, of: type | tuple[type, ...]) -> list[Any]:
    _require(isinstance(entry, Mapping), f"a table of entries is needed, not {type(entry).__name__}")
    values = entry.get(key)
    _require(isinstance(values, list) and all(isinstance(value, of) for value in values), f"{key!r} is no such list")
    return list(values)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the description of the categorical columns is damaged: {problem}")


def learned(X: Any, is_categorical: NDArray[np.bool_]) -> Columns:
    """Learn the categories of columns: those that the dtype declares, or those that occur.

    Parameters
    ----------
    X : data frame, or array of shape (n_samples, n_features)
        Inputs.
    is_categorical : array of bool, shape (n_features,)
        Which columns are categorical.

    Raises
    ------
    ValueError
        For values that cannot be categories, such as lists.
    """
    found = []
    for position in np.flatnonzero(is_categorical).tolist():
        column, name = column_of(X, position), name_of(X, position)
        values, numbers = _factors(column, name)
        occur = {values[k] for k in np.unique(numbers[numbers >= 0]).tolist()}
        named = declared(column)
        known = _in_order(occur) if named is None else named
        seen = (bool(np.any(numbers < 0)), *(value in occur for value in known))
        found.append(Categories(position, name, tuple(known), seen))
    return Columns(tuple(found), tuple(np.flatnonzero(~is_categorical).tolist()))


def _in_order(values: set[Any]) -> list[Any]:
    """Sort values, numbers first, where there is an order: codes do then not depend on the order of the rows."""
    try:
        return sorted(values, key=lambda value: ("" if isinstance(value, Real) else type(value).__name__, value))
    except TypeError:
        return sorted(values, key=repr)


def _factors(column: Any, name: str) -> Factors:
    try:
        return factors(column)
    except TypeError as error:
        raise ValueError(f"the categorical column {name} holds values that are no categories: {error}") from error
