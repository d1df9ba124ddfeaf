"""Elementwise operations, each by its partial derivatives.

A number is a constant derivative. A formula names what it reads of `x`, `y` and `ans`; with `g` in front it returns the
whole contribution. None stands where no rule exists.

Kinks follow one rule. At a tie of maximum, minimum and their kin the derivative is shared evenly; abs has 0 at 0,
and so has relu. Piecewise constant operations have derivative zero.
"""

import math
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops.elliptic import ELLIPTIC
from chainrule.ops.incomplete import INCOMPLETE
from chainrule.ops.integrals import INTEGRALS
from chainrule.ops.op import Op, elementwise, piecewise_constant
from chainrule.ops.special import SPECIAL

__all__ = ["ELEMENTWISE", "imag", "real", "relu", "root", "stop_gradient", "where"]

_NUMBERS = (float, np.floating)
_LN2 = math.log(2.0)
_LN10 = math.log(10.0)
_DEGREE = math.pi / 180.0


def _absolute(x: Any) -> Any:
    # For z = u + iv the derivative of |z| is (u - iv) / |z|, and 0 at 0.
    return np.conjugate(x) / _clear(np.absolute(x)) if np.iscomplexobj(x) else np.sign(x)


def _sign(x: Any) -> Any:
    # Only the real sign is piecewise constant: the complex one is z / |z|, which turns with z.
    if np.iscomplexobj(x):
        raise NoDerivativeError(f"np.sign of complex numbers has no derivative rule. Write z / np.abs(z).{user_line()}")
    return np.sign(x)


def _power_by_base(x: Any, y: Any) -> Any:
    # d x^y / dx = y x^(y-1). With y = 0 it is 0 for every x, where the formula would say 0 * inf at x = 0.
    if isinstance(y, (int, float)):
        if y == 2:
            return 2 * x
        return y * np.power(x, y - 1) if y != 0 else 0.0 * x
    return y * np.power(x, np.where(y == 0, 1, y - 1))


def _power_by_exponent(ans: Any, x: Any) -> Any:
    # d x^y / dy = x^y log x, which goes to 0 at x = 0.
    return ans * np.log(np.where(x == 0, 1, x))


def _share(g: Any, picked: Any, tied: Any) -> Any:
    if type(tied) is np.ndarray and not np.count_nonzero(tied):
        return np.where(picked, g, 0.0)
    return np.where(tied, g * 0.5, np.where(picked, g, 0.0))


def _picked_x(g: Any, ans: Any, x: Any, y: Any) -> Any:
    return _share(g, x == ans, x == y)


def _picked_y(g: Any, ans: Any, x: Any, y: Any) -> Any:
    return _share(g, y == ans, x == y)


def _weight(part: Any, whole: Any) -> Any:
    # exp(x - log(exp x + exp y)), with infinity minus the same infinity counted as 0.
    return np.where(part == whole, 0.0, part - whole)


def _clear(ans: Any) -> Any:
    """The divisor that leaves 0 / 0 at 0."""
    return np.where(ans == 0, 1, ans)


def _root_slope(ans: Any) -> Any:
    if isinstance(ans, _NUMBERS):
        return 0.5 / ans if ans != 0 else 0.0 * ans
    return np.where(ans == 0, 0, 0.5 / _clear(ans))


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _identity(x: Any) -> Any:
    return x


#: The rectified linear unit, max(x, 0), with derivative 0 at 0 (`np.maximum(x, 0)` has 1/2 there, being a tie).
relu = elementwise("chainrule.relu", _relu, lambda g, x: np.where(x > 0, g, 0))

#: The square root whose derivative at 0 is taken as 0: the kink of norms and standard deviations.
root = elementwise("root", np.sqrt, _root_slope)

#: The identity, with derivative zero by rule.
stop_gradient = piecewise_constant("chainrule.stop_gradient", _identity)

where = elementwise("np.where", np.where, 0, lambda g, c: np.where(c, g, 0.0), lambda g, c: np.where(c, 0.0, g))

# For w = u + iv: a real function of w has the derivative df/du - i df/dv, which for v itself is -i.
real = elementwise("np.real", np.real, 1)
imag = elementwise("np.imag", np.imag, lambda x: -1j if np.iscomplexobj(x) else 0.0)

