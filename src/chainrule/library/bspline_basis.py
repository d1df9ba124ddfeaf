"""B-splines: the basis functions at points, derivatives, and the coefficients of the spline through data.

The k + 1 basis functions that are not zero at a point come from the recurrence of M. Cox and C. de Boor (L. Piegl and
W. Tiller, The NURBS Book, algorithm A2.2).
"""

from typing import Any

import numpy as np

from chainrule.library.interpolants import given, interval, taken
from chainrule.ops.axes import shape_of
from chainrule.ops.matrix_functions import solve_banded

__all__ = ["basis", "coefficients", "lowered", "not_a_knot"]


def basis(knots: Any, k: int, t: Any) -> tuple[Any, list[Any]]:
    """The first of the k + 1 basis functions that are not zero at each point, and their values."""
    n = shape_of(knots)[0] - k - 1
    i = interval(knots, t, k, n - 1)
    left = [t - taken(knots, i - j) for j in range(k)]
    right = [taken(knots, i + 1 + j) - t for j in range(k)]
    found: list[Any] = [np.ones(shape_of(t))]
    for degree in range(1, k + 1):
        saved: Any = 0.0
        raised = []
        for r in range(degree):
            share = found[r] / (right[r] + left[degree - 1 - r])
            raised.append(saved + right[r] * share)
            saved = left[degree - 1 - r] * share
        found = [*raised, saved]
    return i - k, found


def lowered(knots: Any, c: Any, k: int, nu: int) -> tuple[Any, Any, int]:
    """Knots, coefficients and degree of the nu-th derivative."""
    for _ in range(nu):
        n = shape_of(c)[0]
        if k == 0:
            return knots, 0 * c, 0
        width = knots[k + 1 : n + k] - knots[1:n]
        factor = np.where(width > 0, k / np.where(width > 0, width, 1.0), 0.0)
        c = np.diff(c, axis=0) * np.reshape(factor, (-1, *(1,) * (len(shape_of(c)) - 1)))
        knots, k = knots[1:-1], k - 1
    return knots, c, k


def not_a_knot(x: Any, k: int) -> Any:
    """Knots for data at x: all of them but those next to the ends, or the places between them where k is even."""
    inner = x if k % 2 else (x[1:] + x[:-1]) / 2
    cut = (k + 1) // 2
    inner = inner[cut:-cut] if k % 2 else inner[k // 2 : -(k // 2)] if k else inner
    return np.concatenate([np.full(k + 1, x[0]), inner, np.full(k + 1, x[-1])])


def coefficients(x: Any, y: Any, knots: Any, k: int, ends: Any = ((), ())) -> Any:
    """Coefficients of the spline through data along the first axis, with derivatives given at the ends.

    Parameters
    ----------
    x, knots : ndarray
        Plain ones.
    y : array
        The data.
    k : int
        The degree.
    ends : pair of sequences
        Orders and values of derivatives at the first and at the last x.
    """
    from scipy.interpolate import BSpline

    n = len(knots) - k - 1
    inner = BSpline.design_matrix(x, knots, k).tocoo()
    rows, columns, entries = [inner.row + len(ends[0])], [inner.col], [inner.data]
    for conditions, place, some, start in (
        (ends[0], x[0], np.arange(min(k + 1, n)), 0),
        (ends[1], x[-1], np.arange(max(n - k - 1, 0), n), n - len(ends[1])),
    ):
        for number, (order, _) in enumerate(conditions):
            one = np.zeros((n, len(some)))
            one[some, np.arange(len(some))] = 1
            rows.append(np.full(len(some), start + number))
            columns.append(some)
            entries.append(BSpline(knots, one, k)(place, nu=order))
    bands = np.zeros((2 * k + 1, n))
    row, column = np.concatenate(rows), np.concatenate(columns)
    bands[k + row - column, column] = np.concatenate(entries)
    parts = [[np.broadcast_to(given(v), shape_of(y)[1:])[None] for _, v in side] for side in ends]
    right = np.concatenate([*parts[0], y, *parts[1]], axis=0)
    found = solve_banded(bands, np.reshape(right, (n, -1)), lower=k, upper=k)
    return np.reshape(found, shape_of(right))
