"""The backward pass of a network, opened: signals, activations, sensitivities and gradients of every layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data import Table
from chainrule.differentiate import grad, value_and_grad, vjp
from chainrule.errors import DataError, OptionError
from chainrule.inspection.text import number_text, render_table
from chainrule.nn import losses
from chainrule.nn.layers import Layer
from chainrule.nn.network import Network, Parameters, State
from chainrule.nn.objective import objective
from chainrule.random import RandomState
from chainrule.train import Model

__all__ = ["Backprop", "LayerBackprop", "backprop"]


@dataclass(frozen=True)
class LayerBackprop:
    """What one layer computed, and what came back to it.

    Attributes
    ----------
    number : int
        From 1, the first layer.
    layer : Layer
        The layer.
    inputs : array, shape (examples, inputs)
        What the layer was given: the activations of the layer before, or the data; for a residual connection the sum.
    signals : array, shape (examples, units)
        What entered the activation function.
    activations : array, shape (examples, units)
        What left it.
    sensitivities : array, shape (examples, units)
        Derivative of each example's loss by its signals. (Where examples depend on each other, as in training through
        batch normalisation, of the sum of the losses.)
    gradients : dict of arrays
        Derivative of the objective by each parameter of the layer: of a dense one ``weights``, shape (inputs, units),
        and ``bias``.
    """

    number: int
    layer: Layer
    inputs: Any
    signals: Any
    activations: Any
    sensitivities: Any
    gradients: dict[str, Any]


@dataclass(frozen=True)
class Backprop:
    """The backward pass of a network on some data.

    Attributes
    ----------
    layers : tuple of LayerBackprop
        From the first to the last.
    losses : array, shape (examples,)
        Loss of each example.
    objective : float
        Their mean, plus the regularisers.
    loss_by_output : array, shape (examples, outputs)
        Derivative of each example's loss by the activations of the last layer: the first factor of its sensitivities.
    output_by_signal : array, shape (examples, outputs) or (examples, outputs, outputs)
        Derivative of the last layer's activations by its signals, the second factor; for softmax a matrix for each
        example, with activations as rows and signals as columns.
    """

    layers: tuple[LayerBackprop, ...]
    losses: Any
    objective: float
    loss_by_output: Any
    output_by_signal: Any

    def __str__(self) -> str:
        examples, inputs = self.layers[0].inputs.shape
        shapes = [
            f"{inputs}",
            *(f"{layer.signals.shape[1]:,} {layer.layer.text}" for layer in self.layers),
        ]
        title = (
            f"backpropagation through {' - '.join(shapes)}, {examples} examples, "
            f"objective {number_text(self.objective)}\nroot mean squares over examples and units"
        )
        columns = ("layer", "units", "activation", "signals", "activations", "sensitivities", "gradient by")
        parts = list(dict.fromkeys(name for layer in self.layers for name in layer.gradients))
        rows = [
            (
                str(layer.number),
                str(layer.signals.shape[1]),
                layer.layer.text,
                _rms(layer.signals),
                _rms(layer.activations),
                _rms(layer.sensitivities),
                *(_rms(layer.gradients[name]) if name in layer.gradients else "" for name in parts),
            )
            for layer in self.layers
        ]
        heads = (*columns[:-1], *(f"gradient by {name}" for name in parts))
        return render_table(title, heads, rows, numbers=(0, 1, *range(3, len(heads))))

    __repr__ = __str__


def _rms(x: Any) -> str:
    return f"{float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))):.3g}" if x.size else "-"


def backprop(
    model: Network | Model,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    rng: RandomState | None = None,
    training: bool = False,
) -> Backprop:
    """Run forward and backward through a network, and keep every quantity.

    The sensitivities are the derivatives by zeros that are added to the signals, and come from the same reverse mode as
    everything else; the equations of backpropagation are not written out a second time.

    Parameters
    ----------
    model : Network or Model
        A network, or what training gave: that brings its parameters, its loss and the preparation of its data.
    X : array, shape (examples, inputs), or Table
        Inputs. For a model as `Model.inputs` takes them.
    y : array, shape (examples, outputs), optional
        Targets, as the loss takes them. For a model and a table they are the table's target columns.
    parameters : tuple of dicts of arrays, optional
        As `Network.initialize` makes them, or as they were learned; for a network needed.
    state : tuple of dicts of arrays, optional
        As `Network.initial_state` makes it, or as it was learned; needed for a network with layers that have one.
    loss : str, Loss or callable, optional
        As `chainrule.nn.losses.loss` takes it; for a network needed.
    regularizers : sequence
        Added to the mean of the losses; they take part in the gradients.
    rng, training
        As for `Network.forward`. By default the network computes as it predicts: dropout leaves no unit out, and batch
        normalisation takes the running mean and variance, so that examples do not depend on each other.

    Returns
    -------
    Backprop
        Arrays layer by layer; printing it shows a table.

    Raises
    ------
    DataError
        Where shapes do not fit, or there is no example.
    OptionError
        Where the loss does not fit the last layer's activation, or something is missing that is needed.

    Notes
    -----
    With the signals s = a W + b of a layer and the loss l of one example, the sensitivities are delta = dl/ds; the
    gradient by W of the mean loss is a^T delta / N, and by b the mean of delta (M. Nielsen, Neural Networks and
    Deep Learning, chapter 2, equations BP1 to BP4, there with weights as (outputs, inputs)). These equations hold for
    dense layers; the gradients of other kinds come from the same derivative of the graph.

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
    """
    if isinstance(model, Model):
        network = model.network
        parameters = model.parameters if parameters is None else parameters
        state = model.state if state is None else state
        loss = model.loss if loss is None else loss
        if y is None and isinstance(X, Table) and model.preparation is not None:
            y = model.preparation.targets(X, model.dtype)
        X = model.inputs(X)
    else:
        network = model
    if state is None and not any(network.state_shapes()):
        state = network.initial_state()
    if parameters is None or state is None or loss is None or y is None:
        given = {"y": y, "parameters": parameters, "state": state, "loss": loss}
        missing = [name for name, found in given.items() if found is None]
        raise OptionError(f"backprop needs {' and '.join(missing)} for this {type(model).__name__}")
    row = losses.loss(loss)
    inputs, targets = np.asarray(X), np.asarray(y)
    if inputs.ndim != 2 or len(inputs) == 0:
        raise DataError(
            f"X should have the shape (examples, {network.inputs}) with at least one example, found {inputs.shape}"
        )
    passes, _ = network.forward(parameters, state, inputs, rng, training)
    probes = tuple(np.zeros_like(layer.signal) for layer in passes)
    summed = objective(network, row, reduction="sum")
    data = (state, inputs, targets, rng, training)
    sensitivities, _ = grad(summed, "probes", has_aux=True)(parameters, *data, probes=probes)
    whole = objective(network, row, regularizers=regularizers)
    (value, _), gradients = value_and_grad(whole, has_aux=True)(parameters, *data)
    outputs = passes[-1].activation
    before = (inputs, *(one.activation for one in passes[:-1]))
    layers = tuple(
        LayerBackprop(
            number, place.layer, one.signal if place.skip is not None else x, one.signal, one.activation, delta, part
        )
        for number, (place, x, one, delta, part) in enumerate(
            zip(network.places, before, passes, sensitivities, gradients, strict=True), start=1
        )
    )
    return Backprop(
        layers,
        row(outputs, targets),
        float(value),
        grad(lambda a: np.sum(row(a, targets)))(outputs),
        _output_by_signal(network, parameters, passes[-1].signal, rng, training),
    )


def _output_by_signal(
    network: Network, parameters: Parameters, signals: Any, rng: RandomState | None, training: bool
) -> Any:
    last = network.places[-1].layer
    own = network.stream(rng, len(network.places) - 1)
    value, pull_back = vjp(lambda s: last.activate(parameters[-1], s, own, training), signals)
    if last.activation_row.elementwise:
        return pull_back(np.ones_like(value))[0]
    # One backward pass for each output gives one row of every example's Jacobian.
    rows = [pull_back(np.broadcast_to(unit, value.shape))[0] for unit in np.eye(value.shape[1], dtype=value.dtype)]
    return np.stack(rows, axis=1)
