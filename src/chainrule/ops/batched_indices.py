"""How indexing works on a whole batch: behind a leading slice, or with index arrays alone where these are batched.

The rules are those of the table `BATCHING`.
"""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import shapes
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import SLOT

__all__ = ["Flags", "every", "index", "index_add", "index_set"]

#: Of each input, whether it is batched.
Flags = tuple[bool, ...]


def every(size: int, x: Any, is_batched: bool) -> Any:
    """The input with a batch axis, repeated where it had none."""
    return x if is_batched else shapes.broadcast_to(x, shape=(size, *shape_of(x)))


def index(size: int, args: tuple[Any, ...], batched: Flags, *, template: tuple[Any, ...]) -> Any:
    """Read entries of every example."""
    x, *arrays = args
    ndim = len(shape_of(x)) - batched[0]
    if not any(batched[1:]):
        back = _advanced_first(template, arrays)
        found = shapes.index(x, *arrays, template=(slice(None), *template))
        return np.moveaxis(found, back, 0) if back else found
    full, order = _all_arrays(size, shape_of(x)[ndim and len(shape_of(x)) - ndim :], arrays, batched[1:], template)
    if batched[0]:
        full = [np.arange(size).reshape((-1,) + (1,) * (order - 1)), *full]
    return shapes.index(x, *full, template=(SLOT,) * len(full))


def index_set(size: int, args: tuple[Any, ...], batched: Flags, *, template: tuple[Any, ...]) -> Any:
    """Assign entries of every example."""
    x, item, *arrays = args
    x = every(size, x, batched[0])
    if any(batched[2:]):
        full, order = _all_arrays(size, shape_of(x)[1:], arrays, batched[2:], template)
        full = [np.arange(size).reshape((-1,) + (1,) * (order - 1)), *full]
        item = _filling(item, batched[1], order - 1)
        return shapes.index_set(x, item, *full, template=(SLOT,) * len(full))
    whole = (slice(None), *template)
    item = _filling(item, batched[1], len(shape_of(shapes.index(x, *arrays, template=whole))) - 1)
    front = _advanced_first(template, arrays)
    return shapes.index_set(x, np.moveaxis(item, 0, front) if front else item, *arrays, template=whole)


def _filling(item: Any, is_batched: bool, ndim: int) -> Any:
    """What is assigned, with an axis for the batch in front of as many axes as the place of one example has."""
    shape = shape_of(item)
    batch, own = (shape[:1], shape[1:]) if is_batched else ((1,), shape)
    # NumPy lets axes of length 1 stand in front of an item.
    own = own[max(0, len(own) - ndim) :]
    return np.reshape(item, batch + (1,) * (ndim - len(own)) + own)


def index_add(
    size: int, args: tuple[Any, ...], batched: Flags, *, template: tuple[Any, ...], shape: tuple[int, ...]
) -> Any:
    """Add to entries of zeros, for every example."""
    g, *arrays = args
    g = every(size, g, batched[0])
    if not any(batched[1:]):
        front = _advanced_first(template, arrays)
        g = np.moveaxis(g, 0, front) if front else g
        return shapes.index_add(g, *arrays, template=(slice(None), *template), shape=(size, *shape))
    full, order = _all_arrays(size, shape, arrays, batched[1:], template)
    full = [np.arange(size).reshape((-1,) + (1,) * (order - 1)), *full]
    return shapes.index_add(g, *full, template=(SLOT,) * len(full), shape=(size, *shape))


def _advanced_first(template: tuple[Any, ...], arrays: list[Any]) -> int:
    """Where the batch comes out behind a leading slice: after the index arrays' axes if those are not side by side.

    NumPy puts the axes of index arrays first where something else stands between them; numbers count as arrays there.
    """
    if not arrays:
        return 0
    places = [k for k, part in enumerate(template) if part is SLOT or isinstance(part, (int, np.integer))]
    if places[-1] - places[0] == len(places) - 1:
        return 0
    return max(1 if np.asarray(a).dtype == bool else len(shape_of(a)) for a in arrays)


def _all_arrays(
    size: int, shape: tuple[int, ...], arrays: list[Any], batched: Flags, template: tuple[Any, ...]
) -> tuple[list[Any], int]:
    """Write an index expression with batched index arrays as index arrays only, one for each axis.

    Returns the arrays, the batch as their first axis where they have it, and the number of axes of the result.
    """
    if any(getattr(a, "dtype", np.dtype(int)).kind == "b" for a in arrays):
        raise TraceError(
            "A boolean mask that differs between the examples gives each another shape; use np.where instead."
            + user_line()
        )
    parts = _without_ellipsis(template, len(shape))
    remaining = iter(zip(arrays, batched, strict=True))
    rows = [next(remaining) if part is SLOT else part for part in parts]
    together = max(len(shape_of(row[0])) - row[1] for row in rows if isinstance(row, tuple))
    slots = [k for k, row in enumerate(rows) if isinstance(row, (tuple, int, np.integer))]
    side_by_side = slots[-1] - slots[0] == len(slots) - 1
    before = sum(not isinstance(row, (tuple, int, np.integer)) for row in rows[: slots[0]]) if side_by_side else 0
    free = sum(not isinstance(row, (tuple, int, np.integer)) for row in rows)
    order = 1 + free + together
    found = []
    axis = number = 0
    for row in rows:
        if row is None:
            number += 1
            continue
        length = shape[axis]
        axis += 1
        if isinstance(row, tuple):
            found.append(_spread(row[0], row[1], together, 1 + before, order))
        elif isinstance(row, slice):
            place = 1 + (number if number < before else number + together)
            steps = np.arange(length)[row]
            found.append(steps.reshape((-1,) + (1,) * (order - place - 1)))
            number += 1
        else:
            found.append(np.asarray(row))
    return found, order


def _without_ellipsis(template: tuple[Any, ...], ndim: int) -> list[Any]:
    used = sum(part is not None and part is not Ellipsis for part in template)
    rest = [slice(None)] * (ndim - used)
    if Ellipsis not in [part for part in template if part is Ellipsis]:
        return [*template, *rest]
    place = next(k for k, part in enumerate(template) if part is Ellipsis)
    return [*template[:place], *rest, *template[place + 1 :]]


def _spread(array: Any, is_batched: bool, together: int, start: int, order: int) -> Any:
    """Put the axes of an index array where they come out in the result."""
    own = shape_of(array)[1:] if is_batched else shape_of(array)
    batch = (shape_of(array)[0],) if is_batched else (1,)
    middle = (1,) * (together - len(own)) + own
    return np.reshape(array, batch + (1,) * (start - 1) + middle + (1,) * (order - start - together))
