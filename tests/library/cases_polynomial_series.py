"""numpy.polynomial: every function of every kind of series, and the classes."""

import numpy as np
from numpy.polynomial import (
    Chebyshev,
    Legendre,
    Polynomial,
    chebyshev,
    hermite,
    hermite_e,
    laguerre,
    legendre,
    polynomial,
)
from tests.library.cases_polynomials import spaced
from tests.ops.case import POSITIVE, REALS, Case, fixed, in_double

KINDS = {"poly": polynomial, "cheb": chebyshev, "leg": legendre, "herm": hermite, "herme": hermite_e, "lag": laguerre}
DRAWS = {
    "val": fixed((REALS, (2, 3)), (REALS, (4,))),
    "add": fixed((REALS, (3,)), (REALS, (4,))),
    "sub": fixed((REALS, (3,)), (REALS, (2,))),
    "mul": fixed((POSITIVE, (3,)), (POSITIVE, (2,))),
    "der": fixed((REALS, (4,))),
    "int": fixed((REALS, (3,))),
    "vander": fixed((REALS, (3,))),
    "fit": fixed((spaced, (5,)), (REALS, (5,))),
}
APART = np.array([-0.2, -1.1, 0.3, 1.0])
LINEAR = (
    "polymulx",
    "chebmulx",
    "legmulx",
    "hermmulx",
    "hermemulx",
    "lagmulx",
    "cheb2poly",
    "leg2poly",
    "herm2poly",
    "herme2poly",
    "lag2poly",
)
PARAMS = {"vander": (3,), "fit": (2,), "int": (2, [0.5, 0.3], 0.7, 1.5), "der": (2, 0.5)}


def line(start, what):
    f = getattr(KINDS[start], start + what)
    module = KINDS[start].__name__.replace("numpy", "np")
    rest = PARAMS.get(what, ())
    return Case(f"{module}.{start}{what}", in_double(lambda *arrays: f(*arrays, *rest)), DRAWS[what], complex=True)


def of_class(f, *draws, label, row="polynomial.polyval"):
    return Case(f"np.polynomial.{row}", in_double(f), fixed(*draws), complex=True, label=label)


def roots_of(start):
    f = getattr(KINDS[start], f"{start}roots")
    # Compiled, roots are complex numbers; NumPy makes real ones of them where all of them are real.
    return in_double(lambda c: f(APART + 0.01 * c) + 0j)


def of_powers(start):
    return KINDS[start].__name__.replace("numpy", "np"), getattr(KINDS[start], f"poly2{start}")


CASES = (
    *(
        Case(
            f"{KINDS[start].__name__.replace('numpy', 'np')}.{name}",
            in_double(getattr(KINDS[start], name)),
            fixed((POSITIVE, (4,))),
            complex=True,
        )
        for name in LINEAR
        for start in [name.removesuffix("mulx").removesuffix("2poly")]
    ),
    *(
        Case(
            f"{of_powers(s)[0]}.poly2{s}",
            in_double(of_powers(s)[1]),
            fixed((POSITIVE, (4,))),
            complex=True,
        )
        for s in KINDS
        if s != "poly"
    ),
    Case(
        "np.polynomial.chebyshev.chebval",
        in_double(chebyshev.chebval2d),
        fixed((REALS, (3,)), (REALS, (3,)), (REALS, (2, 3))),
        label="in the plane",
    ),
    *(line(start, what) for start in KINDS for what in DRAWS),
    Case(
        "np.polynomial.polynomial.polyval",
        in_double(lambda x, c: polynomial.polyval(x, c)),
        fixed((REALS, (2,)), (REALS, (3, 2))),
        label="of columns",
    ),
    *(
        Case(
            f"{KINDS[start].__name__.replace('numpy', 'np')}.{start}roots",
            roots_of(start),
            fixed((REALS, (4,))),
            looks=True,
            complex=True,
        )
        for start in KINDS
    ),
    of_class(lambda c, x: Polynomial(c)(x), (REALS, (3,)), (REALS, (2,)), label="by the class"),
    of_class(
        lambda c, x: Chebyshev(c, domain=[-3, 3]).deriv()(x),
        (REALS, (4,)),
        (REALS, (2,)),
        label="of the class",
        row="chebyshev.chebval",
    ),
    of_class(
        lambda c, d, x: (Legendre(c) * Legendre(d) + Legendre(c))(x),
        (POSITIVE, (3,)),
        (POSITIVE, (2,)),
        (REALS, (2,)),
        label="of the class",
        row="legendre.legval",
    ),
    of_class(lambda x, y: Polynomial.fit(np.arange(5.0), y, 2)(x), (REALS, (2,)), (REALS, (5,)), label="fitted"),
)
