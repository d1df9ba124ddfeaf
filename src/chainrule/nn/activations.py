"""Activation functions: a table of NumPy functions of the signal.

Every function is written in NumPy notation, so that it computes on arrays and is recorded on traced values;
none states a derivative. The forms are stable (no overflow at ``|z| = 1000``, except for exp, whose value is
too large there), keep float32, and have the derivative named in their docstring at a kink too.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.nn.initializers import Initializer, glorot_uniform, he
from chainrule.nn.lookup import look_up
from chainrule.ops.elementwise import relu

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "absolute",
    "activation",
    "elu",
    "exp",
    "gelu",
    "identity",
    "leaky_relu",
    "prelu",
    "relu",
    "sigmoid",
    "sign",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]

Array: TypeAlias = NDArray[Any]


def identity(z: Array) -> Array:
    """Return the signal itself: for outputs that are any number.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> identity(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return z


def sign(z: Array) -> Array:
    """Sign of the signal, -1, 0 or 1: it decides and cannot learn, its derivative is zero everywhere.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> sign(np.array([-3.0, 0.0, 2.0]))
    array([-1.,  0.,  1.])
    """
    return np.sign(z)


def sigmoid(z: Array) -> Array:
    """Logistic function, ``1 / (1 + exp(-z))``: a probability.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    from scipy.special import expit

    probability: Array = expit(z)
    return probability


def tanh(z: Array) -> Array:
    """Hyperbolic tangent.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(z)


def prelu(z: Array, slope: Array | float) -> Array:
    """Parametric relu: ``z`` where it is positive, ``slope * z`` elsewhere; the derivative at 0 is `slope`.

    Parameters
    ----------
    z : array, shape (examples, units)
        Signals.
    slope : array, shape (units,)
        Slope of each unit for negative signals; a layer learns it.

    Returns
    -------
    array, shape (examples, units)
        Activations.

    Examples
    --------
    >>> prelu(np.array([[-2.0, 2.0]]), np.array([0.25, 0.25]))
    array([[-0.5,  2. ]])
    """
    return np.where(z > 0, z, slope * z)


def leaky_relu(z: Array, slope: float = 0.01) -> Array:
    """``z`` where it is positive, ``slope * z`` elsewhere; the derivative at 0 is `slope`.

    Parameters
    ----------
    z : array
        Signals.
    slope : float
        Slope for negative signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> leaky_relu(np.array([-2.0, 2.0]))
    array([-0.02,  2.  ])
    """
    return prelu(z, slope)


def absolute(z: Array) -> Array:
    """Absolute value; the derivative at 0 is 0.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> absolute(np.array([-2.0, 2.0]))
    array([2., 2.])
    """
    return np.abs(z)


def softplus(z: Array) -> Array:
    """Smooth relu, ``log(1 + exp(z))``, whose derivative is the sigmoid.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    return np.logaddexp(0.0, z)


def elu(z: Array) -> Array:
    """``z`` where it is positive, ``exp(z) - 1`` elsewhere; the derivative at 0 is 1.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> elu(np.array([-1000.0, 1000.0]))
    array([  -1., 1000.])
    """
    # The inner where keeps exp from overflowing in the branch that is not taken. np.minimum(z, 0) would share
    # the derivative at 0 between its two arguments, and give 1/2 there.
    return np.where(z > 0, z, np.expm1(np.where(z > 0, 0.0, z)))


def gelu(z: Array) -> Array:
    """``z`` times the probability that a standard normal variable is below it (the exact form, with erf).

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> gelu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    from scipy.special import erf

    below: Array = 0.5 * (1.0 + erf(math.sqrt(0.5) * z))
    return z * below


def silu(z: Array) -> Array:
    """``z * sigmoid(z)``, also called swish.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    return z * sigmoid(z)


def exp(z: Array) -> Array:
    """Exponential function: for outputs that are positive rates, the natural partner of the Poisson loss.

    Parameters
    ----------
    z : array
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> exp(np.array([0.0, 1.0])).round(3)
    array([1.   , 2.718])
    """
    return np.exp(z)


def softmax(z: Array) -> Array:
    """``exp(z_i) / sum_j exp(z_j)`` over the last axis: probabilities of classes that exclude each other.

    Parameters
    ----------
    z : array, shape (examples, units)
        Signals.

    Returns
    -------
    array
        Activations, of the shape and type of the signals.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    # SciPy's function is the same, but takes a tenth of a second to import, where a fit may take less.
    from chainrule.library.special import softmax

    probabilities: Array = softmax(z, axis=-1)
    return probabilities


@dataclass(frozen=True)
class Activation:
    """A row of the table of activation functions.

    Attributes
    ----------
    name : str
        Name in the table, in messages and in model files.
    function : callable
        ``function(signals)``, or ``function(signals, slope)`` where a slope is learned; arrays of shape
        (examples, units) in and out.
    elementwise : bool
        Whether a unit's activation depends on that unit's signal alone (softmax's does not).
    learns : bool
        False where the derivative is zero everywhere, so that nothing before it can be trained.
    slope : float or None
        Starting value of a learned slope, one for each unit; None where nothing is learned.
    weights : callable
        Initialiser of the weights of a layer with this activation.
    bias : float
        Starting value of the biases of a layer with this activation.

    Examples
    --------
    >>> cube = Activation("cube", lambda z: z**3)
    >>> cube.function(np.array([2.0]))
    array([8.])
    """

    name: str
    function: Callable[..., Any]
    elementwise: bool = True
    learns: bool = True
    slope: float | None = None
    weights: Initializer = glorot_uniform
    bias: float = 0.0

    def shapes(self, units: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter that the activation of so many units has: a slope, or none."""
        return {} if self.slope is None else {"slope": (units,)}

    def initialize(self, units: int, dtype: DTypeLike) -> dict[str, Array]:
        """Starting values of the parameters of `shapes`."""
        return {name: np.full(shape, self.slope, dtype) for name, shape in self.shapes(units).items()}

    def activate(self, parameters: Mapping[str, Array], signal: Array) -> Array:
        """Compute the activations of given signals, with the slope in `parameters` where there is one."""
        activation: Array = self.function(signal) if self.slope is None else self.function(signal, parameters["slope"])
        return activation


ACTIVATIONS: dict[str, Activation] = {
    row.name: row
    for row in (
        Activation("identity", identity),
        Activation("sign", sign, learns=False),
        Activation("sigmoid", sigmoid),
        Activation("tanh", tanh),
        # A small positive bias lets every unit be active, hence learn, at the start.
        Activation("relu", relu, weights=he, bias=0.01),
        Activation("leaky_relu", leaky_relu, weights=he),
        Activation("prelu", prelu, slope=0.25, weights=he),
        Activation("abs", absolute),
        Activation("softplus", softplus),
        Activation("elu", elu, weights=he),
        Activation("gelu", gelu, weights=he),
        Activation("silu", silu, weights=he),
        Activation("exp", exp),
        Activation("softmax", softmax, elementwise=False),
    )
}


def activation(name: str | Activation) -> Activation:
    """Look up an activation function by name.

    Parameters
    ----------
    name : str or Activation
        A name in `ACTIVATIONS`, or a row of one's own, which is returned as it is.

    Returns
    -------
    Activation
        The row.

    Raises
    ------
    OptionError
        Where no activation has this name; the message suggests the closest one.

    Examples
    --------
    >>> activation("tanh").function(np.zeros(2))
    array([0., 0.])
    """
    return name if isinstance(name, Activation) else look_up("activation", ACTIVATIONS, name)
