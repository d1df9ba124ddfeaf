"""Functions of scipy.special that are Python code in SciPy, and so reach chainrule through the hooks."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.ops.axes import Axis, as_operand
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.elliptic import JACOBI
from chainrule.ops.integrals import AIRY, FRESNEL, SHICHI, SICI, spherical
from chainrule.ops.op import Op
from chainrule.ops.shapes import convert, strong
from chainrule.ops.special import gammaln, hurwitz_zeta, lambertw, psi, xlogy
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook
from chainrule.trace.tables import SPECIAL_COMPOSITIONS, Composition

__all__ = ["log_softmax", "softmax"]


def _shift(a: Any, axis: Axis) -> Any:
    # Subtracting the largest entry keeps exp from overflowing; where all are -inf there is nothing to subtract.
    # That it is constant is said first, so that what follows is plain where a derivative alone is recorded.
    a = stop_gradient(a)
    empty = 0 in np.shape(a)
    largest = np.max(a, axis=axis, keepdims=True, initial=-np.inf) if empty else np.max(a, axis=axis, keepdims=True)
    return np.where(np.isfinite(largest), largest, 0)


@hook("scipy.special", "logsumexp")
def _logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if return_sign:
        raise TraceError(
            f"scipy.special.logsumexp: argument return_sign= is not followed on traced values.{user_line()}"
        )
    if b is not None:
        a, b = as_operand(a), as_operand(b)
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


def _followed(name: str, *, real_only: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how a ufunc of scipy.special is followed; `real_only` as for `hook`."""

    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        SPECIAL_COMPOSITIONS[name] = Composition(f"scipy.special.{name}", follow, real_only=real_only)
        return follow

    return register


def _together(*xs: Any) -> list[Any]:
    """Arguments in the dtype that they have in common, as a ufunc computes."""
    wide = np.result_type(*(x.dtype for x in xs if hasattr(x, "dtype") and not getattr(x, "weak", False)), 1.0)
    return [
        x if getattr(x, "dtype", None) == wide and not getattr(x, "weak", False) else convert(strong(x), wide)
        for x in xs
    ]


@_followed("exp2", real_only=True)
def _exp2(x: Any, /) -> Any:
    return np.exp2(x)


@_followed("exp10", real_only=True)
def _exp10(x: Any, /) -> Any:
    return np.power(10.0, x)


@_followed("cbrt", real_only=True)
def _cbrt(x: Any, /) -> Any:
    return np.cbrt(x)


# Entropy and its relatives, with the values that make them convex functions of all real numbers.


@_followed("entr", real_only=True)
def _entr(x: Any, /) -> Any:
    x = strong(x)
    outside = x < 0
    inside = np.where(outside, 1, x)
    return np.where(outside, -np.inf, -xlogy(inside, inside))


@_followed("rel_entr", real_only=True)
def _rel_entr(x: Any, y: Any, /) -> Any:
    x, y = _together(x, y)
    outside = (x < 0) | (y < 0) | ((x > 0) & (y == 0))
    # At 0 and 0 it is 0, where a quotient would be undefined.
    both = (x == 0) & (y == 0)
    x, y = np.where(outside, 1, x), np.where(outside | both, 1, y)
    with np.errstate(over="ignore"):
        ratio, distance = x / y, (x - y) / y
    near = (ratio > 0.5) & (ratio < 2)
    by_difference = x * np.log1p(np.where(near, distance, 0))
    # A quotient that overflows or vanishes has logarithms that can be subtracted.
    extreme = ((ratio == 0) | (ratio == np.inf)) & (x > 0)
    by_quotient = xlogy(x, np.where(extreme, 1, ratio)) + np.where(extreme, xlogy(x, x) - xlogy(x, y), 0)
    return np.where(outside, np.inf, np.where(near, by_difference, by_quotient))


@_followed("kl_div", real_only=True)
def _kl_div(x: Any, y: Any, /) -> Any:
    x, y = _together(x, y)
    return _rel_entr(x, y) - x + y


@_followed("huber", real_only=True)
def _huber(delta: Any, r: Any, /) -> Any:
    delta, r = _together(delta, r)
    size = np.abs(r)
    loss = np.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return np.where(delta < 0, np.inf, loss)


