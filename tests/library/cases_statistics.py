"""scipy.stats: numbers that sum up samples, and relations between two of them."""

import numpy as np
from scipy import stats
from tests.ops.case import POSITIVE, PROBABILITY, REALS, ZERO, Case, distinct, fixed, in_double

ROWS = fixed((POSITIVE, (5, 2)))
KDE = stats.gaussian_kde(np.array([[0.1, 0.7, -0.4, 1.2, 0.3], [0.5, -0.2, 0.4, 0.1, -0.9]]))
#: Means and moments; orders and angles are of real numbers.
OF_COMPLEX = (
    *("gmean", "hmean", "pmean", "tmean", "trim_mean", "tvar", "tstd", "tsem", "sem", "gstd"),
    *("skew", "kurtosis"),
)


def varied(rng, shape):
    """Numbers whose variance, by the square of which a kurtosis divides, is not close to 0."""
    return 4 * distinct(rng, shape)


def of(name, draws=ROWS, label="", **options):
    call = in_double(lambda x: getattr(stats, name)(x, **options))
    return Case(f"scipy.stats.{name}", call, draws, complex=name in OF_COMPLEX, label=label)


def far_apart(rng, shape):
    """Numbers of which no two are equally far from the one in the middle."""
    return rng.permutation([0.0, 1.0, 3.0, 7.0, 15.0]) + rng.uniform(-0.05, 0.05, shape)


def two_apart(rng, shape):
    """Two numbers that are not close."""
    return rng.permutation([-1.5, 1.5]) + rng.uniform(-0.3, 0.3, shape)


def fields(found):
    return tuple(
        getattr(found, name) for name in ("slope", "intercept", "rvalue", "pvalue", "stderr", "intercept_stderr")
    )


CASES = (
    of("gmean"),
    of("gmean", label="with weights", weights=np.arange(1.0, 6.0)[:, None] * np.ones(2)),
    of("hmean", axis=1),
    of("pmean", p=1.5),
    of("tmean"),
    of("trim_mean", fixed((distinct, (6, 2))), proportiontocut=0.2),
    of("tvar"),
    of("tstd"),
    of("tsem"),
    of("sem", axis=None),
    of("gstd"),
    of("variation"),
    of("iqr", fixed((distinct, (6, 2))), axis=0),
    of("median_abs_deviation", fixed((far_apart, (5,)))),
    of("median_abs_deviation", fixed((far_apart, (5,))), label="as a deviation", scale="normal"),
    Case(
        "scipy.stats.median_abs_deviation",
        in_double(stats.median_abs_deviation),
        fixed((far_apart, (5,))),
        complex=True,
        label="of complex numbers",
    ),
    of("moment", order=3),
    of("moment", label="several", order=[2, 3], center=0.5),
    of("skew"),
    of("skew", label="without bias", bias=False),
    of("kurtosis", fixed((varied, (6,)))),
    of("kurtosis", fixed((varied, (6,))), label="without bias", bias=False, fisher=False),
    Case("scipy.stats.zscore", in_double(lambda x: stats.zscore(x, ddof=1) ** 3), fixed((REALS, (4, 3))), complex=True),
    Case("scipy.stats.gzscore", in_double(lambda x: stats.gzscore(x) ** 3), ROWS, complex=True),
    Case("scipy.stats.zmap", in_double(stats.zmap), fixed((REALS, (3,)), (REALS, (5,))), complex=True),
    Case("scipy.stats.rankdata", in_double(stats.rankdata), fixed((distinct, (5,))), ZERO),
    of("entropy", fixed((PROBABILITY, (4, 2))), base=2),
    Case(
        "scipy.stats.entropy",
        in_double(stats.entropy),
        fixed((PROBABILITY, (4,)), (PROBABILITY, (4,))),
        label="relative",
    ),
    Case(
        "scipy.stats.wasserstein_distance",
        in_double(lambda x: stats.wasserstein_distance(x[:3], x[3:])),
        fixed((distinct, (7,))),
    ),
    Case(
        "scipy.stats.energy_distance", in_double(lambda x: stats.energy_distance(x[:3], x[3:])), fixed((distinct, (7,)))
    ),
    of("circmean", fixed((PROBABILITY, (4, 2))), axis=0),
    of("circvar"),
    of("circstd", fixed((PROBABILITY, (5,)))),
    Case("scipy.stats.boxcox", in_double(lambda x, k: stats.boxcox(x, k)), fixed((POSITIVE, (4,)), (PROBABILITY, ()))),
    Case(
        "scipy.stats.boxcox_llf",
        in_double(lambda k, x: stats.boxcox_llf(k, x)),
        fixed((PROBABILITY, ()), (POSITIVE, (4, 2))),
    ),
    Case("scipy.stats.yeojohnson", in_double(lambda x: stats.yeojohnson(x, 0.7)), fixed((REALS, (4,)))),
    Case(
        "scipy.stats.yeojohnson_llf",
        in_double(lambda k, x: stats.yeojohnson_llf(k, x)),
        fixed((PROBABILITY, ()), (REALS, (5,))),
        tolerance=1e-12,
    ),
    Case(
        "scipy.stats.pearsonr", in_double(lambda x, y: tuple(stats.pearsonr(x, y))), fixed((REALS, (6,)), (REALS, (6,)))
    ),
    Case(
        "scipy.stats.linregress",
        in_double(lambda x, y: fields(stats.linregress(x, y))),
        fixed((REALS, (6,)), (REALS, (6,))),
    ),
    Case(
        "scipy.stats.linregress",
        in_double(lambda x, y: fields(stats.linregress(x, y))),
        fixed((two_apart, (2,)), (two_apart, (2,))),
        label="through two points",
    ),
    Case("scipy.stats.gaussian_kde.evaluate", in_double(lambda x: KDE(x)), fixed((REALS, (2, 3)))),
    Case("scipy.stats.gaussian_kde.pdf", in_double(lambda x: KDE.pdf(x)), fixed((REALS, (2, 3)))),
    Case("scipy.stats.gaussian_kde.logpdf", in_double(lambda x: KDE.logpdf(x)), fixed((REALS, (2, 3)))),
)
