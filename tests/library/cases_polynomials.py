"""Polynomials, the matrix of powers, and sums of products of neighbours."""

import numpy as np
from tests.ops.case import POSITIVE, REALS, Case, each, fixed, shapes
from tests.ops.cases_products import convolved


def spaced(rng, shape):
    """Numbers in order, in double precision alone: NumPy makes double of the powers, and single of the rest."""
    return np.linspace(-1.5, 1.5, shape[0]) + rng.uniform(-0.1, 0.1, shape)


CASES = (
    Case("np.polyval", np.polyval, fixed((REALS, (4,)), (REALS, (2, 3))), complex=True),
    Case("np.polyval", lambda x: np.polyval([1.0, 2.0, 3.0], x), each(REALS), label="of numbers"),
    Case("np.vander", np.vander, each(REALS, shape=shapes(1, 1)), complex=True),
    Case("np.vander", lambda x: np.vander(x, 4, increasing=True), each(REALS, shape=shapes(1, 1)), label="ascending"),
    Case("np.polyadd", np.polyadd, fixed((REALS, (3,)), (REALS, (2,))), complex=True),
    Case("np.polysub", np.polysub, fixed((REALS, (2,)), (REALS, (4,))), complex=True),
    Case("np.polymul", np.polymul, fixed((REALS, (3,)), (REALS, (2,))), complex=True),
    Case("np.polyder", lambda p: np.polyder(p, 2), fixed((REALS, (5,))), complex=True),
    Case("np.polyint", lambda p, k: np.polyint(p, 2, k), fixed((REALS, (3,)), (REALS, (2,))), complex=True),
    Case("np.polyfit", lambda x, y: np.polyfit(x, y, 2), fixed((spaced, (5,)), (REALS, (5,))), complex=True),
    Case(
        "np.polyfit",
        lambda x, y, w: np.polyfit(x, y, 1, w=w),
        fixed((spaced, (4,)), (REALS, (4, 2)), (POSITIVE, (4,))),
        label="with weights",
    ),
    Case("np.convolve", np.convolve, convolved("full", "same", "valid"), complex=True, label="in part"),
    Case("np.correlate", np.correlate, convolved("full", "same", "valid"), complex=True),
)
