"""Reductions, and the running sums and products along an axis."""

from typing import Any

import numpy as np

from chainrule.ops.axes import Axis, expanded, inverse_order, length_of, normalize_axes, reduced_shape, shape_of
from chainrule.ops.op import Op, piecewise_constant, structural
from chainrule.ops.shapes import broadcast_to, convert, fill_new

__all__ = ["REDUCTIONS", "amax", "amin", "argsort", "cumprod", "cumsum", "prod", "searchsorted", "sum"]

DType = np.dtype[Any]

_NDARRAY, _NUMBER = np.ndarray, np.generic


def _infer_reduction(evaluate: Any) -> Any:
    def infer(x: Any, *, axis: Axis = None, keepdims: bool = False) -> tuple[tuple[int, ...], DType]:
        shape = reduced_shape(shape_of(x), axis, keepdims)
        return shape, np.asarray(evaluate(np.ones(1, x.dtype))).dtype

    return infer


def _sum_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    if axis is not None and not keepdims:
        g = expanded(g, x.shape, axis)
    if type(g) is _NDARRAY or isinstance(g, _NUMBER):
        return fill_new(g, x.shape)
    return broadcast_to(g, shape=x.shape)


def _extreme_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    shape = shape_of(x)
    if (
        axis is None
        and type(x) is np.ndarray
        and isinstance(ans, (np.ndarray, np.generic))
        and not hasattr(g, "__chainrule_record__")
    ):
        tied = x == ans
        return np.where(tied, np.divide(g, np.count_nonzero(tied)), 0)
    tied = x == expanded(ans, shape, axis)
    count = np.sum(tied, axis=normalize_axes(axis, len(shape)), keepdims=True)
    return np.where(tied, expanded(g, shape, axis) / convert(count, np.dtype(getattr(x, "dtype", float))), 0)


def _extreme_push(i: int, t: Any, ans: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    shape = shape_of(x)
    tied = x == expanded(ans, shape, axis)
    count = np.sum(tied, axis=normalize_axes(axis, len(shape)), keepdims=True)
    return np.sum(
        np.where(tied, t / convert(count, np.dtype(getattr(x, "dtype", float))), 0), axis=axis, keepdims=keepdims
    )


def _prod_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return _times(expanded(g, shape_of(x), axis), _others(x, axis))


def _prod_push(i: int, t: Any, ans: Any, x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.sum(_times(t, _others(x, axis)), axis=axis, keepdims=keepdims)


def _others(x: Any, axis: Axis) -> Any:
    # The product of the other entries, exact where some are 0: what stands before times what stands after.
    shape = shape_of(x)
    axes = normalize_axes(axis, len(shape))
    kept = tuple(k for k in range(len(shape)) if k not in axes)
    front = np.transpose(x, kept + axes)
    row = np.reshape(front, (*(shape[k] for k in kept), length_of(shape, axes)))
    others = _before(row) * _before(row[..., ::-1])[..., ::-1]
    return np.transpose(np.reshape(others, shape_of(front)), inverse_order(kept + axes))


def _times(g: Any, local: Any) -> Any:
    """Product in which a zero `g` stays zero where the other factor is infinite or undefined."""
    return g * np.where((g == 0) & ~np.isfinite(local), 0, local)


def _before(row: Any) -> Any:
    """Product of the entries before each one, along the last axis."""
    if row.shape[-1] == 0:
        return row
    one = np.ones((*row.shape[:-1], 1), row.dtype)
    return np.concatenate([one, cumprod(row[..., :-1], axis=-1)], axis=-1)


def _infer_running(evaluate: Any) -> Any:
    def infer(x: Any, *, axis: int) -> tuple[tuple[int, ...], DType]:
        return shape_of(x), np.asarray(evaluate(np.ones(1, x.dtype), axis=0)).dtype

    return infer


def _cumsum_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: int) -> Any:
    backwards = (slice(None),) * (axis % len(g.shape)) + (slice(None, None, -1),)
    turned = g[backwards]
    return (turned.cumsum(axis) if type(g) is np.ndarray else cumsum(turned, axis=axis))[backwards]


def _cumprod_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: int) -> Any:
    # dl/dx_j = (product before j) s_j with s_j = g_j + x_{j+1} s_{j+1}, which holds where x is 0 too.
    x = np.moveaxis(x, axis, -1)
    following = np.concatenate([x[..., 1:], x[..., :1]], axis=-1)
    s = _solve(np.moveaxis(g, axis, -1), following)
    return np.moveaxis(_times(s, _before(x)), -1, axis)


