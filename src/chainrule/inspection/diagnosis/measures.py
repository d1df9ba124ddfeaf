"""What is measured in one layer of a backward pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.inspection.diagnosis.per_example import noise_scale, squared_gradients, total_variance
from chainrule.inspection.quantities import Backprop, LayerBackprop
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.layers import Layer

__all__ = ["FLAT", "LayerDiagnosis", "measure_layer", "root_mean_square"]

#: A sigmoid or tanh unit is in the flat part where its slope is below this part of its largest slope. There it passes
#: on less than a tenth of what it would in the middle, so that two such layers lose a factor of a hundred. For the
#: sigmoid these are activations below 0.026 and above 0.974, signals beyond 3.6; for tanh, which is 2 sigmoid(2 z) - 1,
#: activations beyond 0.95, signals beyond 1.8: the same units.
FLAT = 0.1

#: The largest slopes of the activations that have a flat part on both sides.
_LARGEST = {ACTIVATIONS["sigmoid"]: 0.25, ACTIVATIONS["tanh"]: 1.0}


@dataclass(frozen=True, eq=False)
class LayerDiagnosis:
    """What was measured in one layer.

    Attributes
    ----------
    number : int
        From 1, the first layer.
    layer : Layer
        The layer.
    units : int
        How many.
    saturated : array, shape (units,), or None
        For sigmoid and tanh the share of the examples for which the unit is in the flat part: its slope is below a
        tenth of the largest one.
    dead : array of bool, shape (units,), or None
        For activations without such a part, such as relu: whether the slope is 0 for every example.
    equal : tuple of tuples of int
        Units, counted from 0, that have the same signals and the same sensitivities for all examples, and so the same
        gradients: they stay equal.
    signal_mean, signal_spread : array, shape (units,)
        Mean and standard deviation of each unit's signal over the examples.
    condition : float
        Condition of the signals: the largest over the smallest eigenvalue of their covariance, of as many as there can
        be for so many inputs, units and examples; infinite where that one is 0.
    directions : float
        How many directions the signals vary in: the squared sum of these eigenvalues over the sum of their squares,
        between 1 and the number of units. 0 where they do not vary.
    signal, activation, sensitivity : float
        Root mean squares over examples and units.
    by_weights : float
        Root mean square of what comes back to the activations, over that of the sensitivities one layer on: what the
        weights of the next layer do to them on the way back. NaN in the last layer, where it comes from the loss.
    by_activation : float
        Root mean square of the sensitivities over that of what came back: what the slope of the activation does to
        them, for the sigmoid at most 1/4. NaN in the last layer where the loss is computed from the signals, as
        cross-entropy is.
    squared_gradients : array, shape (examples,)
        Squared length of each example's gradient by the parameters of the layer.
    gradient : float
        Length of the gradient of the objective.
    variance : float
        Sum of the variances of all entries of the examples' gradients.
    noise_scale : float
        `variance` over the squared length of the gradient: the number of examples at which the two are equal. Infinite
        where the examples are too few to tell; NaN without parameters.
    weight : float
        Length of the parameters.
    update : float or None
        Length of the step that the optimiser takes; None where no optimiser is known.
    """

    number: int
    layer: Layer
    units: int
    saturated: NDArray[Any] | None
    dead: NDArray[Any] | None
    equal: tuple[tuple[int, ...], ...]
    signal_mean: NDArray[Any]
    signal_spread: NDArray[Any]
    condition: float
    directions: float
    signal: float
    activation: float
    sensitivity: float
    by_weights: float
    by_activation: float
    squared_gradients: NDArray[Any]
    gradient: float
    variance: float
    noise_scale: float
    weight: float
    update: float | None

    @property
    def saturated_share(self) -> float:
        """Share of examples and units in the flat part; NaN where there is none."""
        return float("nan") if self.saturated is None else float(np.mean(self.saturated))

    @property
    def dead_share(self) -> float:
        """Share of units that are dead; NaN for sigmoid and tanh."""
        return float("nan") if self.dead is None else float(np.mean(self.dead))

    @property
    def equal_share(self) -> float:
        """Share of the units that have a twin."""
        return sum(map(len, self.equal)) / self.units

    @property
    def update_ratio(self) -> float:
        """Length of the optimiser's step over that of the parameters; NaN where either is not known."""
        return float("nan") if self.update is None or self.weight == 0 else self.update / self.weight


