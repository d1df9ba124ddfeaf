"""Reductions, and the running sums and products along an axis."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import NONZERO, REALS, ZERO, Case, along, distinct, fixed, mask, reduced, some_zeros

FLOAT64 = st.just(np.float64)

CASES = (
    Case("np.sum", np.sum, reduced(REALS), complex=True),
    Case("np.sum", np.sum, reduced(REALS, dtype=FLOAT64), label="of a dtype"),
    Case("np.sum", lambda x, **axis: x.sum(**axis), reduced(REALS), complex=True, label="method"),
    Case("np.prod", np.prod, reduced(NONZERO), complex=True),
    Case("np.prod", np.prod, reduced(some_zeros), label="with zeros"),
    Case("np.max", np.max, reduced(distinct, empty=False), complex=True),
    Case("np.max", np.max, fixed((distinct, (0, 3)), axis=1), label="of an empty array"),
    Case("np.min", np.min, reduced(distinct, empty=False), complex=True),
    Case("np.cumsum", np.cumsum, along(REALS), complex=True),
    Case("np.cumsum", np.cumsum, fixed((REALS, ())), label="of a number"),
    Case("np.cumprod", np.cumprod, along(NONZERO), complex=True),
    Case("np.cumprod", np.cumprod, along(some_zeros), label="with zeros"),
    Case("np.cumprod", np.cumprod, fixed((REALS, ())), label="of a number"),
    Case("np.argmax", np.argmax, reduced(distinct, axes="one", empty=False), ZERO, complex=True),
    Case("np.argmin", np.argmin, reduced(distinct, axes="one", empty=False), ZERO, complex=True),
    Case("np.argsort", np.argsort, along(distinct), ZERO, complex=True),
    Case("np.count_nonzero", np.count_nonzero, reduced(some_zeros), ZERO, complex=True),
    Case("np.any", np.any, reduced(some_zeros), ZERO, complex=True),
    Case("np.all", np.all, reduced(some_zeros), ZERO, complex=True),
    Case("np.any", lambda x, m, **axis: np.any((x > 0) & m, **axis), reduced(REALS, mask), ZERO, label="of tests"),
)
