"""Further functions of scipy.special: integrals of elementary functions, Airy functions, orthogonal polynomials.

The derivatives stand in the Digital Library of Mathematical Functions (https://dlmf.nist.gov): 6.2 and 6.6 for the sine
and cosine integrals, 7.2 for Fresnel's, 9.2 for Airy's, 10.51 for the spherical Bessel functions, 11.4 for Struve's,
13.3 for Tricomi's, 18.9 for the polynomials.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops.op import Op, elementwise
from chainrule.ops.special import gammaln, hyp2f1, part_of, row, xlogy

__all__ = ["AIRY", "FRESNEL", "INTEGRALS", "SHICHI", "SICI", "spherical", "wofz"]

_SQRT_PI = math.sqrt(math.pi)


# Functions that SciPy computes several at a time; each is an operation of its own.


def _over(part: Callable[[Any], Any], limit: float) -> Callable[[Any], Any]:
    """part(x) / x, with its limit at 0."""
    return lambda x: np.where(x == 0, limit, part(x) / np.where(x == 0, 1, x))


SICI = (
    elementwise("sine_integral", part_of("sici", 0), lambda x: np.sinc(x / np.pi)),
    elementwise("cosine_integral", part_of("sici", 1), lambda g, x: g * np.cos(x) / x),
)
SHICHI = (
    elementwise("sinh_integral", part_of("shichi", 0), _over(np.sinh, 1.0)),
    elementwise("cosh_integral", part_of("shichi", 1), lambda g, x: g * np.cosh(x) / x),
)
FRESNEL = (
    elementwise("fresnel_sine", part_of("fresnel", 0), lambda x: np.sin(0.5 * np.pi * x * x)),
    elementwise("fresnel_cosine", part_of("fresnel", 1), lambda x: np.cos(0.5 * np.pi * x * x)),
)
_ai: Op = elementwise("airy_ai", part_of("airy", 0), lambda x: _ai_slope(x))
_ai_slope: Op = elementwise("airy_ai_slope", part_of("airy", 1), lambda x: x * _ai(x))
_bi: Op = elementwise("airy_bi", part_of("airy", 2), lambda x: _bi_slope(x))
_bi_slope: Op = elementwise("airy_bi_slope", part_of("airy", 3), lambda x: x * _bi(x))
AIRY = (_ai, _ai_slope, _bi, _bi_slope)

#: The Faddeeva function exp(-z^2) erfc(-iz).
wofz: Op = row("wofz", lambda ans, x: 2j / _SQRT_PI - 2 * x * ans)


def _spence_slope(x: Any) -> Any:
    # log(x) / (1 - x); near 1 it is -F(1, 1; 2; 1 - x) (DLMF 15.4.1).
    near = np.abs(x - 1) < 0.5
    far = np.log(np.where(near, 2.0, x)) / (1 - np.where(near, 2.0, x))
    return np.where(near, -hyp2f1(1.0, 1.0, 2.0, np.where(near, 1 - x, 0)), far)


def _struve_rest(x: Any, y: Any) -> Any:
    # (y / 2)^v / (sqrt(pi) Gamma(v + 3 / 2))
    return np.exp(xlogy(x, 0.5 * y) - gammaln(x + 1.5)) / _SQRT_PI


_struve: Op = row("struve", None, lambda x, y: 0.5 * (_struve(x - 1, y) - _struve(x + 1, y) + _struve_rest(x, y)))
_modstruve: Op = row(
    "modstruve", None, lambda x, y: 0.5 * (_modstruve(x - 1, y) + _modstruve(x + 1, y) + _struve_rest(x, y))
)
_hyperu: Op = row("hyperu", None, None, lambda c, x, y: -c * _hyperu(c + 1, x + 1, y))


# Spherical Bessel functions; the two beside it have the factors n and n + 1, so that at n = 0 there is but one.


def _spherical(name: str, before: float, after: float) -> Op:
    op: Op

    def slope(x: Any, y: Any) -> Any:
        lower = op(np.maximum(x - 1, 0), y)
        return (before * x * lower + after * (x + 1) * op(x + 1, y)) / (2 * x + 1)

    op = row(name, None, slope)
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


_jacobi = row(
    "eval_jacobi",
    None,
    None,
    None,
    lambda b, c, x, y: _of_degree(b, 0.5 * (b + c + x + 1) * _jacobi(_above_zero(b), c + 1, x + 1, y)),
)
_gegenbauer = row(
    "eval_gegenbauer", None, None, lambda c, x, y: _of_degree(c, 2 * x * _gegenbauer(_above_zero(c), x + 1, y))
)
_genlaguerre = row(
    "eval_genlaguerre", None, None, lambda c, x, y: _of_degree(c, -_genlaguerre(_above_zero(c), x + 1, y))
)
_hermite: Op = row("eval_hermite", None, lambda x, y: _of_degree(x, 2 * x * _hermite(_above_zero(x), y)))
_hermitenorm: Op = row("eval_hermitenorm", None, lambda x, y: _of_degree(x, x * _hermitenorm(_above_zero(x), y)))


INTEGRALS: tuple[Op, ...] = (
    *SICI,
    *SHICHI,
    *FRESNEL,
    *AIRY,
    wofz,
    row("spence", _spence_slope),
    _struve,
    _modstruve,
    _hyperu,
    *spherical.values(),
    _jacobi,
    _gegenbauer,
    _genlaguerre,
    _hermite,
    _hermitenorm,
    row("eval_laguerre", None, lambda x, y: _of_degree(x, -_genlaguerre(_above_zero(x), 1.0, y))),
    row("eval_legendre", None, lambda x, y: _of_degree(x, 0.5 * (x + 1) * _jacobi(_above_zero(x), 1.0, 1.0, y))),
    row("eval_chebyt", None, lambda x, y: _of_degree(x, x * _gegenbauer(_above_zero(x), 1.0, y))),
    row("eval_chebyu", None, lambda x, y: _of_degree(x, 2 * _gegenbauer(_above_zero(x), 2.0, y))),
)