@_followed("pseudo_huber", real_only=True)
def _pseudo_huber(delta: Any, r: Any, /) -> Any:
    delta, r = _together(delta, r)
    # delta^2 (sqrt(1 + (r / delta)^2) - 1), without the difference: r^2 over sqrt(...) + 1.
    scale = np.where(delta <= 0, 1, delta)
    ratio = r / scale
    loss = r * r / (np.sqrt(1 + ratio * ratio) + 1)
    return np.where(delta < 0, np.inf, np.where(delta == 0, 0, loss))


@_followed("exprel", real_only=True)
def _exprel(x: Any, /) -> Any:
    x = strong(x)
    # (e^x - 1) / x; near 0 by the series sum x^k / (k + 1)!, of which every derivative is right there, too.
    near = np.abs(x) < 1
    inside = np.where(near, x, 0)
    series = 0.0 * inside
    for k in range(17, -1, -1):
        series = series * inside + 1 / math.factorial(k + 1)
    far = np.where(near, 1, x)
    return np.where(near, series, np.expm1(far) / far)


@_followed("boxcox", real_only=True)
def _boxcox(x: Any, lmbda: Any, /) -> Any:
    x, lmbda = _together(x, lmbda)
    # (x^l - 1) / l, and log x for l = 0.
    log = np.log(x)
    return log * _exprel(lmbda * log)


@_followed("boxcox1p", real_only=True)
def _boxcox1p(x: Any, lmbda: Any, /) -> Any:
    x, lmbda = _together(x, lmbda)
    log = np.log1p(x)
    return log * _exprel(lmbda * log)


# Functions that give several results at once.


def _together_as(name: str, parts: tuple[Op, ...]) -> None:
    _followed(name)(lambda x, /: tuple(part(x) for part in parts))


for _name, _parts in (("sici", SICI), ("shichi", SHICHI), ("fresnel", FRESNEL), ("airy", AIRY)):
    _together_as(_name, _parts)


@_followed("ellipj")
def _ellipj(u: Any, m: Any, /) -> Any:
    return tuple(part(u, m) for part in JACOBI)


def _spherical(name: str) -> None:
    op = spherical[name]

    def follow(n: Any, z: Any, derivative: bool = False) -> Any:
        if has_tracer((n,)):
            raise NoDerivativeError(f"scipy.special.{name} has a derivative by z, but none by n.{user_line()}")
        n = np.asarray(n)
        if np.any(n < 0) or np.any(n != np.floor(n)):
            raise ValueError(f"scipy.special.{name} takes whole numbers n from 0 on")
        n = n[()]
        if not derivative:
            return op(n, z)
        rule = op.partials[1].rule if op.partials and op.partials[1] else None
        assert rule is not None, "the row states its derivative"
        # By both neighbours in double precision: in single precision they leave few digits of their difference.
        dtype = op.infer(n, z)[1]
        return convert(rule(n, convert(z, np.result_type(dtype, np.float64))), dtype)

    hook("scipy.special", name)(follow)


for _name in spherical:
    _spherical(_name)


@hook("scipy.special", "multigammaln")
def _multigammaln(a: Any, d: Any) -> Any:
    count = int(d)
    if count != d or count < 1:
        raise ValueError("d should be a positive integer (dimension)")
    a = strong(a)
    total = gammaln(a)
    for j in range(1, count):
        total = total + gammaln(a - 0.5 * j)
    return np.float64(0.25 * count * (count - 1) * math.log(math.pi)) + total


@hook("scipy.special", "lambertw")
def _lambertw(z: Any, k: Any = 0) -> Any:
    return lambertw(z, k)


@hook("scipy.special", "zeta")
def _zeta(x: Any, q: Any = None) -> Any:
    if q is None:
        raise TraceError(
            "scipy.special.zeta of one argument has no derivative rule; of two it has one by both: for x above 1 write "
            f"scipy.special.zeta(x, 1.0).{user_line()}"
        )
    return hurwitz_zeta(x, q)


@hook("scipy.special", "polygamma")
def _polygamma(n: Any, x: Any) -> Any:
    if has_tracer((n,)):
        raise NoDerivativeError(f"scipy.special.polygamma has a derivative by x, but none by n.{user_line()}")
    import scipy.special

    # (-1)^(n+1) n! zeta(n + 1, x), and psi for n = 0 (DLMF 5.15.1).
    n = np.asarray(n)
    higher = np.where(n == 0, 1, n)
    factor = np.where(n % 2 == 0, -1.0, 1.0) * scipy.special.gamma(higher + 1.0)
    if not np.any(n == 0):
        return factor * hurwitz_zeta(higher + 1.0, x)
    return np.where(n == 0, psi(x), factor * hurwitz_zeta(higher + 1.0, x))
