"""Images of digits as arrays, from the data that a lesson was given."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Block, Dataset, Table, Text, digits, read
from chainrule.errors import DataError

__all__ = ["Images", "images_of", "read_images"]


class Images(NamedTuple):
    """Square images, shape (examples, side, side), grey from -1 (paper) to 1 (ink); their labels; where they are from.

    `labels` has shape (examples,) and holds text.
    """

    pixels: NDArray[np.float64]
    labels: NDArray[Any]
    source: str


def read_images(source: Path | None) -> Images:
    """Read a file of US Postal Service digits, or another of images and labels; None is scikit-learn's digits.

    Raises
    ------
    DataError
        Where there is no such file, or no images and labels in it.
    """
    dataset = digits() if source is None else read(source)
    return images_of(dataset, "the digits of scikit-learn" if source is None else source.name)


def images_of(dataset: Dataset, source: str) -> Images:
    """Take the training images of a data set, with the least and the greatest grey value as -1 and 1.

    Raises
    ------
    DataError
        Where the columns are not the pixels of square images and a label.
    """
    table = dataset.table
    blocks = [column for column in table.columns if isinstance(column, Block)]
    label = table[dataset.targets[0]] if len(dataset.targets) == 1 else None
    side = math.isqrt(len(blocks[0].names)) if len(blocks) == 1 else 0
    if side == 0 or side * side != len(blocks[0].names) or not isinstance(label, Text):
        raise DataError(
            f"{table.source}: square images with a label each are needed, such as a file of US Postal Service digits; "
            f"found {_found(table)}"
        )
    grey = np.asarray(blocks[0].values, np.float64)
    low, high = float(grey.min()), float(grey.max())
    if not low < high:
        raise DataError(f"{table.source}: every pixel has the grey value {low:g}; images are needed")
    pixels = (2 * (grey - low) / (high - low) - 1).reshape(-1, side, side)
    return Images(pixels, np.array(label.values), source)


def _found(table: Table) -> str:
    return f"{len(table.names)} columns, {', '.join(table.names[:4])}{' and so on' if len(table.names) > 4 else ''}"
