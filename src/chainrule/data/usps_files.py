"""The text digits of the US Postal Service: a label and 16 x 16 grey values from -1 to 1 on every line."""

import re

import numpy as np

from chainrule.data.columns import Block, number
from chainrule.data.idx_files import LABEL, label_column
from chainrule.data.table import Dataset, Table
from chainrule.errors import DataError

__all__ = ["is_usps", "parse_usps"]

_PIXELS = 256
_FIRST_LINE = re.compile(rb"\s*[0-9](?:\.0*)?(?:[ \t]+-?[0-9.]+){%d}[ \t]*\r?(?:\n|$)" % _PIXELS)


def is_usps(raw: bytes) -> bool:
    """Tell whether a file's first line is a digit followed by 256 numbers, separated by blanks."""
    return _FIRST_LINE.match(raw[:8192]) is not None


def parse_usps(raw: bytes, source: str) -> Dataset:
    """Make a table of a file of USPS digits.

    Parameters
    ----------
    raw : bytes
        What the file holds.
    source : str
        Its name for messages.

    Returns
    -------
    Dataset
        Columns x0 to x255 are the pixels, row by row, from -1 to 1, and label is text. The target is label.

    Raises
    ------
    DataError
        If a line has another number of fields, or holds something else than numbers.
    """
    lines = raw.split(b"\n")
    kept = [(place, line.split()) for place, line in enumerate(lines, start=1) if line.strip()]
    for place, fields in kept:
        if len(fields) != _PIXELS + 1:
            raise DataError(f"{source}: line {place} has {len(fields)} fields, not a label and {_PIXELS} pixels")
    try:
        values = np.array([fields for _, fields in kept]).astype(np.float64)
    except ValueError:
        raise _not_a_number(kept, source) from None
    labels = values[:, 0]
    wrong = np.flatnonzero(~np.isin(labels, np.arange(10)))
    if wrong.size:
        place = kept[wrong[0]][0]
        raise DataError(f"{source}: line {place} has the label {labels[wrong[0]]:g}; a digit from 0 to 9 is needed")
    pixels = Block(tuple(f"x{i}" for i in range(_PIXELS)), values[:, 1:].copy(), alike=True)
    places = np.array([place for place, _ in kept], dtype=np.intp)
    table = Table((pixels, label_column(labels.astype(np.uint8))), places, source, "line")
    return Dataset(table, None, (LABEL,))


def _not_a_number(kept: list[tuple[int, list[bytes]]], source: str) -> DataError:
    """Find the first field that is not a number."""
    for place, fields in kept:
        for field in fields:
            text = field.decode("utf-8", "replace")
            if number(text) is None:
                return DataError(f"{source}: line {place}: {text!r} is not a number")
    return DataError(f"{source}: a label or pixel is not a number")
