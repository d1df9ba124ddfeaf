"""The counter-based generator; its counter is made of the inputs, so that there is something to trace."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import POSITIVE, ZERO, Case, each

from chainrule.ops.random import philox, philox_advance

KEY = np.array([1, 2], np.uint64)
COUNTERS = each(POSITIVE, shape=st.sampled_from(((4,), (3, 4), (0, 4))))


def counter(x):
    return (x * 100).astype(np.uint64)


CASES = (
    Case("philox", lambda x: philox(KEY, counter(x), count=6), COUNTERS, ZERO),
    Case("philox_advance", lambda x: philox_advance(counter(x), blocks=3), COUNTERS, ZERO),
)
