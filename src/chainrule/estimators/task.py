"""What a run of an estimator minimises: weighted losses and penalties as scikit-learn scales them, batch by batch."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.differentiate import value_and_grad
from chainrule.nn import Loss, Network, Parameters, State, example_losses
from chainrule.train.compiled import CompiledSteps, compile_steps
from chainrule.train.divergence import all_finite
from chainrule.train.state import TrainState
from chainrule.train.task import Task

__all__ = ["EstimatorTask", "full_steps", "minimised", "weighted", "with_penalties", "without_penalties"]


def weighted(loss: Loss) -> Loss:
    """Make a loss whose targets carry the weight of each example in one more column.

    Parameters
    ----------
    loss : Loss
        A row of the table of losses.

    Returns
    -------
    Loss
        The same losses, each times the weight of its example.

    Examples
    --------
    >>> from chainrule.nn.losses import LOSSES
    >>> twice = weighted(LOSSES["half_squared"])
    >>> twice(np.array([[1.0], [1.0]]), np.array([[0.0, 2.0], [0.0, 1.0]]))
    array([1. , 0.5])
    """

    def times(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda outputs, targets: targets[:, -1] * function(outputs, targets[:, :-1])

    forms = {row: times(function) for row, function in loss.from_signal.items()}
    return replace(loss, function=times(loss.function), targets=None, from_signal=forms)


def with_penalties(state: State, alpha: float, l1: float, dtype: np.dtype[Any]) -> State:
    """Put the strengths of the penalties into the state of the first layer, which passes them on.

    There they are numbers that steps are given, and no part of their code: one translation serves every strength. Only
    whether there is an L1 penalty at all is a part of the code.
    """
    strengths = {"alpha": np.asarray(alpha, dtype)}
    if l1:
        strengths["l1"] = np.asarray(l1, dtype)
    return ({**state[0], **strengths}, *state[1:])


def without_penalties(state: State) -> State:
    """Take out again what `with_penalties` put in."""
    return ({name: x for name, x in state[0].items() if name not in _STRENGTHS}, *state[1:])


_STRENGTHS = ("alpha", "l1")


def minimised(network: Network, loss: Loss, has_weights: bool, mean_over_outputs: bool) -> Callable[..., Any]:
    """Make the function that a fit minimises.

    Parameters
    ----------
    network : Network
        The network.
    loss : Loss
        Its loss; made by `weighted` where examples have weights.
    has_weights : bool
        Whether the last column of the targets holds weights.
    mean_over_outputs : bool
        Whether the value that is reported has the mean over the outputs where the one that is minimised has the sum,
        as in scikit-learn.

    Returns
    -------
    callable
        ``f(parameters, state, x, targets, rng, training) -> (value, (reported, state))``. The value is ``(sum(losses) +
        alpha / 2 * sum(w**2) + l1 * sum(|w|)) / n``, where n is the number of examples or the sum of their weights.
    """
    outputs = network.outputs if mean_over_outputs else 1

    def total(
        parameters: Parameters, state: State, x: Any, targets: Any, rng: Any = None, training: bool = False
    ) -> tuple[Any, tuple[Any, State]]:
        losses, after = example_losses(network, loss, parameters, state, x, targets, rng, training)
        cost = np.sum(losses) / np.sum(targets[:, -1]) if has_weights else np.mean(losses)
        weights = [layer["weights"] for layer in parameters if "weights" in layer]
        strengths = {name: state[0][name] for name in _STRENGTHS if name in state[0]}
        penalty = 0.5 * strengths["alpha"] * sum(np.sum(np.square(w)) for w in weights)
        if "l1" in strengths:
            penalty = penalty + strengths["l1"] * sum(np.sum(np.abs(w)) for w in weights)
        penalty = penalty / (np.sum(targets[:, -1]) if has_weights else x.shape[0])
        after = ({**after[0], **strengths}, *after[1:])
        value = cost + penalty
        return value, (value if outputs == 1 else cost / outputs + penalty, after)

    return total


@dataclass(frozen=True, eq=False)
class EstimatorTask(Task):
    """A task whose objective, and whose orders of examples, are those of scikit-learn's estimators.

    Attributes
    ----------
    has_weights : bool
        Whether the last column of the targets holds the weights of the examples.
    mean_over_outputs : bool
        As for `minimised`.
    orders : iterator of array, or None
        The order of the examples in each epoch; None leaves them as they are.
    kind : hashable
        What the optimiser's code depends on, beside the parameters.
    """

    has_weights: bool = False
    mean_over_outputs: bool = False
    orders: Iterator[NDArray[np.intp]] | None = None
    kind: Hashable = None

    @cached_property
    def value_and_gradient(self) -> Callable[..., tuple[tuple[Any, State], Parameters]]:
        """The reported value with the network's state, and the gradient of what is minimised."""
        compute = value_and_grad(
            minimised(self.network, self.loss, self.has_weights, self.mean_over_outputs), has_aux=True
        )

        def reported(*arguments: Any) -> tuple[tuple[Any, State], Parameters]:
            (_, (value, after)), gradients = compute(*arguments)
            return (value, after), gradients

        return reported

    def order(self, state: TrainState) -> NDArray[np.intp] | None:
        """The order of the next epoch."""
        if self.batch_size is None:
            return None
        return np.arange(len(self.inputs)) if self.orders is None else next(self.orders)

    def code(self, state: TrainState) -> CompiledSteps | str:
        """The steps in machine code, shared by all fits that differ in numbers only."""
        if self._code.steps is None and not self.may_change:
            self._code.steps = _compiled(self, state)
        return super().code(state)


