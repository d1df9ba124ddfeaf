"""Methods and attributes of arrays that are NumPy functions under the same name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import elementwise, shapes
from chainrule.ops.shapes import convert
from chainrule.trace.arraylike import peel
from chainrule.trace.assignment import Taken, array_of_number, is_array, taken_from
from chainrule.trace.no_value import NO_VALUE

__all__ = ["METHODS", "flat", "imaginary_part", "real_part"]


def real_part(x: Any) -> Any:
    """The real part, as the attribute `real` gives it: a view."""
    return taken_from(x, elementwise.real) if x.dtype.kind == "c" else x


def imaginary_part(x: Any) -> Any:
    """The imaginary part, as the attribute `imag` gives it: a view of a complex array."""
    return taken_from(x, elementwise.imag) if x.dtype.kind == "c" else np.imag(x)


_FLAT = Taken(
    "flat",
    lambda parent: shapes.reshape(parent, shape=(parent.size,)),
    lambda parent, entries: shapes.reshape(entries, shape=parent.shape),
)


def flat(x: Any) -> Any:
    """The entries one after the other, as the attribute `flat` gives them: a view even where np.ravel makes a copy."""
    return taken_from(x, _FLAT)


def _reshape(x: Any, *shape: Any, order: str = "C") -> Any:
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]


def _transpose(x: Any, *axes: Any) -> Any:
    if not axes or axes == (None,):
        return np.transpose(x)
    return np.transpose(x, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


def _astype(
    x: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    return x if not copy and np.dtype(dtype) == x.dtype else convert(x, np.dtype(dtype))


def _copy(x: Any, order: str = "C") -> Any:
    if not x.is_traced:
        return np.copy(x, order)  # type: ignore[call-overload]
    if order not in ("C", "K", "A"):
        raise TraceError(f"copy: order={order!r} is not followed on traced values; transpose first.{user_line()}")
    if x.ndim == 0:
        # The copy of an array without axes is one, too.
        return array_of_number(x) if is_array(x) else +x
    memory = peel(x)
    ordered = order != "C" or memory is NO_VALUE or memory.flags.c_contiguous
    return +x if ordered else shapes.broadcast_to(x, shape=x.shape)


def _sort(x: Any, axis: int = -1, kind: Any = None) -> None:
    x[...] = np.sort(x, axis=axis)


def _put(x: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    if mode != "raise":
        raise TraceError(f"put: mode={mode!r} is not followed on traced values.{user_line()}")
    places, values = np.reshape(ind, -1), np.reshape(v, -1)
    # Values are used again from the first one on where there are fewer of them than places.
    flat(x)[places] = values[np.arange(np.size(places)) % np.size(values)]


def _item(x: Any, *index: Any) -> Any:
    if index:
        return x[index[0] if len(index) == 1 and isinstance(index[0], tuple) else index]
    if x.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return np.reshape(x, ())


def _flatten(x: Any, order: str = "C") -> Any:
    entries = np.ravel(x, order)  # type: ignore[call-overload]
    return entries if entries.view is None else np.copy(entries)


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
    "copy": _copy,
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
    "nonzero": np.nonzero,
    "prod": np.prod,
    "put": _put,
    "ravel": np.ravel,
    "repeat": np.repeat,
    "reshape": _reshape,
    "round": np.round,
    "searchsorted": np.searchsorted,
    "sort": _sort,
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
