"""From a call of a NumPy or SciPy function on traced values to the tables of operations.

Ufuncs are primitives, for the most part; other functions are followed by a composition of primitives, which
`chainrule.library` registers here.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.ops import PRIMITIVES, shapes
from chainrule.ops.op import Op
from chainrule.ops.shapes import convert
from chainrule.trace.assignment import update
from chainrule.trace.indexing import split_index
from chainrule.trace.tables import FUNCTIONS, SPECIAL_COMPOSITIONS, UFUNC_COMPOSITIONS, UFUNCS, Composition
from chainrule.trace.tracer import Tracer, record

__all__ = ["call_function", "call_ufunc", "composition", "has_tracer"]


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
            f"{_public_name(function)} is not followed by chainrule. Write it in terms of functions that are, or "
            f"give its derivative with chainrule.custom_gradient.{user_line()}"
        )
    return follow(entry, args, kwargs)


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
        if type(item) in (list, tuple):
            found = _first_tracer(item)
            if found is not None:
                return found
    return None


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Follow a call that reached `__array_ufunc__`."""
    if method == "__call__" and not kwargs:
        op = _ufunc_op(ufunc)
        if op is not None:
            return record(op, inputs, {})
        entry = UFUNC_COMPOSITIONS.get(ufunc) or _special_composition(ufunc)
        if entry is not None:
            return follow(entry, inputs, kwargs)
        raise NoDerivativeError(
            f"{_public_name(ufunc)} has no derivative rule. Write it in terms of functions that have one, or give a "
            f"rule with chainrule.custom_gradient.{user_line()}"
        )
    if method == "at" and ufunc in (np.add, np.subtract):
        return _add_at(ufunc, *inputs)
    out = kwargs.pop("out", None)
    if out is not None:
        if len(out) == 1 and isinstance(out[0], Tracer):
            return update(out[0], f"{_public_name(ufunc)}, out", getattr(ufunc, method)(*inputs, **kwargs))
        raise TraceError(
            f"{_public_name(ufunc)} was asked to write a traced result into a plain array (out=, or an operator "
            "such as +=), which cannot take it. Make the array inside the function, or use the value "
            f"returned.{user_line()}"
        )
    if method != "__call__":
        own = "the function of its own name, such as np.sum for np.add.reduce"
        instead = "scipy.special.logsumexp" if ufunc is np.logaddexp else own
        raise NoDerivativeError(
            f"{_public_name(ufunc)}.{method} is not followed by chainrule. Use {instead}.{user_line()}"
        )
    if kwargs.keys() == {"dtype"}:
        # NumPy computes in that dtype: the inputs are converted first.
        dtype = np.dtype(kwargs["dtype"])
        return call_ufunc(ufunc, method, tuple(convert(x, dtype) for x in inputs), {})
    raise TraceError(
        f"{_public_name(ufunc)}: argument {', '.join(f'{name}=' for name in kwargs)} is not followed on traced "
        f"values.{user_line()}"
    )


@functools.cache
def _ufunc_op(ufunc: Any) -> Op | None:
    if not isinstance(ufunc, np.ufunc):
        return None
    if ufunc in UFUNCS:
        return UFUNCS[ufunc]
    name = ufunc.__name__
    if getattr(np, name, None) is ufunc:
        return PRIMITIVES.get(f"np.{name}")
    import scipy.special

    # Its functions are found by name, so that scipy.special is imported only once somebody uses it.
    return PRIMITIVES.get(f"scipy.special.{name}") if getattr(scipy.special, name, None) is ufunc else None


@functools.cache
def _special_composition(ufunc: np.ufunc) -> Composition | None:
    entry = SPECIAL_COMPOSITIONS.get(ufunc.__name__)
    if entry is None:
        return None
    import scipy.special

    return entry if getattr(scipy.special, ufunc.__name__, None) is ufunc else None


def _add_at(ufunc: np.ufunc, target: Any, indices: Any, values: Any = None) -> None:
    if not isinstance(target, Tracer):
        raise TraceError(
            f"{_public_name(ufunc)}.at was asked to add a traced value to a plain array, which cannot take it. Make "
            f"the array inside the function.{user_line()}"
        )
    template, arrays = split_index(indices)
    picked = target[indices]
    spread = np.broadcast_to(values, np.shape(picked))
    added = shapes.index_add(spread, *arrays, template=template, shape=target.shape)
    update(target, "+", ufunc(target, added))


def _public_name(function: Any) -> str:
    module = getattr(function, "__module__", None)
    if module is None:
        import scipy.special

        module = "scipy.special" if getattr(scipy.special, function.__name__, None) is function else "numpy"
    return f"{module}.{function.__name__}".replace("numpy.", "np.")
