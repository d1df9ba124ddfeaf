"""Functions of scipy.special in terms of others: what their documentation says that they are."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.ops import PRIMITIVES
from chainrule.ops.axes import with_dtype
from chainrule.ops.op import Op
from chainrule.ops.shapes import convert, strong
from chainrule.ops.special import betainc, betaincc, gamma, gammainccinv, gammaln, xlogy
from chainrule.trace.hooks import hook
from chainrule.trace.tables import SPECIAL_COMPOSITIONS, Composition

__all__: list[str] = []

#: The rows by their own name.
_ROWS: dict[str, Op] = {
    name.removeprefix("scipy.special."): op for name, op in PRIMITIVES.items() if name.startswith("scipy.special.")
}


def _followed(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        SPECIAL_COMPOSITIONS[name] = Composition(f"scipy.special.{name}", follow)
        return follow

    return register


def _real(name: str, *xs: Any) -> None:
    """Refuse complex numbers, for which the function has no loop in SciPy."""
    if any(np.iscomplexobj(x) for x in xs):
        raise TypeError(f"scipy.special.{name} takes real numbers, and got complex ones.{user_line()}")


def _as_wide_as(n: Any, x: Any) -> Any:
    """Take points to double precision, as an array of degrees or orders in 64 bits does, before they are moved."""
    return convert(strong(x), np.result_type(with_dtype(x), n)) if hasattr(n, "dtype") else x


# Bessel functions of the third kind, and scaled ones.


@_followed("hankel1")
def _hankel1(v: Any, z: Any, /) -> Any:
    return _ROWS["jv"](v, z) + 1j * _ROWS["yv"](v, z)


@_followed("hankel2")
def _hankel2(v: Any, z: Any, /) -> Any:
    return _ROWS["jv"](v, z) - 1j * _ROWS["yv"](v, z)


@_followed("hankel1e")
def _hankel1e(v: Any, z: Any, /) -> Any:
    return _hankel1(v, z) * np.exp(-1j * _as_wide_as(v, z))


@_followed("hankel2e")
def _hankel2e(v: Any, z: Any, /) -> Any:
    return _hankel2(v, z) * np.exp(1j * _as_wide_as(v, z))


def _of_real_numbers(name: str, plain: str) -> None:
    def follow(v: Any, z: Any, /) -> Any:
        if np.iscomplexobj(z):
            raise NoDerivativeError(
                f"scipy.special.{name} of complex numbers has no derivative rule: its factor exp(-|Im z|) has none by "
                f"z. Write scipy.special.{plain}(v, z) * np.exp(-np.abs(z.imag)).{user_line()}"
            )
        return _ROWS[plain](v, z)

    _followed(name)(follow)


_of_real_numbers("jve", "jv")
_of_real_numbers("yve", "yv")


# Kelvin functions: Bessel functions on the diagonal of the plane (DLMF 10.61).


def _kelvin(name: str, part: Callable[[Any], Any], bessel: str, eighths: float) -> None:
    turn = complex(math.cos(eighths * math.pi / 4), math.sin(eighths * math.pi / 4))

    def follow(x: Any, /) -> Any:
        _real(name, x)
        return part(_ROWS[bessel](0.0, turn * x))

    _followed(name)(follow)


_kelvin("ber", np.real, "jv", 3)
_kelvin("bei", np.imag, "jv", 3)
_kelvin("ker", np.real, "kv", 1)
_kelvin("kei", np.imag, "kv", 1)


@_followed("voigt_profile")
def _voigt_profile(x: Any, sigma: Any, gamma: Any, /) -> Any:
    _real("voigt_profile", x, sigma, gamma)
    z = (x + 1j * gamma) / (math.sqrt(2) * sigma)
    return np.real(_ROWS["wofz"](z)) / (math.sqrt(2 * math.pi) * sigma)


# Orthogonal polynomials on other intervals (DLMF 18.1(iii), 18.7(i)).


def _polynomial(name: str, other: str, factor: float, scale: float, shift: float) -> None:
    def follow(n: Any, x: Any, /) -> Any:
        import scipy.special

        return factor * getattr(scipy.special, other)(n, scale * _as_wide_as(n, x) + shift)

    _followed(name)(follow)


_polynomial("eval_chebyc", "eval_chebyt", 2.0, 0.5, 0.0)
_polynomial("eval_chebys", "eval_chebyu", 1.0, 0.5, 0.0)
_polynomial("eval_sh_chebyt", "eval_chebyt", 1.0, 2.0, -1.0)
_polynomial("eval_sh_chebyu", "eval_chebyu", 1.0, 2.0, -1.0)
_polynomial("eval_sh_legendre", "eval_legendre", 1.0, 2.0, -1.0)


@_followed("eval_sh_jacobi")
def _eval_sh_jacobi(n: Any, p: Any, q: Any, x: Any, /) -> Any:
    import scipy.special

    return scipy.special.eval_jacobi(n, p - q, q - 1, 2 * x - 1) / scipy.special.binom(2 * n + p - 1, n)


# Powers, angles in degrees.


@_followed("powm1")
def _powm1(x: Any, y: Any, /) -> Any:
    _real("powm1", x, y)
    return np.expm1(xlogy(y, x))


def _log1p_over(t: Any) -> Any:
    """log(1 + t) / t; near 0 by the series sum (-t)^k / (k + 1), whose derivatives are right there, too."""
    near = np.abs(t) < 0.1
    inside = np.where(near, t, 0)
    series = 0.0 * inside
    for k in range(17, -1, -1):
        series = 1 / (k + 1) - inside * series
    far = np.where(near, 1, t)
    return np.where(near, series, np.log1p(far) / far)


@_followed("inv_boxcox")
def _inv_boxcox(y: Any, lmbda: Any, /) -> Any:
    _real("inv_boxcox", y, lmbda)
    # (1 + l y)^(1 / l), and e^y for l = 0.
    return np.exp(y * _log1p_over(lmbda * strong(y)))


@_followed("inv_boxcox1p")
def _inv_boxcox1p(y: Any, lmbda: Any, /) -> Any:
    _real("inv_boxcox1p", y, lmbda)
    return np.expm1(y * _log1p_over(lmbda * strong(y)))


@_followed("sindg")
def _sindg(x: Any, /) -> Any:
    return np.sin(np.deg2rad(x))


@_followed("cosdg")
def _cosdg(x: Any, /) -> Any:
    return np.cos(np.deg2rad(x))


@_followed("tandg")
def _tandg(x: Any, /) -> Any:
    return np.tan(np.deg2rad(x))


@_followed("cotdg")
def _cotdg(x: Any, /) -> Any:
    return 1 / np.tan(np.deg2rad(x))


@_followed("radian")
def _radian(d: Any, m: Any, s: Any, /) -> Any:
    return np.deg2rad(d + m / 60 + s / 3600)


@_followed("agm")
def _agm(a: Any, b: Any, /) -> Any:
    # Gauss: pi / 4 (a + b) / K(((a - b) / (a + b))^2), of numbers of one sign.
    share = (a - b) / (a + b)
    return math.pi / 4 * (a + b) / _ROWS["ellipk"](share * share)


# Distribution functions of the old kind.


@_followed("chdtri")
def _chdtri(v: Any, p: Any, /) -> Any:
    # The other function makes double precision of single, this one does not.
    wide = np.result_type(*(x.dtype for x in (v, p) if hasattr(x, "dtype") and not getattr(x, "weak", False)), 1.0)
    return convert(2 * gammainccinv(v / 2, p), wide)


def _floor(k: Any) -> Any:
    # Of a Python number another one, which leaves single precision as it is.
    return float(math.floor(k)) if type(k) in (int, float) else np.floor(k)


@_followed("bdtr")
def _bdtr(k: Any, n: Any, p: Any, /) -> Any:
    return betaincc(_floor(k) + 1.0, n - _floor(k), p)


@_followed("bdtrc")
def _bdtrc(k: Any, n: Any, p: Any, /) -> Any:
    return betainc(_floor(k) + 1.0, n - _floor(k), p)


@_followed("nbdtr")
def _nbdtr(k: Any, n: Any, p: Any, /) -> Any:
    return betainc(n * 1.0, _floor(k) + 1.0, p)


@_followed("nbdtrc")
def _nbdtrc(k: Any, n: Any, p: Any, /) -> Any:
    return betaincc(n * 1.0, _floor(k) + 1.0, p)


# Counting.


def _not_exact(name: str, exact: bool) -> None:
    if exact:
        raise TraceError(f"scipy.special.{name}: exact=True is of integers; leave it out.{user_line()}")


def _double(x: Any) -> Any:
    # SciPy goes over to double precision here.
    x = strong(x)
    return convert(x, np.result_type(x.dtype, np.float64)) if hasattr(x, "dtype") else float(x)


@hook("scipy.special", "factorial")
def _factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    _not_exact("factorial", exact)
    _real("factorial", n)
    n = _double(n)
    return np.where(n < 0, 0.0, gamma(np.where(n < 0, 0.0, n) + 1))


@hook("scipy.special", "comb")
def _comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    import scipy.special

    _not_exact("comb", exact)
    if repetition:
        N = N + k - 1
    inside = (k <= N) & (N >= 0) & (k >= 0)
    n, m = (np.where(inside, x, 0.0) for x in (N, k))
    return np.where(inside, scipy.special.binom(n, m), 0.0)


@hook("scipy.special", "perm")
def _perm(N: Any, k: Any, exact: bool = False) -> Any:
    _not_exact("perm", exact)
    N, k = strong(N), strong(k)
    wide = np.result_type(with_dtype(N), with_dtype(k))
    N, k = convert(N, wide), convert(k, wide)
    inside = (k <= N) & (N >= 0) & (k >= 0)
    n, m = (np.where(inside, x, 0.0) for x in (N, k))
    return np.where(inside, np.exp(gammaln(n + 1) - gammaln(n - m + 1)), 0.0)
