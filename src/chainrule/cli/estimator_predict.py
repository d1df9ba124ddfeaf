"""`chainrule predict` with a fitted estimator in a file: columns by the names that its data frame had."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Table, Text
from chainrule.data.table import counted, listed
from chainrule.errors import DataError, OptionError

__all__ = ["EstimatorOnTable"]

_WITHOUT_NAMES = "X does not have valid feature names"


class EstimatorOnTable:
    """An estimator that predicts for tables.

    Parameters
    ----------
    path : str
        The file.

    Attributes
    ----------
    dtype : numpy.dtype
        Type of its weights.
    target_names : tuple of str
        What its predictions are called: the file does not know the name of the target.
    probability_names : tuple of str
        What their probabilities are called.
    text_columns : tuple of str
        Columns whose cells are to be kept as text: those with categories that are no numbers.

    Raises
    ------
    ModelFileError
        Where the file is missing, truncated, damaged, or none of chainrule's.
    DataError
        Where the estimator does not know the names of columns.
    """

    def __init__(self, path: str) -> None:
        # scikit-learn takes a second to import, which a model that the command trained does not need.
        from chainrule import estimators

        self._model: Any = estimators.load(path)
        if not hasattr(self._model, "feature_names_in_"):
            raise DataError(
                f"{path}: the estimator was fitted on an array and does not know the columns of a file; fit it on a "
                "data frame, or predict in Python with chainrule.estimators.load(path).predict(array)"
            )
        self._names = [str(name) for name in self._model.feature_names_in_]
        columns = self._model._columns
        #: The categories of each categorical column, by the texts that stand for them in a file.
        self._categories: dict[str, dict[str, Any] | None] = {}
        for column in () if columns is None else columns.categories:
            numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in column.values)
            texts = None if numbers else {str(value): value for value in column.values}
            self._categories[self._names[column.position]] = texts
        self.dtype: np.dtype[Any] = self._model.coefs_[0].dtype
        self.text_columns = tuple(name for name, texts in self._categories.items() if texts is not None)
        labels = [str(label) for label in getattr(self._model, "classes_", ())]
        if self._model.n_outputs_ == 1 or (labels and self._model._label_binarizer.y_type_ == "multiclass"):
            self.target_names: tuple[str, ...] = ("prediction",)
            self.probability_names = tuple(f"prediction={label}" for label in labels)
        else:
            self.target_names = tuple(f"prediction {k}" for k in range(self._model.n_outputs_))
            self.probability_names = tuple(f"{name}=1" for name in self.target_names if labels)

    def inputs(self, table: Table) -> NDArray[Any]:
        """Put the columns of a table in the order of the fit, shape (rows, features).

        Raises
        ------
        DataError
            Where a column is absent, holds text in place of numbers, or lacks numbers.
        """
        columns = [self._column(table, name) for name in self._names]
        if not self._categories:
            return np.column_stack(columns).astype(self.dtype)
        found = np.empty((len(table), len(columns)), dtype=object)
        for k, column in enumerate(columns):
            found[:, k] = column
        return found

    def _column(self, table: Table, name: str) -> Any:
        column = table[name]
        if name in self._categories:
            texts = self._categories[name]
            if not isinstance(column, Text):
                return column.values
            return column.values if texts is None else [texts.get(text or "", text) for text in column.values]
        if isinstance(column, Text):
            raise DataError(f"{table.source}: column {name!r} holds text, where the estimator was fitted to numbers")
        if missing := int(np.isnan(column.values).sum()):
            raise DataError(
                f"{table.source}: column {name!r} lacks {counted(missing, 'number')}, which the estimator does not "
                "fill in: fill them in before"
            )
        return column.values

    def predict(self, table: Table) -> NDArray[Any]:
        """Labels or numbers, shape (rows,) or (rows, outputs)."""
        return self._quietly("predict", table)

    def probabilities(self, table: Table) -> NDArray[Any]:
        """The probability of each label, shape (rows, labels).

        Raises
        ------
        OptionError
            For a regressor.
        """
        if not hasattr(self._model, "classes_"):
            raise OptionError(f"the {type(self._model).__name__} predicts numbers: it has no probabilities")
        return self._quietly("predict_proba", table)

    def _quietly(self, method: str, table: Table) -> NDArray[Any]:
        X = self.inputs(table)
        with warnings.catch_warnings():
            # `report` says it in lines.
            warnings.simplefilter("ignore")
            found: NDArray[Any] = getattr(self._model, method)(X)
        return found

    def report(self, table: Table) -> tuple[str, ...]:
        """Say in lines what is remarkable about a table: columns that are ignored, categories that are not known.

        Raises
        ------
        DataError
            As `inputs` does.
        """
        from chainrule.estimators.columns import validated

        X = self.inputs(table)
        extra = [name for name in table.names if name not in self._names]
        lines = [f"columns ignored, because they were not there in the fit: {listed(extra)}"] if extra else []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            validated(self._model, X, reset=False)
        said = [str(warning.message) for warning in warned]
        return (*lines, *(line for line in said if not line.startswith(_WITHOUT_NAMES)))
