"""Replacing operations by ones that cost less and give the same bits."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops import PRIMITIVES
from chainrule.passes.rewriting import rewritten
from chainrule.passes.spread import is_elementwise, without_spread

__all__ = ["simplify"]

_NUMBERS = (bool, int, float, np.generic)
_ADD, _SUBTRACT = PRIMITIVES["np.add"], PRIMITIVES["np.subtract"]


def simplify(graph: Graph) -> Graph:
    """Drop operations that change nothing, and shorten others; every result keeps its bits.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    Graph
        ``x * 1``, ``x - 0`` and ``--x`` are x; a reshape, transpose, conversion or broadcast to what is there already
        is gone, and two of them in a row are one; ``x + -y`` is ``x - y``; a constant that is broadcast for an
        elementwise operation, and an array of equal entries, is read as the number that it is. ``x + 0`` stays, since
        it makes -0 to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> print(simplify(trace(lambda x: -(-x * 1.0).T.T + 2.0)(np.ones((2, 3)))))
    <lambda>(x: float64[2, 3])
      %0 = np.add(x, 2.0)  float64[2, 3]
      return %0
    """
    return rewritten(graph, _simplified)


def _simplified(node: Node) -> Any:
    rule = _RULES.get(node.op.name)
    if rule is not None:
        found = rule(node)
        if found is not None and _is_same_kind(found, node):
            return found
    return without_spread(node) if is_elementwise(node) else node


def _is_same_kind(x: Any, node: Node) -> bool:
    return isinstance(x, Node) and x.shape == node.shape and x.dtype == node.dtype and x.weak == node.weak


def _is_number(x: Any, value: float) -> bool:
    # An array of one entry is left alone: it may add an axis.
    return (
        isinstance(x, _NUMBERS)
        and x == value
        and not (value == 0 and (np.signbit(np.real(x)) or np.signbit(np.imag(x))))
    )


def _is(x: Any, name: str) -> bool:
    return isinstance(x, Node) and x.op is not None and x.op.name == name


def _multiply(node: Node) -> Any:
    x, y = node.inputs
    return x if _is_number(y, 1) else y if _is_number(x, 1) else None


def _divide(node: Node) -> Any:
    x, y = node.inputs
    return x if _is_number(y, 1) else None


def _subtract(node: Node) -> Any:
    x, y = node.inputs
    if _is_number(y, 0):
        return x
    return _like(node, _ADD, (x, y.inputs[0])) if _is(y, "np.negative") else None


def _add(node: Node) -> Any:
    x, y = node.inputs
    if _is(y, "np.negative"):
        return _like(node, _SUBTRACT, (x, y.inputs[0]))
    return _like(node, _SUBTRACT, (y, x.inputs[0])) if _is(x, "np.negative") else None


def _like(node: Node, op: Any, inputs: tuple[Any, ...]) -> Node:
    return Node(op, inputs, node.params, node.shape, node.dtype, node.weak, node.group)


def _negative(node: Node) -> Any:
    (x,) = node.inputs
    return x.inputs[0] if _is(x, "np.negative") else None


def _first(node: Node) -> Any:
    return node.inputs[0]


def _power(node: Node) -> Any:
    x, y = node.inputs
    return x if _is_number(y, 1) else None


def _reshape(node: Node) -> Any:
    (x,) = node.inputs
    if _is(x, "np.reshape") and x.inputs[0].shape != node.shape:
        return _like(node, node.op, x.inputs)
    if _is(x, "np.reshape"):
        return x.inputs[0]
    return x


def _transpose(node: Node) -> Any:
    (x,) = node.inputs
    axes = node.params["axes"]
    if axes == tuple(range(len(axes))):
        return x
    if not _is(x, "np.transpose"):
        return None
    both = tuple(x.params["axes"][k] for k in axes)
    if both == tuple(range(len(both))):
        return x.inputs[0]
    return Node(node.op, x.inputs, {"axes": both}, node.shape, node.dtype, node.weak, node.group)


def _where(node: Node) -> Any:
    _, x, y = node.inputs
    return x if x is y else None


def _index(node: Node) -> Any:
    template = node.params["template"]
    return node.inputs[0] if all(part is Ellipsis or part == slice(None) for part in template) else None


_RULES = {
    "np.multiply": _multiply,
    "np.divide": _divide,
    "np.subtract": _subtract,
    "np.add": _add,
    "np.negative": _negative,
    "np.positive": _first,
    "chainrule.stop_gradient": _first,
    "np.power": _power,
    "np.reshape": _reshape,
    "np.transpose": _transpose,
    "np.broadcast_to": _first,
    "astype": _first,
    "astype_integer": _first,
    "np.where": _where,
    "index": _index,
}
