"""The data as a hidden layer sees them, beside the data as they are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DataError, OptionError
from chainrule.inspection.drawings.deciding import as_points, class_numbers, decider, parts_of
from chainrule.inspection.drawings.figures import blank
from chainrule.inspection.drawings.plane import grid_over, names_of_inputs, regions, scatter_classes
from chainrule.nn.network import Network, Parameters, State
from chainrule.train import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["hidden_space"]


def hidden_space(
    model: Any,
    X: Any,
    y: Any,
    *,
    layer: int | None = None,
    units: tuple[int, int] | None = None,
    inputs: tuple[int, int] = (0, 1),
    parameters: Parameters | None = None,
    state: State | None = None,
    threshold: float | None = None,
    names: Sequence[str] | None = None,
) -> "Figure":
    """Draw the examples by two inputs, and beside that by two activations of a hidden layer.

    Where the network has two inputs the left side shows what is decided there too; where the layer has two units, so
    does the right side: for a last hidden layer the boundary there is a straight line.

    Parameters
    ----------
    model : Network, Model, MLPClassifier or Pipeline
        A network that decides, with a hidden layer.
    X : array, shape (examples, inputs)
        Inputs, as the model takes them.
    y : array, shape (examples,) or (examples, outputs)
        Classes, or one-hot rows.
    layer : int, optional
        Number of the layer, from 1; by default the last hidden one.
    units : tuple of two int, optional
        Which of its units, from 0; by default the two whose activations are spread widest.
    inputs : tuple of two int
        Which inputs, from 0.
    parameters, state : tuple of dicts of arrays, optional
        Of a network.
    threshold : float, optional
        As for `decision_boundary`.
    names : sequence of str, optional
        What the two inputs are called.

    Returns
    -------
    matplotlib.figure.Figure
        Two plots with the same colours and markers.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, there is no such layer or unit, or the model does not decide.
    DataError
        Where shapes do not fit.

    Examples
    --------
    >>> from chainrule import data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.band(50, np.random.default_rng(0))
    >>> network = nn.Network.of(2, hidden=(2,), output="sigmoid")
    >>> figure = drawings.hidden_space(network, X, T, parameters=network.initialize(0))
    >>> figure.axes[1].get_xlabel()
    'activation of unit 0'
    """
    points = as_points("X", X)
    rule = decider(model, parameters, state, threshold)
    network, own, carried = parts_of(model, parameters, state)
    hidden = len(network.places) - 1
    if hidden == 0:
        raise OptionError("the network has no hidden layer, whose activations could be drawn")
    number = hidden if layer is None else layer
    if not 1 <= number <= hidden:
        raise OptionError(f"layer {layer} is none of the network's hidden layers, 1 to {hidden}")
    width = network.places[number - 1].units
    _pair("inputs", inputs, points.shape[1])
    if len(np.asarray(y)) != len(points):
        raise DataError(f"y should have a row for each of the {len(points)} examples, found {len(np.asarray(y))}")
    numbers = class_numbers(y, rule.classes)
    seen = np.asarray(network.forward(own, carried, _network_inputs(model, X))[0][number - 1].activation)
    wrong = np.argmax(rule.scores(X), axis=1) != numbers
    figure = blank(3.5)
    left, right = figure.subplots(1, 2)
    if points.shape[1] == 2 and inputs == (0, 1):
        regions(left, rule, X, *grid_over(points))
    units = _widest(seen) if units is None else units
    _pair("units", units, width)
    chosen = seen[:, list(units)]
    tail = _tail(network, number)
    if width == 2 and units == (0, 1) and tail is not None:
        end = decider(tail, own[number:], carried[number:], threshold)
        regions(right, end, None, *grid_over(chosen))
    scatter_classes(left, points[:, list(inputs)], numbers, rule.classes, wrong)
    scatter_classes(right, chosen, numbers, rule.classes, wrong)
    both = names_of_inputs(X, names) if names is not None or points.shape[1] == 2 else [f"input x{k}" for k in inputs]
    for ax, (across, up) in ((left, both), (right, [f"activation of unit {k}" for k in units])):
        handles, labels = ax.get_legend_handles_labels()
        ax.get_legend().remove()
        ax.set_xlabel(across)
        ax.set_ylabel(up)
        ax.locator_params(nbins=5)
    figure.legend(handles, labels, loc="outside lower center", ncols=_ncols(labels), frameon=False, handletextpad=0.2)
    left.set_title("Input space")
    more = "" if width == 2 else f", 2 of {width} units"
    right.set_title(f"Hidden layer {number}{more}")
    return figure


def _widest(seen: Any) -> tuple[int, int]:
    if seen.shape[1] < 2:
        raise OptionError("the layer has one unit, but two activations are drawn")
    first, second = sorted(int(k) for k in np.argsort(-np.std(seen, axis=0), kind="stable")[:2])
    return first, second


def _ncols(labels: Sequence[str]) -> int:
    """How many labels stand beside each other in the width of the figure, at seven pixels a letter."""
    return max(1, min(len(labels), 600 // (55 + 7 * max(len(label) for label in labels))))


def _pair(name: str, pair: tuple[int, int], count: int) -> None:
    if len(pair) != 2 or not all(0 <= k < count for k in pair):
        raise OptionError(f"{name} has to be two numbers from 0 to {count - 1}, found {pair}")


def _network_inputs(model: Any, X: Any) -> Any:
    """What enters the network of a model that is given `X`."""
    if isinstance(model, Model):
        return model.inputs(X)
    if hasattr(model, "named_steps") and len(model.steps) > 1:
        X = model[:-1].transform(X)
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)


def _tail(network: Network, number: int) -> Network | None:
    """The layers after one; None where a residual connection joins them with earlier ones."""
    if len(network.layers) != len(network.places):
        return None
    return Network(network.places[number - 1].units, network.layers[number:])
