"""Cholesky's factor of the Hermitian matrices in the last two axes: x = l l^H with l lower triangular.

With F the lower half of l^-1 dx l^-H, the derivative of the factor is dl = l F; the half has half of the diagonal. The
rules take the derivative along Hermitian matrices: the contribution is one, whichever triangle of x is read.

Source: I. Murray, Differentiation of the Cholesky decomposition, arXiv:1602.07527.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.linalg import adjoint, common_dtype, hermitian_part, solve_triangular
from chainrule.ops.op import Op, joint, of_arrays, structural

__all__ = ["CHOLESKY", "by_adjoint", "by_factor", "cholesky", "pullback"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]


#: Up to so many rows a call takes longer than the work.
_SMALL = 32


def _infer(x: Any) -> Aval:
    return shape_of(x), common_dtype(x)


def _lower_half(x: Any) -> Any:
    """The lower triangle, with half of the diagonal: twice the Hermitian part of it is x, where x is Hermitian."""
    real = np.dtype(x.dtype.char.lower())
    size = x.shape[-1]
    return x * (_small_weights if size <= _SMALL else _weights)(size, real)


def _weights(size: int, dtype: np.dtype[Any]) -> Any:
    return np.tri(size, size, -1, dtype) + np.eye(size, dtype=dtype) * dtype.type(0.5)


_small_weights = functools.lru_cache(maxsize=2 * _SMALL)(_weights)


def by_factor(x: Any, y: Any) -> Any:
    """x^-1 y of a lower triangle x."""
    return solve_triangular(x, y, trans=0, lower=True, unit_diagonal=False)


def by_adjoint(x: Any, y: Any) -> Any:
    """x^-H y of a lower triangle x."""
    return solve_triangular(np.conjugate(x) if x.dtype.kind == "c" else x, y, trans=1, lower=True, unit_diagonal=False)


def _pulled(l: Any, g: Any) -> Any:
    """By x what is g by l: the Hermitian part of l^-H half(l^H g) l^-1."""
    half = by_adjoint(l, _lower_half(adjoint(l) @ g))
    return hermitian_part(adjoint(by_adjoint(l, adjoint(half))))


def _half_in_between(l: Any, h: Any) -> Any:
    """The lower half of l^-1 h l^-H of a Hermitian h."""
    return _lower_half(adjoint(by_factor(l, adjoint(by_factor(l, h)))))


def _transpose(i: int, g: Any, ans: Any, x: Any) -> Any:
    if ans.dtype.kind != "c":
        return pullback(ans, g)
    return np.conjugate(_pulled(ans, np.conjugate(g)))


def _push(i: int, t: Any, ans: Any, x: Any) -> Any:
    return ans @ _half_in_between(ans, hermitian_part(t))


cholesky: Op = structural("np.linalg.cholesky", of_arrays(np.linalg.cholesky), _infer, _transpose, _push, keeps=(0,))


def _infer_pullback(l: Any, g: Any) -> Aval:
    a, b = shape_of(l), shape_of(g)
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *a[-2:]), common_dtype(l, g)


# With s the result, ds = -2 sym(l^-T dl^T s) + pullback(l, dg + l^-T dl^T g), and the transpose of pullback(l, .) is
# the forward rule of the factor.


def _pullback_push(tangents: Sequence[Any], ans: Any, l: Any, g: Any) -> Any:
    by_l, by_g = tangents
    if by_l is None:
        return pullback(l, by_g)
    turned = by_adjoint(l, by_l.mT)
    moved = turned @ np.tril(g)
    return pullback(l, moved if by_g is None else by_g + moved) - 2 * hermitian_part(turned @ ans)


def _pullback_pull(wanted: Sequence[bool], c: Any, ans: Any, l: Any, g: Any) -> list[Any]:
    h = hermitian_part(c)
    left = by_factor(l, h)  # l^-1 h
    half = _lower_half(by_factor(l, left.mT).mT)
    by_l = np.tril(np.tril(g) @ half.mT - 2 * ans @ left.mT) if wanted[0] else None
    return [by_l, l @ half if wanted[1] else None]


#: Of real matrices, the derivative by x from that by its factor l, of which the lower triangle is read; above that of l
#: there are zeros.
pullback: Op = joint("cholesky_pullback", _pulled, _infer_pullback, _pullback_pull, _pullback_push, keeps=(0, 1, 2))

CHOLESKY: tuple[Op, ...] = (cholesky, pullback)
