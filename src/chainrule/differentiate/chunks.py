"""How many derivatives go along a tape at once, so that their arrays fit into a stated memory."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from chainrule.differentiate.forward import last_reads
from chainrule.errors import OptionError
from chainrule.graph import Graph, Node
from chainrule.trace.batch import Batch
from chainrule.trace.tracer import Tracer

__all__ = ["backward_bytes", "checked_memory", "chunk_length", "copies_of", "forward_bytes"]

#: Arrays of the size of its largest operand that a rule holds for a moment: what it multiplies by, the product, the
#: contribution in the shape of the input, and the sum with what was there.
_WORKING = 4


def checked_memory(memory: int) -> int:
    """The stated memory, which has to be a positive number of bytes."""
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < 1:
        raise OptionError(f"memory should be a positive whole number of bytes, found {memory!r}")
    return memory


def chunk_length(count: int, one: int, memory: int) -> int:
    """Into chunks of which length to divide the work.

    Parameters
    ----------
    count : int
        Number of derivatives.
    one : int
        Bytes that one takes.
    memory : int
        Bytes that a chunk may take; one derivative is let through whatever it takes.

    Returns
    -------
    int
        The length: as many chunks as are needed, of about one size.
    """
    largest = max(1, memory // max(1, one))
    chunks = math.ceil(count / largest)
    return math.ceil(count / max(1, chunks))


def forward_bytes(entries: Sequence[Node], sources: Sequence[Node], outputs: Sequence[Node]) -> int:
    """Bytes of the arrays of one pass forward from some inputs, which gives up each tangent after its last reader."""
    sizes = _sizes(entries)
    moving = {source: _size(source, None) for source in sources}
    # The tangents that the pass starts with are held until it ends.
    live = sum(moving.values())
    most = 2 * live
    for node, last in zip(entries, last_reads(entries, outputs), strict=True):
        if not node.op.is_constant and any(type(x) is Node and x in moving for x in node.inputs):
            moving[node] = sizes[node]
            live += sizes[node]
            most = max(most, live + _working(node, sizes))
        live -= sum(moving[x] for x in last if x in moving and x not in sources)
    return most


def backward_bytes(entries: Sequence[Node], ends: Sequence[Node]) -> int:
    """Bytes of the arrays of one pass backward from some outputs, which gives up each derivative that it passed on."""
    sizes = _sizes(entries)
    arriving = set(ends)
    # The derivatives that the pass starts with are held until it ends.
    live = sum(sizes.get(end) or _size(end, None) for end in arriving)
    most = 2 * live
    for node in reversed(entries):
        if node not in arriving:
            continue
        for x in node.inputs:
            if type(x) is Node and x not in arriving:
                arriving.add(x)
                live += sizes.get(x) or _size(x, None)
        most = max(most, live + _working(node, sizes))
        live -= 0 if node in ends else sizes[node]
    return most


def copies_of(values: Iterable[Any]) -> int:
    """How many examples a traced value stands for, where this is part of a vectorized function."""
    most = 1
    for x in values:
        copies = 1
        while isinstance(x, Tracer):
            copies *= x.recording.size if isinstance(x.recording, Batch) else 1
            x = x.value
        most = max(most, copies)
    return most


def _sizes(entries: Sequence[Node]) -> dict[Node, int]:
    return {node: _size(node, node.kept[0] if node.kept else None) for node in entries}


def _size(node: Node, ans: Any) -> int:
    """Bytes of a result; the value, where it was kept, tells the lengths that the node leaves open."""
    shape = getattr(ans, "shape", node.shape)
    if not isinstance(node.dtype, tuple):
        return _product(shape) * int(node.dtype.itemsize)
    return sum(_product(one) * int(dtype.itemsize) for one, dtype in zip(shape, node.dtype, strict=True))


def _product(shape: tuple[Any, ...]) -> int:
    return math.prod(length for length in shape if type(length) is int)


def _working(node: Node, sizes: dict[Node, int]) -> int:
    """Bytes that the rule of one operation holds for a moment, with those of a body that it runs."""
    operands = [sizes.get(x) or _size(x, None) for x in (node, *node.inputs) if type(x) is Node]
    return _WORKING * max(operands) + sum(_inside(x) for x in node.params.values() if isinstance(x, Graph))


def _inside(graph: Graph) -> int:
    inner = (x for node in graph.nodes for x in node.params.values() if isinstance(x, Graph))
    return sum(_size(node, None) for node in graph.nodes) + sum(_inside(x) for x in inner)
