"""Labels as targets of a network, and back: as scikit-learn's LabelBinarizer, without its checks where y is plain.

For one label an example, of a dtype of whole numbers, booleans or text, what it finds out with many checks is known.
They would take as long as the epochs of a small network.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer

__all__ = ["binarized", "labels_of", "targets_of"]


def binarized(y: NDArray[Any]) -> tuple[LabelBinarizer, NDArray[Any]]:
    """Learn the labels that there are, and turn each into its row of targets.

    Parameters
    ----------
    y : array, shape (n_samples,) or (n_samples, n_outputs)
        Labels, as scikit-learn has checked them.

    Returns
    -------
    rows : LabelBinarizer
        The fitted binarizer.
    targets : array of int, shape (n_samples, n_outputs)
        0 or 1; one column for one or two labels.

    Raises
    ------
    ValueError
        For numbers that are no labels.

    Examples
    --------
    >>> rows, targets = binarized(np.array(["b", "a", "c"]))
    >>> targets
    array([[0, 1, 0],
           [1, 0, 0],
           [0, 0, 1]])
    >>> labels_of(rows, np.array([[0.1, 0.2, 0.7]]))
    array(['c'], dtype='<U1')
    """
    if not _is_plain(y):
        rows = LabelBinarizer().fit(y)
        return rows, rows.transform(y)
    classes, codes = np.unique(y, return_inverse=True)
    rows = LabelBinarizer()
    rows.y_type_ = "multiclass" if len(classes) > 2 else "binary"
    # Texts as long as the longest label.
    rows.classes_, rows.sparse_input_ = np.array(list(classes)), False
    return rows, _one_hot(codes, len(classes))


def targets_of(rows: LabelBinarizer, y: NDArray[Any]) -> NDArray[Any]:
    """Turn labels that are all known into rows of targets, as `binarized` has learned them."""
    if not (_is_plain(y) and _is_plain(rows.classes_) and rows.y_type_ in ("binary", "multiclass")):
        found: NDArray[Any] = rows.transform(y)
        return found
    return _one_hot(np.searchsorted(rows.classes_, y), len(rows.classes_))


def labels_of(rows: LabelBinarizer, outputs: NDArray[Any]) -> NDArray[Any]:
    """Choose labels by outputs, shape (n_samples, n_outputs): the greatest, or those above a half."""
    found: NDArray[Any]
    if rows.y_type_ == "multiclass":
        found = rows.classes_.take(outputs.argmax(axis=1))
    elif rows.y_type_ == "binary":
        above = (outputs[:, 0] > 0.5).astype(np.intp)
        found = rows.classes_.take(above, mode="clip")
    else:
        found = rows.inverse_transform(outputs[:, 0] if outputs.shape[1] == 1 else outputs)
    return found


def _is_plain(y: Any) -> bool:
    return isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU" and len(y) > 0


def _one_hot(codes: NDArray[np.intp], classes: int) -> NDArray[Any]:
    if classes <= 2:
        return codes[:, np.newaxis]
    found = np.zeros((len(codes), classes), np.intp)
    found[np.arange(len(codes)), codes] = 1
    return found
