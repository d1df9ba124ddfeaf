"""The data that a command is pointed at."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from chainrule import data
from chainrule.data import Dataset

__all__ = ["model_path", "read"]

DIGITS = "digits"


def read(name: str, target: Sequence[str] = (), text: Collection[str] = ()) -> Dataset:
    """Read a file, a folder, or the digits that come with chainrule.

    Parameters
    ----------
    name : str
        A path, or ``"digits"``; a file of this name is ``"./digits"``.
    target : sequence of str
        Names of the target columns; without any, those that the format knows.
    text : collection of str
        Names of columns of a CSV or Parquet file to keep as text.

    Raises
    ------
    DataError
        As `chainrule.data.read` does.
    """
    if name != DIGITS:
        return data.read(name, target, text)
    dataset = data.digits()
    for column in target:
        dataset.table[column]  # raises, with a suggestion, where there is none
    return replace(dataset, targets=tuple(target) or dataset.targets)


def model_path(name: str) -> Path:
    """Choose where a model of these data goes: into the current folder.

    Examples
    --------
    >>> model_path("tables/penguins.csv.gz"), model_path("mnist/"), model_path("digits")
    (PosixPath('penguins.safetensors'), PosixPath('mnist.safetensors'), PosixPath('digits.safetensors'))
    """
    stem = Path(name).resolve().name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".npz", ".parquet", ".pq"):
        stem = stem.removesuffix(ending)
    return Path(f"{stem or 'model'}.safetensors")
