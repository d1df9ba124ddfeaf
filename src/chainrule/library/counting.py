"""Functions of scipy.special that count: factorials, combinations and permutations, of numbers with a fraction."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import with_dtype
from chainrule.ops.shapes import convert, strong
from chainrule.ops.special import gamma, gammaln
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _not_exact(name: str, exact: bool) -> None:
    if exact:
        raise TraceError(f"scipy.special.{name}: exact=True is of integers; leave it out.{user_line()}")


def _double(x: Any) -> Any:
    # SciPy goes over to double precision here.
    x = strong(x)
    return convert(x, np.result_type(x.dtype, np.float64)) if hasattr(x, "dtype") else float(x)


@hook("scipy.special", "factorial", real_only=True)
def _factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    _not_exact("factorial", exact)
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
