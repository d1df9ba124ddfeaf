"""Methods of scipy.stats' distributions, which are Python code there and are caught while recording."""

import numpy as np
import scipy.stats
from tests.ops.case import NONZERO, POSITIVE, PROBABILITY, REALS, Case, broadcast, fixed, in_double, integers

COVARIANCE = np.array([[2.0, 0.3, -0.1], [0.3, 1.0, 0.2], [-0.1, 0.2, 0.5]])


def on_simplex(function):
    """A function of probabilities, near equal ones; the last one, which is left out, is what remains."""
    return lambda z, alpha: function(1 / 3 + 0.04 * z.astype(float), alpha)


def method(name):
    """A method of the logistic distribution, with both of its parameters."""
    function = getattr(scipy.stats.logistic, name)
    return lambda x, loc, scale: function(x, loc=loc, scale=scale)


NORMAL = fixed((REALS, (3,)), (REALS, (3,)))
NORMALS = fixed((REALS, (4, 3)), (REALS, (3,)))
DIRICHLET = fixed((REALS, (2,)), (POSITIVE, (3,)))
DIRICHLETS = fixed((REALS, (2, 4)), (POSITIVE, (3,)))

CASES = (
    *(
        Case(f"scipy.stats.rv_continuous.{name}", method(name), broadcast(REALS, REALS, POSITIVE))
        for name in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
    ),
    Case(
        "scipy.stats.rv_continuous.logpdf",
        lambda x, a, scale: scipy.stats.gamma.logpdf(x, a, scale=scale),
        broadcast(POSITIVE, POSITIVE, POSITIVE),
        label="with a shape",
    ),
    Case(
        "scipy.stats.rv_continuous.logpdf",
        lambda x, a: np.exp(scipy.stats.gamma(a).logpdf(x)),
        broadcast(NONZERO, POSITIVE),
        label="frozen, outside of the support, too",
    ),
    *(
        Case(f"scipy.stats.rv_continuous.{name}", in_double(method(name)), broadcast(PROBABILITY, REALS, POSITIVE))
        for name in ("ppf", "isf")
    ),
    *(
        Case(
            f"scipy.stats.rv_discrete.{name}",
            lambda mu, k, name=name: getattr(scipy.stats.poisson, name)(k, mu, loc=1),
            broadcast(POSITIVE, integers(1, 6)),
        )
        for name in ("cdf", "sf", "logcdf", "logsf")
    ),
    Case(
        "scipy.stats.rv_discrete.pmf",
        lambda p, k: scipy.stats.binom.pmf(k, 4, p),
        broadcast(PROBABILITY, integers(-1, 6)),
    ),
    Case(
        "scipy.stats.rv_discrete.logpmf",
        lambda mu, k: np.exp(scipy.stats.poisson.logpmf(k, mu, loc=1)),
        broadcast(POSITIVE, integers(-1, 6)),
    ),
    *(
        Case("scipy.stats.multivariate_normal.logpdf", f, calls, label=label)
        for label, calls in (("of one", NORMAL), ("of several", NORMALS))
        for f in (lambda x, mean: scipy.stats.multivariate_normal.logpdf(x, mean, COVARIANCE),)
    ),
    Case(
        "scipy.stats.multivariate_normal.logpdf",
        lambda x, mean, c: scipy.stats.multivariate_normal.logpdf(x, mean, c @ c.T + np.eye(3)),
        fixed((REALS, (2, 3)), (REALS, (3,)), (REALS, (3, 3))),
        label="by the covariance",
    ),
    Case(
        "scipy.stats.multivariate_normal.logpdf",
        lambda x, c: (
            scipy.stats.multivariate_normal.logpdf(x, np.zeros(3), c),
            scipy.stats.multivariate_normal.logpdf(x[0], None, c[0]),
        ),
        fixed((REALS, (3,)), (POSITIVE, (3,))),
        label="by the variances",
    ),
    Case(
        "scipy.stats.multivariate_normal.pdf",
        lambda x, mean: scipy.stats.multivariate_normal.pdf(x, mean, [0.5, 1.0, 2.0]),
        NORMALS,
    ),
    Case(
        "scipy.stats.multivariate_normal", lambda x, mean: scipy.stats.multivariate_normal(mean, 2.0).logpdf(x), NORMALS
    ),
    Case(
        "scipy.stats.multivariate_normal().logpdf",
        lambda x: scipy.stats.multivariate_normal(cov=COVARIANCE).logpdf(x),
        fixed((REALS, (2, 4, 3))),
    ),
    Case(
        "scipy.stats.multivariate_normal().pdf",
        lambda x: scipy.stats.multivariate_normal([1.0, 0.0, -1.0], COVARIANCE).pdf(x),
        fixed((REALS, (3,))),
    ),
    Case(
        "scipy.stats.multivariate_normal.entropy",
        lambda c, v: (
            scipy.stats.multivariate_normal.entropy(cov=c @ c.T + np.eye(3)),
            scipy.stats.multivariate_normal.entropy(np.zeros(3), v),
        ),
        fixed((REALS, (3, 3)), (POSITIVE, (3,))),
    ),
    Case("scipy.stats.dirichlet.logpdf", on_simplex(scipy.stats.dirichlet.logpdf), DIRICHLET),
    Case("scipy.stats.dirichlet.logpdf", on_simplex(scipy.stats.dirichlet.logpdf), DIRICHLETS, label="of several"),
    Case("scipy.stats.dirichlet.pdf", on_simplex(scipy.stats.dirichlet.pdf), DIRICHLETS),
    Case("scipy.stats.dirichlet", on_simplex(lambda x, alpha: scipy.stats.dirichlet(alpha).logpdf(x)), DIRICHLET),
)
