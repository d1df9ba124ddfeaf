"""Functions whose result is piecewise constant, or only tells about shape: their derivative is zero by rule."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import reductions
from chainrule.ops.axes import Axis, axis_of_reduction, shape_of, with_dtype
from chainrule.ops.shapes import convert, reshape
from chainrule.trace.assignment import as_array
from chainrule.trace.batch import shared_value
from chainrule.trace.dispatch import composition
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import peel

__all__: list[str] = []


@composition(np.shape, "np.shape")
def _shape(a: Any) -> tuple[int, ...]:
    return shape_of(a)


@composition(np.ndim, "np.ndim")
def _ndim(a: Any) -> int:
    return len(shape_of(a))


@composition(np.size, "np.size")
def _size(a: Any, axis: int | None = None) -> int:
    return int(a.size) if axis is None else int(a.shape[axis])


@composition(np.zeros_like, "np.zeros_like")
def _zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return np.zeros(a.shape if shape is None else shape, a.dtype if dtype is None else dtype)


@composition(np.ones_like, "np.ones_like")
def _ones_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return np.ones(a.shape if shape is None else shape, a.dtype if dtype is None else dtype)


@composition(np.empty_like, "np.empty_like")
def _empty_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    # Any entries are right; these are the same each time the function is recorded.
    return np.zeros(a.shape if shape is None else shape, a.dtype if dtype is None else dtype)


@composition(np.full_like, "np.full_like")
def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    filled = np.broadcast_to(fill_value, shape_of(a) if shape is None else shape)
    return as_array(convert(filled, np.dtype(dtype) if dtype is not None else a.dtype))


@composition(np.iscomplexobj, "np.iscomplexobj")
def _iscomplexobj(x: Any) -> bool:
    return bool(x.dtype.kind == "c")


@composition(np.isrealobj, "np.isrealobj")
def _isrealobj(x: Any) -> bool:
    return bool(x.dtype.kind != "c")


@composition(np.result_type, "np.result_type")
def _result_type(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*(_sample(x) for x in arrays_and_dtypes))


def _sample(x: Any) -> Any:
    """The value, or what stands for it where it is not known."""
    found = peel(x)
    if found is not NO_VALUE:
        return found
    return np.ones((), x.dtype).item() if x.weak else x.dtype


def _along(x: Any, axis: int | None) -> tuple[Any, int]:
    return (np.reshape(x, -1), 0) if axis is None else (x, axis)


@composition(np.argmax, "np.argmax")
def _argmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return reductions.argmax(a, axis=axis_of_reduction(a, axis), keepdims=keepdims)


@composition(np.argmin, "np.argmin")
def _argmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return reductions.argmin(a, axis=axis_of_reduction(a, axis), keepdims=keepdims)


@composition(np.argsort, "np.argsort")
def _argsort(a: Any, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None) -> Any:
    a, axis = _along(a, axis_of_reduction(a, axis))
    return reductions.argsort(a, axis=axis, kind="stable" if stable else kind)


@composition(np.any, "np.any")
def _any(a: Any, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        a = np.logical_and(a, where)
    return reductions.any(a, axis=axis_of_reduction(a, axis), keepdims=keepdims)


@composition(np.all, "np.all")
def _all(a: Any, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        a = np.logical_or(a, np.logical_not(where))
    return reductions.all(a, axis=axis_of_reduction(a, axis), keepdims=keepdims)


@composition(np.count_nonzero, "np.count_nonzero")
def _count_nonzero(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return reductions.count_nonzero(a, axis=axis_of_reduction(a, axis), keepdims=keepdims)


@composition(np.round, "np.round")
def _round(a: Any, decimals: int = 0) -> Any:
    # Powers of ten as Python numbers keep float32.
    return np.rint(a) if decimals == 0 else np.rint(a * 10.0**decimals) / 10.0**decimals


@composition(np.around, "np.around")
def _around(a: Any, decimals: int = 0) -> Any:
    return _round(a, decimals)


@composition(np.fix, "np.fix")
def _fix(x: Any) -> Any:
    return np.trunc(x)


@composition(np.isclose, "np.isclose")
def _isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    with np.errstate(invalid="ignore"):  # inf - inf
        near = np.isfinite(b) & (np.abs(a - b) <= atol + rtol * np.abs(b)) | (a == b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


@composition(np.allclose, "np.allclose")
def _allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return np.all(_isclose(a, b, rtol, atol, equal_nan))


@composition(np.array_equal, "np.array_equal")
def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    # NumPy takes an array that cannot be made for one that differs; here it has to raise.
    one, other = (np.asarray(shared_value(a, "np.array_equal")) for a in (a1, a2))
    return bool(np.array_equal(one, other, equal_nan))


@composition(np.nonzero, "np.nonzero")
def _nonzero(a: Any) -> Any:
    return np.nonzero(shared_value(a, "np.nonzero"))


@composition(np.flatnonzero, "np.flatnonzero")
def _flatnonzero(a: Any) -> Any:
    return np.flatnonzero(shared_value(a, "np.flatnonzero"))


@composition(np.searchsorted, "np.searchsorted")
def _searchsorted(a: Any, v: Any, side: Any = "left") -> Any:
    return reductions.searchsorted(with_dtype(a), with_dtype(v), side=side)


@composition(np.digitize, "np.digitize")
def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    bins = with_dtype(bins)
    known = shared_value(bins, "np.digitize")
    if known is NO_VALUE:
        raise TraceError(
            "np.digitize looks whether the bins ascend or descend, which is not known here; use np.searchsorted with "
            f"bins that ascend.{user_line()}"
        )
    if np.all(known[1:] >= known[:-1]):
        return _searchsorted(bins, x, "left" if right else "right")
    if not np.all(known[1:] <= known[:-1]):
        raise ValueError("bins must be monotonically increasing or decreasing")
    return len(bins) - _searchsorted(bins[::-1], x, "right" if right else "left")


@composition(np.argwhere, "np.argwhere")
def _argwhere(a: Any) -> Any:
    return np.argwhere(shared_value(a, "np.argwhere"))


@composition(np.isreal, "np.isreal")
def _isreal(x: Any) -> Any:
    return np.imag(x) == 0


@composition(np.iscomplex, "np.iscomplex")
def _iscomplex(x: Any) -> Any:
    return np.imag(x) != 0


@composition(np.isposinf, "np.isposinf")
def _isposinf(x: Any) -> Any:
    return x == np.inf


@composition(np.isneginf, "np.isneginf")
def _isneginf(x: Any) -> Any:
    return x == -np.inf


@composition(np.atleast_1d, "np.atleast_1d", on_handles=True)
def _atleast_1d(*arys: Any) -> Any:
    return _each(arys, lambda a: a if a.ndim else reshape(a, shape=(1,)))


@composition(np.atleast_2d, "np.atleast_2d", on_handles=True)
def _atleast_2d(*arys: Any) -> Any:
    return _each(arys, lambda a: a if a.ndim >= 2 else reshape(a, shape=(1, a.size)))


@composition(np.atleast_3d, "np.atleast_3d", on_handles=True)
def _atleast_3d(*arys: Any) -> Any:
    def deep(a: Any) -> Any:
        return a if a.ndim >= 3 else reshape(a, shape=(*a.shape, 1) if a.ndim == 2 else (1, a.size, 1))

    return _each(arys, deep)


def _each(arys: tuple[Any, ...], change: Any) -> Any:
    made = [change(a if hasattr(a, "ndim") else np.asarray(a)) for a in arys]
    return made[0] if len(made) == 1 else tuple(made)
