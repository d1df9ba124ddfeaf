"""Traced values: what stands in for an array while a function is recorded.

A tracer is a handle on a node, together with the node's value and the recording it belongs to. Python's operators
come through the short ways `_one` and `_two`, NumPy's functions through its two protocols; both end in `wrap`.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.ops.shapes import SLOT
from chainrule.trace.arraylike import ArrayLike, peel, value
from chainrule.trace.indexing import STATIC, split_index
from chainrule.trace.names import which_argument
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.recording import Recording
from chainrule.trace.tables import FUNCTIONS, UFUNCS

__all__ = ["Tracer", "peel", "record", "value", "wrap"]


_FLOAT = np.dtype(np.float64)
_INT = np.dtype(np.int64)
_COMPLEX = np.dtype(np.complex128)
_BOOL = np.dtype(bool)
_PYTHON_DTYPES: dict[type, np.dtype[Any]] = {float: _FLOAT, int: _INT, complex: _COMPLEX, bool: _BOOL}
_NUMBERS = frozenset({float, int, bool, complex, np.float64, np.float32, np.int64, np.bool_})
_EMPTY: dict[str, Any] = {}
_NDARRAY = np.ndarray
_FLOAT64 = np.float64
_new = object.__new__


def dtype_of(kind: type) -> np.dtype[Any]:
    """Data type that NumPy gives a Python number."""
    return _PYTHON_DTYPES[kind]


def wrap(
    recording: Recording,
    op: Op,
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    kept: tuple[Any, ...],
    ans: Any,
) -> "Tracer":
    """Record one operation that has been computed.

    Parameters
    ----------
    recording : Recording
        Where to.
    op, inputs, params, kept
        As in `Node`.
    ans : array or number
        The value computed.

    Returns
    -------
    Tracer
        The handle on the new node.
    """
    # Node and tracer are filled in here: two calls of `__init__` would take as long as the rest of this function.
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
        if isinstance(ans, Tracer):
            node.weak = ans.weak
    recording.append(node)
    made = _new(Tracer)
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
    Tracer, array or number
        A plain result where the operation is piecewise constant and only a derivative is being recorded.

    Raises
    ------
    NoDerivativeError
        Where the derivative by a traced input is needed and no rule exists.
    """
    if len(args) == 1 and compute is None and type(args[0]) is Tracer and (op.is_complete or op.has_derivative(0)):
        return _one_with(op, args[0], params)
    recording: Any = None
    for argument in args:
        if isinstance(argument, Tracer):
            if argument.view is not None:
                argument.refresh()
            if recording is None or argument.recording.level > recording.level:
                recording = argument.recording
    assert recording is not None, "record is called with a traced input"
    if recording.is_special:
        args = tuple(_joined(x) if type(x) in (list, tuple) else x for x in args)
        if recording.level >= 0:
            args = tuple(x.value if isinstance(x, Tracer) and not x.is_traced else x for x in args)
        ans = recording.compute(op, args, params, compute)
        # NumPy makes a number of one entry, and a view without axes only where it is asked for by an Ellipsis.
        may_be_view = op.is_view and (op is not _INDEX or Ellipsis in params["template"] or ans.shape != ())
        if may_be_view and len(args) == 1 and isinstance(ans, Tracer) and _shares_memory(args[0].value, ans.value):
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
        elif isinstance(argument, Tracer) and argument.recording is recording:
            if not (has_rules or op.has_derivative(i := len(inputs))):
                raise NoDerivativeError(
                    f"{op.name} has no derivative rule by its {which_argument(op, i)}, which depends on what is "
                    "differentiated. Use chainrule.stop_gradient on it if the derivative is meant to be zero, or give "
                    "a rule with chainrule.custom_gradient." + user_line()
                )
            a = argument.value
            if type(a) is not _NDARRAY and isinstance(a, Tracer):
                is_nested = True
            values.append(a)
            inputs.append(argument.node)
        else:
            try:
                constant = argument if type(argument) in _NUMBERS else _constant(argument, recording, op)
            except _ListOfTraced:
                return record(op, tuple(map(_joined, args)), params, compute)
            is_nested = is_nested or isinstance(constant, Tracer)
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
    return wrap(recording, op, tuple(inputs), params, kept, ans)


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
    if isinstance(x, Tracer):
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


