"""Functions of square matrices, banded systems, and Sylvester's equation, of scipy.linalg.

A function f of matrices that is a power series has f([[x, t], [0, x]]) = [[f(x), y], [0, f(x)]] with its derivative y
at x in the direction t (N. Higham, Functions of Matrices, theorem 3.6). So the function itself gives its derivatives.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.linalg import common_dtype, each
from chainrule.ops.op import Op, joint, structural
from chainrule.ops.shapes import SLOT, index_add

__all__ = ["MATRIX_FUNCTIONS", "matrix_function", "solve_banded", "solve_sylvester"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]


# Functions of square matrices.


def _evaluated(name: str) -> Callable[..., Any]:
    def evaluate(x: Any, **params: Any) -> Any:
        # scipy.linalg takes longer to import than all of chainrule.
        import scipy.linalg

        dtype = _dtype_of(name, x)
        if x.shape[-1] == 0:
            return np.zeros(x.shape, dtype)
        found = each(lambda x: getattr(scipy.linalg, name)(x, *params.values()), 1, x.astype(dtype, copy=False))
        if found.dtype.kind == "c" and dtype.kind != "c":
            if np.max(np.abs(found.imag), initial=0) > 1e-6 * np.max(np.abs(found.real), initial=0):
                raise TraceError(
                    f"scipy.linalg.{name} of this real matrix is complex, so that its dtype depends on values. Add "
                    f"0j to the matrix.{user_line()}"
                )
            found = found.real
        return found.astype(dtype, copy=False)

    return evaluate


#: SciPy computes these in double precision always.
_WIDE = ("logm", "fractional_matrix_power")


def _dtype_of(name: str, x: Any) -> np.dtype[Any]:
    return np.result_type(common_dtype(x), np.float64) if name in _WIDE else common_dtype(x)


def _block(x: Any, t: Any) -> Any:
    lower = np.concatenate([np.zeros(x.shape, x.dtype), x], axis=-1)
    return np.concatenate([np.concatenate([x, t], axis=-1), lower], axis=-2)


def _made(name: str) -> Op:
    def infer(x: Any, **params: Any) -> Aval:
        return shape_of(x), _dtype_of(name, x)

    def push(i: int, t: Any, ans: Any, x: Any, **params: Any) -> Any:
        size = x.shape[-1]
        return matrix_function[name](_block(x, t), **params)[..., :size, size:]

    def transpose(i: int, g: Any, ans: Any, x: Any, **params: Any) -> Any:
        # The derivative at the transpose of x, in the direction g, is the transpose of the derivative.
        return push(i, g, ans, x.mT, **params)

    return structural(f"scipy.linalg.{name}", _evaluated(name), infer, transpose, push, (1,))


#: The functions by the names that SciPy gives them.
matrix_function: dict[str, Op] = {
    name: _made(name)
    for name in (
        *("expm", "logm", "sqrtm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm"),
        "fractional_matrix_power",
    )
}


# Banded systems: the diagonals of a matrix are the rows of x, where entry (i, j) stands at (upper + i - j, j).


def _solve_banded(x: Any, y: Any, *, lower: int, upper: int) -> Any:
    import scipy.linalg

    found = scipy.linalg.solve_banded((lower, upper), x, y, check_finite=False)
    return found.astype(common_dtype(x, y), copy=False)


def _infer_banded(x: Any, y: Any, *, lower: int, upper: int) -> Aval:
    return shape_of(y), common_dtype(x, y)


def _places(n: int, lower: int, upper: int) -> tuple[Any, Any, Any, Any]:
    """Row and column in x of every entry inside of the bands, and row and column of it in the matrix."""
    rows, columns = np.indices((lower + upper + 1, n))
    i = rows - upper + columns
    inside = (i >= 0) & (i < n)
    return rows[inside], columns[inside], i[inside], columns[inside]


def _transposed_bands(x: Any, lower: int, upper: int) -> Any:
    n = x.shape[1]
    rows, columns, i, _ = _places(n, upper, lower)
    # Entry (i, j) of the transpose is entry (j, i).
    return index_add(x[upper + columns - i, i], rows, columns, template=(SLOT, SLOT), shape=tuple(x.shape))


def _banded_pull(wanted: Sequence[bool], g: Any, ans: Any, x: Any, y: Any, *, lower: int, upper: int) -> list[Any]:
    by_y = solve_banded(_transposed_bands(x, lower, upper), g, lower=upper, upper=lower)
    if not wanted[0]:
        return [None, by_y]
    rows, columns, i, j = _places(x.shape[1], lower, upper)
    entries = -np.sum(by_y[i] * ans[j], axis=-1)
    by_x = index_add(entries, rows, columns, template=(SLOT, SLOT), shape=tuple(x.shape))
    return [by_x, by_y if wanted[1] else None]


def _banded_push(tangents: Sequence[Any], ans: Any, x: Any, y: Any, *, lower: int, upper: int) -> Any:
    s, moved = tangents
    if s is not None:
        rows, columns, i, j = _places(x.shape[1], lower, upper)
        terms = s[rows, columns][:, None] * ans[j]
        part = index_add(terms, i, template=(SLOT,), shape=tuple(ans.shape))
        moved = -part if moved is None else moved - part
    return solve_banded(x, moved, lower=lower, upper=upper)


solve_banded: Op = joint(
    "scipy.linalg.solve_banded", _solve_banded, _infer_banded, _banded_pull, _banded_push, keeps=(0, 1)
)


# Sylvester's equation: a ans + ans b = q.


def _solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    import scipy.linalg

    dtype = common_dtype(a, b, q)
    if q.size == 0:
        return np.zeros(_infer_sylvester(a, b, q)[0], dtype)
    # SciPy is given one dtype: of a complex a and a real b that has complex eigenvalues its result is wrong.
    given = (x.astype(dtype, copy=False) for x in (a, b, q))
    return each(scipy.linalg.solve_sylvester, 3, *given).astype(dtype, copy=False)


def _infer_sylvester(a: Any, b: Any, q: Any) -> Aval:
    stack = np.broadcast_shapes(*(shape_of(x)[:-2] for x in (a, b, q)))
    return (*stack, *shape_of(q)[-2:]), common_dtype(a, b, q)


def _sylvester_pull(wanted: Sequence[bool], g: Any, ans: Any, a: Any, b: Any, q: Any) -> list[Any]:
    by_q = solve_sylvester(a.mT, b.mT, g)
    return [
        -(by_q @ ans.mT) if wanted[0] else None,
        -(ans.mT @ by_q) if wanted[1] else None,
        by_q if wanted[2] else None,
    ]


def _sylvester_push(tangents: Sequence[Any], ans: Any, a: Any, b: Any, q: Any) -> Any:
    by_a, by_b, moved = tangents
    for part in (by_a @ ans if by_a is not None else None, ans @ by_b if by_b is not None else None):
        if part is not None:
            moved = -part if moved is None else moved - part
    return solve_sylvester(a, b, moved)


solve_sylvester: Op = joint(
    "scipy.linalg.solve_sylvester",
    _solve_sylvester,
    _infer_sylvester,
    _sylvester_pull,
    _sylvester_push,
    keeps=(0, 1, 2),
)

MATRIX_FUNCTIONS: tuple[Op, ...] = (*matrix_function.values(), solve_banded, solve_sylvester)
