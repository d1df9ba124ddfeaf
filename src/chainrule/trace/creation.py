"""NumPy's functions that make arrays, as the user's code meets them while something is recorded.

They are builtins, so that only their names can be exchanged: in the module `numpy`, and in modules that imported them
by name. For calls from other threads and from inside libraries they do what NumPy's do.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError
from chainrule.ops import shapes
from chainrule.trace.buffer import Buffer, buffer
from chainrule.trace.tracer import Tracer

__all__ = ["array", "exchange", "look_for_names", "recording_here", "restore"]

#: Libraries whose own calls are left alone.
_LIBRARIES = frozenset({"chainrule", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "autograd", "jax", "torch"})


class _Here(threading.local):
    """Number of recordings that are open in this thread."""

    depth = 0


recording_here = _Here()


def _users_call() -> bool:
    """Say whether the caller of the caller is the user's code, in a thread that is recording."""
    if recording_here.depth == 0:
        return False
    module = sys._getframe(2).f_globals.get("__name__", "")
    return module.partition(".")[0] not in _LIBRARIES


def _making(function: Any) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        return buffer(made) if _users_call() else made

    make.__name__ = make.__qualname__ = function.__name__
    make.__doc__ = function.__doc__
    return make


_array, _asarray, _full = np.array, np.asarray, np.full


def array(object: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """Make an array as `numpy.array` does; of traced values a traced one."""
    if isinstance(object, Tracer) and object.is_traced:
        copied = +object
    else:
        try:
            return buffer(_array(object, dtype, **kwargs))
        except TraceError:
            if not isinstance(object, (list, tuple)):
                raise
        except ValueError as problem:
            # NumPy asks a traced value for its length first, and hides the real reason behind that.
            if not isinstance(problem.__cause__, TraceError) or not isinstance(object, (list, tuple)):
                raise
        copied = np.stack([array(part) for part in object])
    return copied if dtype is None else shapes.convert(copied, np.dtype(dtype))


def _users_array(object: Any, dtype: Any = None, **kwargs: Any) -> Any:
    return array(object, dtype, **kwargs) if _users_call() else _array(object, dtype, **kwargs)


def _users_asarray(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if not _users_call():
        return _asarray(a, dtype, **kwargs)
    if isinstance(a, Tracer):
        return a if dtype is None or np.dtype(dtype) == a.dtype else shapes.convert(a, np.dtype(dtype))
    return array(a, dtype, **kwargs) if not isinstance(a, np.ndarray) else _asarray(a, dtype, **kwargs)


def _users_full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if not _users_call():
        return _full(shape, fill_value, dtype, **kwargs)
    if not (isinstance(fill_value, Tracer) and fill_value.is_traced):
        return buffer(_full(shape, fill_value, dtype, **kwargs))
    wanted = shape if isinstance(shape, tuple) else (shape,)
    filled = shapes.broadcast_to(fill_value, shape=tuple(int(n) for n in wanted))
    return filled if dtype is None else shapes.convert(filled, np.dtype(dtype))


class _Joining:
    """`np.r_` and `np.c_`: where a traced value is among the parts, they are joined by np.concatenate."""

    def __init__(self, own: Any, join: Callable[[list[Any]], Any]) -> None:
        self._own = own
        self._join = join

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(isinstance(part, Tracer) and part.is_traced for part in parts):
            return self._own[tuple(part.value if isinstance(part, Buffer) else part for part in parts)]
        if any(isinstance(part, str) for part in parts):
            raise TraceError("np.r_ and np.c_ with a directive in a string are not followed; use np.concatenate.")
        return self._join([np.r_[part] if isinstance(part, slice) else part for part in parts])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


_MADE: dict[str, Any] = {
    "zeros": _making(np.zeros),
    "empty": _making(np.empty),
    "ones": _making(np.ones),
    "eye": _making(np.eye),
    "identity": _making(np.identity),
    "zeros_like": _making(np.zeros_like),
    "empty_like": _making(np.empty_like),
    "ones_like": _making(np.ones_like),
    "full_like": _making(np.full_like),
    "copy": _making(np.copy),
    "array": _users_array,
    "asarray": _users_asarray,
    "full": _users_full,
    "r_": _Joining(np.r_, lambda parts: np.concatenate([np.atleast_1d(part) for part in parts])),
    "c_": _Joining(np.c_, np.column_stack),
}
_OWN: dict[str, Any] = {name: getattr(np, name) for name in _MADE}
_by_identity = {id(own): _MADE[name] for name, own in _OWN.items()}

# Modules that imported some of the names: their globals, what to put there, and what was there.
_named: dict[int, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {}
_lengths: dict[int, int] = {}
_modules_seen = 0


def exchange() -> None:
    """Put our functions in the place of NumPy's."""
    np.__dict__.update(_MADE)
    for names, ours, _ in _named.values():
        names.update(ours)


def restore() -> None:
    """Put NumPy's functions back."""
    np.__dict__.update(_OWN)
    for names, _, own in _named.values():
        names.update(own)


def look_for_names(own: dict[str, Any]) -> None:
    """Look for names imported from NumPy in modules that are new, and among the globals of the function recorded."""
    global _modules_seen
    if len(sys.modules) != _modules_seen:
        _modules_seen = len(sys.modules)
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] not in _LIBRARIES and hasattr(module, "__dict__"):
                _look_in(module.__dict__)
    _look_in(own)


def _look_in(names: dict[str, Any]) -> None:
    # Names are added far more often than exchanged for others, so that the number of names tells of a change.
    if _lengths.get(id(names)) == len(names):
        return
    _lengths[id(names)] = len(names)
    ours = {name: _by_identity[id(value)] for name, value in list(names.items()) if id(value) in _by_identity}
    if ours and names is not np.__dict__:
        _named[id(names)] = (names, ours, {name: names[name] for name in ours})