def _one(op: Op, compute: Callable[[Any], Any], x: "Tracer") -> Any:
    """Record an operation without parameters on one traced value."""
    if type(x) is not Tracer:
        return record(op, (x,), _EMPTY, compute)
    view = x.view
    if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
        x.refresh()
    a = x.value
    ans = compute(a)
    recording = x.recording
    kept: tuple[Any, ...] = ()
    if not recording.whole:
        if op.keeps:
            kept = (ans if op.keeps_ans else None, a if op.keeps_x else None)
        elif op.is_constant:
            return ans
    return wrap(recording, op, (x.node,), _EMPTY, kept, ans)


def _one_with(op: Op, x: "Tracer", params: dict[str, Any]) -> Any:
    """Record an operation with parameters on one traced value."""
    view = x.view
    if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
        x.refresh()
    a = x.value
    ans = record(op, (a,), params) if isinstance(a, Tracer) else op.evaluate(a, **params)
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
    made = wrap(recording, op, (source,), params, kept, ans)
    if op.is_view and type(ans) is not _FLOAT64 and _shares_memory(a, ans):
        made.view = View(x, source, op, params)
    return made


def _shares_memory(a: Any, ans: Any) -> bool:
    """Say whether the result is a view: a copy that np.reshape makes has a base too, but another one."""
    if type(ans) is _NDARRAY:
        base = ans.base
        return base is not None and (base is a or base is getattr(a, "base", None))
    return ans.view is not None if isinstance(ans, Tracer) else ans is NO_VALUE


