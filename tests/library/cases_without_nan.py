"""Reductions that leave NaN out."""

import numpy as np
from hypothesis import strategies as st
from tests.library.cases_orders import WIDE, with_gaps
from tests.ops.case import NONZERO, REALS, ZERO, Case, along, distinct, each

PARAMS = st.sampled_from(({}, {"axis": 0}, {"axis": -1, "keepdims": True}))


def lines(name, domain, *, complex=False, derivative="smooth"):
    """A reduction of arrays with gaps."""
    f = getattr(np, name)
    return Case(f"np.{name}", with_gaps(f), each(domain, shape=WIDE, params=PARAMS), derivative, complex=complex)


CASES = (
    lines("nansum", REALS, complex=True),
    lines("nanprod", NONZERO, complex=True),
    lines("nanmean", REALS, complex=True),
    lines("nanvar", REALS, complex=True),
    Case("np.nanvar", with_gaps(lambda x: np.nanvar(x, ddof=1)), each(REALS, shape=WIDE), label="with ddof"),
    Case("np.nanstd", with_gaps(np.nanstd), each(distinct, shape=WIDE), complex=True),
    lines("nanmax", distinct, complex=True),
    lines("nanmin", distinct, complex=True),
    lines("nanargmax", distinct, derivative=ZERO),
    lines("nanargmin", distinct, derivative=ZERO),
    Case("np.nancumsum", with_gaps(np.nancumsum), along(REALS, shape=WIDE), complex=True),
    Case("np.nancumprod", with_gaps(np.nancumprod), along(NONZERO, shape=WIDE), complex=True),
)
