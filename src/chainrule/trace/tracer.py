"""Traced values: what stands in for an array while a function is recorded.

A tracer is a handle on a node, together with the node's value and the recording it belongs to. Python's operators
come through the short ways `_one` and `_two`, NumPy's functions through its two protocols; both end in `wrap`.
"""

import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.trace.indexing import split_index
from chainrule.trace.recording import Recording

__all__ = ["FUNCTIONS", "UFUNCS", "Composition", "Tracer", "record", "value", "wrap"]


class Composition:
    """How a NumPy or SciPy function is followed.

    Attributes
    ----------
    name : str
        As its users write it, such as ``np.var``.
    follow : callable
        The same function in terms of the primitives.
    names : tuple of str
        Names of the arguments that `follow` takes.
    accepts : frozenset of str
        The same names, for looking up.
    """

    __slots__ = ("accepts", "follow", "name", "names")

    def __init__(self, name: str, follow: Callable[..., Any]) -> None:
        self.name = name
        self.follow = follow
        self.names = tuple(inspect.signature(follow).parameters)
        self.accepts = frozenset(self.names)


#: NumPy functions that are not ufuncs, each with the composition that follows it.
FUNCTIONS: dict[Any, Composition] = {}

#: NumPy's ufuncs that are primitives with a rule for each input; the others take the long way.
UFUNCS: dict[np.ufunc, Op] = {
    function: op
    for name, op in PRIMITIVES.items()
    if name.startswith("np.")
    and isinstance(function := getattr(np, name[3:], None), np.ufunc)
    and all(op.has_derivative(i) for i in range(function.nin))
}

_FLOAT = np.dtype(np.float64)
_INT = np.dtype(np.int64)
_COMPLEX = np.dtype(np.complex128)
_BOOL = np.dtype(bool)
_PYTHON_DTYPES: dict[type, np.dtype[Any]] = {float: _FLOAT, int: _INT, complex: _COMPLEX, bool: _BOOL}
_NUMBERS = frozenset({float, int, bool, complex, np.float64, np.float32, np.int64, np.bool_})
_EMPTY: dict[str, Any] = {}
_NDARRAY = np.ndarray
_NOTHING: tuple[Any, ...] = ()


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
    op, inputs, params
        As in `Node`.
    kept : tuple
        What the tape holds for the backward pass: the output, then the inputs.
    ans : array or number
        The value computed.

    Returns
    -------
    Tracer
        The handle on the new node.
    """
    kind = type(ans)
    if kind is _NDARRAY:
        node = Node(op, inputs, params, ans.shape, ans.dtype, False, recording.group)
    elif kind in _PYTHON_DTYPES:
        node = Node(op, inputs, params, (), _PYTHON_DTYPES[kind], True, recording.group)
    elif kind is Tracer:
        source = ans.node
        node = Node(op, inputs, params, source.shape, source.dtype, source.weak, recording.group)
    else:
        node = Node(op, inputs, params, ans.shape, ans.dtype, False, recording.group)
    recording.append((node, kept))
    return Tracer(node, ans, recording)


def record(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Compute an operation on inputs of which at least one is traced, and record it at the innermost level.

    Parameters
    ----------
    op : Op
        The operation.
    args : tuple
        Traced values, arrays and numbers.
    params : dict
        Static parameters.

    Returns
    -------
    Tracer, array or number
        A plain result where the operation is piecewise constant and only a derivative is being recorded.

    Raises
    ------
    NoDerivativeError
        Where the derivative by a traced input is needed and no rule exists.
    """
    if len(args) == 1 and op.has_derivative(0):
        return _one_with(op, args[0], params)
    recording: Recording | None = None
    for argument in args:
        if type(argument) is Tracer and (recording is None or argument.recording.level > recording.level):
            recording = argument.recording
    assert recording is not None, "record is called with a traced input"
    values: list[Any] = []
    inputs: list[Any] = []
    for i, argument in enumerate(args):
        if type(argument) is Tracer and argument.recording is recording:
            if not (recording.whole or op.has_derivative(i)):
                raise NoDerivativeError(
                    f"{op.name} has no derivative rule, and its input {i + 1} depends on what is differentiated. "
                    "Use chainrule.stop_gradient on the input if the derivative is meant to be zero, or give a rule "
                    "with chainrule.custom_gradient." + user_line()
                )
            values.append(argument.value)
            inputs.append(argument.node)
        else:
            constant = argument if type(argument) in _NUMBERS else _constant(argument, recording, op)
            values.append(constant)
            inputs.append(constant)
    ans = op(*values, **params)
    if recording.whole:
        kept = (ans, *values)
        return wrap(recording, op, tuple(inputs), params, kept, ans)
    if op.is_constant:
        return ans
    keeps = op.keeps
    every = -1 in keeps
    kept = (
        ans if 0 in keeps else None,
        *(
            v if every or i + 1 in keeps or not isinstance(n, Node) else n
            for i, (v, n) in enumerate(zip(values, inputs, strict=True))
        ),
    )
    return wrap(recording, op, tuple(inputs), params, kept, ans)


