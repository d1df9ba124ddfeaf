"""Recording one operation: its value is computed, and its node goes onto the tape of the innermost recording."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.trace.handle import Handle, View, token
from chainrule.trace.names import which_argument
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.recording import Recording

__all__ = ["NUMBERS", "dtype_of", "record", "wrap"]

#: Types of numbers, which are recorded as they are.
NUMBERS = frozenset({float, int, bool, complex, np.float64, np.float32, np.int64, np.bool_})

_FLOAT = np.dtype(np.float64)
_INT = np.dtype(np.int64)
_COMPLEX = np.dtype(np.complex128)
_BOOL = np.dtype(bool)
_PYTHON_DTYPES: dict[type, np.dtype[Any]] = {float: _FLOAT, int: _INT, complex: _COMPLEX, bool: _BOOL}
_NDARRAY = np.ndarray
_FLOAT64 = np.float64
_new = object.__new__


def dtype_of(kind: type) -> np.dtype[Any]:
    """Data type that NumPy gives a Python number."""
    return _PYTHON_DTYPES[kind]


def wrap(
    like: Handle,
    op: Op,
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    kept: tuple[Any, ...],
    ans: Any,
) -> Any:
    """Record one operation that has been computed.

    Parameters
    ----------
    like : Handle
        One of the inputs: its recording is where the operation goes.
    op, inputs, params, kept
        As in `Node`.
    ans : array or number
        The value computed.

    Returns
    -------
    Handle
        The handle on the new node, of the same class.
    """
    # Node and handle are filled in here: two calls of `__init__` would take as long as the rest of this function.
    recording = like.recording
    node = _new(Node)
    node.op = op
    node.inputs = inputs
    node.params = params
    node.group = recording.group
    node.kept = kept
    node.weak = False
    kind = type(ans)
    if kind is _NDARRAY:
        node.shape = ans.shape
        node.dtype = ans.dtype
    elif kind is _FLOAT64:
        node.shape = ()
        node.dtype = _FLOAT
    elif kind in _PYTHON_DTYPES:
        node.shape = ()
        node.dtype = _PYTHON_DTYPES[kind]
        node.weak = True
    else:
        node.shape = ans.shape
        node.dtype = ans.dtype
        if isinstance(ans, Handle):
            node.weak = ans.weak
    # An attribute that is called as a method is looked up in the long way, where it is a slot.
    append = recording.append
    append(node)
    made = _new(type(like))
    made.node = node
    made.value = ans
    made.recording = recording
    made.view = None
    return made


def record(op: Op, args: tuple[Any, ...], params: dict[str, Any], compute: Callable[..., Any] | None = None) -> Any:
    """Compute an operation on inputs of which at least one is traced, and record it at the innermost level.

    Parameters
    ----------
    op : Op
        The operation.
    args : tuple
        Traced values, arrays and numbers.
    params : dict
        Static parameters.
    compute : callable, optional
        What computes the value: Python's operator, which makes a Python number of Python numbers. Otherwise the
        operation itself.

    Returns
    -------
    Handle, array or number
        A plain result where the operation is piecewise constant and only a derivative is being recorded.

    Raises
    ------
    NoDerivativeError
        Where the derivative by a traced input is needed and no rule exists.
    """
    if len(args) == 1 and compute is None and type(args[0].recording) is Recording and op.is_complete:
        return _record_one(op, args[0], params)
    innermost: Any = None
    for argument in args:
        if isinstance(argument, Handle):
            if argument.view is not None:
                argument.refresh()
            if innermost is None or argument.recording.level > innermost.recording.level:
                innermost = argument
    assert innermost is not None, "record is called with a traced input"
    recording = innermost.recording
    if recording.is_special:
        args = tuple(_joined(x) if type(x) in (list, tuple) else x for x in args)
        if recording.level >= 0:
            args = tuple(x.value if isinstance(x, Handle) and not x.is_traced else x for x in args)
        ans = recording.compute(op, args, params, compute)
        # NumPy makes a number of one entry, and a view without axes only where it is asked for by an Ellipsis.
        may_be_view = op.is_view and (op is not _INDEX or Ellipsis in params["template"] or ans.shape != ())
        if may_be_view and len(args) == 1 and isinstance(ans, Handle) and _shares_memory(args[0].value, ans.value):
            ans.view = View(args[0], token(args[0]), op, params)
        return ans
    values: list[Any] = []
    inputs: list[Any] = []
    is_nested = False
    keeps, whole = op.keeps, recording.whole
    has_rules = whole or op.is_complete
    for argument in args:
        if type(argument) is _NDARRAY:
            constant = recording.hold(argument) if keeps or whole else argument
            if type(constant) is not _NDARRAY:
                is_nested = True
            values.append(constant)
            inputs.append(constant)
        elif isinstance(argument, Handle) and argument.recording is recording:
            if not (has_rules or op.has_derivative(i := len(inputs))):
                raise NoDerivativeError(
                    f"{op.name} has no derivative rule by its {which_argument(op, i)}, which depends on what is "
                    "differentiated. Use chainrule.stop_gradient on it if the derivative is meant to be zero, or give "
                    "a rule with chainrule.custom_gradient." + user_line()
                )
            a = argument.value
            if type(a) is not _NDARRAY and isinstance(a, Handle):
                is_nested = True
            values.append(a)
            inputs.append(argument.node)
        else:
            try:
                constant = argument if type(argument) in NUMBERS else _constant(argument, recording, op)
            except _ListOfTraced:
                return record(op, tuple(map(_joined, args)), params, compute)
            is_nested = is_nested or isinstance(constant, Handle)
            values.append(constant)
            inputs.append(constant)
    # Where recordings are nested, the values are traced by the ones around this.
    ans = compute(*values) if compute is not None else (op if is_nested else op.evaluate)(*values, **params)
    if op.is_constant and not whole:
        return ans
    kept: tuple[Any, ...] = ()
    if keeps and not whole:
        read = values
        if -1 not in keeps:
            # Of what no rule reads the value, the node stands there, for its shape.
            read = [values[i] if i + 1 in keeps else x for i, x in enumerate(inputs)]
        kept = (ans if op.keeps_ans else None, *read)
    return wrap(innermost, op, tuple(inputs), params, kept, ans)


class _ListOfTraced(Exception):
    """An operand is a list in which traced values are."""


def _joined(x: Any) -> Any:
    """A list of traced values as one; all else as it is."""
    if not isinstance(x, (list, tuple)):
        return x
    from chainrule.trace.creation import array

    return array(x)


def _constant(x: Any, recording: Recording, op: Op) -> Any:
    """What a recording holds for an input that it does not trace."""
    if type(x) is _NDARRAY:
        return recording.hold(x) if op.keeps or recording.whole else x
    if isinstance(x, Handle):
        # A handle of its own, since an assignment to the user's must not change what the backward pass reads.
        return x.same_handle() if x.is_traced else _constant(x.value, recording, op)
    if isinstance(x, (np.generic, float, int, complex)):
        return x
    if isinstance(x, np.ndarray) and type(x).__name__ in ("MaskedArray", "matrix"):
        raise TraceError(
            f"A {type(x).__name__} met a traced value: its mask or its way of multiplying would be lost. Use a "
            f"plain array "
            f"(np.where for a mask).{user_line()}"
        )
    try:
        return recording.hold(np.asarray(x))
    except Exception as problem:
        if isinstance(x, (list, tuple)) and isinstance(problem, (TraceError, ValueError)):
            raise _ListOfTraced from problem
        if isinstance(problem, TraceError):
            raise
        raise TraceError(
            f"An operand of type {type(x).__name__} cannot be combined with a traced value.{user_line()}"
        ) from problem


def _record_one(op: Op, x: Handle, params: dict[str, Any]) -> Any:
    """Record an operation with parameters on one traced value."""
    view = x.view
    if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
        x.refresh()
    a = x.value
    ans = record(op, (a,), params) if isinstance(a, Handle) else op.evaluate(a, **params)
    recording = x.recording
    source = x.node
    kept: tuple[Any, ...] = ()
    if recording.whole:
        pass
    elif op.keeps_x:
        kept = (ans if op.keeps_ans else None, a)
    elif op.keeps_ans:
        kept = (ans, source)
    elif op.is_constant:
        return ans
    made = wrap(x, op, (source,), params, kept, ans)
    if op.is_view and type(ans) is not _FLOAT64 and _shares_memory(a, ans):
        made.view = View(x, source, op, params)
    return made


def _shares_memory(a: Any, ans: Any) -> bool:
    """Say whether the result is a view: a copy that np.reshape makes has a base too, but another one."""
    if type(ans) is _NDARRAY:
        base = ans.base
        return base is not None and (base is a or base is getattr(a, "base", None))
    return ans.view is not None if isinstance(ans, Handle) else ans is NO_VALUE


_INDEX = PRIMITIVES["index"]
