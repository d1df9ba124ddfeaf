"""Assignment into traced arrays: a handle gets a new node, and views and their parents see each other's writes.

`B[i] = x` makes the node of a new array and gives it to the handle `B`, so that whoever holds `B` sees it. The value is
written in place where nothing else refers to it: filling an array entry by entry then takes time in proportion to
its length. A view remembers the handle it was taken from, and at which node; when that handle has another node by
now, the view is taken again. A write into a view is passed on to its parent.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node
from chainrule.ops import elementwise, shapes
from chainrule.ops.axes import inverse_order
from chainrule.trace.handle import View, token
from chainrule.trace.indexing import split_index
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.record import record
from chainrule.trace.tracer import Tracer, peel

__all__ = [
    "Taken",
    "adopt",
    "array_of_number",
    "as_array",
    "assign",
    "is_array",
    "is_surely_a_view",
    "read_only_by",
    "taken_from",
    "update",
]


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
    if not (is_array(x) or isinstance(peel(x), np.ndarray)):
        raise TraceError(f"A traced number cannot be assigned into; make an array of it first.{user_line()}")
    if x.view is not None and (name := read_only_by(x)):
        raise ValueError(f"assignment destination is read-only: it is a view made by {name}")
    template, arrays = split_index(key)
    if isinstance(item, Tracer):
        item.refresh()
        if not arrays and _is_own_view(item, x, template):
            return
        if item.node.shape[:1] == (1,):
            item = _without_leading_ones(item, x, template, arrays)
    elif not isinstance(item, (int, float, complex, np.generic)):
        item = _array_of(item)
    _write(x, item, template, arrays)
    _pass_on(x)


def is_array(x: Tracer) -> bool:
    """Say whether a handle stands for an array, of no axes even, and not for a number.

    NumPy makes 0-d arrays where it is asked for one, and numbers of all that is computed from them.
    """
    if x.node.shape:
        return True
    found = peel(x)
    if isinstance(found, np.ndarray) and found.ndim == 0:
        return True
    # Without a value, and in a batch, it is known of views and of what was assigned into.
    if x.view is not None or x.node.params is _ARRAY:
        return True
    op = x.node.op
    if isinstance(found, (np.generic, float, complex)):
        return False
    return op in (shapes.broadcast_to, shapes.reshape, shapes.index_set, shapes.transpose) or (
        op is shapes.index and Ellipsis in x.node.params["template"]
    )


#: The parameters of the node of an array without axes in a batch, which has no operation to tell it by.
_ARRAY = {"name": "array"}


def array_of_number(x: Tracer) -> Tracer:
    """Make an array without axes of a number, as `numpy.array` does: it can be assigned into."""
    made: Tracer = shapes.broadcast_to(x, shape=())
    _mark(made)
    return made


def as_array(x: Any) -> Any:
    """Make an array of a traced number, for functions that give arrays even without axes; leave all else alone."""
    return array_of_number(x) if isinstance(x, Tracer) and not is_array(x) else x


def _mark(x: Tracer) -> None:
    if not x.node.shape and x.node.op is None:
        x.node = Node(None, (), _ARRAY, (), x.node.dtype)


def is_surely_a_view(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Say whether a reshape between two shapes needs no copy, whatever the order in memory: axes of length 1 differ."""
    return [n for n in shape if n != 1] == [n for n in other if n != 1]


def _array_of(item: Any) -> Any:
    # NumPy's own function, which gives a traced array where a list holds traced values.
    from chainrule.trace.creation import array

    return array(item)


def _without_leading_ones(item: Tracer, x: Tracer, template: tuple[Any, ...], arrays: tuple[Any, ...]) -> Any:
    """NumPy takes an item with more axes than the place has, where the first ones have length 1."""
    integers = sum(hasattr(part, "__index__") for part in template)
    if not arrays and item.ndim <= x.ndim - integers + template.count(None):
        return item
    shape = item.node.shape
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shapes.reshape(item, shape=shape)


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
            if _is_mask(arrays, template) and not np.shape(item):
                adopt(x, _where(arrays[0], item, x))
                return
            adopt(x, record(shapes.index_set, (x, item, *arrays), {"template": template}))
            _mark(x)
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
    recording.append(node)
    x.node = node


def _is_mask(arrays: tuple[Any, ...], template: tuple[Any, ...]) -> bool:
    return len(template) == len(arrays) == 1 and isinstance(arrays[0], Tracer) and arrays[0].dtype == bool


