"""From a table to arrays and back: what is learned from the training rows, and applied to any rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.data.columns import Block, Numbers, Text
from chainrule.data.description import describe, described
from chainrule.data.features import Feature, LeftOut, OneHot, Scaling, grouped, learned_feature, numbers
from chainrule.data.mistakes import mistaken_number, too_many_texts
from chainrule.data.table import Table, counted, listed, unknown_column
from chainrule.data.targets import ClassTarget, Kind, Target, learned_target
from chainrule.errors import DataError

__all__ = ["Preparation", "prepare"]


@dataclass(frozen=True)
class Preparation:
    """What was learned about the columns of the training rows. Made by `prepare`.

    Attributes
    ----------
    features : tuple of Scaling or OneHot
        The input columns, in the order of the table.
    target : ClassTarget or NumberTarget
        The target columns.
    impute : bool
        Missing inputs are filled with the mean or the most frequent text of the training rows; otherwise
        refused.
    left_out : tuple of LeftOut
        The columns of the training table that are not used.
    """

    features: tuple[Feature, ...]
    target: Target
    impute: bool = False
    left_out: tuple[LeftOut, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the input features: a numeric column's own, or ``column=category``."""
        return tuple(name for feature in self.features for name in feature.feature_names)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input columns."""
        return tuple(name for feature in self.features for name in feature.names)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of the target columns."""
        return self.target.names

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The names of the input columns that are text, for `read`."""
        return tuple(feature.name for feature in self.features if isinstance(feature, OneHot))

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes, None where the target is numbers."""
        return self.target.classes if isinstance(self.target, ClassTarget) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for every column that was left out."""
        return tuple(f"column {column.name!r} is left out: {column.reason}" for column in self.left_out)

    def inputs(self, table: Table, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return the features of every row.

        Parameters
        ----------
        table : Table
            It has all columns in `input_names`; other columns do not matter.
        dtype : dtype
            float64 or float32.

        Returns
        -------
        array of shape (rows, features)

        Raises
        ------
        DataError
            If a column is not there, a numeric column holds text or infinities, or a value is missing and
            `impute` is False.
        """
        self._refuse_unusable(table)
        widths = [len(feature.feature_names) for feature in self.features]
        features = np.empty((len(table), sum(widths)), dtype=dtype)
        end = 0
        for feature, width in zip(self.features, widths, strict=True):
            feature.encode(table, features[:, end : end + width])
            end += width
        return features

    def targets(self, table: Table, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return what a network's outputs should be.

        Parameters
        ----------
        table : Table
            It has all columns in `target_names`.
        dtype : dtype
            float64 or float32.

        Returns
        -------
        array of shape (rows, outputs)
            For two classes 0 or 1, one column; for more classes one-hot rows; for numbers the standardised
            values.

        Raises
        ------
        DataError
            If a column is not there, a value is missing or infinite, or a class was not learned.
        """
        return self.target.encode(table, dtype)

    def class_codes(self, table: Table) -> NDArray[np.intp] | None:
        """Return the index in `classes` of every row's class, shape (rows,); None if the target is numbers.

        Raises
        ------
        DataError
            As `targets` does.
        """
        return self.target.codes(table) if isinstance(self.target, ClassTarget) else None

    def decode(self, outputs: ArrayLike) -> NDArray[Any]:
        """Return predictions as people read them.

        Parameters
        ----------
        outputs : array of shape (rows, outputs)
            What a network gives: probabilities of the classes (of the second one alone, where there are
            two), or standardised numbers.

        Returns
        -------
        array
            Names of classes, shape (rows,), or numbers in the units of the target columns, shape (rows,
            columns).

        Raises
        ------
        DataError
            If the shape does not fit.
        """
        return self.target.decode(outputs)

    def probabilities(self, outputs: ArrayLike) -> NDArray[Any] | None:
        """Return the probability of every class, shape (rows, classes); None if the target is numbers.

        Parameters
        ----------
        outputs : array of shape (rows, outputs)
            As for `decode`.

        Raises
        ------
        DataError
            If the shape does not fit.
        """
        return self.target.probabilities(outputs) if isinstance(self.target, ClassTarget) else None

    def report(self, table: Table) -> tuple[str, ...]:
        """Say in lines what is remarkable about the inputs of a table; no lines if nothing is.

        Columns that were not there in training are ignored, texts that were not seen give zeros in all
        features of their column, and missing values are filled in. `inputs` does so silently.

        Raises
        ------
        DataError
            As `inputs` does.
        """
        self._refuse_unusable(table)
        known = {*self.input_names, *self.target_names, *(column.name for column in self.left_out)}
        extra = [name for name in table.names if name not in known]
        lines = [f"columns ignored, because they were not there in training: {listed(extra)}"] if extra else []
        for feature in self.features:
            if isinstance(feature, OneHot) and (unseen := feature.unseen(table)):
                found = listed([f"{text!r} ({counted(count, 'row')})" for text, count in unseen.items()])
                lines.append(f"column {feature.name!r}: not seen in training, so none of its categories: {found}")
        for feature in self.features:
            for name, count in feature.missing(table).items():
                lines.append(f"column {name!r}: {counted(count, 'missing value')} filled with {feature.filling(name)}")
        return tuple(lines)

    def relearned(self, table: Table) -> "Preparation":
        """Return the same preparation with means, scales, categories and classes learned from these rows.

        So `prepare` can see, and check, a whole table before it is split, and what is applied can still be
        learned from the training rows only.

        Parameters
        ----------
        table : Table
            Some rows of the table that `prepare` was given.

        Raises
        ------
        DataError
            As `prepare` does.
        """
        inputs = table.without([*self.target_names, *(column.name for column in self.left_out)])
        kind: Kind = "numbers" if self.classes is None else "classes"
        target = learned_target(table, self.target_names, kind)
        return _learned(inputs, target, self.impute, self.left_out)

    def to_description(self) -> dict[str, Any]:
        """Describe the preparation in dicts, lists, texts, numbers and booleans, which JSON can hold.

        Examples
        --------
        >>> preparation = prepare(Table.of({"x": [1.0, 3.0], "y": ["a", "b"]}), "y")
        >>> description = preparation.to_description()
        >>> description["target"]
        {'kind': 'classes', 'name': 'y', 'classes': ['a', 'b']}
        >>> Preparation.from_description(description) == preparation
        True
        """
        return describe(self.features, self.target, self.impute, self.left_out)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> "Preparation":
        """Build the preparation that `to_description` described.

        Raises
        ------
        ModelFileError
            If an entry is missing, of another type, or makes no sense.
        """
        return cls(*described(description))

    def _refuse_unusable(self, table: Table) -> None:
        absent = [name for name in self.input_names if name not in table]
        if len(absent) == 1:
            raise unknown_column(absent[0], table.names, table.source, "input column")
        if absent:
            raise DataError(
                f"{table.source}: {len(absent)} input columns are not there: {listed(absent)}. "
                f"The columns are: {listed(table.names)}"
            )
        if not self.impute:
            _refuse_missing(self.features, table)

    def __str__(self) -> str:
        numeric = sum(len(feature.names) for feature in self.features if isinstance(feature, Scaling))
        texts = [f"{f.name} ({len(f.categories)})" for f in self.features if isinstance(f, OneHot)]
        parts = [f"{numeric} numeric"] if numeric else []
        parts += [f"{len(texts)} text: {listed(texts)}"] if texts else []
        columns = f"{counted(len(self.input_names), 'input column')} ({'; '.join(parts)})"
        inputs = f"{columns}, {counted(len(self.feature_names), 'feature')}"
        if self.classes is None:
            return f"{inputs}\ntarget: {listed(self.target_names)}, numbers"
        return f"{inputs}\ntarget: {self.target_names[0]}, {len(self.classes)} classes: {listed(self.classes)}"


def prepare(
    table: Table, targets: str | Sequence[str], *, impute: bool = False, kind: Kind | None = None
) -> Preparation:
    """Learn from a table how to turn its columns into inputs and targets of a network.

    Numeric columns are standardised by their mean and standard deviation, one mean and one deviation for
    all pixels of images. Text columns become one-hot. A column is left out, and `Preparation.notes` says
    so, if it holds no values, or nearly as many different texts as rows, or has no name and only counts the
    rows.

    Parameters
    ----------
    table : Table
        The rows to learn from.
    targets : str or sequence of str
        The names of the target columns. All other columns are inputs.
    impute : bool
        Fill missing inputs with the mean, or the most frequent text, of these rows, instead of refusing
        them.
    kind : {"classes", "numbers"}, optional
        What the target is; by default it is decided from its values, see `targets.learned_target`.

    Returns
    -------
    Preparation

    Raises
    ------
    DataError
        If there is no target column of a name, there are fewer than two rows, no input columns, a single
        class or target value, missing target values, missing inputs while `impute` is False, infinities, or
        text in a column of numbers.
    OptionError
        If `kind` does not fit the target.

    Examples
    --------
    >>> table = Table.of({"bill": [10.0, 30.0, 20.0], "day": ["Sat", "Sun", "Sat"], "tip": [1.0, 4.0, 2.5]})
    >>> preparation = prepare(table, "tip")
    >>> preparation.feature_names
    ('bill', 'day=Sat', 'day=Sun')
    >>> preparation.inputs(table).round(3)
    array([[-1.225,  1.   ,  0.   ],
           [ 1.225,  0.   ,  1.   ],
           [ 0.   ,  1.   ,  0.   ]])
    >>> preparation.decode(preparation.targets(table)).ravel()
    array([1. , 4. , 2.5])
    """
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    if not names:
        raise DataError(
            f"{table.source}: name the target column, the one to predict (--target COLUMN). "
            f"The columns are: {listed(table.names)}"
        )
    for name in names:
        if name not in table:
            raise unknown_column(name, table.names, table.source, "target column")
    if len(table) < 2:
        raise DataError(f"{table.source}: {len(table)} row is too few to learn from; at least 2 are needed")
    target = learned_target(table, names, kind)
    inputs = table.without(names)
    if not inputs.columns:
        raise DataError(f"{table.source}: there are no input columns beside the target {listed(names)}")
    left_out = tuple(
        LeftOut(column.name, reason)
        for column in inputs.columns
        if not isinstance(column, Block) and (reason := _reason_to_leave_out(column, table))
    )
    used = inputs.without([column.name for column in left_out])
    for column in used.columns:
        if isinstance(column, Text) and (message := mistaken_number(column, table)):
            raise DataError(message)
    return _learned(used, target, impute, left_out)


def _learned(inputs: Table, target: Target, impute: bool, left_out: tuple[LeftOut, ...]) -> Preparation:
    """Learn from the columns that are used; those that are empty in these rows are left out too."""
    empty = tuple(LeftOut(c.name, _EMPTY) for c in inputs.columns if not isinstance(c, Block) and _is_empty(c))
    inputs = inputs.without([column.name for column in empty])
    left_out += empty
    if not inputs.columns:
        reasons = "; ".join(f"{column.name}: {column.reason}" for column in left_out)
        raise DataError(f"{inputs.source}: no input column can be used ({reasons})")
    for column in inputs.columns:
        if not isinstance(column, Text):
            numbers(inputs, column.names)
    features = tuple(learned_feature(column) for column in grouped(inputs.columns))
    if not impute:
        _refuse_missing(features, inputs)
    return Preparation(features, target, impute, left_out)


_EMPTY = "every value is missing"


def _is_empty(column: Numbers | Text) -> bool:
    return bool(np.all(np.isnan(column.values) if isinstance(column, Numbers) else column.codes < 0))


def _reason_to_leave_out(column: Numbers | Text, table: Table) -> str | None:
    if _is_empty(column):
        return _EMPTY
    if isinstance(column, Text):
        return None if mistaken_number(column, table) else too_many_texts(column)
    first = column.values[0] - table.places[0]
    counts_rows = column.name.startswith("unnamed ") and np.array_equal(column.values, table.places + first)
    return "it has no name and only counts the rows" if counts_rows else None


def _refuse_missing(features: Sequence[Feature], table: Table) -> None:
    missing = [f"{name} ({count})" for feature in features for name, count in feature.missing(table).items()]
    if missing:
        raise DataError(
            f"{table.source}: values are missing in the input columns {listed(missing)}; train with --impute "
            "(impute=True) to fill in the mean or the most frequent text, or remove these rows or columns"
        )
