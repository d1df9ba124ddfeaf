"""Calls of ufuncs with all of their arguments, from `__array_ufunc__` to the tables of operations.

``where=`` chooses between the result and what stands in ``out=``. At the other entries the function is computed at a
place where it is defined, so that neither it nor its derivative warns of what nobody looks at.
"""

import functools
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.ops.shapes import convert
from chainrule.trace.dispatch import follow, has_tracer, written_into
from chainrule.trace.names import public_name
from chainrule.trace.record import record
from chainrule.trace.tables import FUNCTIONS, SPECIAL_COMPOSITIONS, UFUNC_COMPOSITIONS, UFUNCS, Composition
from chainrule.trace.tracer import Tracer, goes_short_way
from chainrule.trace.ufunc_methods import METHODS, add_at, outer_operands, write_at

__all__ = ["call_ufunc"]


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Follow a call that reached `__array_ufunc__`.

    Parameters
    ----------
    ufunc : ufunc
        What was called.
    method : str
        ``__call__``, or the method of the ufunc.
    inputs, kwargs
        As NumPy hands them over: the arrays, and the arguments given by name, `out` as a tuple.

    Returns
    -------
    Tracer, array or tuple of them
        The result; what was given as `out` where something was.

    Raises
    ------
    NoDerivativeError
        Where there is no rule.
    TraceError
        Where an argument cannot be followed.
    """
    if not kwargs and method == "__call__":
        return _applied(ufunc, inputs, kwargs)
    name = public_name(ufunc)
    if method == "outer":
        return call_ufunc(ufunc, "__call__", outer_operands(ufunc, *inputs), kwargs)
    if method == "at":
        return (add_at if ufunc in (np.add, np.subtract) else write_at)(ufunc, name, *inputs)
    targets = kwargs.pop("out", None) or ()
    if method == "__call__":
        return _called(ufunc, name, inputs, kwargs, targets)
    follows = METHODS[method].get(ufunc) if method in METHODS else None
    if follows is None:
        raise NoDerivativeError(
            f"{name}.{method} is not followed by chainrule. Write it with functions of arrays, or as a loop over the "
            f"entries.{user_line()}"
        )
    kwargs = {key: x for key, x in kwargs.items() if x is not None or key == "axis"}
    if targets and np.can_cast(np.result_type(inputs[0]), targets[0].dtype, "same_kind"):
        # NumPy computes in the dtype of what it writes into.
        kwargs.setdefault("dtype", targets[0].dtype)
    result = follow(Composition(f"{name}.{method}", follows), inputs, kwargs)
    return written_into(targets[0], f"{name}.{method}", result) if targets else result


def _applied(ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The ufunc itself, by its row or its composition."""
    if not any(isinstance(x, Tracer) for x in inputs):
        return ufunc(*inputs, **kwargs)
    op = _ufunc_op(ufunc)
    if op is not None and not kwargs:
        return record(op, inputs, {})
    entry = UFUNC_COMPOSITIONS.get(ufunc) or _special_composition(ufunc)
    if entry is None and ufunc.__name__ == "clip":
        entry = FUNCTIONS[np.clip]  # What A.clip(x, y) calls: a ufunc for which NumPy has no public name.
    if entry is not None:
        return follow(entry, tuple(map(_as_array, inputs)), kwargs)
    if kwargs:
        raise TraceError(
            f"{public_name(ufunc)}: argument {', '.join(f'{name}=' for name in kwargs)} is not followed on traced "
            f"values.{user_line()}"
        )
    raise NoDerivativeError(
        f"{public_name(ufunc)} has no derivative rule. Write it in terms of functions that have one, or give a "
        f"rule with chainrule.custom_gradient.{user_line()}"
    )


def _as_array(x: Any) -> Any:
    if not isinstance(x, (list, tuple)):
        return x
    from chainrule.trace.creation import array

    return array(x) if has_tracer(x) else np.asarray(x)


