"""scipy.sparse.linalg.splu, factorized and spilu: the factors of a sparse matrix.

SciPy's object of factors is not written in Python, so that its methods cannot be caught. While a function is recorded,
`splu` hands out an object that has the same methods; what was factorised before takes plain arrays alone.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.library.sparse_matrices import is_traced_sparse, parts_of
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import cast
from chainrule.ops.sparse import spsolve
from chainrule.trace.buffer import settled
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer

__all__: list[str] = []


class Factors:
    """What `splu` and `spilu` make while a function is recorded: SciPy's own object, and solutions of traced vectors.

    Parameters
    ----------
    made : scipy.sparse.linalg.SuperLU or None
        SciPy's own; None for a matrix with traced entries.
    shape : tuple of int
        Of the matrix.
    dtype : numpy.dtype
        Of the matrix.
    solution : callable
        Solves for a traced right-hand side, of the matrix itself or transposed.
    """

    def __init__(self, made: Any, shape: tuple[int, ...], dtype: Any, solution: Callable[[Any, bool], Any]) -> None:
        self._made = made
        self._dtype = np.result_type(dtype, np.float32)
        self._solution = solution
        self.shape = shape

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """Solve with the matrix ("N"), its transpose ("T") or its adjoint ("H")."""
        rhs = settled(rhs)
        if self._made is not None and not isinstance(rhs, Tracer):
            return self._made.solve(rhs, trans)
        shape = shape_of(rhs)
        if len(shape) not in (1, 2) or shape[0] != self.shape[0]:
            raise ValueError(f"solve: matrix of shape {self.shape} and right-hand side of shape {shape}")
        if trans not in ("N", "T", "H"):
            raise ValueError(f"trans must be N, T, or H, found {trans!r}")
        if self._made is not None:
            # As SciPy takes it: real factors solve for real right-hand sides.
            rhs = cast(rhs, self._dtype, "safe")
        if trans == "H":
            return np.conj(self._solution(np.conj(rhs), True))
        return self._solution(rhs, trans == "T")

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            raise TraceError(
                f"{name} of the factors of a sparse matrix with traced entries is not followed; solve is.{user_line()}"
            )
        return getattr(self._made, name)


def _of_matrix(made: Any, A: Any) -> Factors:
    data, indices, indptr, _, turned = parts_of(A if hasattr(type(A), "tocsr") else _as_columns(A))

    def solution(b: Any, transposed: bool) -> Any:
        return spsolve(data, b, indices, indptr, transposed=turned != transposed)

    return Factors(made, tuple(A.shape), data.dtype, solution)


def _as_columns(A: Any) -> Any:
    from scipy import sparse

    return sparse.csc_array(A)


def _standing_in(made: Any, A: Any, *args: Any, **kwargs: Any) -> Factors:
    return _of_matrix(made, A)


@hook("scipy.sparse.linalg", "splu", stand_in=_standing_in)
def _splu(
    A: Any,
    permc_spec: Any = None,
    diag_pivot_thresh: Any = None,
    relax: Any = None,
    panel_size: Any = None,
    options: Any = None,
) -> Factors:
    if not is_traced_sparse(A):
        raise TraceError(
            f"scipy.sparse.linalg.splu: A is {type(A).__name__}; a sparse matrix of scipy.sparse is needed there. For "
            f"a dense one use scipy.linalg.lu_factor.{user_line()}"
        )
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"splu: the matrix should be square, found shape {tuple(A.shape)}")
    return _of_matrix(None, A)


@hook("scipy.sparse.linalg", "factorized")
def _factorized(A: Any) -> Any:
    return _splu(A).solve


# An incomplete factorisation is the exact one of another matrix, L U.


def _incomplete(made: Any, A: Any, *args: Any, **kwargs: Any) -> Factors:
    def solution(b: Any, transposed: bool) -> Any:
        # With the permutations of rows and columns it is x[i] = y[perm_c[i]] where L U y = z, z[perm_r[i]] = b[i].
        first, last = (made.perm_c, made.perm_r) if transposed else (made.perm_r, made.perm_c)
        y = b[np.argsort(first)]
        for triangle in (made.U, made.L) if transposed else (made.L, made.U):
            y = spsolve(triangle.data, y, triangle.indices, triangle.indptr, transposed=not transposed)
        return y[last]

    return Factors(made, made.shape, A.dtype, solution)


@hook("scipy.sparse.linalg", "spilu", stand_in=_incomplete)
def _spilu(
    A: Any,
    drop_tol: Any = None,
    fill_factor: Any = None,
    drop_rule: Any = None,
    permc_spec: Any = None,
    diag_pivot_thresh: Any = None,
    relax: Any = None,
    panel_size: Any = None,
    options: Any = None,
) -> NoReturn:
    raise NoDerivativeError(
        "scipy.sparse.linalg.spilu has no derivative by the entries of A. As a preconditioner make it of "
        f"chainrule.value(data): it does not change the solution. For the solution itself use splu.{user_line()}"
    )
