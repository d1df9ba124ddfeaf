"""Whatever the user calls a model, read as what drawings over inputs need: scores of classes, or outputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.network import Network, Parameters, State
from chainrule.train import Model

__all__ = ["Decider", "as_points", "class_numbers", "decider", "outputs_of", "parts_of"]

Array = NDArray[Any]

#: Where an output of one unit changes from the lower class to the upper one, and what the two are called.
_MIDDLES: dict[str, tuple[float, tuple[int, int]]] = {
    "sigmoid": (0.5, (0, 1)),
    "tanh": (0.0, (-1, 1)),
    "sign": (0.0, (-1, 1)),
}


@dataclass(frozen=True)
class Decider:
    """A model that decides.

    Attributes
    ----------
    classes : tuple
        Their names, in the order of the columns of the scores.
    scores : callable
        ``scores(points)``, shape (points, classes): the class with the largest is decided for.
    probabilities : bool
        Whether the scores are probabilities.
    """

    classes: tuple[Any, ...]
    scores: Callable[[Any], Array]
    probabilities: bool


def as_points(name: str, X: Any) -> Array:
    """Read an array of examples by features."""
    points = np.asarray(X)
    if points.ndim != 2 or len(points) == 0 or points.dtype.kind not in "biuf":
        raise DataError(
            f"{name} should be numbers of shape (examples, inputs), found shape {points.shape} and dtype {points.dtype}"
        )
    return points


def parts_of(model: Any, parameters: Parameters | None, state: State | None) -> tuple[Network, Parameters, State]:
    """Return network, parameters and state of a network with parameters, a trained model or a fitted estimator."""
    steps = getattr(model, "steps", None)
    if steps and hasattr(model, "named_steps"):
        return parts_of(steps[-1][1], parameters, state)
    if isinstance(model, Network):
        if parameters is None:
            raise OptionError("needed for a Network: parameters")
        if state is None:
            if any(model.state_shapes()):
                raise OptionError("needed for a Network with layers that have a state: state")
            state = model.initial_state()
        return model, parameters, state
    if parameters is not None or state is not None:
        raise OptionError(f"a {type(model).__name__} brings its own parameters and state: leave them out")
    if isinstance(model, Model):
        return model.network, model.parameters, model.state
    if hasattr(model, "_network") and hasattr(model, "_parameters"):
        return model._network, model._parameters(), model._state
    raise OptionError(
        "model has to be a Network with parameters, a Model, or a fitted MLPClassifier or MLPRegressor of "
        f"chainrule.estimators, found {type(model).__module__}.{type(model).__qualname__}"
    )


def outputs_of(model: Any, parameters: Parameters | None, state: State | None) -> Callable[[Any], Array]:
    """Return what computes a model's outputs, shape (examples, outputs), from what the model takes."""
    if isinstance(model, Network):
        network, own, carried = parts_of(model, parameters, state)
        return lambda X: np.asarray(network.apply(own, carried, np.asarray(X))[0])
    if parameters is not None or state is not None:
        raise OptionError(f"a {type(model).__name__} brings its own parameters and state: leave them out")
    if isinstance(model, Model):
        return model.outputs
    if hasattr(model, "predict_proba"):

        def probabilities(X: Any) -> Array:
            found = np.asarray(model.predict_proba(X))
            # Of two classes the network has one output: the probability of the second.
            return found[:, 1:] if found.shape[1] == 2 and len(model.classes_) == 2 else found

        return probabilities
    if hasattr(model, "predict"):
        return lambda X: np.asarray(model.predict(X)).reshape(len(X), -1)
    raise OptionError(f"model has to predict, found {type(model).__module__}.{type(model).__qualname__}")


def decider(model: Any, parameters: Parameters | None, state: State | None, threshold: float | None) -> Decider:
    """Read a model as one that decides between classes.

    Raises
    ------
    OptionError
        Where it does not, or one output is no probability and no threshold says where it decides.
    """
    if not isinstance(model, Network | Model) and hasattr(model, "predict"):
        return _of_estimator(model, threshold)
    compute = outputs_of(model, parameters, state)
    network = parts_of(model, parameters, state)[0]
    row = network.places[-1].layer.activation_row.name
    classes: Any = None if not isinstance(model, Model) or model.preparation is None else model.preparation.classes
    if network.outputs > 1:
        if row != "softmax" and classes is None:
            raise OptionError(
                f"the network has {network.outputs} outputs with the activation {row}, which do not decide between "
                "classes: softmax does"
            )
        _no_threshold(threshold, f"between {network.outputs} classes")
        return Decider(tuple(classes or range(network.outputs)), compute, row == "softmax")
    if threshold is None and row not in _MIDDLES:
        raise OptionError(
            f"the network has one output with the activation {row}, which may be any number: give threshold, the "
            "output at which the class changes"
        )
    middle, names = _MIDDLES.get(row, (0.0, (0, 1)))
    return Decider(
        tuple(classes or names),
        _two_sided(compute, middle if threshold is None else threshold),
        row == "sigmoid" and threshold in (None, 0.5),
    )


def _two_sided(compute: Callable[[Any], Array], middle: float) -> Callable[[Any], Array]:
    def scores(X: Any) -> Array:
        # Written so that the two are equal at the middle, and 1 - p and p where that is 1/2.
        out = compute(X)
        return np.hstack([2 * middle - out, out])

    return scores


def _of_estimator(model: Any, threshold: float | None) -> Decider:
    classes = getattr(model, "classes_", None)
    if classes is None:
        raise OptionError(
            f"{type(model).__name__} predicts numbers, not classes: draw its output_surface, or its residuals"
        )
    _no_threshold(threshold, f"by a {type(model).__name__}")
    if hasattr(model, "predict_proba"):

        def scores(X: Any) -> Array:
            found = model.predict_proba(X)
            if isinstance(found, list) or not np.allclose(np.sum(found, axis=1), 1, atol=1e-4):
                raise OptionError("model decides several labels at once: a drawing needs one class for each example")
            return np.asarray(found)

        return Decider(tuple(classes), scores, True)
    raise OptionError(f"{type(model).__name__} has no predict_proba")


def _no_threshold(threshold: float | None, where: str) -> None:
    if threshold is not None:
        raise OptionError(f"a threshold is for one output of a network; no threshold decides {where}")


def class_numbers(y: Any, classes: tuple[Any, ...]) -> Array:
    """Return for each example the number of its class, from labels, one-hot rows, or a column of labels."""
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == len(classes) > 1:
        hot: Array = np.argmax(labels, axis=1)
        return hot
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"y should hold a class for each example, or one-hot rows of {len(classes)}; found shape {labels.shape}"
        )
    names = list(classes)
    found = np.full(len(labels), -1)
    for k, name in enumerate(names):
        found[labels == name] = k
    if np.any(found < 0):
        strange = labels[found < 0][0]
        raise DataError(f"y holds {strange!r}, which is none of the model's classes {names}")
    return found
