"""scipy.sparse: products and equations with sparse matrices, where a vector or the entries are traced.

A sparse matrix that is not traced is a constant: its three arrays stand in the graph, and derivatives are products with
its transpose. One with traced entries is a `TracedSparse` while the function is recorded.
"""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.refusals import need_plain
from chainrule.library.sparse_matrices import TracedSparse, from_places, is_traced_sparse, multiplied, parts_of
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.sparse import expm_multiply, rows_of, spsolve
from chainrule.trace.hooks import hook
from chainrule.transforms.exponentials import exponential_op

__all__: list[str] = []


# Constant matrices. All products end in one private function of SciPy's base class; x @ A comes as (A.T @ x.T).T.


@hook("scipy.sparse._base", "_spbase._matmul_dispatch", public="A @ x", listed=False)
def _matmul(self: Any, other: Any) -> Any:
    if is_traced_sparse(other):
        return other.__rmatmul__(self)
    if self.ndim != 2:
        raise TraceError(f"A sparse array of {self.ndim} axes is not multiplied by traced values.{user_line()}")
    return _traced(self).multiply(other) if shape_of(other) == () else multiplied(self, other)


@hook("scipy.sparse._coo", "_coo_base._matmul_dispatch", public="A @ x", listed=False)
def _coo_matmul(self: Any, other: Any) -> Any:
    return _matmul(self, other)


@hook("scipy.sparse._coo", "_coo_base._rmatmul_dispatch", public="A @ x", listed=False)
def _coo_rmatmul(self: Any, other: Any) -> Any:
    return np.transpose(_matmul(self.transpose(), np.transpose(other)))


@hook("scipy.sparse._coo", "_coo_base.dot", public="A @ x", listed=False)
def _coo_dot(self: Any, other: Any) -> Any:
    return _matmul(self, other)


@hook("scipy.sparse._base", "_spbase.multiply", public="A * x", listed=False)
def _multiply(self: Any, other: Any) -> Any:
    return _traced(self).multiply(other)


@hook("scipy.sparse._dia", "_dia_base.multiply", public="A * x", listed=False)
def _dia_multiply(self: Any, other: Any) -> Any:
    return _multiply(self, other)


@hook("scipy.sparse._compressed", "_cs_matrix.multiply", public="A * x", listed=False)
def _compressed_multiply(self: Any, other: Any) -> Any:
    return _multiply(self, other)


@hook("scipy.sparse._base", "_spbase.__truediv__", public="A / x", listed=False)
def _divide(self: Any, other: Any) -> Any:
    return _traced(self).multiply(1 / other)


@hook("scipy.sparse._base", "_spbase.__add__", public="A + x", listed=False)
def _add(self: Any, other: Any) -> Any:
    return other + self if is_traced_sparse(other) else self.toarray() + other


@hook("scipy.sparse._base", "_spbase.__sub__", public="A - x", listed=False)
def _subtract(self: Any, other: Any) -> Any:
    return -other + self if is_traced_sparse(other) else self.toarray() - other


def _traced(a: Any) -> TracedSparse:
    """A constant matrix in the form of those with traced entries."""
    plain = a.tocoo()
    return from_places(plain.data, plain.row, plain.col, a.shape, is_matrix=_is_matrix(a))


def _is_matrix(a: Any) -> bool:
    """Whether * is the product of matrices, as for SciPy's older classes."""
    from scipy import sparse

    return isinstance(a, sparse.spmatrix)


# Matrices with traced entries: SciPy's classes make them.


def _init(self: Any, arg1: Any, shape: Any, dtype: Any) -> None:
    from scipy import sparse

    name = f"scipy.sparse.{type(self).__name__}"
    if not isinstance(arg1, tuple) or len(arg1) not in (2, 3):
        raise TraceError(
            f"{name}: traced entries are followed as (data, (row, col)) or (data, indices, indptr) with fixed places, "
            f"not as a dense matrix, of which values would decide on the pattern.{user_line()}"
        )
    data = arg1[0]
    is_matrix = isinstance(self, sparse.spmatrix)
    if len(arg1) == 2 and (len(shape_of(data)) != 1 or len(arg1[1]) != 2):
        raise TraceError(f"{name}: traced diagonals are followed by scipy.sparse.diags_array.{user_line()}")
    if len(arg1) == 2:
        rows, columns = (np.asarray(part) for part in arg1[1])
        if shape is None:
            shape = (int(rows.max(initial=-1)) + 1, int(columns.max(initial=-1)) + 1)
    else:
        indices, indptr = np.asarray(arg1[1]), np.asarray(arg1[2])
        # SciPy's own class checks the places, and finds the shape.
        shape = type(self)((np.ones(len(indices)), indices, indptr), shape).shape
        outer = rows_of(indptr)
        rows, columns = (indices, outer) if self.format == "csc" else (outer, indices)
    if shape_of(data) != rows.shape:
        raise ValueError(f"{name}: {shape_of(data)} entries for {rows.shape} places")
    data = data if dtype is None else data.astype(dtype)
    from_places(data, rows, columns, tuple(shape), is_matrix=is_matrix, into=self)


@hook("scipy.sparse._compressed", "_cs_matrix.__init__", public="scipy.sparse.csr_array", listed=False)
def _compressed_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, *, maxprint: Any = None
) -> None:
    _init(self, arg1, shape, dtype)


