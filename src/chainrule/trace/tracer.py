"""Traced values: what stands in for an array while a function is recorded.

A tracer is a handle on a node, together with the node's value and the recording it belongs to. Python's operators stand
in `chainrule.trace.operators`, NumPy's functions come through its two protocols; both end in
`chainrule.trace.record`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.ops.shapes import SLOT
from chainrule.trace.arraylike import peel, value
from chainrule.trace.handle import Handle, View
from chainrule.trace.indexing import STATIC, split_index
from chainrule.trace.operators import Operators, binary, unary
from chainrule.trace.record import record, wrap
from chainrule.trace.tables import FUNCTIONS, UFUNCS

__all__ = ["Tracer", "goes_short_way", "peel", "value"]

_NDARRAY = np.ndarray
_new = object.__new__

# What records ufuncs of one and of two operands.
_OF_ONE: dict[Any, Callable[..., Any]] = {}
_OF_TWO: dict[Any, tuple[Callable[..., Any], Callable[..., Any]]] = {}


def goes_short_way(ufunc: Any, op: Op) -> None:
    """Let a ufunc that is a primitive as it is, with a rule for each input, take the short way."""
    if ufunc.nin == 1:
        _OF_ONE[ufunc] = unary(op, ufunc)
    elif ufunc.nin == 2:
        _OF_TWO[ufunc] = binary(op, ufunc)


for _ufunc, _op in UFUNCS.items():
    goes_short_way(_ufunc, _op)


class Tracer(Operators):
    """A traced array or number; it behaves as NumPy's arrays do, and records what is done to it (see `Handle`)."""

    __slots__ = ()

    # The two protocols of NumPy. Both take the short way where the tables have an entry, and leave the rest, errors
    # included, to `chainrule.trace.dispatch`.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            if len(inputs) == 1:
                apply = _OF_ONE.get(ufunc)
                if apply is not None:
                    return apply(self)
            else:
                both = _OF_TWO.get(ufunc)
                if both is not None:
                    x, y = inputs
                    return both[0](self, y) if x is self else both[1](self, x)
        from chainrule.trace.ufuncs import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        entry = FUNCTIONS.get(function)
        if (
            entry is None
            or (kwargs and not kwargs.keys() <= entry.accepts)
            or len(args) > entry.most
            or isinstance(self.value, Handle)
        ):
            from chainrule.trace.dispatch import call_function

            return call_function(function, args, kwargs)
        recording = self.recording
        if recording.group is not None:
            return entry.follow(*args, **kwargs)
        recording.group = entry.name
        try:
            return entry.follow(*args, **kwargs)
        finally:
            recording.group = None

    #: How the table of operations reaches this room (see `Op`).
    __chainrule_record__ = staticmethod(record)

    # Entries.

    def __getitem__(self, key: Any) -> Any:
        view = self.view
        if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
            self.refresh()
        a = self.value
        if (
            type(a) is _NDARRAY
            and type(self) is Tracer
            and (type(key) in STATIC or (type(key) is tuple and STATIC.issuperset(map(type, key))))
        ):
            source = self.node
            params = {"template": key if type(key) is tuple else (key,)}
            ans = a[key]
            made = wrap(self, _INDEX, (source,), params, (), ans)
            # NumPy makes a number of one entry, and a view of several.
            if type(ans) is _NDARRAY:
                # Filled in here, as in `wrap`.
                made.view = view = _new(View)
                view.parent = self
                view.source = source
                view.op = _INDEX
                view.params = params
            return made
        if type(key) is _NDARRAY:
            recording = self.recording
            if type(a) is _NDARRAY and type(self) is Tracer and not recording.whole:
                kept = recording.keep(key)
                ans = a[kept]
                return wrap(self, _INDEX, (self.node, kept), _AT_ARRAY, (None, self.node, kept), ans)
            return record(_INDEX, (self, key), _AT_ARRAY)
        template, arrays = split_index(key)
        return record(_INDEX, (self, *arrays), {"template": template})

    @property
    def T(self) -> Any:
        """The transpose, a view."""
        a = self.value
        if type(a) is not _NDARRAY or self.view is not None or type(self) is not Tracer or self.recording.whole:
            return np.transpose(self)
        source = self.node
        params = {"axes": tuple(range(a.ndim - 1, -1, -1))}
        made = wrap(self, _TRANSPOSE, (source,), params, (), a.T)
        made.view = View(self, source, _TRANSPOSE, params)
        return made

    def __setitem__(self, key: Any, item: Any) -> None:
        from chainrule.trace.assignment import assign

        assign(self, key, item)


_INDEX, _TRANSPOSE = PRIMITIVES["index"], PRIMITIVES["np.transpose"]
_AT_ARRAY = {"template": (SLOT,)}
