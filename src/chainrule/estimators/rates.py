"""The rate finder of the estimators."""

from dataclasses import replace
from typing import Any

from sklearn.base import clone

from chainrule.estimators.solvers import with_rate
from chainrule.train.rate_finder import RateSearch, rising, search_rates
from chainrule.train.state import TrainState

__all__ = ["find_rate"]


def find_rate(model: Any, X: Any, y: Any, sample_weight: Any, lowest: float, highest: float, steps: int) -> RateSearch:
    """Search for the rate that a fit from fresh weights should have; the model stays as it is.

    Parameters
    ----------
    model : estimator
        With one of the solvers "adam" and "sgd".
    X, y, sample_weight : object
        As for `fit`.
    lowest, highest : float
        The first rate and the last.
    steps : int
        How many there are.

    Returns
    -------
    RateSearch
        Rates, losses and the suggestion.

    Raises
    ------
    ValueError
        For another solver, and where the loss falls at no rate.
    """
    if model.solver not in ("adam", "sgd"):
        raise ValueError(f"find_rate needs solver='adam' or 'sgd', whose rate it can change, found {model.solver!r}")
    rates = rising(lowest, highest, steps)
    twin = clone(model).set_params(learning_rate="constant", warm_start=False)
    twin._validate_params()
    task, state, _, _ = twin._begun(X, y, sample_weight)

    def at_rate(state: TrainState, rate: float) -> TrainState:
        return replace(state, optimizer=with_rate(state.optimizer, rate))

    return search_rates(task, state, rates, at_rate)
