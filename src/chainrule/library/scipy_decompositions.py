"""scipy.linalg: eigenvalues of Hermitian matrices and of pairs of them, and orthogonal factors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.library.scipy_linalg import from_triangle
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.cholesky import by_adjoint, by_factor
from chainrule.ops.linalg import adjoint, common_dtype
from chainrule.ops.lu import qr_permutation
from chainrule.ops.shapes import convert
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _pair(a: Any, b: Any, lower: bool, kind: int) -> tuple[Any, Any]:
    """Eigenvalues of a pair of Hermitian matrices with b = l l^H positive definite, and eigenvectors."""
    wide = common_dtype(with_dtype(a), with_dtype(b))
    whole, weight = (from_triangle(convert(x, wide), lower, is_hermitian=True) for x in (a, b))
    factor = np.linalg.cholesky(weight)
    if kind == 1:
        # a v = b v diag(w): the eigenvectors of l^-1 a l^-H are l^H v.
        w, z = np.linalg.eigh(adjoint(by_factor(factor, adjoint(by_factor(factor, whole)))))
    else:
        # a b v = v diag(w) and b a v = v diag(w): those of l^H a l are l^H v and l^-1 v.
        w, z = np.linalg.eigh(adjoint(factor) @ whole @ factor)
    return w, factor @ z if kind == 3 else by_adjoint(factor, z)


@hook("scipy.linalg", "eigh")
def _eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Sequence[int] | None = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    if subset_by_value is not None:
        raise TraceError(
            "scipy.linalg.eigh: argument subset_by_value= is not followed, since the number of eigenvalues depends on "
            f"what is traced. Use subset_by_index=, or take all of them.{user_line()}"
        )
    if type not in (1, 2, 3):
        raise ValueError(f"scipy.linalg.eigh: type={type!r}; expected 1, 2 or 3")
    w, v = np.linalg.eigh(with_dtype(a), "L" if lower else "U") if b is None else _pair(a, b, lower, type)
    if subset_by_index is not None:
        first, last = (int(k) for k in subset_by_index)
        if not 0 <= first <= last < shape_of(w)[-1]:
            raise ValueError(
                f"scipy.linalg.eigh: subset_by_index={subset_by_index!r}; expected two places in order, from 0 to "
                f"{shape_of(w)[-1] - 1}"
            )
        w, v = w[..., first : last + 1], v[..., first : last + 1]
    return w if eigvals_only else (w, v)


@hook("scipy.linalg", "eigvalsh")
def _eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Sequence[int] | None = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    subset: dict[str, Any] = {"subset_by_index": subset_by_index, "subset_by_value": subset_by_value}
    return _eigh(a, b, lower=lower, eigvals_only=True, type=type, **subset)


@hook("scipy.linalg", "qr")
def _qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    a = with_dtype(a)
    m, n = shape_of(a)[-2:]
    if mode not in ("full", "economic", "r") or (mode == "full" and m > n):
        raise NoDerivativeError(
            f"scipy.linalg.qr: argument mode={mode!r} has no derivative here; 'economic' and 'r' have, and 'full' of "
            f"matrices with no more rows than columns.{user_line()}"
        )
    order: tuple[Any, ...] = ()
    if pivoting:
        order = (qr_permutation(a),)
        a = np.take_along_axis(a, order[0][..., None, :], axis=-1)
    if mode != "r":
        return (*np.linalg.qr(a), *order)
    r = np.linalg.qr(a, mode="r")
    return np.pad(r, (*((0, 0),) * (len(shape_of(a)) - 2), (0, max(m - n, 0)), (0, 0))), *order
