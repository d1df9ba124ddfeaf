"""Functions of scipy.special that are Python code there, and are caught while recording."""

import scipy.special
from tests.ops.case import POSITIVE, REALS, Case, fixed, reduced


def logsumexp(x, b, **params):
    return scipy.special.logsumexp(x, b=b.astype(x.dtype), **params)


CASES = (
    Case("scipy.special.logsumexp", scipy.special.logsumexp, reduced(REALS, empty=False, low=1)),
    Case("scipy.special.logsumexp", scipy.special.logsumexp, fixed((REALS, ())), label="of a number"),
    Case("scipy.special.logsumexp", logsumexp, reduced(REALS, POSITIVE, empty=False, low=1), label="with factors"),
    Case("scipy.special.softmax", scipy.special.softmax, reduced(REALS, empty=False, keepdims=False)),
    Case("scipy.special.log_softmax", scipy.special.log_softmax, reduced(REALS, empty=False, keepdims=False)),
)
