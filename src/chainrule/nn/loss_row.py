"""What the table of losses says of each: its function, its targets, its outputs, its form by the signal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError
from chainrule.nn.activations import ACTIVATIONS, Activation

__all__ = ["CLASSES", "COUNTS", "NUMBERS", "YES_OR_NO", "Loss", "LossFunction", "Targets"]

Array: TypeAlias = NDArray[Any]
LossFunction: TypeAlias = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Targets:
    """What a loss expects of its targets.

    Attributes
    ----------
    text : str
        The expectation in words, for messages.
    allows : callable
        ``allows(targets)`` with shape (examples, outputs) gives one truth value for each element.
    """

    text: str
    allows: Callable[[Array], Array]


def _between_0_and_1(targets: Array) -> Array:
    return (targets >= 0) & (targets <= 1)


def _at_least_0(targets: Array) -> Array:
    return (targets >= 0) & np.isfinite(targets)


def _probabilities(targets: Array) -> Array:
    # 1e-3: soft targets in float32, or written with few digits in a file, need not sum to 1 exactly.
    sums_to_1: Array = np.abs(np.sum(targets, axis=1, keepdims=True) - 1) < 1e-3
    return _between_0_and_1(targets) & sums_to_1


NUMBERS = Targets("finite numbers", np.isfinite)
YES_OR_NO = Targets("numbers from 0 to 1", _between_0_and_1)
CLASSES = Targets("one-hot rows (or probabilities that sum to 1)", _probabilities)
COUNTS = Targets("finite numbers of at least 0", _at_least_0)


@dataclass(frozen=True)
class Loss:
    """A row of the table of loss functions.

    Attributes
    ----------
    name : str
        Name in the table, in messages and in model files.
    function : callable
        ``function(outputs, targets)`` gives one number for each example, shape (examples,).
    targets : Targets or None
        What the targets have to be; None for a function of one's own, whose targets are its own matter.
    outputs : tuple of Activation or None
        The output activations of the table that the loss fits; None where it can take any number.
    from_signal : mapping of Activation to callable
        The same loss as a function of ``(signals, targets)``, for output activations where that is more
        exact.
    weighted : bool
        Whether the last column of the targets holds the weights of the examples, as `chainrule.nn.weighted` makes it.

    Examples
    --------
    >>> mine = Loss("fourth power", lambda outputs, targets: np.sum((outputs - targets) ** 4, axis=1))
    >>> mine(np.array([[2.0]]), np.array([[0.0]]))
    array([16.])
    """

    name: str
    function: LossFunction
    targets: Targets | None = None
    outputs: tuple[Activation, ...] | None = None
    from_signal: Mapping[Activation, LossFunction] = field(default_factory=dict, hash=False)
    weighted: bool = False

    def __call__(self, outputs: Array, targets: Array) -> Array:
        """Loss of each example, from the activations of the last layer.

        Parameters
        ----------
        outputs : array, shape (examples, outputs)
            Activations of the last layer.
        targets : array, shape (examples, outputs)
            Targets.

        Returns
        -------
        array, shape (examples,)
            One number for each example.

        Raises
        ------
        DataError
            Where the shapes of outputs and targets differ. A function of one's own may take targets of
            another shape, one entry or row for each example.
        OptionError
            Where a function of one's own does not return one number for each example.
        """
        return self._evaluate(self.function, outputs, targets)

    def of_signal(self, signals: Array, activation: Activation, targets: Array) -> Array:
        """Loss of each example, from the signals of the last layer, for an activation in `from_signal`.

        Parameters
        ----------
        signals : array, shape (examples, outputs)
            Signals of the last layer.
        activation : Activation
            Activation of the last layer.
        targets : array, shape (examples, outputs)
            Targets.

        Returns
        -------
        array, shape (examples,)
            One number for each example.

        Raises
        ------
        DataError
            Where the shapes of signals and targets differ.
        OptionError
            Where the loss has no form by the signal for this activation.

        Examples
        --------
        >>> from chainrule.nn.losses import LOSSES
        >>> far, yes = np.array([[-800.0]]), np.array([[1.0]])
        >>> LOSSES["binary_cross_entropy"].of_signal(far, ACTIVATIONS["sigmoid"], yes)
        array([800.])
        """
        if activation not in self.from_signal:
            raise OptionError(
                f"the loss {self.name} has no form by the signal for the activation {activation.name}: "
                "call it with the outputs"
            )
        return self._evaluate(self.from_signal[activation], signals, targets)

    def check_output(self, activation: Activation) -> None:
        """Raise OptionError where the loss does not fit an output activation.

        Examples
        --------
        >>> from chainrule.nn.losses import LOSSES
        >>> LOSSES["cross_entropy"].check_output(ACTIVATIONS["tanh"])
        Traceback (most recent call last):
            ...
        chainrule.errors.OptionError: the loss cross_entropy does not fit the output activation tanh:
        use softmax
        """
        if self.outputs is None or activation in self.outputs or activation not in ACTIVATIONS.values():
            return
        names = " or ".join(row.name for row in self.outputs)
        raise OptionError(f"the loss {self.name} does not fit the output activation {activation.name}: use {names}")

    def check_targets(self, targets: Array) -> None:
        """Raise DataError where a target is not what the loss expects: for one call, before training.

        Examples
        --------
        >>> from chainrule.nn.losses import LOSSES
        >>> LOSSES["poisson"].check_targets(np.array([[1.0], [-2.0]]))
        Traceback (most recent call last):
            ...
        chainrule.errors.DataError: targets, row 1: the loss poisson expects finite numbers of at least 0,
        found [-2.]
        """
        if self.targets is None:
            return
        targets = np.asarray(targets)
        if targets.ndim != 2:
            raise DataError(f"targets have to be of shape (examples, outputs), found {targets.shape}")
        bad = np.flatnonzero(~np.all(self.targets.allows(targets), axis=1))
        if bad.size:
            found = np.array2string(targets[bad[0]], threshold=6)
            raise DataError(f"targets, row {bad[0]}: the loss {self.name} expects {self.targets.text}, found {found}")

    def _evaluate(self, function: LossFunction, values: Array, targets: Array) -> Array:
        if not hasattr(targets, "shape"):
            targets = np.asarray(targets)
        self.check_shapes(values.shape, targets.shape)
        losses = function(values, targets)
        found = getattr(losses, "shape", ())
        if found != values.shape[:1]:
            raise OptionError(
                f"the loss {self.name} has to return one number for each example, shape {values.shape[:1]}, "
                f"found shape {found}: sum over the outputs with np.sum(..., axis=1), and take no mean over "
                "the examples"
            )
        return losses

    def check_shapes(self, outputs: tuple[int, ...], targets: tuple[int, ...]) -> None:
        """Raise DataError where targets of one shape do not go with outputs of the other."""
        if len(outputs) == 2 and outputs == targets:
            return
        # (n, 1) and (n,) would broadcast to (n, n): refused for a function of one's own too.
        broadcasts = len(targets) == 1 and outputs[1:] == (1,)
        if self.targets is None and len(outputs) == 2 and targets[:1] == outputs[:1] and not broadcasts:
            return
        advice = ""
        if broadcasts:
            advice = ": give targets[:, np.newaxis]"
        elif self.targets is CLASSES and targets == outputs[:1]:
            advice = f": for integer labels give np.eye({outputs[1]})[labels]"
        raise DataError(
            f"the loss {self.name} needs outputs and targets of one shape (examples, outputs), found outputs "
            f"{outputs} and targets {targets}{advice}"
        )
