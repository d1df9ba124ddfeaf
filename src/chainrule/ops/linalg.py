"""Systems of linear equations, inverses and determinants, for matrices in the last two axes.

A contribution to z = u + iv is df/du - i df/dv. By that convention the rules of functions that do without conjugation
have transposes where textbooks have conjugate transposes.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint, of_arrays, structural
from chainrule.ops.outputs import Outputs, output

__all__ = [
    "LINALG",
    "adjoint",
    "cofactors",
    "common_dtype",
    "det",
    "each",
    "hermitian_part",
    "inv",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
]

Aval = tuple[tuple[int, ...], np.dtype[Any]]


def adjoint(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    return np.conjugate(x).mT if x.dtype.kind == "c" else x.mT


def hermitian_part(x: Any) -> Any:
    """The mean of a matrix and its conjugate transpose."""
    return 0.5 * (x + adjoint(x))


def common_dtype(*xs: Any) -> np.dtype[Any]:
    """The dtype that numpy.linalg computes in: integers count as float64."""
    found = np.result_type(*(x.dtype for x in xs))
    return found if found.kind in "fc" else np.dtype(np.float64)


def each(function: Callable[..., Any], count: int, *stacks: Any) -> Any:
    """Apply a function of matrices to stacks of them that broadcast; `count` of the arguments are stacks."""
    leading = np.broadcast_shapes(*(x.shape[:-2] for x in stacks[:count]))
    if not leading:
        return function(*stacks)
    whole = [np.broadcast_to(x, (*leading, *x.shape[-2:])).reshape(-1, *x.shape[-2:]) for x in stacks[:count]]
    made = [function(*parts, *stacks[count:]) for parts in zip(*whole, strict=True)]
    if not made:
        # Of no matrices at all: what the function makes of matrices of ones tells the shape.
        ones = [np.eye(*x.shape[-2:], dtype=x.dtype) for x in stacks[:count]]
        return np.zeros((*leading, *function(*ones, *stacks[count:]).shape))
    return np.stack(made).reshape(*leading, *made[0].shape)


def _infer_same(x: Any) -> Aval:
    return shape_of(x), common_dtype(x)


def _infer_solve(x: Any, y: Any) -> Aval:
    a, b = shape_of(x), shape_of(y)
    return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-1], b[-1]), common_dtype(x, y)


def _solve_pull(wanted: Sequence[bool], g: Any, ans: Any, x: Any, y: Any) -> list[Any]:
    # With x ans = y: dl/dy = x^-T g, dl/dx = -dl/dy ans^T.
    by_y = solve(x.mT, g)
    return [-(by_y @ ans.mT) if wanted[0] else None, by_y if wanted[1] else None]


def _solve_push(tangents: Sequence[Any], ans: Any, x: Any, y: Any) -> Any:
    s, t = tangents
    moved = t if s is None else -(s @ ans) if t is None else t - s @ ans
    return solve(x, moved)


def _inv_transpose(i: int, g: Any, ans: Any, x: Any) -> Any:
    return -(ans.mT @ g @ ans.mT)


def _inv_push(i: int, t: Any, ans: Any, x: Any) -> Any:
    return -(ans @ t @ ans)


def _pinv(x: Any, *, rcond: float, hermitian: bool) -> Any:
    return np.linalg.pinv(x, rcond, hermitian)


def _infer_pinv(x: Any, *, rcond: float, hermitian: bool) -> Aval:
    shape = shape_of(x)
    return (*shape[:-2], shape[-1], shape[-2]), common_dtype(x)


def _pinv_push(i: int, t: Any, ans: Any, x: Any, *, rcond: float, hermitian: bool) -> Any:
    # G. Golub and V. Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose
    # variables separate, SIAM Journal on Numerical Analysis 10 (1973), for matrices whose rank does not change.
    t_adjoint = adjoint(t)
    left, right = adjoint(ans) @ ans, ans @ adjoint(ans)
    outside, beside = t_adjoint - t_adjoint @ (x @ ans), t_adjoint - (ans @ x) @ t_adjoint
    return right @ outside + beside @ left - ans @ t @ ans


def _pinv_transpose(i: int, g: Any, ans: Any, x: Any, *, rcond: float, hermitian: bool) -> Any:
    # The transpose of that, in the same order. The first two terms are conjugate-linear in t.
    left, right = adjoint(ans) @ ans, ans @ adjoint(ans)
    first, second = g.mT @ right, left @ g.mT
    first = first - (x @ ans) @ first
    second = second - second @ (ans @ x)
    both = first + second
    return (np.conjugate(both) if both.dtype.kind == "c" else both) - ans.mT @ g @ ans.mT


def _infer_det(x: Any) -> Aval:
    return shape_of(x)[:-2], common_dtype(x)


def _for_each(g: Any, x: Any) -> Any:
    """A number for each matrix, in the number of axes that these have."""
    return np.reshape(g, (*x.shape[:-2], 1, 1))


def _det_transpose(i: int, g: Any, ans: Any, x: Any) -> Any:
    if type(x) is np.ndarray and x.ndim == 2 and isinstance(g, (float, np.generic)) and ans != 0:
        return g * (ans * np.linalg.inv(x).T)
    return _for_each(g, x) * cofactors(x)


def _det_push(i: int, t: Any, ans: Any, x: Any) -> Any:
    return np.sum(cofactors(x) * t, axis=(-2, -1))


def _cofactors(x: Any) -> Any:
    whole = np.linalg.det(x)
    if np.all(whole != 0):
        return whole[..., None, None] * np.linalg.inv(x).mT
    # Of u s v the cofactors are det u det v conj(u) times, for each singular value, the product of the others, times
    # conj(v): that is right for singular matrices, too.
    u, s, v = np.linalg.svd(x)
    one = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    turns = np.linalg.det(u) * np.linalg.det(v)
    return turns[..., None, None] * (np.conjugate(u) * (before * after)[..., None, :]) @ np.conjugate(v)


def _cofactors_transpose(i: int, g: Any, ans: Any, x: Any) -> Any:
    # With B = x^-T the cofactors C are det x B, so that dC = tr(B^T dx) C - B dx^T C.
    inverse = inv(x).mT
    return np.sum(g * ans, axis=(-2, -1))[..., None, None] * inverse - ans @ g.mT @ inverse


def _cofactors_push(i: int, t: Any, ans: Any, x: Any) -> Any:
    inverse = inv(x).mT
    return np.sum(inverse * t, axis=(-2, -1))[..., None, None] * ans - inverse @ t.mT @ ans


_slogdet_of_arrays = of_arrays(np.linalg.slogdet)


def _slogdet(x: Any) -> Outputs:
    return Outputs(_slogdet_of_arrays(x))


def _infer_slogdet(x: Any) -> Any:
    shape, dtype = shape_of(x)[:-2], common_dtype(x)
    return (shape, shape), (dtype, np.zeros((), dtype).real.dtype)


def _slogdet_pull(wanted: Sequence[bool], g: Sequence[Any], ans: Any, x: Any) -> list[Any]:
    # d log det = tr(x^-1 dx), of which the real part moves the logarithm and the imaginary one turns the sign.
    by_sign, by_log = g
    whole = by_log
    if by_sign is not None and x.dtype.kind == "c":
        turn = -1j * np.real(1j * by_sign * output(ans, k=0))
        whole = turn if whole is None else whole + turn
    if whole is None:
        return [None]
    return [_for_each(whole, x) * inv(x).mT]


def _slogdet_push(tangents: Sequence[Any], ans: Any, x: Any) -> list[Any]:
    moved = np.sum(inv(x).mT * tangents[0], axis=(-2, -1))
    if x.dtype.kind != "c":
        return [None, np.real(moved)]
    return [1j * np.imag(moved) * output(ans, k=0), np.real(moved)]


#: Up to so many rows a call takes longer than solving does.
_LOOPED = 32


def _solve_triangular(x: Any, y: Any, *, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    if x.shape[-1] != x.shape[-2] or x.shape[-1] != y.shape[-2]:
        raise ValueError(f"scipy.linalg.solve_triangular: shapes {x.shape} and {y.shape} do not fit")
    dtype = common_dtype(x, y)
    if 0 in (*x.shape[-2:], *y.shape[-2:]):
        return np.zeros((*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), *y.shape[-2:]), dtype)

    if x.ndim + y.ndim > 4 and x.shape[-1] <= _LOOPED:
        # NumPy goes through a stack without Python.
        t = _in_use(x, lower, unit_diagonal)
        t = t + np.eye(x.shape[-1], dtype=x.dtype) if unit_diagonal else t
        return np.linalg.solve(t.mT if trans else t, y)

    def solve(a: Any, b: Any) -> Any:
        # SciPy's function takes several times as long around this routine of LAPACK, which has columns in order.
        turned = not a.flags.f_contiguous
        a, is_lower, is_turned = (a.T, not lower, 1 - trans) if turned else (a, lower, trans)
        found, problem = _routine(dtype.char)(a, b, lower=is_lower, trans=is_turned, unitdiag=unit_diagonal)
        if problem:
            raise np.linalg.LinAlgError(f"singular matrix: resolution failed at diagonal {problem - 1}")
        return found

    found = solve(x, y) if x.ndim == y.ndim == 2 else each(solve, 2, x, y)
    return found.astype(dtype, copy=False)


@functools.cache
def _routine(kind: str) -> Any:
    """LAPACK's routine for triangles, for a dtype."""
    import scipy.linalg

    return scipy.linalg.get_lapack_funcs("trtrs", dtype=kind)


