"""Traced values that a function reads from around it: from its closure, its defaults, or an object that it holds."""

import functools
import types
from typing import Any

from chainrule.trace.tracer import Tracer

__all__ = ["reads_traced"]

#: Containers and objects inside of one another that are looked into; what stands deeper raises when it is used.
_DEPTH = 5
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type, types.ModuleType, types.BuiltinFunctionType)


def reads_traced(x: Any) -> bool:
    """Say whether a traced value can be reached from a function, or is among arguments.

    Parameters
    ----------
    x : object
        A function, an object with methods, or a container of them. Closures, defaults, bound arguments, attributes of
        objects and the entries of containers are looked into; globals are not.

    Returns
    -------
    bool
        True where there is one. A value that is hidden deeper than that raises `TraceError` when a plain number is made
        of it.
    """
    return _search(x, set(), 0)


def _search(x: Any, seen: set[int], depth: int) -> bool:
    if isinstance(x, Tracer):
        return x.is_traced
    if isinstance(x, _PLAIN) or depth > _DEPTH or id(x) in seen or _is_array(x):
        return False
    seen.add(id(x))
    return any(_search(part, seen, depth + 1) for part in _parts(x))


def _is_array(x: Any) -> bool:
    # None there leaves operators to the other side, as matrices and operators of SciPy do.
    return getattr(type(x), "__array_ufunc__", None) is not None


def _parts(x: Any) -> list[Any]:
    if isinstance(x, types.FunctionType):
        return [*map(_contents, x.__closure__ or ()), *(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values()]
    if isinstance(x, types.MethodType):
        return [x.__self__, x.__func__]
    if isinstance(x, functools.partial):
        return [x.func, *x.args, *x.keywords.values()]
    if isinstance(x, dict):
        return list(x.values())
    if isinstance(x, (list, tuple, set, frozenset)):
        return list(x)
    slots = [getattr(x, name, None) for kind in type(x).__mro__ for name in _slots(kind)]
    return [*getattr(x, "__dict__", {}).values(), *slots]


def _slots(kind: type) -> tuple[str, ...]:
    found = kind.__dict__.get("__slots__", ())
    return (found,) if isinstance(found, str) else tuple(found)


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # A name that is not bound yet.
        return None
