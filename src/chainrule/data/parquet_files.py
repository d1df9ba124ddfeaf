"""Parquet files: columns of numbers, text, booleans and dates, read by pyarrow."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import Numbers, Text, column_of_cells
from chainrule.data.features import as_text
from chainrule.data.files import memory
from chainrule.data.table import Table, listed, unknown_column
from chainrule.errors import DataError

__all__ = ["is_parquet", "parse_parquet"]

# The second one begins files with an encrypted footer.
_MAGIC = (b"PAR1", b"PARE")
# What pandas calls the names of the rows where they have none.
_INDEX = re.compile(r"__index_level_\d+__")
# Parts of a second that are none, which the file has for want of a type of whole seconds.
_ZEROS = re.compile(r"\.0+(?=Z?$)")
# A number, or the code of a text.
_BYTES_A_CELL = 8


def is_parquet(raw: bytes) -> bool:
    """Tell a Parquet file, also a truncated one, from text that happens to begin like one."""
    return raw.startswith(_MAGIC) and (raw[-4:] == raw[:4] or b"\0" in raw)


def parse_parquet(raw: bytes, source: str, text: Collection[str] = ()) -> Table:
    """Make a table of a Parquet file; nothing in it is run or unpickled.

    The types in the file say what a column is. Integers, floats and decimals are numbers. Text, dictionaries of it,
    bytes that are UTF-8, booleans and dates are text, as they would be in a CSV file; texts that stand for a missing
    value there, such as NA, do so here. Columns of lists, of structures and of other types are refused. A column
    without a name is called ``unnamed 1`` and so on, by its position, and so are the names of rows that pandas writes.

    Parameters
    ----------
    raw : bytes
        What the file holds.
    source : str
        Its name for messages.
    text : collection of str
        Names of columns to keep as text though they are numbers.

    Returns
    -------
    Table
        Its places are the rows of the file, from 0.

    Raises
    ------
    DataError
        If pyarrow is not installed, the file is damaged, truncated or encrypted, it has no rows or columns, a column is
        of a type that cannot be used, or `text` names a column that is not there.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            f"{source}: Parquet files are read by pyarrow, which is not here ({error}): "
            'pip install "chainrule[parquet]", or save the file as CSV'
        ) from error
    if not raw.startswith(_MAGIC):
        raise DataError(f"{source}: this is not a Parquet file")
    if raw[-4:] != raw[:4]:
        raise DataError(f"{source}: the Parquet file is truncated, fetch or save it again")
    if raw.startswith(b"PARE"):
        raise DataError(f"{source}: the Parquet file is encrypted; save it without, or as CSV")
    # On a damaged file, pyarrow raises more kinds of errors than it documents.
    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        _check_size(file.metadata, source)
        table = file.read(use_threads=False)
        table.validate(full=True)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{source}: the Parquet file is damaged or truncated ({_line(error)})") from error
    names = _names(table.column_names, source)
    for name in text:
        if name not in names:
            raise unknown_column(name, names, source)
    if not table.num_rows:
        raise DataError(f"{source}: the Parquet file has no rows (its columns are {listed(names)})")
    columns = tuple(_column(name, table.column(k), source, name in text) for k, name in enumerate(names))
    return Table(columns, np.arange(table.num_rows), source)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check_size(metadata: Any, source: str) -> None:
    """Refuse more cells than there is memory for: a few bytes can announce them."""
    size = metadata.num_rows * max(1, metadata.num_columns) * _BYTES_A_CELL
    if size > memory():
        raise DataError(
            f"{source}: the Parquet file announces {metadata.num_rows:,} rows of {metadata.num_columns:,} columns, "
            "more than there is memory for: split it, or it is damaged"
        )


def _names(given: list[str], source: str) -> list[str]:
    names = [
        f"unnamed {k}" if not name.strip() or _INDEX.fullmatch(name) else name.strip()
        for k, name in enumerate(given, start=1)
    ]
    if not names:
        raise DataError(f"{source}: the Parquet file has no columns")
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise DataError(f"{source}: these columns stand in the file more than once: {listed(twice)}")
    return names


def _column(name: str, column: Any, source: str, keep_text: bool) -> Numbers | Text:
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        if not keep_text:
            return Numbers(name, _numbers(column))
        if not types.is_integer(kind):
            return replace(as_text(Numbers(name, _numbers(column))), declared=True)
    if types.is_boolean(kind) or types.is_integer(kind):
        cells = [None if value is None else str(value) for value in column.to_pylist()]
    else:
        cells = _texts(name, column, source)
    return column_of_cells(name, [cell or "" for cell in cells], text=True)


def _numbers(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    # Of a large integer only the leading digits are kept, as of one in a CSV file.
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    return np.array(numbers, np.float64)


def _texts(name: str, column: Any, source: str) -> list[str | None]:
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_temporal(kind) or _are_bytes(kind):
        try:
            found = column.cast(pa.large_string()).to_pylist()
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{source}: the column {name!r} of type {kind} cannot be text: {_line(error)}") from error
        return [None if cell is None else _ZEROS.sub("", cell) for cell in found] if types.is_temporal(kind) else found
    raise DataError(
        f"{source}: the column {name!r} has the type {kind}; numbers, text, booleans or dates are needed "
        "(leave the column out, or save one column for each part)"
    )


def _are_bytes(kind: Any) -> bool:
    from pyarrow import types

    views = [getattr(types, f"is_{view}", None) for view in ("string_view", "binary_view")]
    return (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or any(view is not None and view(kind) for view in views)
    )
