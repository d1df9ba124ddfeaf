"""Held-out data: those that are given, and the part of a fit's own data that is set aside."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from chainrule.estimators.columns import validated
from chainrule.estimators.parts import dense
from chainrule.estimators.sparse_rows import is_small

__all__ = ["HeldOut", "given", "set_aside"]


class HeldOut(NamedTuple):
    """Inputs, targets and weights of examples that are held out.

    Attributes
    ----------
    X : array or sparse matrix, shape (examples, features)
        Inputs.
    targets : array, shape (examples, outputs)
        Targets.
    weights : array, shape (examples,), or None
        Weights of the examples.
    """

    X: Any
    targets: NDArray[Any]
    weights: NDArray[Any] | None


def given(model: Any, validation_data: Any, outputs: int) -> HeldOut:
    """Check held-out data as the data of a fit are checked.

    Parameters
    ----------
    model : estimator
        Its features and classes are known.
    validation_data : tuple of X and y, or of X, y and weights
        What the user gave.
    outputs : int
        Columns of targets.

    Raises
    ------
    ValueError
        For data that do not fit, or weights that sum to zero.
    """
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        found = f"{len(validation_data)} of them" if isinstance(validation_data, tuple | list) else "another object"
        raise ValueError(f"validation_data has to be (X, y) or (X, y, sample_weight), found {found}")
    X, y, *rest = validation_data
    X = validated(model, X, reset=False)
    targets = model._targets(y)
    check_consistent_length(X, targets)
    if targets.shape[1] != outputs:
        raise ValueError(f"y of validation_data has {targets.shape[1]} columns, but the y of the fit has {outputs}")
    weights = None if not rest or rest[0] is None else _check_sample_weight(rest[0], X)
    if weights is not None and not weights.sum():
        raise ValueError("the weights of validation_data sum to zero, so that it has no score")
    return HeldOut(X, targets, weights)


def set_aside(
    model: Any,
    X: Any,
    targets: NDArray[Any],
    weights: NDArray[Any] | None,
    rng: np.random.RandomState,
    *,
    incremental: bool,
) -> tuple[Any, NDArray[Any], NDArray[Any] | None, HeldOut]:
    """Hold out `validation_fraction` of the data: what is left, and the part.

    The data of one `partial_fit` may have few examples of a class, so that classes keep their shares in `fit` only.
    """
    arrays = [X, targets] if weights is None else [X, targets, weights]
    stratify = None
    if is_classifier(model) and targets.shape[1] == 1 and not incremental:
        # As labels, which an error may name.
        stratify = model._label_binarizer.inverse_transform(targets)
    if incremental and np.ceil(X.shape[0] * model.validation_fraction) < 2:
        raise ValueError(
            f"partial_fit with early_stopping=True was given {X.shape[0]} examples, of which "
            f"validation_fraction={model.validation_fraction} is too few to be held out: give validation_data, or more "
            "examples at a time"
        )
    parts = train_test_split(*arrays, random_state=rng, test_size=model.validation_fraction, stratify=stratify)
    if len(parts[3]) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    X_out = dense(parts[1]) if is_small(parts[1]) else parts[1]
    if weights is None:
        return parts[0], parts[2], None, HeldOut(X_out, parts[3], None)
    if not parts[5].sum():
        raise ValueError(
            "The weights of the validation set sum to zero, so that it has no score. Increase 'validation_fraction', "
            "or leave out examples without weight."
        )
    return parts[0], parts[2], parts[4], HeldOut(X_out, parts[3], parts[5])
