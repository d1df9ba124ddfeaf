"""Numbers behind the derivatives of the incomplete gamma and beta functions by their shape parameters.

Each is the integral of a derivative of the density over that tail in which there is less of it, so that what vanishes
there does so with all of its digits; where a tail is long because a parameter is small, by the series of the integral.
The variable is the logarithm of a gamma variable, the logit of a beta variable: their densities are log-concave.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops.tails import DROP, exponential, gauss, in_parts, log1p_less, polygamma, psi_less_log, stirling

__all__ = ["betainc_by_shapes", "gammainc_by_a", "stdtr_by_df"]


def gammainc_by_a(n: int) -> Callable[[Any, Any], Any]:
    """The n-th derivative of `scipy.special.gammainc` by a, as a function of a and x."""

    def evaluate(a: Any, x: Any) -> Any:
        result = np.full(a.shape, np.nan)
        fine = (a >= 0) & (x >= 0) & (a < np.inf)
        result[fine & ((x == 0) | (x == np.inf))] = 0.0
        inside = fine & (x > 0) & (x < np.inf)
        for part, rule in ((inside & (x <= 1), _gamma_series), (inside & (x > 1), _gamma_tail)):
            if np.any(part):
                result[part] = rule(n, np.maximum(a[part], 1e-30), x[part])
        return result

    return lambda a, x: in_parts(evaluate, a, x)


def _gamma_series(n: int, a: Any, x: Any) -> Any:
    # P = x^a / Gamma(a + 1) S with S = 1 + sum (-x)^k / k! a / (a + k) (DLMF 8.7.1), and a / (a + k) = 1 - k / (a + k).
    import scipy.special

    k = np.arange(1.0, 25.0)
    terms = (-x[:, None]) ** k / scipy.special.factorial(k)
    ratio = 1 / (a[:, None] + k)
    power = np.exp(a * np.log(x) - scipy.special.gammaln(a + 1))
    slopes = {(1, 0): np.log(x) - scipy.special.psi(a + 1)}
    slopes |= {(m, 0): -polygamma(m - 1, a + 1) for m in range(2, n + 1)}
    result: Any = 0.0
    for m in range(n + 1):
        if m == 0:
            sums = 1 + np.sum(terms * a[:, None] * ratio, axis=1)
        else:
            sums = -((-1) ** m) * math.factorial(m) * np.sum(terms * k * ratio ** (m + 1), axis=1)
        result = result + math.comb(n, m) * exponential(slopes, n - m) * sums
    return power * result


def _gamma_tail(n: int, a: Any, x: Any) -> Any:
    # With s = log(x / a) the density is C exp(-a (e^s - 1 - s)).
    import scipy.special

    near = np.abs(x - a) < 0.5 * a
    start = np.where(near, np.log1p((x - a) / a), np.log(x) - np.log(a))
    rest = psi_less_log(a)
    side = np.where(start < rest, -1.0, 1.0)
    first = np.where(side < 0, start, np.maximum(start, 0))

    def fall(s: Any) -> Any:
        return -log1p_less(np.expm1(s))

    # How far it is to where nothing is left, by Newton's method for a convex function, which ends on the far side.
    length = np.where(side < 0, np.sqrt(2 * DROP / a), np.minimum(np.sqrt(2 * DROP / a), 5.0))
    for _ in range(12):
        s = first + side * length
        drop = a * (fall(s) - fall(first))
        length = length - (drop - DROP) / (a * side * np.expm1(s))
    length = length + np.abs(first - start)
    scale = np.sqrt(a / (2 * math.pi)) * np.exp(-stirling(a))
    # Of Gamma(a) = Gamma(a + 1) / a, so that nothing cancels for a small a.
    shift = np.where(a < 1, np.log(a) - scipy.special.psi(a + 1), -rest - 1 / a)[:, None]
    slopes: dict[tuple[int, int], Any] = {(m, 0): -polygamma(m - 1, a + 1)[:, None] for m in range(2, n + 1)}

    def density(s: Any) -> Any:
        slopes[1, 0] = s + shift
        share = exponential(slopes, n) + n / a[:, None] * exponential(slopes, n - 1)
        return np.exp(-a[:, None] * fall(s)) * share

    return -scale * gauss(density, start, start + side * length)


def betainc_by_shapes(i: int, j: int) -> Callable[[Any, Any, Any], Any]:
    """The derivative of `scipy.special.betainc`, i times by a and j times by b, as a function of a, b and x."""

    def evaluate(a: Any, b: Any, x: Any) -> Any:
        y = 1 - x
        result = np.full(a.shape, np.nan)
        fine = (a > 0) & (b > 0) & (x >= 0) & (x <= 1) & (a < np.inf) & (b < np.inf)
        result[fine & ((x == 0) | (x == 1))] = 0.0
        # With both parameters above 1, the limit is held against the mean of the logit.
        logit = np.log(x / y)
        low = np.where(b < 1, x <= 0.5, x * (1 + b) <= 1)
        high = np.where(a < 1, x <= 0.5, y * (1 + a) > 1)
        mean = psi_less_log(a) - psi_less_log(b) + np.log(a / b)
        is_left = np.where(a < 1, low, np.where(b < 1, high, logit < mean))
        inside = fine & (x > 0) & (x < 1)
        for part in (is_left, ~is_left):
            for short in (True, False):
                left = part is is_left
                where = inside & part & (((a if left else b) < 1) == short)
                if not np.any(where):
                    continue
                rule = _beta_series if short else _beta_tail
                one, other, at, rest = (v[where] for v in (a, b, x, y))
                if left:
                    result[where] = rule(i, j, one, other, at, rest)
                else:
                    result[where] = -rule(j, i, other, one, rest, at)
        return result

    return lambda a, b, x: in_parts(evaluate, a, b, x)


def _common_slopes(i: int, j: int, whole: Any) -> dict[tuple[int, int], Any]:
    """The derivatives of log Gamma(a + b), from the second on."""
    return {(k, m): polygamma(k + m - 1, whole)[:, None] for k in range(i + 1) for m in range(j + 1) if k + m > 1}


def _beta_series(i: int, j: int, a: Any, b: Any, x: Any, y: Any) -> Any:
    # I = x^a / (a B(a, b)) J with J = 1 + a int_0^oo e^(-a v) ((1 - x e^-v)^(b - 1) - 1) dv, by t = x e^-v.
    import scipy.special

    whole = a + b
    # log Gamma(a + b) - log Gamma(b) by Stirling's formula, of which large terms drop out.
    log_ratio = (b - 0.5) * np.log1p(a / b) + a * np.log(whole) - a + stirling(whole) - stirling(b)
    power = np.exp(a * np.log(x) + log_ratio - scipy.special.gammaln(a + 1))
    slopes = {key: value[:, 0] for key, value in _common_slopes(i, j, whole).items()}
    slopes[1, 0] = np.log(x) + scipy.special.psi(whole) - scipy.special.psi(a + 1)
    slopes[0, 1] = np.log1p(a / b) + psi_less_log(whole) - psi_less_log(b)
    for k in range(2, i + 1):
        slopes[k, 0] = slopes[k, 0] - polygamma(k - 1, a + 1)
    for m in range(2, j + 1):
        slopes[0, m] = slopes[0, m] - polygamma(m - 1, b)

    def integral(k: int, m: int) -> Any:
        def integrand(v: Any) -> Any:
            log = np.log1p(-x[:, None] * np.exp(-v))
            power = (b[:, None] - 1) * log
            factor = log**m * np.exp(power) if m else np.expm1(power)
            weight = a[:, None] * (-v) ** k + (k * (-v) ** (k - 1) if k else 0)
            return weight * np.exp(-a[:, None] * v) * factor

        zero = np.zeros(x.shape)
        return gauss(integrand, zero, zero + 8, 48) + gauss(integrand, zero + 8, zero + DROP, 48)

    return power * sum(
        math.comb(i, k) * math.comb(j, m) * exponential(slopes, i - k, j - m) * ((k == m == 0) + integral(k, m))
        for k in range(i + 1)
        for m in range(j + 1)
    )


def _beta_tail(i: int, j: int, a: Any, b: Any, x: Any, y: Any) -> Any:
    # With p = a / (a + b) and s = logit x - logit p the density is C exp(-(a + b) K), K = log(p e^s + q) - p s.
    import scipy.special

    whole = a + b
    p, q = a / whole, b / whole
    ratio = (x - p) / (y * p)
    start = np.where(np.abs(ratio) < 0.5, np.log1p(ratio), np.log(x) - np.log(y) - np.log(a) + np.log(b))

    def fall(s: Any, p: Any, q: Any) -> Any:
        # The same with p and q exchanged, of -s: by the smaller one of the two.
        turned = p > 0.5
        s, p = np.where(turned, -s, s), np.where(turned, q, p)
        grown = np.expm1(s)
        near = log1p_less(p * grown) - p * log1p_less(grown)
        return np.where(np.abs(grown) < 0.5, near, np.log1p(p * grown) - p * s)

    first = np.minimum(start, 0)
    top = fall(first, p, q)
    length = np.sqrt(2 * DROP / (whole * p * q))
    for _ in range(16):
        s = first - length
        grown = np.expm1(s)
        drop = whole * (fall(s, p, q) - top)
        length = length + (drop - DROP) * (q + p * np.exp(s)) / (whole * p * q * grown)
    length = length + start - first
    scale = np.sqrt(a * b / (2 * math.pi * whole)) * np.exp(stirling(whole) - stirling(a) - stirling(b))
    rest = psi_less_log(whole)
    by_a = (rest - psi_less_log(a))[:, None]
    # Of Gamma(b) = Gamma(b + 1) / b, so that nothing cancels for a small b.
    small = np.log(q) + scipy.special.psi(whole) - scipy.special.psi(b + 1)
    by_b = np.where(b < 1, small, rest - psi_less_log(b) - 1 / b)[:, None]
    slopes = _common_slopes(i, j, whole)
    for k in range(2, i + 1):
        slopes[k, 0] = slopes[k, 0] - polygamma(k - 1, a)[:, None]
    for m in range(2, j + 1):
        slopes[0, m] = slopes[0, m] - polygamma(m - 1, b + 1)[:, None]
    p, q = p[:, None], q[:, None]

    def density(s: Any) -> Any:
        grown = p * np.expm1(s)
        share = np.where(grown < -0.5, np.log(q + p * np.exp(s)), np.log1p(grown))
        slopes[1, 0] = by_a + np.where(s < -1, s - share, -np.log1p(q * np.expm1(np.maximum(-s, -1 - abs(s)))))
        slopes[0, 1] = by_b - share
        factor = exponential(slopes, i, j) + j / b[:, None] * exponential(slopes, i, j - 1)
        return np.exp(-whole[:, None] * fall(s, p, q)) * factor

    return scale * gauss(density, start - length, start)


def stdtr_by_df(n: int) -> Callable[[Any, Any], Any]:
    """The n-th derivative of `scipy.special.stdtr` by df, as a function of df and t."""

    def evaluate(v: Any, t: Any) -> Any:
        result = np.full(v.shape, np.nan)
        fine = (v > 0) & (v < np.inf) & ~np.isnan(t)
        result[fine & np.isinf(t)] = 0.0
        inside = fine & np.isfinite(t)
        result[inside] = np.sign(t[inside]) * _student(n, v[inside], np.abs(t[inside]))
        return result

    return lambda v, t: in_parts(evaluate, v, t)


def _student(n: int, v: Any, t: Any) -> Any:
    # With t = sqrt(v) sinh(w) the density is C(v) cosh(w)^-v; near 0 from there, otherwise over the tail.
    end = np.arcsinh(t / np.sqrt(v))
    half = 0.5 * v
    # log Gamma(h + 1/2) - log Gamma(h) - log(pi v) / 2, by Stirling's formula.
    log_scale = half * np.log1p(0.5 / half) - 0.5 - 0.5 * math.log(2 * math.pi) + stirling(half + 0.5) - stirling(half)
    constant = 0.5 * (np.log1p(0.5 / half) + psi_less_log(half + 0.5) - psi_less_log(half)) - 0.5 / v
    slopes: dict[tuple[int, int], Any] = {}
    higher = {
        m: (0.5**m * (polygamma(m - 1, half + 0.5) - polygamma(m - 1, half)) + 0.5 * _power_slope(m, v))[:, None]
        for m in range(2, n + 1)
    }
    v = v[:, None]

    def density(w: Any) -> Any:
        # By v at fixed t: of -(v + 1) / 2 log(1 + t^2 / v), where 1 + t^2 / v = cosh(w)^2 and v + t^2 = v cosh(w)^2.
        tanh = np.tanh(w)
        log_cosh = w + np.log1p(np.exp(-2 * w)) - math.log(2)
        log_cosh = np.where(w < 0.3, 0.5 * np.log1p(np.sinh(np.minimum(w, 1)) ** 2), log_cosh)
        square = tanh * tanh  # t^2 / (v + t^2)
        slopes[1, 0] = constant[:, None] - log_cosh + 0.5 * (v + 1) / v * square
        inverse = (1 - square) / v  # 1 / (v + t^2)
        for m in range(2, n + 1):
            # (v + 1) (log(v + t^2) - log v) / 2 by Leibniz's rule.
            of_log = math.factorial(m - 1) * (-1) ** (m - 1) * (inverse**m - v**-m)
            before = math.factorial(m - 2) * (-1) ** (m - 2) * (inverse ** (m - 1) - v ** (1.0 - m))
            slopes[m, 0] = higher[m] - 0.5 * (v + 1) * of_log - 0.5 * m * before
        return np.exp(log_scale[:, None] - v * log_cosh) * exponential(slopes, n)

    v_flat = v[:, 0]
    root = np.sqrt(v_flat)
    near = t < 1.5
    # Where cosh(w)^-v has fallen by exp(-45).
    last = end + np.minimum(np.sqrt(2 * DROP / v_flat), 20.0) + DROP / v_flat
    middle = np.minimum(end + 20.0, last)
    tail = gauss(density, end, middle) + gauss(density, middle, last)
    return root * np.where(near, gauss(density, np.zeros(t.shape), np.where(near, end, 0)), -tail)


def _power_slope(m: int, v: Any) -> Any:
    """The m-th derivative of -log v."""
    return (-1) ** m * math.factorial(m - 1) * v ** -float(m)
