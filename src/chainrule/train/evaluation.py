"""How good a network is on examples, beside what a constant would reach; in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import ClassTarget, NumberTarget, Target
from chainrule.errors import DataError
from chainrule.nn import Loss, Network, Parameters, State, example_losses
from chainrule.nn.losses import loss as loss_row

__all__ = ["Scores", "chunks", "cost", "evaluate", "outputs"]

# Numbers in the widest layer of a chunk: 8 MB in float64.
_CHUNK = 1 << 20


def chunks(network: Network, *arrays: NDArray[Any]) -> Iterator[tuple[NDArray[Any], ...]]:
    """Cut arrays of examples into parts that a network passes forward in little memory.

    Parameters
    ----------
    network : Network
        The network.
    *arrays : array, shape (examples, ...)
        Arrays of one length.

    Yields
    ------
    tuple of arrays
        The same rows of each.

    Examples
    --------
    >>> network = Network.of(1, outputs=1 << 20)
    >>> [len(x) for x, in chunks(network, np.zeros((3, 1)))]
    [1, 1, 1]
    """
    widest = max(network.inputs, *(place.units for place in network.places))
    size = max(1, _CHUNK // widest)
    for begin in range(0, len(arrays[0]), size):
        yield tuple(array[begin : begin + size] for array in arrays)


def outputs(network: Network, parameters: Parameters, state: State, inputs: NDArray[Any]) -> NDArray[Any]:
    """Compute a network's outputs, a part of the examples at a time.

    Parameters
    ----------
    network : Network
        The network.
    parameters, state : tuple of dicts of arrays
        Its parameters and state.
    inputs : array, shape (examples, inputs)
        Inputs.

    Returns
    -------
    array, shape (examples, outputs)
        Activations of the last layer.

    Raises
    ------
    DataError
        Where the shape of the inputs does not fit.

    Examples
    --------
    >>> network = Network.of(2, outputs=3, output="softmax")
    >>> outputs(network, network.initialize(0), network.initial_state(), np.zeros((5, 2))).shape
    (5, 3)
    """
    if len(inputs) == 0:
        return network.apply(parameters, state, inputs)[0]
    return np.concatenate([network.apply(parameters, state, x)[0] for (x,) in chunks(network, inputs)])


def cost(
    network: Network,
    loss: str | Loss,
    parameters: Parameters,
    state: State,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    reduction: Literal["mean", "sum"] = "mean",
) -> float:
    """Compute the mean or the sum of the losses, in float64, a part of the examples at a time.

    Parameters
    ----------
    network : Network
        The network.
    loss : str or Loss
        Its loss.
    parameters, state : tuple of dicts of arrays
        Its parameters and state.
    inputs : array, shape (examples, inputs)
        Inputs, at least one example.
    targets : array, shape (examples, outputs)
        Targets.
    reduction : {"mean", "sum"}
        Whether the cost is the mean or the sum.

    Returns
    -------
    float
        The cost, without regulariser.

    Examples
    --------
    >>> network = Network.of(1)
    >>> parameters = ({"weights": np.array([[1.0]]), "bias": np.array([0.0])},)
    >>> x, t = np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])
    >>> cost(network, "squared", parameters, network.initial_state(), x, t)
    5.0
    """
    if len(inputs) == 0:
        raise DataError("the cost of no examples is undefined: inputs and targets have no rows")
    total = 0.0
    for x, t in chunks(network, inputs, targets):
        losses, _ = example_losses(network, loss, parameters, state, x, t)
        total += float(np.sum(losses, dtype=np.float64))
    return total if reduction == "sum" else total / len(inputs)


@dataclass(frozen=True)
class Scores:
    """How good predictions are on some examples, beside a baseline.

    The baseline ignores the inputs and gives the mean of the training targets: for classes that is the most
    frequent one.

    Attributes
    ----------
    examples : int
        Number of examples.
    measures : dict of str to float
        ``cost``, the mean loss of an example. For classes ``accuracy``, the part that is right, and
        ``balanced_accuracy``, the mean over the classes of the part of each that is right. For numbers
        ``r2``, the part of the variance that is explained, ``rmse``, the root of the mean squared error, and
        ``mae``, the mean absolute error, the last two in the units of the target. Several target columns have
        these three each, as in ``"rmse of NAME"``, and ``r2`` is the mean of theirs.
    baseline : dict of str to float
        The same measures, without the cost, of the baseline.
    """

    examples: int
    measures: dict[str, float]
    baseline: dict[str, float]

    @property
    def headline(self) -> str:
        """Name of the measure that says most: accuracy for classes, r2 for numbers."""
        return "accuracy" if "accuracy" in self.measures else "r2"


def evaluate(
    network: Network,
    loss: str | Loss,
    parameters: Parameters,
    state: State,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    *,
    center: NDArray[Any],
    target: Target | None = None,
) -> Scores:
    """Measure a network on examples.

    Parameters
    ----------
    network : Network
        The network.
    loss : str or Loss
        Its loss.
    parameters, state : tuple of dicts of arrays
        Its parameters and state.
    inputs : array, shape (examples, inputs)
        Prepared inputs, at least one example.
    targets : array, shape (examples, outputs)
        Prepared targets.
    center : array, shape (outputs,)
        Mean of the training targets, which is what the baseline gives.
    target : ClassTarget or NumberTarget, optional
        What the targets stand for. Without it they are classes where the loss is a cross-entropy, and numbers
        in units of their own otherwise.

    Returns
    -------
    Scores
        Measures and baseline.

    Raises
    ------
    DataError
        Where there are no examples, or shapes do not fit.

    Examples
    --------
    >>> network = Network.of(1)
    >>> parameters = ({"weights": np.array([[1.0]]), "bias": np.array([0.5])},)
    >>> x = np.array([[1.0], [3.0]])
    >>> scores = evaluate(network, "squared", parameters, network.initial_state(), x, x, center=np.array([2.0]))
    >>> scores.measures
    {'cost': 0.25, 'r2': 0.75, 'rmse': 0.5, 'mae': 0.5}
    >>> scores.baseline
    {'r2': 0.0, 'rmse': 1.0, 'mae': 1.0}
    """
    if len(inputs) == 0:
        raise DataError("there are no examples to measure the network on: inputs and targets have no rows")
    found = {"cost": cost(network, loss, parameters, state, inputs, targets)}
    given = outputs(network, parameters, state, inputs)
    constant = np.broadcast_to(center, given.shape)
    name = loss_row(loss).name
    classes = isinstance(target, ClassTarget) or (target is None and name.endswith("cross_entropy"))
    if classes:
        # Rows of cross-entropy, and of a target with several classes, are one-hot; other columns are yes or
        # no each.
        one_hot = given.shape[1] > 1 and (target is not None or name == "cross_entropy")
        return Scores(
            len(inputs), found | _of_classes(given, targets, one_hot), _of_classes(constant, targets, one_hot)
        )
    scales, names = np.ones(given.shape[1]), tuple(f"output {i + 1}" for i in range(given.shape[1]))
    if isinstance(target, NumberTarget):
        scales, names = np.array(target.scales), target.names
    found |= _of_numbers(given, targets, scales, names)
    return Scores(len(inputs), found, _of_numbers(constant, targets, scales, names))


def _of_classes(given: NDArray[Any], targets: NDArray[Any], one_hot: bool) -> dict[str, float]:
    if one_hot:
        classes = np.argmax(targets, axis=1)
        right = np.argmax(given, axis=1) == classes
    else:
        classes = targets[:, 0] > 0.5
        right = np.all((given > 0.5) == (targets > 0.5), axis=1)
    found = {"accuracy": float(np.mean(right))}
    if one_hot or targets.shape[1] == 1:
        # Several columns of yes or no are no classes of which an example has one.
        found["balanced_accuracy"] = float(np.mean([np.mean(right[classes == one]) for one in np.unique(classes)]))
    return found


def _of_numbers(
    given: NDArray[Any], targets: NDArray[Any], scales: NDArray[np.float64], names: tuple[str, ...]
) -> dict[str, float]:
    errors = np.subtract(given, targets, dtype=np.float64)
    square = np.mean(np.square(errors), axis=0)
    variance = np.var(targets, axis=0, dtype=np.float64)
    # A target that does not vary is explained wholly or not at all, as in sklearn.metrics.r2_score.
    varies = variance > 0
    r2 = np.where(varies, 1 - square / np.where(varies, variance, 1), square == 0)
    columns = {"r2": r2, "rmse": np.sqrt(square) * scales, "mae": np.mean(np.abs(errors), axis=0) * scales}
    if len(names) == 1:
        return {measure: float(values[0]) for measure, values in columns.items()}
    each = {
        f"{measure} of {name}": float(values[i]) for i, name in enumerate(names) for measure, values in columns.items()
    }
    return {"r2": float(np.mean(r2)), **each}
