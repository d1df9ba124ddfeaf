"""numpy.fft: transforms of every length, norm and number of axes."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import REALS, SEEDS, Call, Case, each, fixed, shapes

LENGTHS = st.integers(1, 5)
NORMS = st.sampled_from((None, "backward", "ortho", "forward"))


@st.composite
def transformed(draw, least=1):
    """An array, an axis, a norm, and at times another length."""
    here = draw(shapes(1, 3, st.integers(least, 5)))
    params = {"axis": draw(st.integers(-len(here), len(here) - 1)), "norm": draw(NORMS)}
    if draw(st.booleans()):
        params["n"] = draw(LENGTHS)
    return Call(((REALS, here),), params, draw(SEEDS))


@st.composite
def planes(draw, least=1, axes=True, whole=False):
    """An array, two or more axes, a norm, and at times other lengths."""
    here = draw(shapes(2, 3, st.integers(least, 4)))
    params = {"norm": draw(NORMS)}
    if axes and draw(st.booleans()):
        params["axes"] = tuple(draw(st.permutations(range(-len(here), 0)))[:2])
    if ("axes" in params or not whole) and draw(st.booleans()):
        params["s"] = (draw(LENGTHS), draw(LENGTHS))
    return Call(((REALS, here),), params, draw(SEEDS))


def turned(x, **params):
    """A spectrum whose imaginary part is not that of a real signal."""
    return x * (0.6 + 0.8j)


def spectrum(f):
    return lambda x, **params: f(turned(x), **params)


CASES = (
    Case("np.fft.fft", np.fft.fft, transformed(), complex=True),
    Case("np.fft.ifft", np.fft.ifft, transformed(), complex=True),
    Case("np.fft.rfft", np.fft.rfft, transformed()),
    Case("np.fft.irfft", np.fft.irfft, transformed(2), complex=True),
    Case("np.fft.irfft", spectrum(np.fft.irfft), transformed(2), label="of a turned spectrum"),
    Case("np.fft.hfft", np.fft.hfft, transformed(2), complex=True),
    Case("np.fft.ihfft", np.fft.ihfft, transformed()),
    Case("np.fft.fft2", np.fft.fft2, planes(), complex=True),
    Case("np.fft.ifft2", np.fft.ifft2, planes(), complex=True),
    Case("np.fft.rfft2", np.fft.rfft2, planes()),
    Case("np.fft.irfft2", np.fft.irfft2, planes(2), complex=True),
    Case("np.fft.fftn", np.fft.fftn, planes(whole=True), complex=True),
    Case("np.fft.ifftn", np.fft.ifftn, planes(whole=True), complex=True),
    Case("np.fft.rfftn", np.fft.rfftn, planes(whole=True)),
    Case("np.fft.irfftn", np.fft.irfftn, planes(2, whole=True), complex=True),
    Case("np.fft.fftshift", np.fft.fftshift, each(REALS, shape=shapes(1)), complex=True),
    Case("np.fft.ifftshift", lambda x: np.fft.ifftshift(x, axes=-1), each(REALS, shape=shapes(1)), complex=True),
    Case("np.fft.fft", lambda x: np.abs(np.fft.fft(x)) ** 2, fixed((REALS, (4,))), label="as a power spectrum"),
)
