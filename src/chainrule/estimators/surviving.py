"""Fits that survive: what a checkpoint of an estimator holds beside the state of its run, and how one is gone on with.

The weights, the optimiser and the history are in the state (see `chainrule.train.checkpoint`), and what a fit notes
follows from the history. The orders of the examples, the part that is held out and what layers draw follow from the
state that the random generator had before them, which is in the file, as are the curves of earlier fits that a
`warm_start` goes on from.
"""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from chainrule.errors import CheckpointError
from chainrule.estimators.task import EstimatorTask
from chainrule.train.checkpoint import Checkpoint, Keeper, read_checkpoint, read_parts, source_of
from chainrule.train.identity import describe_run, describe_value
from chainrule.train.state import TrainState

__all__ = ["Survival"]

#: Parameters that a fit that goes on may have others of.
_FREE = frozenset({"callbacks", "checkpoint", "max_iter", "on_divergence", "random_state", "resume", "verbose"})
#: What a fit before this one may have noted.
_LISTS = ("loss_curve_", "validation_scores_")
_NUMBERS = ("best_loss_", "best_validation_score_")
_COUNTS = ("t_", "_no_improvement_count")


class Survival:
    """The checkpoint that a fit writes, and the one that it goes on from.

    Parameters
    ----------
    model : estimator
        Its `checkpoint`, `resume` and `random_state`.

    Raises
    ------
    ValueError
        Where nothing can be written, a file would be replaced, or there is nothing whole to go on from.
    """

    def __init__(self, model: Any) -> None:
        given = model.checkpoint
        self._model = model
        self._checkpoint = given if given is None or isinstance(given, Checkpoint) else Checkpoint(given)
        self._source = source_of(self._checkpoint, model.resume)
        self._begin: dict[str, Any] = {}

    def begun(self, rng: np.random.RandomState) -> np.random.RandomState:
        """Note where a fit begins, before anything but first weights is drawn; or put there what is in the file.

        Returns
        -------
        numpy.random.RandomState
            What the fit draws from.
        """
        if self._source is not None:
            there = read_parts(self._source)[0]
            try:
                begin = there["estimator"]
                if not isinstance(self._model.random_state, np.random.RandomState):
                    # Not NumPy's own, which others draw from.
                    rng = np.random.RandomState()
                _set_state(rng, begin["random_state"])
                _put(self._model, begin["before"])
            except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
                raise CheckpointError(
                    f"{self._source}: this is no checkpoint of an estimator, or a damaged one ({error})"
                ) from None
        if self._checkpoint is not None:
            self._begin = {"random_state": _state_of(rng), "before": _before(self._model)}
        return rng

    def read(self, task: EstimatorTask, state: TrainState, held_out: Any) -> tuple[TrainState, Keeper | None]:
        """Find the state that a fit starts from, and what writes its checkpoints.

        Parameters
        ----------
        task : EstimatorTask
            What is minimised.
        state : TrainState
            Where a fit without a file starts.
        held_out : tuple or None
            Held-out inputs, targets and weights.
        """
        if self._source is None and self._checkpoint is None:
            return state, None
        run = describe_run(task, state) | _described(self._model, held_out)
        if self._source is not None:
            state = read_checkpoint(self._source, run, state)
        if self._checkpoint is None:
            return state, None
        return state, Keeper(self._checkpoint, {**run, "estimator": self._begin}, state)


def _described(model: Any, held_out: Any) -> dict[str, Any]:
    """The parameters that have to be the same, and the digest of the held-out data."""
    found = {name: describe_value(value) for name, value in model.get_params(deep=False).items() if name not in _FREE}
    seed = model.random_state
    found["random_state"] = int(seed) if isinstance(seed, int | np.integer) else None
    arrays = None
    if held_out is not None:
        X, *others = held_out
        arrays = [describe_value(array) for array in (*_arrays(X), *others)]
    return {**found, "validation_data": arrays}


def _arrays(X: Any) -> tuple[Any, ...]:
    if not issparse(X):
        return (np.asarray(X),)
    X = X.tocsr()
    return X.data, X.indices, X.indptr


def _before(model: Any) -> dict[str, Any]:
    found = {name: getattr(model, name, None) for name in (*_LISTS, *_NUMBERS, *_COUNTS)}
    # The fit appends to them.
    return {name: list(value) if isinstance(value, list) else value for name, value in found.items()}


def _put(model: Any, before: Any) -> None:
    """The opposite of `_before`, with every entry checked."""
    model.t_ = int(_real(before["t_"]))
    notes: dict[str, Any] = {}
    if before["loss_curve_"] is not None:
        notes = {name: None if before[name] is None else _real(before[name]) for name in _NUMBERS}
        notes |= {name: None if before[name] is None else [_real(x) for x in before[name]] for name in _LISTS}
        notes["_no_improvement_count"] = int(_real(before["_no_improvement_count"]))
    for name in (*_LISTS, *_NUMBERS, "_no_improvement_count"):
        if name in notes:
            setattr(model, name, notes[name])
        else:
            model.__dict__.pop(name, None)


def _real(number: Any) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{number!r} is no number")
    return float(number)


def _state_of(rng: np.random.RandomState) -> dict[str, Any]:
    """The state of a generator as JSON holds it."""
    state: Any = rng.get_state(legacy=False)
    name = state["bit_generator"]
    if name != "MT19937":
        raise CheckpointError(f"random_state: a checkpoint holds the state of MT19937, not of {name}: give a number")
    inner = state["state"]
    found = {"key": inner["key"].tolist(), "position": int(inner["pos"])}
    return {**found, "has_gauss": int(state["has_gauss"]), "gauss": float(state["gauss"])}


def _set_state(rng: np.random.RandomState, state: Any) -> None:
    """The opposite of `_state_of`. NumPy does not check what it is given, and reads beyond the key."""
    key, position = np.array(state["key"]), int(state["position"])
    if key.shape != (624,) or key.dtype.kind != "i" or not 0 <= position <= 624 or key.min() < 0 or key.max() >= 2**32:
        raise ValueError("the random generator has no such state")
    rng.set_state(("MT19937", key.astype(np.uint32), position, int(bool(state["has_gauss"])), _real(state["gauss"])))
