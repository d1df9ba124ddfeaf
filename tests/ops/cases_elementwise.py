"""Elementwise operations: one line each, several where domains differ."""

import numpy as np
from tests.ops.case import (
    NEVER,
    NONZERO,
    POSITIVE,
    REALS,
    UNIT,
    ZERO,
    Case,
    between,
    between_integers,
    both_signs,
    broadcast,
    each,
    integers,
    mask,
    some_zeros,
)

from chainrule import stop_gradient
from chainrule.ops import elementwise
from chainrule.ops.elementwise import relu, root

# Entries of the two arrays never tie: those of the second are multiples of 0.4, of the first are 0.1 to 0.3 off.
GRID = integers(-4, 5)


def on_grid(rng, shape):
    return GRID(rng, shape) * 0.4


def off_grid(rng, shape):
    return GRID(rng, shape) * 0.4 + rng.uniform(0.1, 0.3, shape)


ONE_INPUT = (
    Case("chainrule.relu", relu, each(NONZERO), complex=True),
    Case("root", root, each(POSITIVE), complex=True),
    Case("np.positive", np.positive, each(REALS), complex=True),
    Case("np.negative", np.negative, each(REALS), complex=True),
    Case("np.absolute", np.absolute, each(NONZERO), complex=True),
    Case("np.fabs", np.fabs, each(NONZERO)),
    Case("np.square", np.square, each(REALS), complex=True),
    Case("np.sqrt", np.sqrt, each(POSITIVE), complex=True),
    Case("np.cbrt", np.cbrt, each(NONZERO)),
    Case("np.reciprocal", np.reciprocal, each(NONZERO), complex=True),
    Case("np.exp", np.exp, each(REALS), complex=True),
    Case("np.exp2", np.exp2, each(REALS), complex=True),
    Case("np.expm1", np.expm1, each(REALS), complex=True),
    Case("np.log", np.log, each(POSITIVE), complex=True),
    Case("np.log2", np.log2, each(POSITIVE), complex=True),
    Case("np.log10", np.log10, each(POSITIVE), complex=True),
    Case("np.log1p", np.log1p, each(POSITIVE), complex=True),
    Case("np.sin", np.sin, each(REALS), complex=True),
    Case("np.cos", np.cos, each(REALS), complex=True),
    Case("np.tan", np.tan, each(UNIT), complex=True),
    Case("np.arcsin", np.arcsin, each(UNIT), complex=True),
    Case("np.arccos", np.arccos, each(UNIT), complex=True),
    Case("np.arctan", np.arctan, each(REALS), complex=True),
    Case("np.sinh", np.sinh, each(REALS), complex=True),
    Case("np.cosh", np.cosh, each(REALS), complex=True),
    Case("np.tanh", np.tanh, each(REALS), complex=True),
    Case("np.arcsinh", np.arcsinh, each(REALS), complex=True),
    Case("np.arccosh", np.arccosh, each(between(1.2, 3.0)), complex=True),
    Case("np.arctanh", np.arctanh, each(UNIT), complex=True),
    Case("np.deg2rad", np.deg2rad, each(REALS)),
    Case("np.radians", np.radians, each(REALS)),
    Case("np.rad2deg", np.rad2deg, each(REALS)),
    Case("np.degrees", np.degrees, each(REALS)),
    Case("np.conjugate", np.conjugate, each(REALS), complex=True),
    Case("np.real", np.real, each(REALS), complex=True),
    Case("np.real", elementwise.real, each(REALS), complex=True, label="the primitive"),
    Case("np.imag", np.imag, each(REALS), complex=True),
)

