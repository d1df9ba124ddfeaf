"""Starting values of weights.

Each initialiser takes ``(rng, inputs, outputs, dtype)`` and returns the weights of one layer, shape (inputs,
outputs). Random numbers are drawn in float64 and then rounded, so that one seed starts the same network in
float32 and float64.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.nn.lookup import look_up

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "glorot_normal",
    "glorot_uniform",
    "he",
    "initializer",
    "orthogonal",
    "uniform",
    "zeros",
]

Initializer: TypeAlias = Callable[[np.random.Generator, int, int, DTypeLike], NDArray[Any]]


def zeros(rng: np.random.Generator, inputs: int, outputs: int, dtype: DTypeLike) -> NDArray[Any]:
    """Start at zero: right for a network without hidden layer, useless with one (equal units stay equal).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    inputs, outputs : int
        Shape of the weights.
    dtype : dtype
        Type of the weights.

    Returns
    -------
    array, shape (inputs, outputs)
        The weights.

    Examples
    --------
    >>> zeros(np.random.default_rng(0), 2, 3, np.float64).shape
    (2, 3)
    """
    return np.zeros((inputs, outputs), dtype)


def uniform(rng: np.random.Generator, inputs: int, outputs: int, dtype: DTypeLike) -> NDArray[Any]:
    """Draw uniformly between ``-1/sqrt(D)`` and ``1/sqrt(D)``, where D is the number of inputs.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    inputs, outputs : int
        Shape of the weights.
    dtype : dtype
        Type of the weights.

    Returns
    -------
    array, shape (inputs, outputs)
        The weights.

    Examples
    --------
    >>> bool(np.all(np.abs(uniform(np.random.default_rng(0), 4, 100, np.float64)) <= 0.5))
    True
    """
    return _between(rng, inputs, outputs, 1 / math.sqrt(inputs), dtype)


def glorot_uniform(rng: np.random.Generator, inputs: int, outputs: int, dtype: DTypeLike) -> NDArray[Any]:
    """Draw uniformly with variance ``2 / (inputs + outputs)``: bounds ``+-sqrt(6 / (inputs + outputs))``.

    The variance is a compromise between keeping the variance of the signals forward (1/inputs) and that of
    the sensitivities backward (1/outputs); Glorot and Bengio, Understanding the difficulty of training deep
    feedforward neural networks, 2010, equation 16.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    inputs, outputs : int
        Shape of the weights.
    dtype : dtype
        Type of the weights.

    Returns
    -------
    array, shape (inputs, outputs)
        The weights.

    Examples
    --------
    >>> bool(np.all(np.abs(glorot_uniform(np.random.default_rng(0), 2, 4, np.float64)) <= 1))
    True
    """
    return _between(rng, inputs, outputs, math.sqrt(6 / (inputs + outputs)), dtype)


def glorot_normal(rng: np.random.Generator, inputs: int, outputs: int, dtype: DTypeLike) -> NDArray[Any]:
    """Draw normal numbers of variance ``2 / (inputs + outputs)``; see `glorot_uniform`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    inputs, outputs : int
        Shape of the weights.
    dtype : dtype
        Type of the weights.

    Returns
    -------
    array, shape (inputs, outputs)
        The weights.

    Examples
    --------
    >>> round(float(np.std(glorot_normal(np.random.default_rng(0), 100, 100, np.float64))), 2)
    0.1
    """
    return _normal(rng, inputs, outputs, math.sqrt(2 / (inputs + outputs)), dtype)


def he(rng: np.random.Generator, inputs: int, outputs: int, dtype: DTypeLike) -> NDArray[Any]:
    """Draw normal numbers of variance ``2 / inputs``, for relu and its kin.

    relu lets half of the second moment of a symmetric signal through, and the factor 2 gives it back; He,
    Zhang, Ren and Sun, Delving deep into rectifiers, 2015, equation 10.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    inputs, outputs : int
        Shape of the weights.
    dtype : dtype
        Type of the weights.

    Returns
    -------
    array, shape (inputs, outputs)
        The weights.

    Examples
    --------
    >>> round(float(np.std(he(np.random.default_rng(0), 200, 100, np.float64))), 2)
    0.1
    """
    return _normal(rng, inputs, outputs, math.sqrt(2 / inputs), dtype)


def orthogonal(rng: np.random.Generator, inputs: int, outputs: int, dtype: DTypeLike) -> NDArray[Any]:
    """Draw orthonormal columns, or orthonormal rows where there are more outputs than inputs.

    The Q factor of a normal matrix, with the signs of R's diagonal moved into it, is uniform over such
    matrices; Mezzadri, How to generate random matrices from the classical compact groups, 2007.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of random numbers.
    inputs, outputs : int
        Shape of the weights.
    dtype : dtype
        Type of the weights.

    Returns
    -------
    array, shape (inputs, outputs)
        The weights.

    Examples
    --------
    >>> w = orthogonal(np.random.default_rng(0), 4, 3, np.float64)
    >>> bool(np.allclose(w.T @ w, np.eye(3)))
    True
    """
    tall = rng.standard_normal((max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return (q if inputs >= outputs else q.T).astype(dtype)


def _between(rng: np.random.Generator, inputs: int, outputs: int, bound: float, dtype: DTypeLike) -> NDArray[Any]:
    return rng.uniform(-bound, bound, (inputs, outputs)).astype(dtype)


def _normal(rng: np.random.Generator, inputs: int, outputs: int, deviation: float, dtype: DTypeLike) -> NDArray[Any]:
    return (deviation * rng.standard_normal((inputs, outputs))).astype(dtype)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": zeros,
    "uniform": uniform,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he": he,
    "orthogonal": orthogonal,
}


def initializer(name: str) -> Initializer:
    """Look up an initialiser by name.

    Raises
    ------
    OptionError
        Where no initialiser has this name.

    Parameters
    ----------
    name : str
        A name in `INITIALIZERS`.

    Examples
    --------
    >>> initializer("he") is he
    True
    """
    return look_up("initialiser", INITIALIZERS, name)
