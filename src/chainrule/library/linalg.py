"""numpy.linalg: equations, inverses, determinants and decompositions, batched over leading axes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops import decompositions, linalg
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.batching import BATCHING
from chainrule.ops.cholesky import cholesky
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.linalg import adjoint
from chainrule.ops.op import Op
from chainrule.ops.outputs import Outputs, output
from chainrule.ops.shapes import convert
from chainrule.trace.batch import Batched, BatchedOutputs
from chainrule.trace.dispatch import composition
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import Tracer

__all__: list[str] = []

_LinAlgError = np.linalg.LinAlgError


def _matrix(a: Any) -> Any:
    a = with_dtype(a)
    if len(shape_of(a)) < 2:
        raise _LinAlgError(f"{len(shape_of(a))}-dimensional array given. Array must be at least two-dimensional")
    return a


def _known(x: Any) -> Any:
    """The value of what has one that is the same for all examples of a batch."""
    while isinstance(x, Tracer):
        x = NO_VALUE if isinstance(x, Batched) else x.value
    return x


def _square(a: Any) -> Any:
    a = _matrix(a)
    if shape_of(a)[-1] != shape_of(a)[-2]:
        raise _LinAlgError("Last 2 dimensions of the array must be square")
    return a


def _parts(op: Op, a: Any, count: int, **params: Any) -> list[Any]:
    ans = op(a, **params)
    return [output(ans, k=k) for k in range(count)]


def _whole_batch(op: Op, count: int) -> Callable[..., BatchedOutputs]:
    def rule(size: int, args: tuple[Any, ...], batched: tuple[bool, ...], **params: Any) -> BatchedOutputs:
        return BatchedOutputs(Outputs(_parts(op, args[0], count, **params)), (True,) * count)

    return rule


for _op, _count in (
    (linalg.slogdet, 2),
    (decompositions.eigh, 2),
    (decompositions.svd, 3),
    (decompositions.qr, 2),
    (decompositions.eig, 2),
):
    BATCHING[_op.name] = _whole_batch(_op, _count)


# Equations.


@composition(np.linalg.solve, "np.linalg.solve")
def _solve(a: Any, b: Any) -> Any:
    a, b = _square(a), with_dtype(b)
    if len(shape_of(b)) == 1:
        return linalg.solve(a, b[:, None])[..., 0]
    return linalg.solve(a, b)


@composition(np.linalg.inv, "np.linalg.inv")
def _inv(a: Any) -> Any:
    return linalg.inv(_square(a))


@composition(np.linalg.pinv, "np.linalg.pinv")
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    a = _matrix(a)
    if rcond is None:
        rcond = max(shape_of(a)[-2:]) * np.finfo(linalg.common_dtype(a)).eps if rtol is None else rtol
    return linalg.pinv(a, rcond=float(rcond), hermitian=hermitian)


@composition(np.linalg.lstsq, "np.linalg.lstsq")
def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    a, b = _matrix(a), with_dtype(b)
    if len(shape_of(a)) != 2:
        raise _LinAlgError(f"{len(shape_of(a))}-dimensional array given. Array must be two-dimensional")
    wide = linalg.common_dtype(a, b)
    a, b = convert(a, wide), convert(b, wide)
    m, n = shape_of(a)
    if shape_of(b)[0] != m:
        raise _LinAlgError("Incompatible dimensions")
    cut = np.finfo(wide).eps * max(m, n) if rcond is None else max(rcond, 0.0)
    x = linalg.pinv(a, rcond=float(cut), hermitian=False) @ b
    values = _svdvals(a)
    rank = np.count_nonzero(values > cut * values[:1]) if min(m, n) else 0
    residuals: Any = np.zeros(0, np.zeros((), wide).real.dtype)
    known = _known(rank)
    # Of a matrix whose rank is not known here it is taken to be full.
    if m > n and (known is NO_VALUE or known == n):
        rest = b - a @ x
        residuals = np.sum(np.real(rest) ** 2 + np.imag(rest) ** 2 if rest.dtype.kind == "c" else rest * rest, axis=0)
        residuals = np.reshape(residuals, (-1,))
    return x, residuals, rank, values


@composition(np.linalg.tensorsolve, "np.linalg.tensorsolve")
def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = with_dtype(a), with_dtype(b)
    if axes is not None:
        every = list(range(len(shape_of(a))))
        for axis in axes:
            every.remove(axis)
            every.append(axis)
        a = np.transpose(a, every)
    size = int(np.prod(shape_of(b)))
    own = shape_of(a)[len(shape_of(b)) :]
    if int(np.prod(own)) != size:
        raise _LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return np.reshape(_solve(np.reshape(a, (size, size)), np.reshape(b, (size,))), own)


@composition(np.linalg.tensorinv, "np.linalg.tensorinv")
def _tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    size = int(np.prod(shape[ind:]))
    return np.reshape(_inv(np.reshape(a, (size, size))), shape[ind:] + shape[:ind])


# Determinants.


@composition(np.linalg.det, "np.linalg.det")
def _det(a: Any) -> Any:
    return linalg.det(_square(a))


_SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


@composition(np.linalg.slogdet, "np.linalg.slogdet")
def _slogdet(a: Any) -> Any:
    sign, log = _parts(linalg.slogdet, _square(a), 2)
    # Of real matrices it is 1, -1 or 0.
    return _SlogdetResult(stop_gradient(sign) if sign.dtype.kind != "c" else sign, log)


# Decompositions.


@composition(np.linalg.cholesky, "np.linalg.cholesky")
def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    a = _square(a)
    return adjoint(cholesky(adjoint(a))) if upper else cholesky(a)


_EighResult = type(np.linalg.eigh(np.eye(1)))


@composition(np.linalg.eigh, "np.linalg.eigh")
def _eigh(a: Any, UPLO: str = "L") -> Any:
    uplo = UPLO.upper()
    if uplo not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return _EighResult(*_parts(decompositions.eigh, _square(a), 2, uplo=uplo))


@composition(np.linalg.eigvalsh, "np.linalg.eigvalsh")
def _eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return _eigh(a, UPLO)[0]


_SVDResult = type(np.linalg.svd(np.eye(1)))


@composition(np.linalg.svd, "np.linalg.svd")
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = _matrix(a)
    if compute_uv and full_matrices and shape_of(a)[-1] != shape_of(a)[-2]:
        raise NoDerivativeError(
            "np.linalg.svd: argument full_matrices=True has no derivative where a matrix is not square, since the "
            f"further vectors are any that complete a basis. Use full_matrices=False.{user_line()}"
        )
    u, s, vh = _parts(decompositions.svd, a, 3)
    return _SVDResult(u, s, vh) if compute_uv else s


@composition(np.linalg.svdvals, "np.linalg.svdvals")
def _svdvals(x: Any, /) -> Any:
    return _svd(x, compute_uv=False)


_QRResult = type(np.linalg.qr(np.eye(1)))


@composition(np.linalg.qr, "np.linalg.qr")
def _qr(a: Any, mode: str = "reduced") -> Any:
    a = _matrix(a)
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise NoDerivativeError(
            f"np.linalg.qr: argument mode={mode!r} has no derivative here; 'reduced' and 'r' have.{user_line()}"
        )
    q, r = _parts(decompositions.qr, a[..., :m] if m < n else a, 2)
    if m < n:
        r = np.concatenate([r, adjoint(q) @ a[..., m:]], axis=-1)
    return r if mode == "r" else _QRResult(q, r)


_EigResult = type(np.linalg.eig(np.eye(1)))


def _is_real(a: Any, w: Any) -> bool:
    """Whether the eigenvalues of a real matrix are real: NumPy gives real arrays then."""
    return a.dtype.kind != "c" and _known(w) is not NO_VALUE and bool(np.all(np.imag(w) == 0))


@composition(np.linalg.eig, "np.linalg.eig")
def _eig(a: Any) -> Any:
    a = _square(a)
    w, v = _parts(decompositions.eig, a, 2)
    return _EigResult(np.real(w), np.real(v)) if _is_real(a, w) else _EigResult(w, v)


@composition(np.linalg.eigvals, "np.linalg.eigvals")
def _eigvals(a: Any) -> Any:
    return _eig(a)[0]


# What is made of singular values.


@composition(np.linalg.cond, "np.linalg.cond")
def _cond(x: Any, p: Any = None) -> Any:
    if p is None or p in (2, -2):
        s = _svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(_inv(x), p, axis=(-2, -1))


@composition(np.linalg.matrix_rank, "np.linalg.matrix_rank")
def _matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if len(shape_of(A)) < 2:
        return np.any(A != 0).astype(int)
    s = _svdvals(stop_gradient(A))
    if tol is None:
        share = max(shape_of(A)[-2:]) * np.finfo(s.dtype).eps if rtol is None else rtol
        tol = np.max(s, axis=-1, keepdims=True, initial=0.0) * share
    else:
        tol = with_dtype(tol)[..., None]
    return np.count_nonzero(s > tol, axis=-1)
