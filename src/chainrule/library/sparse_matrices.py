"""Sparse matrices whose entries are traced: SciPy's form, with the few operations that can be followed."""

import functools
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import SLOT, index_add
from chainrule.ops.sparse import rows_of, sparse_matmul
from chainrule.trace.symbolic import records_without_values

__all__: list[str] = []


class TracedSparse:
    """What `scipy.sparse.csr_array` and its like make while a function is recorded, if the entries are traced.

    Its methods stand in the place of those of SciPy's own class (see `class_for`). It has the products with vectors and
    matrices, sums, multiples, the transpose and `toarray`; `scipy.sparse.linalg.spsolve` takes it; all else is refused.
    The pattern is fixed: derivatives are by the entries stored.

    Attributes
    ----------
    data : array
        The entries, row after row; of a transposed one column after column.
    indices, indptr : ndarray of int
        The column of each entry, and where rows start; of a transposed one row and columns.
    shape : tuple of int
        Rows and columns.
    """

    __slots__ = ()

    # An array on the left of an operator leaves it to the methods below.
    __array_ufunc__ = None
    ndim = 2

    data: Any
    indices: Any
    indptr: Any
    _rows_and_columns: tuple[int, int]
    _transposed: bool

    @property
    def __chainrule_parts__(self) -> tuple[Any, ...]:
        """Where the tracing looks for traced values."""
        return (self.data,)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._rows_and_columns

    @property
    def dtype(self) -> Any:
        """Data type of the entries."""
        return self.data.dtype

    @property
    def nnz(self) -> int:
        """Number of entries stored."""
        return int(self.data.size)

    @property
    def format(self) -> str:
        """SciPy's name of the form."""
        return "csc" if self._transposed else "csr"

    @property
    def T(self) -> "TracedSparse":
        """The transpose."""
        made = self._with(self.data)
        made.__dict__.update(_rows_and_columns=self.shape[::-1], _transposed=not self._transposed)
        return made

    def transpose(self) -> "TracedSparse":
        """The transpose."""
        return self.T

    def places(self) -> tuple[Any, Any]:
        """Row and column of each entry."""
        rows = rows_of(self.indptr)
        return (self.indices, rows) if self._transposed else (rows, self.indices)

    @property
    def _is_matrix(self) -> bool:
        """Whether * is the product of matrices, as for SciPy's older classes."""
        from scipy import sparse

        return isinstance(self, sparse.spmatrix)

    def _with(self, data: Any) -> "TracedSparse":
        """The same places with other entries."""
        made: TracedSparse = object.__new__(type(self))
        made.__dict__.update(self.__dict__, data=data)
        return made

    def __matmul__(self, x: Any) -> Any:
        _refuse_sparse(x)
        return multiplied(self, x)

    def __rmatmul__(self, x: Any) -> Any:
        _refuse_sparse(x)
        return np.transpose(multiplied(self.T, np.transpose(x)))

    def dot(self, x: Any) -> Any:
        """The product with a vector or a matrix; with a number the multiple."""
        return self * x if shape_of(x) == () else self @ x

    def multiply(self, x: Any) -> "TracedSparse":
        """The product entry by entry with a number, or with an array that broadcasts to the matrix."""
        if hasattr(type(x), "tocsr"):
            raise TraceError(
                "A product entry by entry of two sparse matrices, one with traced entries, is not followed."
                + user_line()
            )
        shape = shape_of(x)
        if shape == ():
            return self._with(self.data * x)
        if np.broadcast_shapes(shape, self.shape) != self.shape:
            raise TraceError(
                f"an array of shape {shape} does not fit a sparse matrix of shape {self.shape}{user_line()}"
            )
        whole = np.broadcast_to(x, self.shape)
        return self._with(self.data * whole[self.places()])

    def __mul__(self, x: Any) -> Any:
        return self @ x if self._is_matrix and shape_of(x) else self.multiply(x)

    def __rmul__(self, x: Any) -> Any:
        return self.__rmatmul__(x) if self._is_matrix and shape_of(x) else self.multiply(x)

    def __truediv__(self, x: Any) -> "TracedSparse":
        return self.multiply(1 / x)

    def __neg__(self) -> "TracedSparse":
        return self._with(-self.data)

    def __add__(self, other: Any) -> Any:
        if not hasattr(type(other), "tocsr"):
            return self.toarray() + other
        if tuple(other.shape) != self.shape:
            raise ValueError(f"inconsistent shapes: {self.shape} and {tuple(other.shape)}")
        mine, theirs = (self.data, *self.places()), _entries(other)
        # Entries that both have stand twice, and count twice.
        data, rows, columns = (np.concatenate(pair) for pair in zip(mine, theirs, strict=True))
        return from_places(data, rows, columns, self.shape, is_matrix=self._is_matrix)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def sum(self, axis: int | None = None) -> Any:
        """The sum of all entries, of those of each column (axis 0) or of each row (axis 1)."""
        if axis is None:
            return np.sum(self.data)
        return multiplied(self if axis % 2 else self.T, np.ones(self.shape[axis % 2], self.dtype))

    def toarray(self) -> Any:
        """The matrix as an array."""
        return index_add(self.data, *self.places(), template=(SLOT, SLOT), shape=self.shape)

    todense = toarray

    def tocsr(self, copy: bool = False) -> "TracedSparse":
        """Itself: every form is the same here."""
        return self

    tocsc = tocoo = tobsr = todia = tocsr

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") or name in _FOLLOWED:
            return object.__getattribute__(self, name)
        raise TraceError(
            f"{name} of a sparse matrix with traced entries is not followed. Products with vectors and matrices, sums, "
            f"multiples, the transpose, toarray and scipy.sparse.linalg.spsolve are.{user_line()}"
        )

    def __repr__(self) -> str:
        return f"<traced sparse matrix of dtype {self.dtype}, {self.nnz} stored entries, shape {self.shape}>"


