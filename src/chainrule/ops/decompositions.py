"""Decompositions of matrices in the last two axes: eigenvalues, singular values, orthogonal factors.

The rules are written for the usual derivative along x, conjugated where complex: with dl = Re tr(X^H dx) each finds X
of those of the outputs. In this package a contribution is conj(X).

Where eigenvalues or singular values coincide, eigenvectors have no derivative. There a result is infinite or undefined,
unless the incoming derivative has no part between the two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.linalg import adjoint, common_dtype, hermitian_part, inv, solve
from chainrule.ops.op import Op, joint, of_arrays
from chainrule.ops.outputs import Outputs, output

__all__ = ["DECOMPOSITIONS", "eig", "eigh", "qr", "svd"]

Given = Sequence[Any]

_numpys_svd, _numpys_qr, _numpys_eigh = map(of_arrays, (np.linalg.svd, np.linalg.qr, np.linalg.eigh))


def _conj(x: Any) -> Any:
    return np.conjugate(x) if x is not None and x.dtype.kind == "c" else x


def _off_diagonal(x: Any, gaps: Any) -> Any:
    """Entries over the gap of their row and column, 0 on the diagonal and where an entry is 0."""
    used = (x != 0) & ~np.eye(x.shape[-1], dtype=bool)
    return np.where(used, x, 0) / np.where(used, gaps, 1)


def _gaps(w: Any) -> Any:
    """w_j - w_i in row i and column j."""
    return w[..., None, :] - w[..., :, None]


def _diagonal_matrix(w: Any) -> Any:
    return w[..., None] * np.eye(w.shape[-1], dtype=np.zeros((), w.dtype).real.dtype)


def _over(x: Any, s: Any) -> Any:
    """Columns over numbers; 0 over 0 is 0."""
    used = x != 0
    return np.where(used, x, 0) / np.where(used, s[..., None, :], 1)


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.zeros((), dtype).real.dtype


# Hermitian matrices: x = v diag(w) v^H. The derivative is that along Hermitian matrices.


def _eigh(x: Any, *, uplo: str) -> Outputs:
    return Outputs(_numpys_eigh(x, uplo))


def _infer_eigh(x: Any, *, uplo: str) -> Any:
    shape, dtype = shape_of(x), common_dtype(x)
    return (shape[:-1], shape), (_real(dtype), dtype)


def _eigh_pull(wanted: Sequence[bool], g: Given, ans: Any, x: Any, *, uplo: str) -> list[Any]:
    w, v = output(ans, k=0), output(ans, k=1)
    inner = None if g[0] is None else _diagonal_matrix(g[0])
    if g[1] is not None:
        turned = _off_diagonal(adjoint(v) @ _conj(g[1]), _gaps(w))
        inner = turned if inner is None else inner + turned
    return [None if inner is None else _conj(hermitian_part(v @ inner @ adjoint(v)))]


def _eigh_push(tangents: Given, ans: Any, x: Any, *, uplo: str) -> list[Any]:
    w, v = output(ans, k=0), output(ans, k=1)
    inner = adjoint(v) @ hermitian_part(tangents[0]) @ v
    return [np.real(np.diagonal(inner, 0, -2, -1)), v @ _off_diagonal(inner, _gaps(w))]


# Singular values: x = u diag(s) vh, with as many of them as the shorter side of x is long.


def _svd(x: Any) -> Outputs:
    return Outputs(_numpys_svd(x, full_matrices=False))


def _infer_svd(x: Any) -> Any:
    *stack, m, n = shape_of(x)
    k, dtype = min(m, n), common_dtype(x)
    return ((*stack, m, k), (*stack, k), (*stack, k, n)), (dtype, _real(dtype), dtype)


def _svd_pull(wanted: Sequence[bool], g: Given, ans: Any, x: Any) -> list[Any]:
    u, s, vh = (output(ans, k=k) for k in range(3))
    v = adjoint(vh)
    inner = None if g[1] is None else _diagonal_matrix(g[1])
    gaps = _gaps(s * s) if g[0] is not None or g[2] is not None else None
    beside = None
    if g[0] is not None:
        by_u = _conj(g[0])
        along = adjoint(u) @ by_u
        turned = _off_diagonal(along, gaps)
        inner = _sum(inner, (turned + adjoint(turned)) * s[..., None, :])
        if along.dtype.kind == "c":
            # The phase of both vectors is put into u.
            inner = inner + _diagonal_matrix(
                _over(1j * np.imag(np.diagonal(along, 0, -2, -1))[..., None, :], s)[..., 0, :]
            )
        if u.shape[-2] > u.shape[-1]:
            beside = _over(by_u - u @ along, s) @ vh
    if g[2] is not None:
        by_v = adjoint(_conj(g[2]))
        along = vh @ by_v
        turned = _off_diagonal(along, gaps)
        inner = _sum(inner, s[..., :, None] * (turned + adjoint(turned)))
        if v.shape[-2] > v.shape[-1]:
            beside = _sum(beside, u @ adjoint(_over(by_v - v @ along, s)))
    if inner is None:
        return [None]
    return [_conj(_sum(u @ inner @ vh, beside))]


def _sum(x: Any, y: Any) -> Any:
    return y if x is None else x if y is None else x + y


def _svd_push(tangents: Given, ans: Any, x: Any) -> list[Any]:
    u, s, vh = (output(ans, k=k) for k in range(3))
    t, v = tangents[0], adjoint(vh)
    inner = adjoint(u) @ t @ v
    columns, rows, gaps = s[..., None, :], s[..., :, None], _gaps(s * s)
    turn_u = _off_diagonal(inner * columns + rows * adjoint(inner), gaps)
    turn_v = _off_diagonal(rows * inner + adjoint(inner) * columns, gaps)
    if inner.dtype.kind == "c":
        turn_u = turn_u + _diagonal_matrix(
            _over(1j * np.imag(np.diagonal(inner, 0, -2, -1))[..., None, :], s)[..., 0, :]
        )
    moved_u, moved_v = u @ turn_u, v @ turn_v
    if u.shape[-2] > u.shape[-1]:
        moved_u = moved_u + _over(t @ v - u @ inner, s)
    if v.shape[-2] > v.shape[-1]:
        moved_v = moved_v + _over(adjoint(t) @ u - v @ adjoint(inner), s)
    return [moved_u, np.real(np.diagonal(inner, 0, -2, -1)), adjoint(moved_v)]


# Orthogonal factors: x = q r, with x at least as long as wide, and r upper triangular with a real diagonal.


def _qr(x: Any) -> Outputs:
    return Outputs(_numpys_qr(x))


def _infer_qr(x: Any) -> Any:
    shape, dtype = shape_of(x), common_dtype(x)
    return (shape, (*shape[:-2], shape[-1], shape[-1])), (dtype, dtype)


def _qr_pull(wanted: Sequence[bool], g: Given, ans: Any, x: Any) -> list[Any]:
    q, r = output(ans, k=0), output(ans, k=1)
    by_q, by_r = _conj(g[0]), _conj(g[1])
    inner: Any = None if by_r is None else np.triu(by_r) @ adjoint(r)
    if by_q is not None:
        inner = _sum(inner, -(adjoint(q) @ by_q))
    upper = np.triu(inner, 1)
    both = q @ (upper + adjoint(upper) + _diagonal_matrix(np.real(np.diagonal(inner, 0, -2, -1))))
    # X = (...) r^-H.
    return [_conj(adjoint(solve(r, adjoint(_sum(both, by_q)))))]


def _qr_push(tangents: Given, ans: Any, x: Any) -> list[Any]:
    q, r = output(ans, k=0), output(ans, k=1)
    moved = adjoint(solve(adjoint(r), adjoint(tangents[0])))  # dx r^-1
    inner = adjoint(q) @ moved
    grown = np.triu(inner, 1) + adjoint(np.tril(inner, -1)) + _diagonal_matrix(np.real(np.diagonal(inner, 0, -2, -1)))
    return [moved - q @ grown, grown @ r]


# General square matrices: x v = v diag(w), in complex numbers; the columns of v have length 1, and the largest entry
# of each is real, as LAPACK has it.


def _eig(x: Any) -> Outputs:
    dtype = np.result_type(common_dtype(x), np.complex64)
    return Outputs(part.astype(dtype, copy=False) for part in np.linalg.eig(x))


def _infer_eig(x: Any) -> Any:
    shape, dtype = shape_of(x), np.result_type(common_dtype(x), np.complex64)
    return (shape[:-1], shape), (dtype, dtype)


def _largest(v: Any) -> Any:
    """1 at the largest entry of each column."""
    if 0 in v.shape:
        return np.zeros(v.shape, bool)
    return np.argmax(np.abs(v), axis=-2, keepdims=True) == np.arange(v.shape[-2])[:, None]


def _eig_pull(wanted: Sequence[bool], g: Given, ans: Any, x: Any) -> list[Any]:
    w, v = output(ans, k=0), output(ans, k=1)
    inner = None if g[0] is None else _diagonal_matrix(_conj(g[0]))
    if g[1] is not None:
        by_v = _conj(g[1])
        along = np.sum(np.conjugate(v) * by_v, axis=-2, keepdims=True)
        # What changes length or phase is taken back.
        phase = np.where(_largest(v), -1j * np.imag(along) / np.where(_largest(v), np.real(v), 1), 0)
        free = by_v - v * np.real(along) + phase
        inner = _sum(inner, _off_diagonal(adjoint(v) @ free, np.conjugate(_gaps(w))))
    if inner is None:
        return [None]
    return [_conj(solve(adjoint(v), inner @ adjoint(v)))]


def _eig_push(tangents: Given, ans: Any, x: Any) -> list[Any]:
    w, v = output(ans, k=0), output(ans, k=1)
    inner = inv(v) @ tangents[0] @ v
    moved = v @ _off_diagonal(inner, _gaps(w))
    length = np.real(np.sum(np.conjugate(v) * moved, axis=-2, keepdims=True))
    largest = np.where(_largest(v), 1, 0)
    turn = np.imag(np.sum(largest * moved, axis=-2, keepdims=True)) / np.sum(
        largest * np.real(v), axis=-2, keepdims=True
    )
    return [np.diagonal(inner, 0, -2, -1), moved - v * (length + 1j * turn)]


eigh: Op = joint("np.linalg.eigh", _eigh, _infer_eigh, _eigh_pull, _eigh_push, keeps=(0,))
svd: Op = joint("np.linalg.svd", _svd, _infer_svd, _svd_pull, _svd_push, keeps=(0,))
qr: Op = joint("np.linalg.qr", _qr, _infer_qr, _qr_pull, _qr_push, keeps=(0,))
eig: Op = joint("np.linalg.eig", _eig, _infer_eig, _eig_pull, _eig_push, keeps=(0,))

DECOMPOSITIONS: tuple[Op, ...] = (eigh, svd, qr, eig)
