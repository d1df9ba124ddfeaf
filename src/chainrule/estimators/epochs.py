"""When a fit ends, what it notes after each epoch, and when its rate changes: scikit-learn's rules."""

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Any, NamedTuple

from sklearn.exceptions import ConvergenceWarning

from chainrule.errors import DivergenceError
from chainrule.estimators.solvers import rate_of, with_rate
from chainrule.estimators.task import EstimatorTask
from chainrule.native.patience import FOREVER, Patience
from chainrule.train.checkpoint import Keeper
from chainrule.train.display import progress
from chainrule.train.rules import Ended
from chainrule.train.running import Callback, Run
from chainrule.train.state import Epoch, TrainState

__all__ = ["Convergence", "Standing", "run_epochs"]

#: Below this rate, learning_rate="adaptive" stops.
_SMALLEST_RATE = 1e-6


class Standing(NamedTuple):
    """How a fit stands after an epoch; it follows from the one before and the epoch's row of the history.

    Attributes
    ----------
    epochs : int
        Epochs of this fit.
    seen : int
        Examples seen, `t_`.
    without_gain : int
        Epochs without gain.
    best_loss : float or None
        The least loss; None where it is not noted.
    best_score : float or None
        The greatest score on held-out data; None where there are none.
    rate : float or None
        The rate of the steps to come; None where the solver has none that changes.
    converged : bool
        Whether there was no gain for too long.
    """

    epochs: int
    seen: int
    without_gain: int
    best_loss: float | None
    best_score: float | None
    rate: float | None
    converged: bool = False


class Convergence:
    """scikit-learn's rules for a run; they write down on the model how it goes.

    Parameters
    ----------
    model : estimator
        Its parameters say when to stop; `loss_`, `loss_curve_`, `n_iter_`, `t_` and the best score or loss are set.
    state : TrainState
        The state before the first epoch.
    examples : int
        Number of examples.
    scores : bool
        Whether there are held-out data.
    epochs : int
        Epochs at most.
    """

    def __init__(self, model: Any, state: TrainState, examples: int, *, scores: bool, epochs: int) -> None:
        self.epochs = epochs
        self._model, self._examples, self._scores = model, examples, scores
        self._by_score = scores and model.early_stopping
        changes = model.learning_rate if model.solver == "sgd" else None
        self._changes_always = changes == "invscaling"
        #: Whether the rate is divided where a fit would otherwise end.
        self._is_adaptive = changes == "adaptive"
        rate = rate_of(state.optimizer) if self._is_adaptive or self._changes_always else None
        self._first = Standing(
            0, model.t_, model._no_improvement_count, model.best_loss_, model.best_validation_score_, rate
        )
        self._curves = [*model.loss_curve_], [*(model.validation_scores_ or ())]
        self._now = self._first
        model.n_iter_, model.converged_ = 0, False

    def over(self, state: TrainState) -> Ended | None:
        """Why the fit is over; None where it goes on."""
        if self._now.converged and state.epoch:
            return "patience"
        return "epochs" if state.epoch >= self.epochs else None

    def unwatched(self, state: TrainState) -> int:
        """All epochs that are left, where it is for losses alone that one may be the last or change the rate."""
        looks = self._scores or self._model.verbose or self._changes_always or self._now.best_loss is None
        return 1 if looks else self.epochs - state.epoch

    def watched(self) -> Patience:
        """The losses that end a fit, or divide its rate."""
        model, now = self._model, self._now
        if now.best_loss is None:
            return FOREVER
        return Patience(now.best_loss, model.tol, now.without_gain, model.n_iter_no_change, by_rows=True)

    def noted(self, state: TrainState) -> TrainState:
        """Write down the new rows, and put in another rate where it is time for one."""
        known, before = self._now.epochs, self._now.rate
        self._note(state, told=self._model.verbose == 1)
        now = self._now.rate
        if before is None or now is None:
            return state
        rows = state.history.rows
        rated = (replace(row, rate=before * state.rate_factor) for row in rows[known:])
        state = replace(state, history=replace(state.history, rows=(*rows[:known], *rated)))
        return state if now == before else replace(state, optimizer=with_rate(state.optimizer, now))

    def went_back(self, state: TrainState) -> None:
        """Take back what was noted of epochs that do not count any more."""
        model = self._model
        model.loss_curve_[:] = self._curves[0]
        if self._scores:
            model.validation_scores_[:] = self._curves[1]
        self._now = self._first
        self._note(state, told=False)

    def _note(self, state: TrainState, told: bool) -> None:
        model = self._model
        for row in state.history.rows[self._now.epochs :]:
            before, self._now = self._now, self._after(row)
            model.loss_ = row.objective
            model.loss_curve_.append(row.objective)
            if self._scores:
                model.validation_scores_.append(_score(row))
            if told:
                self._tell(row, before, self._now)
        now = self._now
        model.n_iter_, model.t_, model._no_improvement_count = now.epochs, now.seen, now.without_gain
        model.best_loss_, model.best_validation_score_, model.converged_ = now.best_loss, now.best_score, now.converged

    def _after(self, row: Epoch) -> Standing:
        """The standing after one more epoch."""
        model, last = self._model, self._now
        best_loss, best_score = last.best_loss, last.best_score
        lost = best_loss is not None and row.objective > best_loss - model.tol
        if self._scores and best_score is not None:
            score = _score(row)
            if self._by_score:
                lost = score < best_score + model.tol
            best_score = score if score > best_score else best_score
        now = Standing(
            last.epochs + 1,
            last.seen + self._examples,
            last.without_gain + 1 if lost else 0,
            None if best_loss is None else min(best_loss, row.objective),
            best_score,
            last.rate,
        )
        if self._changes_always:
            now = now._replace(rate=model.learning_rate_init * (now.seen + 1.0) ** -model.power_t)
        if now.without_gain <= model.n_iter_no_change:
            return now
        if now.rate is None or not self._is_adaptive or now.rate <= _SMALLEST_RATE:
            return now._replace(converged=True)
        return now._replace(rate=now.rate / 5.0, without_gain=0)

    def _tell(self, row: Epoch, before: Standing, now: Standing) -> None:
        model = self._model
        print(f"Iteration {now.epochs}, loss = {row.objective:.8f}")
        if self._scores:
            print(f"Validation score: {_score(row):f}")
        slower = self._is_adaptive and now.rate != before.rate
        if not (slower or now.converged):
            return
        what = "Validation score" if self._by_score else "Training loss"
        then = f"Setting learning rate to {now.rate:f}" if slower else "Stopping."
        if now.converged and self._is_adaptive:
            then = "Learning rate too small. Stopping."
        print(
            f"{what} did not improve more than tol={model.tol:f} for {model.n_iter_no_change} consecutive epochs.", then
        )


