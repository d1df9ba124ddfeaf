"""Integrals over tails of smooth densities, and the functions that such densities are computed with in full precision.

The derivatives of a distribution function by its shape parameters are integrals of the derivatives of the density,
which is exp(L) of a function L whose derivatives are known: exp(L) times the polynomial of `exponential`.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

__all__ = ["exponential", "gauss", "in_parts", "log1p_less", "polygamma", "psi_less_log", "stirling"]

#: An exponent below that of the largest value of a density by this leaves nothing of it.
DROP = 45.0


@cache
def _nodes(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    x, w = np.polynomial.legendre.leggauss(count)
    return 0.5 * (x + 1), 0.5 * w


def gauss(f: Callable[[Any], Any], low: Any, high: Any, count: int = 64) -> Any:
    """Integral by the rule of Gauss and Legendre.

    Parameters
    ----------
    f : callable
        Takes points of shape (..., count).
    low, high : array of float64
        The limits, of shape (...).
    count : int
        Number of points.

    Returns
    -------
    array
        Of shape (...).
    """
    x, w = _nodes(count)
    length = np.asarray(high - low)[..., None]
    return np.sum(w * length * f(np.asarray(low)[..., None] + length * x), axis=-1)


def in_parts(evaluate: Callable[..., Any], *inputs: Any, size: int = 2048) -> Any:
    """Evaluate entry by entry in double precision, some thousand of them at a time, for the sake of memory.

    Parameters
    ----------
    evaluate : callable
        Takes vectors of float64 and gives one.
    *inputs : array
        Of shapes that broadcast.
    size : int
        How many entries there are in a part.

    Returns
    -------
    array
        Of the dtype that NumPy gives to the inputs together, float64 for integers.
    """
    dtype = np.result_type(*inputs, np.float32 if any(hasattr(x, "dtype") for x in inputs) else 1.0)
    wide = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in inputs))
    flat = [x.ravel() for x in wide]
    result = np.empty(flat[0].size)
    with np.errstate(all="ignore"):
        for start in range(0, result.size, size):
            part = slice(start, start + size)
            result[part] = evaluate(*(x[part] for x in flat))
    return result.reshape(wide[0].shape).astype(dtype)[()]


def exponential(slopes: dict[tuple[int, int], Any], i: int, j: int = 0) -> Any:
    """What exp(L) is multiplied by in its derivative, i times by one parameter and j times by another.

    Parameters
    ----------
    slopes : dict
        The derivatives of L by the two parameters, under the numbers of times.
    i, j : int
        How often.

    Returns
    -------
    array or int
        A complete Bell polynomial in the derivatives; 1 for i = j = 0.
    """
    if i < 0 or j < 0:
        return 0
    if i == j == 0:
        return 1
    # d^i d^j exp(L) = d^(i-1) d^j (L' exp(L)), by Leibniz's rule.
    first, second = (1, 0) if i else (0, 1)
    rest = [(k, m) for k in range(i - first + 1) for m in range(j - second + 1)]
    return sum(
        math.comb(i - first, k)
        * math.comb(j - second, m)
        * slopes[k + first, m + second]
        * exponential(slopes, i - first - k, j - second - m)
        for k, m in rest
    )


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of psi, for n > 0: (-1)^(n+1) n! zeta(n + 1, x) (DLMF 5.15.1)."""
    import scipy.special

    return (-1) ** (n + 1) * math.factorial(n) * scipy.special.zeta(n + 1.0, x)


_FAR = 10.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_PSI = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760)


def _series(coefficients: tuple[float, ...], r: Any) -> Any:
    square, total = r * r, 0.0
    for coefficient in reversed(coefficients):
        total = total * square + coefficient
    return total


def stirling(a: Any) -> Any:
    """Log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2, what Stirling's formula leaves out (DLMF 5.11.1)."""
    import scipy.special

    near = np.where(a < _FAR, a, 1.0)
    r = 1 / np.where(a < _FAR, _FAR, a)
    direct = scipy.special.gammaln(near) - (near - 0.5) * np.log(near) + near - 0.5 * math.log(2 * math.pi)
    return np.where(a < _FAR, direct, r * _series(_STIRLING, r))


def psi_less_log(a: Any) -> Any:
    """psi(a) - log a (DLMF 5.11.2)."""
    import scipy.special

    near = np.where(a < _FAR, a, 1.0)
    r = 1 / np.where(a < _FAR, _FAR, a)
    return np.where(a < _FAR, scipy.special.psi(near) - np.log(near), -0.5 * r + r * r * _series(_PSI, r))


def log1p_less(z: Any) -> Any:
    """log(1 + z) - z; near 0 by 2 artanh(r) with r = z / (2 + z), and 2 r - z = -r z."""
    near = np.abs(z) < 0.5
    small, far = np.where(near, z, 0), np.where(near, 0, z)
    r = small / (2 + small)
    square, total = r * r, 0.0
    for k in range(12, 0, -1):
        total = (total + 1 / (2 * k + 1)) * square
    return np.where(near, r * (2 * total - small), np.log1p(far) - far)
