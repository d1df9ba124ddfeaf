"""Products and systems of equations with a sparse matrix: its entries row after row, their columns, where rows start.

A matrix stands among the inputs as SciPy's three arrays: `data`, `indices` and `indptr`. The same arrays are those of
its transpose where `transposed` says so, so that nothing is ever sorted anew. Entries may stand twice, and count twice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.linalg import common_dtype
from chainrule.ops.op import Op, joint, structural

__all__ = ["SPARSE", "entry_by_entry", "expm_multiply", "rows_of", "sparse_matmul", "sparse_matrix", "spsolve"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]


def sparse_matrix(data: Any, indices: Any, indptr: Any, shape: tuple[int, int], transposed: bool) -> Any:
    """A matrix as one of SciPy's."""
    from scipy import sparse

    found = sparse.csr_array((data, indices, indptr), shape)
    return found.T if transposed else found


def rows_of(indptr: Any) -> Any:
    """The row of each entry."""
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def _sum_over_columns(x: Any) -> Any:
    return np.sum(x, axis=1) if len(shape_of(x)) == 2 else x


def entry_by_entry(g: Any, x: Any, indices: Any, indptr: Any, transposed: bool) -> Any:
    """The derivative of the sum of g * (A x) by each entry of A: g at its row times x at its column."""
    if isinstance(indptr, np.ndarray):
        rows = rows_of(indptr)
    else:
        # Without knowing the values: the last row that starts no later than the entry.
        rows = np.searchsorted(indptr, np.arange(shape_of(indices)[0]), side="right") - 1
    rows, columns = (indices, rows) if transposed else (rows, indices)
    return _sum_over_columns(g[rows] * x[columns])


def _sparse_matmul(data: Any, x: Any, indices: Any, indptr: Any, *, shape: tuple[int, int], transposed: bool) -> Any:
    return sparse_matrix(data, indices, indptr, shape, transposed) @ x


def _infer_matmul(data: Any, x: Any, indices: Any, indptr: Any, *, shape: tuple[int, int], transposed: bool) -> Aval:
    return (shape[1 if transposed else 0], *shape_of(x)[1:]), np.result_type(data.dtype, x.dtype)


def _matmul_transpose(
    i: int, g: Any, ans: Any, data: Any, x: Any, indices: Any, indptr: Any, *, shape: tuple[int, int], transposed: bool
) -> Any:
    if i == 0:
        return entry_by_entry(g, x, indices, indptr, transposed)
    return sparse_matmul(data, g, indices, indptr, shape=shape, transposed=not transposed)


#: A x, or A^T x where `transposed`, for a vector or a matrix x; `shape` is that of A.
sparse_matmul: Op = structural("sparse.matmul", _sparse_matmul, _infer_matmul, _matmul_transpose, keeps=(1, 2, 3, 4))


class _Factors:
    """The factors of one matrix.

    The last few are kept: a solution and its derivatives take the same.
    """

    def __init__(self, data: Any, indices: Any, indptr: Any) -> None:
        from scipy import sparse
        from scipy.sparse.linalg import splu

        self._arrays = (data.copy(), indices.copy(), indptr.copy())
        # Read column after column the arrays are those of the transpose. SciPy puts entries in order in place.
        size = len(indptr) - 1
        self._lu = splu(sparse.csc_array(tuple(x.copy() for x in self._arrays), (size, size)))

    def are_of(self, *arrays: Any) -> bool:
        return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(self._arrays, arrays, strict=True))

    def solve(self, b: Any, transposed: bool) -> Any:
        return self._lu.solve(b, "N" if transposed else "T")


_KEPT = 4
_factors: tuple[_Factors, ...] = ()


def _factors_of(data: Any, indices: Any, indptr: Any) -> _Factors:
    global _factors
    found = next((one for one in _factors if one.are_of(data, indices, indptr)), None)
    if found is None:
        found = _Factors(data, indices, indptr)
    # A new tuple, since other threads may be reading this one.
    _factors = (found, *(one for one in _factors if one is not found))[:_KEPT]
    return found


def _spsolve(data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool) -> Any:
    dtype = common_dtype(data, b)
    if b.size == 0:
        return np.zeros(b.shape, dtype)
    try:
        factors = _factors_of(np.asarray(data, dtype), np.asarray(indices), np.asarray(indptr))
    except RuntimeError as problem:
        if "singular" not in str(problem):
            raise
        import warnings

        from scipy.sparse.linalg import MatrixRankWarning

        warnings.warn("Matrix is exactly singular", MatrixRankWarning, stacklevel=2)
        return np.full(b.shape, np.nan, dtype)
    return factors.solve(np.asarray(b, dtype), transposed)


def _infer_spsolve(data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool) -> Aval:
    return shape_of(b), common_dtype(data, b)


def _spsolve_pull(
    wanted: Sequence[bool], g: Any, ans: Any, data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool
) -> list[Any]:
    # With A ans = b: dl/db = A^-T g, dl/dA = -dl/db ans^T, of which the entries of A are asked for.
    by_b = spsolve(data, g, indices, indptr, transposed=not transposed)
    by_data = -entry_by_entry(by_b, ans, indices, indptr, transposed) if wanted[0] else None
    return [by_data, by_b if wanted[1] else None, None, None]


def _spsolve_push(
    tangents: Sequence[Any], ans: Any, data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool
) -> Any:
    s, moved = tangents[:2]
    if s is not None:
        size = shape_of(indptr)[0] - 1
        part = sparse_matmul(s, ans, indices, indptr, shape=(size, size), transposed=transposed)
        moved = -part if moved is None else moved - part
    return spsolve(data, moved, indices, indptr, transposed=transposed)


#: A ans = b, or A^T ans = b where `transposed`, for a vector or a matrix b.
spsolve: Op = joint(
    "scipy.sparse.linalg.spsolve", _spsolve, _infer_spsolve, _spsolve_pull, _spsolve_push, keeps=(0, 1, 3, 4)
)


def _expm_multiply(data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool) -> Any:
    from scipy.sparse.linalg import expm_multiply

    dtype = common_dtype(data, b)
    if b.size == 0:
        return np.zeros(b.shape, dtype)
    size = len(indptr) - 1
    return expm_multiply(sparse_matrix(data, indices, indptr, (size, size), transposed), b).astype(dtype, copy=False)


def _expm_transpose(i: int, g: Any, ans: Any, data: Any, b: Any, indices: Any, indptr: Any, *, transposed: bool) -> Any:
    return expm_multiply(data, g, indices, indptr, transposed=not transposed)


#: The exponential of a constant A, or of A^T where `transposed`, times a vector or a matrix b.
expm_multiply: Op = structural(
    "scipy.sparse.linalg.expm_multiply", _expm_multiply, _infer_spsolve, _expm_transpose, keeps=(1, 3, 4)
)

SPARSE: tuple[Op, ...] = (sparse_matmul, spsolve, expm_multiply)