def root_mean_square(x: Any) -> float:
    """Root mean square of all entries, in float64."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if np.size(x) else 0.0


def measure_layer(seen: Backprop, k: int, update: dict[str, Any] | None) -> LayerDiagnosis:
    """Measure one layer of a backward pass.

    Parameters
    ----------
    seen : Backprop
        The pass.
    k : int
        The layer, counted from 0.
    update : dict of arrays, or None
        The optimiser's step.

    Returns
    -------
    LayerDiagnosis
        The numbers.
    """
    own = seen.layers[k]
    n, units = own.signals.shape
    with np.errstate(all="ignore"):
        largest = _LARGEST.get(own.layer.activation_row)
        saturated = dead = None
        if largest is not None:
            saturated = np.mean(np.abs(own.slope) < FLAT * largest, axis=0)
        elif own.slope.ndim == 2 and own.layer.activation_row.learns:
            dead = np.all(own.slope == 0, axis=0)
        condition, directions = _directions(own)
        back, sensitivity = root_mean_square(own.back), root_mean_square(own.sensitivities)
        after = root_mean_square(seen.layers[k + 1].sensitivities) if k + 1 < len(seen.layers) else float("nan")
        by_signal = own.layer.activation_row in seen.loss.from_signal
        squared = squared_gradients(own)
        if seen.weights is not None:
            squared = squared * np.square(np.asarray(seen.weights, np.float64) * n / seen.total)
        of_cost = {name: g - own.penalties.get(name, 0) for name, g in own.gradients.items()}
        variance = total_variance(squared, _length(of_cost) ** 2)
        length = _length(own.gradients)
        return LayerDiagnosis(
            own.number,
            own.layer,
            units,
            saturated,
            dead,
            _equal_units(own),
            np.mean(own.signals, axis=0),
            np.std(own.signals, axis=0),
            condition,
            directions,
            root_mean_square(own.signals),
            root_mean_square(own.activations),
            sensitivity,
            float(np.float64(back) / after),
            # A loss that is a function of the signals does not go through this slope.
            float("nan") if by_signal and k + 1 == len(seen.layers) else float(np.float64(sensitivity) / back),
            squared,
            length,
            variance,
            noise_scale(variance, length**2, n),
            _length(own.parameters),
            None if update is None else _length(update),
        )


def _length(arrays: dict[str, Any]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(x, dtype=np.float64)) for x in arrays.values())))


def _directions(own: LayerBackprop) -> tuple[float, float]:
    """Condition of the covariance of the signals, and the number of directions that they vary in."""
    n, units = own.signals.shape
    largest = np.max(np.abs(own.signals))
    if not 0 < largest < np.inf:
        return (float("inf"), 0.0) if largest == 0 else (float("nan"), float("nan"))
    # Neither number depends on the size of the signals, whose squares might overflow.
    signals = np.asarray(own.signals / largest, np.float64)
    centred = signals - np.mean(signals, axis=0)
    # The eigenvalues that are not 0 are those of the smaller of the two products; the largest ones come last.
    values = np.linalg.eigvalsh(centred @ centred.T if n < units else centred.T @ centred)
    total, rounding = float(np.sum(values)), float(np.finfo(own.signals.dtype).eps)
    # Differences between examples that are rounding of the signals themselves are none.
    if total <= np.sum(np.square(signals)) * (4 * rounding) ** 2:
        return float("inf"), 0.0
    possible = min(n - 1, units, own.inputs.shape[1])
    least, most = float(values[-possible]), float(values[-1])
    singular = least <= most * units * max(np.finfo(np.float64).eps, rounding**2)
    return (float("inf") if singular else most / least), total**2 / float(np.sum(values**2))


def _equal_units(own: LayerBackprop) -> tuple[tuple[int, ...], ...]:
    """Groups of units whose signals, and whose sensitivities, are the same for every example.

    Two columns are equal where their sums with random weights are: those of different columns agree with probability 0.
    """
    columns = np.concatenate([own.signals, own.sensitivities]).astype(np.float64)
    if columns.shape[1] < 2 or not np.all(np.isfinite(columns)):
        return ()
    half = len(own.signals)
    random = np.random.default_rng(0).standard_normal((2, half))
    keys = [weights @ part for weights, part in zip(random, (columns[:half], columns[half:]), strict=True)]
    near = [
        16 * np.finfo(own.signals.dtype).eps * np.sqrt(half) * np.sqrt(np.max(np.sum(np.square(part), axis=0)))
        for part in (columns[:half], columns[half:])
    ]
    groups: list[tuple[int, ...]] = []
    for one in _near(np.arange(columns.shape[1]), keys[0], near[0]):
        groups += [tuple(sorted(map(int, same))) for same in _near(one, keys[1][one], near[1])]
    return tuple(sorted(groups))


def _near(units: NDArray[Any], keys: NDArray[Any], near: float) -> list[NDArray[Any]]:
    """Groups of two units or more, in each of which neighbours in order of their keys are near each other."""
    order = np.argsort(keys, kind="stable")
    is_near = np.diff(keys[order]) <= near
    if not np.any(is_near):
        return []
    return [one for one in np.split(units[order], np.flatnonzero(~is_near) + 1) if len(one) > 1]
