"""np.vectorize, np.apply_over_axes, np.emath, and what is written at some entries; scipy.fftpack."""

import numpy as np
import scipy.fftpack
from tests.ops.case import POSITIVE, REALS, Case, both_signs, fixed, in_double
from tests.ops.cases_shapes import INTO_COMPLEX

WIDE = both_signs(0.3, 0.8)


@np.vectorize
def by_branches(x, y):
    return x * y if x > 0 else np.sin(y)


@np.vectorize
def two_results(x):
    return x**2, np.exp(x)


def written(write):
    def f(x, v):
        y = np.array(x)
        write(y, v)
        return y * x

    return f


MASK = np.array([True, False, True, True])

CASES = (
    Case("np.vectorize", by_branches, fixed((WIDE, (2, 1)), (REALS, (3,))), looks=True),
    Case("np.vectorize", two_results, fixed((REALS, (3,))), complex=True, label="with two results"),
    Case(
        "np.apply_over_axes", lambda x: np.apply_over_axes(np.sum, x, (0, 2)), fixed((REALS, (2, 3, 2))), complex=True
    ),
    *(
        Case(f"np.emath.{f.__name__}", f, fixed((WIDE, (4,))), looks=True, complex=True)
        for f in (np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10)
    ),
    *(
        Case(f"np.emath.{f.__name__}", lambda x, f=f: f(x), fixed((WIDE, (4,))), looks=True, complex=True)
        for f in (np.emath.arccos, np.emath.arcsin, np.emath.arctanh)
    ),
    Case(
        "np.emath.arcsin",
        lambda x: np.abs(np.emath.arcsin(x + 2)),
        fixed((POSITIVE, (3,))),
        looks=True,
        label="outside",
    ),
    Case(
        "np.emath.logn",
        lambda n, x: np.emath.logn(n + 1, x),
        fixed((POSITIVE, ()), (WIDE, (3,))),
        looks=True,
        complex=True,
    ),
    Case("np.emath.power", lambda x: np.emath.power(x, 1.5), fixed((WIDE, (3,))), looks=True, complex=True),
    Case(
        "np.put", written(lambda y, v: np.put(y, [0, 3], v)), fixed((REALS, (4,)), (REALS, (2,))), complex=INTO_COMPLEX
    ),
    Case(
        "np.putmask",
        in_double(written(lambda y, v: np.putmask(y, MASK, v))),
        fixed((REALS, (4,)), (REALS, (3,))),
        complex=INTO_COMPLEX,
    ),
    Case(
        "np.place",
        in_double(written(lambda y, v: np.place(y, MASK, v))),
        fixed((REALS, (4,)), (REALS, (2,))),
        complex=INTO_COMPLEX,
    ),
    *(
        Case(
            f"scipy.fftpack.{name}",
            in_double(getattr(scipy.fftpack, name)),
            fixed((REALS, (3, 4))),
            complex=True,
        )
        for name in ("fft", "ifft", "fft2", "ifft2", "fftn", "ifftn")
    ),
    *(
        Case(
            f"scipy.fftpack.{name}",
            in_double(getattr(scipy.fftpack, name)),
            fixed((REALS, (3, 4))),
            complex=True,
        )
        for name in ("dct", "idct", "dst", "idst", "dctn", "idctn", "dstn", "idstn")
    ),
)
