"""Polynomials by their coefficients, the highest power first, and the matrix of powers."""

from typing import Any

import numpy as np

from chainrule.ops import products, reductions
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert, strong
from chainrule.trace.dispatch import composition

__all__: list[str] = []


@composition(np.polyval, "np.polyval")
def _polyval(p: Any, x: Any) -> Any:
    p, x = with_dtype(p), strong(with_dtype(x))
    # Horner's rule.
    y = np.zeros(x.shape, x.dtype)
    for k in range(shape_of(p)[0]):
        y = y * x + p[k]
    return y


@composition(np.vander, "np.vander")
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    if len(shape_of(x)) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    length = shape_of(x)[0]
    count = length if N is None else N
    x = convert(x, np.promote_types(x.dtype, int))
    if count == 0:
        return np.zeros((length, 0), x.dtype)
    one = np.ones((length, 1), x.dtype)
    powers = [one, np.broadcast_to(x[:, None], (length, count - 1))]
    rows = reductions.cumprod(np.concatenate(powers, axis=1), axis=1)
    return rows if increasing else rows[:, ::-1]


def _padded_sum(a1: Any, a2: Any, sign: int) -> Any:
    a1, a2 = np.atleast_1d(with_dtype(a1)), np.atleast_1d(with_dtype(a2))
    longest = max(len(a1), len(a2))
    one, other = (np.pad(a, (longest - len(a), 0)) for a in (a1, a2))
    return one + other if sign > 0 else one - other


@composition(np.polyadd, "np.polyadd")
def _polyadd(a1: Any, a2: Any) -> Any:
    return _padded_sum(a1, a2, 1)


@composition(np.polysub, "np.polysub")
def _polysub(a1: Any, a2: Any) -> Any:
    return _padded_sum(a1, a2, -1)


@composition(np.polymul, "np.polymul")
def _polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(np.atleast_1d(with_dtype(a1)), np.atleast_1d(with_dtype(a2)))


@composition(np.polyder, "np.polyder")
def _polyder(p: Any, m: int = 1) -> Any:
    for _ in range(m):
        degree = len(p) - 1
        p = p[:-1] * np.arange(degree, 0, -1)
    return p


@composition(np.polyint, "np.polyint")
def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    given = np.zeros(m) if k is None else np.broadcast_to(with_dtype(k), (m,)) if np.size(k) == 1 else with_dtype(k)
    for n in range(m):
        p = np.append(p / np.arange(len(p), 0, -1), given[n])
    return p


@composition(np.polydiv, "np.polydiv")
def _polydiv(u: Any, v: Any) -> Any:
    u, v = np.atleast_1d(with_dtype(u)) + 0.0, np.atleast_1d(with_dtype(v)) + 0.0
    m, n = len(u) - 1, len(v) - 1
    quotient, rest = [], u
    for _ in range(m - n + 1):
        # The leading coefficient of what is left over that of the divisor.
        quotient.append(rest[0] / v[0])
        rest = np.concatenate([rest[1 : n + 1] - quotient[-1] * v[1:], rest[n + 1 :]])
    if not quotient:
        return np.zeros(1, u.dtype), rest
    # NumPy drops the leading coefficients of the rest that are as good as zero, but the last.
    while len(rest) > 1 and np.allclose(rest[0], 0, rtol=1e-14):
        rest = rest[1:]
    return np.stack(quotient), rest if len(rest) else np.zeros(1, u.dtype)


@composition(np.roots, "np.roots")
def _roots(p: Any) -> Any:
    p = np.atleast_1d(with_dtype(p))
    if len(p.shape) != 1:
        raise ValueError("Input must be a rank-1 array.")
    (given,) = np.nonzero(p)
    if len(given) == 0:
        return np.zeros(0)
    low, high = int(given[0]), int(given[-1])
    at_zero, p = len(p) - 1 - high, p[low : high + 1] + 0.0
    if len(p) == 1:
        return np.zeros(at_zero, p.dtype)
    # The eigenvalues of the companion matrix, of which the first row has the coefficients.
    below = np.eye(len(p) - 2, len(p) - 1, dtype=p.dtype)
    found = np.linalg.eigvals(np.concatenate([(-p[1:] / p[0])[None], below]))
    return np.concatenate([found, np.zeros(at_zero, found.dtype)]) if at_zero else found


@composition(np.poly, "np.poly")
def _poly(seq_of_zeros: Any) -> Any:
    zeros = np.atleast_1d(with_dtype(seq_of_zeros))
    if len(zeros.shape) == 2:
        zeros = np.linalg.eigvals(zeros)
    made = np.ones(1, zeros.dtype if zeros.dtype.kind in "fc" else float)
    nothing = np.zeros(1, made.dtype)
    for k in range(len(zeros)):
        # (x - z) p: the coefficients moved up, less z times them.
        made = np.append(made, nothing) - np.append(nothing, zeros[k] * made)
    if made.dtype.kind == "c" and np.all(np.sort(zeros) == np.sort(np.conjugate(zeros))):
        made = np.real(made)
    return made


@composition(np.polyfit, "np.polyfit")
def _polyfit(x: Any, y: Any, deg: int, rcond: float | None = None, *, w: Any = None) -> Any:
    x, y = with_dtype(x) + 0.0, with_dtype(y) + 0.0
    left, right = _vander(x, int(deg) + 1), y
    if w is not None:
        w = with_dtype(w) + 0.0
        left, right = left * w[:, None], convert(right * (w[:, None] if len(shape_of(right)) == 2 else w), right.dtype)
    # Columns of length 1 keep the equations well conditioned.
    scale = np.sqrt(np.sum(left * left, axis=0))
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    found = np.linalg.lstsq(left / scale, right, rcond)[0]
    return (found.T / scale).T


# Sums of products of neighbours.


@composition(np.convolve, "np.convolve")
def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = np.atleast_1d(with_dtype(a)), np.atleast_1d(with_dtype(v))
    if len(a) == 0 or len(v) == 0:
        raise ValueError(f"{'a' if len(a) == 0 else 'v'} cannot be empty")
    if len(a.shape) != 1 or len(v.shape) != 1:
        raise ValueError("object too deep for desired array")
    return _part(products.convolve(a, v), len(a), len(v), mode)


def _part(full: Any, one: int, other: int, mode: str) -> Any:
    """What a mode keeps of all places at which two vectors overlap."""
    longest, shortest = max(one, other), min(one, other)
    if mode == "full":
        return full
    if mode == "valid":
        return full[shortest - 1 : longest]
    if mode != "same":
        raise ValueError("mode must be one of 'valid', 'same', or 'full'")
    start = (shortest - 1) // 2
    return full[start : start + longest]


@composition(np.correlate, "np.correlate")
def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = with_dtype(a), with_dtype(v)
    if len(a) == 0 or len(v) == 0:
        raise ValueError(f"{'a' if len(a) == 0 else 'v'} cannot be empty")
    full = products.convolve(a, (np.conjugate(v) if v.dtype.kind == "c" else v)[::-1])
    if mode != "same" or len(a) >= len(v):
        return _part(full, len(a), len(v), mode)
    # NumPy exchanges the two then and turns the result round, so that of an even length the other middle is kept.
    start = len(a) // 2
    return full[start : start + len(v)]
