"""Methods and attributes of arrays that are NumPy functions under the same name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops.shapes import convert

__all__ = ["METHODS"]


def _reshape(x: Any, *shape: Any, order: str = "C") -> Any:
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]


def _transpose(x: Any, *axes: Any) -> Any:
    if not axes or axes == (None,):
        return np.transpose(x)
    return np.transpose(x, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


def _astype(
    x: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    return convert(x, np.dtype(dtype))


def _item(x: Any, *index: Any) -> Any:
    if index:
        return x[index[0] if len(index) == 1 and isinstance(index[0], tuple) else index]
    if x.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return np.reshape(x, ())


def _flatten(x: Any, order: str = "C") -> Any:
    return np.ravel(x, order)  # type: ignore[call-overload]


def _fill(x: Any, value: Any) -> None:
    x[...] = value


def _tolist(x: Any) -> Any:
    return [_tolist(part) for part in x] if x.ndim else x


METHODS: dict[str, Callable[..., Any]] = {
    "all": np.all,
    "any": np.any,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "argsort": np.argsort,
    "astype": _astype,
    "clip": np.clip,
    "conj": np.conjugate,
    "conjugate": np.conjugate,
    "copy": np.copy,
    "cumprod": np.cumprod,
    "cumsum": np.cumsum,
    "diagonal": np.diagonal,
    "dot": np.dot,
    "fill": _fill,
    "flatten": _flatten,
    "item": _item,
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "prod": np.prod,
    "ravel": np.ravel,
    "repeat": np.repeat,
    "reshape": _reshape,
    "round": np.round,
    "squeeze": np.squeeze,
    "std": np.std,
    "sum": np.sum,
    "swapaxes": np.swapaxes,
    "take": np.take,
    "tolist": _tolist,
    "trace": np.trace,
    "transpose": _transpose,
    "var": np.var,
}
