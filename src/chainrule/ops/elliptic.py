"""Elliptic integrals of the parameter m, and Jacobi's functions (Digital Library of Mathematical Functions, 19 and 22).

By m the incomplete integrals have the derivatives c * int sin^(2 (b + 1)) (1 - m sin^2)^(-c - 1), integrals of the same
kind: one operation of the powers b and c stands for all of them, whatever the order.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.ops.op import Op, elementwise
from chainrule.ops.special import hyp2f1, part_of, row
from chainrule.ops.tails import gauss, in_parts

__all__ = ["ELLIPTIC", "JACOBI"]

# The complete ones. Near m = 0, where the difference of the two cancels, by the hypergeometric function whose multiples
# they are (19.4.1, 19.5.1).

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


_ellipk: Op = row("ellipk", _ellipk_slope)
_ellipe: Op = row("ellipe", _ellipe_slope)


def _ellipkm1_slope(x: Any) -> Any:
    # K as a function of p = 1 - m; E of 1 - p has the digits that are needed, and K those of p itself.
    near, small, _ = _near_zero(1 - x)
    p = np.where(near, 1 - _NEAR, x)
    far = -(_ellipe(1 - p) - p * _ellipkm1(p)) / (2 * (1 - p) * p)
    return np.where(near, (-math.pi / 8) * hyp2f1(1.5, 1.5, 2.0, small), far)


_ellipkm1: Op = row("ellipkm1", _ellipkm1_slope)


# The incomplete ones.

#: Between these an integrand in u has nothing sharper than a hyperbolic tangent, and beyond the last nothing is left.
_EDGES = (0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 20.0, 60.0)


def _integral(b: Any, c: Any, x: Any, y: Any) -> Any:
    turns = np.rint(x / math.pi)
    angle = x - turns * math.pi
    result = np.sign(angle) * _up_to(b, c, np.abs(angle), y)
    around = turns != 0
    if np.any(around):
        result[around] += (
            2 * turns[around] * _up_to(b[around], c[around], np.full(y.shape, math.pi / 2)[around], y[around])
        )
    return result


def _up_to(b: Any, c: Any, x: Any, y: Any) -> Any:
    # For m < 0 in the angle of tan(x) sqrt(1 - m): there m is -m / (1 - m), between 0 and 1 (19.7.5).
    is_negative = y < 0
    rest = np.where(is_negative, 1 / (1 - y), 1 - y)
    m = np.where(is_negative, -y * rest, y)
    power = np.where(is_negative, b + 1 - c, c)
    scale = np.where(is_negative, rest ** (b + 0.5), 1.0)
    # With sin = tanh(u), 1 - m sin^2 is (1 - m) + m / cosh(u)^2, which keeps its digits near m = 1.
    end = np.arcsinh(np.abs(np.tan(x)) * np.where(is_negative, np.sqrt(np.maximum(1 - y, 0)), 1.0))

    def integrand(u: Any) -> Any:
        inverse = 1 / np.cosh(u)
        base = rest[:, None] + m[:, None] * inverse * inverse
        return np.tanh(u) ** (2 * b[:, None]) * base ** -power[:, None] * inverse

    parts = (gauss(integrand, np.minimum(low, end), np.minimum(high, end), 32) for low, high in pairwise(_EDGES))
    return scale * sum(parts)


#: int_0^x sin^(2 b) (1 - m sin^2)^-c with m called y here, to the precision of double numbers away from m sin^2 = 1.
_elliptic_integral: Op = elementwise(
    "elliptic_integral",
    lambda b, c, x, y: in_parts(_integral, b, c, x, y, size=512),
    None,
    None,
    lambda b, c, x, y: np.sin(x) ** (2 * b) * (1 - y * np.sin(x) ** 2) ** -c,
    lambda b, c, x, y: c * _elliptic_integral(b + 1, c + 1, x, y),
)


# Jacobi's functions: sine, cosine and more of the angle at which the integral is u; by m that angle goes as the
# implicit function theorem says.


def _angle_by_m(x: Any, y: Any) -> Any:
    return -0.5 * _dn(x, y) * _elliptic_integral(1.0, 1.5, _ph(x, y), y)


_sn: Op = elementwise(
    "jacobi_sn",
    part_of("ellipj", 0),
    lambda x, y: _cn(x, y) * _dn(x, y),
    lambda x, y: _cn(x, y) * _angle_by_m(x, y),
)
_cn: Op = elementwise(
    "jacobi_cn",
    part_of("ellipj", 1),
    lambda x, y: -_sn(x, y) * _dn(x, y),
    lambda x, y: -_sn(x, y) * _angle_by_m(x, y),
)
_dn: Op = elementwise(
    "jacobi_dn",
    part_of("ellipj", 2),
    lambda x, y: -y * _sn(x, y) * _cn(x, y),
    lambda ans, x, y: -_sn(x, y) * (0.5 * _sn(x, y) + y * _cn(x, y) * _angle_by_m(x, y)) / ans,
)
_ph: Op = elementwise("jacobi_ph", part_of("ellipj", 3), lambda x, y: _dn(x, y), _angle_by_m)
JACOBI = (_sn, _cn, _dn, _ph)

ELLIPTIC: tuple[Op, ...] = (
    _ellipk,
    _ellipkm1,
    _ellipe,
    _elliptic_integral,
    row(
        "ellipkinc",
        lambda x, y: 1 / np.sqrt(1 - y * np.sin(x) ** 2),
        lambda x, y: 0.5 * _elliptic_integral(1.0, 1.5, x, y),
    ),
    row(
        "ellipeinc",
        lambda x, y: np.sqrt(1 - y * np.sin(x) ** 2),
        lambda x, y: -0.5 * _elliptic_integral(1.0, 0.5, x, y),
    ),
    *JACOBI,
)