def _called(ufunc: Any, name: str, inputs: tuple[Any, ...], kwargs: dict[str, Any], targets: tuple[Any, ...]) -> Any:
    mask, casting = kwargs.pop("where", True), kwargs.pop("casting", "same_kind")
    kwargs.pop("subok", None)  # No traced value is of a subclass.
    if kwargs.pop("order", "K") not in ("K", "C", "A"):
        raise TraceError(f"{name}: argument order='F' is not followed on traced values; transpose.{user_line()}")
    dtype, signature = kwargs.pop("dtype", None), kwargs.pop("signature", None)
    if signature is None and dtype is not None:
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    if signature is not None or casting != "same_kind":
        inputs = _converted(ufunc, inputs, signature, casting, targets)
    if mask is True or mask is np.True_:
        results = _applied(ufunc, inputs, kwargs)
        if not targets:
            return results
        several = results if ufunc.nout > 1 else (results,)
    else:
        if not targets or None in [None if x is None else 0 for x in targets]:
            raise TraceError(
                f"{name}: where= without out= leaves the other entries as they are found in memory. Say what they are "
                f"to be, as by out=np.zeros_like(x), or use np.where.{user_line()}"
            )
        mask = _as_mask(name, mask)
        safe = tuple(_filled(ufunc, x, mask) for x in inputs)
        results = _applied(ufunc, safe, kwargs)
        several = tuple(
            _chosen(mask, y, x) for y, x in zip(results if ufunc.nout > 1 else (results,), targets, strict=True)
        )
    written = [y if x is None else written_into(x, name, y, casting) for x, y in zip(targets, several, strict=True)]
    return written[0] if ufunc.nout == 1 else tuple(written)


def _as_mask(name: str, mask: Any) -> Any:
    mask = mask if isinstance(mask, Tracer) else np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"{name}: where= takes truth values, and got {mask.dtype}")
    return mask


def _filled(ufunc: Any, x: Any, mask: Any) -> Any:
    """An input with a harmless number in the places that are left out."""
    if getattr(x, "weak", False) or not hasattr(x, "dtype"):
        if not isinstance(x, (list, tuple)):
            return x
        x = np.asarray(x)
    # One half lies inside the domain of all functions of real numbers but that of arccosh.
    number = 2.0 if ufunc is np.arccosh else 0.5 if x.dtype.kind in "fc" else 1
    return np.where(mask, x, x.dtype.type(number))


def _chosen(mask: Any, result: Any, target: Any) -> Any:
    if not np.can_cast(np.result_type(result), target.dtype, "same_kind"):
        return result  # What writes it says so.
    return convert(np.where(mask, result, target), target.dtype)


def _converted(
    ufunc: Any, inputs: tuple[Any, ...], signature: Any, casting: Any, targets: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Inputs in the dtypes in which NumPy computes; what it does not allow it says itself."""
    inputs = tuple(np.asarray(x) if isinstance(x, (list, tuple)) else x for x in inputs)
    kinds: list[Any] = [_kind(x) for x in inputs]
    kinds += [None if x is None else x.dtype for x in targets] or [None] * ufunc.nout
    found = ufunc.resolve_dtypes(tuple(kinds), signature=signature, casting=casting)
    return tuple(x if _kind(x) == wide else convert(x, wide) for x, wide in zip(inputs, found, strict=False))


def _kind(x: Any) -> Any:
    """Data type of an input; the type of a Python number, which does not widen others."""
    if getattr(x, "weak", False):
        return {"f": float, "i": int, "c": complex, "b": np.dtype(bool)}[x.dtype.kind]
    if type(x) in (float, int, complex):
        return type(x)
    return np.dtype(bool) if type(x) is bool else x.dtype


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
    op = PRIMITIVES.get(f"scipy.special.{name}") if getattr(scipy.special, name, None) is ufunc else None
    if op is not None and ufunc.nin <= 2 and ufunc.nout == 1 and all(op.has_derivative(i) for i in range(ufunc.nin)):
        goes_short_way(ufunc, op)
    return op


@functools.cache
def _special_composition(ufunc: np.ufunc) -> Composition | None:
    entry = SPECIAL_COMPOSITIONS.get(ufunc.__name__)
    if entry is None:
        return None
    import scipy.special

    return entry if getattr(scipy.special, ufunc.__name__, None) is ufunc else None
