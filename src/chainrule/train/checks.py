"""What is refused before the first step."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.errors import DataError, OptionError
from chainrule.nn import Embedding, Network, Parameters, State, objective
from chainrule.nn.layers import check_size
from chainrule.random import random_state
from chainrule.train.divergence import all_finite
from chainrule.train.task import Examples, Task

__all__ = ["checked", "in_precision"]


def checked(task: Task, parameters: Parameters, network_state: State | None) -> tuple[Task, State]:
    """Check a task before its first step, and bring its arrays to the precision of the parameters.

    Parameters
    ----------
    task : Task
        The task, with arrays of any numeric dtype.
    parameters : tuple of dicts of arrays
        Parameters of the network.
    network_state : tuple of dicts of arrays, or None
        State of the network; None for its initial state.

    Returns
    -------
    Task
        The same task.
    State
        The same state.

    Raises
    ------
    DataError
        Where inputs, targets, parameters or state have a shape that does not fit, are not finite, or targets are
        not what the loss expects; and where the last minibatch is too small for a layer.
    OptionError
        Where the network cannot be trained through, the loss does not fit the output, or the batch size is no
        positive integer.
    """
    if not callable(getattr(task.optimizer, "update", None)):
        raise OptionError(
            f"optimizer has to be a transform such as chainrule.optim.adam(0.001), found {task.optimizer!r}"
        )
    if task.batch_size is not None:
        check_size("batch_size", task.batch_size)
    arrays = tree.leaves_with_paths(parameters, "parameters")
    for path, array in arrays:
        if not np.isfinite(array).all():
            raise DataError(f"{path} has entries that are NaN or infinite: initialise the network again")
    dtype = np.result_type(*(array for _, array in arrays))
    if dtype.kind != "f":
        raise OptionError(f"the parameters have to be real floating-point numbers, found dtype {dtype}")
    minimised = objective(task.network, task.loss, task.regularizers, task.reduction)
    state = _checked_state(task.network, network_state, dtype)
    compute = partial(minimised, parameters, state, rng=random_state(0))
    examples = _checked_examples(task, partial(compute, training=True), (task.inputs, task.targets), dtype)
    validation = task.validation
    if validation is not None:
        try:
            validation = _checked_examples(task, compute, validation, dtype)
        except DataError as error:
            raise DataError(f"in the held-out data, {error}") from None
    return replace(task, inputs=examples[0], targets=examples[1], validation=validation), state


def _checked_state(network: Network, state: State | None, dtype: np.dtype[Any]) -> State:
    if state is None:
        return network.initial_state(dtype)
    shapes = network.state_shapes()
    found = tuple({name: np.shape(array) for name, array in layer.items()} for layer in state)
    if found != shapes:
        raise DataError(
            f"network_state should hold arrays of the shapes {shapes}, as network.initial_state() makes them, "
            f"found {found}"
        )
    for path, array in tree.leaves_with_paths(state, "network_state"):
        if not np.isfinite(array).all():
            raise DataError(f"{path} has entries that are NaN or infinite: take network.initial_state()")
    return tuple({name: np.asarray(array, dtype) for name, array in layer.items()} for layer in state)


def _checked_examples(task: Task, compute: Callable[..., Any], examples: Examples, dtype: np.dtype[Any]) -> Examples:
    inputs, targets = np.asarray(examples[0]), np.asarray(examples[1])
    for name, array in (("inputs", inputs), ("targets", targets)):
        if array.dtype.kind not in "biuf":
            raise DataError(f"{name} have to be real numbers, found dtype {array.dtype}")
        if not len(array.shape) or not len(array):
            raise DataError(f"{name} have no examples: shape {array.shape}")
    if len(inputs) != len(targets):
        raise DataError(f"there are {len(inputs)} inputs but {len(targets)} targets: every example needs a row in both")
    inputs = in_precision("inputs", inputs, dtype)
    # A loss of one's own may take labels, which are no numbers to compute with.
    as_numbers = task.loss.targets is not None or targets.dtype.kind == "f"
    targets = in_precision("targets", targets, dtype) if as_numbers else targets
    size = task.batch_size or len(inputs)
    rows = min(len(inputs) % size or size, 2)
    # Of all examples, since the numbers of those tried below would say nothing to who has given more.
    task.network.check_inputs(inputs.shape)
    task.loss.check_shapes((len(inputs), task.network.outputs), targets.shape)
    with np.errstate(all="ignore"):
        # Raises where shapes do not fit, or the smallest minibatch is too small.
        compute(x=inputs[:rows], targets=targets[:rows])
    first = task.network.places[0].layer
    if isinstance(first, Embedding):
        first.check_codes(inputs)
    task.loss.check_targets(targets)
    # Row by row in memory, as minibatches are picked.
    return np.ascontiguousarray(inputs), np.ascontiguousarray(targets)


def in_precision(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert an array of real numbers to the precision of the parameters.

    Raises
    ------
    DataError
        Where a number is NaN or infinite, before or after.
    """
    with np.errstate(over="ignore"):
        converted: NDArray[Any] = array.astype(dtype, copy=False)
        if all_finite([converted]):
            return converted
    places = np.argwhere(~np.isfinite(converted))
    value = array[tuple(places[0])]
    problem = "numbers have to be finite"
    if np.isfinite(value):
        problem = f"too large for {dtype} parameters: scale the {name}, or use float64"
    index = ", ".join(str(i) for i in places[0])
    more = f" and {len(places) - 1} more entries like it" if len(places) > 1 else ""
    raise DataError(f"{name}[{index}] is {value}{more}: {problem}")
