"""Network, loss, optimiser and lengths that work without options, chosen from the problem."""

import inspect
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from chainrule.data import Preparation
from chainrule.data.table import counted
from chainrule.errors import OptionError
from chainrule.nn import L1, L2, BatchNorm, Dense, Dropout, Layer, LayerNorm, Network
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.losses import LOSSES
from chainrule.nn.objective import Regularizer
from chainrule.optim import Transform, chain, clip_by_global_norm, optimizer, schedules
from chainrule.train.class_weights import chosen_weights
from chainrule.train.options import Options
from chainrule.train.problem import Problem

__all__ = ["Settings", "choose", "own_rate"]

# With fewer examples a wide layer learns them by heart; with many the steps are many enough, and larger minibatches use
# the machine better.
_ENOUGH = 1000
_MANY = 10_000
# An epoch of a small file is few steps, so there are more epochs.
_STEPS_AT_LEAST = 2000
_EPOCHS = (20, 1000)
_PATIENCE = 10
_HALVINGS = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Everything that a training run on a file depends on, beside the file. Made by `choose`.

    Attributes
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    activations : tuple of str
        Activation of each hidden layer.
    dropout : tuple of float
        Probability with which a unit is left out of a training step, for each hidden layer.
    normalization : {"batch", "layer"} or None
        Whether the signals of the hidden layers are normalised, over the minibatch or over the units of the layer.
    output : str
        Activation of the output layer.
    loss : str
        Name of the loss.
    class_weights : dict of str to float, or None
        What the losses of the examples of each class are multiplied by; their mean over the training examples is 1.
    optimizer, schedule : str
        Their names.
    rate : float
        First rate of the schedule.
    momentum : float or None
        Part of the velocity left after a step; None leaves it to the optimiser.
    batch_size : int or None
        Examples of a minibatch; None for all.
    epochs : int
        Passes over the training examples, at most.
    patience : int or None
        Epochs without gain on held-out examples after which training stops; None where none are held out.
    l1, l2 : float
        Strengths of the regularisers.
    clip : float or None
        Greatest norm of the gradient.
    dtype : str
        Precision of the parameters.
    seed : int
        Seed of all random numbers.
    """

    hidden: tuple[int, ...]
    activations: tuple[str, ...]
    dropout: tuple[float, ...]
    normalization: Literal["batch", "layer"] | None
    output: str
    loss: str
    class_weights: dict[str, float] | None
    optimizer: str
    rate: float
    schedule: str
    momentum: float | None
    batch_size: int | None
    epochs: int
    patience: int | None
    l1: float
    l2: float
    clip: float | None
    dtype: Literal["float32", "float64"]
    seed: int

    def network(self, inputs: int, outputs: int) -> Network:
        """Make the network for so many inputs and outputs: hidden layers normalise, activate, then thin out."""
        norm = {None: None, "batch": BatchNorm, "layer": LayerNorm}[self.normalization]
        layers: list[Layer] = []
        for units, activation, rate in zip(self.hidden, self.activations, self.dropout, strict=True):
            layers += [Dense(units, activation)] if norm is None else [Dense(units, "identity"), norm(activation)]
            layers += [Dropout(rate)] if rate else []
        return Network(inputs, (*layers, Dense(outputs, self.output)))

    def transform(self, examples: int) -> Transform:
        """Make the optimiser for so many training examples, on which the length of the schedule depends."""
        steps = self.epochs * _steps(examples, self.batch_size)
        rate: Any = self.rate
        if self.schedule == "cosine":
            rate = schedules.cosine(self.rate, steps)
        elif self.schedule == "step":
            rate = schedules.step(self.rate, max(1, math.ceil(steps / (_HALVINGS + 1))))
        own = {} if self.momentum is None else {"momentum": self.momentum}
        made = optimizer(self.optimizer)(rate=rate, **own)
        return made if self.clip is None else chain(clip_by_global_norm(self.clip), made)

    @property
    def regularizers(self) -> tuple[Regularizer, ...]:
        """Regularisers of a strength above 0."""
        given = ((L1, self.l1), (L2, self.l2))
        return tuple(kind(strength) for kind, strength in given if strength > 0)

    def to_description(self) -> dict[str, Any]:
        """Describe the settings in lists, texts and numbers, which JSON can hold."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def choose(problem: Problem, options: Options | None = None) -> Settings:
    """Choose what the options leave open.

    Two classes get a sigmoid output and binary cross-entropy, more classes softmax and cross-entropy, numbers an
    identity output and the squared error, or an exponential one where the Poisson loss is asked for. One hidden layer
    of relu is trained by Adam, with the rate falling to 0 along a cosine.

    Parameters
    ----------
    problem : Problem
        What is trained on.
    options : Options, optional
        What the user has chosen.

    Returns
    -------
    Settings
        The complete choice.

    Raises
    ------
    OptionError
        Where the loss does not fit the target, or the activations not the layers.

    Examples
    --------
    >>> from chainrule import data
    >>> from chainrule.train.problem import prepare_problem
    >>> settings = choose(prepare_problem(data.digits()), Options(epochs=5))
    >>> settings.hidden, settings.output, settings.loss, settings.epochs
    ((200,), 'softmax', 'cross_entropy', 5)
    """
    options = options or Options()
    examples = len(problem.train[0])
    weights = options.class_weight
    hidden = options.hidden if options.hidden is not None else (200,) if examples >= _ENOUGH else (100,)
    loss = options.loss or _loss(problem.preparation)
    _check_loss(loss, problem.preparation)
    output = options.output or _output(loss, problem)
    LOSSES[loss].check_output(ACTIVATIONS[output])
    batch_size: int | None = _batch_size(examples, options)
    if options.batch_size is not None:
        batch_size = None if options.batch_size == "all" else int(options.batch_size)
    epochs = options.epochs
    if epochs is None:
        least, most = _EPOCHS
        epochs = min(max(math.ceil(_STEPS_AT_LEAST / _steps(examples, batch_size)), least), most)
    name = options.optimizer or "adam"
    if options.momentum is not None and "momentum" not in inspect.signature(optimizer(name)).parameters:
        raise OptionError(f"momentum is for the optimisers sgd, momentum and nesterov, but the optimiser is {name}")
    patience = options.patience or _PATIENCE
    return Settings(
        hidden=tuple(int(units) for units in hidden),
        activations=_each("activations", options.activation or "relu", len(hidden)),
        dropout=_each("dropout rates", options.dropout or 0.0, len(hidden)),
        normalization=options.normalization,
        output=output,
        loss=loss,
        class_weights=None if weights is None else chosen_weights(problem, weights),
        optimizer=name,
        rate=options.rate or own_rate(name),
        schedule=options.schedule or "cosine",
        momentum=options.momentum,
        batch_size=batch_size,
        epochs=int(epochs),
        patience=None if problem.validation is None else int(patience),
        l1=float(options.l1),
        l2=float(options.l2),
        clip=options.clip,
        dtype=options.dtype,
        seed=int(options.seed),
    )


