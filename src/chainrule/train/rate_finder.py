"""How large a rate may be: a short run in which it grows step by step."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import DivergenceError, OptionError
from chainrule.nn import Network, Parameters, State
from chainrule.nn.layers import check_size
from chainrule.nn.losses import loss as loss_row
from chainrule.nn.objective import LossLike, Regularizer
from chainrule.optim import Transform
from chainrule.optim.schedules import check_positive
from chainrule.train.checks import checked
from chainrule.train.compiled import Pace
from chainrule.train.display import short
from chainrule.train.state import TrainState
from chainrule.train.task import Task, end_epoch, start, train_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RateSearch", "find_rate", "rising", "search_rates"]

#: The smoothed objective is a mean over this part of all steps.
_WINDOW = 0.1
#: The search ends where it is so many times what it was at first.
_DIVERGED = 4.0


@dataclass(frozen=True, eq=False)
class RateSearch:
    """What a search for a rate has found.

    Attributes
    ----------
    rates : array, shape (steps,)
        The rate of each step, growing by one factor; there are fewer than asked for where the run diverged.
    losses : array, shape (steps,)
        The objective of each step's minibatch, before the step.
    smoothed : array, shape (steps,)
        At each step, the mean over it and those before, as many as are a tenth of all.
    suggestion : float
        The rate to train with: a tenth of the one at which `smoothed` was lowest.
    diverged : bool
        Whether the search ended because the loss had grown, before the highest rate.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float
    diverged: bool

    def __str__(self) -> str:
        best, last = 10 * self.suggestion, self.rates[-1]
        if self.diverged:
            end = f"it diverged at {last:.3g}"
        elif math.isclose(best, last):
            end = "higher rates were not tried"
        else:
            end = f"it had not diverged at {last:.3g}"
        low = short(float(self.smoothed.min()))
        return f"rate {self.suggestion:.3g}: a tenth of {best:.3g}, where the loss was lowest ({low}); {end}"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the losses over the rates, and the suggestion.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            What was drawn on.

        Raises
        ------
        OptionError
            Where matplotlib is not installed.
        """
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as error:
                raise OptionError('plot needs the package matplotlib: pip install "chainrule[plot]"') from error
            _, ax = plt.subplots()
        ax.plot(self.rates, self.losses, ".", color="0.7", label="each step")
        ax.plot(self.rates, self.smoothed, label="smoothed")
        ax.axvline(self.suggestion, color="black", linestyle="--", label=f"suggestion: {self.suggestion:.3g}")
        # What lies far above the start says only that the run has diverged.
        low, high = self.losses.min(), self.smoothed[: self.smoothed.argmin() + 1].max()
        margin = 0.1 * (high - low)
        ax.set(xscale="log", xlabel="rate", ylabel="loss", ylim=(low - margin, high + 5 * margin))
        ax.legend()
        return ax


def find_rate(
    network: Network,
    parameters: Parameters,
    loss: LossLike,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    optimizer: Callable[..., Transform],
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 200,
    network_state: State | None = None,
    batch_size: int | None = None,
    regularizers: Iterable[Regularizer] = (),
    reduction: Literal["mean", "sum"] = "mean",
    rng: np.random.Generator | int | None = None,
    compiled: bool = True,
) -> RateSearch:
    """Find a rate to train with: take steps whose rate grows by one factor until the loss diverges.

    Smith, Cyclical learning rates for training neural networks, 2017, section 3.3, with rates that grow geometrically.
    The rate that is suggested is a tenth of the one at which the smoothed loss was lowest. That one lies at the edge of
    where steps still descend: on a quadratic with the greatest curvature c gradient descent diverges above 2 / c, and
    the suggestion is somewhat below it. It hardly changes with the number of steps, as does the rate at which the loss
    falls most steeply, which others suggest: that one is a matter of chance where minibatches are small.

    Parameters
    ----------
    network, parameters, loss, inputs, targets
        As for `chainrule.train.fit`; the parameters stay as they are.
    optimizer : callable
        Makes the optimiser for a rate, such as `chainrule.optim.adam` or
        ``partial(optim.sgd, momentum=0.9)``: it is called with a schedule as ``rate=``.
    lowest, highest : float
        The first rate and the last.
    steps : int
        How many steps there are from one to the other, at least 50.
    network_state, batch_size, regularizers, reduction, rng, compiled
        As for `chainrule.train.fit`.

    Returns
    -------
    RateSearch
        Rates, losses and the suggestion.

    Raises
    ------
    OptionError
        Where the loss falls at no rate, and for a number out of its range.
    DataError
        As for `chainrule.train.fit`.

    Examples
    --------
    >>> from chainrule import nn, optim
    >>> network = nn.Network.of(1, hidden=(8,))
    >>> x = np.linspace(-1, 1, 50)[:, np.newaxis]
    >>> found = find_rate(network, network.initialize(0), "half_squared", x, x**2, optimizer=optim.sgd)
    >>> 0.1 < found.suggestion < 1
    True
    """
    if isinstance(optimizer, Transform) or not callable(optimizer):
        raise OptionError(
            f"optimizer has to make an optimiser for a rate, such as optim.adam, found {type(optimizer).__name__}"
        )
    rates = rising(lowest, highest, steps)
    first, factor = rates[0], rates[1] / rates[0]
    task = Task(
        network,
        loss_row(loss),
        np.asarray(inputs),
        np.asarray(targets),
        optimizer(rate=lambda step: first * factor**step),
        batch_size,
        tuple(regularizers),
        reduction,
        compiled=compiled,
    )
    task, network_state = checked(task, parameters, network_state)
    return search_rates(task, start(task, parameters, network_state, rng), rates)


def rising(lowest: float, highest: float, steps: int) -> NDArray[np.float64]:
    """Make rates that grow by one factor.

    Raises
    ------
    OptionError
        For a number out of its range.

    Examples
    --------
    >>> rising(0.001, 10.0, 81)[::20]
    array([1.e-03, 1.e-02, 1.e-01, 1.e+00, 1.e+01])
    """
    if check_positive("lowest", lowest) >= check_positive("highest", highest):
        raise OptionError(f"lowest has to be less than highest, found {lowest} and {highest}")
    if check_size("steps", steps) < 50:
        raise OptionError(f"steps has to be at least 50, found {steps}")
    return np.geomspace(lowest, highest, steps)


def search_rates(
    task: Task,
    state: TrainState,
    rates: NDArray[np.float64],
    at_rate: Callable[[TrainState, float], TrainState] = lambda state, rate: state,
) -> RateSearch:
    """Take a step of a task at each of some rates, until the loss diverges.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        Where it starts; it stays as it is.
    rates : array, shape (steps,)
        From `rising`.
    at_rate : callable
        Puts a rate into a state; by default the optimiser of the task follows the rates by itself.

    Returns
    -------
    RateSearch
        Rates, losses and the suggestion.

    Raises
    ------
    OptionError
        Where the loss falls at no rate.
    """
    window = round(_WINDOW * len(rates))
    losses: list[float] = []
    smoothed: list[float] = []
    diverged = False
    for number, rate in enumerate(rates, 1):
        try:
            state, loss = _step(task, at_rate(state, float(rate)))
        except DivergenceError:
            diverged = True
            break
        losses.append(loss)
        # No mean that fades out: that would go on falling where the loss has fallen to nothing and grows again.
        smoothed.append(float(np.mean(losses[-window:])))
        if number > window and smoothed[-1] - smoothed[window - 1] > (_DIVERGED - 1) * abs(smoothed[window - 1]):
            diverged = True
            break
    made = len(losses)
    # Before the window is full the mean is one of few losses, which may be low by chance.
    best = window - 1 + int(np.argmin(smoothed[window - 1 :])) if made > window else 0
    chance = 2 * np.std(losses[:window]) / math.sqrt(window)
    if best < window or smoothed[best] > smoothed[window - 1] - chance:
        raise OptionError(
            f"the loss falls at no rate from {rates[0]:g} to {rates[max(made, 1) - 1]:g} by more than chance: give "
            "another lowest or highest, more steps, or larger minibatches"
        )
    return RateSearch(
        rates[:made], np.array(losses), np.array(smoothed), float(rates[best]) / 10, diverged and made < len(rates)
    )


def _step(task: Task, state: TrainState) -> tuple[TrainState, float]:
    """Take one step, and give the objective of its minibatch."""
    if state.batch == task.steps:
        state = end_epoch(task, state)
    code = task.code(state)
    if not isinstance(code, str):
        code.paced = Pace()
    rows = min(task.batch_size or len(task.inputs), len(task.inputs) - state.batch * (task.batch_size or 0))
    after: TrainState = next(iter(train_epoch(task, replace(state, total=0.0))))
    return after, after.total if task.reduction == "sum" else after.total / rows
