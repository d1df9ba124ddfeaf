"""Comma-separated text files: a header line of column names, then one line a row."""

import csv
import io
from collections import Counter
from collections.abc import Collection

import numpy as np

from chainrule.data.columns import column_of_cells, number
from chainrule.data.table import Table, counted, listed, unknown_column
from chainrule.errors import DataError

__all__ = ["parse_csv"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_HEADER_AT_MOST = 1 << 16


def parse_csv(raw: bytes, source: str, text: Collection[str] = ()) -> Table:
    """Make a table of a CSV file.

    The delimiter is a comma, or a semicolon or tab where the header line has more of these; with a
    semicolon or tab, numbers may have a decimal comma. The encoding is UTF-8, with or without byte order
    mark. Fields may be quoted, with doubled quotes, delimiters and line ends inside. Blanks around a field
    do not count, blank lines are left out. A column without a name is called ``unnamed 1`` and so on, by
    its position.

    Parameters
    ----------
    raw : bytes
        What the file holds.
    source : str
        Its name for messages.
    text : collection of str
        Names of columns to keep as text whatever they look like. Other columns are numeric where all cells
        that are not missing are numbers.

    Returns
    -------
    Table
        Its places are the lines of the file.

    Raises
    ------
    DataError
        If the file is not text, empty or nothing but a header, a line is not well formed, or `text` names a
        column that is not there.
    """
    content = _decoded(raw, source)
    delimiter = _delimiter(content)
    rows, places = _records(source, content, delimiter)
    if not rows:
        raise DataError(f"{source}: the file is empty")
    names = _names(source, rows.pop(0))
    places.pop(0)
    if not rows:
        raise DataError(f"{source}: there is only a header line and no row below it")
    for row, place in zip(rows, places, strict=True):
        if len(row) != len(names):
            raise DataError(
                f"{source}: line {place} has {counted(len(row), 'field')}, but the header names "
                f"{counted(len(names), 'column')} (fields are separated by {_DELIMITERS[delimiter]})"
            )
    for name in text:
        if name not in names:
            raise unknown_column(name, names, source)
    columns = tuple(
        column_of_cells(name, cells, text=name in text, decimal_comma=delimiter != ",")
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
    )
    return Table(columns, np.array(places, dtype=np.intp), source, "line")


def _decoded(raw: bytes, source: str) -> str:
    if raw.startswith(_UTF16):
        raise DataError(f"{source}: the text is encoded as UTF-16; save it as UTF-8")
    if b"\0" in raw:
        raise DataError(f"{source}: this is not a text file; CSV, NPZ and IDX files can be read")
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(f"{source}: line {line} is not UTF-8 text; save the file as UTF-8") from error
    if not content.strip():
        raise DataError(f"{source}: the file is empty")
    return content


def _delimiter(content: str) -> str:
    """Choose the delimiter that splits the header line into most fields; the comma wins a tie."""
    begin = content.lstrip(" \r\n")[:_HEADER_AT_MOST]
    fields = {}
    for delimiter in _DELIMITERS:
        fields[delimiter] = len(next(csv.reader(io.StringIO(begin, newline=""), delimiter=delimiter)))
    return max(fields, key=lambda delimiter: fields[delimiter])


def _records(source: str, content: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Split the text into records and the line where each begins."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    places: list[int] = []
    begin = 1
    try:
        for row in reader:
            in_one_column = bool(rows) and len(rows[0]) == 1
            if len(row) > 1 or (row and (in_one_column or row[0].strip())):
                rows.append(row)
                places.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        problem = f"{source}: line {begin} is not well-formed CSV ({error}); are its quotes closed?"
        raise DataError(problem) from error
    return rows, places


def _names(source: str, header: list[str]) -> list[str]:
    names = [cell.strip() or f"unnamed {i}" for i, cell in enumerate(header, start=1)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if all(number(name) is not None for name in names) and (twice or not _counts_up(names)):
        raise DataError(
            f"{source}: the first line must name the columns, but it holds only numbers ({listed(names)}); "
            "add a line of names above it"
        )
    if twice:
        raise DataError(f"{source}: the header names these columns more than once: {listed(twice)}")
    return names


def _counts_up(names: list[str]) -> bool:
    """Tell names such as 0, 1, 2, which pandas gives to the columns of an array, from a row of numbers."""
    return names == [str(i) for i in range(len(names))]