#: About how long steps may run that are taken at once.
_SECONDS = 0.05


def full_steps(task: EstimatorTask, state: TrainState, most: int) -> tuple[TrainState, list[float]] | None:
    """Take several epochs at once, where each is one step with all examples.

    Parameters
    ----------
    task : EstimatorTask
        The task; its `batch_size` is None.
    state : TrainState
        The state before the first of them.
    most : int
        How many there may be; fewer are taken where so many would take long, so that Ctrl-C is heard.

    Returns
    -------
    state : TrainState
        The state after the last one, with no rows of its history for them.
    values : list of float
        The reported value of each.

    None stands for both where there is no machine code, or a number is not finite: steps taken one by one tell which.
    """
    code = task.code(state)
    if isinstance(code, str):
        return None
    leaves, structure = code.flat(state)
    bench = code.bench(code.by_rows[len(task.inputs)], task, state, len(task.inputs), gathers=False)
    count, begun = min(most, code.count), time.perf_counter()
    found, values = bench.run(leaves, state.step, None, 0, count)
    code.count = max(1, int(_SECONDS / max(time.perf_counter() - begun, 1e-6) * count))
    if not (np.isfinite(values).all() and all_finite(found[: code.finite])):
        return None
    parameters, network_state, optimizer = code.whole(found, structure)
    after = replace(
        state,
        parameters=parameters,
        network_state=network_state,
        optimizer=optimizer,
        step=state.step + count,
        epoch=state.epoch + count,
    )
    return after, values.tolist()


_known: OrderedDict[Hashable, CompiledSteps] = OrderedDict()
_guard = threading.Lock()
#: Translations that are kept: a search over some dozens of settings finds all of its own again.
_KEPT = 128


def _compiled(task: EstimatorTask, state: TrainState) -> CompiledSteps | str:
    total, usual = len(task.inputs), task.batch_size or len(task.inputs)
    key = (
        task.network,
        task.loss.name,
        task.kind,
        task.has_weights,
        task.mean_over_outputs,
        task.inputs.dtype,
        task.targets.shape[1:],
        usual,
        total % usual,
    )
    with _guard:
        known = _known.get(key)
        if known is not None:
            _known.move_to_end(key)
    if known is None:
        made = compile_steps(task, state)
        if isinstance(made, str):
            return made
        known = made
        with _guard:
            _known[key] = known
            if len(_known) > _KEPT:
                _known.popitem(last=False)
    # What a run keeps beside the code is its own.
    return CompiledSteps(known.by_rows, known.finite)
