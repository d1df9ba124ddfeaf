"""Covariance and correlation."""

import numpy as np
from tests.ops.case import POSITIVE, REALS, Case, distinct, fixed

CASES = (
    Case("np.cov", np.cov, fixed((REALS, (2, 4))), complex=True),
    Case("np.cov", np.cov, fixed((REALS, (4,))), label="of one variable"),
    Case(
        "np.cov", lambda x, y: np.cov(x, y, rowvar=False, ddof=0), fixed((REALS, (4, 2)), (REALS, (4,))), label="of two"
    ),
    Case(
        "np.cov",
        lambda x, w: np.cov(x, aweights=w, fweights=[1, 2, 1, 3]),
        fixed((REALS, (2, 4)), (POSITIVE, (4,))),
        label="with weights",
    ),
    Case("np.corrcoef", np.corrcoef, fixed((distinct, (2, 5)))),
    Case(
        "np.corrcoef",
        lambda x, y: np.corrcoef(x, y)[0, 1],
        fixed((REALS, (5,)), (REALS, (5,))),
        complex=True,
        label="of two",
    ),
)
