"""scipy.linalg: matrices of a certain form, equations in them, and functions by other decompositions."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.linalg import adjoint
from chainrule.ops.matrix_functions import matrix_function, solve_banded, solve_sylvester
from chainrule.ops.shapes import convert, in_one_dtype
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _square(name: str, a: Any) -> int:
    if len(shape_of(a)) != 2 or shape_of(a)[0] != shape_of(a)[1]:
        raise ValueError(f"scipy.linalg.{name} takes square matrices, and got an array of shape {shape_of(a)}")
    return shape_of(a)[0]


# Matrices made of vectors.


@hook("scipy.linalg", "khatri_rao")
def _khatri_rao(a: Any, b: Any) -> Any:
    a, b = in_one_dtype(a, b)
    if len(shape_of(a)) != 2 or len(shape_of(b)) != 2 or shape_of(a)[1] != shape_of(b)[1]:
        raise ValueError("The number of columns for both arrays should be equal.")
    m, n = shape_of(a)[0], shape_of(b)[0]
    return np.reshape(a[:, None, :] * b[None, :, :], (m * n, shape_of(a)[1]))


@hook("scipy.linalg", "companion")
def _companion(a: Any) -> Any:
    (a,) = in_one_dtype(a)
    if len(shape_of(a)) != 1 or shape_of(a)[0] < 2:
        raise ValueError("The length of the input array must be at least 2.")
    below = np.eye(shape_of(a)[0] - 2, shape_of(a)[0] - 1, dtype=a.dtype)
    return np.concatenate([(-a[1:] / a[0])[None], below])


@hook("scipy.linalg", "leslie")
def _leslie(f: Any, s: Any) -> Any:
    f, s = in_one_dtype(f, s)
    if shape_of(f)[0] != shape_of(s)[0] + 1:
        raise ValueError("The length of s must be one less than the length of f.")
    return np.concatenate([f[None], np.pad(np.diag(s), ((0, 0), (0, 1)))])


@hook("scipy.linalg", "fiedler")
def _fiedler(a: Any) -> Any:
    (a,) = in_one_dtype(a)
    return np.abs(a[:, None] - a[None, :])


@hook("scipy.linalg", "convolution_matrix")
def _convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    (a,) = in_one_dtype(a)
    if len(shape_of(a)) != 1 or n <= 0 or mode not in ("full", "valid", "same"):
        raise ValueError("scipy.linalg.convolution_matrix takes a vector, a number n > 0, and a mode of convolution")
    length = shape_of(a)[0]
    # Entry i, k is a_(i - k).
    place = np.arange(length + n - 1)[:, None] - np.arange(n)
    full = np.where((place >= 0) & (place < length), a[np.clip(place, 0, length - 1)], np.zeros((), a.dtype))
    if mode == "full":
        return full
    count = max(length, n) if mode == "same" else max(length, n) - min(length, n) + 1
    start = (min(length, n) - 1) // 2 if mode == "same" else min(length, n) - 1
    return full[start : start + count]


def _circulant_of(c: Any) -> Any:
    count = shape_of(c)[0]
    return c[(np.arange(count)[:, None] - np.arange(count)) % count]


# Equations.


@hook("scipy.linalg", "solve_circulant")
def _solve_circulant(
    c: Any, b: Any, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0, outaxis: int = 0
) -> Any:
    c, b = in_one_dtype(c, b)
    if len(shape_of(c)) != 1 or singular != "raise" or baxis != 0 or outaxis != 0:
        raise TraceError(
            "scipy.linalg.solve_circulant is followed of a vector c, with singular='raise', baxis=0 and "
            f"outaxis=0.{user_line()}"
        )
    return np.linalg.solve(_circulant_of(c), b)


@hook("scipy.linalg", "matmul_toeplitz")
def _matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    c, x = in_one_dtype(c, x)
    r = np.conjugate(c) if r is None else with_dtype(r)
    # Entry i, k is c_(i - k), and r_(k - i) above the diagonal.
    line = np.concatenate([np.flip(r[1:]), c])
    place = np.arange(shape_of(c)[0])[:, None] - np.arange(shape_of(r)[0]) + shape_of(r)[0] - 1
    # SciPy goes over to double precision.
    line, x = (convert(y, np.result_type(y.dtype, np.float64)) for y in (line, x))
    return line[place] @ x


@hook("scipy.linalg", "solveh_banded")
def _solveh_banded(
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Any:
    ab, b = in_one_dtype(ab, b)
    bands = shape_of(ab)[0]
    below = ab if lower else np.conjugate(np.stack([np.roll(ab[bands - 1 - k], -k) for k in range(bands)]))
    # Above the diagonal stand the conjugates of what is below it, moved to their columns.
    above = np.stack([np.roll(np.conjugate(below[k]), k) for k in range(bands - 1, 0, -1)]) if bands > 1 else below[:0]
    whole = np.concatenate([above, np.real(below[:1]) + 0 * below[:1], below[1:]])
    column = b[:, None] if len(shape_of(b)) == 1 else b
    found = solve_banded(whole, column, lower=bands - 1, upper=bands - 1)
    return found[:, 0] if len(shape_of(b)) == 1 else found


@hook("scipy.linalg", "cho_solve_banded")
def _cho_solve_banded(cb_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    cb, lower = cb_and_lower
    cb, b = in_one_dtype(cb, b)
    bands = shape_of(cb)[0]
    # The adjoint factor has the conjugates, moved to their columns.
    moved = [np.roll(np.conjugate(cb[k]), k if lower else k + 1 - bands) for k in range(bands)]
    other = np.stack(moved[::-1])
    below, above = (cb, other) if lower else (other, cb)
    column = b[:, None] if len(shape_of(b)) == 1 else b
    # l l^H x = b, with u = l^H.
    found = solve_banded(above, solve_banded(below, column, lower=bands - 1, upper=0), lower=0, upper=bands - 1)
    return found[:, 0] if len(shape_of(b)) == 1 else found


@hook("scipy.linalg", "solve_continuous_lyapunov")
def _solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    a, q = in_one_dtype(a, q)
    _square("solve_continuous_lyapunov", a)
    return solve_sylvester(a, adjoint(a), q)


@hook("scipy.linalg", "solve_discrete_lyapunov")
def _solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    a, q = in_one_dtype(a, q)
    count = _square("solve_discrete_lyapunov", a)
    # x - a x a^H = q, written for the rows of x one after the other.
    left = np.eye(count * count) - np.kron(a, np.conjugate(a))
    return np.reshape(np.linalg.solve(left, np.reshape(q, -1)), (count, count))


# By decompositions.


@hook("scipy.linalg", "pinvh")
def _pinvh(
    a: Any, atol: Any = None, rtol: Any = None, lower: bool = True, return_rank: bool = False, check_finite: bool = True
) -> Any:
    (a,) = in_one_dtype(a)
    if atol is not None or return_rank:
        raise TraceError(f"scipy.linalg.pinvh: arguments atol= and return_rank= are not followed.{user_line()}")
    half, rest = (np.tril(a), np.tril(a, -1)) if lower else (np.triu(a), np.triu(a, 1))
    share = _square("pinvh", a) * np.finfo(a.dtype).eps if rtol is None else rtol
    return np.linalg.pinv(half + adjoint(rest), share, hermitian=True)


@hook("scipy.linalg", "polar")
def _polar(a: Any, side: str = "right") -> Any:
    (a,) = in_one_dtype(a)
    if side not in ("left", "right"):
        raise ValueError("`side` must be either 'right' or 'left'")
    w, s, vh = np.linalg.svd(a, full_matrices=False)
    factor = (adjoint(vh) * s) @ vh if side == "right" else (w * s) @ adjoint(w)
    return w @ vh, factor


@hook("scipy.linalg", "orthogonal_procrustes")
def _orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> Any:
    a, b = in_one_dtype(A, B)
    u, s, vh = np.linalg.svd(adjoint(a) @ b, full_matrices=False)
    return u @ vh, np.sum(s)


@hook("scipy.linalg", "expm_frechet")
def _expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    a, e = in_one_dtype(A, E, least=np.float64)
    count = _square("expm_frechet", a)
    # The exponential of [[a, e], [0, a]] has the derivative along e above the diagonal.
    whole = matrix_function["expm"](np.block([[a, e], [np.zeros_like(a), a]]))
    value, along = whole[:count, :count], whole[:count, count:]
    return (value, along) if compute_expm else along


def _tridiagonal(name: str, d: Any, e: Any, select: str) -> Any:
    if select not in ("a", "all", 0):
        raise TraceError(f"scipy.linalg.{name}: select={select!r} is not followed; take what you need.{user_line()}")
    d, e = in_one_dtype(d, e)
    return np.diag(d) + np.diag(e, 1) + np.diag(e, -1)


@hook("scipy.linalg", "eigh_tridiagonal", real_only=True)
def _eigh_tridiagonal(
    d: Any,
    e: Any,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    matrix = _tridiagonal("eigh_tridiagonal", d, e, select)
    return np.linalg.eigvalsh(matrix) if eigvals_only else tuple(np.linalg.eigh(matrix))


@hook("scipy.linalg", "eigvalsh_tridiagonal", real_only=True)
def _eigvalsh_tridiagonal(
    d: Any,
    e: Any,
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    return np.linalg.eigvalsh(_tridiagonal("eigvalsh_tridiagonal", d, e, select))