def _batch_size(examples: int, options: Options) -> int:
    size = 128 if examples >= _MANY else 32
    while options.normalization == "batch" and examples % size == 1:
        size -= 1  # A minibatch of a single example has no deviation to divide by.
    return size


def _steps(examples: int, batch_size: int | None) -> int:
    return 1 if batch_size is None else math.ceil(examples / batch_size)


def own_rate(name: str) -> float:
    """Rate that the optimiser has where none is given."""
    return float(inspect.signature(optimizer(name)).parameters["rate"].default)


def _loss(preparation: Preparation) -> str:
    if preparation.classes is None:
        return "squared"
    return "binary_cross_entropy" if len(preparation.classes) == 2 else "cross_entropy"


def _check_loss(loss: str, preparation: Preparation) -> None:
    of_classes = loss.endswith("cross_entropy")
    if of_classes and preparation.classes is None:
        names = ", ".join(preparation.target_names)
        raise OptionError(
            f"the loss {loss} needs classes, but the target {names} is numbers: choose another loss, or say that they "
            "are classes with --kind classes (kind='classes')"
        )
    if loss == "cross_entropy" and preparation.classes is not None and len(preparation.classes) == 2:
        raise OptionError(
            "the loss cross_entropy needs three classes or more, found two, which share one output: use "
            "binary_cross_entropy"
        )


def _output(loss: str, problem: Problem) -> str:
    fitting = LOSSES[loss].outputs
    if fitting is not None:
        return fitting[0].name
    if problem.preparation.classes is None:
        return "identity"
    return "sigmoid" if problem.outputs == 1 else "softmax"


def _each(what: str, given: T | tuple[T, ...], layers: int) -> tuple[T, ...]:
    values = given if isinstance(given, tuple) else (given,) * layers
    if len(values) != layers:
        raise OptionError(
            f"{len(values)} {what} were given for {counted(layers, 'hidden layer')}: give one for each, or one for all"
        )
    return values
