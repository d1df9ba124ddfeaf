"""NumPy's functions that write into an array they are given."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
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
    target[...] = src if where is True else np.where(where, src, target)
