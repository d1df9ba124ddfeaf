"""The fitted attributes of an estimator that a file keeps, and what each may be."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.nn import Activation

__all__ = ["FITTED", "NEEDED", "OTHERWISE", "is_count"]

#: Fitted attributes that are described each in a way of its own.
OTHERWISE = frozenset(
    {
        "coefs_",
        "intercepts_",
        "_others",
        "_network",
        "_state",
        "_columns",
        "_label_binarizer",
        "_metadata_request",
        "halvings_",
        "_skl_callbacks",
    }
)


def is_count(value: Any) -> bool:
    """Tell whether a value is a whole number from 0 on."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_real_or_none(value: Any) -> bool:
    return value is None or _is_real(value)


def _are_reals(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_real, value)))


def _is_pair_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and len(value) == 2)


def _are_names(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1 and all(isinstance(name, str) for name in value.tolist())


def _is_mask(value: Any) -> bool:
    return value is None or (isinstance(value, np.ndarray) and value.dtype.kind == "b" and value.ndim == 1)


#: The other fitted attributes, and what each may be.
FITTED: dict[str, Callable[[Any], bool]] = {
    "n_iter_": is_count,
    "t_": is_count,
    "n_outputs_": is_count,
    "n_layers_": is_count,
    "n_features_in_": is_count,
    "out_activation_": lambda value: isinstance(value, str | Activation),
    "feature_names_in_": _are_names,
    "is_categorical_": _is_mask,
    "classes_": lambda value: isinstance(value, np.ndarray) and value.ndim == 1 and len(value) > 0,
    "loss_": _is_real,
    "loss_curve_": _are_reals,
    "best_loss_": _is_real_or_none,
    "validation_scores_": _are_reals,
    "best_validation_score_": _is_real_or_none,
    "_no_improvement_count": is_count,
    "_optimizer": _is_pair_or_none,
    "_ahead": _is_pair_or_none,
    "_part_seed": is_count,
    "converged_": lambda value: isinstance(value, bool),
}
#: Those that every fit gives.
NEEDED = ("n_features_in_", "n_outputs_", "out_activation_")
