"""What a run of an estimator minimises: weighted losses and penalties as scikit-learn scales them, batch by batch."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.differentiate import value_and_grad
from chainrule.estimators.known_steps import known_steps
from chainrule.estimators.orders import Orders
from chainrule.estimators.sparse_rows import SlicedBench, SparseRows
from chainrule.nn import Loss, Network, Parameters, State, example_losses
from chainrule.train.compiled import CompiledSteps
from chainrule.train.state import Best, TrainState
from chainrule.train.task import Task

if TYPE_CHECKING:
    from chainrule.native.bench import Steps

__all__ = ["EstimatorTask", "minimised", "with_penalties", "without_penalties"]


def with_penalties(state: State, alpha: float, l1: float, dtype: np.dtype[Any]) -> State:
    """Put the strengths of the penalties into the state of the first layer, which passes them on.

    There they are numbers that steps are given, and no part of their code: one translation serves every strength. Only
    whether there is an L1 penalty at all is a part of the code.
    """
    strengths = {"alpha": alpha} | ({"l1": l1} if l1 else {})
    with np.errstate(over="ignore"):
        arrays = {name: np.asarray(strength, dtype) for name, strength in strengths.items()}
    for name, array in arrays.items():
        if not np.isfinite(array):
            raise ValueError(f"{name}={strengths[name]} is too large for {dtype} inputs: lower it, or fit in float64")
    return ({**state[0], **arrays}, *state[1:])


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
        Its loss; made by `chainrule.nn.weighted` where examples have weights.
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
        # Of dense layers, and the vectors of categories, as for the regularisers of `chainrule.nn`.
        weights = [array for layer in parameters for array in layer.values() if array.ndim == 2]
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
    orders : Orders or None
        The order of the examples in each epoch; None leaves them as they are.
    score : callable or None
        The score of a state on held-out data.
    kind : hashable
        What the optimiser's code depends on, beside the parameters.
    """

    has_weights: bool = False
    mean_over_outputs: bool = False
    orders: Orders | None = None
    score: Callable[[TrainState], float] | None = None
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
        """The order of the epoch under way."""
        if self.batch_size is None:
            return None
        return np.arange(len(self.inputs)) if self.orders is None else self.orders.of(state.epoch)

    def validated(self, state: TrainState) -> float | None:
        """The score on the held-out data after an epoch; None where there are none."""
        return None if self.score is None else self.score(state)

    def is_best(self, validation: float, best: Best | None) -> bool:
        """Whether a score is the greatest so far; only where a fit starts with one is the best kept."""
        return best is not None and validation > best.validation

    def code(self, state: TrainState) -> CompiledSteps | str:
        """The steps in machine code, shared by all fits that differ in numbers only."""
        if self._code.steps is None and not self.may_change:
            self._code.steps = known_steps(self, state)
        return super().code(state)

    def translated(self, state: TrainState) -> CompiledSteps | None:
        """The steps in machine code, where this run or a fit before it has made them."""
        if self._is_sparse:
            # Their rows are made dense step by step.
            return None
        if self._code.steps is None and self.compiled and not self.may_change:
            self._code.steps = known_steps(self, state, at_hand=True)
        return super().translated(state)

    @property
    def _is_sparse(self) -> bool:
        return isinstance(self.inputs, SparseRows)

    def bench(self, steps: "Steps", fixed: Sequence[Any], batch: int, *, gathers: bool) -> Any:
        """Make room for steps on the examples, of which sparse ones are dense for one step."""
        if isinstance(self.inputs, SparseRows):
            return SlicedBench(steps, fixed, self.inputs, self.targets, batch)
        return super().bench(steps, fixed, batch, gathers=gathers)
