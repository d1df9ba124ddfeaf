"""Triangular factors of scipy.linalg, with the exchanges of rows that they need."""

import numpy as np
import scipy.linalg
from tests.ops.case import REALS, ZERO, Case, fixed

SQUARE = fixed((REALS, (3, 3)))
SHIFT = np.array([[0.0, 3.0, 0.0], [0.0, 0.0, 4.0], [5.0, 0.0, 0.0]])


def moved(x):
    """A matrix near one whose largest entries stand off the diagonal, so that rows are exchanged the same way."""
    return SHIFT.astype(x.dtype) + 0.3 * x


def stacked(x):
    return np.stack([moved(x), 2 * moved(x).T])


def solution(trans):
    return lambda x, b: scipy.linalg.lu_solve(scipy.linalg.lu_factor(moved(x)), b, trans=trans)


CASES = (
    Case("scipy.linalg.lu", lambda x: scipy.linalg.lu(moved(x)), SQUARE, complex=True),
    Case("scipy.linalg.lu", lambda x: scipy.linalg.lu(moved(x)[:, :2], permute_l=True), SQUARE, label="of a tall one"),
    Case("scipy.linalg.lu", lambda x: scipy.linalg.lu(moved(x)[:2])[1:], SQUARE, label="of a wide one"),
    Case("scipy.linalg.lu", lambda x: scipy.linalg.lu(stacked(x), p_indices=True)[1:], SQUARE, label="of several"),
    Case("scipy.linalg.lu", scipy.linalg.lu, fixed((REALS, (0, 0))), label="of no rows"),
    Case("lu_factors", lambda x: scipy.linalg.lu(moved(x))[2], SQUARE, complex=True),
    Case("qr_permutation", lambda x: scipy.linalg.qr(moved(x), mode="r", pivoting=True)[1], SQUARE, ZERO, complex=True),
    Case(
        "scipy.linalg.qr", lambda x: scipy.linalg.qr(moved(x), pivoting=True)[:2], SQUARE, complex=True, label="pivoted"
    ),
    Case(
        "scipy.linalg.qr",
        lambda x: scipy.linalg.qr(moved(x)[:, :2], mode="economic", pivoting=True)[:2],
        SQUARE,
        label="of a tall one, pivoted",
    ),
    Case("lu_permutation", lambda x: scipy.linalg.lu(moved(x))[0], SQUARE, ZERO, complex=True),
    Case("lu_pivots", lambda x: scipy.linalg.lu_factor(moved(x))[1], SQUARE, ZERO, complex=True),
    Case("permutation_of_pivots", solution(0), fixed((REALS, (3, 3)), (REALS, (3, 2))), complex=True),
    Case("scipy.linalg.lu_factor", lambda x: scipy.linalg.lu_factor(moved(x))[0], SQUARE, complex=True),
    Case("scipy.linalg.lu_factor", lambda x: scipy.linalg.lu_factor(moved(x)[:, :2])[0], SQUARE, label="of a tall one"),
    Case("scipy.linalg.lu_factor", lambda x: scipy.linalg.lu_factor(x)[0], fixed((REALS, (0, 0))), label="of no rows"),
    Case("scipy.linalg.lu_solve", solution(0), fixed((REALS, (3, 3)), (REALS, (3,))), complex=True),
    Case(
        "scipy.linalg.lu_solve", solution(1), fixed((REALS, (3, 3)), (REALS, (3, 2))), complex=True, label="transposed"
    ),
    Case("scipy.linalg.lu_solve", solution(2), fixed((REALS, (3, 3)), (REALS, (3, 2))), complex=True, label="adjoint"),
)
