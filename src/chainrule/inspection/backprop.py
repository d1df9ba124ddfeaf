"""The backward pass of a network, opened: signals, activations, sensitivities and gradients of every layer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.differentiate import grad, value_and_grad, vjp
from chainrule.errors import OptionError
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import NOTATIONS, notation_of
from chainrule.inspection.opened import Opened, opened
from chainrule.inspection.quantities import Backprop, LayerBackprop, rows_of_jacobian
from chainrule.nn.layers import Arrays, Layer
from chainrule.nn.network import Parameters, State
from chainrule.nn.objective import objective
from chainrule.random import RandomState

__all__ = ["Backprop", "LayerBackprop", "backprop", "pass_of"]


def backprop(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    weights: Any = None,
    rng: RandomState | None = None,
    training: bool = False,
    notation: str | Notation = "chainrule",
) -> Backprop:
    """Run forward and backward through a network, and keep every quantity.

    The sensitivities are the derivatives by zeros that are added to the signals, and come from the same reverse mode as
    everything else; the equations of backpropagation are evaluated from these numbers, and never used to compute them.

    Parameters
    ----------
    model : Network, Model, estimator or Pipeline
        A network; what training gave, which brings its parameters, its loss and the preparation of its data; a fitted
        `MLPClassifier` or `MLPRegressor` of `chainrule.estimators`, which brings its penalties and class weights too;
        a fitted scikit-learn pipeline that ends in one of these.
    X : array, shape (examples, inputs), or whatever the model takes
        Inputs. For a `Model` as `Model.inputs` takes them; a pipeline transforms them first.
    y : array, shape (examples, outputs), optional
        Targets, as the loss takes them, or for an estimator as `fit` took them: labels for a classifier. For a model
        and a table they are the table's target columns.
    parameters : tuple of dicts of arrays, optional
        As `Network.initialize` makes them, or as they were learned; for a network needed.
    state : tuple of dicts of arrays, optional
        As `Network.initial_state` makes it, or as it was learned; needed for a network with layers that have one.
    loss : str, Loss or callable, optional
        As `chainrule.nn.losses.loss` takes it; for a network needed.
    regularizers : sequence
        Added to the mean of the losses; they take part in the gradients.
    weights : array, shape (examples,), optional
        Weights of the examples in the mean of the losses.
    rng, training
        As for `Network.forward`. By default the network computes as it predicts: dropout leaves no unit out, and batch
        normalisation takes the running mean and variance, so that examples do not depend on each other.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`, which says how the numbers are shown.

    Returns
    -------
    Backprop
        Arrays layer by layer; printing it shows a table.

    Raises
    ------
    DataError
        Where shapes do not fit, or there is no example.
    OptionError
        Where the loss does not fit the last layer's activation, something is missing that is needed, there is no such
        notation, or weights meet batch normalisation in training.

    Notes
    -----
    With the signals s = a W + b of a layer and the loss l of one example, the sensitivities are delta = dl/ds; the
    gradient by W of the mean loss is a^T delta / N, and by b the mean of delta (M. Nielsen, Neural Networks and
    Deep Learning, chapter 2, equations BP1 to BP4, there with weights as (outputs, inputs)). `Backprop.equations` has
    them with their residuals.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import backprop, nn
    >>> network = nn.Network.of(2, hidden=(3,), outputs=1, activation="tanh", output="sigmoid")
    >>> X = np.array([[0.0, 1.0], [1.0, 1.0]])
    >>> y = np.array([[1.0], [0.0]])
    >>> found = backprop(network, X, y, parameters=network.initialize(0), loss="binary_cross_entropy")
    >>> last = found.layers[-1]
    >>> bool(np.allclose(last.sensitivities, last.activations - y))  # where these two fit each other
    True
    >>> bool(np.allclose(last.sensitivities, last.back * last.slope))
    True
    """
    shown_in = notation_of(notation)
    parts = opened(
        model, X, y, parameters=parameters, state=state, loss=loss, regularizers=regularizers, weights=weights
    )
    return pass_of(parts, rng=rng, training=training, notation=shown_in)


def pass_of(
    parts: Opened,
    *,
    rng: RandomState | None = None,
    training: bool = False,
    notation: Notation = NOTATIONS["chainrule"],
) -> Backprop:
    """What `backprop` does with a model that is opened already.

    Parameters
    ----------
    parts : Opened
        As `opened` returns it.
    rng, training, notation
        As for `backprop`.

    Returns
    -------
    Backprop
        The pass.

    Raises
    ------
    DataError, OptionError
        As `backprop` does.
    """
    network, row, inputs = parts.network, parts.loss, parts.inputs
    if parts.weights is not None and training and any(network.state_shapes()):
        raise OptionError(
            "weights of examples have no place in training through batch normalisation, where a sensitivity is the "
            "derivative of the sum of all losses: leave weights out, or take training=False"
        )
    passes, _ = network.forward(parts.parameters, parts.state, inputs, rng, training)
    penalties = _penalties(parts)
    probes = tuple(np.zeros_like(one.signal) for one in passes)
    gradients_of = partial(_gradients, parts, penalties, probes, rng, training)
    sensitivities, value, gradients = gradients_of(None)
    if parts.weights is not None:
        # Weighted and divided by the weight again, so that they share every rounding with the gradients.
        weighted, value, gradients = gradients_of(parts.weights)
        by = parts.weights[:, np.newaxis]
        pairs = zip(weighted, sensitivities, strict=True)
        sensitivities = tuple(np.where(by > 0, w / np.where(by > 0, by, 1), s).astype(s.dtype) for w, s in pairs)
    outputs, last = passes[-1].activation, network.places[-1].layer.activation_row
    back = [np.zeros_like(one.activation) for one in passes]
    back[-1] = grad(lambda a: np.sum(row(a, parts.targets)))(outputs)
    layers: list[LayerBackprop] = []
    for k, place in reversed(list(enumerate(network.places))):
        one, own, before = passes[k], network.stream(rng, k) if training else None, inputs
        if k:
            before = passes[k - 1].activation
        if place.skip is not None:
            before = one.signal
        step = partial(_signal, place.layer, parts.parameters[k], parts.state[k], own, training)
        activate = partial(_activation, place.layer, parts.parameters[k], own, training)
        # What comes back to the activations that go in, on this path; a sum hands it to both of its terms.
        if k or place.skip is not None:
            returned = vjp(step, before)[1](sensitivities[k])[0]
            for source in {k, place.skip or 0} - {0}:
                back[source - 1] = back[source - 1] + returned
        layers.append(
            LayerBackprop(
                number=k + 1,
                layer=place.layer,
                inputs=before,
                signals=one.signal,
                activations=one.activation,
                back=back[k],
                slope=_slope(activate, one.signal, place.layer.activation_row.elementwise),
                sensitivities=sensitivities[k],
                parameters=parts.parameters[k],
                state=parts.state[k],
                gradients=gradients[k],
                penalties=penalties[1][k] if penalties else {},
                skip=place.skip,
                training=training,
                _signal=step,
            )
        )
    return Backprop(
        layers=tuple(reversed(layers)),
        losses=(
            row.of_signal(passes[-1].signal, last, parts.targets)
            if last in row.from_signal
            else row(outputs, parts.targets)
        ),
        objective=value,
        loss=row,
        targets=parts.targets,
        weights=parts.weights,
        notation=notation,
        _gradients_of=gradients_of,
    )


def _gradients(
    parts: Opened,
    penalties: tuple[float, Parameters] | None,
    probes: tuple[Any, ...],
    rng: RandomState | None,
    training: bool,
    weights: Any,
) -> tuple[tuple[Any, ...], float, Parameters]:
    """Derivatives of the summed losses by the signals; the objective; its derivative by every parameter.

    All come from one backward pass through the sum of the losses. Its share of the objective's gradient is divided by
    the number of examples here: the digits that cancel in a sensitivity, where an output is saturated, are then the
    same in both.
    """
    total = float(len(parts.inputs) if weights is None else np.sum(weights))
    summed = value_and_grad(
        objective(parts.network, parts.loss, reduction="sum"), ("parameters", "probes"), has_aux=True
    )
    (value, _), (by_parameters, by_signals) = summed(
        parts.parameters, parts.state, parts.inputs, parts.targets, rng, training, weights=weights, probes=probes
    )
    added, terms = (0.0, tuple({} for _ in by_parameters)) if penalties is None else penalties
    gradients = tuple(
        {name: x / total + of_layer[name] if of_layer else x / total for name, x in layer.items()}
        for layer, of_layer in zip(by_parameters, terms, strict=True)
    )
    return by_signals, float(value) / total + added, gradients


def _penalties(parts: Opened) -> tuple[float, Parameters] | None:
    """What the regularisers add, and its derivative."""
    if not parts.regularizers:
        return None
    value, found = value_and_grad(lambda p: sum(one(p) for one in parts.regularizers))(parts.parameters)
    return float(value), found


def _signal(layer: Layer, parameters: Arrays, state: Arrays, own: Any, training: bool, x: Any) -> Any:
    return layer.signal(parameters, state, x, own, training)[0]


def _activation(layer: Layer, parameters: Arrays, own: Any, training: bool, signal: Any) -> Any:
    return layer.activate(parameters, signal, own, training)


def _slope(activate: Callable[[Any], Any], signals: Any, elementwise: bool) -> Any:
    """The derivative of the activations by the signals: a number for each, or a matrix for each example."""
    if not elementwise:
        return rows_of_jacobian(activate, signals)
    value, pull_back = vjp(activate, signals)
    return pull_back(np.ones_like(value))[0]
