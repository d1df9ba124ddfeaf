"""scipy.fft: the transforms of numpy.fft under its names, and cosine and sine transforms of each type and norm."""

import scipy.fft
from hypothesis import strategies as st
from tests.library.cases_fourier import NORMS, planes, transformed
from tests.ops.case import REALS, SEEDS, Call, Case, fixed, shapes

ORTHOGONAL = st.sampled_from((None, True, False))


@st.composite
def trigonometric(draw, several=False):
    """An array, a type of transform, its axes, norm, and at times other lengths; the first type takes two at least."""
    here = draw(shapes(1, 3, st.integers(2, 5)))
    params = {"type": draw(st.integers(1, 4)), "norm": draw(NORMS), "orthogonalize": draw(ORTHOGONAL)}
    if several:
        params["axes"] = tuple(draw(st.permutations(range(len(here))))[:2])
    else:
        params["axis"] = draw(st.integers(-len(here), len(here) - 1))
        if draw(st.booleans()):
            params["n"] = draw(st.integers(2, 6))
    return Call(((REALS, here),), params, draw(SEEDS))


REAL = ("rfft", "ihfft")
ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2", "fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn")


def is_real(name):
    """Whether a transform takes real numbers only."""
    return name.startswith(REAL)


CASES = (
    *(
        Case(
            f"scipy.fft.{name}",
            getattr(scipy.fft, name),
            transformed(1 if is_real(name) else 2),
            complex=not is_real(name),
        )
        for name in ONE
    ),
    *(
        Case(
            f"scipy.fft.{name}",
            getattr(scipy.fft, name),
            planes(1 if is_real(name) else 2, whole=True),
            complex=not is_real(name),
        )
        for name in SEVERAL
    ),
    Case("scipy.fft.fftshift", lambda x: scipy.fft.fftshift(x, axes=0), fixed((REALS, (3, 4))), complex=True),
    Case("scipy.fft.ifftshift", scipy.fft.ifftshift, fixed((REALS, (3, 4))), complex=True),
    *(
        Case(f"scipy.fft.{name}", getattr(scipy.fft, name), trigonometric(), complex=True)
        for name in ("dct", "idct", "dst", "idst")
    ),
    *(
        Case(f"scipy.fft.{name}", getattr(scipy.fft, name), trigonometric(several=True), complex=True)
        for name in ("dctn", "idctn", "dstn", "idstn")
    ),
    Case("scipy.fft.dctn", lambda x: scipy.fft.dctn(x, s=(3, 5), norm="ortho"), fixed((REALS, (4, 4))), label="s="),
)
