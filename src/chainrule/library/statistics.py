"""scipy.stats: means, moments and other numbers that sum up a sample.

The formulas are those of SciPy's documentation. Entries that are NaN go on to the result (``nan_policy="propagate"``).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import Axis, length_of, normalize_axes, shape_of
from chainrule.ops.shapes import convert, with_fraction
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _sample(name: str, a: Any, nan_policy: str = "propagate", **refused: Any) -> Any:
    """The entries as numbers with a fraction; `refused` are arguments that are followed at None alone."""
    given = [
        key for key, x in {**refused, "nan_policy": None if nan_policy == "propagate" else 1}.items() if x is not None
    ]
    if given:
        raise TraceError(f"scipy.stats.{name}: argument {given[0]}= is not followed on traced values.{user_line()}")
    return with_fraction(a)


def _count(a: Any, axis: Axis) -> int:
    return length_of(shape_of(a), normalize_axes(axis, len(shape_of(a))))


# Means.


def _mean_of(name: str, there: Callable[[Any], Any], back: Callable[[Any], Any]) -> None:
    def follow(
        a: Any,
        axis: Axis = 0,
        dtype: Any = None,
        weights: Any = None,
        *,
        nan_policy: str = "propagate",
        keepdims: bool = False,
    ) -> Any:
        a = _sample(name, a, nan_policy, dtype=dtype)
        return back(np.average(there(a), axis, weights, keepdims=keepdims))  # type: ignore[call-overload]

    hook("scipy.stats", name)(follow)


_mean_of("gmean", np.log, np.exp)
_mean_of("hmean", lambda a: 1.0 / a, lambda y: 1.0 / y)


@hook("scipy.stats", "pmean")
def _pmean(
    a: Any,
    p: Any,
    *,
    axis: Axis = 0,
    dtype: Any = None,
    weights: Any = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:
    a = _sample("pmean", a, nan_policy, dtype=dtype)
    return np.average(a**p, axis, weights, keepdims=keepdims) ** (1 / p)  # type: ignore[call-overload]


@hook("scipy.stats", "tmean")
def _tmean(
    a: Any,
    limits: Any = None,
    inclusive: Any = (True, True),
    axis: Axis = None,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:
    return np.mean(_sample("tmean", a, nan_policy, limits=limits), axis, keepdims=keepdims)


@hook("scipy.stats", "trim_mean")
def _trim_mean(
    a: Any, proportiontocut: float, axis: int | None = 0, *, nan_policy: str = "propagate", keepdims: bool = False
) -> Any:
    a = _sample("trim_mean", a, nan_policy)
    rows = np.reshape(a, -1) if axis is None else np.moveaxis(a, axis, -1)
    count = shape_of(rows)[-1]
    cut = int(proportiontocut * count)
    found = np.mean(np.sort(rows, axis=-1)[..., cut : count - cut], axis=-1)
    if not keepdims:
        return found
    return np.reshape(found, (1,) * len(shape_of(a))) if axis is None else np.expand_dims(found, axis)


# Spread.


def _spread_of(name: str, spread: Callable[..., Any]) -> None:
    def follow(
        a: Any,
        limits: Any = None,
        inclusive: Any = (True, True),
        axis: Axis = 0,
        ddof: Any = 1,
        *,
        nan_policy: str = "propagate",
        keepdims: bool = False,
    ) -> Any:
        a = _sample(name, a, nan_policy, limits=limits)
        return _in_dtype_of(a, spread(a, axis, ddof, keepdims))

    hook("scipy.stats", name)(follow)


def _in_dtype_of(a: Any, spread: Any) -> Any:
    """The spread of complex numbers is real, but SciPy gives it in their dtype."""
    return convert(spread, a.dtype) if a.dtype.kind == "c" else spread


def _var(a: Any, axis: Axis, ddof: Any, keepdims: bool) -> Any:
    return np.var(a, axis=axis, ddof=ddof, keepdims=keepdims)


def _std(a: Any, axis: Axis, ddof: Any, keepdims: bool) -> Any:
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims)


def _sem_of(a: Any, axis: Axis, ddof: Any, keepdims: bool) -> Any:
    return _std(a, axis, ddof, keepdims) / math.sqrt(_count(a, axis))


_spread_of("tvar", _var)
_spread_of("tstd", _std)
_spread_of("tsem", _sem_of)


@hook("scipy.stats", "sem")
def _sem(a: Any, axis: Axis = 0, ddof: Any = 1, nan_policy: str = "propagate", *, keepdims: bool = False) -> Any:
    return _sem_of(_sample("sem", a, nan_policy), axis, ddof, keepdims)


@hook("scipy.stats", "gstd")
def _gstd(a: Any, axis: Axis = 0, ddof: Any = 1, *, keepdims: bool = False, nan_policy: str = "propagate") -> Any:
    a = _sample("gstd", a, nan_policy)
    return _in_dtype_of(a, np.exp(_std(np.log(a), axis, ddof, keepdims)))


@hook("scipy.stats", "variation", real_only=True)
def _variation(a: Any, axis: Axis = 0, nan_policy: str = "propagate", ddof: Any = 0, *, keepdims: bool = False) -> Any:
    a = _sample("variation", a, nan_policy)
    return _std(a, axis, ddof, keepdims) / np.mean(a, axis, keepdims=keepdims)


_NORMAL_IQR = 1.3489795003921634  # ndtri(0.75) - ndtri(0.25)
_NORMAL_MAD = 0.6744897501960817  # ndtri(0.75)


@hook("scipy.stats", "iqr")
def _iqr(
    x: Any,
    axis: Axis = None,
    rng: Any = (25, 75),
    scale: Any = 1.0,
    nan_policy: str = "propagate",
    interpolation: str = "linear",
    keepdims: bool = False,
) -> Any:
    x = _sample("iqr", x, nan_policy)
    ends: Any = np.percentile(x, sorted(rng), axis=axis, method=interpolation, keepdims=keepdims)  # type: ignore[call-overload]
    low, high = ends
    return (high - low) / (_NORMAL_IQR if isinstance(scale, str) else scale)


@hook("scipy.stats", "median_abs_deviation")
def _median_abs_deviation(
    x: Any,
    axis: Any = 0,
    center: Any = None,
    scale: Any = 1.0,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Any:
    x = _sample("median_abs_deviation", x, nan_policy)
    around = np.median if center is None else center
    middle = np.expand_dims(around(x, axis=axis), axis) if axis is not None else around(x, axis=None)
    found = np.median(np.abs(x - middle), axis=axis, keepdims=keepdims)
    return found / (_NORMAL_MAD if isinstance(scale, str) else scale)


# Moments.


def _central(a: Any, order: int, axis: Axis, center: Any, keepdims: bool) -> Any:
    middle = np.mean(a, axis, keepdims=True) if center is None else center
    return np.mean((a - middle) ** order, axis, keepdims=keepdims)


@hook("scipy.stats", "moment", real_only=True)
def _moment(
    a: Any, order: Any = 1, axis: Axis = 0, nan_policy: str = "propagate", *, center: Any = None, keepdims: bool = False
) -> Any:
    a = _sample("moment", a, nan_policy)
    if np.ndim(order) == 0:
        return _central(a, order, axis, center, keepdims)
    return np.stack([_central(a, k, axis, center, keepdims) for k in order])


@hook("scipy.stats", "skew")
def _skew(a: Any, axis: Axis = 0, bias: bool = True, nan_policy: str = "propagate", *, keepdims: bool = False) -> Any:
    a = _sample("skew", a, nan_policy)
    m2, m3 = (_central(a, k, axis, None, keepdims) for k in (2, 3))
    n = _count(a, axis)
    found = m3 / m2**1.5
    return found if bias or n < 3 else found * math.sqrt((n - 1.0) * n) / (n - 2.0)


@hook("scipy.stats", "kurtosis")
def _kurtosis(
    a: Any,
    axis: Axis = 0,
    fisher: bool = True,
    bias: bool = True,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Any:
    a = _sample("kurtosis", a, nan_policy)
    m2, m4 = (_central(a, k, axis, None, keepdims) for k in (2, 4))
    n = _count(a, axis)
    found = m4 / m2**2
    if not bias and n > 3:
        found = ((n**2 - 1.0) * found - 3 * (n - 1) ** 2.0) / ((n - 2) * (n - 3)) + 3.0
    return found - 3.0 if fisher else found


# Scores.


def _score(name: str, scores: Any, compare: Any, axis: Axis, ddof: Any) -> Any:
    if 0 in shape_of(scores) and shape_of(scores) == shape_of(compare):
        # There is nothing to take a mean of, and nothing to compare with it.
        return scores
    mean, spread = np.mean(compare, axis, keepdims=True), _std(compare, axis, ddof, True)
    return (scores - mean) / spread


@hook("scipy.stats", "zscore")
def _zscore(a: Any, axis: Axis = 0, ddof: Any = 0, nan_policy: str = "propagate") -> Any:
    a = _sample("zscore", a, nan_policy)
    return _score("zscore", a, a, axis, ddof)


@hook("scipy.stats", "gzscore")
def _gzscore(a: Any, *, axis: Axis = 0, ddof: Any = 0, nan_policy: str = "propagate") -> Any:
    log = np.log(_sample("gzscore", a, nan_policy))
    return _score("gzscore", log, log, axis, ddof)


@hook("scipy.stats", "zmap")
def _zmap(scores: Any, compare: Any, axis: Axis = 0, ddof: Any = 0, nan_policy: str = "propagate") -> Any:
    return _score("zmap", _sample("zmap", scores, nan_policy), _sample("zmap", compare), axis, ddof)


@hook("scipy.stats", "rankdata")
def _rankdata(a: Any, method: str = "average", *, axis: Any = None, nan_policy: str = "propagate") -> Any:
    a = np.reshape(_sample("rankdata", a, nan_policy, axis=axis), -1)
    order = np.sort(a)
    low, high = np.searchsorted(order, a, "left"), np.searchsorted(order, a, "right")
    if method == "average":
        return (low + high + 1) / 2
    if method in ("min", "max"):
        return 1.0 * (low + 1 if method == "min" else high)
    if method == "ordinal":
        return 1.0 + np.argsort(np.argsort(a, kind="stable"))
    raise TraceError(f"scipy.stats.rankdata: method={method!r} is not followed on traced values.{user_line()}")


# Entropy, and distances between samples.


@hook("scipy.stats", "entropy", real_only=True)
def _entropy(
    pk: Any, qk: Any = None, base: Any = None, axis: int = 0, *, nan_policy: str = "propagate", keepdims: bool = False
) -> Any:
    def share(x: Any) -> Any:
        return x / np.sum(x, axis=axis, keepdims=True)

    p = share(_sample("entropy", pk, nan_policy))
    inside = p > 0
    logarithm = -np.log(np.where(inside, p, 1.0))
    if qk is not None:
        q = share(_sample("entropy", qk))
        logarithm = -logarithm - np.log(np.where(inside, q, 1.0))
    total = np.sum(np.where(inside, p, 0.0) * logarithm, axis=axis, keepdims=keepdims)
    return total if base is None else total / np.log(base)


def _cdf_distance(power: int, u: Any, v: Any) -> Any:
    """Integral of the difference of the distribution functions, to a power, of two samples."""
    every = np.sort(np.concatenate([u, v]))
    shares = [np.searchsorted(np.sort(x), every[:-1], "right") / shape_of(x)[0] for x in (u, v)]
    return np.sum(np.abs(shares[0] - shares[1]) ** power * np.diff(every))


@hook("scipy.stats", "wasserstein_distance", real_only=True)
def _wasserstein_distance(u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None) -> Any:
    name = "wasserstein_distance"
    return _cdf_distance(1, _sample(name, u_values, u_weights=u_weights), _sample(name, v_values, v_weights=v_weights))


@hook("scipy.stats", "energy_distance", real_only=True)
def _energy_distance(u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None) -> Any:
    name = "energy_distance"
    u, v = _sample(name, u_values, u_weights=u_weights), _sample(name, v_values, v_weights=v_weights)
    return math.sqrt(2) * np.sqrt(_cdf_distance(2, u, v))
