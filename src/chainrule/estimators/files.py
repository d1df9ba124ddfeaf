"""Files of fitted estimators: safetensors with parameters and state as tensors, all else as the description.

The tensors are called as in a model file (``layer1.weights``, ``layer2.state.mean``); those of the optimiser's state
begin with ``optimizer``. Loading one runs no code from it.
"""

import json
from collections.abc import Iterable
from os import PathLike
from typing import Any

from sklearn.utils.validation import check_is_fitted

from chainrule.errors import ModelFileError, OptionError
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.description import CLASSES, describe, described
from chainrule.estimators.regressor import MLPRegressor
from chainrule.nn import Activation
from chainrule.train import containers

__all__ = ["FORMAT_VERSION", "load", "save"]

FORMAT_VERSION = 1
_KIND = containers.Kind("estimator", "estimator file", FORMAT_VERSION, "fit the estimator again", ModelFileError)


def save(model: Any, path: str | PathLike[str]) -> None:
    """Write a fitted estimator to a file.

    It is written under another name beside `path` and then renamed: at every moment `path` is the old file or the
    whole new one, and a failure leaves nothing behind.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        The fitted estimator. The file has all that it needs to predict, to go on with `warm_start` or `partial_fit`,
        and to show: parameters, labels, names of columns, curves, and the state of the optimiser.
    path : path-like
        The file; one that is there is replaced.

    Raises
    ------
    NotFittedError
        Where it is not fitted.
    OptionError
        For what a file without code cannot hold, such as a loss that is a function; the message names the parameter or
        attribute.
    ModelFileError
        Where the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["few", "few", "many", "many"]
    >>> model = MLPClassifier((4,), solver="lbfgs", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.safetensors")
    ...     save(model, path)
    ...     same = load(path)
    >>> same.predict(X)
    array(['few', 'few', 'many', 'many'], dtype='<U4')
    """
    if type(model).__name__ not in CLASSES or type(model) is not CLASSES[type(model).__name__]:
        raise OptionError(f"a file holds an MLPClassifier or MLPRegressor of chainrule, found {type(model).__name__}")
    check_is_fitted(model)
    tensors: dict[str, Any] = {}
    description = describe(model, tensors)
    text = json.dumps(description, allow_nan=False, ensure_ascii=False)
    containers.write(_KIND, path, containers.to_bytes(_KIND, text, tensors))


def load(path: str | PathLike[str], activations: Iterable[Activation] = ()) -> MLPClassifier | MLPRegressor:
    """Read a fitted estimator from a file that `save` wrote.

    No code from the file is run. Parameters are checked as `fit` checks them, and names, shapes and types of all arrays
    are compared with the description.

    Parameters
    ----------
    path : path-like
        The file.
    activations : iterable of Activation
        Activations of one's own that the network uses; the file has only their names.

    Returns
    -------
    MLPClassifier or MLPRegressor
        The estimator, which predicts and goes on with the same bits.

    Raises
    ------
    ModelFileError
        Where the file is missing, truncated, damaged, no estimator of chainrule's, or of another version of the format.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "table.csv")
    ...     _ = path.write_text("x0,x1,label")
    ...     load(path)
    Traceback (most recent call last):
        ...
    chainrule.errors.ModelFileError: .../table.csv: this is no estimator file: it does not begin like one
    """
    rows = {row.name: row for row in activations}

    def build(description: Any, tensors: dict[str, Any]) -> MLPClassifier | MLPRegressor:
        found: MLPClassifier | MLPRegressor = described(description, tensors, _KIND, rows)
        return found

    return containers.loaded(_KIND, path, build)
