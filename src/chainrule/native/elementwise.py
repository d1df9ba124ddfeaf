"""Every elementwise operation as instructions: the table, and the dtypes that its rules compute in."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.native.emitter import Emitter
from chainrule.native.math import (
    arithmetic,
    error_functions,
    exponentials,
    hyperbolic,
    inverse_trigonometric,
    logarithms,
    powers,
    trigonometric,
)
from chainrule.native.math.number import Number
from chainrule.ops.incomplete import ORDERS

__all__ = ["FUNCTIONS", "WITHOUT", "Rule", "operand_dtypes"]

Rule = Callable[..., ir.Value]


def _ruled(formula: Callable[..., Number]) -> Rule:
    """A rule from a formula that asks for the dtype of its operands."""

    def rule(e: Emitter, dtype: np.dtype[Any], *xs: ir.Value) -> ir.Value:
        return formula(dtype, *(Number(e, x) for x in xs)).value

    return rule


def _smooth(formula: Callable[..., Number]) -> Rule:
    """A rule from a formula for floats."""

    def rule(e: Emitter, dtype: np.dtype[Any], *xs: ir.Value) -> ir.Value:
        return formula(*(Number(e, x) for x in xs)).value

    return rule


def _power(e: Emitter, dtype: np.dtype[Any], x: ir.Value, y: ir.Value) -> ir.Value:
    constant = powers.constant_value(y)
    if dtype.kind != "f":
        return powers.whole_power(Number(e, x), int(constant or 0)).value
    short = None if constant is None else powers.short_power(Number(e, x), constant)
    return (short or powers.power(Number(e, x), Number(e, y))).value


def _where(e: Emitter, dtype: np.dtype[Any], c: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
    return e.b.select(c, x, y)


def _times(factor: float) -> Rule:
    return _smooth(lambda x: x * factor)


#: From the name of an operation to what emits it. A rule takes the emitter, the dtype of the operands (of the last one,
#: where they differ: see `operand_dtypes`) and the operands in registers; what it returns has the register type of the
#: result. A constant exponent of np.power is told by being an `ir.Constant`.
FUNCTIONS: dict[str, Rule] = {
    "chainrule.relu": _ruled(arithmetic.relu),
    "root": _smooth(Number.sqrt),
    "chainrule.stop_gradient": _ruled(arithmetic.unchanged),
    "np.where": _where,
    # One operand
    "np.positive": _ruled(arithmetic.unchanged),
    "np.negative": _ruled(arithmetic.negative),
    "np.absolute": _ruled(arithmetic.absolute),
    "np.fabs": _ruled(arithmetic.absolute),
    "np.square": _ruled(lambda dtype, x: arithmetic.multiply(dtype, x, x)),
    "np.sqrt": _smooth(Number.sqrt),
    "np.cbrt": _smooth(powers.cbrt),
    "np.reciprocal": _ruled(arithmetic.reciprocal),
    "np.exp": _smooth(exponentials.exp),
    "np.exp2": _smooth(exponentials.exp2),
    "np.expm1": _smooth(exponentials.expm1),
    "np.log": _smooth(logarithms.log),
    "np.log2": _smooth(logarithms.log2),
    "np.log10": _smooth(logarithms.log10),
    "np.log1p": _smooth(logarithms.log1p),
    "np.sin": _smooth(trigonometric.sin),
    "np.cos": _smooth(trigonometric.cos),
    "np.tan": _smooth(trigonometric.tan),
    "np.arcsin": _smooth(inverse_trigonometric.arcsin),
    "np.arccos": _smooth(inverse_trigonometric.arccos),
    "np.arctan": _smooth(inverse_trigonometric.arctan),
    "np.sinh": _smooth(hyperbolic.sinh),
    "np.cosh": _smooth(hyperbolic.cosh),
    "np.tanh": _smooth(hyperbolic.tanh),
    "np.arcsinh": _smooth(hyperbolic.arcsinh),
    "np.arccosh": _smooth(hyperbolic.arccosh),
    "np.arctanh": _smooth(hyperbolic.arctanh),
    "np.deg2rad": _times(math.pi / 180),
    "np.radians": _times(math.pi / 180),
    "np.rad2deg": _times(180 / math.pi),
    "np.degrees": _times(180 / math.pi),
    "np.conjugate": _ruled(arithmetic.unchanged),
    "np.real": _ruled(arithmetic.unchanged),
    "np.imag": _ruled(arithmetic.imag),
    "np.spacing": _ruled(arithmetic.spacing),
    # Two operands
    "np.add": _ruled(arithmetic.add),
    "np.subtract": _ruled(arithmetic.subtract),
    "np.multiply": _ruled(arithmetic.multiply),
    "np.divide": _ruled(arithmetic.divide),
    "np.power": _power,
    "np.float_power": _power,
    "np.maximum": _ruled(arithmetic.larger(ignore_nan=False)),
    "np.minimum": _ruled(arithmetic.smaller(ignore_nan=False)),
    "np.fmax": _ruled(arithmetic.larger(ignore_nan=True)),
    "np.fmin": _ruled(arithmetic.smaller(ignore_nan=True)),
    "np.fmod": _ruled(arithmetic.fmod_of),
    "np.remainder": _ruled(arithmetic.remainder),
    "np.hypot": _smooth(powers.hypot),
    "np.arctan2": _smooth(inverse_trigonometric.arctan2),
    "np.logaddexp": _smooth(logarithms.logaddexp),
    "np.logaddexp2": _smooth(logarithms.logaddexp2),
    "np.copysign": _ruled(arithmetic.copysign),
    "np.heaviside": _ruled(arithmetic.heaviside),
    "np.ldexp": _ruled(arithmetic.ldexp),
    "np.nextafter": _ruled(arithmetic.nextafter),
    # scipy.special
    "scipy.special.expit": _smooth(hyperbolic.expit),
    "scipy.special.logit": _smooth(logarithms.logit),
    "scipy.special.log_expit": _smooth(hyperbolic.log_expit),
    "scipy.special.expm1": _smooth(exponentials.expm1),
    "scipy.special.log1p": _smooth(logarithms.log1p),
    "scipy.special.cosm1": _smooth(trigonometric.cosm1),
    "scipy.special.erf": _smooth(error_functions.erf),
    "scipy.special.erfc": _smooth(error_functions.erfc),
    "scipy.special.erfcx": _smooth(error_functions.erfcx),
    "scipy.special.ndtr": _smooth(error_functions.ndtr),
    "scipy.special.log_ndtr": _smooth(error_functions.log_ndtr),
    "scipy.special.xlogy": _smooth(logarithms.xlogy),
    "scipy.special.xlog1py": _smooth(logarithms.xlog1py),
    # Piecewise constant
    "np.sign": _ruled(arithmetic.sign),
    "np.floor": _ruled(arithmetic.floor),
    "np.ceil": _ruled(arithmetic.ceil),
    "np.trunc": _ruled(arithmetic.trunc),
    "np.rint": _ruled(arithmetic.rint),
    "np.floor_divide": _ruled(arithmetic.floor_divide),
    "np.isnan": _ruled(arithmetic.isnan),
    "np.isinf": _ruled(arithmetic.isinf),
    "np.isfinite": _ruled(arithmetic.isfinite),
    "np.signbit": _ruled(arithmetic.signbit),
    "np.equal": _ruled(arithmetic.compare("==")),
    "np.not_equal": _ruled(arithmetic.compare("!=")),
    "np.less": _ruled(arithmetic.compare("<")),
    "np.less_equal": _ruled(arithmetic.compare("<=")),
    "np.greater": _ruled(arithmetic.compare(">")),
    "np.greater_equal": _ruled(arithmetic.compare(">=")),
    "np.logical_and": _ruled(arithmetic.bits_and),
    "np.logical_or": _ruled(arithmetic.bits_or),
    "np.logical_xor": _ruled(arithmetic.bits_xor),
    "np.logical_not": _ruled(arithmetic.bits_not),
    "np.bitwise_and": _ruled(arithmetic.bits_and),
    "np.bitwise_or": _ruled(arithmetic.bits_or),
    "np.bitwise_xor": _ruled(arithmetic.bits_xor),
    "np.invert": _ruled(arithmetic.bits_not),
    "np.left_shift": _ruled(arithmetic.left_shift),
    "np.right_shift": _ruled(arithmetic.right_shift),
}

_SERIES = "SciPy takes another series or recurrence for each part of its domain, by branches on the value"
_INVERSE = "SciPy's rational functions for each part of the domain have no branch-free form within 4 units yet"

#: Operations that stay with NumPy and SciPy, each with the reason. They run between native segments.
WITHOUT: dict[str, str] = {
    **{
        f"scipy.special.{name}": _SERIES
        for name in (
            *("gamma", "gammaln", "psi", "zeta", "poch", "beta", "betaln", "rgamma", "loggamma", "gammasgn", "binom"),
            *("i0", "i1", "i0e", "i1e", "iv", "ive", "j0", "j1", "jv", "y0", "y1", "yv", "yn"),
            *("k0", "k1", "k0e", "k1e", "kv", "kve", "kn"),
            *("gammainc", "gammaincc", "chdtr", "chdtrc", "stdtr", "betainc", "betaincc", "pdtr", "pdtrc"),
            *("expi", "exp1", "expn", "erfi", "dawsn", "owens_t", "hyp0f1", "hyp1f1", "hyp2f1", "hyperu", "wofz"),
            *("ellipk", "ellipkm1", "ellipe", "ellipkinc", "ellipeinc", "spence", "struve", "modstruve"),
            *("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"),
            *("eval_jacobi", "eval_gegenbauer", "eval_genlaguerre", "eval_hermite", "eval_hermitenorm"),
            *("eval_laguerre", "eval_legendre", "eval_chebyt", "eval_chebyu"),
            *("fdtr", "fdtrc", "fdtri", "gdtr", "gdtrc"),
        )
    },
    **dict.fromkeys(
        (
            *("sine_integral", "cosine_integral", "sinh_integral", "cosh_integral", "fresnel_sine", "fresnel_cosine"),
            *("airy_ai", "airy_ai_slope", "airy_bi", "airy_bi_slope"),
            *("jacobi_sn", "jacobi_cn", "jacobi_dn", "jacobi_ph", "elliptic_integral"),
        ),
        _SERIES,
    ),
    **dict.fromkeys(
        (
            *(f"gammainc_by_{'a' * n}" for n in range(1, ORDERS + 1)),
            *(f"stdtr_by_{'v' * n}" for n in range(1, ORDERS + 1)),
            *(f"betainc_by_{'a' * (n - k)}{'b' * k}" for n in range(1, ORDERS + 1) for k in range(n + 1)),
        ),
        "An integral over a tail of a distribution, which takes some 64 values of the density",
    ),
    **{
        f"scipy.special.{name}": _INVERSE
        for name in (
            *("erfinv", "erfcinv", "ndtri", "ndtri_exp"),
            *("gammaincinv", "gammainccinv", "betaincinv", "betainccinv", "stdtrit", "lambertw", "wrightomega"),
        )
    },
}

_BOOL = np.dtype(bool)
_LOGICAL = ("np.logical_and", "np.logical_or", "np.logical_xor", "np.logical_not")


def operand_dtypes(
    name: str, dtypes: Sequence[np.dtype[Any]], weak: Sequence[bool] | None = None, constants: Sequence[Any] = ()
) -> tuple[np.dtype[Any], ...] | None:
    """Say what the operands of an operation are converted to before its rule: the loop that NumPy would choose.

    Parameters
    ----------
    name : str
        A key of `FUNCTIONS`.
    dtypes : sequence of numpy.dtype
        Of the inputs.
    weak : sequence of bool, optional
        For each input, is it a Python number? Such a one takes the dtype of the others where it can.
    constants : sequence
        The value of each input that is a known number, None for others. Only the exponent of a power of integers is
        looked at: it has to be a constant of 0 or more, since others would be an error or a long loop.

    Returns
    -------
    tuple of numpy.dtype, or None
        One for each operand; None where there is no native form: complex numbers, floats of 16 or 128 bits, reciprocals
        of integers, and comparisons of a signed with an unsigned integer of 64 bits.

    Raises
    ------
    KeyError
        Where the operation has no rule.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.native.elementwise import operand_dtypes
    >>> operand_dtypes("np.exp", [np.dtype(np.int64)])
    (dtype('float64'),)
    >>> operand_dtypes("np.less", [np.dtype(np.float32), np.dtype(np.float64)], weak=[False, True])
    (dtype('float32'), dtype('float32'))
    """
    if name not in FUNCTIONS:
        raise KeyError(name)
    flags = weak if weak is not None and not all(weak) else [False] * len(dtypes)
    loop = _loop(name, dtypes, flags)
    if loop is None or not all(_is_native(dtype) for dtype in loop):
        return None
    if name not in ("np.where", "np.ldexp") and len(set(loop)) > 1:
        return None
    if name == "np.reciprocal" and loop[0].kind != "f":
        return None
    if name == "np.power" and loop[0].kind != "f":
        exponent = constants[1] if len(constants) > 1 else None
        return loop if isinstance(exponent, (int, np.integer)) and exponent >= 0 else None
    return loop


def _is_native(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8))


def _loop(name: str, dtypes: Sequence[np.dtype[Any]], weak: Sequence[bool]) -> tuple[np.dtype[Any], ...] | None:
    if any(dtype.kind not in "biuf" for dtype in dtypes):
        return None
    if name in _LOGICAL:
        return (_BOOL,) * len(dtypes)
    if name == "np.where":
        common = np.result_type(*map(_stand_in, dtypes[1:], weak[1:]))
        return (_BOOL, common, common)
    if name in ("chainrule.stop_gradient", "np.real", "np.imag"):
        return tuple(dtypes)
    given = [_python_type(dtype) if flag else dtype for dtype, flag in zip(dtypes, weak, strict=True)]
    if name == "chainrule.relu":
        return np.maximum.resolve_dtypes((*given, int, None))[:1]
    package, _, short = name.rpartition(".")
    if package == "scipy.special":
        import scipy.special

        return tuple(getattr(scipy.special, short).resolve_dtypes((*given, None))[:-1])
    ufunc = np.sqrt if name == "root" else getattr(np, short)
    return tuple(ufunc.resolve_dtypes((*given, None))[:-1])


def _python_type(dtype: np.dtype[Any]) -> Any:
    return {"f": float, "i": int}.get(dtype.kind, dtype)


def _stand_in(dtype: np.dtype[Any], weak: bool) -> Any:
    return {"f": 1.0, "i": 1}.get(dtype.kind, dtype) if weak else dtype
