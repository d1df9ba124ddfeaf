"""Integrals of elementary functions, Airy functions, orthogonal polynomials and their kin."""

import numpy as np
import scipy.special
from tests.ops.case import NEVER, POSITIVE, PROBABILITY, REALS, UNIT, Case, between, broadcast, each, in_double

from chainrule.ops import PRIMITIVES


def at(name, *first):
    """A function of its last argument; the others are fixed."""
    function = getattr(scipy.special, name)
    return lambda x: function(*first, x)


def parts(name):
    """The results of a function that has several."""
    function = getattr(scipy.special, name)
    return lambda x: function(x)


def one(name, k):
    """One of several results."""
    function = getattr(scipy.special, name)
    return lambda x: function(x)[k]


DEGREES = np.array([0, 1, 3])
POLYNOMIALS = ("eval_legendre", "eval_chebyt", "eval_chebyu", "eval_laguerre", "eval_hermite", "eval_hermitenorm")
SPHERICAL = ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn")

CASES = (
    *(
        Case(f"scipy.special.{name}", parts(name), each(POSITIVE), complex=True)
        for name in ("sici", "shichi", "fresnel", "airy")
    ),
    Case("sine_integral", one("sici", 0), each(REALS), complex=True),
    Case("cosine_integral", one("sici", 1), each(POSITIVE), complex=True),
    Case("sinh_integral", one("shichi", 0), each(REALS), complex=True),
    Case("cosh_integral", one("shichi", 1), each(POSITIVE), complex=True),
    Case("fresnel_sine", one("fresnel", 0), each(REALS), complex=True),
    Case("fresnel_cosine", one("fresnel", 1), each(REALS), complex=True),
    Case("airy_ai", one("airy", 0), each(REALS), complex=True),
    Case("airy_ai_slope", one("airy", 1), each(REALS), complex=True),
    Case("airy_bi", one("airy", 2), each(REALS), complex=True),
    Case("airy_bi_slope", one("airy", 3), each(REALS), complex=True),
    Case("scipy.special.wofz", scipy.special.wofz, each(REALS), complex=True),
    Case("scipy.special.ellipk", scipy.special.ellipk, each(UNIT)),
    Case("scipy.special.ellipk", scipy.special.ellipk, each(between(-20.0, -1.0)), label="below -1"),
    Case("scipy.special.ellipkm1", scipy.special.ellipkm1, each(PROBABILITY)),
    Case("scipy.special.ellipe", scipy.special.ellipe, each(UNIT)),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(between(-5.0, 5.0), UNIT))
        for name in ("ellipkinc", "ellipeinc")
    ),
    Case("elliptic_integral", lambda x, m: PRIMITIVES["elliptic_integral"](1.0, 1.5, x, m), broadcast(POSITIVE, UNIT)),
    Case("scipy.special.ellipj", scipy.special.ellipj, broadcast(REALS, PROBABILITY)),
    *(
        Case(f"jacobi_{name}", lambda u, m, k=k: scipy.special.ellipj(u, m)[k], broadcast(REALS, PROBABILITY))
        for k, name in enumerate(("sn", "cn", "dn", "ph"))
    ),
    Case("scipy.special.spence", scipy.special.spence, each(between(0.1, 3.0)), complex=True),
    Case("scipy.special.struve", at("struve", 0.5), each(POSITIVE)),
    Case("scipy.special.modstruve", at("modstruve", 1.0), each(POSITIVE)),
    Case("scipy.special.hyperu", at("hyperu", 1.2, 0.7), each(POSITIVE)),
    *(Case(f"scipy.special.{name}", at(name, 2), each(POSITIVE), complex=True) for name in SPHERICAL),
    *(Case(f"scipy.special.{name}", at(name, 0), each(POSITIVE), label="of order 0") for name in SPHERICAL),
    *(
        Case(
            f"scipy.special.{name}",
            in_double(lambda x, name=name: getattr(scipy.special, name)(2, x, derivative=True)),
            each(POSITIVE),
            label="derivative",
        )
        for name in SPHERICAL
    ),
    Case(
        "scipy.special.spherical_kn",
        lambda x: scipy.special.spherical_kn(2, x, derivative=True),
        each(POSITIVE),
        label="derivative in the precision of its argument",
    ),
    *(
        Case(
            f"scipy.special.{name}",
            lambda x, name=name: getattr(scipy.special, name)(DEGREES, x[..., None]),
            each(UNIT),
            complex=not name.startswith("eval_hermite"),
        )
        for name in POLYNOMIALS
    ),
    Case("scipy.special.eval_jacobi", at("eval_jacobi", 3, 0.5, 1.2), each(UNIT), complex=True),
    Case("scipy.special.eval_gegenbauer", at("eval_gegenbauer", 3, 0.5), each(UNIT), complex=True),
    Case("scipy.special.eval_genlaguerre", at("eval_genlaguerre", 3, 0.5), each(POSITIVE), complex=True),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, POSITIVE, values))
        for name, values in (("fdtr", POSITIVE), ("fdtrc", POSITIVE), ("fdtri", PROBABILITY))
    ),
    *(
        Case(f"scipy.special.{name}", getattr(scipy.special, name), broadcast(POSITIVE, POSITIVE, POSITIVE))
        for name in ("gdtr", "gdtrc")
    ),
    # Without derivative by an order, a degree or a shape parameter.
    *(
        Case(
            f"scipy.special.{name}", getattr(scipy.special, name), broadcast(PROBABILITY, UNIT), NEVER, label="by both"
        )
        for name in ("struve", "modstruve", "eval_legendre", "eval_chebyt")
    ),
    *(
        Case(
            f"scipy.special.{name}",
            getattr(scipy.special, name),
            broadcast(POSITIVE, POSITIVE, PROBABILITY),
            NEVER,
            label="by all",
        )
        for name in ("hyperu", "eval_gegenbauer")
    ),
)
