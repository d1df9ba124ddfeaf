"""Functions of scipy.special that are Python code there, and are caught while recording."""

import scipy.special
from tests.ops.case import NONZERO, POSITIVE, PROBABILITY, REALS, Case, between, broadcast, each, fixed, reduced


def logsumexp(x, b, **params):
    return scipy.special.logsumexp(x, b=b.astype(x.dtype), **params)


CASES = (
    Case("scipy.special.logsumexp", scipy.special.logsumexp, reduced(REALS, empty=False, low=1), complex=True),
    Case("scipy.special.logsumexp", scipy.special.logsumexp, fixed((REALS, ())), label="of a number"),
    Case("scipy.special.logsumexp", logsumexp, reduced(REALS, POSITIVE, empty=False, low=1), label="with factors"),
    Case("scipy.special.softmax", scipy.special.softmax, reduced(REALS, empty=False, keepdims=False), complex=True),
    Case(
        "scipy.special.log_softmax",
        scipy.special.log_softmax,
        reduced(REALS, empty=False, keepdims=False),
        complex=True,
    ),
    Case("scipy.special.exp2", scipy.special.exp2, each(REALS)),
    Case("scipy.special.exp10", scipy.special.exp10, each(REALS)),
    Case("scipy.special.cbrt", scipy.special.cbrt, each(NONZERO)),
    Case("scipy.special.entr", scipy.special.entr, each(POSITIVE)),
    Case("scipy.special.rel_entr", scipy.special.rel_entr, broadcast(POSITIVE, POSITIVE)),
    Case("scipy.special.kl_div", scipy.special.kl_div, broadcast(POSITIVE, between(3.0, 4.0))),
    Case("scipy.special.huber", scipy.special.huber, broadcast(between(2.1, 3.0), REALS)),
    Case("scipy.special.huber", scipy.special.huber, broadcast(PROBABILITY, between(0.9, 2.0)), label="far out"),
    Case("scipy.special.pseudo_huber", scipy.special.pseudo_huber, broadcast(POSITIVE, REALS)),
    Case("scipy.special.exprel", scipy.special.exprel, each(between(-2.5, 2.5))),
    Case("scipy.special.boxcox", scipy.special.boxcox, broadcast(POSITIVE, REALS)),
    Case("scipy.special.boxcox1p", scipy.special.boxcox1p, broadcast(POSITIVE, REALS)),
    Case("scipy.special.multigammaln", lambda x: scipy.special.multigammaln(x, 3), each(between(1.5, 3.0))),
)
