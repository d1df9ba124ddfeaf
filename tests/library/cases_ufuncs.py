"""Ufuncs with their arguments and methods, and reductions with where= and initial=."""

import numpy as np
from tests.ops.case import (
    NONZERO,
    POSITIVE,
    REALS,
    ZERO,
    Case,
    between_integers,
    distinct,
    distinct_sizes,
    fixed,
    some_zeros,
)

KEEP = np.array([[True, False, True], [True, True, False]])


def written(ufunc, shape=(2, 3), dtype=float, **arguments):
    """A function that lets a ufunc write into an array that it makes."""

    def f(*xs):
        z = np.ones(shape, dtype)
        returned = ufunc(*xs, out=z, **arguments)
        return z + 0 * returned

    return f


def reciprocal(x):
    z = np.zeros(x.shape)
    np.divide(1.0, x, out=z, where=x > 0)
    return z


def root_of_positive(x):
    z = np.full(x.shape, 2.0)
    y = 3 * z
    np.sqrt(x, z, where=x > 0)
    return z * y


def both_parts(x):
    fraction, whole = np.zeros(x.shape), np.zeros(x.shape)
    np.modf(x, out=(fraction, whole))
    return fraction, whole


def summed_into(x):
    z = np.zeros(3)
    np.sum(x * x, 0, None, z)
    return z


def updated(x, y):
    z = x * 1
    z += y
    z *= y
    z -= 1
    z /= y
    z **= 2
    return z


def at_places(ufunc):
    def f(x, y):
        z = 1 * x
        ufunc.at(z, [0, 1, 0, 0], y)
        return z

    return f


def negated(x):
    z = 1 * x
    np.negative.at(z, (np.array([0, 0, 1, 0]), np.array([1, 1, 2, 1])))
    return z


ROWS = fixed((REALS, (2, 3)))
FOUR = fixed((REALS, (2, 3)), (NONZERO, (4, 3)))
PARTS = fixed((distinct_sizes, (4, 3)))