def _score(row: Epoch) -> float:
    """The score of an epoch on the held-out data; a file of checkpoints has None in place of NaN."""
    return float("nan") if row.validation is None else row.validation


def run_epochs(
    model: Any,
    task: EstimatorTask,
    first: TrainState,
    state: TrainState,
    keeper: Keeper | None,
    callbacks: tuple[Callback, ...],
    *,
    only_one: bool,
) -> TrainState:
    """Train epoch by epoch, and write down on the model how it goes.

    Parameters
    ----------
    model : estimator
        Its parameters say when to stop.
    task : EstimatorTask
        What is minimised.
    first : TrainState
        Where the fit began.
    state : TrainState
        Where it goes on: the same, or what a checkpoint held.
    keeper : Keeper or None
        What writes checkpoints.
    callbacks : tuple of callables
        Called with the state after every epoch.
    only_one : bool
        Whether one epoch is all, as for `partial_fit`.

    Returns
    -------
    TrainState
        The state after the last epoch.

    Raises
    ------
    DivergenceError
        Where the fit diverges and has no best weights to keep.
    """
    epochs = 1 if only_one else model.max_iter
    rules = Convergence(model, first, len(task.inputs), scores=task.score is not None, epochs=epochs)
    if state is not first:
        rules.went_back(state)
    shown = progress() if model.verbose > 1 and not only_one else None
    run = Run(task, state, rules, callbacks, shown, keeper, model.on_divergence == "halve")
    try:
        ended = run.finish()
    except DivergenceError as error:
        best = run.state.best
        if best is None or not best.epoch:
            raise
        warnings.warn(f"{error}. The weights with the best validation score so far are kept", ConvergenceWarning)
        return run.state
    finally:
        if task.orders is not None and not isinstance(model.random_state, Integral):
            # Others may draw from it.
            task.orders.end(run.state.epoch + (run.state.batch > 0))
    if ended == "interrupt":
        warnings.warn("Training interrupted by user.")
    elif ended == "epochs" and not only_one:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the optimization hasn't "
            "converged yet.",
            ConvergenceWarning,
        )
    return run.state
