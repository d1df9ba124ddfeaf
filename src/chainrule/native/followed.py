"""A product and the loop that reads it, slice by slice: each slice of its rows is read while it is in the cache.

So it is where a gradient by the weights is what an update reads, and where a layer's product is what a bias is added
to. Rows of a product that nothing else reads never leave the stack of the slice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.access import Access, shape_sizes
from chainrule.native.emitter import Emitter
from chainrule.native.grouping import Followed, Group
from chainrule.native.loops import LoopKernel
from chainrule.native.matmul import factors_of, rows_and_slices, start_of
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.products import Following, Product, emit_product, most_rows, slice_rows
from chainrule.native.products_by_blocks import block_of
from chainrule.native.products_loops import LINE
from chainrule.native.products_packed import copies_of
from chainrule.native.products_strips import Ahead
from chainrule.native.products_tiles import Tile, minimum, on_stack
from chainrule.native.regions import UNIT
from chainrule.native.sharing import is_shared
from chainrule.native.touching import Part, touched
from chainrule.native.types import INT, POINTER
from chainrule.native.windows import windows_of

__all__ = ["emit_followed", "with_followed"]

#: Bytes of the rows of a slice, up to which they are put on the stack.
_LOCAL_BYTES = 1 << 17
_BYTE = np.dtype(np.uint8)

Base = Callable[[Any], ir.Value]


def with_followed(
    graph: Graph, parts: Sequence[Part], places: Mapping[Any, int], accesses: Mapping[Any, Access]
) -> list[Part]:
    """Put products and the loops after them together, where threads share both and slices have the same rows.

    Parameters
    ----------
    graph : Graph
        What is computed.
    parts : sequence of Group or Region
        In the order in which they run.
    places : mapping
        Number of the buffer of a node.
    accesses : mapping
        Where the entries of a node or a constant stand.

    Returns
    -------
    list of Group, Region or Followed
        What runs, in order.
    """
    found: list[Part] = []
    for part in parts:
        if found and isinstance(found[-1], Group) and isinstance(part, Group):
            pair = _pair(graph, found[-1], part, places, accesses)
            if pair is not None:
                found[-1] = pair
                continue
        found.append(part)
    return found


def _pair(
    graph: Graph, first: Group, second: Group, places: Mapping[Any, int], accesses: Mapping[Any, Access]
) -> Followed | None:
    node = first.nodes[0]
    if first.domain is not None or node.op.name != "np.matmul" or second.domain is None or not is_shared(second):
        return None
    shape = shape_sizes(node.shape)
    if second.domain.shape != shape or not any(node in x.inputs for x in second.nodes):
        return None
    if any(windows_of(x) is not None for x in second.nodes):
        return None  # Which read other rows than the one that they come to.
    factors = factors_of(node, lambda x: accesses[x if isinstance(x, Node) else id(x)])
    if factors is None or block_of(factors.product) or copies_of(factors.product):
        return None
    p = factors.product
    if p.m is None or p.m <= slice_rows(p) or (p.m, p.n) != tuple(length.known() for length in shape):
        return None
    # Another slice still reads the factors; of the product the loop reads what is in its own.
    read, _ = touched(first, places, accesses)
    _, written = touched(second, places, accesses)
    if read & written or not _reads_entry_by_entry(second, node, accesses):
        return None
    alone = list(places.values()).count(places[node]) == 1 and not _is_read_elsewhere(graph, node, second, accesses)
    fit = _LOCAL_BYTES // (p.n * p.dtype.itemsize) // UNIT * UNIT
    if alone and fit >= slice_rows(p):
        return Followed(first, second, min(most_rows(p), fit), (node,))
    return Followed(first, second, most_rows(p))


def _reads_entry_by_entry(loop: Group, node: Node, accesses: Mapping[Any, Access]) -> bool:
    """True where a loop reads of a node, by whatever name, only the entry that it has come to."""
    for x in (x for reader in loop.nodes for x in reader.inputs if isinstance(x, Node) and x in accesses):
        if accesses[x].buffer is node and (x is not node or accesses[x] != Access.whole(node, shape_sizes(node.shape))):
            return False
    return True


def _is_read_elsewhere(graph: Graph, node: Node, loop: Group, accesses: Mapping[Any, Access]) -> bool:
    inside = set(loop.nodes)
    names = {x for x, access in accesses.items() if access.buffer is node} | {node}
    outputs = {x for x in graph.outputs if isinstance(x, Node)}
    return bool(names & outputs) or any(
        x in names for reader in graph.nodes if reader not in inside for x in reader.inputs if isinstance(x, Node)
    )


def emit_followed(
    e: Emitter,
    part: Followed,
    access: Callable[[Any], Access],
    bases: Callable[[Emitter, ir.Value], Base],
    loop: Callable[[Emitter, Sequence[ir.Value], Base], LoopKernel],
    name: str,
) -> None:
    """Write both as slices of rows that threads share.

    Parameters
    ----------
    e : Emitter
        Writes the function (table, n, total) that they are for.
    part : Followed
        What to write.
    access : callable
        Where the entries of a node stand.
    bases : callable
        Makes of an emitter and the table what gives the pointer to a buffer.
    loop : callable
        ``loop(emitter, arguments, base)`` makes ready to write the loop in another function.
    name : str
        Of the function that runs a slice.
    """
    table, n, total = e.b.function.args
    inner, words, number = slice_function(e.module, name, [POINTER, INT, INT, INT])
    node = part.product.nodes[0]
    factors = factors_of(node, access)
    assert factors is not None, "it was one when the parts were put together"
    product = factors.product
    height = product.m or 0
    start = inner.b.mul(number, words[3])
    stop = minimum(inner, inner.b.add(start, words[3]), inner.int(height))
    base = bases(inner, words[0])
    after = _after(inner, part, product, access, base, start)
    if part.local:
        memory = on_stack(inner, part.rows * product.n * product.dtype.itemsize)
        before = inner.b.mul(start, inner.int(-product.n))
        base = _with(base, node, inner.address(memory, before, product.dtype))
    places = (factors.a, factors.b, access(node))
    pointers = [start_of(inner, words[1], place, product.dtype, base) for place in places]
    batch = factors.batch.emit(inner, words[1])
    emit_product(inner, product, *pointers, batch=batch, rows=(start, stop), following=after)
    kernel = loop(inner, words[:3], base)
    # Entries of the loop's outermost axis to a row: axes along which everything stands side by side are one.
    scale = inner.int(kernel.outer.known() // height)
    kernel.emit((inner.b.mul(start, scale), inner.b.mul(stop, scale)))
    inner.b.ret_void()
    rows, count = rows_and_slices(e, product, e.int(height), part.rows)
    emit_parallel(e, inner.b.function, context_of(e, [table, n, total, rows]), count)


def _after(
    e: Emitter, part: Followed, product: Product, access: Callable[[Any], Access], base: Base, start: ir.Value
) -> Following | None:
    """What the loop reads besides the product, array after array and panel by panel; None where there is nothing."""
    node = part.product.nodes[0]
    whole = shape_sizes(node.shape)
    read = dict.fromkeys(
        x
        for reader in part.loop.nodes
        for x in reader.inputs
        if isinstance(x, Node) and x not in part.loop.nodes and x is not node and shape_sizes(x.shape) == whole
    )
    reads = [x for x in read if access(x) == Access.whole(x, whole)]
    if not reads:
        return None
    first = e.b.mul(start, e.int(product.n))
    pointers = [e.address(base(x), first, x.dtype) for x in reads]
    size = part.rows * product.n * max(x.dtype.itemsize for x in reads)

    def following(tile: Tile, column: ir.Value, length: ir.Value, _: ir.Value) -> Ahead:
        b, step = e.b, e.b.mul(length, e.int(LINE))
        panel = b.sdiv(column, e.int(tile.width))
        # One more than nothing, where the inner length is 0.
        of_panel = b.add(b.mul(step, e.int(max(part.rows // tile.rows, 1))), e.int(1))
        of_array = b.sdiv(b.add(b.sub(of_panel, e.int(1)), e.int(size)), of_panel)
        number, place = (b.sdiv(panel, of_array), b.mul(b.srem(panel, of_array), of_panel))
        at = pointers[-1]
        for k, pointer in reversed(list(enumerate(pointers[:-1]))):
            at = b.select(b.icmp_signed("==", number, e.int(k)), pointer, at)
        return e.address(at, place, _BYTE), e.int(LINE), step

    return following


def _with(base: Base, node: Node, pointer: ir.Value) -> Base:
    return lambda buffer: pointer if buffer is node else base(buffer)
