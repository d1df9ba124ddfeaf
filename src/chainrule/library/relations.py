"""scipy.stats: directions, transformations, correlation and regression, and densities by kernels."""

import math
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import Axis, shape_of
from chainrule.ops.incomplete import betainc
from chainrule.ops.shapes import with_fraction
from chainrule.trace.hooks import hook
from chainrule.trace.tables import SPECIAL_COMPOSITIONS

__all__: list[str] = []


def _only(name: str, **given: tuple[Any, Any]) -> None:
    """Refuse arguments other than at their default."""
    for key, (x, default) in given.items():
        if x is not default and x != default:
            raise TraceError(f"scipy.stats.{name}: argument {key}= is not followed on traced values.{user_line()}")


# Directions: angles between `low` and `high`.


def _resultant(samples: Any, high: Any, low: Any, axis: Axis, keepdims: bool) -> tuple[Any, Any]:
    angles = (with_fraction(samples) - low) * (2.0 * math.pi / (high - low))
    sine, cosine = (np.mean(f(angles), axis, keepdims=keepdims) for f in (np.sin, np.cos))
    return sine, cosine


@hook("scipy.stats", "circmean")
def _circmean(
    samples: Any,
    high: Any = 2 * math.pi,
    low: Any = 0,
    axis: Axis = None,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Any:
    _only("circmean", nan_policy=(nan_policy, "propagate"))
    sine, cosine = _resultant(samples, high, low, axis, keepdims)
    angle = np.arctan2(sine, cosine)
    return np.where(angle < 0, angle + 2 * math.pi, angle) * ((high - low) / (2.0 * math.pi)) + low


@hook("scipy.stats", "circvar")
def _circvar(
    samples: Any,
    high: Any = 2 * math.pi,
    low: Any = 0,
    axis: Axis = None,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Any:
    _only("circvar", nan_policy=(nan_policy, "propagate"))
    return 1.0 - np.hypot(*_resultant(samples, high, low, axis, keepdims))


@hook("scipy.stats", "circstd")
def _circstd(
    samples: Any,
    high: Any = 2 * math.pi,
    low: Any = 0,
    axis: Axis = None,
    nan_policy: str = "propagate",
    *,
    normalize: bool = False,
    keepdims: bool = False,
) -> Any:
    _only("circstd", nan_policy=(nan_policy, "propagate"))
    length = np.hypot(*_resultant(samples, high, low, axis, keepdims))
    spread = np.sqrt(-2 * np.log(length))
    return spread if normalize else spread * ((high - low) / (2.0 * math.pi))


# Transformations to normality.


@hook("scipy.stats", "boxcox")
def _boxcox(x: Any, lmbda: Any = None, alpha: Any = None, optimizer: Any = None) -> Any:
    if lmbda is None:
        raise TraceError(
            "scipy.stats.boxcox: without lmbda= it is the result of a maximisation, which is not followed; maximise "
            f"scipy.stats.boxcox_llf by scipy.optimize.minimize_scalar.{user_line()}"
        )
    return SPECIAL_COMPOSITIONS["boxcox"].follow(with_fraction(x), lmbda)


@hook("scipy.stats", "boxcox_llf")
def _boxcox_llf(lmb: Any, data: Any, *, axis: Any = 0, keepdims: bool = False, nan_policy: str = "propagate") -> Any:
    _only("boxcox_llf", nan_policy=(nan_policy, "propagate"))
    data = with_fraction(data)
    count = data.size if axis is None else shape_of(data)[axis]
    made = SPECIAL_COMPOSITIONS["boxcox"].follow(data, lmb)
    logs = np.sum(np.log(data), axis=axis, keepdims=keepdims)
    return (lmb - 1) * logs - count / 2 * np.log(np.var(made, axis=axis, keepdims=keepdims))


def _yeojohnson_of(x: Any, lmbda: Any) -> Any:
    boxcox1p, size = SPECIAL_COMPOSITIONS["boxcox1p"].follow, np.abs(x)
    return np.where(x >= 0, boxcox1p(size, lmbda), -boxcox1p(size, 2 - lmbda))


@hook("scipy.stats", "yeojohnson", real_only=True)
def _yeojohnson(x: Any, lmbda: Any = None) -> Any:
    if lmbda is None:
        raise TraceError(
            "scipy.stats.yeojohnson: without lmbda= it is the result of a maximisation, which is not followed; "
            f"maximise scipy.stats.yeojohnson_llf by scipy.optimize.minimize_scalar.{user_line()}"
        )
    return _yeojohnson_of(with_fraction(x), lmbda)


@hook("scipy.stats", "yeojohnson_llf")
def _yeojohnson_llf(
    lmb: Any, data: Any, *, axis: Any = 0, nan_policy: str = "propagate", keepdims: bool = False
) -> Any:
    _only("yeojohnson_llf", nan_policy=(nan_policy, "propagate"))
    data = with_fraction(data)
    count = data.size if axis is None else shape_of(data)[axis]
    logs = np.sum(np.sign(data) * np.log1p(np.abs(data)), axis=axis, keepdims=keepdims)
    spread = np.var(_yeojohnson_of(data, lmb), axis=axis, keepdims=keepdims)
    return -count / 2 * np.log(spread) + (lmb - 1) * logs


# Two samples.


class Correlation(NamedTuple):
    """What `scipy.stats.pearsonr` gives."""

    statistic: Any
    pvalue: Any

    @property
    def correlation(self) -> Any:
        """The same as `statistic`."""
        return self.statistic


class Line(NamedTuple):
    """What `scipy.stats.linregress` gives."""

    slope: Any
    intercept: Any
    rvalue: Any
    pvalue: Any
    stderr: Any
    intercept_stderr: Any


@hook("scipy.stats", "pearsonr", real_only=True)
def _pearsonr(x: Any, y: Any, *, alternative: str = "two-sided", method: Any = None, axis: int = 0) -> Any:
    _only("pearsonr", alternative=(alternative, "two-sided"), method=(method, None))
    x, y = with_fraction(x), with_fraction(y)
    dx, dy = (a - np.mean(a, axis, keepdims=True) for a in (x, y))
    lengths = [np.sqrt(np.sum(d * d, axis=axis)) for d in (dx, dy)]
    r = np.sum(dx * dy, axis=axis) / (lengths[0] * lengths[1])
    # (r + 1) / 2 has a beta distribution with both parameters n / 2 - 1 where there is no correlation.
    half = shape_of(x)[axis] / 2 - 1
    return Correlation(r, 2 * betainc(half, half, (1 - np.abs(r)) / 2) if half > 0 else np.ones_like(r))


@hook("scipy.stats", "linregress", real_only=True)
def _linregress(
    x: Any,
    y: Any,
    alternative: str = "two-sided",
    *,
    axis: int = 0,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:
    _only("linregress", alternative=(alternative, "two-sided"), nan_policy=(nan_policy, "propagate"))
    _only("linregress", axis=(axis, 0), keepdims=(keepdims, False))
    x, y = with_fraction(x), with_fraction(y)
    n = shape_of(x)[0]
    mean_x, mean_y = np.mean(x), np.mean(y)
    sxx, sxy, syy = (np.mean(a * b) for a, b in ((x - mean_x,) * 2, (x - mean_x, y - mean_y), (y - mean_y,) * 2))
    r, slope = sxy / np.sqrt(sxx * syy), sxy / sxx
    df = n - 2
    # Student's t with df degrees of freedom is r sqrt(df / (1 - r^2)).
    if df > 0:
        pvalue = betainc(df / 2, 0.5, 1 - r * r)
        stderr = np.sqrt((1 - r * r) * syy / sxx / df)
    else:
        # SciPy takes two points for a certain line, level or not, and says nothing of fewer.
        pvalue = np.where(y[0] == y[1], 1.0, 0.0) + 0.0 * slope if n == 2 else 0.0 * r
        stderr = 0.0 * slope
    return Line(slope, mean_y - slope * mean_x, r, pvalue, stderr, stderr * np.sqrt(sxx + mean_x**2))


# Densities by kernels, of points.


def _log_kernels(kde: Any, points: Any) -> tuple[Any, float]:
    """Logarithms of the kernels at each point, by those of the data, and that of what makes the integral 1."""
    d = kde.dataset.shape[0]
    points = with_fraction(points)
    if len(shape_of(points)) < 2:
        points = np.reshape(points, (d, -1) if d == 1 else (d, 1))
    if shape_of(points)[0] != d:
        raise ValueError(f"points have dimension {shape_of(points)[0]}, dataset has dimension {d}")
    white = np.linalg.inv(kde.cho_cov)
    apart = (white @ points)[:, :, None] - (white @ kde.dataset)[:, None, :]
    norm = float(np.sum(np.log(np.diag(kde.cho_cov)))) + d / 2 * math.log(2 * math.pi)
    return np.log(kde.weights) - 0.5 * np.sum(apart * apart, axis=0), norm


@hook("scipy.stats", "gaussian_kde.evaluate", real_only=True)
def _evaluate(self: Any, points: Any) -> Any:
    logs, norm = _log_kernels(self, points)
    return np.sum(np.exp(logs - norm), axis=1)


@hook("scipy.stats", "gaussian_kde.pdf", real_only=True)
def _pdf(self: Any, x: Any) -> Any:
    return _evaluate(self, x)


@hook("scipy.stats", "gaussian_kde.logpdf", real_only=True)
def _logpdf(self: Any, x: Any) -> Any:
    logs, norm = _log_kernels(self, x)
    largest = np.max(logs, axis=1)
    return np.log(np.sum(np.exp(logs - largest[:, None]), axis=1)) + largest - norm