def _constant(x: Any, recording: Recording, op: Op) -> Any:
    """What a recording holds for an input that it does not trace."""
    if type(x) is _NDARRAY:
        return recording.hold(x) if op.keeps or recording.whole else x
    if type(x) is Tracer or isinstance(x, (np.generic, float, int, complex)):
        return x
    try:
        return recording.hold(np.asarray(x))
    except TraceError:
        raise
    except Exception as problem:
        raise TraceError(
            f"An operand of type {type(x).__name__} cannot be combined with a traced value.{user_line()}"
        ) from problem


def _one(op: Op, compute: Callable[[Any], Any], x: "Tracer") -> Any:
    """Record an operation without parameters on one traced value."""
    a = x.value
    return _finish_one(op, x, a, compute(a), _EMPTY)


def _one_with(op: Op, x: "Tracer", params: dict[str, Any]) -> Any:
    """Record an operation with parameters on one traced value."""
    a = x.value
    ans = record(op, (a,), params) if type(a) is Tracer else op.evaluate(a, **params)
    return _finish_one(op, x, a, ans, params)


def _finish_one(op: Op, x: "Tracer", a: Any, ans: Any, params: dict[str, Any]) -> Any:
    recording = x.recording
    if recording.whole:
        return wrap(recording, op, (x.node,), params, (ans, a), ans)
    if op.is_constant:
        return ans
    source = x.node
    kept = (ans if op.keeps_ans else None, a if op.keeps_x else source)
    return wrap(recording, op, (source,), params, kept, ans)


