"""What a report is about: a network with what it learned, data in parts, and what its outputs mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Preparation, Table
from chainrule.data.features import Scaling
from chainrule.data.targets import NumberTarget
from chainrule.errors import OptionError
from chainrule.inspection.opened import Opened, opened
from chainrule.nn.loss_row import Loss
from chainrule.nn.losses import loss as loss_row
from chainrule.nn.network import Network, Parameters, State
from chainrule.train import Model, Problem, Report, Scores
from chainrule.train.evaluation import evaluate, outputs
from chainrule.train.session import beginning

__all__ = ["Plane", "Subject", "subject_of"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Plane:
    """Two inputs as they were given, for drawings over them.

    Attributes
    ----------
    names : tuple of str
        What they are called.
    means, scales : array, shape (2,)
        The network takes ``(input - mean) / scale``.
    """

    names: tuple[str, ...]
    means: Array
    scales: Array


@dataclass(frozen=True, eq=False)
class Subject:
    """What is reported.

    Attributes
    ----------
    network : Network
        The network.
    parameters, state : tuple of dicts of arrays
        What it has learned.
    loss : Loss
        What it was trained with, and `minimised`, where classes have weights the weighted one.
    regularizers : tuple of callables
        What the objective adds to the cost.
    weights : array, shape (examples,), or None
        Weights of the examples of ``"train"``, where `minimised` does not take them from the targets.
    parts : dict of str to (inputs, targets)
        As the network takes them: ``"train"``, and of ``"validation"`` and ``"test"`` those that there are.
    examples : tuple of inputs and targets
        Those of ``"train"``, with the columns that `minimised` takes.
    classes : tuple of str, or None
        Names of the classes, where each example has one.
    target_names : tuple of str
        What the columns of the targets are called.
    numbers : NumberTarget or None
        How outputs become numbers in the units of the target; None where they are in them, or are classes.
    plane : Plane or None
        Where there are two inputs, and both are numbers.
    results : dict of str to Scores
        How good it is, by part.
    notes : tuple of str
        What is remarkable of the data.
    """

    network: Network
    parameters: Parameters
    state: State
    loss: Loss
    minimised: Loss
    regularizers: tuple[Any, ...]
    weights: Array | None
    parts: dict[str, tuple[Array, Array]]
    examples: tuple[Array, Array]
    classes: tuple[str, ...] | None
    target_names: tuple[str, ...]
    numbers: NumberTarget | None
    plane: Plane | None
    results: dict[str, Scores]
    notes: tuple[str, ...] = ()

    @property
    def held_out(self) -> str:
        """The part that says what to expect on new data: the last that there is."""
        return list(self.parts)[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the parameters."""
        return np.result_type(*(x for layer in self.parameters for x in layer.values()))

    @property
    def has_probabilities(self) -> bool:
        """Whether the outputs are probabilities of the classes."""
        return self.classes is not None and self.network.places[-1].layer.activation_row.name in ("sigmoid", "softmax")

    def decoded(self, values: Array) -> Array:
        """Outputs or targets in the units of the target, shape (examples, columns)."""
        return values if self.numbers is None else self.numbers.decode(values)

    def codes(self, values: Array) -> Array:
        """The number of the class of each example, by its target or by the network's outputs."""
        found: Array = np.argmax(_by_class(np.asarray(values)), axis=1)
        return found

    def truth(self, part: str) -> Array:
        """The targets of a part as the drawings take them: names of classes, or numbers in their units."""
        targets = self.parts[part][1]
        return self.decoded(targets) if self.classes is None else np.array(self.classes)[self.codes(targets)]

    def outputs(self, part: str) -> Array:
        """What the network gives for the examples of a part, shape (examples, outputs)."""
        return outputs(self.network, self.parameters, self.state, self.parts[part][0])

    def predictor(self, over_plane: bool = False) -> Any:
        """What the drawings take: an object that predicts from the network's inputs, or from those of the plane."""
        plane = self.plane if over_plane else None

        def compute(X: Any) -> Array:
            X = np.asarray(X) if plane is None else (np.asarray(X) - plane.means) / plane.scales
            return outputs(self.network, self.parameters, self.state, X.astype(self.dtype, copy=False))

        if self.classes is None:
            return _Numbers(lambda X: self.decoded(compute(X)))
        return _Classes(compute, self.classes, self.has_probabilities)

    def sample(self, most: int) -> tuple[Array, Array, Array | None]:
        """So many of the training examples, as `minimised` takes them, and their weights."""
        inputs, targets = self.examples
        rows = np.arange(len(inputs))
        if len(rows) > most:
            rows = np.sort(np.random.default_rng(0).choice(len(rows), most, replace=False))
        return inputs[rows], targets[rows], None if self.weights is None else self.weights[rows]


class _Numbers:
    """Predicts numbers, as an estimator does."""

    def __init__(self, predict: Callable[[Any], Array]) -> None:
        self.predict = predict


