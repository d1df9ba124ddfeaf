"""scipy.linalg: what it has beside numpy.linalg, and the functions of the same name."""

from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.ops import lu
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.linalg import adjoint, common_dtype
from chainrule.ops.linalg import solve_triangular as triangular
from chainrule.ops.matrix_functions import matrix_function, solve_banded, solve_sylvester
from chainrule.ops.shapes import convert
from chainrule.trace.hooks import hook

__all__ = ["from_triangle"]


# Equations.


def _column(b: Any) -> tuple[Any, bool]:
    """A right-hand side as a matrix, and whether it was a vector."""
    b = with_dtype(b)
    return (b[:, None], True) if len(shape_of(b)) == 1 else (b, False)


def from_triangle(a: Any, lower: bool, *, is_hermitian: bool) -> Any:
    """Make the matrix of which one triangle is read.

    Parameters
    ----------
    a : array
        Matrices in the last two axes.
    lower : bool
        Which triangle.
    is_hermitian : bool
        Whether the other one is its conjugate transpose, or the transpose alone.

    Returns
    -------
    array
        The whole matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from_triangle(np.array([[1.0, 0.0], [2.0, 3.0]]), True, is_hermitian=True)
    array([[1., 2.],
           [2., 3.]])
    """
    half, rest = (np.tril(a), np.tril(a, -1)) if lower else (np.triu(a), np.triu(a, 1))
    return half + (adjoint(rest) if is_hermitian else rest.mT)


_TRIANGULAR = ("upper triangular", "lower triangular")
_GENERAL = (None, "gen", "general", "banded", "tridiagonal")


@hook("scipy.linalg", "solve")
def _solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    a = with_dtype(a)
    if assume_a in _TRIANGULAR:
        return _solve_triangular(a, b, int(transposed), assume_a == "lower triangular")
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        a = from_triangle(a, lower, is_hermitian=assume_a[:3] != "sym")
    elif assume_a == "diagonal":
        a = a * np.eye(shape_of(a)[-1], dtype=a.dtype)
    elif assume_a not in _GENERAL:
        raise ValueError(f"{assume_a} is not a recognized matrix structure")
    return np.linalg.solve(a.mT if transposed else a, with_dtype(b))


@hook("scipy.linalg", "solve_triangular")
def _solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    a = with_dtype(a)
    kind = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    right, is_vector = _column(b)
    if shape_of(a)[-1] != shape_of(right)[-2]:
        raise ValueError(f"shapes of a {shape_of(a)} and b {shape_of(b)} are incompatible")
    if kind == 2 and a.dtype.kind == "c":
        a = np.conjugate(a)
    found = triangular(a, right, trans=min(kind, 1), lower=bool(lower), unit_diagonal=bool(unit_diagonal))
    return found[..., 0] if is_vector else found


