"""Products made of other products: kron, cross, powers and chains of matrices, and the ones of numpy.linalg."""

from typing import Any

import numpy as np

from chainrule.ops import shapes
from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import strong
from chainrule.trace.dispatch import composition

__all__: list[str] = []


@composition(np.kron, "np.kron")
def _kron(a: Any, b: Any) -> Any:
    a, b = strong(with_dtype(a)), strong(with_dtype(b))
    ndim = max(len(shape_of(a)), len(shape_of(b)))
    p, q = ((1,) * (ndim - len(shape_of(x))) + shape_of(x) for x in (a, b))
    # The axes of the one and of the other in turns, and then each pair as one.
    left = shapes.reshape(a, shape=tuple(n for length in p for n in (length, 1)))
    right = shapes.reshape(b, shape=tuple(n for length in q for n in (1, length)))
    return shapes.reshape(left * right, shape=tuple(n * m for n, m in zip(p, q, strict=True)))


@composition(np.cross, "np.cross")
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(with_dtype(a), axisa, -1), np.moveaxis(with_dtype(b), axisb, -1)
    lengths = shape_of(a)[-1], shape_of(b)[-1]
    if not set(lengths) <= {2, 3}:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{lengths[0]} and {lengths[1]} dimensional instead."
        )
    x, y = ([v[..., k] for k in range(length)] for v, length in zip((a, b), lengths, strict=True))
    last = x[0] * y[1] - x[1] * y[0]
    if lengths == (2, 2):
        return last
    # The third entry of a vector in the plane is 0.
    first = (x[1] * y[2] if lengths[1] == 3 else 0) - (x[2] * y[1] if lengths[0] == 3 else 0)
    second = (x[2] * y[0] if lengths[0] == 3 else 0) - (x[0] * y[2] if lengths[1] == 3 else 0)
    return np.moveaxis(np.stack([first, second, last], axis=-1), -1, axisc)


@composition(np.linalg.cross, "np.linalg.cross")
def _linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = with_dtype(x1), with_dtype(x2)
    if shape_of(x1)[axis] != 3 or shape_of(x2)[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    return _cross(x1, x2, axis=axis)


@composition(np.linalg.matrix_power, "np.linalg.matrix_power")
def _matrix_power(a: Any, n: int) -> Any:
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if n == 0:
        return np.broadcast_to(np.eye(shape[-1], dtype=a.dtype), shape)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    # By squaring: a^13 is a a^4 a^8.
    result = None
    while True:
        if n % 2:
            result = a if result is None else result @ a
        n //= 2
        if n == 0:
            return result
        a = a @ a


@composition(np.linalg.multi_dot, "np.linalg.multi_dot")
def _multi_dot(arrays: Any) -> Any:
    parts = [with_dtype(x) for x in arrays]
    if len(parts) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = len(shape_of(parts[0])) == 1, len(shape_of(parts[-1])) == 1
    parts[0] = np.atleast_2d(parts[0])
    parts[-1] = np.reshape(parts[-1], (-1, 1)) if last else parts[-1]
    if any(len(shape_of(x)) != 2 for x in parts):
        raise np.linalg.LinAlgError("every array but the first and the last must be two-dimensional")
    lengths = [shape_of(x)[0] for x in parts] + [shape_of(parts[-1])[1]]
    result = _chain(parts, 0, len(parts), _cheapest(lengths))
    return np.reshape(result, tuple(n for n, gone in zip(shape_of(result), (first, last), strict=True) if not gone))


def _cheapest(lengths: list[int]) -> dict[tuple[int, int], int]:
    """Where to divide each stretch of a chain of matrices, so that multiplications are fewest."""
    count = len(lengths) - 1
    costs = dict.fromkeys(((i, i + 1) for i in range(count)), 0)
    cuts: dict[tuple[int, int], int] = {}
    for size in range(2, count + 1):
        for i in range(count - size + 1):
            j = i + size
            options = {k: costs[i, k] + costs[k, j] + lengths[i] * lengths[k] * lengths[j] for k in range(i + 1, j)}
            cuts[i, j] = min(options, key=options.__getitem__)
            costs[i, j] = options[cuts[i, j]]
    return cuts


def _chain(parts: list[Any], i: int, j: int, cuts: dict[tuple[int, int], int]) -> Any:
    if j == i + 1:
        return parts[i]
    k = cuts[i, j]
    return _chain(parts, i, k, cuts) @ _chain(parts, k, j, cuts)


# What numpy.linalg has under the names of the array API.


@composition(np.linalg.outer, "np.linalg.outer")
def _outer(x1: Any, x2: Any, /) -> Any:
    return np.outer(x1, x2)


@composition(np.linalg.matmul, "np.linalg.matmul")
def _matmul(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, x2)


@composition(np.linalg.tensordot, "np.linalg.tensordot")
def _tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return np.tensordot(x1, x2, axes)


@composition(np.linalg.trace, "np.linalg.trace")
def _trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return np.trace(x, offset, -2, -1, dtype)


@composition(np.linalg.diagonal, "np.linalg.diagonal", on_handles=True)
def _diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, -2, -1)


@composition(np.matrix_transpose, "np.matrix_transpose", on_handles=True)
def _matrix_transpose(x: Any, /) -> Any:
    return np.swapaxes(x, -1, -2)


@composition(np.linalg.matrix_transpose, "np.linalg.matrix_transpose", on_handles=True)
def _linalg_matrix_transpose(x: Any, /) -> Any:
    return np.swapaxes(x, -1, -2)


@composition(np.vecdot, "np.vecdot")
def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = with_dtype(x1), with_dtype(x2)
    one, other = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    if shape_of(one)[-1] != shape_of(other)[-1]:
        raise ValueError(f"np.vecdot: vectors of lengths {shape_of(one)[-1]} and {shape_of(other)[-1]}")
    return np.sum((np.conjugate(one) if one.dtype.kind == "c" else one) * other, axis=-1)


@composition(np.linalg.vecdot, "np.linalg.vecdot")
def _linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return _vecdot(x1, x2, axis=axis)


@composition(np.matvec, "np.matvec")
def _matvec(x1: Any, x2: Any, /) -> Any:
    return np.matmul(with_dtype(x1), with_dtype(x2)[..., None])[..., 0]


@composition(np.vecmat, "np.vecmat")
def _vecmat(x1: Any, x2: Any, /) -> Any:
    x1 = with_dtype(x1)
    return np.matmul((np.conjugate(x1) if x1.dtype.kind == "c" else x1)[..., None, :], with_dtype(x2))[..., 0, :]


@composition(np.linalg.vector_norm, "np.linalg.vector_norm")
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    x = with_dtype(x)
    shape = shape_of(x)
    axes = normalize_axes(axis, len(shape))
    kept = tuple(k for k in range(len(shape)) if k not in axes)
    front = np.reshape(np.transpose(x, kept + axes), (*(shape[k] for k in kept), -1))
    found = np.linalg.norm(front, ord, axis=-1)
    return np.reshape(found, tuple(1 if k in axes else n for k, n in enumerate(shape))) if keepdims else found


@composition(np.linalg.matrix_norm, "np.linalg.matrix_norm")
def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)
