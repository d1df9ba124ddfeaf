"""Functions of scipy.special in terms of others."""

import functools

from scipy import special
from tests.ops.case import POSITIVE, PROBABILITY, REALS, Case, between, broadcast, each, fixed, in_double, integers

ORDER = integers(0, 3)
ABOVE = between(2.5, 4.0)


def by(name, *draws, **options):
    return Case(
        f"scipy.special.{name}",
        getattr(special, name),
        fixed(*((d, (2, 3) if k == len(draws) - 1 else ()) for k, d in enumerate(draws))),
        **options,
    )


CASES = (
    *(by(name, ORDER, POSITIVE) for name in ("jve", "yve")),
    *(by(name, ORDER, POSITIVE, complex=((1,),)) for name in ("hankel1", "hankel2", "hankel1e", "hankel2e")),
    *(by(name, POSITIVE) for name in ("berp", "beip", "kerp", "keip")),
    *(by(name, POSITIVE) for name in ("ber", "bei", "ker", "kei", "sindg", "cosdg", "tandg", "cotdg")),
    Case(
        "scipy.special.voigt_profile",
        special.voigt_profile,
        fixed((REALS, (3,)), (POSITIVE, ()), (POSITIVE, (2, 1))),
    ),
    *(
        by(name, ORDER, PROBABILITY, complex=((1,),))
        for name in ("eval_chebyc", "eval_chebys", "eval_sh_chebyt", "eval_sh_chebyu", "eval_sh_legendre")
    ),
    Case(
        "scipy.special.eval_sh_jacobi",
        in_double(lambda x: special.eval_sh_jacobi(2, 1.5, 0.7, x)),
        each(PROBABILITY),
        complex=True,
    ),
    by("powm1", POSITIVE, REALS),
    Case("scipy.special.inv_boxcox", special.inv_boxcox, fixed((PROBABILITY, (3,)), (between(-0.2, 0.4), (2, 1)))),
    Case("scipy.special.inv_boxcox", lambda y: special.inv_boxcox(y, 0.0), fixed((PROBABILITY, (3,))), label="at 0"),
    Case("scipy.special.inv_boxcox1p", special.inv_boxcox1p, fixed((PROBABILITY, (3,)), (between(-0.2, 0.4), (2, 1)))),
    Case("scipy.special.radian", in_double(special.radian), fixed((REALS, (3,)), (REALS, ()), (REALS, ()))),
    Case("scipy.special.agm", special.agm, fixed((POSITIVE, (3,)), (POSITIVE, (2, 1)))),
    Case("scipy.special.chdtri", lambda p: special.chdtri(3.0, p), each(PROBABILITY)),
    # In single precision SciPy warns of a count that is no integer, whatever it is.
    *(
        Case(f"scipy.special.{f.__name__}", in_double(functools.partial(f, 2.0, 5)), each(PROBABILITY))
        for f in (special.bdtr, special.bdtrc)
    ),
    *(
        Case(f"scipy.special.{f.__name__}", functools.partial(f, 2.0, 5), each(PROBABILITY))
        for f in (special.nbdtr, special.nbdtrc)
    ),
    *(
        Case(f"scipy.special.{f.__name__}", in_double(functools.partial(f, 2.0, 5)), each(PROBABILITY))
        for f in (special.bdtri, special.nbdtri)
    ),
    Case("scipy.special.pdtri", functools.partial(special.pdtri, 2.0), each(PROBABILITY)),
    Case("scipy.special.gdtrix", special.gdtrix, broadcast(POSITIVE, POSITIVE, PROBABILITY)),
    Case("scipy.special.gdtria", special.gdtria, broadcast(PROBABILITY, POSITIVE, POSITIVE)),
    Case("scipy.special.nrdtrimn", special.nrdtrimn, broadcast(PROBABILITY, POSITIVE, REALS)),
    # SciPy searches for it, to less than rounding.
    Case(
        "scipy.special.nrdtrisd",
        special.nrdtrisd,
        broadcast(REALS, between(0.6, 0.9), between(2.5, 4.0)),
        tolerance=1e-6,
    ),
    Case("scipy.special.factorial", in_double(special.factorial), each(POSITIVE)),
    Case("scipy.special.comb", special.comb, fixed((ABOVE, (3,)), (POSITIVE, ()))),
    Case("scipy.special.perm", special.perm, fixed((ABOVE, (3,)), (POSITIVE, ()))),
)
