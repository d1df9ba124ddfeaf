"""Functions of scipy.special that are Python code in SciPy, and so reach chainrule through the hooks."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import Axis, as_operand
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.shapes import convert
from chainrule.ops.special import hurwitz_zeta, psi
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook

__all__ = ["log_softmax", "softmax"]


def _shift(a: Any, axis: Axis) -> Any:
    # Subtracting the largest entry keeps exp from overflowing; where all are -inf there is nothing to subtract.
    largest = np.max(a, axis=axis, keepdims=True)
    return stop_gradient(np.where(np.isfinite(largest), largest, 0))


@hook("scipy.special", "logsumexp")
def _logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if return_sign:
        raise TraceError(
            f"scipy.special.logsumexp: argument return_sign= is not followed on traced values.{user_line()}"
        )
    if b is not None:
        b = as_operand(b)
        a = convert(a, np.result_type(a, b))
        # A term of weight 0 contributes nothing, even where exp(a) is infinite.
        a = np.where(b == 0, -np.inf, a)
    shift = _shift(a, axis)
    terms = np.exp(a - shift) if b is None else b * np.exp(a - shift)
    with np.errstate(divide="ignore"):  # log 0 = -inf, where every term is 0
        result = np.log(np.sum(terms, axis=axis, keepdims=True)) + shift
    return result if keepdims else np.squeeze(result, axis=axis)


@hook("scipy.special", "softmax")
def softmax(x: Any, axis: Axis = None) -> Any:
    """Exponentials over their sum, exp(x) / sum(exp(x)).

    Parameters
    ----------
    x : array
        Any shape; plain or traced.
    axis : int, tuple of int or None
        What is normalised over; None for all axes.

    Returns
    -------
    array
        Of the shape of `x`; the bits are those of `scipy.special.softmax`, without the import of that room.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.library.special import softmax
    >>> softmax(np.zeros(4)).round(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    terms = np.exp(x - _shift(x, axis))
    return terms / np.sum(terms, axis=axis, keepdims=True)


@hook("scipy.special", "log_softmax")
def log_softmax(x: Any, axis: Axis = None) -> Any:
    """Logarithm of `softmax`, also where that would be 0.

    Parameters
    ----------
    x : array
        Any shape; plain or traced.
    axis : int, tuple of int or None
        What is normalised over; None for all axes.

    Returns
    -------
    array
        Of the shape of `x`; the bits are those of `scipy.special.log_softmax`, without the import of that room.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.library.special import log_softmax
    >>> log_softmax(np.zeros(4)).round(4).tolist()
    [-1.3863, -1.3863, -1.3863, -1.3863]
    """
    shifted = x - _shift(x, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@hook("scipy.special", "zeta")
def _zeta(x: Any, q: Any = None) -> Any:
    if q is None:
        raise TraceError(
            "scipy.special.zeta of one argument has no derivative rule; with two it has one by the "
            f"second.{user_line()}"
        )
    return hurwitz_zeta(x, q)


@hook("scipy.special", "polygamma")
def _polygamma(n: Any, x: Any) -> Any:
    if has_tracer((n,)):
        raise TraceError(f"scipy.special.polygamma has a derivative by x, but none by n.{user_line()}")
    import scipy.special

    # (-1)^(n+1) n! zeta(n + 1, x), and psi for n = 0 (DLMF 5.15.1).
    n = np.asarray(n)
    higher = np.where(n == 0, 1, n)
    factor = np.where(n % 2 == 0, -1.0, 1.0) * scipy.special.gamma(higher + 1.0)
    if not np.any(n == 0):
        return factor * hurwitz_zeta(higher + 1.0, x)
    return np.where(n == 0, psi(x), factor * hurwitz_zeta(higher + 1.0, x))
