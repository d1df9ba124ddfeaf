"""One number, row or column in place of an array that repeats it."""

from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.lengths import Length, Quotient
from chainrule.ops.shapes import broadcast_to

__all__ = ["is_elementwise", "is_one_number", "without_spread"]


def is_elementwise(node: Node) -> bool:
    """Say whether every entry of a result follows from those at the same place, by broadcasting, of the inputs."""
    op = node.op
    return op.partials is not None or (op.is_constant and op.name.startswith("np.") and not node.params)


def is_one_number(x: Any) -> bool:
    """Say whether a value is a constant array whose entries have the same bits.

    Parameters
    ----------
    x : object
        An input of an operation.

    Returns
    -------
    bool
        False for what has no axes or no entries.
    """
    if not isinstance(x, np.ndarray) or not x.ndim or not x.size:
        return False
    if not any(x.strides):
        return True
    if x.flat[0].tobytes() != x.flat[-1].tobytes():
        return False
    raw = np.ascontiguousarray(x).reshape(-1).view(np.uint8).reshape(x.size, -1)
    return bool((raw == raw[0]).all())


def without_spread(node: Node) -> Node:
    """Read what an elementwise operation broadcasts anyway as it was before that, or as the one number in it.

    Parameters
    ----------
    node : Node
        Elementwise.

    Returns
    -------
    Node
        With the same bits, shape and dtype. Where only what repeats itself gives the result its shape, one input is
        broadcast to it, which moves nothing in a compiled program.
    """
    repeats = [is_one_number(x) or _is_broadcast(x) for x in node.inputs]
    if not any(repeats):
        return node
    inputs = [_source(x) if here else x for x, here in zip(node.inputs, repeats, strict=True)]
    if not any(_shape(x) == node.shape for x in inputs):
        whole = next((k for k, x in enumerate(node.inputs) if _is_broadcast(x) and x.shape == node.shape), None)
        if whole is not None:
            inputs[whole] = node.inputs[whole]
        else:
            whole = next((k for k, x in enumerate(inputs) if isinstance(x, Node) and x.weak is not True), None)
            if whole is None:
                return node
            x = inputs[whole]
            inputs[whole] = Node(broadcast_to, (x,), {"shape": node.shape}, node.shape, x.dtype, False, node.group)
    if all(x is y for x, y in zip(inputs, node.inputs, strict=True)):
        return node
    return Node(node.op, tuple(inputs), node.params, node.shape, node.dtype, node.weak, node.group)


def _is_broadcast(x: Any) -> bool:
    return isinstance(x, Node) and x.op is broadcast_to


def _source(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return x.flat[0]
    source = x.inputs[0]
    # A Python number would not take part in the promotion of dtypes as the array that was made of it did.
    is_weak = isinstance(source, (bool, int, float)) or getattr(source, "weak", False)
    of_python = isinstance(source, (Length, Quotient)) and source.kind in (int, float)
    return x if is_weak or of_python else source


def _shape(x: Any) -> tuple[Any, ...]:
    return tuple(x.shape) if hasattr(x, "shape") else ()