CASES = (
    # where= and out=
    Case("np.divide", reciprocal, fixed((NONZERO, (2, 3))), label="where= and out="),
    Case("np.sqrt", root_of_positive, fixed((NONZERO, (2, 3))), label="where= and out="),
    Case("np.log", written(np.log, where=KEEP), fixed((POSITIVE, (2, 3))), label="where= of a constant"),
    Case(
        "np.arccosh", written(np.arccosh, where=~KEEP), fixed((lambda rng, s: rng.uniform(1.5, 3, s), (3,))), label="w"
    ),
    Case("np.multiply", written(np.multiply), fixed((REALS, (2, 1)), (REALS, (3,))), label="out="),
    Case("np.multiply", written(np.multiply, dtype=complex), fixed((REALS, (2, 3)), (REALS, (2, 3))), label="wide"),
    Case("np.modf", both_parts, fixed((between_integers, (2, 3))), label="out= of both"),
    Case("np.sum", summed_into, ROWS, label="out= by position"),
    Case("np.add", updated, fixed((REALS, (2, 3)), (NONZERO, (3,))), label="in place"),
    Case("np.exp", lambda x: np.exp(x, dtype=np.float64, casting="safe", order="C", subok=False), ROWS, label="dtype="),
    # Reductions
    Case("np.sum", lambda x: np.sum(x * x, axis=1, where=KEEP, initial=2), ROWS, complex=True, label="where="),
    Case("np.sum", lambda x: np.sum(x * x, where=x > 0), fixed((NONZERO, (2, 3))), label="where= of the entries"),
    Case("np.prod", lambda x: np.prod(x, 0, where=KEEP, keepdims=True, initial=2), ROWS, complex=True, label="where="),
    Case("np.max", lambda x: np.max(x, 1, where=KEEP, initial=-9), fixed((distinct, (2, 3))), label="where="),
    Case("np.min", lambda x: np.min(x, initial=-0.05), fixed((distinct, (2, 3))), label="initial="),
    Case("np.max", lambda x: np.max(x[:0], axis=0, initial=2.5) + x[0], fixed((REALS, (2, 3))), label="of nothing"),
    Case("np.mean", lambda x: np.mean(x, axis=1, where=KEEP), ROWS, complex=True, label="where="),
    Case("np.var", lambda x: np.var(x, axis=1, where=KEEP, ddof=1), ROWS, complex=True, label="where="),
    Case("np.std", lambda x: np.std(x, where=KEEP, keepdims=True), fixed((distinct, (2, 3))), label="where="),
    Case("np.var", lambda x: np.var(x, 1, None, None, 1, True), ROWS, label="by position"),
    Case("np.any", lambda x: np.any(x, axis=1, where=KEEP), fixed((some_zeros, (2, 3))), ZERO, label="where="),
    Case("np.all", lambda x: np.all(x, axis=1, where=KEEP), fixed((some_zeros, (2, 3))), ZERO, label="where="),
    Case("np.nansum", lambda x: np.nansum(x, 1, where=KEEP, initial=2), ROWS, label="where="),
    Case("np.nanprod", lambda x: np.nanprod(x, 1, where=KEEP, initial=2), ROWS, label="where="),
    Case("np.nanmean", lambda x: np.nanmean(x, 1, where=KEEP), ROWS, label="where="),
    Case("np.nanvar", lambda x: np.nanvar(x, 1, where=KEEP), ROWS, label="where="),
    Case("np.nanstd", lambda x: np.nanstd(x, 1, ddof=0.5, where=KEEP), fixed((distinct, (2, 3))), label="where="),
    Case("np.nanmax", lambda x: np.nanmax(x, 1, where=KEEP, initial=-9), fixed((distinct, (2, 3))), label="where="),
    Case("np.nanmin", lambda x: np.nanmin(x, 1, initial=9), fixed((distinct, (2, 3))), label="initial="),
    # Methods
    Case("np.sum", lambda x: np.add.reduce(x * x), ROWS, complex=True, label="add.reduce"),
    Case("np.prod", lambda x: np.multiply.reduce(x, axis=None), ROWS, complex=True, label="multiply.reduce"),
    Case("np.max", lambda x: np.maximum.reduce(x, axis=1, keepdims=True), fixed((distinct, (2, 3))), label="reduce"),
    Case("np.logaddexp", lambda x: np.logaddexp.reduce(x), PARTS, label="reduce"),
    Case("np.logaddexp", lambda x: np.logaddexp.reduce(x, (0, 1), where=KEEP, initial=1), ROWS, label="reduce where="),
    Case("np.logaddexp2", lambda x: np.logaddexp2.reduce(x, 1, keepdims=True), ROWS, label="reduce"),
    Case("np.hypot", lambda x: np.hypot.reduce(x, axis=None), fixed((NONZERO, (3, 3))), label="reduce"),
    Case("np.fmax", lambda x: np.fmax.reduce(x), PARTS, label="reduce"),
    Case("np.subtract", lambda x: np.subtract.reduce(x * x, axis=1, keepdims=True), ROWS, label="reduce"),
    Case("np.logical_xor", lambda x: np.logical_xor.reduce(x), fixed((some_zeros, (3, 3))), ZERO, label="reduce"),
    Case("np.cumsum", lambda x: np.add.accumulate(x * x), ROWS, complex=True, label="add.accumulate"),
    Case("np.cumprod", lambda x: np.multiply.accumulate(x, 1), ROWS, complex=True, label="multiply.accumulate"),
    Case("np.cumsum", lambda x: np.subtract.accumulate(x * x, 1), ROWS, label="subtract.accumulate"),
    Case("np.maximum", lambda x: np.maximum.accumulate(x), fixed((distinct, (5, 2))), label="accumulate"),
    Case("np.minimum", lambda x: np.minimum.accumulate(x, axis=1), fixed((distinct, (2, 4))), label="accumulate"),
    Case("np.logaddexp", lambda x: np.logaddexp.accumulate(x, -1), ROWS, label="accumulate"),
    Case("np.subtract", lambda x, y: np.subtract.outer(x, y * y), fixed((REALS, (2,)), (REALS, (3, 1))), label="outer"),
    Case("np.maximum", lambda x: np.maximum.outer([0.1, -0.1], x), fixed((distinct, (3,))), label="outer"),
    Case("index_add", lambda x: np.add.reduceat(x * x, [0, 2, 1, 1]), fixed((REALS, (4, 2))), label="add.reduceat"),
    Case("np.max", lambda x: np.maximum.reduceat(x, [0, 2], axis=1), fixed((distinct, (2, 4))), label="reduceat"),
    Case("np.prod", lambda x: np.multiply.reduceat(x, [0, 2, 1]), PARTS, label="reduceat"),
    Case("np.multiply", at_places(np.multiply), FOUR, label="at"),
    Case("np.divide", at_places(np.divide), FOUR, label="at"),
    Case("index_add", at_places(np.subtract), FOUR, label="subtract.at"),
    Case("np.negative", negated, ROWS, label="at"),
)
