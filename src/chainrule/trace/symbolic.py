"""Recording a function body as a graph of its own, for operations that hold one: scan, cond, while_loop, recompute.

The body is run once on traced values that have a shape and a dtype. In a body that will run many times they have no
value: a decision on one raises. What the body reads of outer recordings becomes a further input of its graph.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Graph, Node
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op
from chainrule.trace import hooks
from chainrule.trace.answers import answers_here
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.record import dtype_of
from chainrule.trace.recording import Recording, next_level
from chainrule.trace.tracer import Tracer

__all__ = [
    "NO_VALUE",
    "Body",
    "Symbolic",
    "open_body",
    "records_with_care",
    "records_without_values",
    "value_of",
]

#: A constant array up to this many bytes is copied into the graph; a larger one becomes an input of it.
_CONSTANT_LIMIT = 4096
_PYTHON_NUMBERS = (bool, int, float, complex)


class _Here(threading.local):
    """Number of bodies that this thread records without values, and the answer of `records_with_care`."""

    bodies = 0
    careful = True


_here = _Here()


def records_without_values() -> bool:
    """Say whether this thread is recording a body without values."""
    return _here.bodies > 0


def records_with_care() -> bool:
    """Say whether derivatives recorded without values let zero stay zero (see `open_body`)."""
    return _here.careful


class Body:
    """The level of one function body that is being recorded; it stands where a recording stands for derivatives.

    Attributes
    ----------
    level : int
        As for a recording: what is nested deeper is higher.
    group : str or None
        As for a recording.
    captured : list of Tracer
        Traced values of outer levels that the body reads, each an input of its graph.
    arrays : list of ndarray
        Large constant arrays that the body reads; they are inputs too, after those.
    lines : dict or None
        The user's line behind each node, where that is asked for.
    """

    __slots__ = ("_array_inputs", "_closed", "_holder", "_inputs", "arrays", "captured", "group", "level", "lines")

    whole = True
    is_special = True

    def __init__(self) -> None:
        self.level = next_level()
        self.group: str | None = None
        self.captured: list[Tracer] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.lines: dict[Node, str] | None = None
        self._inputs: dict[Node, Symbolic] = {}
        self._array_inputs: dict[int, Symbolic] = {}
        self._holder = Recording()
        self._closed = False

    def input(self, name: str, shape: tuple[int, ...], dtype: Any, weak: bool = False, value: Any = NO_VALUE) -> Any:
        """Make an argument of the body."""
        return Symbolic(Node(None, (), {"name": name}, shape, np.dtype(dtype), weak), value, self)

    def like(self, node: Node) -> Any:
        """Make an argument of the kind of an input of another graph."""
        return self.input(node.name, node.shape, node.dtype, node.weak)

    def compute(
        self, op: Op, args: tuple[Any, ...], params: dict[str, Any], compute: Callable[..., Any] | None
    ) -> "Symbolic":
        """Record an operation, and compute it where every input has a value."""
        if self._closed:
            raise TraceError(
                f"A traced value was used after its recording had ended, in {op.name}: it escaped from the body of a "
                f"loop or branch, through a global variable or a cache. Return it from the body.{user_line()}"
            )
        inputs: list[Any] = []
        values: list[Any] = []
        for x in args:
            inside = self._entered(x)
            if isinstance(inside, Symbolic):
                inputs.append(inside.node)
                values.append(inside.value)
            else:
                inputs.append(inside)
                values.append(inside)
        if any(v is NO_VALUE for v in values):
            ans: Any = NO_VALUE
            node = _inferred(op, tuple(inputs), params, compute, self.group)
            if self.lines is not None:
                self.lines[node] = user_line()
        else:
            ans = op(*values, **params) if compute is None else compute(*values)
            weak = type(ans) in _PYTHON_NUMBERS
            dtype = dtype_of(type(ans)) if weak else ans.dtype
            node = Node(op, tuple(inputs), params, shape_of(ans), dtype, weak, self.group)
        if not all(op.has_derivative(i) for i, x in enumerate(inputs) if isinstance(x, Node)):
            node.line = user_line()
        return Symbolic(node, ans, self)

    def _entered(self, x: Any) -> Any:
        """An input of an operation as the body's graph has it: its own traced value, or a constant."""
        if isinstance(x, Tracer):
            return x if x.recording is self else self._capture(x)
        if type(x) in _PYTHON_NUMBERS or isinstance(x, np.generic):
            return x
        array = np.asarray(x)
        if array.nbytes <= _CONSTANT_LIMIT or array.dtype.kind == "b":
            return array.copy()
        known = self._array_inputs.get(id(array))
        if known is None:
            held = self._holder.keep(array)
            known = self.input(f"array {len(self.arrays)}", array.shape, array.dtype, value=held)
            self._array_inputs[id(array)] = known
            self.arrays.append(held)
        return known

    def _capture(self, x: Tracer) -> "Symbolic":
        found = self._inputs.get(x.node)
        if found is None:
            name = x.node.name if x.node.op is None else f"captured {len(self.captured)}"
            found = self.input(name, x.shape, x.dtype, x.weak, value_of(x))
            self._inputs[x.node] = found
            self.captured.append(x.same_handle())
        return found

    def graph(self, inputs: Iterable[Node], outputs: Iterable[Any], name: str) -> Graph:
        """Make the graph from the arguments to the outputs; what was captured comes after the arguments.

        The arguments are given as nodes, since an assignment may have given their handles other ones.
        """
        ends = [self._entered(x) for x in outputs]
        hidden = [x.node for x in (*self._inputs.values(), *self._array_inputs.values())]
        return Graph([*inputs, *hidden], [x.node if isinstance(x, Symbolic) else x for x in ends], name)

    def close(self) -> None:
        """End the recording: large arrays are writable again, and a traced value that escaped cannot be used."""
        self._holder.close()
        self._closed = True


