"""What the lesson `numerical` measures: errors of central differences by step, and times by number of weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import band
from chainrule.differentiate import grad, value_and_grad
from chainrule.inspection import count
from chainrule.inspection.counting.least_seconds import least_seconds
from chainrule.jit import jit
from chainrule.lessons.vectors import Vector, as_vector, objective_of_vector
from chainrule.nn import Network, Parameters

__all__ = ["STEP", "Arm", "Point", "Times", "differences", "measured_arm", "point", "timed"]

#: To each side, where a single step is taken.
STEP = 1e-5

_LOSS = "binary_cross_entropy"


@dataclass(frozen=True, eq=False)
class Point:
    """Where derivatives are taken: a network, its parameters and data, all of float32 numbers.

    Two formats then compute at the very same place.
    """

    network: Network
    parameters: Parameters
    X: Vector
    T: Vector

    def cost(self, dtype: type[np.floating[Any]]) -> Callable[[Vector], Any]:
        """The cost as a function of all weights in one vector, computed in `dtype`."""
        return objective_of_vector(self.network, _LOSS, self.parameters, self.X.astype(dtype), self.T.astype(dtype))

    def weights(self, dtype: type[np.floating[Any]]) -> Vector:
        """All weights in one vector."""
        return as_vector(self.parameters).astype(dtype)


def point(rng: np.random.Generator) -> Point:
    """Draw one: 2 inputs, 6 tanh units, a sigmoid output, and 50 points of `chainrule.data.band`."""
    X, T = band(50, rng)
    network = Network.of(2, (6,), output="sigmoid")
    return Point(network, network.initialize(rng, np.float32), X.astype(np.float32), T)


@dataclass(frozen=True, eq=False)
class Arm:
    """The errors of central differences in one floating-point format, by step.

    Attributes
    ----------
    name : str
        Of the format.
    eps : float
        Distance from 1 to the next number.
    steps : array, shape (steps,)
        Powers of two from 1 down.
    errors : array, shape (steps,)
        Length of the differences' gradient minus the true one, over the length of the true one.
    truncation, rounding : array, shape (steps,)
        What the two formulas foretell of them.
    backpropagation : float
        The error of the backward pass in this format.
    """

    name: str
    eps: float
    steps: Vector
    errors: Vector
    truncation: Vector
    rounding: Vector
    backpropagation: float

    @property
    def best(self) -> int:
        """Number of the step with the least error."""
        return int(np.argmin(self.errors))

    @property
    def slopes(self) -> tuple[float, float]:
        """Slopes in log-log to the right of the bottom and to the left of it."""
        k, steps = self.best, np.arange(len(self.steps))
        right = (self.steps <= 1 / 4) & (steps <= k - 2)
        left = (steps >= k + 4) & (self.errors < 0.1)
        return self._slope(right), self._slope(left)

    def _slope(self, at: NDArray[np.bool_]) -> float:
        x, y = np.log(self.steps[at]), np.log(self.errors[at])
        return float(np.sum((x - np.mean(x)) * (y - np.mean(y))) / np.sum((x - np.mean(x)) ** 2))


def differences(cost: Callable[[Vector], Any], weights: Vector, step: float) -> Vector:
    """Central differences of a function of a vector, two calls an entry.

    Parameters
    ----------
    cost : callable
        Takes a vector like `weights` and returns a number.
    weights : array, shape (weights,)
        Where; its dtype is that of the computation.
    step : float
        To each side.

    Returns
    -------
    array, shape (weights,)
        In float64.

    Examples
    --------
    >>> differences(lambda w: w[0] ** 2 * w[1], np.array([3.0, 2.0]), 0.5)
    array([12.,  9.])
    """
    found = np.zeros(len(weights))
    moved = weights.copy()
    h = weights.dtype.type(step)
    for i, w in enumerate(weights):
        moved[i] = w + h
        ahead = float(cost(moved))
        moved[i] = w - h
        found[i] = (ahead - float(cost(moved))) / (2 * step)
        moved[i] = w
    return found


def measured_arm(at: Point, dtype: type[np.floating[Any]], finest: int) -> Arm:
    """Measure the errors of central differences in one format.

    Parameters
    ----------
    at : Point
        Where.
    dtype : dtype
        In which the cost is computed.
    finest : int
        The smallest step is 2 to the minus this.

    Returns
    -------
    Arm
        For steps from 1 down.
    """
    exact, true = at.cost(np.float64), at.weights(np.float64)
    gradient = grad(exact)(true)
    third = np.array([_third(exact, true, i) for i in range(len(true))])
    cost, weights = at.cost(dtype), at.weights(dtype)
    eps, length = float(np.finfo(dtype).eps), float(np.linalg.norm(gradient))
    steps = 2.0 ** -np.arange(finest + 1)
    errors = [np.linalg.norm(differences(cost, weights, step) - gradient) / length for step in steps.tolist()]
    # One rounded cost is off by up to eps/2 of itself; the errors of all entries are added as a length.
    rounding = math.sqrt(len(weights)) * eps / 2 * float(cost(weights)) / steps / length
    return Arm(
        np.dtype(dtype).name,
        eps,
        steps,
        np.array(errors),
        steps**2 / 6 * float(np.linalg.norm(third)) / length,
        rounding,
        float(np.linalg.norm(grad(cost)(weights) - gradient)) / length,
    )


def _third(cost: Callable[[Vector], Any], weights: Vector, i: int) -> float:
    """Third derivative by one weight."""
    unit = np.zeros(len(weights))
    unit[i] = 1

    def along(step: float) -> Any:
        return cost(weights + step * unit)

    return float(grad(grad(grad(along)))(0.0))


@dataclass(frozen=True)
class Times:
    """What one gradient takes.

    Attributes
    ----------
    weights : int
        By how many is differentiated.
    passes : int
        Forward passes of central differences.
    ratio : float
        Multiplications of forward and backward over those of forward.
    apart : float
        How far the two gradients are from each other, over the length of one.
    forward, both, differences : float
        Seconds of a forward pass, of backpropagation (forward and backward), and of central differences, compiled.
    """

    weights: int
    passes: int
    ratio: float
    apart: float
    forward: float
    both: float
    differences: float


def timed(units: int, rng: np.random.Generator) -> Times:
    """Measure a network with 10 inputs and so many hidden units, on 64 examples."""
    X, T = rng.standard_normal((64, 10)), rng.uniform(0, 1, (64, 1))
    network = Network.of(10, (units,), output="sigmoid")
    parameters = network.initialize(rng)
    cost, weights = objective_of_vector(network, _LOSS, parameters, X, T), as_vector(parameters)
    forward, both = jit(cost), jit(value_and_grad(cost))
    passes = 0

    def counted(moved: Vector) -> Any:
        nonlocal passes
        passes += 1
        return forward(moved)

    found = differences(counted, weights, STEP)
    once, twice = least_seconds(lambda: forward(weights), lambda: both(weights))
    (slow,) = least_seconds(lambda: differences(forward, weights, STEP), times=2)
    return Times(
        len(weights),
        passes,
        count(network, 64, loss=_LOSS).ratio,
        float(np.linalg.norm(found - both(weights)[1]) / np.linalg.norm(found)),
        once,
        twice,
        slow,
    )