def _infer_triangular(x: Any, y: Any, **params: Any) -> Aval:
    a, b = shape_of(x), shape_of(y)
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *b[-2:]), common_dtype(x, y)


def _in_use(x: Any, lower: bool, unit_diagonal: bool) -> Any:
    """The triangle that is read, and 0 elsewhere."""
    size = x.shape[-1]
    if type(x) is np.ndarray and size <= _LOOPED:
        return np.where(_triangle(size, lower, unit_diagonal), x, 0)
    return np.tril(x, -int(unit_diagonal)) if lower else np.triu(x, int(unit_diagonal))


@functools.lru_cache(maxsize=4 * _LOOPED)
def _triangle(size: int, lower: bool, strict: bool) -> Any:
    """Where a triangle is, of a matrix up to a size for which making this takes longer than what it is used for."""
    return np.tri(size, size, -int(strict), bool) if lower else ~np.tri(size, size, int(strict) - 1, bool)


def _triangular_pull(
    wanted: Sequence[bool], g: Any, ans: Any, x: Any, y: Any, *, trans: int, lower: bool, unit_diagonal: bool
) -> list[Any]:
    by_y = solve_triangular(x, g, trans=1 - trans, lower=lower, unit_diagonal=unit_diagonal)
    if not wanted[0]:
        return [None, by_y]
    by_x = -(by_y @ ans.mT if trans == 0 else ans @ by_y.mT)
    return [_in_use(by_x, lower, unit_diagonal), by_y if wanted[1] else None]


