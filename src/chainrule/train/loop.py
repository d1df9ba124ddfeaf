"""The training loop: epochs until the last one, until held-out data say stop, or until Ctrl-C."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import OptionError
from chainrule.nn import Network, Parameters, State
from chainrule.nn.layers import check_size
from chainrule.nn.losses import loss as loss_row
from chainrule.nn.objective import LossLike, Regularizer
from chainrule.optim import Transform
from chainrule.train.checks import checked
from chainrule.train.interrupts import noted_interrupts
from chainrule.train.state import History, TrainState
from chainrule.train.task import Task, end_epoch, start, train_epoch

__all__ = ["Callback", "Ended", "Fit", "Progress", "fit"]

Ended = Literal["epochs", "patience", "callback", "interrupt"]
Callback = Callable[[TrainState], Any]


class Progress(Protocol):
    """What shows how a run gets on; see `chainrule.train.display`."""

    def begin(self, task: Task, state: TrainState, epochs: int) -> None:
        """Take note that a run starts from `state` and ends after so many epochs in all."""

    def step(self, state: TrainState) -> None:
        """Take note of the state after a step, or after a chunk of steps."""

    def epoch(self, state: TrainState) -> None:
        """Take note of the state after an epoch."""

    def end(self) -> None:
        """Take note that the run is over, for whatever reason."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What a run gives.

    Attributes
    ----------
    parameters, network_state : tuple of dicts of arrays
        The best parameters on the held-out data where `fit` was given a patience, otherwise the last ones; and the
        state of the network that belongs to them.
    state : TrainState
        Where the run stands; `fit` goes on from it.
    ended : {"epochs", "patience", "callback", "interrupt"}
        Why it ended: all epochs were done, the held-out cost did not fall for `patience` epochs, a callback
        said so, or Ctrl-C.
    interpreted : str or None
        Why the steps ran in NumPy and not as machine code; None where they did not.
    """

    parameters: Parameters
    network_state: State
    state: TrainState
    ended: Ended
    interpreted: str | None = None

    @property
    def history(self) -> History:
        """One row for each whole epoch."""
        return self.state.history

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run."""
        return self.ended == "interrupt"