_ONE_INPUT = (
    elementwise("np.positive", np.positive, 1),
    elementwise("np.negative", np.negative, -1),
    elementwise("np.absolute", np.absolute, _absolute),
    elementwise("np.fabs", np.fabs, lambda x: np.sign(x)),
    elementwise("np.square", np.square, lambda x: 2 * x),
    elementwise("np.sqrt", np.sqrt, lambda g, ans: 0.5 * g / ans),
    elementwise("np.cbrt", np.cbrt, lambda g, ans: g / (3 * ans * ans)),
    elementwise("np.reciprocal", np.reciprocal, lambda ans: -ans * ans),
    elementwise("np.exp", np.exp, lambda ans: ans),
    elementwise("np.exp2", np.exp2, lambda ans: ans * _LN2),
    elementwise("np.expm1", np.expm1, lambda ans: ans + 1),
    elementwise("np.log", np.log, lambda g, x: g / x),
    elementwise("np.log2", np.log2, lambda g, x: g / (x * _LN2)),
    elementwise("np.log10", np.log10, lambda g, x: g / (x * _LN10)),
    elementwise("np.log1p", np.log1p, lambda g, x: g / (1 + x)),
    elementwise("np.sin", np.sin, lambda x: np.cos(x)),
    elementwise("np.cos", np.cos, lambda x: -np.sin(x)),
    elementwise("np.tan", np.tan, lambda ans: 1 + ans * ans),
    # Subtracting keeps the sign of a zero imaginary part, which tells the sides of the cuts outside of [-1, 1].
    elementwise("np.arcsin", np.arcsin, lambda x: 1 / np.sqrt(-(x - 1) * (x - -1))),
    elementwise("np.arccos", np.arccos, lambda x: -1 / np.sqrt(-(x - 1) * (x - -1))),
    elementwise("np.arctan", np.arctan, lambda g, x: g / (1 + x * x)),
    elementwise("np.sinh", np.sinh, lambda x: np.cosh(x)),
    elementwise("np.cosh", np.cosh, lambda x: np.sinh(x)),
    elementwise("np.tanh", np.tanh, lambda ans: 1 - ans * ans),
    elementwise("np.arcsinh", np.arcsinh, lambda x: 1 / np.sqrt(x * x + 1)),
    elementwise("np.arccosh", np.arccosh, lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1))),
    elementwise("np.arctanh", np.arctanh, lambda g, x: g / ((1 - x) * (1 + x))),
    elementwise("np.deg2rad", np.deg2rad, _DEGREE),
    elementwise("np.radians", np.radians, _DEGREE),
    elementwise("np.rad2deg", np.rad2deg, 1 / _DEGREE),
    elementwise("np.degrees", np.degrees, 1 / _DEGREE),
    elementwise("np.conjugate", np.conjugate, lambda g: np.conjugate(g)),
    real,
    imag,
    elementwise("np.spacing", np.spacing, None),
)

_TWO_INPUTS = (
    elementwise("np.add", np.add, 1, 1),
    elementwise("np.subtract", np.subtract, 1, -1),
    elementwise("np.multiply", np.multiply, lambda y: y, lambda x: x),
    elementwise("np.divide", np.divide, lambda g, y: g / y, lambda g, ans, y: -g * ans / y),
    elementwise("np.power", np.power, _power_by_base, _power_by_exponent),
    elementwise("np.float_power", np.float_power, _power_by_base, _power_by_exponent),
    elementwise("np.maximum", np.maximum, _picked_x, _picked_y),
    elementwise("np.minimum", np.minimum, _picked_x, _picked_y),
    elementwise("np.fmax", np.fmax, _picked_x, _picked_y),
    elementwise("np.fmin", np.fmin, _picked_x, _picked_y),
    # x = q y + ans with an integer q, which rounding x / y may miss: 1.0 // 0.1 is 9.
    elementwise("np.fmod", np.fmod, 1, lambda ans, x, y: -np.rint((x - ans) / y)),
    elementwise("np.remainder", np.remainder, 1, lambda x, y: -np.floor_divide(x, y)),
    elementwise("np.hypot", np.hypot, lambda ans, x: x / _clear(ans), lambda ans, y: y / _clear(ans)),
    elementwise(
        "np.arctan2",
        np.arctan2,
        lambda x, y: y / np.hypot(x, y) / np.hypot(x, y),
        lambda x, y: -x / np.hypot(x, y) / np.hypot(x, y),
    ),
    elementwise(
        "np.logaddexp",
        np.logaddexp,
        lambda ans, x: np.exp(_weight(x, ans)),
        lambda ans, y: np.exp(_weight(y, ans)),
    ),
    elementwise(
        "np.logaddexp2",
        np.logaddexp2,
        lambda ans, x: np.exp2(_weight(x, ans)),
        lambda ans, y: np.exp2(_weight(y, ans)),
    ),
    elementwise("np.copysign", np.copysign, lambda x, y: np.sign(x) * np.copysign(1, y), 0),
    elementwise("np.heaviside", np.heaviside, 0, lambda g, x: np.where(x == 0, g, 0)),
    elementwise("np.ldexp", np.ldexp, lambda y: np.exp2(y), None),
    elementwise("np.nextafter", np.nextafter, None, None),
)

_CONSTANT = (
    piecewise_constant("np.sign", _sign),
    *(
        piecewise_constant(f"np.{f.__name__}", f)
        for f in (
            np.floor,
            np.ceil,
            np.trunc,
            np.rint,
            np.floor_divide,
            np.isnan,
            np.isinf,
            np.isfinite,
            np.signbit,
            np.equal,
            np.not_equal,
            np.less,
            np.less_equal,
            np.greater,
            np.greater_equal,
            np.logical_and,
            np.logical_or,
            np.logical_xor,
            np.logical_not,
            np.bitwise_and,
            np.bitwise_or,
            np.bitwise_xor,
            np.invert,
            np.left_shift,
            np.right_shift,
        )
    ),
)

ELEMENTWISE: tuple[Op, ...] = (
    relu,
    root,
    stop_gradient,
    where,
    *_ONE_INPUT,
    *_TWO_INPUTS,
    *SPECIAL,
    *INCOMPLETE,
    *ELLIPTIC,
    *INTEGRALS,
    *_CONSTANT,
)
