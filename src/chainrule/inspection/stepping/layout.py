"""Places for the values of a graph, in layers from top to bottom."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

__all__ = ["layered"]

_ROUNDS = 6

#: A value by its name, or where a line from one to another crosses a layer between.
Place = str | tuple[str, str, int]


def layered(
    order: Sequence[str], inputs: Mapping[str, Sequence[str]]
) -> tuple[dict[str, tuple[float, int]], dict[tuple[str, str], list[tuple[float, int]]]]:
    """Place every value below those that it is computed from.

    Parameters
    ----------
    order : sequence of str
        The values in topological order.
    inputs : mapping
        What each is computed from; nothing for an argument.

    Returns
    -------
    places : dict of str to (float, int)
        Column and layer of each. Arguments stand just above their first use, and the columns of a layer are as close
        to those of its neighbours as the order within the layer allows.
    through : dict of (str, str) to list of (float, int)
        For a line between layers that are not neighbours the places in the layers between, which are kept free for it.

    Examples
    --------
    >>> places, through = layered(["w", "x", "v1", "v2"], {"v1": ["w", "x"], "v2": ["v1", "w"]})
    >>> places["v1"], places["v2"]
    ((0.0, 1), (0.5, 2))
    >>> through
    {('w', 'v2'): [(1.0, 1)]}
    """
    uses: dict[str, list[str]] = {name: [] for name in order}
    for name in order:
        for source in inputs.get(name, ()):
            uses[source].append(name)
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth[source] for source in inputs.get(name, ())), default=-1)
    for name in order:
        if not inputs.get(name) and uses[name]:
            depth[name] = min(depth[user] for user in uses[name]) - 1
    layers: list[list[Place]] = [[] for _ in range(1 + max(depth.values(), default=0))]
    near: dict[Place, list[Place]] = {name: [] for name in order}
    for name in order:
        layers[depth[name]].append(name)
    lines: dict[tuple[str, str], list[Place]] = {}
    for name in order:
        for source in dict.fromkeys(inputs.get(name, ())):
            between: list[Place] = [(source, name, level) for level in range(depth[source] + 1, depth[name])]
            lines[source, name] = between
            for level, place in enumerate(between, depth[source] + 1):
                layers[level].append(place)
            ends = [source, *between, name]
            for above, below in pairwise(ends):
                near.setdefault(above, []).append(below)
                near.setdefault(below, []).append(above)
    column = _columns(layers, near)
    level_of = {place: level for level, row in enumerate(layers) for place in row}
    through = {
        ends: [(column[place], level_of[place]) for place in between] for ends, between in lines.items() if between
    }
    return {name: (column[name], depth[name]) for name in order}, through


def _columns(layers: list[list[Place]], near: dict[Place, list[Place]]) -> dict[Place, float]:
    widest = max(map(len, layers), default=1)
    column: dict[Place, float] = {}

    def spread(row: list[Place]) -> None:
        column.update({place: k + (widest - len(row)) / 2 for k, place in enumerate(row)})

    for row in layers:
        spread(row)
    for _ in range(_ROUNDS):
        for row in layers:
            # Sorted by the mean of its neighbours' columns, and spread evenly about the middle.
            wish = {place: sum(column[x] for x in near[place]) / max(1, len(near[place])) for place in row}
            row.sort(key=wish.__getitem__)
            spread(row)
    return column
