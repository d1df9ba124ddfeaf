"""Distributions of scipy.stats whose code in SciPy cannot be recorded: the same formulas in terms of what can.

The documentation of each distribution states its density in standard form, that is for loc = 0 and scale = 1. SciPy's
code for it is compiled, or not smooth where the density is, as a symmetric one computed from abs(x) is not at 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops.incomplete import betainc, betaincc, betainccinv, betaincinv, gammainccinv, gammaincinv
from chainrule.ops.special import (
    betaln,
    cosm1,
    expit,
    gammaln,
    i0,
    i0e,
    log_expit,
    log_ndtr,
    ndtr,
    xlog1py,
    xlogy,
)

__all__ = [
    "DENSITIES",
    "DISTRIBUTION_FUNCTIONS",
    "MASSES",
    "OWN",
    "QUANTILES",
    "STEPS",
    "WITHOUT_DERIVATIVE",
    "is_followed",
    "own_formulas",
]


Formula = Callable[..., Any]


def own_formulas(distribution: Any) -> dict[str, Formula]:
    """What stands in the place of SciPy's code for a distribution; for one that a user derived from it, nothing.

    Parameters
    ----------
    distribution : rv_continuous or rv_discrete
        A distribution of scipy.stats.

    Returns
    -------
    dict
        Formulas by the names of methods, each of the standardised value and the shape parameters; under ``support``
        one that gives the two ends of the support, of the shape parameters. What is not there is the exponential of
        the logarithm that is, or SciPy's own code.
    """
    import scipy.stats

    own = OWN.get(distribution.name, {})
    return own if own and type(getattr(scipy.stats, distribution.name)) is type(distribution) else {}


def _beta_logpdf(x: Any, a: Any, b: Any) -> Any:
    return xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)


def _cauchy_logpdf(x: Any) -> Any:
    # -log(pi (1 + x^2)), where x^2 may overflow.
    near = np.abs(x) < 1
    far = np.where(near, 1.0, x)
    near_by = np.where(near, x, 0.0)
    return -math.log(math.pi) - np.where(
        near, np.log1p(near_by * near_by), 2 * np.log(np.abs(far)) + np.log1p(1 / far / far)
    )


def _logistic_logpdf(x: Any) -> Any:
    # The density is expit(x) expit(-x).
    return log_expit(x) + log_expit(-x)


def _genlogistic_logpdf(x: Any, c: Any) -> Any:
    # The density is c expit(x)^c expit(-x).
    return np.log(c) + c * log_expit(x) + log_expit(-x)


def _normal_logpdf(x: Any) -> Any:
    return -0.5 * x * x - 0.5 * math.log(2 * math.pi)


def _skewnorm_logpdf(x: Any, a: Any) -> Any:
    return math.log(2) + _normal_logpdf(x) + log_ndtr(a * x)


def _log_i0e(x: Any) -> Any:
    # log(I0(x) exp(-x)) for x >= 0. SciPy's i0e takes the absolute value of x, which has a kink at 0.
    near = x < 1
    return np.where(near, np.log(i0(np.where(near, x, 0))) - x, np.log(i0e(np.where(near, 1, x))))


def _vonmises_logpdf(x: Any, kappa: Any) -> Any:
    return kappa * cosm1(x) - math.log(2 * math.pi) - _log_i0e(kappa)


def _rice_pdf(x: Any, b: Any) -> Any:
    # x exp(-(x^2 + b^2) / 2) I0(x b)
    return x * np.exp(_log_i0e(x * b) - 0.5 * (x - b) * (x - b))


def _triang_pdf(x: Any, c: Any) -> Any:
    # 2 x / c up to c, and 2 (1 - x) / (1 - c) from there on; one of the two is left where c is 0 or 1.
    left = (x < c) | (c == 1)
    return np.where(left, 2 * x / np.where(left, c, 1), 2 * (1 - x) / np.where(left, 1, 1 - c))


def _triang_cdf(x: Any, c: Any) -> Any:
    left = (x < c) | (c == 1)
    return np.where(left, x * x / np.where(left, c, 1), 1 - (1 - x) * (1 - x) / np.where(left, 1, 1 - c))


def _log1p_share(c: Any, x: Any, factor: Any) -> Any:
    # factor log(1 + c x) / c, which goes to factor x at c = 0; near it by the series of log(1 + t) / t in t = c x.
    t = c * x
    near = np.abs(t) < 0.02
    small, divisor = np.where(near, t, 0), np.where(near, 1, c)
    series = np.zeros(())
    for k in range(10, -1, -1):
        series = 1 / (k + 1) - small * series
    return np.where(near, factor * x * series, xlog1py(factor, np.where(near, 0, t)) / divisor)


def _genpareto_logpdf(x: Any, c: Any) -> Any:
    return -_log1p_share(c, x, c + 1)


def _genpareto_logsf(x: Any, c: Any) -> Any:
    return -_log1p_share(c, x, 1.0)


def _genextreme_support(c: Any) -> Any:
    inverse = 1 / np.where(c == 0, 1, c)
    return np.where(c < 0, inverse, -np.inf), np.where(c > 0, inverse, np.inf)


def _genextreme_logpdf(x: Any, c: Any) -> Any:
    # exp(-q) q^(1 - c) with q = (1 - c x)^(1 / c), which goes to exp(-x) at c = 0.
    return -np.exp(-_log1p_share(-c, x, 1.0)) - _log1p_share(-c, x, 1 - c)


def _genextreme_logcdf(x: Any, c: Any) -> Any:
    return -np.exp(-_log1p_share(-c, x, 1.0))


def _powerlaw_sf(x: Any, a: Any) -> Any:
    return -np.expm1(a * np.log(x))


def _binom_logpmf(k: Any, n: Any, p: Any) -> Any:
    choices = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return choices + xlogy(k, p) + xlog1py(n - k, -p)


def _binom_cdf(k: Any, n: Any, p: Any) -> Any:
    k = np.floor(k)
    return betaincc(k + 1, n - k, p)


def _binom_sf(k: Any, n: Any, p: Any) -> Any:
    k = np.floor(k)
    return betainc(k + 1, n - k, p)


def _bernoulli_logpmf(k: Any, p: Any) -> Any:
    return xlogy(k, p) + xlog1py(1 - k, -p)


def _nbinom_logpmf(k: Any, n: Any, p: Any) -> Any:
    choices = gammaln(n + k) - gammaln(k + 1.0) - gammaln(n)
    return choices + n * np.log(p) + xlog1py(k, -p)


def _nbinom_cdf(k: Any, n: Any, p: Any) -> Any:
    return betainc(n, np.floor(k) + 1, p)


def _nbinom_sf(k: Any, n: Any, p: Any) -> Any:
    return betaincc(n, np.floor(k) + 1, p)


def _log_mass(a: Any, b: Any) -> Any:
    """Logarithm of the probability that a normal variable lies between a and b.

    With both ends in one tail, the left one by symmetry, it is log(Phi(b) - Phi(a)) by the logarithms of both terms.
    """
    is_right = a > 0
    low, high = np.where(is_right, -b, a), np.where(is_right, -a, b)
    is_tail = high <= 0
    log_high = log_ndtr(np.where(is_tail, high, 0))
    tail = log_high + np.log(-np.expm1(log_ndtr(np.where(is_tail, low, -1)) - log_high))
    centre = np.log1p(-np.where(is_tail, 0, ndtr(a) + ndtr(-b)))
    return np.where(is_tail, tail, centre)


def _truncnorm_logpdf(x: Any, a: Any, b: Any) -> Any:
    return _normal_logpdf(x) - _log_mass(a, b)


def _truncnorm_logcdf(x: Any, a: Any, b: Any) -> Any:
    return _keeping_digits(_log_mass(a, x), _log_mass(x, b), _log_mass(a, b))


def _truncnorm_logsf(x: Any, a: Any, b: Any) -> Any:
    return _keeping_digits(_log_mass(x, b), _log_mass(a, x), _log_mass(a, b))


def _keeping_digits(part: Any, rest: Any, whole: Any) -> Any:
    # Of a probability close to 1 the logarithm is that of 1 minus the rest.
    most = part - whole > -0.1
    return np.where(most, np.log1p(-np.exp(np.where(most, rest - whole, -1))), part - whole)


def _genpareto_support(c: Any) -> Any:
    return 0.0, np.where(c < 0, -1 / np.where(c < 0, c, 1), np.inf)


#: Compositions by the names of distributions.
OWN: dict[str, dict[str, Formula]] = {
    "bernoulli": {"logpmf": _bernoulli_logpmf, "cdf": lambda k, p: 1 - p + 0 * k, "sf": lambda k, p: p + 0 * k},
    "beta": {
        "logpdf": _beta_logpdf,
        "cdf": lambda x, a, b: betainc(a, b, x),
        "sf": lambda x, a, b: betaincc(a, b, x),
        "ppf": lambda q, a, b: betaincinv(a, b, q),
        "isf": lambda q, a, b: betainccinv(a, b, q),
    },
    "binom": {"logpmf": _binom_logpmf, "cdf": _binom_cdf, "sf": _binom_sf},
    "cauchy": {
        "logpdf": _cauchy_logpdf,
        "ppf": lambda q: -1 / np.tan(math.pi * q),
        "isf": lambda q: 1 / np.tan(math.pi * q),
    },
    "chi2": {
        "ppf": lambda q, df: 2 * gammaincinv(0.5 * df, q),
        "isf": lambda q, df: 2 * gammainccinv(0.5 * df, q),
    },
    "genextreme": {
        "support": _genextreme_support,
        "logpdf": _genextreme_logpdf,
        "logcdf": _genextreme_logcdf,
        "sf": lambda x, c: -np.expm1(_genextreme_logcdf(x, c)),
    },
    "genlogistic": {"logpdf": _genlogistic_logpdf},
    "genpareto": {
        "support": _genpareto_support,
        "logpdf": _genpareto_logpdf,
        "logsf": _genpareto_logsf,
        "cdf": lambda x, c: -np.expm1(_genpareto_logsf(x, c)),
    },
    "logistic": {"logpdf": _logistic_logpdf, "pdf": lambda x: expit(x) * expit(-x)},
    "nbinom": {"logpmf": _nbinom_logpmf, "cdf": _nbinom_cdf, "sf": _nbinom_sf},
    "powerlaw": {"sf": _powerlaw_sf},
    "rice": {"pdf": _rice_pdf},
    "skewnorm": {"logpdf": _skewnorm_logpdf},
    "triang": {"pdf": _triang_pdf, "cdf": _triang_cdf},
    "truncnorm": {"logpdf": _truncnorm_logpdf, "logcdf": _truncnorm_logcdf, "logsf": _truncnorm_logsf},
    "vonmises": {"logpdf": _vonmises_logpdf},
    "vonmises_line": {"logpdf": _vonmises_logpdf},
}

_DENSITIES = """
    alpha anglit arcsine argus beta betaprime bradford burr burr12 cauchy chi chi2 cosine crystalball dgamma
    dweibull erlang expon exponnorm exponpow exponweib f fatiguelife fisk foldcauchy foldnorm gamma genexpon
    genextreme gengamma genlogistic gennorm genpareto gibrat gompertz gumbel_l gumbel_r halfcauchy halfgennorm
    halflogistic halfnorm hypsecant invgamma invgauss invweibull jf_skew_t johnsonsb johnsonsu kappa3 laplace
    laplace_asymmetric levy levy_l loggamma logistic loglaplace lognorm loguniform lomax maxwell mielke moyal
    nakagami norm pareto powerlaw powerlognorm powernorm rayleigh rdist recipinvgauss reciprocal rel_breitwigner
    rice semicircular skewcauchy skewnorm t trapezoid triang truncexpon truncnorm truncweibull_min uniform vonmises
    vonmises_line wald weibull_max weibull_min wrapcauchy
