"""NumPy's NPZ files: named arrays with the rows first."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from chainrule.data.columns import column_of_array
from chainrule.data.files import memory
from chainrule.data.table import Dataset, Table, unknown_column
from chainrule.errors import DataError

__all__ = ["NPZ_MAGIC", "parse_npz"]

NPZ_MAGIC = (b"PK", b"\x93NUMPY")
_TARGET_NAMES = ("y", "Y", "target", "targets", "label", "labels")


def parse_npz(raw: bytes, source: str, targets: Sequence[str] = ()) -> Dataset:
    """Make tables of the arrays in an NPZ file; nothing in it is unpickled.

    An array whose name ends in ``_test`` belongs to the test rows, with the name before that ending;
    ``_train`` at the end of a name is left out. So X, y, X_test and y_test are read as people save them,
    and x_train, y_train, x_test and y_test too. Other arrays become columns by their own names, see
    `Table.of`.

    Parameters
    ----------
    raw : bytes
        What the file holds.
    source : str
        Its name for messages.
    targets : sequence of str
        Names of arrays, or of columns of two-dimensional arrays. Without any, an array called y, Y, target,
        targets, label or labels is the target where there is exactly one. A target array of shape (rows,
        classes) whose rows are one 1 and otherwise 0 is read as the number of the class.

    Returns
    -------
    Dataset
        With a test table if the file holds test arrays beside others.

    Raises
    ------
    DataError
        If the file is not an NPZ file, an array cannot be used, the arrays differ in length, or there is no
        such target.
    """
    arrays = _arrays(raw, source)
    parts: dict[str, dict[str, NDArray[Any]]] = {"": {}, "test": {}}
    for name, array in arrays.items():
        stem, _, ending = name.rpartition("_")
        part = "test" if stem and ending == "test" else ""
        column = stem if stem and ending in ("train", "test") else name
        column = "X" if column == "x" and array.ndim > 1 else column
        if column in parts[part]:
            raise DataError(f"{source}: two arrays would both be the column {column!r}, one of them {name!r}")
        parts[part][column] = array
    if not parts[""]:
        parts = {"": parts["test"], "test": {}}
    known = [name for name in _TARGET_NAMES if name in parts[""]]
    wanted = list(targets) or (known if len(known) == 1 else [])
    for columns in parts.values():
        columns.update({name: _class_numbers(columns[name]) for name in wanted if name in columns})
    table = Table.of(parts[""], source)
    test = Table.of(parts["test"], f"{source} (test arrays)") if parts["test"] else None
    names = [column for name in wanted for column in _target_columns(name, parts[""], table)]
    return Dataset(table, test, tuple(names))


def _arrays(raw: bytes, source: str) -> dict[str, NDArray[Any]]:
    if raw.startswith(b"\x93NUMPY"):
        raise DataError(f"{source}: an NPY file holds one unnamed array; save X and y with np.savez(path, X=X, y=y)")
    if not raw.startswith(NPZ_MAGIC):
        raise DataError(f"{source}: this is not an NPZ file; save one with np.savez(path, X=X, y=y)")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            _check_size(archive, source)
            arrays = {name: _array(source, name, archive) for name in archive.files}
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{source}: an array is too large for the memory, or the NPZ file is damaged") from error
    # On a damaged file, zipfile and NumPy raise more kinds of errors than they document.
    except Exception as error:
        raise DataError(f"{source}: the NPZ file is damaged or truncated") from error
    if not arrays:
        raise DataError(f"{source}: the NPZ file holds no arrays")
    return arrays


def _check_size(archive: NpzFile, source: str) -> None:
    """Refuse what unpacks to more than there is memory for; no array is read beyond what the archive says of it."""
    assert archive.zip is not None
    size = sum(member.file_size for member in archive.zip.infolist())
    if size > memory():
        raise DataError(
            f"{source}: the arrays in the NPZ file have {size:,} bytes, more than there is memory for: split it, or "
            "it is damaged"
        )


def _array(source: str, name: str, archive: NpzFile) -> NDArray[Any]:
    members = archive.zip
    assert members is not None
    with members.open(name if name in members.namelist() else f"{name}.npy") as file:
        if file.read(len(MAGIC_PREFIX)) != MAGIC_PREFIX:
            raise DataError(f"{source}: {name!r} in this zip file is not a NumPy array; is this an NPZ file?")
    try:
        return np.asarray(archive[name])
    except ValueError as error:
        if "allow_pickle=False" not in str(error):
            raise
        raise DataError(
            f"{source}: the array {name!r} holds Python objects, which could run code when they are read; "
            "save numbers or text, for example array.astype(float) or array.astype(str)"
        ) from error


def _class_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Turn one-hot rows (rows, classes) into numbers of classes (rows,); leave other arrays as they are."""
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "biuf":
        return array
    one_hot = np.all((array == 0) | (array == 1)) and np.all(array.sum(axis=1) == 1)
    return np.argmax(array, axis=1) if one_hot else array


def _target_columns(name: str, arrays: dict[str, NDArray[Any]], table: Table) -> tuple[str, ...]:
    if name in table:
        return (name,)
    if name in arrays:
        return column_of_array(name, arrays[name], table.source).names
    raise unknown_column(name, table.names, table.source, "target column")