class _Classes:
    """Decides between classes, as an estimator does; where outputs are no probabilities, with all of it on one."""

    def __init__(self, compute: Callable[[Any], Array], classes: tuple[str, ...], soft: bool) -> None:
        self._compute, self._soft, self.classes_ = compute, soft, classes

    def predict_proba(self, X: Any) -> Array:
        found = _by_class(self._compute(X))
        if self._soft:
            return found
        return np.asarray(np.argmax(found, axis=1)[:, np.newaxis] == np.arange(found.shape[1]), float)

    def predict(self, X: Any) -> Array:
        found: Array = np.array(self.classes_)[np.argmax(self.predict_proba(X), axis=1)]
        return found


def _by_class(values: Array) -> Array:
    """Of two classes there is one column, of the second."""
    return np.hstack([1 - values, values]) if values.shape[1] == 1 else values


def subject_of(
    model: Any,
    X: Any,
    y: Any,
    test: tuple[Any, Any] | None,
    run: Any,
    *,
    parameters: Parameters | None,
    state: State | None,
    loss: Any,
    regularizers: tuple[Any, ...],
) -> Subject:
    """Gather what the report is about; see `chainrule.inspection.report.report` for the arguments."""
    if isinstance(X, Problem):
        if not isinstance(model, Model) or not isinstance(run, Report) or y is not None or test is not None:
            raise OptionError(
                "for a Problem, give the model and the report that chainrule.train.train made of it: "
                "report(model, problem, run=report)"
            )
        return _of_problem(model, X, run)
    own = {"parameters": parameters, "state": state, "loss": loss, "regularizers": regularizers}
    train = opened(model, X, y, **own)
    parts = {"train": (train.inputs, train.targets)}
    if test is not None:
        found = opened(model, *test, **own)
        parts["test"] = (found.inputs, found.targets)
    preparation = model.preparation if isinstance(model, Model) else None
    row = loss_row(train.loss)
    center = np.asarray(np.mean(train.targets, axis=0, dtype=np.float64))
    return Subject(
        train.network,
        train.parameters,
        train.state,
        row,
        row,
        train.regularizers,
        train.weights,
        parts,
        parts["train"],
        _classes(model, train, preparation),
        _names(preparation, train.targets),
        preparation.target if preparation is not None and isinstance(preparation.target, NumberTarget) else None,
        _plane(preparation, X, train.inputs),
        {
            name: evaluate(
                train.network,
                row,
                train.parameters,
                train.state,
                *part,
                center=center,
                target=None if preparation is None else preparation.target,
            )
            for name, part in parts.items()
        },
    )


def _of_problem(model: Model, problem: Problem, run: Report) -> Subject:
    settings, preparation = run.settings, problem.preparation
    begun = beginning(problem, settings)
    named = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    results = run.results if model.record is None else model.record.results
    return Subject(
        model.network,
        model.parameters,
        model.state,
        loss_row(settings.loss),
        begun.loss,
        settings.regularizers,
        None,
        {name: part for name, part in named.items() if part is not None},
        begun.examples,
        preparation.classes,
        _names(preparation, problem.train[1]),
        preparation.target if isinstance(preparation.target, NumberTarget) else None,
        _plane(preparation, None, problem.train[0]),
        results,
        problem.notes,
    )


def _classes(model: Any, parts: Opened, preparation: Preparation | None) -> tuple[str, ...] | None:
    if preparation is not None:
        return preparation.classes
    steps = getattr(model, "steps", None)
    given = getattr(steps[-1][1] if steps else model, "classes_", None)
    width, name = parts.targets.shape[1], loss_row(parts.loss).name
    if given is not None:
        return tuple(map(str, given)) if len(given) == max(width, 2) and _are_one_each(parts.targets) else None
    if name == "cross_entropy":
        return tuple(str(k) for k in range(width))
    return ("0", "1") if name == "binary_cross_entropy" and width == 1 else None


def _are_one_each(targets: Array) -> bool:
    """Whether each example has one class; with several labels at once it may have none, or two."""
    return targets.shape[1] == 1 or bool(np.all(np.sum(targets, axis=1) == 1))


def _names(preparation: Preparation | None, targets: Array) -> tuple[str, ...]:
    if preparation is not None:
        return preparation.target_names
    width = targets.shape[1]
    return ("target",) if width == 1 else tuple(f"output {k}" for k in range(1, width + 1))


def _plane(preparation: Preparation | None, X: Any, inputs: Array) -> Plane | None:
    if inputs.shape[1] != 2:
        return None
    if preparation is None:
        names = [str(name) for name in X.columns] if hasattr(X, "columns") and not isinstance(X, Table) else []
        return Plane(tuple(names) if len(names) == 2 else ("input 1", "input 2"), np.zeros(2), np.ones(2))
    if not all(isinstance(feature, Scaling) for feature in preparation.features):
        return None
    scalings = [feature for feature in preparation.features if isinstance(feature, Scaling)]
    means = np.concatenate([np.broadcast_to(one.means, len(one.names)) for one in scalings])
    scales = np.concatenate([np.broadcast_to(one.scales, len(one.names)) for one in scalings])
    return Plane(preparation.feature_names, means, scales)
