"""Further functions of scipy.special: integrals of elementary functions, Airy functions, orthogonal polynomials.

The derivatives stand in the Digital Library of Mathematical Functions (https://dlmf.nist.gov): 6.2 and 6.6 for the sine
and cosine integrals, 7.2 for Fresnel's, 9.2 for Airy's, 10.51 for the spherical Bessel functions, 11.4 for Struve's,
13.3 for Tricomi's, 18.9 for the polynomials, 19.4 for elliptic integrals.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops.op import Op, elementwise
from chainrule.ops.special import gammaln, hyp2f1, xlogy

__all__ = ["AIRY", "FRESNEL", "INTEGRALS", "SHICHI", "SICI", "spherical", "wofz"]

_SQRT_PI = math.sqrt(math.pi)


def _part(name: str, k: int) -> Callable[..., Any]:
    def evaluate(x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)[k]

    return evaluate


def _named(name: str) -> Callable[..., Any]:
    def evaluate(*inputs: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*inputs)

    return evaluate


def _row(name: str, *partials: Any) -> Op:
    return elementwise(f"scipy.special.{name}", _named(name), *partials)


# Functions that SciPy computes several at a time; each is an operation of its own.


def _over(part: Callable[[Any], Any], limit: float) -> Callable[[Any], Any]:
    """part(x) / x, with its limit at 0."""
    return lambda x: np.where(x == 0, limit, part(x) / np.where(x == 0, 1, x))


SICI = (
    elementwise("sine_integral", _part("sici", 0), lambda x: np.sinc(x / np.pi)),
    elementwise("cosine_integral", _part("sici", 1), lambda g, x: g * np.cos(x) / x),
)
SHICHI = (
    elementwise("sinh_integral", _part("shichi", 0), _over(np.sinh, 1.0)),
    elementwise("cosh_integral", _part("shichi", 1), lambda g, x: g * np.cosh(x) / x),
)
FRESNEL = (
    elementwise("fresnel_sine", _part("fresnel", 0), lambda x: np.sin(0.5 * np.pi * x * x)),
    elementwise("fresnel_cosine", _part("fresnel", 1), lambda x: np.cos(0.5 * np.pi * x * x)),
)
_ai: Op = elementwise("airy_ai", _part("airy", 0), lambda x: _ai_slope(x))
_ai_slope: Op = elementwise("airy_ai_slope", _part("airy", 1), lambda x: x * _ai(x))
_bi: Op = elementwise("airy_bi", _part("airy", 2), lambda x: _bi_slope(x))
_bi_slope: Op = elementwise("airy_bi_slope", _part("airy", 3), lambda x: x * _bi(x))
AIRY = (_ai, _ai_slope, _bi, _bi_slope)

#: The Faddeeva function exp(-z^2) erfc(-iz).
wofz: Op = _row("wofz", lambda ans, x: 2j / _SQRT_PI - 2 * x * ans)


# Elliptic integrals of the parameter m. Near m = 0, where the difference of the two cancels, by the hypergeometric
# function whose multiples they are.

_NEAR = 0.25


def _near_zero(x: Any) -> tuple[Any, Any, Any]:
    near = np.abs(x) < _NEAR
    return near, np.where(near, x, 0), np.where(near, _NEAR, x)


def _ellipk_slope(x: Any) -> Any:
    near, small, other = _near_zero(x)
    far = (_ellipe(other) - (1 - other) * _ellipk(other)) / (2 * other * (1 - other))
    return np.where(near, (math.pi / 8) * hyp2f1(1.5, 1.5, 2.0, small), far)


def _ellipe_slope(x: Any) -> Any:
    near, small, other = _near_zero(x)
    far = (_ellipe(other) - _ellipk(other)) / (2 * other)
    return np.where(near, (-math.pi / 8) * hyp2f1(0.5, 1.5, 2.0, small), far)


_ellipk: Op = _row("ellipk", _ellipk_slope)
_ellipe: Op = _row("ellipe", _ellipe_slope)


def _ellipkm1_slope(x: Any) -> Any:
    # K as a function of p = 1 - m; E of 1 - p has the digits that are needed, and K those of p itself.
    near, small, _ = _near_zero(1 - x)
    p = np.where(near, 1 - _NEAR, x)
    far = -(_ellipe(1 - p) - p * _ellipkm1(p)) / (2 * (1 - p) * p)
    return np.where(near, (-math.pi / 8) * hyp2f1(1.5, 1.5, 2.0, small), far)


_ellipkm1: Op = _row("ellipkm1", _ellipkm1_slope)


def _spence_slope(x: Any) -> Any:
    # log(x) / (1 - x); near 1 it is -F(1, 1; 2; 1 - x) (DLMF 15.4.1).
    near = np.abs(x - 1) < 0.5
    far = np.log(np.where(near, 2.0, x)) / (1 - np.where(near, 2.0, x))
    return np.where(near, -hyp2f1(1.0, 1.0, 2.0, np.where(near, 1 - x, 0)), far)


def _struve_rest(x: Any, y: Any) -> Any:
    # (y / 2)^v / (sqrt(pi) Gamma(v + 3 / 2))
    return np.exp(xlogy(x, 0.5 * y) - gammaln(x + 1.5)) / _SQRT_PI


_struve: Op = _row("struve", None, lambda x, y: 0.5 * (_struve(x - 1, y) - _struve(x + 1, y) + _struve_rest(x, y)))
_modstruve: Op = _row(
    "modstruve", None, lambda x, y: 0.5 * (_modstruve(x - 1, y) + _modstruve(x + 1, y) + _struve_rest(x, y))
)
_hyperu: Op = _row("hyperu", None, None, lambda c, x, y: -c * _hyperu(c + 1, x + 1, y))


# Spherical Bessel functions; the two beside it have the factors n and n + 1, so that at n = 0 there is but one.


def _spherical(name: str, before: float, after: float) -> Op:
    op: Op

    def slope(x: Any, y: Any) -> Any:
        lower = op(np.maximum(x - 1, 0), y)
        return (before * x * lower + after * (x + 1) * op(x + 1, y)) / (2 * x + 1)

    op = _row(name, None, slope)
    return op


spherical = {
    "spherical_jn": _spherical("spherical_jn", 1, -1),
    "spherical_yn": _spherical("spherical_yn", 1, -1),
    "spherical_in": _spherical("spherical_in", 1, 1),
    "spherical_kn": _spherical("spherical_kn", -1, -1),
}


# Orthogonal polynomials of degree n.


def _of_degree(n: Any, slope: Any) -> Any:
    """The derivative of a polynomial of degree n, which is 0 for n = 0."""
    return np.where(n == 0, 0, slope)


_jacobi: Op
_gegenbauer: Op
_genlaguerre: Op


def _above_zero(n: Any) -> Any:
    """One degree lower, but for 0, of which nobody looks at the result."""
    return np.where(n == 0, 0, n - 1)


_jacobi = _row(
    "eval_jacobi",
    None,
    None,
    None,
    lambda b, c, x, y: _of_degree(b, 0.5 * (b + c + x + 1) * _jacobi(_above_zero(b), c + 1, x + 1, y)),
)
_gegenbauer = _row(
    "eval_gegenbauer", None, None, lambda c, x, y: _of_degree(c, 2 * x * _gegenbauer(_above_zero(c), x + 1, y))
)
_genlaguerre = _row(
    "eval_genlaguerre", None, None, lambda c, x, y: _of_degree(c, -_genlaguerre(_above_zero(c), x + 1, y))
)
_hermite: Op = _row("eval_hermite", None, lambda x, y: _of_degree(x, 2 * x * _hermite(_above_zero(x), y)))
_hermitenorm: Op = _row("eval_hermitenorm", None, lambda x, y: _of_degree(x, x * _hermitenorm(_above_zero(x), y)))


# Distribution functions of scipy.special that are not among the gamma and beta functions.


def _fdtr_slope(c: Any, x: Any, y: Any) -> Any:
    # The density of Snedecor's F with c and x degrees of freedom.
    log_beta = gammaln(0.5 * c) + gammaln(0.5 * x) - gammaln(0.5 * (c + x))
    return np.exp(0.5 * c * np.log(c / x) + xlogy(0.5 * c - 1, y) - 0.5 * (c + x) * np.log1p(c / x * y) - log_beta)


def _gdtr_density(c: Any, x: Any, y: Any) -> Any:
    # (c y)^x e^(-c y) / Gamma(x): c and y times the slopes by y and by c.
    return np.exp(xlogy(x - 1, c * y) - c * y - gammaln(x))


INTEGRALS: tuple[Op, ...] = (
    *SICI,
    *SHICHI,
    *FRESNEL,
    *AIRY,
    wofz,
    _ellipk,
    _ellipkm1,
    _ellipe,
    _row("ellipkinc", lambda x, y: 1 / np.sqrt(1 - y * np.sin(x) ** 2), None),
    _row("ellipeinc", lambda x, y: np.sqrt(1 - y * np.sin(x) ** 2), None),
    _row("spence", _spence_slope),
    _struve,
    _modstruve,
    _hyperu,
    *spherical.values(),
    _jacobi,
    _gegenbauer,
    _genlaguerre,
    _hermite,
    _hermitenorm,
    _row("eval_laguerre", None, lambda x, y: _of_degree(x, -_genlaguerre(_above_zero(x), 1.0, y))),
    _row("eval_legendre", None, lambda x, y: _of_degree(x, 0.5 * (x + 1) * _jacobi(_above_zero(x), 1.0, 1.0, y))),
    _row("eval_chebyt", None, lambda x, y: _of_degree(x, x * _gegenbauer(_above_zero(x), 1.0, y))),
    _row("eval_chebyu", None, lambda x, y: _of_degree(x, 2 * _gegenbauer(_above_zero(x), 2.0, y))),
    _row("fdtr", None, None, _fdtr_slope),
    _row("fdtrc", None, None, lambda c, x, y: -_fdtr_slope(c, x, y)),
    _row("fdtri", None, None, lambda g, ans, c, x: g / _fdtr_slope(c, x, ans)),
    _row("gdtr", lambda c, x, y: y * _gdtr_density(c, x, y), None, lambda c, x, y: c * _gdtr_density(c, x, y)),
    _row("gdtrc", lambda c, x, y: -y * _gdtr_density(c, x, y), None, lambda c, x, y: -c * _gdtr_density(c, x, y)),
)
