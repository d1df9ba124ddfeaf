"""Small problems that come with chainrule."""

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import Block, Text
from chainrule.data.table import Dataset, Table

__all__ = ["band", "digits", "xor"]


def xor() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exclusive or of two bits, the smallest problem that no single layer solves.

    Returns
    -------
    X : array of shape (4, 2), float64
        All pairs of 0 and 1.
    T : array of shape (4, 1), float64
        1 where exactly one of the two is 1, else 0.

    Examples
    --------
    >>> X, T = xor()
    >>> X.tolist(), T.ravel().tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0])
    """
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
    return X, (X.sum(axis=1, keepdims=True) == 1).astype(np.float64)


def band(examples: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw points of two classes, of which one lies in a band between two parallel lines.

    Class 1 is where abs(x0 + x1) < 1/2, class 0 on both sides of it, with a margin of 1/10 between them. No
    single line separates the classes, so logistic regression fails; two hidden units with tanh, one for
    each line, solve it.

    Parameters
    ----------
    examples : int
        How many points.
    rng : numpy.random.Generator
        The same state gives the same points.

    Returns
    -------
    X : array of shape (examples, 2), float64
        Points from the square from -1 to 1 in both directions.
    T : array of shape (examples, 1), float64
        Their classes, 0 or 1, each as likely as the other.

    Examples
    --------
    >>> X, T = band(200, np.random.default_rng(0))
    >>> X.shape, T.shape, bool(np.all((np.abs(X.sum(axis=1, keepdims=True)) < 0.5) == T))
    ((200, 2), (200, 1), True)
    """
    T = rng.integers(0, 2, size=(examples, 1)).astype(np.float64)
    X = np.empty((examples, 2))
    missing = np.arange(examples)
    while missing.size:
        X[missing] = rng.uniform(-1.0, 1.0, size=(missing.size, 2))
        distance = np.abs(X[missing].sum(axis=1))
        inside = T[missing, 0] == 1
        accepted = np.where(inside, distance < 0.45, distance > 0.55)
        missing = missing[~accepted]
    return X, T


def digits() -> Dataset:
    """Return scikit-learn's handwritten digits.

    Returns
    -------
    Dataset
        1797 rows; columns x0 to x63 are the pixels of 8 x 8 images, row by row, from 0 to 16, and label is
        text, 0 to 9. The target is label. No rows are set aside for testing.

    Examples
    --------
    >>> dataset = digits()
    >>> len(dataset.table), len(dataset.table.names), dataset.targets
    (1797, 65, ('label',))
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    names = tuple(f"x{i}" for i in range(pixels.shape[1]))
    columns = (Block(names, pixels, alike=True), Text.of("label", [str(label) for label in labels.tolist()]))
    return Dataset(Table(columns, np.arange(len(pixels)), "digits"), None, ("label",))
