"""How long a graph would be as straight code, and whether it has such a form."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.computing import CONVERSIONS, can_compute
from chainrule.native.dense import DENSE, can_solve, is_small_dense
from chainrule.native.elementwise import FUNCTIONS
from chainrule.native.grouping import REDUCTIONS

__all__ = [
    "BY_INDEX",
    "INSIDE",
    "MOST",
    "MOVES",
    "RUNNING",
    "counted",
    "has_results",
    "index_arrays",
    "is_large",
    "shapes_of",
]

#: A value has at most so many entries, a body so many instructions in all, and a loop inside a body with results is
#: written out for so many steps.
MOST, _LONGEST, _UNROLLED = 16, 4000, 8

#: Instructions of an operation for one entry, roughly; of all others, which are series, so many.
_CHEAP = frozenset(
    f"np.{name}"
    for name in (
        *("add", "subtract", "multiply", "divide", "negative", "positive", "square", "sqrt", "reciprocal", "absolute"),
        *("maximum", "minimum", "where", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor"),
        *("isnan", "isinf", "isfinite", "sign", "floor", "ceil", "trunc", "rint", "power", "invert", "real"),
    )
)
_SERIES = 40

#: What only moves entries, what does so by index, and what runs along an axis.
MOVES = frozenset({"np.transpose", "np.reshape", "np.broadcast_to", "np.concatenate", "np.pad"})
BY_INDEX = frozenset({"index", "index_set", "index_add"})
RUNNING = frozenset({"np.cumsum", "np.cumprod"})


def counted(graph: Graph) -> int | None:
    """Count the instructions of a graph as straight code.

    Parameters
    ----------
    graph : Graph
        A body. Its larger inputs stand in memory, and only entries are read of them.

    Returns
    -------
    int or None
        None where there is no such form, or it is too long.
    """
    total = 0
    for node in graph.nodes:
        cost = _cost(node)
        if cost is None or total + cost > _LONGEST:
            return None
        total += cost
    return None if any(is_large(x) for x in graph.outputs) else total


def is_large(x: Any) -> bool:
    """True for what has too many entries for registers, or an unknown number of them."""
    shape = x.shape if isinstance(x, Node) else np.shape(x)
    if not all(type(length) is int for length in shape):
        return True
    return math.prod(shape) > MOST or (isinstance(x, Node) and x.dtype.kind not in "biuf")


def _cost(node: Node) -> int | None:
    name = node.op.name
    if name == "output":
        return 0
    if name in INSIDE:
        return INSIDE[name](node)
    if name in DENSE:
        return _dense_cost(node)
    sources = node.inputs[1:] if name == "index" else node.inputs
    if is_large(node) or any(is_large(x) for x in sources) or isinstance(node.dtype, tuple):
        return None
    size = math.prod(node.shape)
    if name == "index":
        x = node.inputs[0]
        if is_large(x) and not (isinstance(x, Node) and x.op is None and all(type(k) is int for k in x.shape)):
            return None
    if name in BY_INDEX:
        arrays = index_arrays(node)
        if any(getattr(a, "dtype", None) == np.dtype(bool) and isinstance(a, Node) for a in arrays):
            return None
        return (MOST if any(isinstance(a, Node) for a in arrays) else 1) * size
    if name in MOVES:
        return 0
    if name in FUNCTIONS or name in CONVERSIONS:
        weight = 1 if name in _CHEAP or name in CONVERSIONS else _SERIES
        return size * weight if can_compute(node) else None
    if name in REDUCTIONS or name in RUNNING:
        x = node.inputs[0]
        return math.prod(x.shape) if isinstance(x, Node) else None
    if name == "np.matmul":
        return size * int(np.shape(_like(node.inputs[0]))[-1])
    if name == "np.einsum":
        return MOST * size
    return None


def _dense_cost(node: Node) -> int | None:
    if any(len(x.shape) != 2 or is_large(x) for x in node.inputs) or not (can_solve(node) and is_small_dense(node)):
        return None
    rows = int(node.inputs[0].shape[0])
    return 4 * rows * rows * (rows + sum(int(x.shape[1]) for x in node.inputs))


def _like(x: Any) -> Any:
    return np.broadcast_to(0, x.shape) if isinstance(x, Node) else x


def index_arrays(node: Node) -> tuple[Any, ...]:
    """The inputs of an operation by index that are indices."""
    return node.inputs[2:] if node.op.name == "index_set" else node.inputs[1:]


def _cond_cost(node: Node) -> int | None:
    if isinstance(node.inputs[0], Node) and node.inputs[0].shape != ():
        return None
    return _total(counted(node.params["if_true"]), counted(node.params["if_false"]))


def _while_cost(node: Node) -> int | None:
    if node.params["store"] or _moves_memory(node, node.params["carries"]):
        return None
    return _total(counted(node.params["condition"]), counted(node.params["body"]))


def _scan_cost(node: Node) -> int | None:
    params, body = node.params, node.params["body"]
    cost = counted(body)
    if cost is None or type(params["length"]) is not int or _moves_memory(node, params["carries"]):
        return None
    if has_results(node):
        steps = params["length"]
        if steps > _UNROLLED or any(math.prod(shape) > MOST for shape in shapes_of(node)):
            return None
        return cost * steps
    sequences = node.inputs[params["carries"] : params["carries"] + params["sequences"]]
    if any(not is_large(x) for x in sequences):
        return cost * params["length"] if params["length"] <= _UNROLLED else None
    return None if any(not isinstance(x, Node) or x.op is not None for x in sequences) else cost


def has_results(node: Node) -> bool:
    """True for a scan that collects something."""
    return bool(len(node.shape) > node.params["carries"])


def shapes_of(node: Node) -> tuple[tuple[int, ...], ...]:
    """Of each output of an operation with several."""
    shapes: Any = node.shape
    return tuple(shapes)


def _moves_memory(node: Node, carries: int) -> bool:
    """True where what is carried is too large, or what is read besides is large, but no input."""
    if any(is_large(x) for x in node.inputs[:carries]):
        return True
    return any(is_large(x) and bool(getattr(x, "op", x) is not None) for x in node.inputs)


def _total(*costs: int | None) -> int | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


#: Operations with graphs inside, and what tells how long they are.
INSIDE: dict[str, Callable[[Node], int | None]] = {
    "chainrule.cond": _cond_cost,
    "chainrule.while_loop": _while_cost,
    "chainrule.scan": _scan_cost,
}
