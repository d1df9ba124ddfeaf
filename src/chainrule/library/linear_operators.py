"""scipy.sparse.linalg.LinearOperator: products with traced vectors, and by functions that read traced values."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Graph
from chainrule.library.sparse_matrices import is_traced_sparse, parts_of
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.sparse import sparse_matmul
from chainrule.trace.buffer import settled
from chainrule.trace.hooks import hook
from chainrule.transforms.bodies import Kind, kind_of, record_body
from chainrule.transforms.closures import known
from chainrule.transforms.replay import as_strong

__all__: list[str] = []

#: Where SciPy has the class.
_MODULE = "scipy.sparse.linalg._interface"


# Products with an operator. SciPy's own make plain arrays of vector and result.


def _checked(x: Any, rows: int) -> Any:
    x = with_dtype(x)
    if shape_of(x) not in ((rows,), (rows, 1)):
        raise ValueError(f"LinearOperator: a vector of {rows} entries is needed, found shape {shape_of(x)}")
    return x


def _fits(y: Any, x: Any, rows: int) -> Any:
    return np.reshape(settled(y), (rows,) if len(shape_of(x)) == 1 else (rows, 1))


@hook(_MODULE, "LinearOperator.matvec", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _matvec(self: Any, x: Any) -> Any:
    x = _checked(x, self.shape[1])
    return _fits(self._matvec(x), x, self.shape[0])


@hook(_MODULE, "LinearOperator.rmatvec", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _rmatvec(self: Any, x: Any) -> Any:
    x = _checked(x, self.shape[0])
    return _fits(self._rmatvec(x), x, self.shape[1])


@hook(_MODULE, "LinearOperator._matmat", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _columns(self: Any, X: Any) -> Any:
    return np.stack([_matvec(self, X[:, k]) for k in range(shape_of(X)[1])], axis=1)


@hook(_MODULE, "LinearOperator._rmatmat", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _adjoint_columns(self: Any, X: Any) -> Any:
    return np.stack([_rmatvec(self, X[:, k]) for k in range(shape_of(X)[1])], axis=1)


@hook(_MODULE, "MatrixLinearOperator._matmat", public="scipy.sparse.linalg.LinearOperator", listed=False)
def _product(self: Any, X: Any) -> Any:
    return self.A @ X


def _matrix(x: Any, rows: int) -> Any:
    x = with_dtype(x)
    if len(shape_of(x)) != 2 or shape_of(x)[0] != rows:
        raise ValueError(f"LinearOperator: a matrix of {rows} rows is needed, found shape {shape_of(x)}")
    return x


@hook(_MODULE, "LinearOperator.matmat", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _matmat(self: Any, X: Any) -> Any:
    return settled(self._matmat(_matrix(X, self.shape[1])))


@hook(_MODULE, "LinearOperator.rmatmat", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _rmatmat(self: Any, X: Any) -> Any:
    return settled(self._rmatmat(_matrix(X, self.shape[0])))


@hook(_MODULE, "LinearOperator.dot", public="scipy.sparse.linalg.LinearOperator", listed=False)
def _dot(self: Any, x: Any) -> Any:
    if shape_of(x) == ():
        raise TraceError(f"A LinearOperator times a traced number is not followed: multiply the vector.{user_line()}")
    return _matvec(self, x) if len(shape_of(x)) == 1 else _matmat(self, x)


@hook(_MODULE, "LinearOperator._rdot", public="scipy.sparse.linalg.LinearOperator", listed=False)
def _rdot(self: Any, x: Any) -> Any:
    return np.transpose(_dot(self.T, np.transpose(x)))


@hook(_MODULE, "LinearOperator._init_dtype", public="scipy.sparse.linalg.LinearOperator", listed=False, calls=True)
def _init_dtype(self: Any) -> None:
    if self.dtype is None:
        self.dtype = with_dtype(self._matvec(np.zeros(self.shape[-1], np.int8))).dtype


@hook(_MODULE, "aslinearoperator", public="scipy.sparse.linalg.aslinearoperator", listed=False)
def _aslinearoperator(A: Any) -> Any:
    from scipy.sparse.linalg import LinearOperator

    A, shape = _as_operator("scipy.sparse.linalg.aslinearoperator", "A", A)
    if hasattr(A, "matvec"):
        return LinearOperator(shape, A.matvec, getattr(A, "rmatvec", None), dtype=getattr(A, "dtype", None))
    # Of a sparse matrix with traced entries the conjugate is not followed, nor is it needed for real numbers.
    adjoint = A.T if A.dtype.kind != "c" else np.conj(A.T)
    return LinearOperator(shape, lambda x: A @ x, lambda y: adjoint @ y, dtype=A.dtype)


# What solvers take in the place of a matrix.


def _as_operator(name: str, what: str, a: Any) -> tuple[Any, Any]:
    """The matrix as an array, a sparse matrix or something with `matvec`, and the shape."""
    if is_traced_sparse(a) or hasattr(type(a), "tocsr") or hasattr(a, "matvec"):
        return a, tuple(a.shape)
    found = settled(a)
    if kind_of(found) is None or len(shape_of(found)) != 2:
        raise TraceError(
            f"{name}: {what} is {type(a).__name__}; a sparse matrix, an array of two axes or a LinearOperator is "
            f"needed.{user_line()}"
        )
    return found, shape_of(found)


def dtype_for(a: Any, b: Any) -> np.dtype[Any]:
    """What a system is solved in: floating-point numbers that hold matrix and right-hand side, as in SciPy."""
    of_matrix = getattr(a, "dtype", None)
    found = [np.dtype(x) if np.dtype(x).char in "fdFD" else np.dtype(float) for x in (of_matrix, b.dtype) if x]
    return np.result_type(*found)


def vector_for(name: str, b: Any, rows: int) -> Any:
    """A right-hand side or a starting value, as a vector."""
    b = with_dtype(settled(b))
    if shape_of(b) not in ((rows,), (rows, 1)):
        raise ValueError(f"{name}: matrix of {rows} rows and vector of shape {shape_of(b)}")
    return np.reshape(b, (-1,)) if len(shape_of(b)) == 2 else b


def recorded_products(
    name: str, what: str, a: Any, dtype: np.dtype[Any] | None, b: Any, *, is_square: bool = True
) -> tuple[Graph, list[Any]]:
    """Record the product of a matrix with a vector.

    Parameters
    ----------
    name : str
        Who asks, for messages.
    what : str
        What the matrix is called there.
    a : sparse matrix, array, LinearOperator or object with `matvec` and `shape`
        The matrix; entries, or what its function reads, may be traced.
    dtype : dtype, optional
        Of the vector. By default what `a` and `b` are solved in.
    b : array
        The right-hand side.
    is_square : bool
        Whether the matrix has to be.

    Returns
    -------
    graph : Graph
        Of a vector and parameters.
    parameters : list
        What stands for these.
    """
    a, shape = _as_operator(name, what, a)
    rows = shape_of(b)[0]
    if shape[0] != rows or (is_square and shape[1] != rows):
        raise ValueError(f"{name}: {what} of shape {shape} and right-hand side of shape {shape_of(b)}")
    dtype = dtype_for(a, b) if dtype is None else dtype
    given: list[Any] = []
    if is_traced_sparse(a) or hasattr(type(a), "tocsr"):
        *given, form, turned = parts_of(a)

        def product(x: Any, data: Any, indices: Any, indptr: Any) -> Any:
            return sparse_matmul(data, x, indices, indptr, shape=tuple(form), transposed=turned)

    elif hasattr(a, "matvec"):

        def product(x: Any) -> Any:  # type: ignore[misc]
            return np.reshape(settled(a.matvec(x)), shape[:1])

    else:
        given = [a]

        def product(x: Any, matrix: Any) -> Any:  # type: ignore[misc]
            return matrix @ x

    inputs = [("x", Kind(shape[1:], dtype))]
    inputs += [(label, _kind(x)) for label, x in zip(("data", "indices", "indptr"), given, strict=False)]

    def converted(y: Any) -> tuple[list[tuple[str, Any]], None]:
        return [("the product", y if y.dtype.kind == "c" and dtype.kind != "c" else as_strong(y, dtype))], None

    found = record_body(name, product, inputs, lambda leaves: leaves, converted)
    if found.kinds[0].dtype != dtype:
        return recorded_products(name, what, a, found.kinds[0].dtype, b, is_square=is_square)
    return known(found.graph), [*given, *found.hidden]


def _kind(x: Any) -> Kind:
    found = kind_of(x)
    assert found is not None
    return found
