"""What a user may choose before training on a file; what is left open is chosen by `chainrule.train.defaults`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.data.targets import Kind
from chainrule.errors import OptionError
from chainrule.nn.activations import activation
from chainrule.nn.lookup import look_up
from chainrule.nn.losses import loss
from chainrule.optim import optimizer
from chainrule.optim.schedules import SCHEDULES

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """Choices for `chainrule.train.train`; None leaves one to chainrule.

    Attributes
    ----------
    hidden : tuple of int or None
        Units of each hidden layer; an empty tuple makes a single-layer network.
    activation : str, tuple of str or None
        Activation of the hidden layers, one for all or one for each.
    dropout : float, tuple of float or None
        Probability with which a unit of a hidden layer is left out of a training step, one for all layers or one for
        each.
    normalization : {"batch", "layer"} or None
        Whether the signals of the hidden layers are normalised, over the minibatch or over the units of the layer.
    output : str or None
        Activation of the output layer.
    loss : str or None
        Name of the loss.
    class_weight : "balanced", mapping of str to float, or None
        How much the classes count in training: weights by their names, 1 for those that are not named, or such that all
        of them count alike. They are divided by their mean over the training examples.
    optimizer : str or None
        Name of the optimiser.
    rate : float or None
        First rate of the schedule.
    momentum : float or None
        Part of the velocity left after a step, for the optimisers sgd, momentum and nesterov.
    schedule : str or None
        ``"constant"``, ``"step"``, which halves the rate four times in the run, or ``"cosine"``, which takes it to 0 at
        the end.
    batch_size : int, "all" or None
        Examples of a minibatch.
    epochs : int or None
        Passes over the training examples, at most.
    patience : int or None
        Epochs without gain on the held-out examples after which training stops; it needs some to be held out.
    l1, l2 : float
        Strengths of the regularisers `chainrule.nn.L1` and `chainrule.nn.L2`.
    clip : float or None
        Greatest norm of the gradient; None does not clip.
    test : float
        Part of the examples that is held out for testing, where the file sets none aside; 0 for none.
    validation : float or None
        Part of the training examples that is held out to stop early; 0 for none.
    impute : bool
        Fill missing inputs, instead of refusing them.
    kind : {"classes", "numbers"} or None
        What the target is.
    dtype : {"float32", "float64"}
        Precision of the parameters.
    seed : int
        Seed of all random numbers: splits, starting values and the order of examples.

    Raises
    ------
    OptionError
        For a name that does not exist, or a number out of its range.

    Examples
    --------
    >>> Options(hidden=(32, 16), rate=0.01).hidden
    (32, 16)
    >>> Options(test=1.5)
    Traceback (most recent call last):
        ...
    chainrule.errors.OptionError: test has to be at least 0 and below 1, found 1.5
    """

    hidden: tuple[int, ...] | None = None
    activation: str | tuple[str, ...] | None = None
    dropout: float | tuple[float, ...] | None = None
    normalization: Literal["batch", "layer"] | None = None
    output: str | None = None
    loss: str | None = None
    class_weight: Literal["balanced"] | Mapping[str, float] | None = None
    optimizer: str | None = None
    rate: float | None = None
    momentum: float | None = None
    schedule: str | None = None
    batch_size: int | Literal["all"] | None = None
    epochs: int | None = None
    patience: int | None = None
    l1: float = 0.0
    l2: float = 0.0
    clip: float | None = None
    test: float = 0.2
    validation: float | None = None
    impute: bool = False
    kind: Kind | None = None
    dtype: Literal["float32", "float64"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        _check_names(self)
        sizes: list[tuple[str, object]] = [("a hidden layer", units) for units in self.hidden or ()]
        sizes += [(name, getattr(self, name)) for name in ("batch_size", "epochs", "patience")]
        for name, size in sizes:
            everything = name == "batch_size" and size == "all"
            if size is not None and not everything and not _is_whole(size, 1):
                raise OptionError(f"{name} has to be a whole number from 1 on, found {size!r}")
        if not _is_whole(self.seed, 0):
            raise OptionError(f"seed has to be a whole number from 0 on, found {self.seed!r}")
        for name in ("rate", "clip"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise OptionError(f"{name} has to be a positive finite number, found {value}")
        for name in ("l1", "l2"):
            if not 0 <= getattr(self, name) < math.inf:
                raise OptionError(f"{name} has to be a finite number of at least 0, found {getattr(self, name)}")
        parts: list[tuple[str, float | None]] = [(name, getattr(self, name)) for name in _PARTS]
        rates = self.dropout if isinstance(self.dropout, tuple) else (self.dropout,)
        for name, part in (*parts, *(("dropout", rate) for rate in rates)):
            if part is not None and not 0 <= part < 1:
                raise OptionError(f"{name} has to be at least 0 and below 1, found {part}")
        if self.patience is not None and self.validation == 0:
            raise OptionError("patience needs held-out examples, but validation is 0")


_PARTS = ("test", "validation", "momentum")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least


def _check_names(options: Options) -> None:
    for name in (options.activation,) if isinstance(options.activation, str) else options.activation or ():
        activation(name)
    if options.output is not None:
        activation(options.output)
    if options.loss is not None:
        loss(options.loss)
    if options.optimizer is not None:
        optimizer(options.optimizer)
    if options.schedule is not None:
        look_up("schedule", SCHEDULES, options.schedule)
    _check_weights(options.class_weight)
    if options.normalization not in (None, "batch", "layer"):
        raise OptionError(f"normalization has to be 'batch' or 'layer', found {options.normalization!r}")
    if options.dtype not in ("float32", "float64"):
        raise OptionError(f"dtype has to be 'float32' or 'float64', found {options.dtype!r}")


def _check_weights(given: object) -> None:
    if given is None or given == "balanced":
        return
    if not isinstance(given, Mapping) or not given:
        raise OptionError(f"class_weight has to be 'balanced' or weights by the names of classes, found {given!r}")
    for name, weight in given.items():
        if not 0 <= weight < math.inf:
            raise OptionError(f"the weight of a class has to be a finite number of at least 0, found {name}={weight}")
