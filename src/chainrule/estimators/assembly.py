"""From an estimator's parameters and checked data to the task that a run minimises."""

import warnings
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.estimators import solvers
from chainrule.estimators.losses import check_coupling
from chainrule.estimators.orders import Orders
from chainrule.estimators.parts import outputs
from chainrule.estimators.sparse_rows import held
from chainrule.estimators.task import EstimatorTask
from chainrule.nn import weighted
from chainrule.optim import Transform, chain, clip_by_global_norm
from chainrule.train.checks import in_precision
from chainrule.train.state import TrainState
from chainrule.train.users_code import has_users_code

__all__ = ["task_of"]

#: The batch size "auto", where there are as many examples.
_AUTOMATIC = 200
#: Examples on which a loss of one's own is tried.
_TRIED = 8


def task_of(
    model: Any,
    X: Any,
    targets: NDArray[Any],
    weights: NDArray[Any] | None,
    rng: np.random.RandomState,
    score: Callable[[TrainState], float] | None,
) -> EstimatorTask:
    """Make the task of a fit.

    Parameters
    ----------
    model : estimator
        Its parameters, with weights drawn.
    X : array or sparse matrix
        Inputs.
    targets : array
        Targets of shape (examples, outputs).
    weights : array or None
        Weights of the examples.
    rng : numpy.random.RandomState
        What orders are drawn from.
    score : callable or None
        The score of a state on held-out data.

    Returns
    -------
    EstimatorTask
        In the precision of the weights.
    """
    dtype = model.coefs_[0].dtype
    loss = model._output()[1]
    targets = in_precision("targets", targets, dtype)
    loss.check_targets(targets)
    loss.check_output(model._network.places[-1].layer.activation_row)
    has_epochs = model.solver != "lbfgs"
    size = min(_AUTOMATIC if model.batch_size == "auto" else model.batch_size, X.shape[0])
    if model.batch_size != "auto" and model.batch_size > X.shape[0] and has_epochs:
        warnings.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped.")
    # Where one step takes all examples, their order is of no account.
    batch = size if has_epochs and size < X.shape[0] else None
    inputs = held(X, dtype, in_parts=batch is not None)
    why = "sample_weight was given" if weights is not None else None if batch is None else "steps take minibatches"
    if why is not None and has_users_code(loss):
        found = outputs(model._network, model._parameters(), model._state, inputs[:_TRIED])
        check_coupling(loss, found, targets[:_TRIED], why)
    mean = loss.name == "half_squared"
    if weights is not None:
        loss = weighted(loss)
        targets = np.hstack([targets, in_precision("sample_weight", weights, dtype)[:, np.newaxis]])
    return EstimatorTask(
        model._network,
        loss,
        inputs,
        targets,
        _transform(model),
        batch,
        has_weights=weights is not None,
        mean_over_outputs=mean,
        orders=Orders(len(inputs), rng) if model.shuffle else None,
        score=score,
        kind=_kind(model),
    )


def _transform(model: Any) -> Transform:
    schedule = model.learning_rate if callable(model.learning_rate) else None
    if isinstance(model.solver, Transform):
        found = model.solver
    elif model.solver == "sgd":
        found = solvers.sgd(model.learning_rate_init, model.momentum, model.nesterovs_momentum, schedule)
        if schedule is None and model.learning_rate != "constant":
            # The rate of a step is in the state.
            found = replace(found, rate=None)
    else:
        found = solvers.adam(model.learning_rate_init, model.beta_1, model.beta_2, model.epsilon, schedule)
    return found if model.clip_norm is None else chain(clip_by_global_norm(model.clip_norm), found)


def _kind(model: Any) -> Hashable:
    """All settings that are part of the code of the steps."""
    schedule = model.learning_rate if callable(model.learning_rate) else None
    return model.solver, bool(model.nesterovs_momentum), schedule, model.clip_norm, model.l1 > 0
