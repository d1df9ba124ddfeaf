"""Callbacks of a fit: plain functions, and those of scikit-learn's own interface where it has one (from 1.9 on)."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from chainrule.train.state import TrainState

if TYPE_CHECKING:

    class CallbackSupport:
        """As below."""

        _skl_callbacks: list[Any]

else:
    try:
        from sklearn.callback import CallbackSupportMixin as CallbackSupport
    except ImportError:

        class CallbackSupport:
            """What takes the place of scikit-learn's interface where it has none."""


__all__ = ["CallbackSupport", "epoch_callbacks"]

EpochCallback = Callable[[TrainState], Any]


@contextmanager
def epoch_callbacks(
    model: Any, X: Any, y: Any, sample_weight: Any, epochs: int | None
) -> Iterator[tuple[EpochCallback, ...]]:
    """Prepare the callbacks of a fit, and clear up after it, whatever ends it.

    To scikit-learn's callbacks a fit is a task, and each epoch one in it, which begins where the one before has ended.

    Parameters
    ----------
    model : estimator
        Its parameter `callbacks`, and what `set_callbacks` was given, are called. `model._take(state)` makes a model of
        a state.
    X, y, sample_weight : object
        What `fit` was given. A part that is held out is in it.
    epochs : int or None
        Epochs that there are at most; 0 for a solver that has none. None for a part of a fit, for which scikit-learn
        has no interface.

    Yields
    ------
    tuple of callables
        What to call with the state after each epoch, once the model has noted the epoch down; a true result ends the
        fit.

    Raises
    ------
    TypeError
        Where a callback cannot be called.
    """
    plain = _plain(model.callbacks)
    if epochs is None or not getattr(model, "_skl_callbacks", None):
        yield plain
        return
    from sklearn.callback._callback_support import callback_management_context

    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    given = {"estimator": model, "X": X, "y": y, "metadata": metadata}
    # Epochs that are taken back are done again.
    most = None if epochs and model.on_divergence == "halve" else epochs
    with callback_management_context(model):
        fit = model._init_callback_context(max_subtasks=most).call_on_fit_task_begin(**given)

        def begun() -> Any:
            return fit.subcontext(task_name="epoch").call_on_fit_task_begin(**given)

        task: Any = begun() if epochs else None

        def epoch(state: TrainState) -> bool:
            nonlocal task
            stops = [bool(callback(state)) for callback in plain]
            stops.append(task.call_on_fit_task_end(**given, reconstruction_attributes=partial(_fitted, model, state)))
            if any(stops):
                return True
            if not model.converged_ and state.epoch < epochs:
                task = begun()
            return False

        yield (epoch,)
        fit.call_on_fit_task_end(**given, reconstruction_attributes={})


def _plain(callbacks: Any) -> tuple[EpochCallback, ...]:
    """The parameter `callbacks` as a tuple."""
    found = () if callbacks is None else (callbacks,) if callable(callbacks) else tuple(callbacks)
    for callback in found:
        if not callable(callback):
            raise TypeError(f"callbacks have to be functions of a TrainState, found {callback!r}")
    return found


def _fitted(model: Any, state: TrainState) -> dict[str, Any]:
    """Attributes of the model as they would be, had the fit ended with a state."""
    twin = copy.copy(model)
    twin._take(state)
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in vars(twin).items()
        if name.endswith("_") or vars(model).get(name) is not value
    }
