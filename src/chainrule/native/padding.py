"""Computing once more what is put into zeros, in the loop that goes on with it.

The derivative of a function of ``x[1:]`` and ``x[:-1]`` puts arrays of n - 1 entries into zeros at two places and adds
them up. They cost memory that is written and read again, where a few operations make them of x in the loop over all n:

    index_add(f(a, b)) = where(inside, f(index_add(a), index_add(b)), 0),

in which index_add(a) is a read at another place (see `chainrule.native.windows`).
"""

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.computing import can_compute, is_literal
from chainrule.native.windows import windows_of
from chainrule.ops import PRIMITIVES
from chainrule.passes.keys import key_of
from chainrule.passes.rewriting import rewritten

__all__ = ["operands_padded"]

_ADD, _WHERE = "index_add", PRIMITIVES["np.where"]

#: Operations that take no longer than reading and writing an entry.
_CHEAP = frozenset(
    f"np.{name}"
    for name in (
        *("add", "subtract", "multiply", "negative", "positive", "square", "absolute", "maximum", "minimum", "where"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"),
    )
)
#: So many of them at most, which read so many arrays.
_MOST, _SOURCES = 24, 2
#: Arrays of fewer entries stay in the cache, if not in registers.
_LEAST = 256

#: What stands over a whole, by its place there and what it is; None for where there is something.
_Made = dict[tuple[Hashable, Node | None], Node]

_VIEWS = frozenset({"np.transpose", "np.reshape", "np.broadcast_to", "index"})


def operands_padded(graph: Graph) -> Graph:
    """Put what arrays are cheaply made of into zeros, instead of the arrays.

    Parameters
    ----------
    graph : Graph
        Stays as it is.

    Returns
    -------
    Graph
        One that gives the same bits, but for sums of all entries of what is now computed over the whole, too: their
        loop is that of the whole. The same graph where there is nothing to do.
    """
    if not any(node.op.name == _ADD for node in graph.nodes):
        return graph
    kept = {x for x in graph.outputs if isinstance(x, Node)}
    for node in graph.nodes:
        if node.op.name != _ADD and not can_compute(node):
            kept.update(x for x in node.inputs if isinstance(x, Node))
    made: _Made = {}
    found = rewritten(graph, lambda node: _pushed(node, made) if _is_worth_while(node, kept) else node)
    return rewritten(found, lambda node: _with_whole(node, made)) if made else found


def _is_worth_while(node: Node, kept: set[Node]) -> bool:
    if node.op.name != _ADD or len(node.inputs) != 1 or windows_of(node) is None:
        return False
    if all(type(k) is int for k in node.shape) and node.size < _LEAST:
        return False
    (g,) = node.inputs
    if not isinstance(g, Node) or g in kept or not _is_cheap(g):
        return False
    count, leaves = 0, []
    for x in _expression(g):
        count += _is_cheap(x)
        if not _is_cheap(x) and x.shape != ():
            leaves.append(x)
        if count > _MOST:
            return False
    sources = {_source(x) for x in leaves}
    at_hand = all(x.op is None or not can_compute(x) for x in sources)
    return at_hand and len(sources) <= _SOURCES and all(x.shape == g.shape for x in leaves)


def _is_cheap(x: Node) -> bool:
    if x.op is None:
        return False
    is_square = x.op.name == "np.power" and is_literal(x.inputs[1]) and x.inputs[1] == 2
    same = all(is_literal(y) or (isinstance(y, Node) and y.shape in ((), x.shape)) for y in x.inputs)
    return (is_square or x.op.name in _CHEAP) and same and can_compute(x)


def _expression(x: Node) -> Iterator[Node]:
    """What a value is cheaply made of, down to what is at hand, each once."""
    seen = {x}
    left = [x]
    while left:
        now = left.pop()
        yield now
        if _is_cheap(now):
            new = [y for y in now.inputs if isinstance(y, Node) and y not in seen]
            seen.update(new)
            left += new


def _source(x: Node) -> Node:
    while x.op is not None and x.op.name in _VIEWS and isinstance(x.inputs[0], Node):
        x = x.inputs[0]
    return x


def _with_whole(node: Node, made: _Made) -> Node:
    """A sum of all entries as one over a whole for which everything that these are made of is read anyway."""
    if node.op.name != "np.sum" or node.dtype.kind != "f" or not isinstance(node.inputs[0], Node):
        return node
    (x,) = node.inputs
    axes = node.params["axis"]
    if not _is_cheap(x) or not (axes is None or len(axes) == len(x.shape)) or x.dtype != node.dtype:
        return node
    leaves = [y for y in _expression(x) if not _is_cheap(y) and y.shape != ()]
    for (place, inside), whole in list(made.items()):
        if inside is None and all((place, leaf) in made for leaf in leaves):
            read = made[place, leaves[0]]
            padded = _pushed(Node(read.op, (x,), read.params, whole.shape, x.dtype, x.weak, x.group), made)
            return Node(node.op, (padded,), node.params, node.shape, node.dtype, node.weak, node.group)
    return node


def _pushed(node: Node, made: _Made) -> Node:
    """The operation over the whole; `made` has what others have made of the same."""
    place = tuple((name, key_of(value, lambda x: x)) for name, value in sorted(node.params.items()))

    def padded(x: Any) -> Any:
        if not isinstance(x, Node) or x.shape == ():
            return x
        key = place, x
        if key not in made:
            if _is_cheap(x):
                inputs = tuple(map(padded, x.inputs))
                made[key] = Node(x.op, inputs, x.params, node.shape, x.dtype, x.weak, x.group)
            else:
                made[key] = Node(node.op, (x,), node.params, node.shape, x.dtype, False, node.group)
        return made[key]

    inside = Node(node.op, (np.True_,), node.params, node.shape, np.dtype(bool), False, node.group)
    inside = made.setdefault((place, None), inside)
    return Node(_WHERE, (inside, padded(node.inputs[0]), 0), {}, node.shape, node.dtype, node.weak, node.group)
