"""Rows in blocks: the part of a program that treats every row of a batch by itself runs block by block.

A block of rows goes through all operations of the region before the next one starts, so that what is between them
stays in the cache, and different blocks can run in different threads. Sums over the rows are made for each block and
added up afterwards, in the order of the blocks. How large a block is depends on the graph and the number of rows alone,
and not on threads: so do the bits.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.access import Access, aligned, shape_sizes
from chainrule.native.grouping import REDUCTIONS, Group
from chainrule.native.matmul import factors_of
from chainrule.native.sizes import LEADING, ZERO, Size, product_of, size_of
from chainrule.native.windows import windows_of
from chainrule.ops.axes import normalize_axes

__all__ = ["UNIT", "Region", "divided", "rows_of"]

#: Bytes that the rows of a block may take between the operations: they stay in the second cache.
_BLOCK_BYTES = 1 << 17
#: Rows of a block at most, and at least; a region in which fewer fit is not worth having.
_MOST, _LEAST = 128, 32
#: Rows of a block are a multiple of it.
UNIT = 16
#: Bytes of sums of one block at most.
_SUM_BYTES = 1 << 18
#: Multiplications of a block from which on it may go to another thread.
_SHARED = 150_000

#: Entries that are read again from the cache, not from memory, from which on blocks of a known number of rows pay.
_SAVED = 1 << 16


@dataclass
class Region:
    """Groups that run block by block.

    Attributes
    ----------
    groups : list of Group
        In their order.
    steps : dict
        For each buffer with rows the number of entries from one row to the next.
    fixed : set
        Buffers that every block reads as a whole.
    sums : list of Node
        Sums over the rows.
    local : list of Node
        Values with rows that only the region reads.
    block : int
        The most rows of a block.
    is_shared : bool
        Whether blocks go to threads.
    rows : Size
        How many there are in all.
    """

    groups: list[Group] = field(default_factory=list)
    steps: dict[Any, int] = field(default_factory=dict)
    fixed: set[Any] = field(default_factory=set)
    sums: list[Node] = field(default_factory=list)
    local: list[Node] = field(default_factory=list)
    block: int = 0
    is_shared: bool = False
    rows: Size = LEADING


def rows_of(graph: Graph) -> Size:
    """The length that blocks are parts of: the leading one, or where all are known that of the largest input."""
    if graph.is_open:
        return LEADING
    shapes = [x.shape for x in _arrays(graph) if len(x.shape) > 1 and all(type(length) is int for length in x.shape)]
    return size_of(max(shapes, key=math.prod)[0]) if shapes else ZERO


def _arrays(graph: Graph) -> Iterator[Any]:
    yield from (x for x in graph.inputs if not isinstance(x.dtype, tuple))
    yield from (x for node in graph.nodes for x in node.inputs if isinstance(x, np.ndarray))


def divided(
    groups: Sequence[Group],
    access: Callable[[Any], Access],
    stored: Mapping[Node, Any],
    kept: set[Any],
    over: Collection[Node] = (),
    rows: Size = LEADING,
) -> tuple[list[Group], Region | None, list[Group]]:
    """Divide the groups of a program into those before a region, the region, and those after it.

    Parameters
    ----------
    groups : sequence of Group
        In an order in which they can run.
    access : callable
        Where the entries of an input stand.
    stored : mapping
        The nodes that stand in memory.
    kept : set
        Nodes whose values are needed after the program.
    over : collection
        Nodes that take the memory of an input. They come after the region, which may read that input.
    rows : Size
        From `rows_of`.

    Returns
    -------
    before : list of Group
        What the region may need.
    region : Region or None
        None where it would not be worth while.
    after : list of Group
        The rest.
    """
    search = _Search(access, stored, over, rows)
    for group in groups:
        search.place(group)
    region = search.region
    if not search.finish(kept):
        return list(groups), None, []
    return search.before, region, search.after


class _Search:
    def __init__(
        self, access: Callable[[Any], Access], stored: Mapping[Node, Any], over: Collection[Node], rows: Size
    ) -> None:
        self._access, self._stored, self._over, self._rows = access, stored, over, rows
        self.region = Region(rows=rows)
        self._times: Counter[Any] = Counter()  # How often a buffer is read row by row.
        self.before: list[Group] = []
        self.after: list[Group] = []
        self._made: set[Any] = set()  # Buffers that the region writes row by row.
        self._late: set[Any] = set()  # Buffers that are there only after the region.
        self._work = 0

    def place(self, group: Group) -> None:
        """Put a group into one of the three parts."""
        buffers = {access.buffer for access in self._reads(group)}
        writes_over = any(node in self._over for node in group.nodes)
        if not writes_over and not buffers & self._late and self._take(group):
            return
        if writes_over or buffers & (self._late | self._made):
            self.after.append(group)
            self._late.update(group.nodes)
        else:
            self.before.append(group)

    def _reads(self, group: Group) -> list[Access]:
        inside = set(group.nodes)
        return [
            self._access(x)
            for node in group.nodes
            for x in node.inputs
            if (x not in inside if isinstance(x, Node) else isinstance(x, np.ndarray) and x.ndim)
        ]

    def _take(self, group: Group) -> bool:
        """Take a group into the region, where each row of what it makes follows from that row of what it reads."""
        if group.domain is None:
            found = self._product(group.nodes[0])
        elif group.domain.shape[:1] == (self._rows,) and all(windows_of(node) is None for node in group.nodes):
            found = self._loop(group)
        else:
            return False
        if found is None:
            return False
        steps, fixed, sums, work = found
        merged = dict(self.region.steps)
        for buffer, step in steps:
            if merged.setdefault(buffer, step) != step:
                return False
        fixed = self.region.fixed | fixed
        if fixed & (merged.keys() | self._made):
            return False
        written = [node for node in group.nodes if node in self._stored]
        for node in written:
            if node not in sums:
                rest = product_of(shape_sizes(node.shape)[1:])
                if shape_sizes(node.shape)[:1] != (self._rows,) or not rest.is_known:
                    return False
                merged[node] = rest.known()
        self.region.groups.append(group)
        self.region.steps, self.region.fixed = merged, fixed
        self.region.sums += sums
        self._late.update(sums)
        self._made.update(node for node in written if node not in sums)
        self._work += work
        self._times.update(dict(steps).keys())
        return True

    def _step(self, access: Access, strides: tuple[Size, ...]) -> tuple[list[tuple[Any, int]], set[Any]] | None:
        """How an array is read along the rows: its step, or that it is the same for all."""
        if strides[0] == ZERO:
            return ([], {access.buffer})
        if not strides[0].is_known or not access.offset.is_known:
            return None
        step = strides[0].known()
        if access.buffer in self._made and not 0 <= access.offset.known() < step:
            return None
        return ([(access.buffer, step)], set()) if step > 0 else None

    def _product(self, node: Node) -> Any:
        if node.op.name != "np.matmul":
            return None
        factors = factors_of(node, self._access)
        if factors is None or factors.batch != self._rows:
            return None
        a, b, product = factors.a, factors.b, factors.product
        work = (product.m or 1) * product.n * (product.k or 1)
        if self._rows.is_known:
            work //= self._rows.known()
        if product.form == "TN":
            if len(a.shape) != 2:
                return None
            parts = [self._step(a, a.strides[1:]), self._step(b, b.strides[:1])]
            sums = [node]
        else:
            parts, sums = [self._step(a, a.strides[:1]), ([], {b.buffer})], []
        steps: list[tuple[Any, int]] = []
        fixed: set[Any] = set()
        for part in parts:
            if part is None:
                return None
            steps += part[0]
            fixed |= part[1]
        return steps, fixed, sums, work

    def _loop(self, group: Group) -> Any:
        assert group.domain is not None
        inside = set(group.nodes)
        steps: list[tuple[Any, int]] = []
        fixed: set[Any] = set()
        sums = []
        for node in group.nodes:
            shape = shape_sizes(node.shape)
            if node.op.name in REDUCTIONS:
                shape = shape_sizes(node.inputs[0].shape)
                if 0 in normalize_axes(node.params["axis"], len(shape)):
                    size = product_of(shape_sizes(node.shape))
                    if node.op.name != "np.sum" or node.dtype.kind != "f" or not size.is_known:
                        return None
                    sums.append(node)
            for x in node.inputs:
                if x in inside if isinstance(x, Node) else not isinstance(x, np.ndarray) or x.ndim == 0:
                    continue
                access = self._access(x)
                part = self._step(access, aligned(access, shape))
                if part is None:
                    return None
                steps += part[0]
                fixed |= part[1]
        row = product_of(group.domain.shape[1:])
        entries = row.known() if self._rows.is_known and row.is_known else 1
        return steps, fixed, sums, 10 * len(group.nodes) * entries

    def finish(self, kept: set[Any]) -> bool:
        """Settle what the blocks hold; says whether the region is worth having."""
        region = self.region
        if len(region.groups) < 2:
            return False
        read_after = {access.buffer for group in self.after for access in self._reads(group)}
        region.local = [node for node in self._made if node not in read_after and node not in kept]
        region.local.sort(key=lambda node: self._stored[node])
        a_row = sum(region.steps[node] * node.dtype.itemsize for node in region.local)
        sums = sum(node.size * node.dtype.itemsize for node in region.sums)
        block = min(_MOST, _BLOCK_BYTES // max(a_row, 1)) // UNIT * UNIT
        if block < _LEAST or sums > _SUM_BYTES or not self._is_worth_while(block):
            return False
        if self._rows.is_known:
            region.groups = [_in_blocks(group) for group in region.groups]
        region.block = block
        region.is_shared = self._work * block >= _SHARED
        return True

    def _is_worth_while(self, block: int) -> bool:
        """Where the number of rows is known: whether much is read again while it is in the cache."""
        if not self._rows.is_known:
            return True
        rows, region = self._rows.known(), self.region
        again = sum((times - (x not in self._made)) * region.steps[x] for x, times in self._times.items())
        return rows > block and rows * again >= _SAVED


def _in_blocks(group: Group) -> Group:
    domain = group.domain
    if domain is not None:
        domain = replace(domain, shape=(LEADING, *domain.shape[1:]))
    return Group(domain, group.nodes, in_blocks=True)
