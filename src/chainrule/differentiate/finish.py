"""The last step of a derivative: arrays that belong to the caller alone."""

from typing import Any

import numpy as np

from chainrule.trace.tracer import Tracer, peel

__all__ = ["finish"]

_NDARRAY = np.ndarray


def finish(found: list[Any], handles: list[Tracer]) -> list[Any]:
    """Make every gradient an array of its own, of the argument's kind."""
    finished = []
    seen: set[int] = set()
    for g, handle in zip(found, handles, strict=True):
        if g is None:
            g = 0.0 if handle.weak and handle.dtype.kind == "f" else np.zeros(handle.shape, handle.dtype)
        finished.append(_own(g, handle, seen))
    return finished


def _own(g: Any, handle: Tracer, seen: set[int]) -> Any:
    kind = type(g)
    if kind is _NDARRAY and g.base is None and g.shape and g.flags.writeable and id(g) not in seen:
        seen.add(id(g))
        return g
    if isinstance(g, Tracer) or (kind is float and handle.node.weak):
        return g
    if handle.node.weak:
        return g if type(g) in (float, complex) else g.item()
    if handle.shape == () and not isinstance(peel(handle), np.ndarray):
        return g if isinstance(g, np.generic) else handle.dtype.type(g)
    # A gradient may be a view with strides 0, or one array may have gone to two arguments.
    if not isinstance(g, np.ndarray) or g.base is not None or not g.flags.writeable or id(g) in seen:
        g = np.array(g, handle.dtype)
    seen.add(id(g))
    return g
