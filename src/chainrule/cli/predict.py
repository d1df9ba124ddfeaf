"""`chainrule predict`: what a model says of every row of a file."""

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.cli.estimator_predict import EstimatorOnTable
from chainrule.cli.inputs import read
from chainrule.cli.output import check_place, write_file
from chainrule.data import Dataset, Table
from chainrule.errors import DataError, OptionError
from chainrule.train import containers, load

__all__ = ["predict"]

STANDARD_OUTPUT = "-"


def predict(arguments: argparse.Namespace) -> int:
    """Write a line of CSV for every row; what is remarkable about the rows goes to standard error."""
    output = None if arguments.output in (None, STANDARD_OUTPUT) else Path(arguments.output)
    if output is not None:
        check_place(output, (arguments.model, arguments.data))
    model = _loaded(arguments.model)
    dataset = _read(arguments.data, model)
    table = _rows(dataset, arguments.rows)
    names, columns = list(model.target_names), _texts(model.predict(table), model.dtype)
    if arguments.probabilities:
        columns += _texts(model.probabilities(table), model.dtype)
        names += model.probability_names
    for line in (*_choice(dataset, arguments.rows), *model.report(table)):
        print(f"note: {line}", file=sys.stderr)
    raw = _csv(names, zip(*columns, strict=True))
    if output is not None:
        write_file(output, raw)
    else:
        _print(raw)
    return 0


def _print(raw: bytes) -> None:
    # With PYTHONUNBUFFERED set, a single write may be cut short.
    left = memoryview(raw)
    while left:
        left = left[sys.stdout.buffer.write(left) :]


class _OnTable(Protocol):
    """What predicts for tables."""

    dtype: np.dtype[Any]
    target_names: tuple[str, ...]
    probability_names: tuple[str, ...]
    text_columns: tuple[str, ...]

    def predict(self, table: Table) -> NDArray[Any]:
        """Predictions, shape (rows,) or (rows, targets)."""

    def probabilities(self, table: Table) -> NDArray[Any]:
        """The probability of each class, shape (rows, classes)."""

    def report(self, table: Table) -> tuple[str, ...]:
        """Lines about what is remarkable in a table; DataError where it cannot be used."""


class _ModelOnTable:
    """A model that the command has trained."""

    def __init__(self, path: str) -> None:
        model = load(path)
        if model.preparation is None:
            raise DataError(
                f"{path}: the model was trained in Python on plain arrays and does not know the columns of a file; "
                "predict in Python with chainrule.train.load(path).predict(array)"
            )
        preparation = model.preparation
        self.dtype, self.text_columns = model.dtype, preparation.text_columns
        self.target_names = preparation.target_names
        self.probability_names = tuple(f"{self.target_names[0]}={name}" for name in preparation.classes or ())
        self.predict, self.probabilities, self.report = model.predict, model.probabilities, preparation.report


def _loaded(path: str) -> _OnTable:
    return EstimatorOnTable(path) if containers.format_of(path) == "chainrule estimator" else _ModelOnTable(path)


def _read(name: str, model: _OnTable) -> Dataset:
    try:
        return read(name, text=model.text_columns)
    except DataError:
        # Where the file itself is sound, a column of text is absent: of all that are, `report` names more.
        model.report(read(name).table)
        raise


def _rows(dataset: Dataset, wanted: str | None) -> Table:
    """Choose the test rows where a file sets some aside, because the others were trained on."""
    if dataset.test is None and wanted is not None:
        raise OptionError(f"{dataset.table.source} sets no test rows aside: leave out --rows {wanted}")
    return dataset.table if dataset.test is None or wanted == "train" else dataset.test


def _choice(dataset: Dataset, wanted: str | None) -> tuple[str, ...]:
    """Say which rows were chosen, where nobody did."""
    if dataset.test is None or wanted is not None:
        return ()
    return (f"predicting for the {len(dataset.test)} test rows (--rows train for the other {len(dataset.table)})",)


def _texts(values: NDArray[Any], dtype: np.dtype[Any]) -> list[list[str]]:
    """Write every column as texts: numbers with the digits that the model's precision has."""
    columns = values.T if values.ndim == 2 else [values]
    if values.dtype.kind != "f":
        return [[str(value) for value in column.tolist()] for column in columns]
    digits = np.finfo(dtype).precision + 1
    return [[f"{value:.{digits}g}" for value in column.tolist()] for column in columns]


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()
