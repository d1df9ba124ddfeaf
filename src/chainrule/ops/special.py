"""Elementwise functions of scipy.special, each by its partial derivatives.

The derivatives stand in the Digital Library of Mathematical Functions (https://dlmf.nist.gov): chapter 5 for the gamma
function and its kin, 7 for the error functions, 8 for the incomplete gamma and beta functions, 10 for Bessel's.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops.op import Op, elementwise, piecewise_constant

__all__ = [
    "SPECIAL",
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "cosm1",
    "erf",
    "expit",
    "gamma",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "hurwitz_zeta",
    "hyp2f1",
    "i0",
    "i0e",
    "lambertw",
    "log_expit",
    "log_ndtr",
    "ndtr",
    "psi",
    "xlog1py",
    "xlogy",
]

_SQRT_PI = math.sqrt(math.pi)
_SQRT_2PI = math.sqrt(2 * math.pi)


def _named(name: str) -> Callable[..., Any]:
    # scipy.special takes longer to import than all of chainrule, so it is looked up when it is used.
    found: Any = None

    def evaluate(*inputs: Any) -> Any:
        nonlocal found
        if found is None:
            import scipy.special

            found = getattr(scipy.special, name)
        return found(*inputs)

    return evaluate


def _row(name: str, *partials: Any) -> Op:
    return elementwise(f"scipy.special.{name}", _named(name), *partials)


# Exponentials and logarithms.

expit = _row("expit", lambda ans: ans * (1 - ans))
log_expit = _row("log_expit", lambda x: expit(-x))
log1p = _row("log1p", lambda g, x: g / (1 + x))
cosm1 = _row("cosm1", lambda x: -np.sin(x))
xlogy = _row("xlogy", lambda y: np.log(y), lambda x, y: x / np.where((x == 0) & (y == 0), 1, y))
xlog1py = _row("xlog1py", lambda y: log1p(y), lambda x, y: x / np.where((x == 0) & (y == -1), 1, 1 + y))


# The normal distribution and the error functions.


def _normal_density(x: Any) -> Any:
    return np.exp(-0.5 * x * x) / _SQRT_2PI


def _erfcx_slope(ans: Any, x: Any) -> Any:
    # 2 x erfcx(x) - 2 / sqrt(pi), whose two terms cancel for large x: there by its expansion (DLMF 7.12.1).
    far = x > 1e3
    large, moderate = np.where(far, x, 1), np.where(far, 0, x)
    expansion = (1.5 / (large * large) - 1) / (_SQRT_PI * large * large)
    return np.where(far, expansion, 2 * moderate * ans - 2 / _SQRT_PI)


def _log_ndtr_slope(x: Any) -> Any:
    # The density over the distribution function: sqrt(2 / pi) / erfcx(-x / sqrt 2) on the left, where both vanish.
    left, right = np.where(x < 0, -x, 0), np.where(x < 0, 0, x)
    return np.where(
        x < 0,
        math.sqrt(2 / math.pi) / erfcx(left / math.sqrt(2)),
        _normal_density(right) / ndtr(right),
    )


erf = _row("erf", lambda x: (2 / _SQRT_PI) * np.exp(-x * x))
erfcx = _row("erfcx", _erfcx_slope)
ndtr = _row("ndtr", _normal_density)
log_ndtr = _row("log_ndtr", _log_ndtr_slope)


# The gamma and beta functions.


def _gammainc_slope(x: Any, y: Any) -> Any:
    # By the upper limit y: y^(x - 1) e^-y / Gamma(x) (DLMF 8.8.13).
    return np.exp(xlogy(x - 1, y) - y - gammaln(x))


def _betainc_slope(c: Any, x: Any, y: Any) -> Any:
    # By the upper limit y: y^(a - 1) (1 - y)^(b - 1) / B(a, b), with a and b called c and x here (DLMF 8.17.1).
    return np.exp(xlogy(c - 1, y) + xlog1py(x - 1, -y) - betaln(c, x))


def _trigamma(x: Any) -> Any:
    return _complex_trigamma(x) if np.iscomplexobj(x) else hurwitz_zeta(2.0, x)


#: B_{2k} for k = 1, 2, ...: coefficients of the asymptotic series of the trigamma function.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def _complex_trigamma(x: Any) -> Any:
    """The derivative of psi at complex numbers, for which SciPy has none."""
    # Reflected to the right half plane near the real axis, psi'(1 - z) + psi'(z) = (pi / sin(pi z))^2 (DLMF 5.15.6);
    # moved to w = z + 16 by psi'(z) = psi'(z + 1) + 1 / z^2 (5.15.5); there 1/w + 1/(2 w^2) + sum B_2k / w^(2k+1)
    # (5.15.8), of which the last term is of the order of rounding.
    is_left = (np.real(x) < 0.5) & (np.abs(np.imag(x)) < 10)
    z = np.where(is_left, 1 - x, x)
    moved = np.expand_dims(z, -1) + np.arange(16, dtype=np.float32)
    r = 1 / (z + 16)
    square = r * r
    series: Any = 0.0
    for coefficient in reversed(_BERNOULLI):
        series = (series + coefficient) * square
    found = np.sum(1 / (moved * moved), axis=-1) + r + 0.5 * square + series * r
    # The sine has the period of its argument's whole part, which would take digits.
    reflected = math.pi / np.sin(math.pi * np.where(is_left, x - np.rint(np.real(x)), 0.5))
    return np.where(is_left, reflected * reflected - found, found)


def _stdtr_slope(x: Any, y: Any) -> Any:
    # The density of Student's t with x degrees of freedom.
    return np.exp(-0.5 * (x + 1) * np.log1p(y * y / x) - betaln(0.5, 0.5 * x)) / np.sqrt(x)


#: sum of (y + k)^-x over k = 0, 1, ...: polygamma functions are multiples of it.
hurwitz_zeta: Op = _row("zeta", None, lambda x, y: -x * hurwitz_zeta(x + 1, y))
psi = _row("psi", _trigamma)
gammaln = _row("gammaln", lambda x: psi(x))
betaln = _row("betaln", lambda x, y: psi(x) - psi(x + y), lambda x, y: psi(y) - psi(x + y))
# By their shape parameters these have no derivative in terms of functions that SciPy has.
betainc = _row("betainc", None, None, _betainc_slope)
gammaincinv = _row("gammaincinv", None, lambda g, ans, x: g / _gammainc_slope(x, ans))
gammainccinv = _row("gammainccinv", None, lambda g, ans, x: -g / _gammainc_slope(x, ans))
betaincinv = _row("betaincinv", None, None, lambda g, ans, c, x: g / _betainc_slope(c, x, ans))
betainccinv = _row("betainccinv", None, None, lambda g, ans, c, x: -g / _betainc_slope(c, x, ans))
betaincc = _row("betaincc", None, None, lambda c, x, y: -_betainc_slope(c, x, y))


def _rgamma_slope(ans: Any, x: Any) -> Any:
    # -psi / Gamma; at 0, -1, -2 and so on, where 1 / Gamma is 0 and psi infinite, (-1)^n n! for x = -n.
    pole = (x.real <= 0) & (x == np.floor(x.real))
    return np.where(pole, np.cos(np.pi * x) * gamma(1 - np.where(pole, x, 0)), -ans * psi(np.where(pole, 1, x)))


def _pdtr_slope(x: Any, y: Any) -> Any:
    # By the mean y: -y^k e^-y / k! for at most k events.
    k = np.floor(x)
    return -np.exp(xlogy(k, y) - y - gammaln(k + 1))


gamma = _row("gamma", lambda ans, x: ans * psi(x))


# Bessel functions, and the modified ones; those whose name ends in e are scaled by exp(-|x|), or exp(x) for K. They
# have no derivative by the order in terms of functions that SciPy has.

j0: Op = _row("j0", lambda x: -j1(x))
j1: Op = _row("j1", lambda x: 0.5 * (j0(x) - jv(2.0, x)))
jv: Op = _row("jv", None, lambda x, y: 0.5 * (jv(x - 1, y) - jv(x + 1, y)))
y0: Op = _row("y0", lambda x: -y1(x))
y1: Op = _row("y1", lambda x: 0.5 * (y0(x) - yv(2.0, x)))
yv: Op = _row("yv", None, lambda x, y: 0.5 * (yv(x - 1, y) - yv(x + 1, y)))
k0: Op = _row("k0", lambda x: -k1(x))
k1: Op = _row("k1", lambda x: -0.5 * (k0(x) + kv(2.0, x)))
kv: Op = _row("kv", None, lambda x, y: -0.5 * (kv(x - 1, y) + kv(x + 1, y)))
k0e: Op = _row("k0e", lambda ans, x: ans - k1e(x))
k1e: Op = _row("k1e", lambda ans, x: ans - 0.5 * (k0e(x) + kve(2.0, x)))
kve: Op = _row("kve", None, lambda ans, x, y: ans - 0.5 * (kve(x - 1, y) + kve(x + 1, y)))


def _scaled_slope(x: Any, y: Any) -> Any:
    if np.iscomplexobj(y):
        raise NoDerivativeError(
            "scipy.special.ive of complex numbers has no derivative rule: its factor exp(-|Re z|) has none by z. "
            f"Write scipy.special.iv(v, z) * np.exp(-np.abs(z.real)).{user_line()}"
        )
    return 0.5 * (ive(x - 1, y) + ive(x + 1, y))


i0: Op = _row("i0", lambda x: i1(x))
i1: Op = _row("i1", lambda x: 0.5 * (i0(x) + iv(2.0, x)))
iv: Op = _row("iv", None, lambda x, y: 0.5 * (iv(x - 1, y) + iv(x + 1, y)))
i0e: Op = _row("i0e", lambda ans, x: i1e(x) - np.sign(x) * ans)
i1e: Op = _row("i1e", lambda ans, x: 0.5 * (i0e(x) + ive(2.0, x)) - np.sign(x) * ans)
ive: Op = _row("ive", None, lambda ans, x, y: _scaled_slope(x, y) - np.sign(y) * ans)


hyp0f1: Op = _row("hyp0f1", None, lambda x, y: hyp0f1(x + 1, y) / x)
hyp1f1: Op = _row("hyp1f1", None, None, lambda c, x, y: c / x * hyp1f1(c + 1, x + 1, y))
hyp2f1: Op = _row("hyp2f1", None, None, None, lambda b, c, x, y: b * c / x * hyp2f1(b + 1, c + 1, x + 1, y))
# The solution w of w e^w = x; the second argument says which of them.
lambertw = _row("lambertw", lambda ans: np.exp(-ans) / (1 + ans), None)


SPECIAL: tuple[Op, ...] = (
    expit,
    log_expit,
    _row("logit", lambda g, x: g / (x * (1 - x))),
    _row("expm1", lambda ans: ans + 1),
    log1p,
    cosm1,
    xlogy,
    xlog1py,
    erf,
    _row("erfc", lambda x: (-2 / _SQRT_PI) * np.exp(-x * x)),
    erfcx,
    _row("erfcinv", lambda ans: (-_SQRT_PI / 2) * np.exp(ans * ans)),
    _row("erfi", lambda x: (2 / _SQRT_PI) * np.exp(x * x)),
    _row("erfinv", lambda ans: (_SQRT_PI / 2) * np.exp(ans * ans)),
    ndtr,
    log_ndtr,
    _row("ndtri_exp", lambda ans, x: _SQRT_2PI * np.exp(x + 0.5 * ans * ans)),
    _row("ndtri", lambda ans: _SQRT_2PI * np.exp(0.5 * ans * ans)),
    gamma,
    _row("rgamma", _rgamma_slope),
    _row("loggamma", lambda x: psi(x)),
    piecewise_constant("scipy.special.gammasgn", _named("gammasgn")),
    gammaln,
    psi,
    hurwitz_zeta,
    _row(
        "binom",
        lambda ans, x, y: ans * (psi(x + 1) - psi(x - y + 1)),
        lambda ans, x, y: ans * (psi(x - y + 1) - psi(y + 1)),
    ),
    _row("poch", lambda ans, x, y: ans * (psi(x + y) - psi(x)), lambda ans, x, y: ans * psi(x + y)),
    _row("beta", lambda ans, x, y: ans * (psi(x) - psi(x + y)), lambda ans, x, y: ans * (psi(y) - psi(x + y))),
    betaln,
    _row("gammainc", None, _gammainc_slope),
    _row("gammaincc", None, lambda x, y: -_gammainc_slope(x, y)),
    _row("chdtr", None, lambda x, y: 0.5 * _gammainc_slope(0.5 * x, 0.5 * y)),
    _row("chdtrc", None, lambda x, y: -0.5 * _gammainc_slope(0.5 * x, 0.5 * y)),
    _row("stdtr", None, _stdtr_slope),
    betainc,
    betaincc,
    _row("pdtr", 0, _pdtr_slope),
    _row("pdtrc", 0, lambda x, y: -_pdtr_slope(x, y)),
    gammaincinv,
    gammainccinv,
    betaincinv,
    betainccinv,
    _row("stdtrit", None, lambda g, ans, x: g / _stdtr_slope(x, ans)),
    j0,
    j1,
    jv,
    y0,
    y1,
    yv,
    _row("yn", None, lambda x, y: 0.5 * (yv(x - 1, y) - yv(x + 1, y))),
    i0,
    i1,
    iv,
    i0e,
    i1e,
    ive,
    k0,
    k1,
    kv,
    _row("kn", None, lambda x, y: -0.5 * (kv(x - 1, y) + kv(x + 1, y))),
    k0e,
    k1e,
    kve,
    # Integrals of elementary functions, and hypergeometric functions by their last argument.
    _row("expi", lambda g, x: g * np.exp(x) / x),
    _row("exp1", lambda g, x: -g * np.exp(-x) / x),
    # E_{n-1} from e^-x = x E_{n-1} + (n - 1) E_n (DLMF 8.19.12).
    _row("expn", None, lambda ans, x, y: ((x - 1) * ans - np.exp(-y)) / y),
    _row("dawsn", lambda ans, x: 1 - 2 * x * ans),
    _row(
        "owens_t",
        lambda x, y: -np.exp(-0.5 * x * x) * erf(x * y / math.sqrt(2)) / (2 * _SQRT_2PI),
        lambda x, y: np.exp(-0.5 * x * x * (1 + y * y)) / (2 * math.pi * (1 + y * y)),
    ),
    hyp0f1,
    hyp1f1,
    hyp2f1,
    lambertw,
)
