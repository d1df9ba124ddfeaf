"""Index expressions, taken apart into what is fixed and the index arrays."""

from typing import Any

import numpy as np

from chainrule.ops.shapes import SLOT

__all__ = ["STATIC", "split_index"]

#: Kinds of parts of an index expression that are fixed as they stand, with which NumPy makes a view or a number.
STATIC = frozenset({int, slice, type(None), type(Ellipsis)})

_STATIC = (int, slice, type(None), type(Ellipsis), np.integer)


def split_index(key: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Split the key of ``x[key]`` into a template with a `SLOT` for each index array, and those arrays.

    Parameters
    ----------
    key : Any
        As NumPy takes it: integers, slices, None, Ellipsis, integer and boolean arrays or lists, and tuples of them.

    Returns
    -------
    template : tuple
        The fixed parts, with slots.
    arrays : tuple
        Arrays or traced values for the slots, in order.
    """
    if type(key) is int or type(key) is slice:
        return (key,), ()
    template: list[Any] = []
    arrays: list[Any] = []
    for part in key if type(key) is tuple else (key,):
        if isinstance(part, _STATIC) and not isinstance(part, bool):
            template.append(part)
        else:
            template.append(SLOT)
            arrays.append(part if hasattr(type(part), "__chainrule_record__") else _index_array(part))
    return tuple(template), tuple(arrays)


def _index_array(part: Any) -> Any:
    array = np.asarray(part)
    # An empty list is an empty integer index, as in NumPy.
    return array.astype(np.intp) if array.size == 0 and array.dtype.kind == "f" and isinstance(part, list) else array
