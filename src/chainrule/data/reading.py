"""One way in: `read` chooses the reader by what the path is."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from chainrule.data.csv_files import parse_csv
from chainrule.data.files import contents
from chainrule.data.idx_files import IDX_MAGIC, parse_idx_images, read_idx_folder
from chainrule.data.npz_files import NPZ_MAGIC, parse_npz
from chainrule.data.parquet_files import is_parquet, parse_parquet
from chainrule.data.table import Dataset, unknown_column
from chainrule.data.usps_files import is_usps, parse_usps
from chainrule.errors import DataError

__all__ = ["read"]

_ELSEWHERE = {
    ".xls": "an Excel workbook",
    ".xlsx": "an Excel workbook",
    ".ods": "a spreadsheet",
    ".feather": "a Feather file",
    ".h5": "an HDF5 file",
    ".json": "a JSON file",
    ".pkl": "a pickle",
    ".mat": "a MATLAB file",
}
_PARQUET = (".parquet", ".pq")


def read(path: str | PathLike[str], target: str | Sequence[str] | None = None, text: Collection[str] = ()) -> Dataset:
    r"""Read a CSV, NPZ or Parquet file, a folder of MNIST's IDX files or one of its images, or a file of USPS digits.

    Parameters
    ----------
    path : path-like
        The file or folder; its kind is told from its content. CSV, IDX and USPS files may be gzipped.
        Parquet files need pyarrow, ``pip install "chainrule[parquet]"``.
    target : str or sequence of str, optional
        The name of the target column, or several names. NPZ, IDX and USPS files know their target without.
    text : collection of str
        Names of columns of a CSV or Parquet file to keep as text whatever they look like. A prepared model knows its
        own, see `Preparation.text_columns`.

    Returns
    -------
    Dataset
        The table, the test table if the file sets test rows aside, and the names of the targets.

    Raises
    ------
    DataError
        If the path cannot be read, with what was found, where, and what was expected.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "tips.csv")
    ...     _ = path.write_text("bill,day,tip\n16.99,Sun,1.01\n,Sat,1.66\n")
    ...     dataset = read(path, target="tip")
    >>> dataset.table["bill"].values, dataset.table["day"].values, dataset.targets
    (array([16.99,   nan]), ['Sun', 'Sat'], ('tip',))
    """
    path = Path(path)
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    for name in targets:
        if targets.count(name) > 1:
            raise DataError(f"the target column {name!r} is named twice")
    if path.is_dir():
        return _aimed(read_idx_folder(path), targets)
    if path.suffix.lower() in _ELSEWHERE and path.exists():
        raise DataError(f"{path}: {_ELSEWHERE[path.suffix.lower()]} cannot be read; save it as CSV")
    raw, source = contents(path), str(path)
    if raw.startswith(NPZ_MAGIC) or path.suffix.lower() == ".npz":
        return parse_npz(raw, source, targets)
    if is_parquet(raw) or path.suffix.lower() in _PARQUET:
        return _aimed(Dataset(parse_parquet(raw, source, text)), targets)
    if raw.startswith(IDX_MAGIC):
        return _aimed(parse_idx_images(raw, source), targets)
    if is_usps(raw):
        return _aimed(parse_usps(raw, source), targets)
    return _aimed(Dataset(parse_csv(raw, source, text)), targets)


def _aimed(dataset: Dataset, targets: tuple[str, ...]) -> Dataset:
    """Put the targets that were asked for in the place of those that the format knows."""
    for name in targets:
        if name not in dataset.table:
            raise unknown_column(name, dataset.table.names, dataset.table.source, "target column")
    return replace(dataset, targets=targets or dataset.targets)
