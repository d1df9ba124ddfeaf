"""Elementwise functions of scipy.special: one line each, several where domains differ."""

import scipy.special
from tests.ops.case import (
    NEVER,
    POSITIVE,
    PROBABILITY,
    REALS,
    UNIT,
    ZERO,
    Case,
    between,
    broadcast,
    each,
    integers,
    some_zeros,
)

from chainrule.ops import PRIMITIVES


def by_order(name, **orders):
    """A function with a derivative by its last argument only; the others are fixed."""
    function = getattr(scipy.special, name)
    return lambda x: function(*orders.values(), x)


CASES = (
    Case("scipy.special.expit", scipy.special.expit, each(REALS)),
    Case("scipy.special.logit", scipy.special.logit, each(PROBABILITY)),
    Case("scipy.special.log_expit", scipy.special.log_expit, each(REALS)),
    Case("scipy.special.expm1", scipy.special.expm1, each(REALS), complex=True),
    Case("scipy.special.log1p", scipy.special.log1p, each(POSITIVE), complex=True),
    Case("scipy.special.cosm1", scipy.special.cosm1, each(REALS)),
    Case("scipy.special.xlogy", scipy.special.xlogy, broadcast(REALS, POSITIVE), complex=True),
    Case("scipy.special.xlogy", scipy.special.xlogy, broadcast(some_zeros, POSITIVE), label="with zeros"),
    Case("scipy.special.xlog1py", scipy.special.xlog1py, broadcast(REALS, POSITIVE), complex=True),
    Case("scipy.special.xlog1py", scipy.special.xlog1py, broadcast(some_zeros, POSITIVE), label="with zeros"),
    Case("scipy.special.erf", scipy.special.erf, each(REALS), complex=True),
    Case("scipy.special.erfc", scipy.special.erfc, each(REALS), complex=True),
    Case("scipy.special.erfcx", scipy.special.erfcx, each(REALS), complex=True),
    Case("scipy.special.erfinv", scipy.special.erfinv, each(UNIT)),
    Case("scipy.special.ndtr", scipy.special.ndtr, each(REALS), complex=True),
    Case("scipy.special.log_ndtr", scipy.special.log_ndtr, each(REALS), complex=True),
    Case("scipy.special.ndtri", scipy.special.ndtri, each(PROBABILITY)),
    Case("scipy.special.gamma", scipy.special.gamma, each(POSITIVE), complex=True),
    Case("scipy.special.gamma", scipy.special.gamma, each(between(-0.6, -0.4)), complex=True, label="below 0"),
    Case("scipy.special.gammaln", scipy.special.gammaln, each(POSITIVE)),
    Case("scipy.special.psi", scipy.special.psi, each(POSITIVE), complex=True),
    Case("scipy.special.zeta", scipy.special.zeta, broadcast(between(1.5, 4.0), POSITIVE)),
    Case("scipy.special.poch", scipy.special.poch, broadcast(POSITIVE, POSITIVE)),
    Case("scipy.special.beta", scipy.special.beta, broadcast(POSITIVE, POSITIVE)),
    Case("scipy.special.betaln", scipy.special.betaln, broadcast(POSITIVE, POSITIVE)),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, POSITIVE))
        for name in ("gammainc", "gammaincc", "chdtr", "chdtrc")
    ),
    Case("scipy.special.stdtr", scipy.special.stdtr, broadcast(POSITIVE, REALS)),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, POSITIVE, PROBABILITY))
        for name in ("betainc", "betaincc")
    ),
    *(
        Case(name, PRIMITIVES[name], calls, label="by all")
        for name, calls in (
            ("gammainc_by_a", broadcast(POSITIVE, POSITIVE)),
            ("stdtr_by_v", broadcast(POSITIVE, REALS)),
            *((f"betainc_by_{by}", broadcast(POSITIVE, POSITIVE, PROBABILITY)) for by in "ab"),
        )
    ),
    *(
        Case(name, lambda x, op=PRIMITIVES[name], first=first: op(*first, x), each(PROBABILITY), label="by the last")
        for start, first in (("gammainc_by_", (1.5,)), ("stdtr_by_", (2.5,)), ("betainc_by_", (1.5, 2.5)))
        for name in PRIMITIVES
        if name.startswith(start) and len(name) > len(start) + 1
    ),
    Case("scipy.special.i0", scipy.special.i0, each(REALS)),
    Case("scipy.special.i1", scipy.special.i1, each(REALS)),
    Case("scipy.special.iv", by_order("iv", v=1.5), each(POSITIVE), complex=True),
    Case("scipy.special.i0e", scipy.special.i0e, each(POSITIVE)),
    Case("scipy.special.i1e", scipy.special.i1e, each(POSITIVE)),
    Case("scipy.special.ive", by_order("ive", v=1.5), each(POSITIVE)),
    Case("scipy.special.rgamma", scipy.special.rgamma, each(between(-0.6, -0.4)), complex=True),
    Case("scipy.special.loggamma", scipy.special.loggamma, each(POSITIVE), complex=True),
    Case("scipy.special.gammasgn", scipy.special.gammasgn, each(between(-0.6, -0.4)), ZERO),
    Case("scipy.special.binom", scipy.special.binom, broadcast(between(3.1, 5.0), between(0.4, 2.4))),
    Case("scipy.special.pdtr", by_order("pdtr", k=2.0), each(POSITIVE)),
    Case("scipy.special.pdtrc", by_order("pdtrc", k=2.0), each(POSITIVE)),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, PROBABILITY))
        for name in ("gammaincinv", "gammainccinv")
    ),
    # SciPy searches for it, to less than rounding.
    Case("scipy.special.stdtrit", scipy.special.stdtrit, broadcast(between(1.5, 5.0), PROBABILITY), tolerance=1e-6),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, POSITIVE, PROBABILITY))
        for name in ("betaincinv", "betainccinv")
    ),
    Case("scipy.special.erfcinv", scipy.special.erfcinv, each(PROBABILITY)),
    Case("scipy.special.erfi", scipy.special.erfi, each(REALS), complex=True),
    Case("scipy.special.ndtri_exp", scipy.special.ndtri_exp, each(between(-3.0, -0.5))),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), each(POSITIVE))
        for name in ("j0", "j1", "y0", "y1", "k0", "k1", "k0e", "k1e")
    ),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), each(POSITIVE), complex=True)
        for name in ("expi", "exp1", "dawsn")
    ),
    Case("scipy.special.jv", by_order("jv", v=1.5), each(POSITIVE), complex=True),
    Case("scipy.special.yv", by_order("yv", v=0.3), each(POSITIVE), complex=True),
    Case("scipy.special.yn", by_order("yn", n=2), each(POSITIVE)),
    Case("scipy.special.kv", by_order("kv", v=1.5), each(POSITIVE), complex=True),
    Case("scipy.special.kve", by_order("kve", v=0.5), each(POSITIVE), complex=True),
    Case("scipy.special.kn", by_order("kn", n=2), each(POSITIVE)),
    Case("scipy.special.expn", by_order("expn", n=2), each(POSITIVE)),
    Case("scipy.special.owens_t", scipy.special.owens_t, broadcast(REALS, REALS)),
    Case("scipy.special.hyp0f1", by_order("hyp0f1", v=1.5), each(REALS), complex=True),
    Case("scipy.special.hyp1f1", by_order("hyp1f1", a=0.5, b=1.5), each(REALS), complex=True),
    Case("scipy.special.hyp2f1", by_order("hyp2f1", a=0.5, b=1.2, c=2.5), each(UNIT), complex=True),
    Case("scipy.special.lambertw", lambda x: scipy.special.lambertw(x).real, each(POSITIVE)),
    Case("scipy.special.lambertw", scipy.special.lambertw, each(POSITIVE), complex=True, label="of complex numbers"),
    Case("scipy.special.wrightomega", scipy.special.wrightomega, each(REALS), complex=True),
    # Without derivative by an order or a shape parameter.
    *(
        Case(
            f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, POSITIVE), NEVER, label="by both"
        )
        for name in ("iv", "ive", "jv", "yv", "kv", "kve", "hyp0f1")
    ),
    Case(
        "scipy.special.polygamma",
        lambda x, n: scipy.special.polygamma(n, x),
        broadcast(POSITIVE, integers(0, 3)),
    ),
)
