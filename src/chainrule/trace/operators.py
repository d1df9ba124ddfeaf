"""Python's operators on traced values.

They are the commonest operations of all, and each of them is recorded in one call: a closure that has looked up
beforehand what there is to know of the operation. Whatever is not of the common kind goes on to `record`.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.trace.handle import Handle
from chainrule.trace.record import NUMBERS, record, wrap
from chainrule.trace.recording import Recording

__all__ = ["Operators", "binary", "unary"]

_NDARRAY = np.ndarray
_EMPTY: dict[str, Any] = {}


def unary(op: Op, compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make what records an operation on one traced value.

    Parameters
    ----------
    op : Op
        An operation without parameters.
    compute : callable
        What computes the value: Python's operator, which makes a Python number of Python numbers, or NumPy's function.

    Returns
    -------
    callable
        Takes a `Handle`.
    """
    keeps, keeps_ans, keeps_x, is_constant = bool(op.keeps), op.keeps_ans, op.keeps_x, op.is_constant

    def apply(x: Any) -> Any:
        recording = x.recording
        if type(recording) is not Recording:
            return record(op, (x,), _EMPTY, compute)
        # Whether a view is up to date is looked at here, since the call of `refresh` would take as long as the rest.
        view = x.view
        if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
            x.refresh()
        a = x.value
        ans = compute(a)
        kept: tuple[Any, ...] = ()
        if recording.whole:
            pass
        elif keeps:
            # A tuple of plain values alone is of no interest to the garbage collector, so that no nodes stand in it.
            kept = (ans if keeps_ans else None, a if keeps_x else None)
        elif is_constant:
            return ans
        return wrap(x, op, (x.node,), _EMPTY, kept, ans)

    return apply


def binary(op: Op, compute: Callable[[Any, Any], Any]) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """Make what records an operation on two operands: ``x + y``, and the same asked of `y`.

    Parameters
    ----------
    op, compute
        As for `unary`.

    Returns
    -------
    forward, backward : callable
        ``forward(x, y)`` and ``backward(y, x)``, with a `Handle` first.
    """
    keeps, keeps_ans, keeps_x, keeps_y = bool(op.keeps), op.keeps_ans, op.keeps_x, op.keeps_y
    is_constant = op.is_constant
    # A sparse matrix or an operator on the right-hand side has a way of its own to be multiplied.
    is_product = op is _MATMUL or op is _MULTIPLY

    def forward(x: Any, y: Any) -> Any:
        recording = x.recording
        if type(recording) is not Recording:
            if is_product and (hasattr(type(y), "tocsr") or hasattr(type(y), "rmatvec")):
                return NotImplemented
            return record(op, (x, y), _EMPTY, compute)
        view = x.view
        if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
            x.refresh()
        kind = type(y)
        if kind is type(x) and y.recording is recording:
            view = y.view
            if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
                y.refresh()
            b = y.value
            other = y.node
        elif kind in NUMBERS:
            b = other = y
        elif kind is _NDARRAY:
            b = other = recording.hold(y) if keeps or recording.whole else y
        elif is_product and (hasattr(kind, "tocsr") or hasattr(kind, "rmatvec")):
            return NotImplemented
        else:
            return record(op, (x, y), _EMPTY, compute)
        a = x.value
        ans = compute(a, b)
        kept: tuple[Any, ...] = ()
        if recording.whole:
            pass
        elif keeps:
            kept = (ans if keeps_ans else None, a if keeps_x else None, b if keeps_y else None)
        elif is_constant:
            return ans
        return wrap(x, op, (x.node, other), _EMPTY, kept, ans)

    def backward(y: Any, x: Any) -> Any:
        recording = y.recording
        kind = type(x)
        is_array = kind is _NDARRAY
        if type(recording) is not Recording or not (is_array or kind in NUMBERS):
            return record(op, (x, y), _EMPTY, compute)
        view = y.view
        if view is not None and (view.parent.node is not view.source or view.parent.view is not None):
            y.refresh()
        a = recording.hold(x) if is_array and (keeps or recording.whole) else x
        b = y.value
        ans = compute(a, b)
        kept: tuple[Any, ...] = ()
        if recording.whole:
            pass
        elif keeps:
            kept = (ans if keeps_ans else None, a if keeps_x else None, b if keeps_y else None)
        elif is_constant:
            return ans
        return wrap(y, op, (a, y.node), _EMPTY, kept, ans)

    return forward, backward