def _triangular_push(
    tangents: Sequence[Any], ans: Any, x: Any, y: Any, *, trans: int, lower: bool, unit_diagonal: bool
) -> Any:
    s, moved = tangents
    if s is not None:
        s = _in_use(s, lower, unit_diagonal)
        part = (s if trans == 0 else s.mT) @ ans
        moved = -part if moved is None else moved - part
    return solve_triangular(x, moved, trans=trans, lower=lower, unit_diagonal=unit_diagonal)


inv: Op = structural("np.linalg.inv", of_arrays(np.linalg.inv), _infer_same, _inv_transpose, _inv_push, keeps=(0,))
#: Of matrices on the right-hand side; a vector is a matrix of one column.
solve: Op = joint("np.linalg.solve", of_arrays(np.linalg.solve), _infer_solve, _solve_pull, _solve_push, keeps=(0, 1))
pinv: Op = structural("np.linalg.pinv", _pinv, _infer_pinv, _pinv_transpose, _pinv_push, keeps=(0, 1))
det: Op = structural("np.linalg.det", of_arrays(np.linalg.det), _infer_det, _det_transpose, _det_push, keeps=(0, 1))
#: For each entry of a square matrix the derivative of its determinant by it.
cofactors: Op = structural("cofactors", _cofactors, _infer_same, _cofactors_transpose, _cofactors_push, keeps=(0, 1))
#: Two outputs: the sign, for complex numbers of size 1, and the logarithm of the size.
slogdet: Op = joint("np.linalg.slogdet", _slogdet, _infer_slogdet, _slogdet_pull, _slogdet_push, keeps=(0, 1))
#: x ans = y, or x^T ans = y where `trans` is 1, with matrices on the right-hand side.
solve_triangular: Op = joint(
    "scipy.linalg.solve_triangular",
    _solve_triangular,
    _infer_triangular,
    _triangular_pull,
    _triangular_push,
    keeps=(0, 1),
)

LINALG: tuple[Op, ...] = (inv, solve, pinv, det, cofactors, slogdet, solve_triangular)
