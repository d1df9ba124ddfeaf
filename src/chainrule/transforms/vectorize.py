"""`vectorize`: a function of one example applied to a batch in one pass."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.ops.axes import shape_of
from chainrule.trace import hooks
from chainrule.trace.api import argument_name
from chainrule.trace.batch import Batch, Batched, all_examples, batched
from chainrule.trace.buffer import settled
from chainrule.trace.tracer import Tracer

__all__ = ["vectorize"]

Axes = int | None | tuple[int | None, ...]


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
        return tree.map(lambda leaf: all_examples(settled(leaf), batch), result)

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