def _two(op: Op, compute: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """Record a binary operator; one of `x` and `y` is a tracer."""
    a: Any
    b: Any
    inputs: tuple[Any, Any]
    if type(x) is Tracer:
        recording = x.recording
        kind = type(y)
        # Whether a view is up to date is looked at here, since the call of `refresh` would take as long as the rest.
        view = x.view
        if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
            x.refresh()
        if kind is Tracer and y.recording is recording:
            view = y.view
            if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
                y.refresh()
            a, b, inputs = x.value, y.value, (x.node, y.node)
        elif kind in _NUMBERS:
            a, b, inputs = x.value, y, (x.node, y)
        elif kind is _NDARRAY:
            b = recording.hold(y) if op.keeps or recording.whole else y
            a, inputs = x.value, (x.node, b)
        else:
            return _with_other(op, compute, x, y)
    elif type(y) is Tracer:
        recording = y.recording
        kind = type(x)
        view = y.view
        if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
            y.refresh()
        if kind in _NUMBERS:
            a = x
        elif kind is _NDARRAY:
            a = recording.hold(x) if op.keeps or recording.whole else x
        else:
            return record(op, (x, y), _EMPTY, compute)
        b, inputs = y.value, (a, y.node)
    else:
        return _with_other(op, compute, x, y)
    ans = compute(a, b)
    kept: tuple[Any, ...] = ()
    if recording.whole:
        pass
    elif op.keeps:
        # A tuple of plain values alone is of no interest to the garbage collector, so that no nodes stand in it.
        kept = (ans if op.keeps_ans else None, a if op.keeps_x else None, b if op.keeps_y else None)
    elif op.is_constant:
        return ans
    return wrap(recording, op, inputs, _EMPTY, kept, ans)


def _with_other(op: Op, compute: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    # A sparse matrix or an operator on the right-hand side has a way of its own to be multiplied.
    if (op is _MATMUL or op is _MULTIPLY) and (hasattr(type(y), "tocsr") or hasattr(type(y), "rmatvec")):
        return NotImplemented
    return record(op, (x, y), _EMPTY, compute)


_NEGATIVE, _POSITIVE, _ABSOLUTE = (PRIMITIVES[f"np.{name}"] for name in ("negative", "positive", "absolute"))
_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = (PRIMITIVES[f"np.{name}"] for name in ("add", "subtract", "multiply", "divide"))
_POWER, _MATMUL, _MOD = (PRIMITIVES[f"np.{name}"] for name in ("power", "matmul", "remainder"))
_FLOOR_DIVIDE, _INVERT = (PRIMITIVES[f"np.{name}"] for name in ("floor_divide", "invert"))
_AND, _OR, _XOR = (PRIMITIVES[f"np.bitwise_{name}"] for name in ("and", "or", "xor"))
_LEFT_SHIFT, _RIGHT_SHIFT = PRIMITIVES["np.left_shift"], PRIMITIVES["np.right_shift"]
_LESS, _LESS_EQUAL, _EQUAL = (PRIMITIVES[f"np.{name}"] for name in ("less", "less_equal", "equal"))
_GREATER, _GREATER_EQUAL, _NOT_EQUAL = (PRIMITIVES[f"np.{name}"] for name in ("greater", "greater_equal", "not_equal"))


class View:
    """How a handle on a view of an array is related to the handle it was taken from.

    Attributes
    ----------
    parent : Tracer
        The handle that it was taken from.
    source : object
        What that handle stood for then (see `token`).
    op, params
        How it was taken.
    """

    __slots__ = ("op", "params", "parent", "source")

    def __init__(self, parent: "Tracer", source: Any, op: Op, params: dict[str, Any]) -> None:
        self.parent = parent
        self.source = source
        self.op = op
        self.params = params


def token(x: "Tracer") -> Any:
    """What tells whether a handle still stands for the same array: its node, or its memory where nothing is traced."""
    return x.node if x.is_traced else x.value


class Tracer(ArrayLike):
    """A traced array or number; it behaves as NumPy's arrays do, and records what is done to it.

    Attributes
    ----------
    node : Node
        What it stands for now. An assignment gives the handle another node.
    value : array, number or Tracer
        The value; a traced value of an outer recording where recordings are nested.
    recording : Recording
        Where operations on it go. Levels of another kind, such as a batch, have a method `compute` that does
        an operation in their own way, and a subclass of this class.
    view : View or None
        For a view: where it was taken from.
    """

    __slots__ = ("node", "recording", "value", "view")

    #: False for an array that depends on nothing so far.
    is_traced = True

    __hash__ = None  # Defining __eq__ asks for it again.

    def __init__(self, node: Node, value: Any, recording: Any) -> None:
        self.node = node
        self.value = value
        self.recording = recording
        self.view: View | None = None

    def refresh(self) -> None:
        """Take a view again whose parent has been written into."""
        view = self.view
        if view is None:
            return
        view.parent.refresh()
        if token(view.parent) is view.source:
            return
        from chainrule.trace.assignment import is_surely_a_view

        if (
            self.value is NO_VALUE
            and view.op.name == "np.reshape"
            and not is_surely_a_view(self.shape, view.parent.shape)
        ):
            raise TraceError(
                "An array was written into after a reshape of it was taken. Whether the reshape is a view cannot be "
                f"told where the body of a loop is recorded without values; copy one of them.{user_line()}"
            )
        fresh = view.op(view.parent, **view.params)
        self.__class__ = type(fresh)
        self.node, self.value, self.recording = fresh.node, fresh.value, fresh.recording
        view.source = token(view.parent)

    def same_handle(self) -> "Tracer":
        """Make another handle on the same array, which assignments to this one do not change."""
        return type(self)(self.node, self.value, self.recording)

    # The two protocols of NumPy. Both take the short way where the tables have an entry, and leave the rest, errors
    # included, to `chainrule.trace.dispatch`.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            op = UFUNCS.get(ufunc)
            if op is not None:
                if len(inputs) != 1:
                    return _two(op, ufunc, *inputs)
                (x,) = inputs
                if type(x) is not Tracer or x.view is not None or not op.keeps:
                    return _one(op, ufunc, x)
                # `_one` written out, since its call takes a tenth of the time.
                a = x.value
                ans = ufunc(a)
                kept = () if x.recording.whole else (ans if op.keeps_ans else None, a if op.keeps_x else None)
                return wrap(x.recording, op, (x.node,), _EMPTY, kept, ans)
        from chainrule.trace.ufuncs import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        entry = FUNCTIONS.get(function)
        if (
            entry is None
            or (kwargs and not kwargs.keys() <= entry.accepts)
            or len(args) > entry.most
            or isinstance(self.value, Tracer)
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

    # Operators.

    def __neg__(self) -> Any:
        return _one(_NEGATIVE, operator.neg, self)

    def __pos__(self) -> Any:
        return _one(_POSITIVE, operator.pos, self)

    def __abs__(self) -> Any:
        return _one(_ABSOLUTE, operator.abs, self)

    def __add__(self, other: Any) -> Any:
        return _two(_ADD, operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _two(_ADD, operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _two(_SUBTRACT, operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _two(_SUBTRACT, operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return _two(_MULTIPLY, operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _two(_MULTIPLY, operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _two(_DIVIDE, operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _two(_DIVIDE, operator.truediv, other, self)

    def __pow__(self, other: Any) -> Any:
        return _two(_POWER, operator.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _two(_POWER, operator.pow, other, self)

    def __mod__(self, other: Any) -> Any:
        return _two(_MOD, operator.mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _two(_MOD, operator.mod, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _two(_FLOOR_DIVIDE, operator.floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _two(_FLOOR_DIVIDE, operator.floordiv, other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __matmul__(self, other: Any) -> Any:
        return _two(_MATMUL, operator.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _two(_MATMUL, operator.matmul, other, self)

    def __and__(self, other: Any) -> Any:
        return _two(_AND, operator.and_, self, other)

    def __or__(self, other: Any) -> Any:
        return _two(_OR, operator.or_, self, other)

    def __xor__(self, other: Any) -> Any:
        return _two(_XOR, operator.xor, self, other)

    def __rand__(self, other: Any) -> Any:
        return _two(_AND, operator.and_, other, self)

    def __ror__(self, other: Any) -> Any:
        return _two(_OR, operator.or_, other, self)

    def __rxor__(self, other: Any) -> Any:
        return _two(_XOR, operator.xor, other, self)

    def __lshift__(self, other: Any) -> Any:
        return _two(_LEFT_SHIFT, operator.lshift, self, other)

    def __rlshift__(self, other: Any) -> Any:
        return _two(_LEFT_SHIFT, operator.lshift, other, self)

    def __rshift__(self, other: Any) -> Any:
        return _two(_RIGHT_SHIFT, operator.rshift, self, other)

    def __rrshift__(self, other: Any) -> Any:
        return _two(_RIGHT_SHIFT, operator.rshift, other, self)

    def __invert__(self) -> Any:
        return record(_INVERT, (self,), _EMPTY)

    def __lt__(self, other: Any) -> Any:
        return _two(_LESS, operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _two(_LESS_EQUAL, operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _two(_GREATER, operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _two(_GREATER_EQUAL, operator.ge, self, other)

    def __eq__(self, other: Any) -> Any:
        return False if other is None else _two(_EQUAL, operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return True if other is None else _two(_NOT_EQUAL, operator.ne, self, other)

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
            made = wrap(self.recording, _INDEX, (source,), params, (), ans)
            # NumPy makes a number of one entry, and a view of several.
            if type(ans) is _NDARRAY:
                made.view = View(self, source, _INDEX, params)
            return made
        if type(key) is _NDARRAY:
            recording = self.recording
            if type(a) is _NDARRAY and type(self) is Tracer and not recording.whole:
                kept = recording.keep(key)
                ans = a[kept]
                return wrap(recording, _INDEX, (self.node, kept), _AT_ARRAY, (None, self.node, kept), ans)
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
        made = wrap(self.recording, _TRANSPOSE, (source,), params, (), a.T)
        made.view = View(self, source, _TRANSPOSE, params)
        return made

    def __setitem__(self, key: Any, item: Any) -> None:
        from chainrule.trace.assignment import assign

        assign(self, key, item)

    def _in_place(self, symbol: str, result: Any) -> Any:
        # For a number `x += y` means x = x + y; an array is written into, and whoever holds it sees that.
        if type(self.value) in _NUMBERS:
            return result
        from chainrule.trace.assignment import is_array, update

        if not is_array(self):
            return result

        return update(self, f"x {symbol}= y", result)

    def __iadd__(self, other: Any) -> Any:
        return self._in_place("+", self + other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place("-", self - other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place("*", self * other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place("/", self / other)

    def __ipow__(self, other: Any) -> Any:
        return self._in_place("**", self**other)

    def __imod__(self, other: Any) -> Any:
        return self._in_place("%", self % other)

    def __ifloordiv__(self, other: Any) -> Any:
        return self._in_place("//", self // other)

    def __imatmul__(self, other: Any) -> Any:
        return self._in_place("@", self @ other)

    def __iand__(self, other: Any) -> Any:
        return self._in_place("&", self & other)

    def __ior__(self, other: Any) -> Any:
        return self._in_place("|", self | other)

    def __ixor__(self, other: Any) -> Any:
        return self._in_place("^", self ^ other)

    def __ilshift__(self, other: Any) -> Any:
        return self._in_place("<<", self << other)

    def __irshift__(self, other: Any) -> Any:
        return self._in_place(">>", self >> other)


_INDEX, _TRANSPOSE = PRIMITIVES["index"], PRIMITIVES["np.transpose"]
_AT_ARRAY = {"template": (SLOT,)}