def _where(mask: Tracer, item: Any, x: Tracer) -> Any:
    """The array after ``x[mask] = number``: how many entries the mask picks need not be known for it."""
    if mask.shape != x.shape[: mask.ndim]:
        raise IndexError(f"boolean index has shape {mask.shape}, but the array has {x.shape}")
    chosen = elementwise.where(shapes.reshape(mask, shape=mask.shape + (1,) * (x.ndim - mask.ndim)), item, x)
    return chosen if chosen.dtype == x.dtype else shapes.convert(chosen, x.dtype)


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
        x.value = x.value.copy(order="K")
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
    elif view.op is shapes.reshape and x.value is NO_VALUE and not is_surely_a_view(x.shape, parent.shape):
        # Three references: the view's, the one here, and the argument of getrefcount. Then nobody else sees the array.
        if parent.view is None and sys.getrefcount(parent) <= 3:
            return
        raise TraceError(
            "A reshape of an array was written into. Whether it is a view cannot be told where the body of a loop is "
            f"recorded without values; write into the array itself, or copy it first.{user_line()}"
        )
    else:
        put_back = view.op.put_back if isinstance(view.op, Taken) else _PUT_BACK[view.op]
        # What was written must not be taken again from the array before it is there.
        x.view = None
        whole = put_back(parent, x, **view.params)
        if isinstance(whole, Tracer):
            whole.view = None
        x.view = view
        # Written into the array, which so keeps its order in memory: on that depends what np.reshape makes a view of.
        _write(parent, whole, (Ellipsis,), ())
    _pass_on(parent)
    view.source = token(parent)


class Taken:
    """How a function takes a view, where that is no single operation; it stands in `View` for one.

    Attributes
    ----------
    name : str
        As its user writes it.
    evaluate : callable
        Takes the view, of the array and the parameters.
    put_back : callable or None
        Of the array, the view with what was written into it, and the parameters: the array with that in it. None where
        NumPy's view is read-only.
    """

    __slots__ = ("evaluate", "name", "put_back")

    def __init__(self, name: str, evaluate: Callable[..., Any], put_back: Callable[..., Any] | None = None) -> None:
        self.name = name
        self.evaluate = evaluate
        self.put_back = put_back

    def __call__(self, parent: Any, **params: Any) -> Any:
        """Take the view."""
        return self.evaluate(parent, **params)


def taken_from(parent: Any, how: Any, **params: Any) -> Any:
    """Take a view that stays related to its array: each sees what is written into the other.

    Parameters
    ----------
    parent : Tracer or array
        The array; of a plain one the view is NumPy's own affair.
    how : Taken or Op
        What takes it.
    **params
        Its parameters.

    Returns
    -------
    Tracer or array
        The view.
    """
    made = how(parent, **params)
    if isinstance(made, Tracer) and isinstance(parent, Tracer) and made is not parent:
        copied = not (parent.is_traced or np.shares_memory(made.value, parent.value))
        made.view = (_Live if copied else View)(parent, token(parent), how, params)
    return made


def read_only_by(x: Tracer) -> str | None:
    """The function that made a view read-only, or what it is a view of; None where it can be written into."""
    view = x.view
    while view is not None:
        if isinstance(view.op, Taken) and view.op.put_back is None:
            return view.op.name
        view = view.parent.view
    return None


class _Live(View):
    """The relation of a copy that stands for a view of plain memory: it is taken again whenever it is looked at."""

    __slots__ = ()

    @property
    def source(self) -> Any:
        return object()

    @source.setter
    def source(self, value: Any) -> None:
        """Keep nothing: the memory does not tell of a write."""


def _put_real(parent: Any, part: Any) -> Any:
    return part + 1j * elementwise.imag(parent)


def _put_imag(parent: Any, part: Any) -> Any:
    return elementwise.real(parent) + 1j * part


# For each way of taking a view but indexing: the array with what was written into the view in it.
_PUT_BACK: dict[Any, Callable[..., Any]] = {
    shapes.transpose: lambda parent, x, axes: shapes.transpose(x, axes=inverse_order(axes)),
    shapes.reshape: lambda parent, x, shape: shapes.reshape(x, shape=parent.shape),
    elementwise.real: _put_real,
    elementwise.imag: _put_imag,
}


def adopt(x: Tracer, new: Any) -> None:
    """Let a handle stand for another array: its own view relation stays."""
    if isinstance(new, Tracer):
        x.__class__ = type(new)
        x.node, x.value, x.recording = new.node, new.value, new.recording
    else:
        raise TraceError(f"An assignment of a traced value gave a plain {type(new).__name__}.{user_line()}")


def update(x: Tracer, what: str, result: Any, casting: Any = "same_kind") -> Tracer:
    """Write a result into the whole of an array, as ``x += y`` and ``out=x`` do.

    Parameters
    ----------
    x : Tracer
        The handle on the array, which everybody who holds it sees change.
    what : str
        What asks for it, for messages: ``x += y``.
    result : Tracer or array
        What was computed.
    casting : str
        Which conversions of dtype are allowed, in NumPy's words.

    Returns
    -------
    Tracer
        `x`.

    Raises
    ------
    TraceError
        Where NumPy would refuse to write the result into the array: another shape, or a dtype that does not fit.
    """
    shape, dtype = np.shape(result), np.result_type(result)
    if shape != x.shape and not _broadcasts(shape, x.shape):
        raise TraceError(
            f"`{what}` cannot write a result of shape {shape} into an array of shape {x.shape}.{user_line()}"
        )
    if not np.can_cast(dtype, x.dtype, casting):
        raise TraceError(f"`{what}` cannot write {dtype} into an array of {x.dtype}.{user_line()}")
    if dtype.kind == "c" and x.dtype.kind != "c":
        result = np.real(result)
    assign(x, Ellipsis, result)
    return x


def _broadcasts(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False
