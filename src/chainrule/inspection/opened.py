"""Whatever the user calls a model, opened: network, parameters, loss, and the data as the network takes them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Table
from chainrule.errors import DataError, OptionError
from chainrule.nn import losses
from chainrule.nn.loss_row import Loss
from chainrule.nn.network import Network, Parameters, State
from chainrule.train import Model

__all__ = ["Opened", "opened"]


class Opened(NamedTuple):
    """A model and data, as `chainrule.nn.objective` takes them.

    Attributes
    ----------
    network : Network
        The network.
    parameters, state : tuple of dicts of arrays
        What it has learned.
    loss : Loss
        Row of its loss.
    regularizers : tuple of callables
        What the objective adds to the cost.
    inputs : array, shape (examples, inputs)
        What goes into the network.
    targets : array, shape (examples, outputs)
        What should come out.
    weights : array, shape (examples,), or None
        Weights of the examples: the cost is ``sum(weights * losses) / sum(weights)``.
    """

    network: Network
    parameters: Parameters
    state: State
    loss: Loss
    regularizers: tuple[Any, ...]
    inputs: NDArray[Any]
    targets: NDArray[Any]
    weights: NDArray[Any] | None


def opened(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    weights: Any = None,
) -> Opened:
    """Open a model and prepare its data.

    Parameters
    ----------
    model : Network, Model, estimator or Pipeline
        A network; what training gave; a fitted `MLPClassifier` or `MLPRegressor` of `chainrule.estimators`; a fitted
        scikit-learn pipeline that ends in one.
    X : array, shape (examples, inputs), or whatever the model takes
        Inputs. A pipeline transforms them by all of its steps but the last.
    y : array, optional
        Targets, as the loss takes them, or for an estimator as `fit` took them: labels for a classifier. For a model
        and a table they are the table's target columns.
    parameters, state, loss, regularizers, weights
        What a network or a model does not bring. A fitted estimator brings all of them, and takes none.

    Returns
    -------
    Opened
        The parts.

    Raises
    ------
    DataError
        Where `X` is no array of shape (examples, inputs), or there is no example.
    OptionError
        Where something is missing that is needed, or `model` is nothing that has layers.

    Examples
    --------
    >>> from chainrule import nn
    >>> network = nn.Network.of(2, outputs=1)
    >>> parts = opened(network, [[0, 1]], [[1]], parameters=network.initialize(0), loss="squared")
    >>> parts.loss.name, parts.inputs
    ('squared', array([[0, 1]]))
    """
    steps = getattr(model, "steps", None)
    if steps and hasattr(model, "named_steps"):
        return opened(
            steps[-1][1],
            model[:-1].transform(X) if len(steps) > 1 else X,
            y,
            parameters=parameters,
            state=state,
            loss=loss,
            regularizers=regularizers,
            weights=weights,
        )
    if hasattr(model, "_opened"):
        extra = {"parameters": parameters, "state": state, "loss": loss, "weights": weights}
        given = [name for name, found in extra.items() if found is not None] + ["regularizers"] * bool(regularizers)
        if given:
            raise OptionError(f"a fitted {type(model).__name__} brings its own {' and '.join(given)}: leave them out")
        if y is None:
            raise OptionError(f"needed for this {type(model).__name__}: y, the targets as fit took them")
        return Opened(*model._opened(X, y))
    if isinstance(model, Model):
        network = model.network
        parameters = model.parameters if parameters is None else parameters
        state = model.state if state is None else state
        loss = model.loss if loss is None else loss
        if y is None and isinstance(X, Table) and model.preparation is not None:
            y = model.preparation.targets(X, model.dtype)
        X = model.inputs(X)
    elif isinstance(model, Network):
        network = model
    else:
        raise OptionError(
            "model has to be a Network, a Model, a fitted MLPClassifier or MLPRegressor of chainrule.estimators, or a "
            f"Pipeline that ends in one, found {type(model).__module__}.{type(model).__qualname__}"
        )
    if state is None and not any(network.state_shapes()):
        state = network.initial_state()
    if parameters is None or state is None or loss is None or y is None:
        needed = {"y": y, "parameters": parameters, "state": state, "loss": loss}
        missing = [name for name, found in needed.items() if found is None]
        raise OptionError(f"needed for this {type(model).__name__}: {' and '.join(missing)}")
    inputs, targets = np.asarray(X), np.asarray(y)
    if inputs.ndim != 2 or len(inputs) == 0:
        raise DataError(
            f"X should have the shape (examples, {network.inputs}) with at least one example, found {inputs.shape}"
        )
    given_weights = None if weights is None else np.asarray(weights)
    if given_weights is not None and not (
        given_weights.shape == inputs.shape[:1] and np.all(given_weights >= 0) and 0 < np.sum(given_weights) < np.inf
    ):
        raise DataError(
            f"weights should be one number of at least 0 for each of the {len(inputs)} examples, with a finite sum "
            f"above 0, found shape {given_weights.shape}"
        )
    return Opened(network, parameters, state, losses.loss(loss), tuple(regularizers), inputs, targets, given_weights)