def _solve(s: Any, factor: Any) -> Any:
    """Solve s_j = (given s)_j + factor_j s_{j+1} along the last axis, from its end.

    By doubling, in log2(n) steps: each one joins two neighbouring stretches of the recurrence.
    """
    length = s.shape[-1]
    shift = 1
    while shift < length:
        s = np.concatenate([s[..., :-shift] + _times(s[..., shift:], factor[..., :-shift]), s[..., -shift:]], axis=-1)
        # Past the end there is nothing to join.
        factor = np.concatenate([factor[..., :-shift] * factor[..., shift:], factor[..., -shift:] * 0], axis=-1)
        shift *= 2
    return s


def _cumprod_push(i: int, t: Any, ans: Any, x: Any, *, axis: int) -> Any:
    # The tangent of y_k = x_k y_{k-1} is t_k y_{k-1} + x_k (the tangent before): the same recurrence, run forward.
    x = np.moveaxis(x, axis, -1)
    s = _times(np.moveaxis(t, axis, -1), _before(x))
    return np.moveaxis(_solve(s[..., ::-1], x[..., ::-1])[..., ::-1], -1, axis)


# An array's own methods take a third of the time of NumPy's functions.


def _evaluate_cumsum(x: Any, *, axis: int) -> Any:
    return x.cumsum(axis) if type(x) is np.ndarray else np.cumsum(x, axis=axis)


def _evaluate_cumprod(x: Any, *, axis: int) -> Any:
    return x.cumprod(axis) if type(x) is np.ndarray else np.cumprod(x, axis=axis)


def _evaluate_argsort(x: Any, *, axis: int, kind: Any = None) -> Any:
    return x.argsort(axis, kind) if type(x) is np.ndarray else np.argsort(x, axis=axis, kind=kind)


def _infer_arg(x: Any, *, axis: int | None = None, keepdims: bool = False) -> tuple[tuple[int, ...], DType]:
    return reduced_shape(shape_of(x), axis, keepdims), np.dtype(np.intp)


def _infer_count(x: Any, *, axis: Axis = None, keepdims: bool = False) -> tuple[tuple[int, ...], DType]:
    return reduced_shape(shape_of(x), axis, keepdims), np.dtype(np.intp)


def _infer_test(x: Any, *, axis: Axis = None, keepdims: bool = False) -> tuple[tuple[int, ...], DType]:
    return reduced_shape(shape_of(x), axis, keepdims), np.dtype(bool)


def _infer_argsort(x: Any, *, axis: int, kind: str | None = None) -> tuple[tuple[int, ...], DType]:
    return shape_of(x), np.dtype(np.intp)


def _searchsorted(a: Any, v: Any, *, side: Any = "left") -> Any:
    return np.searchsorted(a, v, side)


def _infer_searchsorted(a: Any, v: Any, *, side: Any = "left") -> tuple[tuple[int, ...], DType]:
    return shape_of(v), np.dtype(np.intp)


sum = structural("np.sum", np.add.reduce, _infer_reduction(np.sum), _sum_transpose)
prod = structural("np.prod", np.prod, _infer_reduction(np.prod), _prod_transpose, _prod_push, keeps=(1,))
amax = structural(
    "np.max", np.maximum.reduce, _infer_reduction(np.max), _extreme_transpose, _extreme_push, keeps=(0, 1)
)
amin = structural(
    "np.min", np.minimum.reduce, _infer_reduction(np.min), _extreme_transpose, _extreme_push, keeps=(0, 1)
)
cumsum = structural("np.cumsum", _evaluate_cumsum, _infer_running(np.cumsum), _cumsum_transpose)
cumprod = structural(
    "np.cumprod",
    _evaluate_cumprod,
    _infer_running(np.cumprod),
    _cumprod_transpose,
    _cumprod_push,
    keeps=(1,),
)
argmax = piecewise_constant("np.argmax", np.argmax, _infer_arg)
argmin = piecewise_constant("np.argmin", np.argmin, _infer_arg)
argsort = piecewise_constant("np.argsort", _evaluate_argsort, _infer_argsort)
#: Where entries of `v` would go in the ascending `a`.
searchsorted = piecewise_constant("np.searchsorted", _searchsorted, _infer_searchsorted)
count_nonzero = piecewise_constant("np.count_nonzero", np.count_nonzero, _infer_count)
any = piecewise_constant("np.any", np.any, _infer_test)
all = piecewise_constant("np.all", np.all, _infer_test)

REDUCTIONS: tuple[Op, ...] = (
    sum,
    prod,
    amax,
    amin,
    cumsum,
    cumprod,
    argmax,
    argmin,
    argsort,
    searchsorted,
    count_nonzero,
    any,
    all,
)
