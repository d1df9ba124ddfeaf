"""NumPy's functions that write into an array they are given."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.shapes import cast
from chainrule.trace.batch import shared_value
from chainrule.trace.dispatch import composition
from chainrule.trace.tracer import Tracer

__all__: list[str] = []


def _handle(a: Any, name: str) -> Tracer:
    if not isinstance(a, Tracer):
        raise TraceError(
            f"{name} was asked to write a traced value into a plain array, which cannot take it. Make the array "
            f"inside the function.{user_line()}"
        )
    return a


@composition(np.fill_diagonal, "np.fill_diagonal", on_handles=True)
def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    target = _handle(a, "np.fill_diagonal")
    if wrap or target.ndim != 2:
        raise TraceError(f"np.fill_diagonal is followed for matrices, without wrap=.{user_line()}")
    steps = np.arange(min(target.shape))
    values = np.reshape(val, -1)
    target[steps, steps] = values[steps % values.shape[0]] if np.ndim(val) else val


@composition(np.put_along_axis, "np.put_along_axis", on_handles=True)
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    target = _handle(arr, "np.put_along_axis")
    if axis is None:
        np.reshape(target, -1)[indices] = values
        return
    axis %= target.ndim
    target[
        tuple(
            indices if k == axis else np.arange(n).reshape((-1,) + (1,) * (target.ndim - k - 1))
            for k, n in enumerate(target.shape)
        )
    ] = values


@composition(np.copyto, "np.copyto", on_handles=True)
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    target = _handle(dst, "np.copyto")
    src = cast(src, target.dtype, casting)
    target[...] = src if where is True else np.where(where, src, target)


@composition(np.put, "np.put", on_handles=True)
def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    _handle(a, "np.put").put(ind, v, mode)


def _fitting(values: Any, target: Tracer) -> Any:
    """Values as these two take them: an array only where its dtype fits into that of the target; lists as they come."""
    return cast(values, target.dtype, "safe") if hasattr(values, "dtype") else values


@composition(np.putmask, "np.putmask", on_handles=True)
def _putmask(a: Any, mask: Any, values: Any) -> None:
    target = _handle(a, "np.putmask")
    # NumPy takes the values round and round, each at the place of its own entry.
    row = np.reshape(_fitting(values, target), -1)
    places = np.reshape(np.arange(target.size) % row.shape[0], target.shape)
    target[...] = np.where(mask, row[places], target)


@composition(np.place, "np.place", on_handles=True)
def _place(arr: Any, mask: Any, vals: Any) -> None:
    target = _handle(arr, "np.place")
    chosen = np.asarray(shared_value(mask, "np.place"), bool)
    row = np.reshape(_fitting(vals, target), -1)
    # The values go to the places chosen one after the other, round and round.
    target[chosen] = row[np.arange(np.count_nonzero(chosen)) % row.shape[0]]
