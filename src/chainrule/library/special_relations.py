"""Functions of scipy.special in terms of others: what their documentation says that they are."""

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops import PRIMITIVES
from chainrule.ops.axes import with_dtype
from chainrule.ops.incomplete import betainc, betaincc, betainccinv, betaincinv, gammainccinv, gammaincinv
from chainrule.ops.op import Op
from chainrule.ops.shapes import convert, strong
from chainrule.ops.special import xlogy
from chainrule.trace.tables import SPECIAL_COMPOSITIONS, Composition

__all__: list[str] = []

#: The rows by their own name.
_ROWS: dict[str, Op] = {
    name.removeprefix("scipy.special."): op for name, op in PRIMITIVES.items() if name.startswith("scipy.special.")
}


def _followed(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how a ufunc is followed: in the precision in which SciPy computes it, with a result of SciPy's dtype."""

    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(follow)
        def in_its_precision(*args: Any) -> Any:
            dtype = _dtype_of(name, *map(_kind, args))
            if dtype is None and any(map(np.iscomplexobj, args)):
                raise TypeError(f"scipy.special.{name} takes real numbers, and got complex ones.{user_line()}")
            found = follow(*(_in_precision_of(dtype, x) for x in args))
            return found if dtype is None or getattr(found, "dtype", dtype) == dtype else convert(found, dtype)

        entry = SPECIAL_COMPOSITIONS[name] = Composition(f"scipy.special.{name}", follow)
        entry.follow = in_its_precision
        return follow

    return register


_NUMBERS: dict[str, type] = {"f": float, "c": complex, "i": int, "b": bool}


def _kind(x: Any) -> Any:
    """What a loop is chosen by: the dtype of an array, the type of a Python number; None of anything else."""
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
        return _NUMBERS.get(x.dtype.kind) if x.ndim == 0 else x.dtype
    return _NUMBERS[x.dtype.kind] if getattr(x, "weak", False) else x.dtype


@functools.cache
def _dtype_of(name: str, *kinds: Any) -> Any:
    """The dtype of SciPy's result for arguments of dtypes and types; None where it takes none such."""
    import scipy.special

    if None in kinds:
        return None
    ones = [np.ones((), kind)[()] if isinstance(kind, np.dtype) else kind(1) for kind in kinds]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return getattr(scipy.special, name)(*ones).dtype
        except TypeError:
            return None


def _in_precision_of(dtype: Any, x: Any) -> Any:
    # A loop in double precision takes every argument in it; whole numbers stay what they are.
    if dtype not in (np.float64, np.complex128) or not hasattr(x, "dtype") or getattr(x, "weak", False):
        return x
    wide = np.result_type(x.dtype, np.float64)
    return x if x.dtype.kind not in "fc" or x.dtype == wide else convert(x, wide)


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
        return part(_ROWS[bessel](0.0, turn * x))

    _followed(name)(follow)


_kelvin("ber", np.real, "jv", 3)
_kelvin("bei", np.imag, "jv", 3)
_kelvin("ker", np.real, "kv", 1)
_kelvin("kei", np.imag, "kv", 1)


def _kelvin_slope(name: str, part: Callable[[Any], Any], bessel: str, eighths: float) -> None:
    # J0' = -J1 and K0' = -K1.
    turn = complex(math.cos(eighths * math.pi / 4), math.sin(eighths * math.pi / 4))

    def follow(x: Any, /) -> Any:
        return part(-turn * _ROWS[bessel](1.0, turn * x))

    _followed(name)(follow)


_kelvin_slope("berp", np.real, "jv", 3)
_kelvin_slope("beip", np.imag, "jv", 3)
_kelvin_slope("kerp", np.real, "kv", 1)
_kelvin_slope("keip", np.imag, "kv", 1)


@_followed("voigt_profile")
def _voigt_profile(x: Any, sigma: Any, gamma: Any, /) -> Any:
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
    # (1 + l y)^(1 / l), and e^y for l = 0.
    return np.exp(y * _log1p_over(lmbda * y))


@_followed("inv_boxcox1p")
def _inv_boxcox1p(y: Any, lmbda: Any, /) -> Any:
    return np.expm1(y * _log1p_over(lmbda * y))


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


# Their inverse functions.


@_followed("bdtri")
def _bdtri(k: Any, n: Any, y: Any, /) -> Any:
    return betainccinv(_floor(k) + 1.0, n - _floor(k), y)


@_followed("nbdtri")
def _nbdtri(k: Any, n: Any, y: Any, /) -> Any:
    return betaincinv(n * 1.0, _floor(k) + 1.0, y)


@_followed("pdtri")
def _pdtri(k: Any, y: Any, /) -> Any:
    return gammainccinv(_floor(k) + 1.0, y)


@_followed("gdtrix")
def _gdtrix(a: Any, b: Any, p: Any, /) -> Any:
    return gammaincinv(b, p) / a


@_followed("gdtria")
def _gdtria(p: Any, b: Any, x: Any, /) -> Any:
    return gammaincinv(b, p) / x


@_followed("nrdtrimn")
def _nrdtrimn(p: Any, std: Any, x: Any, /) -> Any:
    return x - std * _ROWS["ndtri"](p)


@_followed("nrdtrisd")
def _nrdtrisd(mn: Any, p: Any, x: Any, /) -> Any:
    return (x - mn) / _ROWS["ndtri"](p)
