"""A batch as a level of nesting: a function sees one example, and every operation is done to all of them at once."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import shapes
from chainrule.ops.axes import shape_of
from chainrule.ops.batching import apply_batched
from chainrule.ops.op import Op
from chainrule.ops.outputs import Outputs, output
from chainrule.trace.arraylike import ArrayLike
from chainrule.trace.recording import next_level
from chainrule.trace.tracer import Tracer

__all__ = ["Batch", "Batched", "BatchedOutputs", "all_examples", "batched", "shared_value"]


class Batch:
    """One batch, such as a running call of a vectorized function; it stands where a recording stands for derivatives.

    Attributes
    ----------
    level : int
        As for a recording: what is nested deeper is higher.
    size : int
        Number of examples.
    group : str or None
        As for a recording.
    """

    __slots__ = ("group", "level", "size")

    whole = False
    is_special = True

    def __init__(self, size: int) -> None:
        self.level = next_level()
        self.size = size
        self.group: str | None = None

    def compute(self, op: Op, args: tuple[Any, ...], params: dict[str, Any], compute: Callable[..., Any] | None) -> Any:
        """Apply an operation to all examples; how Python would compute it does not matter for arrays."""
        if op is output:
            return args[0].value.pick(params["k"], self)
        mine = tuple(isinstance(x, Batched) and x.recording is self for x in args)
        values = tuple(x.value if own else x for x, own in zip(args, mine, strict=True))
        found = apply_batched(op, self.size, values, mine, params)
        if not isinstance(found, BatchedOutputs):
            return batched(found, self)
        shapes_of_all: Any = found.shape
        dtypes: Any = found.dtype
        return Batched(Node(None, (), {"name": "example"}, shapes_of_all, dtypes), found, self)


class BatchedOutputs:
    """The outputs of an operation with several, applied to a batch.

    Attributes
    ----------
    values : Outputs
        Each for all examples.
    batched : tuple of bool
        Which of them have the batch as their first axis; the others are the same for all examples.
    """

    __slots__ = ("batched", "values")

    def __init__(self, values: Outputs, batched: tuple[bool, ...]) -> None:
        self.values = values
        self.batched = batched

    @property
    def shape(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each output on one example."""
        return tuple(s[1:] if b else s for s, b in zip(self.values.shape, self.batched, strict=True))

    @property
    def dtype(self) -> tuple[np.dtype[Any], ...]:
        """Data type of each output."""
        return self.values.dtype

    def pick(self, k: int, batch: Batch) -> Any:
        """One output, as the function sees it."""
        return batched(self.values[k], batch) if self.batched[k] else self.values[k]


class Batched(Tracer):
    """One example of a batch, as the function sees it; its value holds all of them."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TraceError(
            "A decision was taken on a value that differs between the examples of a batch. Use np.where for a choice "
            "between entries, chainrule.cond for one between computations, chainrule.while_loop for a loop that ends "
            f"on a condition, or leave the function out of vectorize.{user_line()}"
        )

    def __index__(self) -> NoReturn:
        raise TraceError(
            "A value that differs between the examples of a batch was used as an index or a count. For table[i] with "
            f"a plain table write np.array(table)[i].{user_line()}"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        if self.dtype.kind in "iub":
            raise TraceError(
                f"A plain array was to be made of a value that differs between the examples of a batch (shape "
                f"{self.shape}, {self.dtype}). For table[i] with a plain table write np.array(table)[i].{user_line()}"
            )
        super().__array__(dtype, copy)

    def __repr__(self) -> str:
        return f"Batched(shape {self.shape}, {self.dtype}, {self.recording.size} examples)"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)


def batched(values: Any, batch: Batch) -> Batched:
    """Make one example of values that have the batch as their first axis."""
    node = Node(None, (), {"name": "example"}, shape_of(values)[1:], values.dtype)
    return Batched(node, values, batch)


def all_examples(x: Any, batch: Batch) -> Any:
    """What a result is for all examples, along a first axis; repeated where it does not depend on the example."""
    if isinstance(x, Batched) and x.recording is batch:
        return x.value
    whole = x if isinstance(x, Tracer) else np.asarray(x)
    return shapes.broadcast_to(whole, shape=(batch.size, *shape_of(whole)))


def shared_value(x: Any, what: str) -> Any:
    """The plain value of what is the same for all examples.

    Parameters
    ----------
    x : array, number or traced value
        Anything.
    what : str
        The function that needs to know it, for the message.

    Raises
    ------
    TraceError
        Where it differs between the examples of a batch.
    """
    while isinstance(x, ArrayLike):
        if isinstance(x, Batched):
            raise TraceError(
                f"{what} gives each example of a batch a result of its own kind, which cannot be followed. Use "
                f"np.where, or leave the function out of vectorize.{user_line()}"
            )
        x = x.value
    return x