#: The attributes that there are; what else SciPy's class has is refused.
_FOLLOWED = frozenset({*vars(TracedSparse), *TracedSparse.__annotations__})


@functools.cache
def class_for(kind: Any) -> Any:
    """The class of traced matrices in the place of one of SciPy's classes, which is its base.

    It has the methods above as its own: Python lets an object change its class only for one with the same first base.
    """
    own = {name: x for name, x in vars(TracedSparse).items() if name not in ("__slots__", "__module__")}
    return type("TracedSparse", (kind,), own)


def is_traced_sparse(x: Any) -> bool:
    """Whether this is a sparse matrix with traced entries."""
    return hasattr(type(x), "__chainrule_parts__")


def from_places(
    data: Any, rows: Any, columns: Any, shape: tuple[int, int], *, is_matrix: bool, into: Any = None
) -> TracedSparse:
    """Make a traced matrix from the row and column of each entry, in any order.

    Parameters
    ----------
    data, rows, columns : array
        The entries and their places.
    shape : tuple of int
        Of the whole.
    is_matrix : bool
        Whether it is one of SciPy's older classes, of which * is the product of matrices.
    into : object, optional
        An object of SciPy's class that becomes the traced matrix.
    """
    from scipy import sparse

    made = object.__new__(sparse.csr_matrix if is_matrix else sparse.csr_array) if into is None else into
    kind: Any = type(made)
    made.__class__ = class_for(kind)
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    vars(made).clear()
    vars(made).update(
        data=data[order], indices=columns[order], indptr=starts, _rows_and_columns=shape, _transposed=False
    )
    found: TracedSparse = made
    return found


def _refuse_sparse(x: Any) -> None:
    if hasattr(type(x), "tocsr"):
        raise TraceError(
            "A product of two sparse matrices, one with traced entries, is not followed. Multiply the vector by one "
            f"after the other: A @ (B @ x).{user_line()}"
        )


def _entries(a: Any) -> tuple[Any, Any, Any]:
    """Entries, rows and columns of a sparse matrix."""
    if is_traced_sparse(a):
        return (a.data, *a.places())
    plain = a.tocoo()
    return plain.data, plain.row, plain.col


def parts_of(a: Any) -> tuple[Any, Any, Any, tuple[int, int], bool]:
    """The three arrays of a sparse matrix, their shape, and whether they are those of the transpose.

    Of SciPy's row and column formats they are the matrix's own, so that compiled functions read what they hold then.
    """
    if is_traced_sparse(a):
        shape = a.shape[::-1] if a.format == "csc" else a.shape
        return a.data, a.indices, a.indptr, shape, a.format == "csc"
    if a.format == "csc":
        return a.data, a.indices, a.indptr, a.shape[::-1], True
    if a.format == "lil" and records_without_values():
        raise TraceError(
            "A sparse matrix of lists (lil) would be compiled as it is now; make a row format of it before, by "
            f"A.tocsr().{user_line()}"
        )
    plain = a.tocsr()
    return plain.data, plain.indices, plain.indptr, plain.shape, False


def multiplied(a: Any, x: Any) -> Any:
    """The product of a sparse matrix with a vector or a matrix, one of them traced."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    shape = shape_of(x)
    if len(shape) not in (1, 2) or shape[0] != a.shape[1]:
        raise ValueError(f"matmul: a sparse matrix of shape {tuple(a.shape)} cannot be multiplied by shape {shape}")
    data, indices, indptr, form, transposed = parts_of(a)
    return sparse_matmul(data, x, indices, indptr, shape=tuple(form), transposed=transposed)
