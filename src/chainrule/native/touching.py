"""Which memory each part of a program reads and writes, and which results can take the place of what is read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.access import Access, shape_sizes
from chainrule.native.grouping import REDUCTIONS, Domain, Followed, Group
from chainrule.native.regions import Region

__all__ = ["Part", "groups_of", "put_in_place", "read_outside", "touched", "written_over"]

Part = Group | Region | Followed
Places = Mapping[Any, int]
Accesses = Mapping[Any, Access]


def groups_of(part: Part) -> Sequence[Group]:
    """The loops and the operations by themselves that a part of a program consists of."""
    return (part,) if isinstance(part, Group) else part.groups


def touched(part: Part, places: Places, accesses: Accesses) -> tuple[set[int], set[int]]:
    """Find what a part of a program reads and what it writes.

    Parameters
    ----------
    part : Group, Region or Followed
        The part.
    places : mapping
        Number of the buffer of a node, an output of a node or a constant.
    accesses : mapping
        Where the entries of a node or a constant stand.

    Returns
    -------
    read, written : set of int
        Numbers of buffers.
    """
    nodes = [node for group in groups_of(part) for node in group.nodes]
    read = {places[access.buffer] for access in _accesses_read(nodes, accesses) if access.buffer in places}
    return read, {place for node in nodes for place in _places_of(node, places)}


def _accesses_read(nodes: Sequence[Node], accesses: Accesses) -> Iterator[Access]:
    for node in nodes:
        for x in node.inputs:
            if isinstance(x, Node) or (isinstance(x, np.ndarray) and x.ndim):
                access = accesses.get(x if isinstance(x, Node) else id(x))
                if access is not None:
                    yield access


def _places_of(node: Node, places: Places) -> Iterator[int]:
    keys: list[Any] = [node]
    if isinstance(node.dtype, tuple):
        keys = [(node, k) for k in (*range(len(node.dtype)), "state")]
    return (places[key] for key in keys if key in places)


def put_in_place(
    parts: Sequence[Part], places: dict[Any, int], accesses: Accesses, others: Collection[int]
) -> set[int]:
    """Let a loop write a result over what it reads at the same entries, and nothing reads any more.

    A loop loads all that it reads of an entry before it stores (see `chainrule.native.loops.LoopKernel`).

    Parameters
    ----------
    parts : sequence of Group, Region or Followed
        What runs, in order.
    places : dict
        As for `touched`; the results get the places of what they are written over.
    accesses : mapping
        As for `touched`.
    others : collection of int
        Buffers that stay what they are: arguments, results, constants, and what NumPy reads or makes.

    Returns
    -------
    set of int
        The buffers that are not needed any more.
    """
    last: dict[int, int] = {}
    for number, part in enumerate(parts):
        for some in touched(part, places, accesses):
            last |= dict.fromkeys(some, number)
    left: set[int] = set()
    for number, part in enumerate(parts):
        if not isinstance(part, Group) or part.domain is None or part.domain.by_rows:
            continue
        free = {
            source: places[source]
            for source in _read_entry_by_entry(part, places, accesses)
            if last[places[source]] == number and places[source] not in others
        }
        for node in part.nodes:
            own = places.get(node)
            if own is None or own in others or node.op.name in REDUCTIONS:
                continue
            source = next((x for x in free if x.dtype == node.dtype), None)
            if source is None or shape_sizes(node.shape) != part.domain.shape:
                continue
            places[node] = free.pop(source)
            last[places[node]] = last[own]
            left.add(own)
    return left


def _read_entry_by_entry(group: Group, places: Places, accesses: Accesses) -> list[Node]:
    """What stands in memory of its own and is read by a loop at each entry for that entry alone."""
    assert group.domain is not None
    inside = set(group.nodes)
    whole: dict[int, Node] = {}
    elsewhere: set[int] = set()
    for node in group.nodes:
        for x in node.inputs:
            if not isinstance(x, Node) or x in inside or x not in accesses:
                continue
            access = accesses[x]
            place = places.get(access.buffer)
            if place is None:
                continue
            if access == Access.whole(x, group.domain.shape) and whole.setdefault(place, x) is x:
                continue
            elsewhere.add(place)
    return [x for place, x in whole.items() if place not in elsewhere]


def written_over(graph: Graph, groups: Sequence[Group], given_up: Mapping[int, int]) -> dict[Node, Node]:
    """The outputs that can take the memory of an input: nothing reads that later, or at another place."""
    home = {node: k for k, group in enumerate(groups) for node in group.nodes}
    found: dict[Node, Node] = {}
    for k, i in given_up.items():
        x, source = graph.outputs[k], graph.inputs[i]
        if not isinstance(x, Node) or x.shape != source.shape or x.dtype != source.dtype:
            continue
        writer = home[x]
        group = groups[writer]
        if group.domain != Domain(shape_sizes(source.shape)) or x.op.name in REDUCTIONS:
            continue
        if _last_read(graph, source, home, writer) < writer:
            found[x] = source
    return found


def _last_read(graph: Graph, source: Node, home: dict[Node, int], writer: int) -> int:
    """Number of the last group that reads an input, not counting reads at the same place by the one that writes."""
    last = -1
    for node in graph.nodes:
        if not any(x is source for x in node.inputs):
            continue
        here = home.get(node)
        if here is None:
            last = max(last, _last_read(graph, node, home, -1))
        elif here != writer or shape_sizes(node.shape) != shape_sizes(source.shape):
            last = max(last, here)
    return last


def read_outside(graph: Graph, groups: Sequence[Group], views: Mapping[Node, Access]) -> set[Any]:
    """Nodes whose values have to be in memory."""
    home = {node: group for group in groups for node in group.nodes}
    found: set[Any] = {x for x in graph.outputs if isinstance(x, Node)}
    for node in graph.nodes:
        for source in node.inputs:
            if isinstance(source, Node) and (home.get(source) is not home.get(node) or node not in home):
                found.add(source)
    found |= {view.buffer for view in views.values()}
    return found | {node for group in groups for node in group.nodes if group.domain is None}