@hook("scipy.linalg", "solve_banded")
def _solve_banded(
    l_and_u: Any, ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    lower, upper = (int(n) for n in l_and_u)
    ab = with_dtype(ab)
    right, is_vector = _column(b)
    if len(shape_of(ab)) != 2 or shape_of(ab) != (lower + upper + 1, shape_of(right)[0]):
        raise ValueError(
            f"scipy.linalg.solve_banded takes ab of shape {(lower + upper + 1, shape_of(right)[0])}, and got "
            f"{shape_of(ab)}"
        )
    found = solve_banded(ab, right, lower=lower, upper=upper)
    return found[:, 0] if is_vector else found


@hook("scipy.linalg", "solve_sylvester")
def _solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    a, b, q = with_dtype(a), with_dtype(b), with_dtype(q)
    (m, n), square = (shape_of(q) if len(shape_of(q)) == 2 else (0, 0)), (shape_of(a), shape_of(b))
    if len(shape_of(q)) != 2 or square != ((m, m), (n, n)):
        raise ValueError(f"scipy.linalg.solve_sylvester: shapes {square[0]}, {square[1]}, {shape_of(q)} do not fit")
    return solve_sylvester(a, b, q)


@hook("scipy.linalg", "inv")
def _inv(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.inv(a)


@hook("scipy.linalg", "det")
def _det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    a = with_dtype(a)
    # SciPy computes it in double precision always.
    return np.linalg.det(convert(a, np.result_type(a.dtype, np.float64)))


@hook("scipy.linalg", "pinv")
def _pinv(a: Any, *, rtol: float | None = None, check_finite: bool = True) -> Any:
    return np.linalg.pinv(a, rtol)


@hook("scipy.linalg", "lstsq")
def _lstsq(
    a: Any,
    b: Any,
    cond: float | None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    x, residuals, rank, values = np.linalg.lstsq(a, with_dtype(b), cond)
    return x, residuals[0] if len(shape_of(b)) == 1 and shape_of(residuals) == (1,) else residuals, rank, values


@hook("scipy.linalg", "norm")
def _norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    found = np.linalg.norm(a, ord, axis, keepdims)
    # What SciPy computes by BLAS or LAPACK is a number of double precision.
    whole = axis is None and not keepdims
    plain = ord in (None, 2) if len(shape_of(a)) == 1 else ord in ("fro", "f", 1, np.inf)
    return convert(found, np.dtype(float)) if whole and plain else found


# Decompositions.


@hook("scipy.linalg", "cholesky")
def _cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.cholesky(a, upper=not lower)


@hook("scipy.linalg", "cho_factor")
def _cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    # The other triangle has what stood there before.
    factor = np.linalg.cholesky(a, upper=not lower)
    return (np.tril(factor) + np.triu(a, 1) if lower else np.triu(factor) + np.tril(a, -1)), lower


@hook("scipy.linalg", "cho_solve")
def _cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    c, lower = c_and_lower
    # l l^H x = b, or u^H u x = b.
    first = _solve_triangular(c, b, 0 if lower else 2, lower)
    return _solve_triangular(c, first, 2 if lower else 0, lower)


@hook("scipy.linalg", "svd")
def _svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    found = np.linalg.svd(a, full_matrices, compute_uv)  # type: ignore[call-overload]
    return tuple(found) if compute_uv else found


@hook("scipy.linalg", "svdvals")
def _svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.svd(a, compute_uv=False)


def _of_pair(name: str, a: Any, b: Any, homogeneous: bool) -> Any:
    """The matrix that has the eigenvalues of a pair, a v = w b v, and its eigenvectors."""
    if homogeneous:
        raise TraceError(f"scipy.linalg.{name}: argument homogeneous_eigvals= is not followed.{user_line()}")
    return with_dtype(a) if b is None else np.linalg.solve(with_dtype(b), with_dtype(a))


@hook("scipy.linalg", "eig")
def _eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    matrix = _of_pair("eig", a, b, homogeneous_eigvals)
    if left:
        raise TraceError(
            "scipy.linalg.eig: left eigenvectors are not followed; they are the right ones of the conjugate "
            f"transposes.{user_line()}"
        )
    w, v = np.linalg.eig(matrix)
    return (w + 0j, v) if right else w + 0j


@hook("scipy.linalg", "eigvals")
def _eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    return np.linalg.eigvals(_of_pair("eigvals", a, b, homogeneous_eigvals)) + 0j


# Triangular factors.


def _packed(a: Any) -> tuple[Any, Any]:
    """The order of the rows, and the two factors in one array: u, and l below its diagonal."""
    order = lu.permutation(a)
    rows = np.take_along_axis(a, order[..., None], axis=-2)
    m, n = shape_of(a)[-2:]
    k = min(m, n)
    packed = lu.factors(rows[..., :k, :k])
    if m > k:
        # The rows below are l u, too.
        below = triangular(packed, rows[..., k:, :].mT, trans=1, lower=False, unit_diagonal=False).mT
        packed = np.concatenate([packed, below], axis=-2)
    elif n > k:
        beside = triangular(packed, rows[..., k:], trans=0, lower=True, unit_diagonal=True)
        packed = np.concatenate([packed, beside], axis=-1)
    return order, packed


def _at_least_matrix(name: str, a: Any) -> Any:
    a = with_dtype(a)
    if len(shape_of(a)) < 2:
        raise ValueError(f"scipy.linalg.{name} takes matrices, and got an array of shape {shape_of(a)}")
    return convert(a, common_dtype(a))


@hook("scipy.linalg", "lu")
def _lu(
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
) -> Any:
    a = _at_least_matrix("lu", a)
    order, packed = _packed(a)
    m, n = shape_of(a)[-2:]
    k = min(m, n)
    lower = np.tril(packed[..., :k], -1) + np.eye(m, k, dtype=a.dtype)
    upper = np.triu(packed[..., :k, :])
    # The rows of a stand at these places of l u.
    places = np.argsort(order, axis=-1)
    if permute_l:
        return np.take_along_axis(lower, places[..., None], axis=-2), upper
    if p_indices:
        return places, lower, upper
    real = np.zeros((), a.dtype).real.dtype
    return convert(places[..., None] == np.arange(m), real), lower, upper


@hook("scipy.linalg", "lu_factor")
def _lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    a = _at_least_matrix("lu_factor", a)
    return _packed(a)[1], lu.pivots(a)


@hook("scipy.linalg", "lu_solve")
def _lu_solve(lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    packed, piv = lu_and_piv
    right, is_vector = _column(b)
    n = shape_of(packed)[-1]
    if shape_of(packed)[-2] != n or shape_of(right)[-2] != n:
        raise ValueError(f"Shapes of lu {shape_of(packed)} and b {shape_of(b)} are incompatible")
    order = lu.permutation_of_pivots(with_dtype(piv), rows=n)

    def ordered(x: Any, places: Any) -> Any:
        places = np.broadcast_to(places[..., None], (*shape_of(x)[:-1], 1))
        return np.take_along_axis(x, places, axis=-2)

    if trans == 0:
        first = triangular(packed, ordered(right, order), trans=0, lower=True, unit_diagonal=True)
        found = triangular(packed, first, trans=0, lower=False, unit_diagonal=False)
    else:
        matrix = np.conjugate(packed) if trans == 2 and packed.dtype.kind == "c" else packed
        first = triangular(matrix, right, trans=1, lower=False, unit_diagonal=False)
        found = ordered(triangular(matrix, first, trans=1, lower=True, unit_diagonal=True), np.argsort(order, axis=-1))
    return found[..., 0] if is_vector else found


# Functions of matrices.


def _matrix_function(name: str) -> None:
    op = matrix_function[name]

    def follow(A: Any) -> Any:
        A = with_dtype(A)
        if len(shape_of(A)) < 2 or shape_of(A)[-1] != shape_of(A)[-2]:
            raise ValueError(f"scipy.linalg.{name} takes square matrices, and got an array of shape {shape_of(A)}")
        return op(A)

    hook("scipy.linalg", name)(follow)


for _name in matrix_function:
    if _name != "fractional_matrix_power":
        _matrix_function(_name)


@hook("scipy.linalg", "fractional_matrix_power")
def _fractional_matrix_power(A: Any, t: Any) -> Any:
    if hasattr(type(t), "__chainrule_record__"):
        raise NoDerivativeError(f"scipy.linalg.fractional_matrix_power has no derivative by t.{user_line()}")
    return matrix_function["fractional_matrix_power"](with_dtype(A), power=float(t))


# Matrices made of vectors and of other matrices.


@hook("scipy.linalg", "block_diag")
def _block_diag(*arrs: Any) -> Any:
    parts = [np.atleast_2d(with_dtype(x)) for x in arrs]
    if any(len(shape_of(x)) > 2 for x in parts):
        raise TraceError(f"scipy.linalg.block_diag is followed for matrices, not for stacks of them.{user_line()}")
    wide = np.result_type(*(x.dtype for x in parts))
    columns = sum(shape_of(x)[1] for x in parts)
    beside, made = 0, []
    for x in parts:
        n = shape_of(x)[1]
        made.append(np.pad(convert(x, wide), ((0, 0), (beside, columns - beside - n))))
        beside += n
    return np.concatenate(made, axis=0)


def _by_steps(line: Any, rows: int, columns: int, step: int) -> Any:
    """The matrix of which row i is the stretch of a line that begins `step` * i after its first one."""
    start = (rows - 1) if step < 0 else 0
    return np.take(line, start + step * np.arange(rows)[:, None] + np.arange(columns))


@hook("scipy.linalg", "toeplitz")
def _toeplitz(c: Any, r: Any = None) -> Any:
    c = with_dtype(c)
    r = np.conjugate(c) if r is None else with_dtype(r)
    if len(shape_of(c)) != 1 or len(shape_of(r)) != 1:
        raise TraceError(f"scipy.linalg.toeplitz is followed for vectors.{user_line()}")
    rows, columns = shape_of(c)[0], shape_of(r)[0]
    return _by_steps(np.concatenate([c[::-1], r[1:]]), rows, columns, -1)


@hook("scipy.linalg", "hankel")
def _hankel(c: Any, r: Any = None) -> Any:
    c = np.reshape(c, (-1,))
    r = np.zeros(shape_of(c), c.dtype) if r is None else np.reshape(r, (-1,))
    return _by_steps(np.concatenate([c, r[1:]]), shape_of(c)[0], shape_of(r)[0], 1)


@hook("scipy.linalg", "circulant")
def _circulant(c: Any) -> Any:
    c = np.atleast_1d(with_dtype(c))
    length = shape_of(c)[-1]
    places = (np.arange(length)[:, None] - np.arange(length)) % max(length, 1)
    return np.take(c, places, axis=-1)


@hook("scipy.linalg", "solve_toeplitz")
def _solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return np.linalg.solve(_toeplitz(c, r), with_dtype(b))
