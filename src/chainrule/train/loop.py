"""The training loop: epochs until the last one, until held-out data say stop, or until Ctrl-C."""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import OptionError
from chainrule.nn import Network, Parameters, State
from chainrule.nn.layers import check_size
from chainrule.nn.losses import loss as loss_row
from chainrule.nn.objective import LossLike, Regularizer
from chainrule.optim import Transform
from chainrule.train.checkpoint import Checkpoint, Keeper, read_checkpoint, source_of
from chainrule.train.checks import checked
from chainrule.train.identity import describe_run
from chainrule.train.rules import Ended, Epochs
from chainrule.train.running import Callback, Progress, Run
from chainrule.train.state import History, TrainState
from chainrule.train.task import Task, start

__all__ = ["Fit", "fit"]


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

    def __repr__(self) -> str:
        return f"<fit: {self.state.text}, ended: {self.ended}>"

    def _repr_html_(self) -> str:
        from chainrule.train.html import fit_html

        return fit_html(self)


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
    checkpoint: Checkpoint | str | PathLike[str] | None = None,
    resume: bool | str | PathLike[str] = False,
    on_divergence: Literal["raise", "halve"] = "raise",
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
    checkpoint : Checkpoint or path-like, optional
        The file that the state of the run is written to, on a schedule and at its end; see `Checkpoint`.
    resume : bool or path-like
        With True the run goes on from the file of `checkpoint` where there is one, and otherwise starts; with a path it
        goes on from that file. It ends with the same bits as a run that was never interrupted, given the same other
        arguments. `epochs`, `patience` and `callbacks` may be others; `parameters` then only say what shapes there are.
    on_divergence : {"raise", "halve"}
        What is done where numbers are no longer finite: raise an error, or go back to the state at the start of the
        epoch with the lowest objective and go on with half the rate, ten times at most; `History.halvings` says when.
        A run that goes back holds two more states, and so do its checkpoints.

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
    CheckpointError
        Where a checkpoint cannot be written (the one before is still there, and `CheckpointError.state` is where the
        run stands), would replace another file, cannot be read, or is that of another run.
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
    if on_divergence not in ("raise", "halve"):
        raise OptionError(f"on_divergence has to be 'raise' or 'halve', found {on_divergence!r}")
    kept = checkpoint if checkpoint is None or isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
    source = source_of(kept, resume)
    earlier = parameters if isinstance(parameters, TrainState) else None
    if earlier is not None and source is not None:
        raise OptionError("a run goes on from one state: give parameters and resume, or a TrainState and no resume")
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
    first_state = [start(task, initial, first, rng) if earlier is None else earlier]
    if kept is not None or source is not None:
        # The examples are looked through for it.
        run = describe_run(task, first_state[0])
        if source is not None:
            first_state.append(read_checkpoint(source, run, first_state.pop()))
    keeper = None if kept is None else Keeper(kept, run, first_state[0])
    # None of these is held here: they would be for the whole run.
    del parameters, initial, first, earlier, network_state
    goes_back = on_divergence == "halve"
    current = Run(task, first_state.pop(), Epochs(epochs, patience), tuple(callbacks), progress, keeper, goes_back)
    ended = current.finish()
    state = current.state
    found = state if patience is None or state.best is None else state.best
    return Fit(found.parameters, found.network_state, state, ended, current.task.interpreted)