"""

_WITHOUT_FUNCTIONS = """
    cosine dgamma dweibull gennorm rice skewnorm vonmises vonmises_line wrapcauchy
"""

_QUANTILES = """
    anglit arcsine beta bradford burr burr12 cauchy chi chi2 crystalball erlang expon exponpow f fatiguelife fisk
    gamma genexpon genextreme gengamma genpareto gibrat gompertz gumbel_l gumbel_r halfcauchy halfgennorm
    halflogistic halfnorm hypsecant invgamma invweibull jf_skew_t johnsonsb johnsonsu kappa3 laplace
    laplace_asymmetric levy levy_l loggamma logistic loglaplace lognorm loguniform lomax maxwell mielke moyal
    nakagami norm pareto powerlaw powerlognorm powernorm rayleigh reciprocal skewcauchy t trapezoid triang
    truncexpon truncweibull_min uniform weibull_max weibull_min wrapcauchy
"""

_MASSES = """
    bernoulli betabinom binom boltzmann dlaplace geom logser nbinom planck poisson yulesimon
"""

#: Distributions of SciPy's whose density is followed: by what stands above, or by SciPy's own code, which for the
#: others is compiled, or has derivatives of its own in places such as 0 or the limits of a parameter.
DENSITIES = frozenset(_DENSITIES.split())

#: The same for the distribution function, its complement and the logarithms of both.
DISTRIBUTION_FUNCTIONS = DENSITIES - frozenset(_WITHOUT_FUNCTIONS.split())

#: The same for the probabilities of discrete distributions.
MASSES = frozenset(_MASSES.split())

#: The same for the distribution functions of discrete distributions.
STEPS = MASSES - {"betabinom", "logser"}

#: By what of their arguments distribution functions have none: what they are computed by has no derivative by it.
WITHOUT_DERIVATIVE = {"boltzmann": ("N",)}

#: The same for the inverse of the distribution function, and of its complement.
QUANTILES = frozenset(_QUANTILES.split())

_FOLLOWED = {
    **dict.fromkeys(("pdf", "logpdf"), DENSITIES),
    **dict.fromkeys(("cdf", "logcdf", "sf", "logsf"), DISTRIBUTION_FUNCTIONS | STEPS),
    **dict.fromkeys(("ppf", "isf"), QUANTILES),
    **dict.fromkeys(("pmf", "logpmf"), MASSES),
}


def is_followed(distribution: Any, method: str) -> bool:
    """Say whether a method may be recorded; of a distribution that is not SciPy's, the code is as any user's code."""
    return not type(distribution).__module__.startswith("scipy.") or distribution.name in _FOLLOWED[method]
