"""Functions that tell about shape and type, or whose result is piecewise constant."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import (
    REALS,
    ZERO,
    Case,
    between_integers,
    broadcast,
    distinct,
    each,
    fixed,
    reduced,
    shapes,
    some_zeros,
)

DECIMALS = st.fixed_dictionaries({}, optional={"decimals": st.integers(-2, 3)})
ORDINARY = st.sampled_from((np.float32, int, bool, None)).map(lambda dtype: {"dtype": dtype})
ROWS = shapes(1, 1)


def infinite(rng, shape):
    """Numbers among which infinities and NaN are common."""
    return rng.choice([1.0, 2.0, np.inf, -np.inf, np.nan], shape)


def ascending(rng, shape):
    """Distinct numbers in order."""
    return np.sort(distinct(rng, shape))


CASES = (
    Case("np.shape", np.shape, each(REALS), ZERO),
    Case("np.ndim", np.ndim, each(REALS), ZERO),
    Case("np.size", np.size, reduced(REALS, axes="one", keepdims=False), ZERO),
    Case("np.zeros_like", np.zeros_like, each(REALS, params=ORDINARY), ZERO, complex=True),
    Case("np.zeros_like", np.zeros_like, fixed((REALS, (2,)), shape=(3, 1)), ZERO, label="of another shape"),
    Case("np.ones_like", np.ones_like, each(REALS, params=ORDINARY), ZERO, complex=True),
    Case("np.empty_like", lambda x: np.zeros_like(np.empty_like(x)), each(REALS), ZERO),
    Case("np.full_like", lambda x, **kw: np.full_like(x, 3, **kw), each(REALS, params=ORDINARY), ZERO, complex=True),
    Case("np.full_like", lambda x: np.full_like(x, [1.0, 2.0]), fixed((REALS, (3, 2))), ZERO, label="with a row"),
    Case("np.iscomplexobj", np.iscomplexobj, each(REALS), ZERO, complex=True),
    Case("np.isrealobj", np.isrealobj, each(REALS), ZERO, complex=True),
    Case("np.result_type", lambda x: np.zeros(2, np.result_type(x, np.float32, 1.0)), each(REALS), ZERO),
    Case("np.round", np.round, each(between_integers, params=DECIMALS), ZERO, complex=True),
    Case("np.around", np.around, each(between_integers, params=DECIMALS), ZERO, complex=True),
    Case("np.round", lambda x: np.round(1000 * x, -2), each(REALS), ZERO, label="to hundreds"),
    Case("np.fix", np.fix, each(between_integers), ZERO),
    Case("np.isclose", np.isclose, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.isclose", np.isclose, broadcast(infinite, infinite), ZERO, label="of infinities"),
    Case("np.allclose", np.allclose, broadcast(some_zeros, some_zeros), ZERO, complex=True),
    Case("np.array_equal", np.array_equal, broadcast(some_zeros, some_zeros), ZERO, looks=True, complex=True),
    Case("np.nonzero", np.nonzero, each(some_zeros, shape=shapes(1)), ZERO, looks=True, complex=True),
    Case("np.flatnonzero", np.flatnonzero, each(some_zeros), ZERO, looks=True, complex=True),
    Case("np.searchsorted", np.searchsorted, each(ascending, REALS, shape=ROWS), ZERO, complex=True),
    Case(
        "np.searchsorted", np.searchsorted, fixed((ascending, (4,)), (REALS, (2, 3)), side="right"), ZERO, label="right"
    ),
    Case("np.digitize", lambda x: np.digitize(x, [-1.0, 0.1, 1.0]), each(REALS), ZERO),
    Case("np.digitize", lambda x: np.digitize(x, [1.0, 0.1, -1.0], right=True), each(REALS), ZERO, label="descending"),
    Case("np.argwhere", np.argwhere, each(some_zeros), ZERO, looks=True, complex=True),
    Case("np.isreal", np.isreal, each(some_zeros), ZERO, complex=True),
    Case("np.iscomplex", np.iscomplex, each(some_zeros), ZERO, complex=True),
    Case("np.isposinf", np.isposinf, each(infinite), ZERO),
    Case("np.isneginf", np.isneginf, each(infinite), ZERO),
    Case("np.atleast_1d", np.atleast_1d, each(REALS), complex=True),
    Case("np.atleast_2d", np.atleast_2d, each(REALS), complex=True),
    Case("np.atleast_3d", np.atleast_3d, each(REALS), complex=True),
    Case("np.atleast_1d", lambda x, y: np.atleast_1d(x, 1.0, y), broadcast(REALS, REALS), label="of several"),
)