def _two(op: Op, compute: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """Record a binary operator; one of `x` and `y` is a tracer."""
    a: Any
    b: Any
    inputs: tuple[Any, Any]
    if type(x) is Tracer:
        recording = x.recording
        if type(y) is Tracer:
            other = y.recording
            if other is recording:
                a, b, inputs = x.value, y.value, (x.node, y.node)
            elif other.level > recording.level:
                recording = other
                a, b, inputs = x, y.value, (x, y.node)
            else:
                a, b, inputs = x.value, y, (x.node, y)
        else:
            b = y if type(y) in _NUMBERS else _constant(y, recording, op)
            a, inputs = x.value, (x.node, b)
    else:
        recording = y.recording
        a = x if type(x) in _NUMBERS else _constant(x, recording, op)
        b, inputs = y.value, (a, y.node)
    ans = compute(a, b)
    kept: tuple[Any, ...] = _NOTHING
    if recording.whole:
        kept = (ans, a, b)
    elif op.keeps:
        kept = (ans if op.keeps_ans else None, a if op.keeps_x else inputs[0], b if op.keeps_y else inputs[1])
    elif op.is_constant:
        return ans
    return wrap(recording, op, inputs, _EMPTY, kept, ans)


def value(x: Any) -> Any:
    """Step out of the recording on purpose: the plain value of a traced value.

    Derivatives do not see what is computed from it. Anything that is not traced is returned as it is.

    Parameters
    ----------
    x : traced value, array or number
        What to look at.

    Returns
    -------
    array or number
        Same shape and dtype.

    Examples
    --------
    >>> import chainrule
    >>> seen = []
    >>> def f(x):
    ...     seen.append(chainrule.value(x))
    ...     return x * x
    >>> chainrule.grad(f)(3.0)
    6.0
    >>> seen
    [3.0]
    """
    while type(x) is Tracer:
        x = x.value
    return x.copy() if type(x) is np.ndarray else x


def peel(x: Any) -> Any:
    """Plain value without a copy, for reading inside chainrule."""
    while type(x) is Tracer:
        x = x.value
    return x


def _lost(what: str, x: "Tracer", instead: str) -> NoReturn:
    raise TraceError(
        f"{what} a traced value of shape {x.shape}, {x.dtype}: the derivative would be lost.\n  {instead}{user_line()}"
    )


_NEGATIVE, _POSITIVE, _ABSOLUTE = (PRIMITIVES[f"np.{name}"] for name in ("negative", "positive", "absolute"))
_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = (PRIMITIVES[f"np.{name}"] for name in ("add", "subtract", "multiply", "divide"))
_POWER, _MATMUL, _MOD = (PRIMITIVES[f"np.{name}"] for name in ("power", "matmul", "remainder"))
_FLOOR_DIVIDE, _INVERT = (PRIMITIVES[f"np.{name}"] for name in ("floor_divide", "invert"))
_AND, _OR, _XOR = (PRIMITIVES[f"np.bitwise_{name}"] for name in ("and", "or", "xor"))
_LESS, _LESS_EQUAL, _EQUAL = (PRIMITIVES[f"np.{name}"] for name in ("less", "less_equal", "equal"))
_GREATER, _GREATER_EQUAL, _NOT_EQUAL = (PRIMITIVES[f"np.{name}"] for name in ("greater", "greater_equal", "not_equal"))


class Tracer:
    """A traced array or number; it behaves as NumPy's arrays do, and records what is done to it."""

    __slots__ = ("node", "recording", "value")

    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # As for arrays; a cache keyed by values would keep tracers alive.

    def __init__(self, node: Node, value: Any, recording: Recording) -> None:
        self.node = node
        self.value = value
        self.recording = recording

    # What describes the array.

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type."""
        return self.node.dtype

    @property
    def weak(self) -> bool:
        """Whether it is a Python number, which does not widen a NumPy dtype."""
        return self.node.weak

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.node.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.node.size

    @property
    def itemsize(self) -> int:
        """Bytes of one entry."""
        return self.node.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self.node.size * self.node.dtype.itemsize

    @property
    def T(self) -> Any:
        """The transpose."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        """The real part."""
        return np.real(self)

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return np.imag(self)

    @property
    def flat(self) -> Iterator[Any]:
        """An iterator over the entries."""
        return iter(np.ravel(self))

    # The two protocols of NumPy. Both take the short way where the tables have an entry, and leave the rest, errors
    # included, to `chainrule.trace.dispatch`.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            op = UFUNCS.get(ufunc)
            if op is not None:
                return _one(op, ufunc, inputs[0]) if len(inputs) == 1 else _two(op, ufunc, *inputs)
        from chainrule.trace.dispatch import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        entry = FUNCTIONS.get(function)
        if entry is None or (kwargs and not kwargs.keys() <= entry.accepts) or type(self.value) is Tracer:
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

    @staticmethod
    def __chainrule_record__(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        return record(op, args, params)

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

    # Decisions and conversions.

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        _lost(
            "float() was called on",
            self,
            "Use NumPy's function (np.sin for math.sin), and np.stack or np.where instead of an assignment into "
            "a plain\n"
            "  array (B[i] = x), or chainrule.value(x) to step out on purpose.",
        )

    def __int__(self) -> int:
        _lost("int() was called on", self, "Use np.trunc(x), or int(chainrule.value(x)) to step out on purpose.")

    def __complex__(self) -> complex:
        _lost("complex() was called on", self, "Use x + 0j, or chainrule.value(x) to step out on purpose.")

    def __index__(self) -> int:
        if self.dtype.kind in "iub":
            return operator.index(self.value)
        raise TraceError(
            f"A traced value of dtype {self.dtype} was used as an index or a count; integers are needed there.\n"
            f"  Use int(chainrule.value(x)) to step out on purpose.{user_line()}"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        _lost(
            "A plain array was to be made of",
            self,
            "Join traced values with np.stack or np.concatenate instead of np.array, build results instead of "
            "assigning\n"
            "  into plain arrays, or use chainrule.value(x) to step out on purpose.",
        )

    def __round__(self, ndigits: int | None = None) -> Any:
        return np.round(self, ndigits or 0)

    def __floor__(self) -> Any:
        return np.floor(self)

    def __ceil__(self) -> Any:
        return np.ceil(self)

    def __trunc__(self) -> Any:
        return np.trunc(self)

    def __repr__(self) -> str:
        return f"Traced({peel(self)!r})"

    def __str__(self) -> str:
        return str(peel(self))

    def __format__(self, specification: str) -> str:
        return format(peel(self), specification)

    def __copy__(self) -> "Tracer":
        return self

    def __deepcopy__(self, memo: Any) -> "Tracer":
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        _lost(
            "pickle was asked to store",
            self,
            "A traced value cannot be sent to another process or stored; use chainrule.value(x).",
        )

    # Containers.

    def __len__(self) -> int:
        if not self.node.shape:
            raise TypeError("len() of unsized object")
        return self.node.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.node.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.node.shape[0]))

    def __getitem__(self, key: Any) -> Any:
        a = self.value
        if type(a) is _NDARRAY and (type(key) is int or type(key) is slice):
            return _finish_one(_INDEX, self, a, a[key], {"template": (key,)})
        template, arrays = split_index(key)
        return record(_INDEX, (self, *arrays), {"template": template})

    def __setitem__(self, key: Any, item: Any) -> NoReturn:
        raise TraceError(
            "Assignment into a traced array cannot be followed. Build the result instead: np.where, np.concatenate, "
            f"np.stack, or a new array.{user_line()}"
        )

    def _in_place(self, symbol: str, other: Any, result: Callable[[Any, Any], Any]) -> Any:
        # For a number `x += y` means x = x + y; for an array it would write into memory that others may see.
        if self.node.shape:
            raise TraceError(
                f"`x {symbol}= y` on a traced array of shape {self.shape} writes into the array, which cannot be "
                f"followed. Write x = x {symbol} y.{user_line()}"
            )
        return result(self, other)

    def __iadd__(self, other: Any) -> Any:
        return self._in_place("+", other, operator.add)

    def __isub__(self, other: Any) -> Any:
        return self._in_place("-", other, operator.sub)

    def __imul__(self, other: Any) -> Any:
        return self._in_place("*", other, operator.mul)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place("/", other, operator.truediv)

    def __ipow__(self, other: Any) -> Any:
        return self._in_place("**", other, operator.pow)

    def __imod__(self, other: Any) -> Any:
        return self._in_place("%", other, operator.mod)

    def __ifloordiv__(self, other: Any) -> Any:
        return self._in_place("//", other, operator.floordiv)

    def __imatmul__(self, other: Any) -> Any:
        return self._in_place("@", other, operator.matmul)

    def __getattr__(self, name: str) -> Any:
        # Methods of arrays are the functions of the same name: x.sum(axis=0) is np.sum(x, axis=0).
        from chainrule.trace.methods import METHODS

        method = METHODS.get(name)
        if method is None:
            # An AttributeError, so that hasattr answers False as it does for an array.
            raise AttributeError(f"a traced value has no attribute {name!r}, or none that can be followed")
        return functools.partial(method, self)


_INDEX = PRIMITIVES["index"]