def value_of(x: Tracer) -> Any:
    """The plain value behind a traced value of derivatives; a value in a batch is not the one that the body sees."""
    value: Any = x
    while isinstance(value, Tracer):
        if value.recording.is_special and not isinstance(value, Symbolic):
            return NO_VALUE
        value = value.value
    return value


def _inferred(
    op: Op, inputs: tuple[Any, ...], params: dict[str, Any], compute: Callable[..., Any] | None, group: str | None
) -> Node:
    """Make the node of an operation from what it makes of shapes and dtypes."""
    if op.infer_weak is None and all(_is_number(x) for x in inputs):
        # Python's operators make Python numbers of Python numbers, NumPy's functions NumPy's.
        ones = [_one(x) if isinstance(x, Node) else x for x in inputs]
        with np.errstate(all="ignore"):
            sample = op.evaluate(*ones, **params) if compute is None else compute(*ones)
        weak = type(sample) in _PYTHON_NUMBERS
        dtype = dtype_of(type(sample)) if weak else sample.dtype
        return Node(op, inputs, params, shape_of(sample), dtype, weak, group)
    shape, dtype = op.infer(*inputs, **params)
    if shape is None:
        raise TraceError(
            "A boolean mask that is computed inside the body of a loop or branch picks a number of entries that is not "
            f"known there. Use np.where instead.{user_line()}"
        )
    weak = op.infer_weak(*inputs, **params) if op.infer_weak is not None else False
    return Node(op, inputs, params, shape, dtype, weak, group)


def _is_number(x: Any) -> bool:
    return x.weak is True if isinstance(x, Node) else type(x) in _PYTHON_NUMBERS


def _one(x: Node) -> Any:
    return {"f": 1.0, "c": 1 + 0j, "i": 1, "b": True}[x.dtype.kind]


class Symbolic(Tracer):
    """A value inside a body that is being recorded; `value` is `NO_VALUE` where there is none."""

    __slots__ = ()

    def __bool__(self) -> bool:
        if self.value is NO_VALUE and answers_here.given is not None:
            return answers_here.given.to(self)
        return bool(self.value)

    def __repr__(self) -> str:
        if self.value is not NO_VALUE:
            return super().__repr__()
        return f"Traced(no value, shape {self.shape}, {self.dtype})"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, specification: str) -> str:
        return format(self.value, specification)

    def __index__(self) -> int:
        self._need("an index or a count was made")
        return super().__index__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self._need("a plain array was to be made")
        super().__array__(dtype, copy)

    def __float__(self) -> float:
        self._need("a Python number was to be made")
        return super().__float__()

    def __int__(self) -> int:
        self._need("a Python number was to be made")
        return super().__int__()

    def __complex__(self) -> complex:
        self._need("a Python number was to be made")
        return super().__complex__()

    def _need(self, what: str) -> None:
        if self.value is not NO_VALUE:
            return
        raise TraceError(
            f"Of a value that is not known while the body of a loop or branch is recorded (shape {self.shape}, "
            f"{self.dtype}) {what}. For table[i] with a plain table write np.array(table)[i], or hand the table in; "
            "for a slice x[i:i + 2] that starts at such a place write x[i + np.arange(2)]; "
            "for a choice between two computations use chainrule.cond, and NumPy's functions for those of math."
            f"{user_line()}"
        )


class open_body:
    """Record a function body in this block (see `Body`).

    Parameters
    ----------
    f : callable
        The function that is going to run.
    values : bool
        True where the body runs on values, False where a decision has to raise.
    careful : bool, optional
        Whether derivatives taken in the body let a zero stay zero where a local derivative is infinite or undefined.
        Who leaves that out has to look for NaN in the results, and to do without them then. By default as in the
        recording around this one, where the answer is yes to begin with.
    body : Body, optional
        The level to record at, where it is of a kind of its own.
    """

    __slots__ = ("_careful", "_names", "_values", "_with_care", "body")

    def __init__(
        self,
        f: Callable[..., Any] | None = None,
        *,
        values: bool = False,
        careful: bool | None = None,
        body: Body | None = None,
    ) -> None:
        self._names: dict[str, Any] = getattr(f, "__globals__", {})
        self._values = values
        self._careful = careful
        self.body = Body() if body is None else body

    def __enter__(self) -> Body:
        hooks.install(self._names)
        _here.bodies += not self._values
        self._with_care = records_with_care()
        if self._careful is not None:
            _here.careful = self._careful
        return self.body

    def __exit__(self, kind: Any, problem: BaseException | None, traceback: Any) -> None:
        _here.bodies -= not self._values
        _here.careful = self._with_care
        hooks.remove()
        self.body.close()
        # NumPy asks a traced value for its length first, and hides the real reason behind that.
        if isinstance(problem, ValueError) and isinstance(problem.__cause__, TraceError):
            raise problem.__cause__ from None
