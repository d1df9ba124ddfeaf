"""How much the classes of a problem count in training."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.nn.lookup import look_up
from chainrule.train.problem import Problem

__all__ = ["chosen_weights", "example_weights"]


def chosen_weights(problem: Problem, given: Literal["balanced"] | Mapping[str, float]) -> dict[str, float]:
    """Choose the weight of each class.

    Parameters
    ----------
    problem : Problem
        What is trained on.
    given : "balanced" or mapping of str to float
        Weights by the names of classes, 1 for those that are not named; or such that all classes count alike:
        examples / (classes * examples of the class).

    Returns
    -------
    dict of str to float
        In the order of the classes, and divided by their mean over the training examples: the cost stays of one size
        with the regularisers, and the sum of the weights in a minibatch is its size on average.

    Raises
    ------
    OptionError
        Where the target is no classes, a name none of them, or no training example has a weight above 0.

    Examples
    --------
    >>> from chainrule.data import Dataset, Table
    >>> from chainrule.train import Options, prepare_problem
    >>> table = Table.of({"x": [1.0, 2.0, 3.0, 4.0], "y": ["no", "no", "no", "yes"]})
    >>> problem = prepare_problem(Dataset(table, targets=("y",)), Options(test=0))
    >>> {name: round(weight, 3) for name, weight in chosen_weights(problem, "balanced").items()}
    {'no': 0.667, 'yes': 2.0}
    >>> chosen_weights(problem, {"yes": 5.0})
    {'no': 0.5, 'yes': 2.5}
    """
    classes = problem.preparation.classes
    if classes is None:
        names = ", ".join(problem.preparation.target_names)
        raise OptionError(
            f"weights are for classes, but the target {names} is numbers: leave out --class-weight (class_weight=None)"
        )
    counts = np.bincount(_codes(problem.train[1]), minlength=len(classes)).astype(np.float64)
    if given == "balanced":
        weights = np.divide(counts.sum(), len(classes) * counts, out=np.zeros(len(classes)), where=counts > 0)
    else:
        for name in given:
            look_up("class", dict.fromkeys(classes), name)
        weights = np.array([given.get(name, 1.0) for name in classes], np.float64)
    mean = float(weights @ counts / counts.sum())
    if mean == 0:
        raise OptionError("class_weight leaves nothing to learn: no training row has a weight above 0")
    return {name: float(weight / mean) for name, weight in zip(classes, weights, strict=True)}


def example_weights(weights: Mapping[str, float], targets: NDArray[Any]) -> NDArray[Any]:
    """Weight of each example, shape (examples,), by its class.

    Parameters
    ----------
    weights : mapping of str to float
        Weights in the order of the classes.
    targets : array, shape (examples, outputs)
        0 and 1 for two classes, otherwise one-hot rows.

    Examples
    --------
    >>> example_weights({"no": 0.5, "yes": 2.5}, np.array([[1.0], [0.0]]))
    array([2.5, 0.5])
    """
    found: NDArray[Any] = np.array(list(weights.values()))[_codes(targets)]
    return found


def _codes(targets: NDArray[Any]) -> NDArray[np.intp]:
    """Index of the class of each example."""
    return (targets[:, 0] > 0.5).astype(np.intp) if targets.shape[1] == 1 else np.argmax(targets, axis=1)
