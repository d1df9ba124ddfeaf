"""Inputs checked as scikit-learn checks them, with codes in the place of categories, and errors that name columns."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from chainrule.data.table import counted, listed
from chainrule.estimators.categories import Columns, learned
from chainrule.estimators.frames import column_of, is_frame, is_number, is_text, name_of, not_finite

__all__ = ["Columns", "refuse_traced", "validated"]

_FLOATS = (np.float64, np.float32)
_NO_Y = "no_validation"


def validated(model: Any, X: Any, y: Any = _NO_Y, *, reset: bool, learns: bool = False, **others: Any) -> Any:
    """Check inputs, and targets where they are given, and put codes in the place of categories.

    Parameters
    ----------
    model : estimator
        Its `categorical_features` say which columns are categorical; `_columns` and `is_categorical_` hold what a first
        call has learned.
    X : array, sparse matrix or data frame, shape (n_samples, n_features)
        Inputs.
    y : array, optional
        Targets.
    reset : bool
        Whether to learn the columns anew.
    learns : bool
        Whether the data are to be fitted, so that a category without a vector is an error.
    **others
        How scikit-learn checks the targets.

    Returns
    -------
    X : array or sparse matrix, shape (n_samples, n_features)
        Codes of the categorical columns, then the numbers of the others; as scikit-learn gives them where no column is
        categorical.
    y : array
        The targets, where they were given.

    Raises
    ------
    ValueError
        For data that scikit-learn does not take, with the columns named that hold text or lack values; for
        `categorical_features` that are no columns of `X`; for an unknown category in data that are to be fitted.
    """
    is_categorical = _chosen(X, model.categorical_features) if reset else None
    known: Columns | None = getattr(model, "_columns", None)
    if reset:
        known = None if is_categorical is None else learned(_table(X), is_categorical)
    found, known = (
        (_plain(model, X, y, reset, others), None)
        if known is None
        else _with_codes(model, X, y, known, reset=reset, learns=learns, others=others)
    )
    # Not before all is checked: the columns of a fitted model stay where data are refused.
    if reset:
        model.is_categorical_ = is_categorical
    if reset or learns:
        model._columns = known
    return found


def _plain(model: Any, X: Any, y: Any, reset: bool, others: dict[str, Any]) -> Any:
    """Check inputs that are all numbers."""
    arguments = {} if isinstance(y, str) and y == _NO_Y else {"y": y, **others}
    try:
        # scikit-learn adds all numbers up to see whether one is not finite.
        with np.errstate(invalid="ignore"):
            return validate_data(model, X, accept_sparse=["csr", "csc"], dtype=_FLOATS, reset=reset, **arguments)
    except (ValueError, TypeError) as error:
        _name(X, None, error)
        raise


def _with_codes(
    model: Any, X: Any, y: Any, columns: Columns, *, reset: bool, learns: bool, others: dict[str, Any]
) -> tuple[Any, Columns]:
    """Check and encode inputs of which some are categorical."""
    _refuse_sparse(X)
    validate_data(model, X, reset=reset, skip_check_array=True)
    X = _table(X)
    codes, columns = _encoded(X, columns, learns)
    encoded = _with_numbers(model, X, columns, codes)
    if isinstance(y, str) and y == _NO_Y:
        return encoded, columns
    with np.errstate(invalid="ignore"):
        return check_X_y(encoded, y, dtype=_FLOATS, estimator=model, **others), columns


def refuse_traced(model: Any) -> None:
    """Raise ValueError where a fitted model has categories, for which there are no derivatives."""
    if getattr(model, "_columns", None) is not None:
        names = listed([column.name for column in model._columns.categories])
        raise ValueError(
            f"inside grad and jit inputs are numbers, but this model has the categorical columns {names}: use "
            "input_gradient, which differentiates by the numeric columns"
        )


def _refuse_sparse(X: Any) -> None:
    if issparse(X):
        raise ValueError("categorical_features needs dense inputs or a data frame, but X is a sparse matrix")


def _width(X: Any) -> int:
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return shape[1] if len(shape) == 2 else 0


def _table(X: Any) -> Any:
    """A data frame as it is, anything else as an array of two dimensions that keeps each value as it came."""
    if is_frame(X):
        return X
    if not hasattr(X, "dtype"):
        X = np.array(X, dtype=object)
    return check_array(X, dtype=None, ensure_all_finite=False, input_name="X")


def _chosen(X: Any, asked: Any) -> NDArray[np.bool_] | None:
    """Which columns are categorical, shape (n_features,); None where none is."""
    if asked is None:
        return None
    if isinstance(asked, str):
        if not is_frame(X):
            return None
        found = np.array([is_text(column_of(X, k)) for k in range(X.shape[1])], bool)
        return found if found.any() else None
    entries = np.asarray(asked)
    if entries.ndim != 1:
        raise ValueError(f"categorical_features has to be a list of columns, found an array of shape {entries.shape}")
    if not entries.size:
        return None
    _refuse_sparse(X)
    width = X.shape[1] if is_frame(X) else _table(X).shape[1]
    if entries.dtype.kind == "b":
        if len(entries) != width:
            raise ValueError(
                f"categorical_features is a mask of {len(entries)} entries, but X has {width} features: give one each"
            )
        return entries if entries.any() else None
    found = np.zeros(width, bool)
    for entry in entries.tolist():
        found[_position(X, width, entry)] = True
    return found


def _position(X: Any, width: int, entry: Any) -> int:
    if isinstance(entry, int) and not isinstance(entry, bool):
        if not 0 <= entry < width:
            raise ValueError(f"categorical_features has the index {entry}, but X has the features 0 to {width - 1}")
        return entry
    if not isinstance(entry, str):
        raise ValueError(
            f"categorical_features holds {entry!r}: give names, indices or a mask of columns, all of one kind"
        )
    if not is_frame(X):
        raise ValueError(
            f"categorical_features names the column {entry!r}, but X has no names: give indices or a mask, or a data "
            "frame"
        )
    names = list(X.columns)
    if entry not in names:
        raise ValueError(f"categorical_features names {entry!r}, which is no column of X: it has {listed(names)}")
    return names.index(entry)


def _encoded(X: Any, columns: Columns, learns: bool) -> tuple[list[NDArray[np.intp]], Columns]:
    """Codes of each categorical column, and what is known once they are learned."""
    found, after = [], []
    for column in columns.categories:
        codes, unknown = column.codes(column_of(X, column.position))
        without = int(np.sum(codes == 0))
        if unknown and learns:
            raise ValueError(
                f"column {column.name} has categories that the first call had not: {_counted(unknown)}. A fit that "
                "goes on has vectors for those alone: declare all there will be by a category dtype"
            )
        if unknown:
            warnings.warn(f"column {column.name} has unknown categories, which count as missing: {_counted(unknown)}")
        elif without and not (learns or column.seen[0]):
            warnings.warn(
                f"column {column.name} has missing values ({counted(without, 'row')}), of which the fit had none: it "
                "says nothing for these rows"
            )
        found.append(codes)
        after.append(replace(column, seen=(True, *column.seen[1:])) if learns and without else column)
    return found, replace(columns, categories=tuple(after))


def _counted(unknown: dict[Any, int]) -> str:
    return listed([f"{value!r} ({counted(rows, 'row')})" for value, rows in unknown.items()])


def _with_numbers(model: Any, X: Any, columns: Columns, codes: Sequence[NDArray[np.intp]]) -> NDArray[Any]:
    """Put codes and numbers side by side."""
    if not columns.numeric:
        if not len(codes[0]):
            check_array(np.empty((0, len(codes))), estimator=model, input_name="X")
        return np.column_stack(codes).astype(np.float64)
    positions = list(columns.numeric)
    part = X[:, positions] if not is_frame(X) else X.iloc[:, positions] if hasattr(X, "iloc") else X[:, positions]
    try:
        with np.errstate(invalid="ignore"):
            numbers = check_array(part, dtype=_FLOATS, estimator=model, input_name="X")
    except (ValueError, TypeError) as error:
        _name(X, positions, error)
        raise
    return np.column_stack([*(column.astype(numbers.dtype) for column in codes), numbers])


def _name(X: Any, positions: Sequence[int] | None, error: Exception) -> None:
    """Raise ValueError that names the columns for which data were refused, where some are to blame."""
    if isinstance(X, list | tuple):
        X = np.array(X, dtype=object)
    if not (is_frame(X) or isinstance(X, np.ndarray) or issparse(X)) or not _width(X):
        return
    first = str(error).splitlines()[0].rstrip(".")
    columns = _columns_of(X, range(_width(X)) if positions is None else positions)
    for what, which, advice in (
        ("NaN", 0, "missing numbers have to be filled in before, as by sklearn.impute.SimpleImputer in a pipeline"),
        ("infinity", 1, "leave these rows out, or put finite numbers in"),
    ):
        if what in first:
            counts = [(name, not_finite(column)[which]) for name, column in columns]
            if bad := [f"{name} ({counted(rows, 'row')})" for name, rows in counts if rows]:
                raise ValueError(f"{first} in {_these(bad)}: {advice}") from error
            return
    if not is_frame(X):
        return
    if texts := [name for name, column in columns if is_text(column) and not _converts(column)]:
        raise ValueError(
            f"text or categories in {_these(texts)}: set categorical_features='from_dtype' to learn a "
            f"vector for each of their categories, name them there, or encode them before ({first})"
        ) from error
    if others := [f"{name} ({column.dtype})" for name, column in columns if not (is_number(column) or is_text(column))]:
        raise ValueError(f"no numbers in {_these(others)}: {first}") from error


def _columns_of(X: Any, positions: Sequence[int]) -> list[tuple[str, Any]]:
    """Names and values of columns; of a sparse matrix, the values that it holds."""
    if issparse(X):
        X = X.tocsc()
        return [(str(k), X.data[X.indptr[k] : X.indptr[k + 1]]) for k in positions]
    return [(name_of(X, k), column_of(X, k)) for k in positions]


def _these(names: list[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {listed(names)}"


def _converts(column: Any) -> bool:
    """Tell whether all values are numbers in a dtype that does not say so."""
    try:
        check_array(np.asarray(column)[:, np.newaxis], dtype=_FLOATS, ensure_all_finite=False)
    except (ValueError, TypeError):
        return False
    return True