SEVERAL_INPUTS = (
    Case("np.where", lambda x, y, c: np.where(c, x, y), broadcast(REALS, REALS, mask), complex=True),
    Case("np.where", lambda x, c: np.where(c, x, 0), broadcast(REALS, mask), complex=True, label="with a number"),
    Case("np.add", np.add, broadcast(REALS, REALS), complex=True),
    Case("np.add", lambda x, k: x + k, broadcast(REALS, integers(-3, 4)), complex=True, label="of integers"),
    Case("np.subtract", np.subtract, broadcast(REALS, REALS), complex=True),
    Case("np.multiply", np.multiply, broadcast(REALS, REALS), complex=True),
    Case("np.multiply", lambda k, x: k * x, broadcast(integers(-3, 4), REALS), complex=True, label="by integers"),
    Case("np.divide", np.divide, broadcast(REALS, NONZERO), complex=True),
    Case("np.power", np.power, broadcast(POSITIVE, REALS), complex=True),
    Case("np.power", lambda x, k: x**k, broadcast(NONZERO, integers(-3, 4)), complex=True, label="to integers"),
    Case("np.power", lambda x: x**2 + x**3 - x**0 + x**-1, each(NONZERO), complex=True, label="to numbers"),
    Case("np.power", lambda x: 3**x + 0.5**x, each(REALS), complex=True, label="of numbers"),
    Case("np.float_power", np.float_power, broadcast(POSITIVE, REALS), complex=True),
    Case("np.maximum", np.maximum, broadcast(on_grid, off_grid), complex=True),
    Case("np.minimum", np.minimum, broadcast(on_grid, off_grid), complex=True),
    Case("np.fmax", np.fmax, broadcast(on_grid, off_grid), complex=True),
    Case("np.fmin", np.fmin, broadcast(on_grid, off_grid), complex=True),
    # x / y stays away from integers: x is an odd multiple of 0.5 times y.
    Case("np.fmod", lambda q, y: np.fmod(q * y, y), broadcast(between_integers, both_signs(0.5, 2.0))),
    Case("np.remainder", lambda q, y: (q * y) % y, broadcast(between_integers, both_signs(0.5, 2.0))),
    Case("np.hypot", np.hypot, broadcast(NONZERO, NONZERO)),
    Case("np.arctan2", np.arctan2, broadcast(NONZERO, NONZERO)),
    Case("np.logaddexp", np.logaddexp, broadcast(REALS, REALS)),
    Case("np.logaddexp2", np.logaddexp2, broadcast(REALS, REALS)),
    Case("np.copysign", np.copysign, broadcast(NONZERO, NONZERO)),
    Case("np.heaviside", np.heaviside, broadcast(NONZERO, REALS)),
    Case("np.heaviside", lambda x, y: np.heaviside(0.0 * x, y), broadcast(REALS, REALS), label="at 0"),
    Case("np.ldexp", np.ldexp, broadcast(REALS, integers(-3, 4))),
)

CONSTANT = (
    Case("chainrule.stop_gradient", stop_gradient, each(REALS), ZERO, complex=True),
    Case("np.sign", np.sign, each(REALS), ZERO),
    Case("np.floor", np.floor, each(REALS), ZERO),
    Case("np.ceil", np.ceil, each(REALS), ZERO),
    Case("np.trunc", np.trunc, each(REALS), ZERO),
    Case("np.rint", np.rint, each(REALS), ZERO, complex=True),
    Case("np.floor_divide", np.floor_divide, broadcast(REALS, NONZERO), ZERO),
    Case("np.isnan", np.isnan, each(REALS), ZERO, complex=True),
    Case("np.isinf", np.isinf, each(REALS), ZERO, complex=True),
    Case("np.isfinite", np.isfinite, each(REALS), ZERO, complex=True),
    Case("np.signbit", np.signbit, each(REALS), ZERO),
    Case("np.equal", np.equal, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.not_equal", np.not_equal, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.less", np.less, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.less_equal", np.less_equal, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.greater", np.greater, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.greater_equal", np.greater_equal, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.logical_and", np.logical_and, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.logical_or", np.logical_or, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.logical_xor", np.logical_xor, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.logical_not", np.logical_not, each(some_zeros), ZERO, complex=True),
    Case("np.bitwise_and", lambda x, y: (x > 0) & (y > 0), broadcast(REALS, REALS), ZERO),
    Case("np.bitwise_or", lambda x, y: (x > 0) | (y > 0), broadcast(REALS, REALS), ZERO),
    Case("np.bitwise_xor", lambda x, y: (x > 0) ^ (y > 0), broadcast(REALS, REALS), ZERO),
    Case("np.invert", lambda x: ~(x > 0), each(REALS), ZERO),
    Case("np.left_shift", lambda x: np.left_shift(x.astype(int), 2), each(POSITIVE), ZERO),
    Case("np.right_shift", lambda x: np.right_shift(8, x.astype(int)), each(POSITIVE), ZERO),
)

WITHOUT = (
    Case("np.nextafter", np.nextafter, broadcast(REALS, REALS), NEVER),
    Case("np.spacing", np.spacing, each(REALS), NEVER),
)

CASES = (*ONE_INPUT, *SEVERAL_INPUTS, *CONSTANT, *WITHOUT)
