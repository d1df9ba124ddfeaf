"""L-BFGS: SciPy's routine on the compiled objective and its gradient."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from chainrule.differentiate import value_and_grad
from chainrule.errors import DivergenceError
from chainrule.estimators.task import EstimatorTask, minimised
from chainrule.jit import jit
from chainrule.nn import Loss, Network, Parameters
from chainrule.train.state import TrainState
from chainrule.train.users_code import has_users_code

__all__ = ["minimise"]

#: What SciPy returns as status where the iterations, or the evaluations, were used up.
_USED_UP = 1


def minimise(model: Any, task: EstimatorTask, state: TrainState) -> TrainState:
    """Minimise the objective over all examples; sets `loss_` and `n_iter_` on the model.

    Parameters
    ----------
    model : estimator
        Its `max_iter`, `max_fun`, `tol` and `verbose` are those of the routine.
    task : EstimatorTask
        What is minimised.
    state : TrainState
        Where it starts.

    Returns
    -------
    TrainState
        Where it ends.

    Raises
    ------
    DivergenceError
        Where the objective is not finite there.
    """
    from scipy.optimize import minimize

    compute = _computed(task.network, task.loss, task.has_weights, task.mean_over_outputs)
    reported = {}

    def value_and_gradient(flat: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        (value, (told, _)), gradients = compute(
            _unpacked(flat, state.parameters), state.network_state, task.inputs, task.targets
        )
        reported["loss"] = float(told)
        return float(value), _packed(gradients).astype(np.float64)

    numbers = count(1)

    def tell(intermediate_result: Any) -> None:
        print(f"Iteration {next(numbers)}, loss = {intermediate_result.fun:.8f}")

    found = minimize(
        value_and_gradient,
        _packed(state.parameters).astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=tell if model.verbose else None,
        options={"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": model.tol},
    )
    model.n_iter_ = min(found.nit, model.max_iter)
    model.converged_ = found.status == 0
    if found.status == _USED_UP:
        warnings.warn(
            f"lbfgs failed to converge after {found.nit} iteration(s) and {found.nfev} evaluations: {found.message}. "
            "Increase max_iter or max_fun, or scale the data",
            ConvergenceWarning,
        )
    value_and_gradient(found.x)
    model.loss_ = reported["loss"]
    if not (np.isfinite(model.loss_) and np.isfinite(found.x).all()):
        raise DivergenceError(
            f"lbfgs ended after {found.nit} iterations where the objective is {model.loss_}: scale inputs and targets",
            layer=None,
            step=found.nit,
        )
    return replace(state, parameters=_unpacked(found.x, state.parameters))


def _computed(network: Network, loss: Loss, has_weights: bool, mean_over_outputs: bool) -> Callable[..., Any]:
    if has_users_code(network, loss):
        return _compiled(network, loss, has_weights, mean_over_outputs)
    return _shared(network, _Row(loss.name, loss), has_weights, mean_over_outputs)


@dataclass(frozen=True)
class _Row:
    """A loss of this package, equal to every other one of its name."""

    name: str
    loss: Loss = field(compare=False)


@lru_cache(maxsize=32)
def _shared(network: Network, row: _Row, has_weights: bool, mean_over_outputs: bool) -> Callable[..., Any]:
    """One function for all fits that differ in numbers only, so that it is compiled once."""
    return _compiled(network, row.loss, has_weights, mean_over_outputs)


def _compiled(network: Network, loss: Loss, has_weights: bool, mean_over_outputs: bool) -> Callable[..., Any]:
    return jit(value_and_grad(minimised(network, loss, has_weights, mean_over_outputs), has_aux=True))


def _packed(parameters: Parameters) -> NDArray[Any]:
    return np.concatenate([layer[name].ravel() for name in _names(parameters) for layer in parameters if name in layer])


def _unpacked(flat: NDArray[Any], like: Parameters) -> Parameters:
    """The opposite of `_packed`: arrays in the shapes and the precision of other ones."""
    found: Parameters = tuple({} for _ in like)
    start = 0
    for name in _names(like):
        for layer, old in zip(found, like, strict=True):
            if name in old:
                array = old[name]
                layer[name] = flat[start : start + array.size].reshape(array.shape).astype(array.dtype)
                start += array.size
    return tuple({name: layer[name] for name in old} for layer, old in zip(found, like, strict=True))


def _names(parameters: Parameters) -> list[str]:
    """Names of parameters, the weights of all layers before the biases of all, and so on."""
    return list(dict.fromkeys(name for layer in parameters for name in layer))