@hook("scipy.sparse._coo", "_coo_base.__init__", public="scipy.sparse.coo_array", listed=False)
def _coo_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, *, maxprint: Any = None
) -> None:
    _init(self, arg1, shape, dtype)


@hook("scipy.sparse._dia", "_dia_base.__init__", public="scipy.sparse.dia_array", listed=False)
def _dia_init(
    self: Any, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, *, maxprint: Any = None
) -> None:
    _init(self, arg1, shape, dtype)


def _diagonals(name: str, diagonals: Any, offsets: Any, shape: Any, dtype: Any) -> TracedSparse:
    from scipy import sparse

    if np.ndim(offsets) == 0:
        if not (isinstance(diagonals, (list, tuple)) and len(shape_of(diagonals[0])) == 1):
            diagonals = [diagonals]
        offsets = [offsets]
    parts = [np.reshape(part, (1,)) if not shape_of(part) else part for part in diagonals]
    # SciPy puts the numbers of the entries, from 1 on, where the entries go.
    numbers, start = [], 1
    for part in parts:
        numbers.append(np.arange(start, start + shape_of(part)[0], dtype=float))
        start += shape_of(part)[0]
    plain = getattr(sparse, name)(numbers, offsets=offsets, shape=shape).tocoo()
    data = np.concatenate(parts)[plain.data.astype(np.intp) - 1]
    data = data if dtype is None else data.astype(dtype)
    return from_places(data, plain.row, plain.col, plain.shape, is_matrix=name == "diags")


@hook("scipy.sparse", "diags_array")
def _diags_array(
    diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None
) -> Any:
    return _diagonals("diags_array", diagonals, offsets, shape, dtype)


@hook("scipy.sparse", "diags")
def _diags(diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None) -> Any:
    return _diagonals("diags", diagonals, offsets, shape, dtype)


# Equations.


def _square(name: str, a: Any) -> tuple[Any, Any, Any, bool]:
    if not hasattr(type(a), "tocsr"):
        raise TraceError(
            f"{name}: the matrix is {type(a).__name__}; a sparse matrix of scipy.sparse is needed there. For a dense "
            f"one use np.linalg.solve.{user_line()}"
        )
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"{name}: the matrix should be square, found shape {tuple(a.shape)}")
    data, indices, indptr, _, transposed = parts_of(a)
    return data, indices, indptr, transposed


@hook("scipy.sparse.linalg", "spsolve")
def _spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    data, indices, indptr, transposed = _square("scipy.sparse.linalg.spsolve", A)
    if hasattr(type(b), "tocsr"):
        raise TraceError(f"scipy.sparse.linalg.spsolve is followed for a dense right-hand side b.{user_line()}")
    b = with_dtype(b)
    if len(shape_of(b)) == 2 and shape_of(b)[1] == 1:
        b = np.reshape(b, (-1,))
    if len(shape_of(b)) not in (1, 2) or shape_of(b)[0] != A.shape[0]:
        raise ValueError(f"spsolve: matrix of shape {tuple(A.shape)} and right-hand side of shape {shape_of(b)}")
    return spsolve(data, b, indices, indptr, transposed=transposed)


@hook("scipy.sparse.linalg", "spsolve_triangular")
def _spsolve_triangular(
    A: Any,
    b: Any,
    lower: bool = True,
    overwrite_A: bool = False,
    overwrite_b: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    name = "scipy.sparse.linalg.spsolve_triangular"
    if unit_diagonal:
        raise TraceError(f"{name}: argument unit_diagonal= is not followed on traced values.{user_line()}")
    data, indices, indptr, transposed = _square(name, A)
    rows, columns = rows_of(indptr), indices
    if transposed:
        rows, columns = columns, rows
    if np.any(columns > rows if lower else columns < rows):
        raise np.linalg.LinAlgError(f"A is not triangular: it has entries {'above' if lower else 'below'} the diagonal")
    b = with_dtype(b)
    if len(shape_of(b)) not in (1, 2) or shape_of(b)[0] != A.shape[0]:
        raise ValueError(f"{name}: matrix of shape {tuple(A.shape)} and right-hand side of shape {shape_of(b)}")
    return spsolve(data, b, indices, indptr, transposed=transposed)


@hook("scipy.sparse.linalg", "expm_multiply")
def _expm_multiply(
    A: Any, B: Any, start: Any = None, stop: Any = None, num: Any = None, endpoint: Any = None, traceA: Any = None
) -> Any:
    name = "scipy.sparse.linalg.expm_multiply"
    need_plain(name, num=num, endpoint=endpoint, traceA=traceA)
    data, indices, indptr, transposed = _square(name, A)
    x = with_dtype(B)
    # By the entries of a constant matrix nobody asks for a derivative.
    if all(part is None for part in (start, stop, num, endpoint)):
        if is_traced_sparse(A):
            return exponential_op(data, x, indices, indptr, transposed=transposed, is_first=True)
        return expm_multiply(data, x, indices, indptr, transposed=transposed)
    if start is None or stop is None:
        raise TraceError(
            f"{name}: start= and stop= are needed together where one of start, stop, num is given.{user_line()}"
        )
    times = np.linspace(start, stop, 50 if num is None else num, endpoint=endpoint is not False)
    found = []
    for k in range(shape_of(times)[0]):
        # From one time to the next.
        step = times[k] - (times[k - 1] if k else 0.0)
        x = exponential_op(step * data, x, indices, indptr, transposed=transposed, is_first=True)
        found.append(x)
    return np.stack(found)
