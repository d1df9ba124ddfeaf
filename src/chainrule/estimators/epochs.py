"""The loop over epochs: when a fit ends, what it notes, and which weights it keeps."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from chainrule.estimators.solvers import rate_of, with_rate
from chainrule.estimators.task import EstimatorTask, full_steps
from chainrule.train.state import TrainState
from chainrule.train.task import end_epoch, train_epoch

__all__ = ["run_epochs"]

#: Below this rate, learning_rate="adaptive" stops.
_SMALLEST_RATE = 1e-6


def run_epochs(
    model: Any,
    task: EstimatorTask,
    state: TrainState,
    score: Callable[[TrainState], float] | None,
    *,
    only_one: bool,
) -> TrainState:
    """Train epoch by epoch, and write down on the model how it goes.

    Parameters
    ----------
    model : estimator
        Its parameters say when to stop; `loss_`, `loss_curve_`, `n_iter_`, `t_` and the best score or loss are set.
    task : EstimatorTask
        What is minimised.
    state : TrainState
        The state before the first epoch.
    score : callable or None
        The score of a state on held-out data; with `early_stopping` it decides when to stop.
    only_one : bool
        Whether one epoch is all, as for `partial_fit`.

    Returns
    -------
    TrainState
        The state after the last epoch; with `early_stopping`, the one with the best score.
    """
    best, last = state, state
    # Of epochs that are done and not yet written down.
    values: list[float] = []
    by_score = score is not None and model.early_stopping
    model.n_iter_ = 0
    try:
        while True:
            if not values:
                most = 1 if only_one or score is not None else _epochs_to_the_end(model)
                several = full_steps(task, last, most) if task.batch_size is None and most > 1 else None
                if several is None:
                    for state in train_epoch(task, last):
                        last = state
                    last = end_epoch(task, last)
                    values = [last.history[-1].objective]
                else:
                    last, values = several
            model.n_iter_ += 1
            model.t_ += len(task.inputs)
            model.loss_ = values.pop(0)
            model.loss_curve_.append(model.loss_)
            if model.verbose:
                print(f"Iteration {model.n_iter_}, loss = {model.loss_:.8f}")
            if _note(model, None if score is None else score(last)):
                best = last
            if model.solver == "sgd" and model.learning_rate == "invscaling":
                last = _at_rate(last, model.learning_rate_init / (model.t_ + 1) ** model.power_t)
            if model._no_improvement_count > model.n_iter_no_change:
                rate = _next_rate(model, last, by_score)
                if rate is None:
                    break
                last = _at_rate(last, rate)
                model._no_improvement_count = 0
            if only_one:
                break
            if model.n_iter_ == model.max_iter:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the optimization hasn't "
                    "converged yet.",
                    ConvergenceWarning,
                )
                break
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.")
    return best if by_score else last


def _epochs_to_the_end(model: Any) -> int:
    """Epochs that will be done whatever their losses are: neither the end nor another rate can come before."""
    if (
        model.verbose
        or not isinstance(model.solver, str)
        or (model.solver == "sgd" and model.learning_rate == "invscaling")
    ):
        return 1
    left = model.n_iter_no_change + 1 - model._no_improvement_count
    return int(min(left, model.max_iter - model.n_iter_))


def _note(model: Any, score: float | None) -> bool:
    """Write down score and loss, and count the epochs without gain; True where the score is the best."""
    is_best = False
    lost = model.loss_ > model.best_loss_ - model.tol if model.best_loss_ is not None else False
    if score is not None:
        model.validation_scores_.append(score)
        if model.verbose:
            print(f"Validation score: {score:f}")
        if model.early_stopping:
            lost = score < model.best_validation_score_ + model.tol
        is_best = score > model.best_validation_score_
        if is_best:
            model.best_validation_score_ = score
    if model.best_loss_ is not None:
        model.best_loss_ = min(model.best_loss_, model.loss_)
    model._no_improvement_count = model._no_improvement_count + 1 if lost else 0
    return is_best


def _next_rate(model: Any, state: TrainState, by_score: bool) -> float | None:
    """The rate to go on with after too many epochs without gain; None where that is the end."""
    what = "Validation score" if by_score else "Training loss"
    told = f"{what} did not improve more than tol={model.tol:f} for {model.n_iter_no_change} consecutive epochs."
    is_adaptive = model.solver == "sgd" and model.learning_rate == "adaptive"
    rate = rate_of(state.optimizer) if is_adaptive else None
    if rate is None:
        then = "Stopping."
    elif rate <= _SMALLEST_RATE:
        rate, then = None, "Learning rate too small. Stopping."
    else:
        rate = rate / 5.0
        then = f"Setting learning rate to {rate:f}"
    if model.verbose:
        print(told, then)
    return rate


def _at_rate(state: TrainState, rate: float) -> TrainState:
    return replace(state, optimizer=with_rate(state.optimizer, rate))
