"""The incomplete gamma and beta functions, Student's t and what else is computed by them, each by its partials.

By the upper limit the derivative is a density (Digital Library of Mathematical Functions, 8.8.13 and 8.17.1). By a
shape parameter it is an operation of its own, the integral of that density's derivative, and so on up to `ORDERS`
times; the rules of these are the next one, and the derivative of the density. The inverse functions have their
derivatives by the implicit function theorem.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops.incomplete_numbers import betainc_by_shapes, gammainc_by_a, stdtr_by_df
from chainrule.ops.op import Op, elementwise
from chainrule.ops.special import betaln, gammaln, hurwitz_zeta, psi, row, xlog1py, xlogy
from chainrule.ops.tails import exponential

__all__ = ["INCOMPLETE", "ORDERS", "betainc", "betaincc", "betainccinv", "betaincinv", "gammainccinv", "gammaincinv"]

#: How often the functions can be differentiated by their shape parameters.
ORDERS = 3

_Slopes = dict[tuple[int, int], Any]


def _polygamma(n: int, x: Any) -> Any:
    return (-1) ** (n + 1) * math.factorial(n) * hurwitz_zeta(n + 1.0, x)


def _log(y: Any) -> Any:
    # At 0, where the density that it is multiplied by is 0 or infinite, anything will do.
    return np.log(np.where(y == 0, 1, y))


def _beyond(function: str, argument: str) -> Any:
    raise NoDerivativeError(
        f"scipy.special.{function} has derivatives by its argument {argument} up to order {ORDERS}, and none of order "
        f"{ORDERS + 1}.{user_line()}"
    )


# Densities, n times differentiated by a shape parameter.


def _gamma_density(n: int, x: Any, y: Any) -> Any:
    # y^(a - 1) e^-y / Gamma(a), with a called x here. Of Gamma(a) = Gamma(a + 1) / a, so that little cancels near 0.
    if n == 0:
        return np.exp(xlogy(x - 1, y) - y - gammaln(x))
    slopes: _Slopes = {(1, 0): _log(y) - psi(x + 1)}
    slopes |= {(m, 0): -_polygamma(m - 1, x + 1) for m in range(2, n + 1)}
    share = x * exponential(slopes, n) + n * exponential(slopes, n - 1)
    return np.exp(xlogy(x - 1, y) - y - gammaln(x + 1)) * share


def _beta_density(i: int, j: int, c: Any, x: Any, y: Any) -> Any:
    # y^(a - 1) (1 - y)^(b - 1) / B(a, b), with a and b called c and x here.
    slopes: _Slopes = {
        (k, m): _polygamma(k + m - 1, c + x) for k in range(i + 1) for m in range(j + 1) if k and m and k + m > 1
    }
    for k in range(2, i + 1):
        slopes[k, 0] = _polygamma(k - 1, c + x) - _polygamma(k - 1, c)
    for m in range(2, j + 1):
        slopes[0, m] = _polygamma(m - 1, c + x) - _polygamma(m - 1, x)
    if i:
        slopes[1, 0] = _log(y) + psi(c + x) - psi(c)
    if j:
        slopes[0, 1] = _log(1 - y) + psi(c + x) - psi(x)
    return np.exp(xlogy(c - 1, y) + xlog1py(x - 1, -y) - betaln(c, x)) * exponential(slopes, i, j)


def _student_density(n: int, x: Any, y: Any) -> Any:
    # (1 + t^2 / v)^(-(v + 1) / 2) / (sqrt(v) B(1/2, v / 2)), with v and t called x and y here.
    log = np.log1p(y * y / x)
    density = np.exp(-0.5 * (x + 1) * log - betaln(0.5, 0.5 * x)) / np.sqrt(x)
    slopes: _Slopes = {}
    for m in range(1, n + 1):
        # log(v + t^2) - log v, m times and m - 1 times differentiated, for Leibniz's rule.
        of_log, before = (
            log if k == 0 else math.factorial(k - 1) * (-1) ** (k - 1) * ((x + y * y) ** -float(k) - x ** -float(k))
            for k in (m, m - 1)
        )
        of_root = 0.5 * math.factorial(m - 1) * (-1) ** m * x ** -float(m)
        of_gamma = (
            psi(0.5 * x + 0.5) - psi(0.5 * x)
            if m == 1
            else (_polygamma(m - 1, 0.5 * x + 0.5) - _polygamma(m - 1, 0.5 * x))
        )
        slopes[m, 0] = 0.5**m * of_gamma + of_root - 0.5 * (x + 1) * of_log - 0.5 * m * before
    return density * exponential(slopes, n)


# The derivatives by shape parameters; the name says by which ones.


def _of_two(
    function: str,
    letter: str,
    argument: str,
    numbers: Callable[[int], Callable[[Any, Any], Any]],
    density: Callable[[int, Any, Any], Any],
) -> list[Op]:
    """The derivatives of a function of two arguments by the first one, of all orders."""
    found: list[Op] = []

    def add(n: int) -> None:
        again = (lambda x, y: found[n](x, y)) if n < ORDERS else (lambda x: _beyond(function, argument))
        name = f"{function}_by_{letter * n}"
        found.append(elementwise(name, numbers(n), again, lambda x, y: density(n, x, y)))

    for n in range(1, ORDERS + 1):
        add(n)
    return found


_gammainc_by_a = _of_two("gammainc", "a", "a", gammainc_by_a, _gamma_density)
_stdtr_by_v = _of_two("stdtr", "v", "df", stdtr_by_df, _student_density)
_betainc_by: dict[tuple[int, int], Op] = {}


def _add_betainc(i: int, j: int) -> None:
    is_last = i + j == ORDERS
    _betainc_by[i, j] = elementwise(
        f"betainc_by_{'a' * i}{'b' * j}",
        betainc_by_shapes(i, j),
        (lambda c: _beyond("betainc", "a")) if is_last else (lambda c, x, y: _betainc_by[i + 1, j](c, x, y)),
        (lambda x: _beyond("betainc", "b")) if is_last else (lambda c, x, y: _betainc_by[i, j + 1](c, x, y)),
        lambda c, x, y: _beta_density(i, j, c, x, y),
    )


for _total in range(1, ORDERS + 1):
    for _k in range(_total + 1):
        _add_betainc(_total - _k, _k)

_by_a, _by_v, _by_first, _by_second = _gammainc_by_a[0], _stdtr_by_v[0], _betainc_by[1, 0], _betainc_by[0, 1]


# The functions themselves, and their inverses.


def _gammainc_slope(x: Any, y: Any) -> Any:
    return _gamma_density(0, x, y)


def _betainc_slope(c: Any, x: Any, y: Any) -> Any:
    return _beta_density(0, 0, c, x, y)


def _stdtr_slope(x: Any, y: Any) -> Any:
    return _student_density(0, x, y)


def _pdtr_slope(x: Any, y: Any) -> Any:
    # By the mean y: -y^k e^-y / k! for at most k events.
    k = np.floor(x)
    return -np.exp(xlogy(k, y) - y - gammaln(k + 1))


def _fdtr_by_log(c: Any, x: Any, y: Any) -> Any:
    # y times the density of Snedecor's F with c and x degrees of freedom.
    log_beta = gammaln(0.5 * c) + gammaln(0.5 * x) - gammaln(0.5 * (c + x))
    return np.exp(0.5 * c * np.log(c / x) + xlogy(0.5 * c, y) - 0.5 * (c + x) * np.log1p(c / x * y) - log_beta)


def _fdtr_slope(c: Any, x: Any, y: Any) -> Any:
    log_beta = gammaln(0.5 * c) + gammaln(0.5 * x) - gammaln(0.5 * (c + x))
    return np.exp(0.5 * c * np.log(c / x) + xlogy(0.5 * c - 1, y) - 0.5 * (c + x) * np.log1p(c / x * y) - log_beta)


# F is the incomplete beta function of c / 2 and x / 2 at c y / (x + c y).


def _fdtr_by_c(c: Any, x: Any, y: Any) -> Any:
    return 0.5 * _by_first(0.5 * c, 0.5 * x, c * y / (x + c * y)) + _fdtr_by_log(c, x, y) / c


def _fdtr_by_x(c: Any, x: Any, y: Any) -> Any:
    return 0.5 * _by_second(0.5 * c, 0.5 * x, c * y / (x + c * y)) - _fdtr_by_log(c, x, y) / x


def _gdtr_density(c: Any, x: Any, y: Any) -> Any:
    # (c y)^x e^(-c y) / Gamma(x): c and y times the slopes by y and by c.
    return np.exp(xlogy(x - 1, c * y) - c * y - gammaln(x))


betainc = row(
    "betainc",
    lambda c, x, y: _by_first(c, x, y),
    lambda c, x, y: _by_second(c, x, y),
    _betainc_slope,
)
betaincc = row(
    "betaincc",
    lambda c, x, y: -_by_first(c, x, y),
    lambda c, x, y: -_by_second(c, x, y),
    lambda c, x, y: -_betainc_slope(c, x, y),
)
gammaincinv = row(
    "gammaincinv",
    lambda g, ans, x: -g * _by_a(x, ans) / _gammainc_slope(x, ans),
    lambda g, ans, x: g / _gammainc_slope(x, ans),
)
gammainccinv = row(
    "gammainccinv",
    lambda g, ans, x: -g * _by_a(x, ans) / _gammainc_slope(x, ans),
    lambda g, ans, x: -g / _gammainc_slope(x, ans),
)
betaincinv = row(
    "betaincinv",
    lambda g, ans, c, x: -g * _by_first(c, x, ans) / _betainc_slope(c, x, ans),
    lambda g, ans, c, x: -g * _by_second(c, x, ans) / _betainc_slope(c, x, ans),
    lambda g, ans, c, x: g / _betainc_slope(c, x, ans),
)
betainccinv = row(
    "betainccinv",
    lambda g, ans, c, x: -g * _by_first(c, x, ans) / _betainc_slope(c, x, ans),
    lambda g, ans, c, x: -g * _by_second(c, x, ans) / _betainc_slope(c, x, ans),
    lambda g, ans, c, x: -g / _betainc_slope(c, x, ans),
)

INCOMPLETE: tuple[Op, ...] = (
    *_gammainc_by_a,
    *_betainc_by.values(),
    *_stdtr_by_v,
    row("gammainc", lambda x, y: _by_a(x, y), _gammainc_slope),
    row("gammaincc", lambda x, y: -_by_a(x, y), lambda x, y: -_gammainc_slope(x, y)),
    row(
        "chdtr",
        lambda x, y: 0.5 * _by_a(0.5 * x, 0.5 * y),
        lambda x, y: 0.5 * _gammainc_slope(0.5 * x, 0.5 * y),
    ),
    row(
        "chdtrc",
        lambda x, y: -0.5 * _by_a(0.5 * x, 0.5 * y),
        lambda x, y: -0.5 * _gammainc_slope(0.5 * x, 0.5 * y),
    ),
    row("stdtr", lambda x, y: _by_v(x, y), _stdtr_slope),
    row(
        "stdtrit",
        lambda g, ans, x: -g * _by_v(x, ans) / _stdtr_slope(x, ans),
        lambda g, ans, x: g / _stdtr_slope(x, ans),
    ),
    row("pdtr", 0, _pdtr_slope),
    row("pdtrc", 0, lambda x, y: -_pdtr_slope(x, y)),
    betainc,
    betaincc,
    gammaincinv,
    gammainccinv,
    betaincinv,
    betainccinv,
    row("fdtr", _fdtr_by_c, _fdtr_by_x, _fdtr_slope),
    row(
        "fdtrc",
        lambda c, x, y: -_fdtr_by_c(c, x, y),
        lambda c, x, y: -_fdtr_by_x(c, x, y),
        lambda c, x, y: -_fdtr_slope(c, x, y),
    ),
    row(
        "fdtri",
        lambda g, ans, c, x: -g * _fdtr_by_c(c, x, ans) / _fdtr_slope(c, x, ans),
        lambda g, ans, c, x: -g * _fdtr_by_x(c, x, ans) / _fdtr_slope(c, x, ans),
        lambda g, ans, c, x: g / _fdtr_slope(c, x, ans),
    ),
    row(
        "gdtr",
        lambda c, x, y: y * _gdtr_density(c, x, y),
        lambda c, x, y: _by_a(x, c * y),
        lambda c, x, y: c * _gdtr_density(c, x, y),
    ),
    row(
        "gdtrc",
        lambda c, x, y: -y * _gdtr_density(c, x, y),
        lambda c, x, y: -_by_a(x, c * y),
        lambda c, x, y: -c * _gdtr_density(c, x, y),
    ),
)
