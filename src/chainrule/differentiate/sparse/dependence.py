"""Which inputs the results of a tape depend on, found operation by operation.

What is found depends on the tape alone and on the index arrays in it, never on other values: a factor that happens to
be 0 counts. So it holds for every run of the function that leaves such a tape.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from chainrule.differentiate.forward import last_reads
from chainrule.differentiate.sparse.moves import MOVES
from chainrule.differentiate.sparse.patterns import Pattern, TooDense, empty, every_row, gathered, identity, union
from chainrule.differentiate.sparse.sums import SUMS
from chainrule.errors import TraceError
from chainrule.graph import Node
from chainrule.ops.axes import shape_of
from chainrule.ops.outputs import output

__all__ = ["RULES", "pattern_of"]

#: A rule takes the node and, for each of its inputs, the pattern or None; it returns the pattern of the result.
Rule = Callable[[Node, Sequence[Pattern | None]], Pattern]

#: The rules by name. An elementwise operation has none of its own; every other operation counts as one in which each
#: entry of the result depends on all entries of the inputs.
RULES: dict[str, Rule] = {**MOVES, **SUMS}


def pattern_of(
    entries: Sequence[Node], sources: Sequence[Node], ends: Sequence[Node | None], sizes: Sequence[int]
) -> Pattern:
    """Find the pattern of a Jacobian.

    Parameters
    ----------
    entries : sequence of Node
        The tape: operations in the order of computation.
    sources : sequence of Node
        The inputs; their entries, one after the other, are the columns.
    ends : sequence of (Node or None)
        The outputs; their entries, one after the other, are the rows. None for one that depends on nothing.
    sizes : sequence of int
        The number of entries of each output.

    Returns
    -------
    csr_array of bool
        True where an entry of the Jacobian may differ from 0.

    Raises
    ------
    TraceError
        Where the pattern, or one on the way to it, has so many entries that it is no help.
    """
    columns = sum(x.size for x in sources)
    found: dict[Node, Any] = {}
    start = 0
    for x in sources:
        found[x] = identity(start, x.size, columns)
        start += x.size
    wanted = {x for x in ends if x is not None}
    needed = _needed(entries, wanted)
    for node, last in zip(entries, last_reads(entries, [*wanted]), strict=True):
        if node in needed:
            made = _of_node(node, found)
            if made is not None:
                found[node] = made
        for x in last:
            found.pop(x, None)
    rows = [empty(n, columns) if x not in found else found[x] for x, n in zip(ends, sizes, strict=True)]
    whole = sparse.csr_array(sparse.vstack(rows, format="csr")) if rows else empty(0, columns)
    whole.sum_duplicates()
    return whole


def _needed(entries: Sequence[Node], wanted: set[Node]) -> set[Node]:
    """The operations that lead to an output."""
    needed = set(wanted)
    for node in reversed(entries):
        if node in needed:
            needed.update(x for x in node.inputs if type(x) is Node)
    return needed


def _of_node(node: Node, found: dict[Node, Any]) -> Any:
    op = node.op
    parts: list[Any] = [found.get(x) if type(x) is Node else None for x in node.inputs]
    if op.is_constant or all(p is None for p in parts):
        return None
    if op is output:
        return parts[0][node.params["k"]]
    try:
        if any(isinstance(p, _OfAnyLength) for p in parts):
            return _everything(node, parts)
        if op.partials is not None:
            return _elementwise(node, parts)
        rule = RULES.get(op.name)
        if rule is not None:
            return rule(node, parts)
        return _everything(node, parts)
    except TooDense as problem:
        group = f" (in {node.group})" if node.group and node.group != op.name else ""
        raise TraceError(
            f"The result of {op.name}{group}, of shape {node.shape}, depends on the inputs in {problem}: there "
            "is no sparse pattern to be found. Use jacobian or hvp, or give a pattern."
        ) from None


def _elementwise(node: Node, parts: Sequence[Pattern | None]) -> Pattern | None:
    mine = []
    for x, p, partial in zip(node.inputs, parts, node.op.partials, strict=True):
        if p is None or (partial is not None and partial.constant == 0):
            continue
        shape = shape_of(x)
        places = np.arange(p.shape[0]).reshape(shape)
        mine.append(p if shape == node.shape else gathered(p, np.broadcast_to(places, node.shape)))
    return union(mine) if mine else None


class _OfAnyLength:
    """What a result depends on whose length only a run tells: every entry on the columns of one row."""

    def __init__(self, row: Pattern) -> None:
        self.row = row


def _everything(node: Node, parts: Sequence[Any]) -> Any:
    known = [p.row if isinstance(p, _OfAnyLength) else p for p in parts if p is not None]

    def of_shape(shape: tuple[Any, ...]) -> Any:
        if None in shape:
            return _OfAnyLength(every_row(known, 1))
        return every_row(known, math.prod(shape))

    shapes: Any = node.shape
    return [of_shape(shape) for shape in shapes] if isinstance(node.dtype, tuple) else of_shape(shapes)
