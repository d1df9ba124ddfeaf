"""`count`: what a training step costs, layer by layer, and what it needs in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from chainrule import tree
from chainrule.graph import Node
from chainrule.inspection.counting.memory import alive, stored
from chainrule.inspection.counting.operations import cost_of, nbytes
from chainrule.inspection.counting.pieces import recorded_step
from chainrule.inspection.counting.result import Count, Piece, Work
from chainrule.inspection.counting.timing import Seconds, measured_pieces, measured_whole
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.opened import Opened, opened
from chainrule.nn.layers import check_size
from chainrule.nn.losses import loss as loss_row
from chainrule.nn.network import Network, Parameters, State
from chainrule.optim import Transform
from chainrule.train import Model

__all__ = ["count"]


def count(
    model: Any,
    examples: int = 32,
    *,
    X: Any = None,
    y: Any = None,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    optimizer: Transform | None = None,
    dtype: DTypeLike = np.float64,
    timed: bool = False,
    notation: str | Notation = "chainrule",
) -> Count:
    """Count what a training step costs: multiplications, bytes and stored activations of every layer.

    The step is recorded as a graph, forward and backward, and every operation of it is counted; no layer has a formula
    of its own.

    Parameters
    ----------
    model : Network, Model, estimator or Pipeline
        As `chainrule.backprop` takes it.
    examples : int
        Size of the batch.
    X, y : array, optional
        Some examples, as `chainrule.backprop` takes them; needed for an estimator and a pipeline, and to measure times
        on data of one's own. Their number does not matter.
    parameters, state, loss, regularizers
        What a network or a model does not bring. Parameters and state of a network are drawn where they are not given.
    optimizer : Transform, optional
        From `chainrule.optim`: what it keeps counts as memory.
    dtype : dtype
        Of parameters that are drawn.
    timed : bool
        Whether the pieces are compiled and measured as well, which takes a second or so for each layer.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`, which says how the layers are counted where they are shown.

    Returns
    -------
    Count
        The numbers; printing it shows a table.

    Raises
    ------
    DataError, OptionError
        As `chainrule.backprop` does; OptionError for a layer with loops, whose rounds only a run tells.

    Examples
    --------
    >>> from chainrule import inspection, nn
    >>> found = inspection.count(nn.Network.of(5, (4,), 3, "tanh"), 10, loss="squared")
    >>> found.forward.multiplications == 10 * (5 * 4 + 4 * 3)
    True
    >>> found.backward.multiplications == 10 * (5 * 4 + 2 * 4 * 3)  # nothing is differentiated by the data
    True
    """
    examples, shown_in = check_size("examples", examples), notation_of(notation)
    parts = _parts(model, X, y, parameters, state, loss, regularizers, np.dtype(dtype))
    recorded = recorded_step(_repeated(parts, max(2, min(examples, 8))))
    if not recorded.graph.is_open:
        recorded = recorded_step(_repeated(parts, examples))
    step = recorded.at(examples)
    here = np.array(alive(step.graph), np.float64)
    each = np.full(len(here), np.nan)
    if recorded.graph.is_open:
        each = (np.array(alive(recorded.at(2 * examples).graph)) - here) / examples
    whole = _repeated(parts, examples)
    times: list[Seconds | None] = [None] * len(step.forward)
    if timed:
        times = list(measured_pieces(whole))
    places = parts.network.places
    said: list[tuple[int | None, str, int, int]] = [
        (k, place.layer.text, place.inputs, place.units) for k, place in enumerate(places, 1)
    ]
    said.append((None, parts.loss.name, places[-1].units, 1))
    pieces = tuple(
        Piece(*what, _work(forward), _work(backward), sum(map(nbytes, kept)), seconds)
        for what, forward, backward, kept, seconds in zip(
            said, step.forward, step.backward, stored(step), times, strict=True
        )
    )
    kept = tree.leaves(parts.parameters) + ([] if optimizer is None else tree.leaves(optimizer.init(parts.parameters)))
    return Count(
        pieces,
        examples,
        sum(np.size(x) for x in tree.leaves(parts.parameters)),
        sum(np.asarray(x).nbytes for x in kept),
        (parts.inputs.nbytes + parts.targets.nbytes) // len(parts.inputs),
        measured_whole(whole) if timed else None,
        shown_in,
        (here, each),
    )


def _parts(
    model: Any, X: Any, y: Any, parameters: Any, state: Any, loss: Any, regularizers: Any, dtype: np.dtype[Any]
) -> Opened:
    """The model with data: those that are given, or one example of zeros."""
    network: Network | None = None
    if isinstance(model, Network):
        network = model
        parameters = network.initialize(0, dtype) if parameters is None else parameters
        state = network.initial_state(np.result_type(*tree.leaves(parameters))) if state is None else state
    elif isinstance(model, Model) and X is None:
        # Its preparation is for data as they were given, of which there are none.
        network, loss = model.network, model.loss if loss is None else loss
        parameters = model.parameters if parameters is None else parameters
        state = model.state if state is None else state
    if network is not None and X is None:
        # A weighted loss has the weights of the examples in one more column.
        columns = network.outputs + (loss is not None and loss_row(loss).weighted)
        model, X, y = network, np.zeros((1, network.inputs)), np.zeros((1, columns))
    parts = opened(model, X, y, parameters=parameters, state=state, loss=loss, regularizers=regularizers)
    return parts._replace(weights=None)


def _repeated(parts: Opened, examples: int) -> Opened:
    """The same with so many examples: those that there are, again and again."""
    rows = np.arange(examples) % len(parts.inputs)
    kind = np.result_type(*tree.leaves(parts.parameters))
    return parts._replace(inputs=parts.inputs[rows].astype(kind), targets=parts.targets[rows].astype(kind))


def _work(nodes: Sequence[Node]) -> Work:
    costs = [cost_of(node) for node in nodes]
    return Work(*(sum(cost[k] for cost in costs) for k in range(3)))
