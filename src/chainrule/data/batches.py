"""Which examples make up a minibatch, and which are held out."""

from collections.abc import Iterator
from operator import index

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DataError, OptionError

__all__ = ["minibatches", "split"]


def minibatches(examples: int, batch_size: int | None, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Divide the examples of one epoch, in random order, into minibatches.

    Parameters
    ----------
    examples : int
        How many there are.
    batch_size : int or None
        Examples a minibatch; 1 is stochastic gradient descent. The last minibatch holds what is left. None
        is one batch of all examples, in order and without a random draw.
    rng : numpy.random.Generator
        Draws one permutation.

    Returns
    -------
    iterator of arrays of shape (up to batch_size,), integer
        Indices of examples, each index once.

    Raises
    ------
    OptionError
        If `batch_size` is not a positive whole number.

    Examples
    --------
    >>> import numpy as np
    >>> [batch.tolist() for batch in minibatches(5, 2, np.random.default_rng(0))]
    [[2, 4], [3, 0], [1]]
    >>> [batch.tolist() for batch in minibatches(5, None, np.random.default_rng(0))]
    [[0, 1, 2, 3, 4]]
    """
    if batch_size is None:
        return iter([np.arange(examples)] if examples else [])
    try:
        size = index(batch_size)
    except TypeError:
        size = 0
    if size < 1:
        raise OptionError(f"batch_size is {batch_size!r}; it must be a whole number from 1 on, or None for all")
    order = rng.permutation(examples)
    return (order[begin : begin + size] for begin in range(0, examples, size))


def split(
    examples: int, fraction: float, rng: np.random.Generator, classes: ArrayLike | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out some of the examples at random.

    Parameters
    ----------
    examples : int
        How many there are.
    fraction : float
        The part to hold out, between 0 and 1; rounded to a number of examples, of which at least one is
        held out and at least one is kept.
    rng : numpy.random.Generator
        The same state gives the same split.
    classes : array-like of shape (examples,), optional
        The class of each example. Every class is then held out in the same fraction, as nearly as its size
        allows, and keeps at least one example.

    Returns
    -------
    kept, held_out : arrays of integer
        Indices in increasing order.

    Raises
    ------
    DataError
        If there are fewer than two examples, no class has two, or `classes` has another length.
    OptionError
        If `fraction` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> kept, held_out = split(8, 0.25, np.random.default_rng(0), classes=[0, 0, 0, 0, 1, 1, 1, 1])
    >>> kept.tolist(), held_out.tolist()
    ([0, 1, 3, 4, 5, 6], [2, 7])
    """
    if not 0 < fraction < 1:
        raise OptionError(f"the fraction to hold out is {fraction!r}; it must lie between 0 and 1")
    if examples < 2:
        raise DataError(f"there are too few rows to hold some out: {examples}; at least 2 are needed")
    members = [np.arange(examples)]
    if classes is not None:
        labels = np.unique(np.asarray(classes), return_inverse=True)[1]
        if labels.shape != (examples,):
            raise DataError(f"there are {examples} examples, but classes has shape {labels.shape}")
        members = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    sizes = np.array([len(rows) for rows in members])
    if len(members) == examples:
        raise DataError(f"there are too few rows to hold some out: {examples} rows of {examples} classes")
    held = _shares(sizes, max(1, round(fraction * examples)))
    shuffled = [rng.permutation(rows) for rows in members]
    held_out = np.concatenate([rows[:count] for rows, count in zip(shuffled, held, strict=True)])
    kept = np.concatenate([rows[count:] for rows, count in zip(shuffled, held, strict=True)])
    return np.sort(kept), np.sort(held_out)


def _shares(sizes: NDArray[np.intp], wanted: int) -> list[int]:
    """Share out `wanted` places by size, the largest remainders first, where each group keeps one member."""
    limit = sizes - 1
    wanted = min(wanted, int(limit.sum()))
    exact = sizes * (wanted / sizes.sum())
    shares = np.minimum(np.floor(exact).astype(np.intp), limit)
    while shares.sum() < wanted:
        remainder = np.where(shares < limit, exact - shares, -np.inf)
        shares[int(np.argmax(remainder))] += 1
    return [int(share) for share in shares]
