"""Arrays that code under recording makes, and may write traced values into.

A plain array cannot take a traced value. While something is recorded, `np.zeros` and its kin therefore give a `Buffer`
to the user's code: a handle on a plain array that behaves as the array. It becomes a traced array with the first traced
value assigned into it.
"""

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node
from chainrule.ops.op import Op
from chainrule.trace.assignment import Taken, update
from chainrule.trace.dispatch import call_function, has_tracer
from chainrule.trace.handle import View, token
from chainrule.trace.tables import FUNCTIONS
from chainrule.trace.tracer import Tracer

__all__ = ["Buffer", "buffer", "settled"]


class _Plain:
    """The level of arrays that depend on nothing: operations on them are computed, and not recorded."""

    __slots__ = ()

    level = -1
    whole = False
    group = None
    is_special = True

    def compute(self, op: Op, args: tuple[Any, ...], params: dict[str, Any], compute: Callable[..., Any] | None) -> Any:
        values = [x.value if isinstance(x, Buffer) else x for x in args]
        return buffer(op(*values, **params) if compute is None else compute(*values))


_PLAIN = _Plain()


class Buffer(Tracer):
    """A handle on a plain array, in the user's code while something is recorded."""

    __slots__ = ()

    is_traced = False

    def _plain(self) -> Any:
        # A view whose parent became traced is traced as well.
        self.refresh()
        return self.value if isinstance(self, Buffer) else np.asarray(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if has_tracer(inputs) or has_tracer(tuple(kwargs.values())):
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        out = kwargs.get("out", ())
        for target in (*out, *(inputs[:1] if method == "at" else ())):
            if isinstance(target, Buffer):
                target.make_writeable()
        if out:
            kwargs["out"] = tuple(_stripped(target) for target in out)
        result = getattr(ufunc, method)(*_stripped(inputs), **_stripped(kwargs))
        return out[0] if len(out) == 1 else _wrapped(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        entry = FUNCTIONS.get(function)
        if has_tracer(args) or has_tracer(tuple(kwargs.values())):
            return call_function(function, args, kwargs)
        if entry is not None and entry.on_handles and kwargs.keys() <= entry.accepts:
            return entry.follow(*args, **kwargs)
        out = kwargs.get("out")
        if isinstance(out, Buffer):
            out.make_writeable()
            function(*_stripped(args), **_stripped(kwargs))
            return out
        return _related(_wrapped(function(*_stripped(args), **_stripped(kwargs))), args, function)

    def _in_place(self, symbol: str, result: Any) -> Any:
        # Where there are no axes, this is an array all the same: whoever holds it sees the change.
        return update(self, f"x {symbol}= y", result)

    def make_writeable(self) -> None:
        """Take a copy where the array is held by a recording; views are taken again from it."""
        self.refresh()
        if not self.value.flags.writeable:
            self.value = self.value.copy(order="K")

    def __bool__(self) -> bool:
        return bool(self._plain())

    def __float__(self) -> float:
        return float(self._plain())

    def __int__(self) -> int:
        return int(self._plain())

    def __complex__(self) -> complex:
        return complex(self._plain())

    def __index__(self) -> int:
        return operator.index(self._plain())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._plain(), dtype, copy=copy)

    def __repr__(self) -> str:
        return repr(self._plain())

    def __str__(self) -> str:
        return str(self._plain())

    def __format__(self, specification: str) -> str:
        return format(self._plain(), specification)

    def __copy__(self) -> Any:
        return buffer(self._plain().copy())

    def __deepcopy__(self, memo: Any) -> Any:
        return buffer(self._plain().copy())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return np.asarray, (self._plain(),)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain(), name)


def _stripped(x: Any) -> Any:
    """Plain arrays in the places of buffers, in tuples, lists and dicts too."""
    if isinstance(x, Tracer):
        return settled(x)
    if type(x) in (tuple, list):
        return type(x)(_stripped(part) for part in x)
    return {name: _stripped(part) for name, part in x.items()} if type(x) is dict else x


def _wrapped(x: Any) -> Any:
    return type(x)(_wrapped(part) for part in x) if type(x) in (tuple, list) else buffer(x)


def _related(made: Any, args: Any, function: Any) -> Any:
    """Relate a result to the buffer whose memory it shares, for the time when one of them becomes traced."""
    if type(made) in (tuple, list):
        return type(made)(_related(part, args, function) for part in made)
    if isinstance(made, Buffer):
        for x in args:
            if isinstance(x, Buffer) and x.value is made.value:
                return x
            if isinstance(x, Buffer) and made.value.base is not None and np.shares_memory(made.value, x.value):
                how: Any = _Unknown(function)
                made.view = View(x, token(x), how, {})
    return made


class _Unknown(Taken):
    """A view made by a function that chainrule does not know to make one."""

    __slots__ = ()

    def __init__(self, function: Any) -> None:
        super().__init__(
            f"{function.__module__}.{function.__name__}".replace("numpy.", "np."), self._refuse, self._refuse
        )

    def _refuse(self, *arrays: Any) -> NoReturn:
        raise TraceError(
            f"{self.name} made a view of an array, and a traced value was then written into one of the two; that the "
            f"other one sees it is not followed. Copy one of them, or write a[...] for the view.{user_line()}"
        )


def buffer(array: Any) -> Any:
    """Give the user's code a handle on a new array of real or complex numbers; anything else as it is."""
    if type(array) is not np.ndarray or array.dtype.kind not in "fc":
        return array
    return Buffer(Node(None, (), {"name": "array"}, array.shape, array.dtype), array, _PLAIN)


def settled(x: Any) -> Any:
    """What a handle stands for now: a view is taken again if need be, and a buffer is its plain array."""
    if not isinstance(x, Tracer):
        return x
    if x.view is not None:
        x.refresh()
    return x.value if isinstance(x, Buffer) else x
