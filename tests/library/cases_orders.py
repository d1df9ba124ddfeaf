"""Order statistics: partition, medians, quantiles and percentiles."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import PROBABILITY, ZERO, Call, Case, along, distinct, each, fixed, reduced

LINES = (
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
)
STEPS = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest")


@st.composite
def ranked(draw, *methods, percent=False):
    """An array, an axis, a method, and up to two shares that the method does not turn at."""
    call = draw(reduced(distinct, empty=False))
    share = draw(st.sampled_from((0.13, 0.61, [0.07, 0.83], 0.0, 1.0)))
    q = [100 * x for x in share] if percent and isinstance(share, list) else 100 * share if percent else share
    params = call.params | {"q": q, "method": draw(st.sampled_from(methods))}
    return Call(call.leaves, params, call.seed)


def with_gaps(f):
    """A function of an array in which every fourth entry is NaN."""

    def run(x, **params):
        gaps = (np.arange(np.size(x)) % 4 == 1).reshape(np.shape(x))
        return f(np.where(gaps, np.nan, x), **params)

    return run


WIDE = st.sampled_from(((2, 3), (3, 2, 3), (6,), (4, 3)))

CASES = (
    Case("np.partition", lambda x: np.partition(x, 2)[..., 2], fixed((distinct, (2, 5))), complex=True),
    Case(
        "np.partition", lambda x: np.partition(x, (0, 2), axis=0)[2], fixed((distinct, (4, 2))), label="at two places"
    ),
    Case("np.argpartition", lambda x: np.argpartition(x, 1)[1], fixed((distinct, (4,))), ZERO, complex=True),
    Case("np.median", np.median, reduced(distinct, empty=False), complex=True),
    Case("np.quantile", np.quantile, ranked(*LINES)),
    Case("np.quantile", np.quantile, ranked(*STEPS), label="by steps"),
    Case(
        "np.quantile",
        lambda x, q: np.quantile(x, 0.2 * q + 0.4, axis=0),  # between the kinks at 1/3 and 2/3
        fixed((distinct, (4, 2)), (PROBABILITY, (3,))),
        label="by the share",
    ),
    Case("np.percentile", np.percentile, ranked("linear", "weibull", percent=True)),
    Case("np.nanmedian", with_gaps(np.nanmedian), along(distinct, shape=WIDE), complex=True),
    Case(
        "np.nanquantile",
        with_gaps(lambda x, **axis: np.nanquantile(x, [0.1, 0.7], **axis)),
        along(distinct, shape=WIDE),
    ),
    Case("np.nanpercentile", with_gaps(lambda x: np.nanpercentile(x, 30.0)), each(distinct, shape=WIDE)),
)
