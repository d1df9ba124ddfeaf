"""`chainrule predict`: what a model says of every row of a file."""

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.cli.inputs import read
from chainrule.cli.output import check_place, write_file
from chainrule.data import Dataset, Preparation, Table
from chainrule.errors import DataError, OptionError
from chainrule.train import load

__all__ = ["predict"]

STANDARD_OUTPUT = "-"


def predict(arguments: argparse.Namespace) -> int:
    """Write a line of CSV for every row; what is remarkable about the rows goes to standard error."""
    output = None if arguments.output in (None, STANDARD_OUTPUT) else Path(arguments.output)
    if output is not None:
        check_place(output, (arguments.model, arguments.data))
    model = load(arguments.model)
    preparation = model.preparation
    if preparation is None:
        raise DataError(
            f"{arguments.model}: the model was trained in Python on plain arrays and does not know the columns of a "
            "file; predict in Python with chainrule.train.load(path).predict(array)"
        )
    dataset = _read(arguments.data, preparation)
    table = _rows(dataset, arguments.rows)
    names, columns = list(preparation.target_names), _texts(model.predict(table), model.dtype)
    if arguments.probabilities:
        columns += _texts(model.probabilities(table), model.dtype)
        names += [f"{names[0]}={name}" for name in preparation.classes or ()]
    for line in (*_choice(dataset, arguments.rows), *preparation.report(table)):
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


def _read(name: str, preparation: Preparation) -> Dataset:
    try:
        return read(name, text=preparation.text_columns)
    except DataError:
        # Where the file itself is sound, a column of text is absent: of all that are, `report` names more.
        preparation.report(read(name).table)
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
