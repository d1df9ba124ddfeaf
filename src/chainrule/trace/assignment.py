"""Assignment into traced arrays: a handle gets a new node, and views and their parents see each other's writes.

`B[i] = x` makes the node of a new array and gives it to the handle `B`, so that whoever holds `B` sees it. The value is
written in place where nothing else refers to it: filling an array entry by entry then takes time in proportion to
its length. A view remembers the handle it was taken from, and at which node; when that handle has another node by
now, the view is taken again. A write into a view is passed on to its parent.
"""

import sys
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import shapes
from chainrule.ops.axes import inverse_order
from chainrule.trace.indexing import split_index
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import Tracer, peel, record, token

__all__ = ["adopt", "assign", "update"]


def assign(x: Tracer, key: Any, item: Any) -> None:
    """Carry out ``x[key] = item``.

    Parameters
    ----------
    x : Tracer
        The handle on the array, or on a view.
    key : Any
        As NumPy takes it.
    item : Any
        Traced value, array, number, or a list of them.

    Raises
    ------
    TraceError
        Where `x` is a traced number, which cannot be written into.
    """
    x.refresh()
    if x.ndim == 0 and not isinstance(peel(x), np.ndarray):
        raise TraceError(f"A traced number cannot be assigned into; make an array of it first.{user_line()}")
    template, arrays = split_index(key)
    if isinstance(item, Tracer):
        item.refresh()
        if not arrays and _is_own_view(item, x, template):
            return
    elif not isinstance(item, (int, float, complex, np.generic)):
        item = _array_of(item)
    _write(x, item, template, arrays)
    _pass_on(x)


def _array_of(item: Any) -> Any:
    # NumPy's own function, which gives a traced array where a list holds traced values.
    from chainrule.trace.creation import array

    return array(item)


def _is_own_view(item: Tracer, x: Tracer, template: tuple[Any, ...]) -> bool:
    """Say whether an item is the view assigned to: `B[k] += y` ends with storing what it wrote already."""
    view = item.view
    return (
        view is not None
        and view.parent is x
        and view.source is token(x)
        and view.op is shapes.index
        and view.params["template"] == template
    )


def _write(x: Tracer, item: Any, template: tuple[Any, ...], arrays: tuple[Any, ...]) -> None:
    recording = x.recording
    if isinstance(item, Tracer) and not item.is_traced:
        item = item.value
    traced = isinstance(item, Tracer)
    if (
        any(isinstance(a, Tracer) for a in arrays)
        or recording.is_special
        or (traced and item.recording is not recording)
    ):
        if x.is_traced or traced or any(isinstance(a, Tracer) and a.is_traced for a in arrays):
            adopt(x, record(shapes.index_set, (x, item, *arrays), {"template": template}))
            return
        arrays = tuple(a.value if isinstance(a, Tracer) else a for a in arrays)
    _write_value(x, item.value if traced else item, template, arrays)
    if not x.is_traced:
        return
    held = item.node if traced else recording.hold(item) if isinstance(item, np.ndarray) else item
    node = Node(
        shapes.index_set,
        (x.node, held, *arrays),
        {"template": template},
        x.node.shape,
        x.node.dtype,
        False,
        recording.group,
    )
    recording.append((node, (x.value if recording.whole else None, x.node, held, *arrays)))
    x.node = node


def _write_value(x: Tracer, item: Any, template: tuple[Any, ...], arrays: tuple[Any, ...]) -> None:
    """Write into the value of a handle, in place where the handle alone refers to it."""
    # Two references: the handle's own, and the argument of getrefcount.
    alone = sys.getrefcount(x.value) <= 2
    if isinstance(x.value, Tracer):
        if not alone:
            x.value = x.value.same_handle()
        # The level below follows the assignment in its own way.
        _write(x.value, item, template, arrays)
        return
    if x.is_traced:
        alone = alone and x.value.base is None and not x.recording.whole
    else:
        # Plain memory that is shared with views is meant to be: NumPy's own views see the write.
        alone = True
    if not alone or not x.value.flags.writeable:
        x.value = x.value.copy()
    x.value[shapes.fill(template, arrays)] = item


def _pass_on(x: Tracer) -> None:
    """Write a view back into the array it was taken from."""
    view = x.view
    if view is None:
        return
    parent = view.parent
    if not x.is_traced and not parent.is_traced and np.shares_memory(x.value, parent.value):
        return
    if view.op is shapes.index:
        _write(parent, x, view.params["template"], ())
    elif view.op is shapes.transpose:
        adopt(parent, shapes.transpose(x, axes=inverse_order(view.params["axes"])))
    elif x.value is NO_VALUE:
        raise TraceError(
            "A reshape of an array was written into. Whether it is a view cannot be told where the body of a loop is "
            f"recorded without values; write into the array itself, or copy it first.{user_line()}"
        )
    else:
        adopt(parent, shapes.reshape(x, shape=parent.shape))
    _pass_on(parent)
    view.source = token(parent)


def adopt(x: Tracer, new: Any) -> None:
    """Let a handle stand for another array: its own view relation stays."""
    if isinstance(new, Tracer):
        x.__class__ = type(new)
        x.node, x.value, x.recording = new.node, new.value, new.recording
    else:
        raise TraceError(f"An assignment of a traced value gave a plain {type(new).__name__}.{user_line()}")


def update(x: Tracer, symbol: str, result: Any) -> Tracer:
    """Carry out ``x += y`` and its kin, given ``x + y``.

    Parameters
    ----------
    x : Tracer
        The handle on the array, which everybody who holds it sees change.
    symbol : str
        The operator, for messages.
    result : Tracer or array
        What the operator gave.

    Returns
    -------
    Tracer
        `x`.

    Raises
    ------
    TraceError
        Where NumPy would refuse to write the result into the array: another shape, or a dtype that does not fit.
    """
    shape, dtype = result.shape, result.dtype
    if shape != x.shape:
        raise TraceError(
            f"`x {symbol}= y` cannot write a result of shape {shape} into an array of shape {x.shape}.{user_line()}"
        )
    if not np.can_cast(dtype, x.dtype, "same_kind"):
        raise TraceError(f"`x {symbol}= y` cannot write {dtype} into an array of {x.dtype}.{user_line()}")
    assign(x, Ellipsis, result)
    return x
