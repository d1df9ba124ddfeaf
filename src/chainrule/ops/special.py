"""Elementwise functions of scipy.special, each by its partial derivatives.

The derivatives stand in the Digital Library of Mathematical Functions (https://dlmf.nist.gov): chapter 5 for the gamma
function and its kin, 7 for the error functions, 10 for Bessel's.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops.op import Op, elementwise, piecewise_constant

__all__ = [
    "SPECIAL",
    "betaln",
    "cosm1",
    "erf",
    "expit",
    "gamma",
    "gammaln",
    "hurwitz_zeta",
    "hyp2f1",
    "i0",
    "i0e",
    "lambertw",
    "log_expit",
    "log_ndtr",
    "ndtr",
    "part_of",
    "psi",
    "row",
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


def part_of(name: str, k: int) -> Callable[..., Any]:
    """One of the results of a function of scipy.special that gives several."""

    def evaluate(*inputs: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*inputs)[k]

    return evaluate


def row(name: str, *partials: Any) -> Op:
    """State a function of scipy.special by its name there and its partial derivatives (see `elementwise`)."""
    return elementwise(f"scipy.special.{name}", _named(name), *partials)


# Exponentials and logarithms.

expit = row("expit", lambda ans: ans * (1 - ans))
log_expit = row("log_expit", lambda x: expit(-x))
log1p = row("log1p", lambda g, x: g / (1 + x))
cosm1 = row("cosm1", lambda x: -np.sin(x))
xlogy = row("xlogy", lambda y: np.log(y), lambda x, y: x / np.where((x == 0) & (y == 0), 1, y))
xlog1py = row("xlog1py", lambda y: log1p(y), lambda x, y: x / np.where((x == 0) & (y == -1), 1, 1 + y))


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


erf = row("erf", lambda x: (2 / _SQRT_PI) * np.exp(-x * x))
erfcx = row("erfcx", _erfcx_slope)
ndtr = row("ndtr", _normal_density)
log_ndtr = row("log_ndtr", _log_ndtr_slope)


# The gamma and beta functions.


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


def _zeta_by_order(x: Any, y: Any) -> Any:
    """The derivative of zeta by its first argument, by the formula of Euler and Maclaurin (DLMF 25.11.5)."""
    # The sum of (y + k)^-x up to k = 11; with w = y + 12 the rest is w^(1 - x) / (x - 1) + w^-x / 2 + the sum of
    # B_2j / (2j)! x (x + 1) ... (x + 2j - 2) w^(1 - x - 2j).
    shifted = np.expand_dims(y, -1) + np.arange(12, dtype=np.float32)
    total = -np.sum(np.log(shifted) * shifted ** -np.expand_dims(x, -1), axis=-1)
    w = y + 12
    log, r = np.log(w), 1 / w
    rest = -(log + 1 / (x - 1)) * w / (x - 1) - 0.5 * log
    rising, slope = x, 1.0
    for j, bernoulli in enumerate(_BERNOULLI, 1):
        if j > 1:
            for step in (2.0 * j - 3, 2.0 * j - 2):
                rising, slope = rising * (x + step), slope * (x + step) + rising
        rest = rest + bernoulli / math.factorial(2 * j) * (slope - log * rising) * r ** (2 * j - 1)
    return total + rest * w**-x


#: sum of (y + k)^-x over k = 0, 1, ...: polygamma functions are multiples of it.
hurwitz_zeta: Op = row("zeta", _zeta_by_order, lambda x, y: -x * hurwitz_zeta(x + 1, y))
psi = row("psi", _trigamma)
gammaln = row("gammaln", lambda x: psi(x))
betaln = row("betaln", lambda x, y: psi(x) - psi(x + y), lambda x, y: psi(y) - psi(x + y))


def _rgamma_slope(ans: Any, x: Any) -> Any:
    # -psi / Gamma; at 0, -1, -2 and so on, where 1 / Gamma is 0 and psi infinite, (-1)^n n! for x = -n.
    pole = (x.real <= 0) & (x == np.floor(x.real))
    return np.where(pole, np.cos(np.pi * x) * gamma(1 - np.where(pole, x, 0)), -ans * psi(np.where(pole, 1, x)))


gamma = row("gamma", lambda ans, x: ans * psi(x))


# Bessel functions, and the modified ones; those whose name ends in e are scaled by exp(-|x|), or exp(x) for K. They
# have no derivative by the order in terms of functions that SciPy has.

j0: Op = row("j0", lambda x: -j1(x))
j1: Op = row("j1", lambda x: 0.5 * (j0(x) - jv(2.0, x)))
jv: Op = row("jv", None, lambda x, y: 0.5 * (jv(x - 1, y) - jv(x + 1, y)))
y0: Op = row("y0", lambda x: -y1(x))
y1: Op = row("y1", lambda x: 0.5 * (y0(x) - yv(2.0, x)))
yv: Op = row("yv", None, lambda x, y: 0.5 * (yv(x - 1, y) - yv(x + 1, y)))
k0: Op = row("k0", lambda x: -k1(x))
k1: Op = row("k1", lambda x: -0.5 * (k0(x) + kv(2.0, x)))
kv: Op = row("kv", None, lambda x, y: -0.5 * (kv(x - 1, y) + kv(x + 1, y)))
k0e: Op = row("k0e", lambda ans, x: ans - k1e(x))
k1e: Op = row("k1e", lambda ans, x: ans - 0.5 * (k0e(x) + kve(2.0, x)))
kve: Op = row("kve", None, lambda ans, x, y: ans - 0.5 * (kve(x - 1, y) + kve(x + 1, y)))


def _scaled_slope(x: Any, y: Any) -> Any:
    if np.iscomplexobj(y):
        raise NoDerivativeError(
            "scipy.special.ive of complex numbers has no derivative rule: its factor exp(-|Re z|) has none by z. "
            f"Write scipy.special.iv(v, z) * np.exp(-np.abs(z.real)).{user_line()}"
        )
    return 0.5 * (ive(x - 1, y) + ive(x + 1, y))


i0: Op = row("i0", lambda x: i1(x))
i1: Op = row("i1", lambda x: 0.5 * (i0(x) + iv(2.0, x)))
iv: Op = row("iv", None, lambda x, y: 0.5 * (iv(x - 1, y) + iv(x + 1, y)))
i0e: Op = row("i0e", lambda ans, x: i1e(x) - np.sign(x) * ans)
i1e: Op = row("i1e", lambda ans, x: 0.5 * (i0e(x) + ive(2.0, x)) - np.sign(x) * ans)
ive: Op = row("ive", None, lambda ans, x, y: _scaled_slope(x, y) - np.sign(y) * ans)


hyp0f1: Op = row("hyp0f1", None, lambda x, y: hyp0f1(x + 1, y) / x)
hyp1f1: Op = row("hyp1f1", None, None, lambda c, x, y: c / x * hyp1f1(c + 1, x + 1, y))
hyp2f1: Op = row("hyp2f1", None, None, None, lambda b, c, x, y: b * c / x * hyp2f1(b + 1, c + 1, x + 1, y))
# The solution w of w e^w = x; the second argument says which of them.
lambertw = row("lambertw", lambda ans: np.exp(-ans) / (1 + ans), None)


SPECIAL: tuple[Op, ...] = (
    expit,
    log_expit,
    row("logit", lambda g, x: g / (x * (1 - x))),
    row("expm1", lambda ans: ans + 1),
    log1p,
    cosm1,
    xlogy,
    xlog1py,
    erf,
    row("erfc", lambda x: (-2 / _SQRT_PI) * np.exp(-x * x)),
    erfcx,
    row("erfcinv", lambda ans: (-_SQRT_PI / 2) * np.exp(ans * ans)),
    row("erfi", lambda x: (2 / _SQRT_PI) * np.exp(x * x)),
    row("erfinv", lambda ans: (_SQRT_PI / 2) * np.exp(ans * ans)),
    ndtr,
    log_ndtr,
    row("ndtri_exp", lambda ans, x: _SQRT_2PI * np.exp(x + 0.5 * ans * ans)),
    row("ndtri", lambda ans: _SQRT_2PI * np.exp(0.5 * ans * ans)),
    gamma,
    row("rgamma", _rgamma_slope),
    row("loggamma", lambda x: psi(x)),
    piecewise_constant("scipy.special.gammasgn", _named("gammasgn")),
    gammaln,
    psi,
    hurwitz_zeta,
    row(
        "binom",
        lambda ans, x, y: ans * (psi(x + 1) - psi(x - y + 1)),
        lambda ans, x, y: ans * (psi(x - y + 1) - psi(y + 1)),
    ),
    row("poch", lambda ans, x, y: ans * (psi(x + y) - psi(x)), lambda ans, x, y: ans * psi(x + y)),
    row("beta", lambda ans, x, y: ans * (psi(x) - psi(x + y)), lambda ans, x, y: ans * (psi(y) - psi(x + y))),
    betaln,
    j0,
    j1,
    jv,
    y0,
    y1,
    yv,
    row("yn", None, lambda x, y: 0.5 * (yv(x - 1, y) - yv(x + 1, y))),
    i0,
    i1,
    iv,
    i0e,
    i1e,
    ive,
    k0,
    k1,
    kv,
    row("kn", None, lambda x, y: -0.5 * (kv(x - 1, y) + kv(x + 1, y))),
    k0e,
    k1e,
    kve,
    # Integrals of elementary functions, and hypergeometric functions by their last argument.
    row("expi", lambda g, x: g * np.exp(x) / x),
    row("exp1", lambda g, x: -g * np.exp(-x) / x),
    # E_{n-1} from e^-x = x E_{n-1} + (n - 1) E_n (DLMF 8.19.12).
    row("expn", None, lambda ans, x, y: ((x - 1) * ans - np.exp(-y)) / y),
    row("dawsn", lambda ans, x: 1 - 2 * x * ans),
    row(
        "owens_t",
        lambda x, y: -np.exp(-0.5 * x * x) * erf(x * y / math.sqrt(2)) / (2 * _SQRT_2PI),
        lambda x, y: np.exp(-0.5 * x * x * (1 + y * y)) / (2 * math.pi * (1 + y * y)),
    ),
    hyp0f1,
    hyp1f1,
    hyp2f1,
    lambertw,
    # The solution w of w + log w = x.
    row("wrightomega", lambda ans: ans / (1 + ans)),
)
