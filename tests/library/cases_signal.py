"""scipy.signal: convolutions in any number of axes."""

import numpy as np
import scipy.signal
from hypothesis import strategies as st
from tests.ops.case import REALS, SEEDS, Call, Case, fixed

MODES = st.sampled_from(("full", "same", "valid"))


@st.composite
def overlapping(draw, ndim):
    """Two arrays, of which the one fits into the other, and what is wanted of their convolution."""
    one = draw(st.lists(st.integers(2, 4), min_size=ndim, max_size=ndim).map(tuple))
    other = tuple(draw(st.integers(1, n)) for n in one)
    return Call(((REALS, one), (REALS, other)), {"mode": draw(MODES)}, draw(SEEDS))


CASES = (
    Case("scipy.signal.convolve", scipy.signal.convolve, overlapping(1), complex=True),
    Case("scipy.signal.convolve", scipy.signal.convolve, overlapping(2), label="in the plane"),
    Case("scipy.signal.correlate", scipy.signal.correlate, overlapping(1), complex=True),
    Case(
        "scipy.signal.fftconvolve",
        lambda x, y: scipy.signal.fftconvolve(x * np.float64(1), y * np.float64(1), axes=1),
        fixed((REALS, (2, 3)), (REALS, (2, 2))),
        complex=True,
    ),
)
