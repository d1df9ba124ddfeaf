"""SciPy's functions make arrays of lists; lists of traced values are taken as these arrays are."""

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.spatial.distance
import scipy.special

import chainrule
from chainrule import TraceError, grad

P = np.array([0.1, 0.2])
SIGNAL = np.sin(np.arange(12.0))

CALLS = {
    "logsumexp": lambda p: scipy.special.logsumexp([p[0], p[1], 1.0]),
    "logsumexp, by name": lambda p: scipy.special.logsumexp([0.5, 1.0], b=[1 + p[0], p[1]]),
    "rel_entr": lambda p: np.sum(scipy.special.rel_entr(p, [0.3, 0.4])),
    "rel_entr, traced": lambda p: np.sum(scipy.special.rel_entr(P + p[0], [p[1], 0.4])),
    "softmax": lambda p: scipy.special.softmax([p[0], p[1], 1.0])[0],
    "solve": lambda p: np.sum(scipy.linalg.solve([[2.0, p[0]], [p[1], 3.0]], [1.0, p[0]])),
    "expm": lambda p: np.sum(scipy.linalg.expm([[2.0, p[0]], [p[1], 3.0]])),
    "block_diag": lambda p: np.sum(scipy.linalg.block_diag([[p[0]]], [[p[1], 1.0]]) ** 2),
    "toeplitz": lambda p: np.sum(scipy.linalg.toeplitz([p[0], p[1], 1.0]) ** 2),
    "a factor in a tuple": lambda p: np.sum(
        scipy.linalg.cho_solve(scipy.linalg.cho_factor(np.array([[2.0, p[0]], [p[0], 3.0]])), [1.0, p[1]])
    ),
    "lfilter": lambda p: np.sum(scipy.signal.lfilter([1.0, -p[0]], [1.0, p[1]], SIGNAL) ** 2),
    "convolve": lambda p: np.sum(scipy.signal.convolve(SIGNAL, [1.0, p[0], p[1]]) ** 2),
    "dct": lambda p: scipy.fft.dct([p[0], p[1], 1.0])[1],
    "correlate1d": lambda p: np.sum(scipy.ndimage.correlate1d(SIGNAL, [p[0], 1.0, p[1]]) ** 2),
    "cosine": lambda p: scipy.spatial.distance.cosine([p[0], 1.0], [1.0, p[1]]),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_list_is_taken_as_an_array(name):
    assert chainrule.check_gradient(CALLS[name], P).ok


def test_a_function_that_is_followed_is_not_said_to_be_none():
    with pytest.raises(TraceError) as caught:
        grad(lambda p: np.sum(scipy.special.logsumexp(([p[0]], [p[1]]))))(P)
    assert "in scipy.special.logsumexp" in str(caught.value)
    assert "is not followed" not in str(caught.value)
    assert "np.array([x, y])" in str(caught.value)