_NEGATIVE, _POSITIVE, _ABSOLUTE = (PRIMITIVES[f"np.{name}"] for name in ("negative", "positive", "absolute"))
_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = (PRIMITIVES[f"np.{name}"] for name in ("add", "subtract", "multiply", "divide"))
_POWER, _MATMUL, _MOD = (PRIMITIVES[f"np.{name}"] for name in ("power", "matmul", "remainder"))
_FLOOR_DIVIDE, _INVERT = (PRIMITIVES[f"np.{name}"] for name in ("floor_divide", "invert"))
_AND, _OR, _XOR = (PRIMITIVES[f"np.bitwise_{name}"] for name in ("and", "or", "xor"))
_LEFT_SHIFT, _RIGHT_SHIFT = PRIMITIVES["np.left_shift"], PRIMITIVES["np.right_shift"]
_LESS, _LESS_EQUAL, _EQUAL = (PRIMITIVES[f"np.{name}"] for name in ("less", "less_equal", "equal"))
_GREATER, _GREATER_EQUAL, _NOT_EQUAL = (PRIMITIVES[f"np.{name}"] for name in ("greater", "greater_equal", "not_equal"))


class Operators(Handle):
    """A handle with Python's operators."""

    __slots__ = ()

    __hash__ = None  # type: ignore[assignment]  # Defining __eq__ asks for it again.

    __neg__ = unary(_NEGATIVE, operator.neg)
    __pos__ = unary(_POSITIVE, operator.pos)
    __abs__ = unary(_ABSOLUTE, operator.abs)
    __add__, __radd__ = binary(_ADD, operator.add)
    __sub__, __rsub__ = binary(_SUBTRACT, operator.sub)
    __mul__, __rmul__ = binary(_MULTIPLY, operator.mul)
    __truediv__, __rtruediv__ = binary(_DIVIDE, operator.truediv)
    __pow__, __rpow__ = binary(_POWER, operator.pow)
    __mod__, __rmod__ = binary(_MOD, operator.mod)
    __floordiv__, __rfloordiv__ = binary(_FLOOR_DIVIDE, operator.floordiv)
    __matmul__, __rmatmul__ = binary(_MATMUL, operator.matmul)
    __and__, __rand__ = binary(_AND, operator.and_)
    __or__, __ror__ = binary(_OR, operator.or_)
    __xor__, __rxor__ = binary(_XOR, operator.xor)
    __lshift__, __rlshift__ = binary(_LEFT_SHIFT, operator.lshift)
    __rshift__, __rrshift__ = binary(_RIGHT_SHIFT, operator.rshift)
    __lt__, __gt__ = binary(_LESS, operator.lt)[0], binary(_GREATER, operator.gt)[0]
    __le__, __ge__ = binary(_LESS_EQUAL, operator.le)[0], binary(_GREATER_EQUAL, operator.ge)[0]
    _equal, _not_equal = binary(_EQUAL, operator.eq)[0], binary(_NOT_EQUAL, operator.ne)[0]

    def __eq__(self, other: Any) -> Any:
        return False if other is None else self._equal(other)

    def __ne__(self, other: Any) -> Any:
        return True if other is None else self._not_equal(other)

    def __invert__(self) -> Any:
        return record(_INVERT, (self,), _EMPTY)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # Assignments.

    def _in_place(self: Any, symbol: str, result: Any) -> Any:
        # For a number `x += y` means x = x + y; an array is written into, and whoever holds it sees that.
        if type(self.value) in NUMBERS:
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
