"""MNIST's IDX files: images and labels of bytes, as four files in one folder or one file of images.

Source of the format: the page of the MNIST database. A file begins with two zero bytes, the type (8: bytes)
and the number of dimensions, then the sizes as big-endian 32-bit integers, then the data in row-major
order.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import Text, column_of_array
from chainrule.data.files import contents
from chainrule.data.table import Dataset, Table
from chainrule.errors import DataError

__all__ = ["IDX_MAGIC", "LABEL", "label_column", "parse_idx", "parse_idx_images", "read_idx_folder"]

IDX_MAGIC = b"\0\0\x08"
LABEL = "label"
_USUAL = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte"


def read_idx_folder(folder: Path) -> Dataset:
    """Read MNIST, or another data set in its format, from a folder of its four files, each gzipped or not.

    Parameters
    ----------
    folder : Path
        It holds train-images-idx3-ubyte and train-labels-idx1-ubyte, and t10k-images-idx3-ubyte and
        t10k-labels-idx1-ubyte if there are test images; .gz may follow, and a dot may stand before idx.

    Returns
    -------
    Dataset
        Columns x0, x1, ... are the pixels, row by row, from 0 to 1 (float32), and label is text. The target
        is label. The test images are the table where there are no others.

    Raises
    ------
    DataError
        If a file is missing, damaged or truncated, or images and labels differ in number.
    """
    train, test = (_part(folder, name) for name in ("train", "t10k"))
    if train is None:
        train, test = test, None
    if train is None:
        raise DataError(f"{folder}: this folder holds no IDX files called {_USUAL}, with or without .gz")
    return Dataset(train, test, (LABEL,))


def parse_idx_images(raw: bytes, source: str) -> Dataset:
    """Make a table of one IDX file of images, without labels: rows to predict for.

    Raises
    ------
    DataError
        If the file is damaged or holds labels.
    """
    images = parse_idx(raw, source)
    if images.ndim < 2:
        raise DataError(f"{source}: this IDX file holds labels; give that of images, or the folder of both")
    return Dataset(_table(source, images, None))


def parse_idx(raw: bytes, source: str) -> NDArray[np.uint8]:
    """Read the array in an IDX file of bytes.

    Raises
    ------
    DataError
        If it is not an IDX file of bytes, or its length is not what its header says.
    """
    if len(raw) < 4 or not raw.startswith(IDX_MAGIC) or raw[3] == 0:
        raise DataError(f"{source}: this is not an IDX file of bytes (they begin with the bytes 0, 0, 8)")
    begin = 4 + 4 * raw[3]
    shape = tuple(np.frombuffer(raw[4:begin], dtype=">u4").tolist()) if len(raw) >= begin else ()
    announced = f"its header announces an array of shape {shape}" if shape else "it ends inside its header"
    if len(raw) - begin < math.prod(shape):
        raise DataError(f"{source}: the IDX file is truncated, {announced}")
    if len(raw) - begin > math.prod(shape):
        raise DataError(f"{source}: the IDX file is longer than it should be, {announced}")
    if 0 in shape:
        raise DataError(f"{source}: the IDX file is empty, {announced}")
    return np.frombuffer(raw, dtype=np.uint8, offset=begin).reshape(shape)


def _part(folder: Path, name: str) -> Table | None:
    images_path, labels_path = (_find(folder, name, kind) for kind in ("images-idx3", "labels-idx1"))
    if images_path is None and labels_path is None:
        return None
    if images_path is None or labels_path is None:
        absent = f"{name}-images-idx3-ubyte" if images_path is None else f"{name}-labels-idx1-ubyte"
        raise DataError(f"{folder}: {absent} (or {absent}.gz) is missing; the usual names are {_USUAL}")
    images, labels = (parse_idx(contents(path), str(path)) for path in (images_path, labels_path))
    if images.ndim < 2:
        raise DataError(f"{images_path}: images were expected, the array has shape {images.shape}")
    if labels.ndim != 1:
        raise DataError(f"{labels_path}: labels were expected, the array has shape {labels.shape}")
    if len(images) != len(labels):
        raise DataError(f"{images_path} holds {len(images)} images, but {labels_path} holds {len(labels)} labels")
    return _table(str(images_path), images, labels)


def _find(folder: Path, name: str, kind: str) -> Path | None:
    usual = (f"{name}-{kind}-ubyte", f"{name}-{kind.replace('-', '.')}-ubyte")
    candidates = (folder / (file + ending) for file in usual for ending in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _table(source: str, images: NDArray[np.uint8], labels: NDArray[np.uint8] | None) -> Table:
    pixels = column_of_array("X", images.reshape(len(images), -1, 1), source)
    columns = (pixels,) if labels is None else (pixels, label_column(labels))
    return Table(columns, np.arange(len(images)), source, "image")


def label_column(labels: NDArray[np.uint8]) -> Text:
    """Make the text column of integer labels, shape (rows,)."""
    values, codes = np.unique(labels, return_inverse=True)
    return Text(LABEL, tuple(str(value) for value in values.tolist()), codes.astype(np.intp))
