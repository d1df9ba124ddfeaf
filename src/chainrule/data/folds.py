"""Which examples are in which fold of a cross-validation."""

from operator import index

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError, OptionError

__all__ = ["ALWAYS_KEPT", "fold_rows"]

ALWAYS_KEPT = -1
"""What stands for an example that is in no fold: the only one of its class."""


def fold_rows(
    examples: int, folds: int, rng: np.random.Generator, classes: ArrayLike | None = None
) -> NDArray[np.intp]:
    """Deal out the examples to folds at random.

    Parameters
    ----------
    examples : int
        How many there are.
    folds : int
        How many folds there are, from 2 on.
    rng : numpy.random.Generator
        The same state gives the same folds.
    classes : array-like of shape (examples,), optional
        The class of each example. Every class is then in all folds as evenly as its size allows, and where it has but
        one example, this is in none: what is learned without it could not know the class.

    Returns
    -------
    array of shape (examples,), integer
        The number of the fold of each example, or `ALWAYS_KEPT`. Folds differ by one example at most.

    Raises
    ------
    DataError
        If there are fewer examples to deal out than folds, or `classes` has another length.
    OptionError
        If `folds` is no whole number from 2 on.

    Examples
    --------
    >>> import numpy as np
    >>> fold_rows(7, 3, np.random.default_rng(0), classes=[0, 0, 0, 1, 1, 1, 2]).tolist()
    [1, 2, 0, 1, 0, 2, -1]
    """
    try:
        count = index(folds)
    except TypeError:
        count = 0
    if count < 2:
        raise OptionError(f"cross-validation needs at least 2 folds, found {folds!r}")
    labels = np.zeros(examples, np.intp) if classes is None else np.unique(np.asarray(classes), return_inverse=True)[1]
    if labels.shape != (examples,):
        raise DataError(f"there are {examples} examples, but classes has shape {labels.shape}")
    sizes = np.bincount(labels, minlength=1)
    order = rng.permutation(examples)
    # Class after class, each in random order: dealt out like cards, one to each fold in turn.
    order = order[np.argsort(labels[order], kind="stable")]
    if classes is not None:
        order = order[sizes[labels[order]] > 1]
    if len(order) < count:
        raise DataError(f"{len(order)} rows are too few for {count} folds: give more rows, or ask for fewer folds")
    found = np.full(examples, ALWAYS_KEPT)
    found[order] = np.arange(len(order)) % count
    return found
