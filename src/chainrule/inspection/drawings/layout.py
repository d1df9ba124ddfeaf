"""A layered layout of a graph: rows from top to bottom, few crossings, straight ways.

The method is that of K. Sugiyama, S. Tagawa and M. Toda, Methods for Visual Understanding of Hierarchical System
Structures, 1981: rows by longest paths, places kept free for edges that pass rows, and order by barycentres. Then come
the coordinates that make edges straightest, as E. Gansner, E. Koutsofios, S. North and K.-P. Vo have them in A
Technique for Drawing Directed Graphs, 1993.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

__all__ = ["Layout", "layered"]

_SWEEPS = 8
#: Room that an edge takes where it passes a row, and room between two things in a row.
_PASSAGE, _GAP = 0.12, 0.22


class _Passage(NamedTuple):
    """Where an edge passes a row."""

    source: Hashable
    target: Hashable
    row: int


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes
    ----------
    rows : dict
        Number of the row of each node, from 0.
    across : dict
        Horizontal place of each node's middle.
    ways : dict
        For each edge ``(source, target)`` the rows and places that it passes, both ends included.
    width : float
        Of the whole, from 0.
    """

    rows: dict[Hashable, int]
    across: dict[Hashable, float]
    ways: dict[tuple[Hashable, Hashable], tuple[tuple[int, float], ...]]
    width: float


def layered(widths: Mapping[Hashable, float], edges: Sequence[tuple[Hashable, Hashable]]) -> Layout:
    """Lay out a graph without cycles.

    Parameters
    ----------
    widths : mapping of node to float
        Nodes in topological order, and the room each takes.
    edges : sequence of pairs of nodes
        From source to target.

    Returns
    -------
    Layout
        Every source stands above its targets; what has no source, close to what uses it.

    Examples
    --------
    >>> found = layered({"x": 1.0, "y": 1.0, "sum": 1.0}, [("x", "sum"), ("y", "sum")])
    >>> found.rows, found.across["x"] <= found.across["sum"] <= found.across["y"]
    ({'x': 0, 'y': 0, 'sum': 1}, True)
    """
    edges = list(dict.fromkeys(edges))
    rows = _rows(list(widths), edges)
    room: dict[Hashable, float] = dict(widths)
    chains: dict[tuple[Hashable, Hashable], list[Hashable]] = {}
    links: list[tuple[Hashable, Hashable]] = []
    for source, target in edges:
        passed = [_Passage(source, target, row) for row in range(rows[source] + 1, rows[target])]
        for one in passed:
            rows[one] = one.row
            room[one] = _PASSAGE
        chain: list[Hashable] = [source, *passed, target]
        chains[source, target] = chain
        links += pairwise(chain)
    order: list[list[Hashable]] = [[] for _ in range(max(rows.values()) + 1)]
    for node, row in rows.items():
        order[row].append(node)
    above: dict[Hashable, list[Hashable]] = {node: [] for node in rows}
    below: dict[Hashable, list[Hashable]] = {node: [] for node in rows}
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    _reorder(order, above, below)
    across = _place(order, links, room)
    left = min(across[node] - room[node] / 2 for node in rows)
    right = max(across[node] + room[node] / 2 for node in rows)
    across = {node: place - left for node, place in across.items()}
    return Layout(
        {node: rows[node] for node in widths},
        {node: across[node] for node in widths},
        {edge: tuple((rows[node], across[node]) for node in chain) for edge, chain in chains.items()},
        right - left,
    )


def _rows(nodes: Sequence[Hashable], edges: Sequence[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    sources: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    targets: dict[Hashable, list[Hashable]] = {node: [] for node in nodes}
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    rows: dict[Hashable, int] = {}
    for node in nodes:
        rows[node] = max((rows[source] + 1 for source in sources[node]), default=0)
    for node in nodes:
        if not sources[node] and targets[node]:
            rows[node] = min(rows[target] for target in targets[node]) - 1
    return rows


def _reorder(
    order: list[list[Hashable]], above: Mapping[Hashable, list[Hashable]], below: Mapping[Hashable, list[Hashable]]
) -> None:
    best, fewest = [list(row) for row in order], _crossings(order, below)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for row in order if down else reversed(order):
            places = {node: k / max(len(one) - 1, 1) for one in order for k, node in enumerate(one)}
            middles = {
                node: float(np.mean([places[other] for other in neighbours[node]]))
                if neighbours[node]
                else places[node]
                for node in row
            }
            row.sort(key=lambda node, middles=middles: middles[node])  # type: ignore[misc]
        found = _crossings(order, below)
        if found < fewest:
            best, fewest = [list(row) for row in order], found
    order[:] = best


def _crossings(order: list[list[Hashable]], below: Mapping[Hashable, list[Hashable]]) -> int:
    total = 0
    for upper, lower in pairwise(order):
        places = {node: k for k, node in enumerate(lower)}
        ends = [sorted(places[node] for node in below[one]) for one in upper]
        reached = [place for one in ends for place in one]
        starts = [k for k, one in enumerate(ends) for _ in one]
        found, begun = np.array(reached), np.array(starts)
        total += int(np.sum((begun[:, None] < begun) & (found[:, None] > found)))
    return total


def _place(
    order: list[list[Hashable]], links: Sequence[tuple[Hashable, Hashable]], room: Mapping[Hashable, float]
) -> dict[Hashable, float]:
    """Make the edges as straight as the order allows: least sum of their horizontal lengths, a linear programme."""
    from scipy.optimize import linprog

    nodes = {node: k for k, node in enumerate(node for row in order for node in row)}
    pairs = [pair for row in order for pair in pairwise(row)]
    n, m = len(nodes), len(links)
    # Variables: the places, and for each edge a length t with x - y <= t and y - x <= t.
    left = np.zeros((len(pairs) + 2 * m, n + m))
    right = np.zeros(len(left))
    for k, (one, other) in enumerate(pairs):
        left[k, nodes[one]], left[k, nodes[other]] = 1, -1
        right[k] = -(room[one] / 2 + room[other] / 2 + _GAP)
    for k, (source, target) in enumerate(links):
        for sign, row in ((1, len(pairs) + 2 * k), (-1, len(pairs) + 2 * k + 1)):
            left[row, nodes[source]], left[row, nodes[target]], left[row, n + k] = sign, -sign, -1
    # A bend in a long edge is worse than one between two things (Gansner and others, section 4).
    passed = [sum(isinstance(node, _Passage) for node in link) for link in links]
    costs = np.concatenate([np.zeros(n), [(1.0, 2.0, 8.0)[k] for k in passed]])
    found = linprog(costs, A_ub=left, b_ub=right, bounds=(0, None), method="highs")
    return {node: float(found.x[k]) for node, k in nodes.items()}
