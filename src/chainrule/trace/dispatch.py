"""From a call of a NumPy or SciPy function on traced values to the tables of operations.

Ufuncs are primitives, for the most part, and stand in `chainrule.trace.ufuncs`; other functions are followed by a
composition of primitives, which `chainrule.library` registers here.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.trace.assignment import update
from chainrule.trace.names import public_name
from chainrule.trace.tables import FUNCTIONS, UFUNC_COMPOSITIONS, Composition
from chainrule.trace.tracer import Tracer

__all__ = ["call_function", "composition", "follow", "has_tracer", "written_into"]


def composition(
    function: Any, name: str, *, on_handles: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how a function is followed.

    Parameters
    ----------
    function : callable
        The NumPy or SciPy function.
    name : str
        As its users write it, such as ``np.var``.
    on_handles : bool
        True where the result can be a view of the argument, or the argument is written into.

    Returns
    -------
    callable
        A decorator; the decorated function has the same arguments as far as they are followed.
    """

    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        table: dict[Any, Composition] = UFUNC_COMPOSITIONS if isinstance(function, np.ufunc) else FUNCTIONS
        table[function] = Composition(name, follow, on_handles)
        return follow

    return register


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Follow a call that reached `__array_function__`."""
    entry = FUNCTIONS.get(function)
    if entry is None:
        raise NoDerivativeError(
            f"{public_name(function)} is not followed by chainrule. Write it in terms of functions that are, or "
            f"give its derivative with chainrule.custom_gradient.{user_line()}"
        )
    if len(args) > entry.most:
        args, kwargs = _by_name(function, entry, args, kwargs)
    if "out" in entry.accepts or kwargs.get("out") is None:
        return follow(entry, args, {name: x for name, x in kwargs.items() if name != "out" or name in entry.accepts})
    out = kwargs.pop("out")
    if entry.name in _IN_DTYPE_OF_OUT:
        args, kwargs = _in_dtype_of(out, entry, args, kwargs)
    return written_into(out, entry.name, follow(entry, args, kwargs))


#: Functions that compute in the dtype of what they write into.
_IN_DTYPE_OF_OUT = frozenset({"np.sum", "np.prod", "np.cumsum", "np.cumprod", "np.mean", "np.nansum", "np.nanprod"})


def _in_dtype_of(
    out: Any, entry: Composition, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    place = entry.names.index("dtype")
    if args[place : place + 1] == (None,):
        args = args[:place]
    fits = args and np.can_cast(np.result_type(args[0]), out.dtype, "same_kind")
    return args, ({"dtype": out.dtype, **kwargs} if fits and len(args) <= place else kwargs)


def written_into(out: Any, name: str, result: Any, casting: Any = "same_kind") -> Any:
    """Write a result into what was given for it as `out`.

    Parameters
    ----------
    out : Tracer or array
        Where to.
    name : str
        Of the function, for messages.
    result : Tracer, array or number
        What it gave.
    casting : str
        Which conversions of dtype are allowed, in NumPy's words.

    Returns
    -------
    Tracer or array
        `out`.

    Raises
    ------
    TraceError
        Where a traced result was to go into a plain array.
    """
    if isinstance(out, Tracer):
        return update(out, f"{name}(..., out=x)", result, casting)
    if isinstance(result, Tracer):
        raise TraceError(
            f"{name} was asked to write a traced result into a plain array (out=, or an operator such as +=), which "
            f"cannot take it. Make the array inside the function, or use the value returned.{user_line()}"
        )
    # What has derivative zero by rule is plain where a derivative alone is recorded.
    np.copyto(out, result, casting)
    return out


def _by_name(
    function: Any, entry: Composition, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn positional arguments that the composition takes by name alone into such."""
    try:
        names = list(inspect.signature(function).parameters)
    except ValueError:
        return args, kwargs
    most = int(entry.most)
    return args[:most], {**dict(zip(names[most:], args[most:], strict=False)), **kwargs}


def follow(entry: Composition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a composition as one named group."""
    if kwargs and not kwargs.keys() <= entry.accepts:
        unknown = ", ".join(f"{name}=" for name in sorted(kwargs.keys() - entry.accepts))
        _refuse_arguments(entry, unknown)
    if len(args) > entry.most:
        _refuse_arguments(entry, f"number {entry.most + 1}")
    tracer = _first_tracer(args)
    if tracer is None:
        tracer = _first_tracer(tuple(kwargs.values()))
    if tracer is None:
        return entry.follow(*args, **kwargs)
    # Every recording that the traced values belong to sees the group, the outer ones through the inner one's values.
    touched = []
    current: Any = tracer
    while isinstance(current, Tracer):
        if current.recording.group is None:
            current.recording.group = entry.name
            touched.append(current.recording)
        current = current.value
    try:
        return entry.follow(*args, **kwargs)
    finally:
        for recording in touched:
            recording.group = None


def _refuse_arguments(entry: Composition, which: str) -> None:
    raise TraceError(f"{entry.name}: argument {which} is not followed on traced values.{user_line()}")


def has_tracer(values: tuple[Any, ...] | list[Any]) -> bool:
    """Say whether a traced value is among arguments, lists and tuples of arguments included."""
    return _first_tracer(values) is not None


def _first_tracer(values: tuple[Any, ...] | list[Any]) -> Tracer | None:
    for item in values:
        if isinstance(item, Tracer) and item.is_traced:
            return item
        kind = type(item)
        if kind in (list, tuple) or hasattr(kind, "__chainrule_parts__"):
            found = _first_tracer(item if kind in (list, tuple) else item.__chainrule_parts__)
            if found is not None:
                return found
    return None
