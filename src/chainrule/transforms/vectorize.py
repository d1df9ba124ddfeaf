"""`vectorize`: a function of one example applied to a batch in one pass."""

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError, TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import shapes
from chainrule.ops.axes import shape_of
from chainrule.ops.batching import apply_batched
from chainrule.ops.op import Op
from chainrule.ops.outputs import Outputs, output
from chainrule.trace import hooks
from chainrule.trace.api import argument_name
from chainrule.trace.buffer import settled
from chainrule.trace.recording import next_level
from chainrule.trace.tracer import Tracer

__all__ = ["vectorize"]

Axes = int | None | tuple[int | None, ...]


class Batch:
    """One running call of a vectorized function; it stands where a recording stands for derivatives.

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
            "A decision was taken on a value that differs between the examples of a batch. Use np.where, or leave the "
            f"function out of vectorize.{user_line()}"
        )

    def __index__(self) -> NoReturn:
        raise TraceError(
            f"A value that differs between the examples of a batch was used as an index or a count.{user_line()}"
        )

    def __repr__(self) -> str:
        return f"Batched(shape {self.shape}, {self.dtype}, {self.recording.size} examples)"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)


def batched(values: Any, batch: Batch) -> Batched:
    """Make one example of values that have the batch as their first axis."""
    node = Node(None, (), {"name": "example"}, shape_of(values)[1:], values.dtype)
    return Batched(node, values, batch)


def vectorize(f: Callable[..., Any], axes: Axes = 0) -> Callable[..., Any]:
    """Make a function of one example into a function of a batch, computed in one pass.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that takes no decision on its arguments' values.
    axes : int, None or tuple of them
        Along which axis of each argument the examples lie; None for an argument that all of them share. One number
        is for all arguments. It holds for every array of an argument that is a tree.

    Returns
    -------
    callable
        Takes positional arguments with the additional axis, and returns what `f` returns with the examples along
        the first axis of every array.

    Raises
    ------
    OptionError
        Where the axes do not fit the arguments, or their lengths differ.
    TraceError
        Where `f` takes a decision on a value that differs between examples, or does what cannot be followed.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import grad, vectorize
    >>> def loss(w, x, t):
    ...     return (w @ x - t) ** 2
    >>> X, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.0, 1.0])
    >>> vectorize(grad(loss), (None, 0, 0))(np.ones(2), X, t)  # one gradient for each example
    array([[ 6., 12.],
           [36., 48.]])
    """

    @functools.wraps(f)
    def over_batch(*args: Any) -> Any:
        given = axes if isinstance(axes, tuple) else (axes,) * len(args)
        if len(given) != len(args):
            raise OptionError(f"axes has {len(given)} entries, but the call has {len(args)} arguments")
        size = _size(f, args, given)
        batch = Batch(size)
        hooks.install(getattr(f, "__globals__", {}))
        try:
            result = f(*(_enter(x, axis, batch) for x, axis in zip(args, given, strict=True)))
        finally:
            hooks.remove()
        return tree.map(lambda leaf: _leave(settled(leaf), batch), result)

    return over_batch


def _size(f: Callable[..., Any], args: tuple[Any, ...], axes: tuple[int | None, ...]) -> int:
    sizes: dict[str, int] = {}
    for position, (argument, axis) in enumerate(zip(args, axes, strict=True)):
        if axis is None:
            continue
        for path, leaf in tree.leaves_with_paths(argument, argument_name(f, position)):
            shape = shape_of(leaf)
            if not -len(shape) <= axis < len(shape):
                raise OptionError(f"{path} has shape {shape}, which has no axis {axis} for the examples")
            sizes[path] = shape[axis]
    if not sizes:
        raise OptionError("vectorize needs at least one array argument with an axis for the examples")
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{path}: {size}" for path, size in sizes.items())
        raise OptionError(f"the arguments have different numbers of examples: {found}")
    return next(iter(sizes.values()))


def _enter(argument: Any, axis: int | None, batch: Batch) -> Any:
    if axis is None:
        return argument

    def enter(leaf: Any) -> Batched:
        leaf = settled(leaf)
        whole: Any = leaf if isinstance(leaf, Tracer) else np.asarray(leaf)
        return batched(np.moveaxis(whole, axis, 0), batch)

    return tree.map(enter, argument)


def _leave(leaf: Any, batch: Batch) -> Any:
    if isinstance(leaf, Batched) and leaf.recording is batch:
        return leaf.value
    whole = leaf if isinstance(leaf, Tracer) else np.asarray(leaf)
    return shapes.broadcast_to(whole, shape=(batch.size, *shape_of(whole)))
