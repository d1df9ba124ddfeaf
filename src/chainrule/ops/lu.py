"""The factors of a matrix without exchange of rows, a = l u, and the exchanges that keep them small; those of QR, too.

Which rows are exchanged is piecewise constant. With F = l^-1 da u^-1 the derivative of the factors is
dl = l tril(F, -1) and du = triu(F) u: l^-1 dl is strictly lower, du u^-1 is upper, and their sum is F.
"""

from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.linalg import common_dtype, solve_triangular
from chainrule.ops.op import Op, piecewise_constant, structural

__all__ = ["LU", "factors", "packed_with_exchanges", "permutation", "permutation_of_pivots", "pivots", "qr_permutation"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]


def _each(evaluate: Any, a: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A function of matrices for every one of the leading axes."""
    found = np.empty(a.shape[:-2] + shape, dtype)
    for place in np.ndindex(*a.shape[:-2]):
        found[place] = evaluate(a[place])
    return found


def _lapack(a: Any) -> tuple[Any, Any]:
    if not a.size:
        return a, np.zeros(0, np.int32)
    import scipy.linalg

    (getrf,) = scipy.linalg.get_lapack_funcs(("getrf",), (a,))
    packed, exchanged, _ = getrf(a)
    return packed, exchanged


def _order(exchanged: Any, rows: int) -> Any:
    """The order of the rows after row k was exchanged with row exchanged[k], for k = 0, 1, ..."""
    order = np.arange(rows)
    for k, other in enumerate(exchanged):
        order[[k, other]] = order[[other, k]]
    return order


def packed_with_exchanges(a: Any, *, dtype: np.dtype[Any]) -> Any:
    """Both factors in one matrix, and below them the exchanges of rows, as numbers of a dtype."""
    return _each(lambda x: np.vstack(_lapack(x)), np.asarray(a, dtype), (a.shape[-2] + 1, a.shape[-1]), dtype)


def _pivots(a: Any) -> Any:
    a = np.asarray(a, common_dtype(a))
    return _each(lambda x: _lapack(x)[1], a, (min(a.shape[-2:]),), np.int32)


def _infer_pivots(a: Any) -> Aval:
    shape = shape_of(a)
    return (*shape[:-2], min(shape[-2:])), np.dtype(np.int32)


def _permutation(a: Any) -> Any:
    a = np.asarray(a, common_dtype(a))
    return _each(lambda x: _order(_lapack(x)[1], a.shape[-2]), a, (a.shape[-2],), np.int64)


def _infer_permutation(a: Any) -> Aval:
    return shape_of(a)[:-1], np.dtype(np.int64)


def _permutation_of_pivots(piv: Any, *, rows: int) -> Any:
    piv = np.asarray(piv)
    found = np.empty((*piv.shape[:-1], rows), np.int64)
    for place in np.ndindex(*piv.shape[:-1]):
        found[place] = _order(piv[place], rows)
    return found


def _infer_permutation_of_pivots(piv: Any, *, rows: int) -> Aval:
    return (*shape_of(piv)[:-1], rows), np.dtype(np.int64)


def _qr_permutation(a: Any) -> Any:
    import scipy.linalg

    a = np.asarray(a, common_dtype(a))

    def order(x: Any) -> Any:
        return scipy.linalg.qr(x, mode="r", pivoting=True)[1] if x.size else np.arange(x.shape[-1])

    return _each(order, a, (a.shape[-1],), np.int32)


def _infer_qr_permutation(a: Any) -> Aval:
    shape = shape_of(a)
    return (*shape[:-2], shape[-1]), np.dtype(np.int32)


def _in_order(a: Any) -> Any:
    packed, exchanged = _lapack(a)
    if np.array_equal(exchanged, np.arange(len(exchanged))):
        return packed
    # Rounding made LAPACK take another row of nearly the same size: without exchange, then.
    packed = a.copy()
    for k in range(len(a)):
        packed[k + 1 :, k] /= packed[k, k]
        packed[k + 1 :, k + 1 :] -= np.outer(packed[k + 1 :, k], packed[k, k + 1 :])
    return packed


def _factors(a: Any) -> Any:
    a = np.asarray(a, common_dtype(a))
    return _each(_in_order, a, a.shape[-2:], a.dtype)


def _infer_factors(a: Any) -> Aval:
    return shape_of(a), common_dtype(a)


def _split(packed: Any) -> tuple[Any, Any]:
    return np.tril(packed, -1) + np.eye(shape_of(packed)[-1], dtype=packed.dtype), np.triu(packed)


def _left(packed: Any, x: Any, trans: int) -> Any:
    """l^-1 x, or with `trans` l^-T x."""
    return solve_triangular(packed, x, trans=trans, lower=True, unit_diagonal=True)


def _right(packed: Any, x: Any, trans: int) -> Any:
    """X u^-1, or with `trans` x u^-T."""
    return solve_triangular(packed, x.mT, trans=1 - trans, lower=False, unit_diagonal=False).mT


def _factors_push(i: int, t: Any, ans: Any, a: Any) -> Any:
    lower, upper = _split(ans)
    f = _right(ans, _left(ans, t, 0), 0)
    return lower @ np.tril(f, -1) + np.triu(f) @ upper


def _factors_transpose(i: int, g: Any, ans: Any, a: Any) -> Any:
    lower, upper = _split(ans)
    f = np.tril(lower.mT @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ upper.mT)
    return _right(ans, _left(ans, f, 1), 1)


#: Which rows LAPACK exchanges, one after the other.
pivots = piecewise_constant("lu_pivots", _pivots, _infer_pivots)

#: The order of rows in which a matrix has its factors.
permutation = piecewise_constant("lu_permutation", _permutation, _infer_permutation)

#: The same from the exchanges.
permutation_of_pivots = piecewise_constant(
    "permutation_of_pivots", _permutation_of_pivots, _infer_permutation_of_pivots
)

#: In which order the columns are taken where the longest that is left comes next.
qr_permutation = piecewise_constant("qr_permutation", _qr_permutation, _infer_qr_permutation)

#: u, and below its diagonal l, whose diagonal of ones is left out; of square matrices whose rows are in order.
factors: Op = structural("lu_factors", _factors, _infer_factors, _factors_transpose, _factors_push, keeps=(0,))

LU: tuple[Op, ...] = (pivots, permutation, permutation_of_pivots, qr_permutation, factors)
