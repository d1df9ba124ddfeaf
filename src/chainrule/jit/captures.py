"""What a function reads from around it: globals, closures, defaults, and the attributes of objects that it holds.

What was read when the function was recorded is remembered, and looked at again before each call. An array has to be the
same array; its entries may change where the program reads them itself. A number, a text or a container has to be equal.
"""

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.trace.tracer import Tracer

__all__ = ["Captures"]

#: Packages whose functions and modules stay what they are.
_LIBRARIES = frozenset(
    {"chainrule", "numpy", "scipy", "sklearn", "builtins", "math", "functools", "itertools", "operator"}
)
_NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic)
_DEPTH = 6
_MISSING = object()
#: Where objects of ours keep the function that they were made of.
_FUNCTION_OF_OURS = frozenset({"f", "_f"})
#: Where SciPy's sparse matrices keep their entries and places, in all their formats.
_ENTRIES_OF_SPARSE = frozenset({"data", "indices", "indptr", "coords", "offsets", "rows", "_dict", "_shape"})


class Captures:
    """What was read, and whether it is still the same.

    Parameters
    ----------
    f : callable
        Any function.
    free : frozenset of int
        Identities of arrays whose entries may change.
    objects : iterable
        What it is called with that is no number, such as the object that a method belongs to.

    Attributes
    ----------
    has_traced : bool
        True where a traced value of another recording is among it.
    """

    def __init__(self, f: Callable[..., Any], free: frozenset[int] = frozenset(), objects: Iterable[Any] = ()) -> None:
        walk = _Walk(free)
        walk.function(f)
        for x in objects:
            walk.value(x, _names_of(inspect.unwrap(f)), 0)
        self.has_traced = walk.has_traced
        self._names = walk.names
        self._cells = walk.cells
        self._attributes = walk.attributes
        self._deep = walk.deep

    @property
    def is_empty(self) -> bool:
        """True where there is nothing to look at."""
        return not (self._names or self._cells or self._attributes or self._deep)

    def hold(self) -> bool:
        """Look whether everything is as it was."""
        for names, name, expected in self._names:
            if names.get(name, _MISSING) is not expected:
                return False
        for cell, expected in self._cells:
            try:
                if cell.cell_contents is not expected:
                    return False
            except ValueError:
                return False
        for x, name, expected in self._attributes:
            if getattr(x, name, _MISSING) is not expected:
                return False
        return all(same() for same in self._deep) if self._deep else True


class _Walk:
    def __init__(self, free: frozenset[int]) -> None:
        self._free = free
        self._seen: set[int] = set()
        self._kept: list[Any] = []
        self.names: list[tuple[dict[str, Any], str, Any]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.attributes: list[tuple[Any, str, Any]] = []
        self.deep: list[Callable[[], bool]] = []
        self.has_traced = False

    def _first_time(self, x: Any) -> bool:
        if id(x) in self._seen:
            return False
        self._seen.add(id(x))
        self._kept.append(x)
        return True

    def function(self, f: Any) -> None:
        """Note what a function reads."""
        if isinstance(f, functools.partial):
            for part in (f.func, *f.args, *f.keywords.values()):
                self.value(part, frozenset(), 0)
            return
        if isinstance(f, types.MethodType):
            names = (
                frozenset(_names(f.__func__.__code__)) if isinstance(f.__func__, types.FunctionType) else frozenset()
            )
            self.value(f.__self__, names, 0)
            self.function(f.__func__)
            return
        if not isinstance(f, types.FunctionType):
            if callable(f) and not isinstance(f, (type, types.BuiltinFunctionType)):
                call = type(f).__dict__.get("__call__")
                self.value(f, _names_of(call), 0)
                if isinstance(call, types.FunctionType) and not _is_library(call):
                    self.function(call)
            return
        if not self._first_time(f):
            return
        names = frozenset(_names(f.__code__))
        for cell in f.__closure__ or ():
            try:
                inside = cell.cell_contents
            except ValueError:
                continue
            if not _is_library(f):
                self.cells.append((cell, inside))
            self.value(inside, names, 0)
        for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.value(value, names, 0)
        if _is_library(f):
            return
        for name in names & f.__globals__.keys():
            value = f.__globals__[name]
            if isinstance(value, types.ModuleType) and _top(value.__name__) in _LIBRARIES:
                continue
            self.names.append((f.__globals__, name, value))
            self.value(value, names, 0)

    def value(self, x: Any, names: frozenset[str], depth: int) -> None:
        """Note what may change inside of a value that is itself still the same object."""
        if isinstance(x, Tracer):
            self.has_traced = True
            return
        if isinstance(x, (*_NUMBERS, type)) or depth > _DEPTH:
            return
        if isinstance(x, (types.FunctionType, types.MethodType, functools.partial)):
            self.function(x)
            return
        if isinstance(x, types.BuiltinFunctionType):
            return
        if isinstance(x, np.ndarray):
            is_free = id(x) in self._free or id(_memory_of(x)) in self._free
            if not is_free and x.dtype.kind != "O" and self._first_time(x):
                self.deep.append(functools.partial(_has_entries, x, x.copy()))
            return
        if not self._first_time(x):
            return
        if isinstance(x, (tuple, list, dict)):
            items = list(x.items()) if isinstance(x, dict) else list(enumerate(x))
            if not isinstance(x, tuple):
                self.deep.append(functools.partial(_has_items, x, items))
            for _, item in items:
                self.value(item, names, depth + 1)
            return
        self._attributes(x, names, depth)

    def _attributes(self, x: Any, names: frozenset[str], depth: int) -> None:
        own = getattr(type(x), "__module__", "")
        everything = dataclasses.is_dataclass(x)
        if isinstance(x, types.ModuleType) and _top(x.__name__) in _LIBRARIES:
            return
        if own == "builtins" and not isinstance(x, types.ModuleType):
            return
        if _top(own) == "chainrule":
            names |= _FUNCTION_OF_OURS
        if own.startswith("scipy.sparse"):
            names |= _ENTRIES_OF_SPARSE
        for name, value in _attributes_of(x):
            if (everything or name in names) and not isinstance(value, types.ModuleType):
                if _top(own) != "chainrule":
                    self.attributes.append((x, name, value))
                self.value(value, names, depth + 1)


def _memory_of(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


def _attributes_of(x: Any) -> Iterator[tuple[str, Any]]:
    yield from list(getattr(x, "__dict__", {}).items())
    for kind in type(x).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(x, name):
                yield name, getattr(x, name)


def _names(code: types.CodeType) -> Iterator[str]:
    """Names that code reads, functions defined inside of it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _names_of(f: Any) -> frozenset[str]:
    return frozenset(_names(f.__code__)) if isinstance(f, types.FunctionType) else frozenset()


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_library(f: types.FunctionType) -> bool:
    return _top(str(f.__globals__.get("__name__"))) in _LIBRARIES  # functools.wraps changes __module__.


def _equal(x: Any, y: Any) -> bool:
    """The same object, or the same number or text."""
    return x is y or (type(x) is type(y) and isinstance(x, _NUMBERS) and (x == y or (x != x and y != y)))


def _has_entries(x: np.ndarray[Any, Any], entries: np.ndarray[Any, Any]) -> bool:
    return x.shape == entries.shape and x.dtype == entries.dtype and x.tobytes() == entries.tobytes()


def _has_items(x: Any, items: list[tuple[Any, Any]]) -> bool:
    now = list(x.items()) if isinstance(x, dict) else list(enumerate(x))
    return len(now) == len(items) and all(a == b and _equal(p, q) for (a, p), (b, q) in zip(now, items, strict=True))