def fit(
    network: Network,
    parameters: Parameters | TrainState,
    loss: LossLike,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    optimizer: Transform,
    epochs: int,
    network_state: State | None = None,
    batch_size: int | None = None,
    regularizers: Iterable[Regularizer] = (),
    reduction: Literal["mean", "sum"] = "mean",
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    patience: int | None = None,
    rng: np.random.Generator | int | None = None,
    callbacks: Iterable[Callback] = (),
    progress: Progress | None = None,
    compiled: bool = True,
) -> Fit:
    """Train a network: minimise the objective over examples, step by step.

    The gradient of every step is the derivative of the graph of `chainrule.nn.objective`. Steps run as machine code in
    chunks of about 50 ms. Ctrl-C ends the run after the chunk under way, and what was learned is returned.

    Parameters
    ----------
    network : Network
        The network.
    parameters : tuple of dicts of arrays, or TrainState
        Starting values, as `Network.initialize` makes them; float32 ones train in float32. Or the state of an
        earlier run: it then goes on as if it had not stopped, to the same bits, given the same other
        arguments.
    loss : str, Loss or callable
        As for `chainrule.nn.losses.loss`.
    inputs : array, shape (examples, inputs)
        Inputs.
    targets : array, shape (examples, outputs)
        Targets.
    optimizer : Transform
        From `chainrule.optim`; schedules and clipping come with it.
    epochs : int
        Passes over the examples, counted from the start of the run, those before a resumption included.
    network_state : tuple of dicts of arrays, optional
        State of the network to start from, such as the running means of batch normalisation; by default
        `Network.initial_state`. Not used when a run goes on.
    batch_size : int, optional
        Examples of a minibatch, of which the last may have fewer; 1 is stochastic gradient descent. By
        default all examples make one step.
    regularizers : iterable of callables
        Functions of the parameters, such as `chainrule.nn.L2`, added to the cost of every minibatch.
    reduction : {"mean", "sum"}
        Whether the cost is the mean or the sum of the losses of the examples.
    validation : tuple of inputs and targets, optional
        Held-out data; their cost is written into the history.
    patience : int, optional
        Stop when the cost of the held-out data has not fallen for so many epochs, and return the parameters
        with which it was lowest.
    rng : numpy.random.Generator or int, optional
        Source, or seed, of the order of examples and of what layers draw. Not used when a run goes on.
    callbacks : iterable of callables
        Each is called with the state after every epoch. A true result ends the run.
    progress : Progress, optional
        Shows how the run gets on. By default nothing is printed.
    compiled : bool
        Whether the steps run as machine code. With False each one runs in NumPy, so that a loss of one's own can be
        looked into with a debugger; results agree to rounding. Steps that have no native form, or take decisions on
        values, run so anyway, and `Fit.interpreted` says why. Functions of one's own are called to record the step,
        before the first one and again after callbacks, not at every step: what else they do, such as printing,
        happens then only.

    Returns
    -------
    Fit
        Parameters, history, and the state to go on from.

    Raises
    ------
    DataError
        Where arrays have shapes that do not fit, hold NaN or infinities, or targets that the loss does not
        take.
    OptionError
        For a number out of its range, a patience without held-out data, an unknown loss or one that does not
        fit the output activation, or a network that cannot be trained through.
    DivergenceError
        Where the objective, the held-out cost or a parameter is no longer finite; it names the layer and the
        step.

    Examples
    --------
    >>> from chainrule import data, optim
    >>> network = Network.of(2, hidden=(4,), output="sigmoid")
    >>> X, T = data.xor()
    >>> start = network.initialize(0)
    >>> found = fit(network, start, "binary_cross_entropy", X, T, optimizer=optim.adam(0.1), epochs=200)
    >>> outputs, _ = network.apply(found.parameters, found.network_state, X)
    >>> outputs.round(1).ravel()
    array([0., 1., 1., 0.])
    >>> found.ended, len(found.history)
    ('epochs', 200)
    """
    epochs = check_size("epochs", epochs)
    if patience is not None:
        patience = check_size("patience", patience)
        if validation is None:
            raise OptionError("patience needs held-out data: give validation=(inputs, targets)")
    earlier = parameters if isinstance(parameters, TrainState) else None
    initial = parameters.parameters if isinstance(parameters, TrainState) else parameters
    task = Task(
        network,
        loss_row(loss),
        np.asarray(inputs),
        np.asarray(targets),
        optimizer,
        batch_size,
        tuple(regularizers),
        reduction,
        None if validation is None else (np.asarray(validation[0]), np.asarray(validation[1])),
        compiled,
    )
    task, first = checked(task, initial, network_state if earlier is None else earlier.network_state)
    # The first state is not held here, as it would be for the whole run.
    state, ended = _run(
        task,
        start(task, initial, first, rng) if earlier is None else earlier,
        epochs,
        patience,
        tuple(callbacks),
        progress,
    )
    found = state if patience is None or state.best is None else state.best
    return Fit(found.parameters, found.network_state, state, ended, task.interpreted)


def _run(
    task: Task,
    state: TrainState,
    epochs: int,
    patience: int | None,
    callbacks: tuple[Callback, ...],
    progress: Progress | None,
) -> tuple[TrainState, Ended]:
    # `state` always holds a whole step: whatever breaks in, and wherever, what it names is consistent.
    try:
        with noted_interrupts() as interrupted:
            if progress is not None:
                progress.begin(task, state, epochs)
            while True:
                if state.epoch >= epochs:
                    return state, "epochs"
                if patience is not None and _epochs_without_gain(state) >= patience:
                    return state, "patience"
                for after in train_epoch(task, state):
                    state = after
                    if progress is not None:
                        progress.step(state)
                    if interrupted():
                        return state, "interrupt"
                state = end_epoch(task, state)
                if progress is not None:
                    progress.epoch(state)
                stop = [callback(state) for callback in callbacks]
                if any(stop):
                    return state, "callback"
                if callbacks:
                    task.look_again(state)
                if interrupted():
                    return state, "interrupt"
    except KeyboardInterrupt:
        return state, "interrupt"
    finally:
        if progress is not None:
            progress.end()


def _epochs_without_gain(state: TrainState) -> int:
    return 0 if state.best is None else state.epoch - state.best.epoch
