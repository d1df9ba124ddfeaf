"""Operations that move entries without computing on them: reshape, transpose, broadcast, join, index, convert."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import inverse_order, shape_of, with_dtype
from chainrule.ops.op import Op, joint, piecewise_constant, structural

__all__ = [
    "SHAPES",
    "astype",
    "broadcast_to",
    "cast",
    "concatenate",
    "convert",
    "fill",
    "fill_new",
    "in_one_dtype",
    "index",
    "index_add",
    "index_set",
    "last_writers",
    "pad_zeros",
    "reshape",
    "strong",
    "transpose",
    "with_fraction",
]

Aval = tuple[tuple[int, ...], np.dtype[Any]]
Template = tuple[Any, ...]

_NDARRAY = np.ndarray
_empty = np.empty


class Slot:
    """The place of an index array in the template of an index expression."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "array"


SLOT = Slot()


def _infer_reshape(x: Any, *, shape: tuple[int, ...]) -> Aval:
    return shape, x.dtype


def _reshape_transpose(i: int, g: Any, ans: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return _reshaped(g, x.shape)


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    # An array's own method takes a third of the time of NumPy's function.
    return x.reshape(shape) if type(x) is _NDARRAY else np.reshape(x, shape)


def _evaluate_reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    return _reshaped(x, shape)


def _infer_transpose(x: Any, *, axes: tuple[int, ...]) -> Aval:
    return tuple(x.shape[k] for k in axes), x.dtype


def _transpose_transpose(i: int, g: Any, ans: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
    order = (1, 0) if axes == (1, 0) else inverse_order(axes)
    return g.transpose(order) if type(g) is _NDARRAY else np.transpose(g, order)


def _evaluate_transpose(x: Any, *, axes: tuple[int, ...]) -> Any:
    return x.transpose(axes) if type(x) is _NDARRAY else np.transpose(x, axes)


def fill_new(x: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast into new memory, in a tenth of the time that np.broadcast_to takes to make a view."""
    whole = _empty(shape, x.dtype)
    if type(x) is _NDARRAY:
        whole[...] = x
    else:
        whole.fill(x)
    return whole


def _broadcast(x: Any, *, shape: tuple[int, ...]) -> Any:
    return fill_new(np.asarray(x), shape)


def _infer_broadcast(x: Any, *, shape: tuple[int, ...]) -> Aval:
    return shape, np.asarray(x).dtype if not hasattr(x, "dtype") else x.dtype


def _broadcast_transpose(i: int, g: Any, ans: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return g  # The sum over broadcast axes is made in one place, for every operation.


def _concatenate(*parts: Any, axis: int) -> Any:
    return np.concatenate(parts, axis=axis)


def _infer_concatenate(*parts: Any, axis: int) -> Aval:
    length = 0
    for part in parts:
        length += part.shape[axis]
    shape = list(parts[0].shape)
    shape[axis] = length
    return tuple(shape), np.result_type(*(part.dtype for part in parts))


def _concatenate_pull(wanted: Sequence[bool], g: Any, ans: Any, *parts: Any, axis: int) -> list[Any]:
    before = (slice(None),) * axis
    found = []
    start = 0
    for part, is_wanted in zip(parts, wanted, strict=True):
        end = start + part.shape[axis]
        found.append(g[(*before, slice(start, end))] if is_wanted else None)
        start = end
    return found


def _concatenate_push(tangents: Sequence[Any], ans: Any, *parts: Any, axis: int) -> Any:
    total = None
    start = 0
    for part, t in zip(parts, tangents, strict=True):
        end = start + part.shape[axis]
        if t is not None:
            widths = [(0, 0)] * len(ans.shape)
            widths[axis] = (start, ans.shape[axis] - end)
            padded = pad_zeros(t, widths=tuple(widths))
            total = padded if total is None else total + padded
        start = end
    return total


def _pad_zeros(x: Any, *, widths: tuple[tuple[int, int], ...]) -> Any:
    return np.pad(x, widths)


def _infer_pad(x: Any, *, widths: tuple[tuple[int, int], ...]) -> Aval:
    return tuple(before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)), x.dtype


def _pad_transpose(i: int, g: Any, ans: Any, x: Any, *, widths: tuple[tuple[int, int], ...]) -> Any:
    return g[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))]


def fill(template: Template, arrays: tuple[Any, ...]) -> Template:
    """Put index arrays into the slots of a template."""
    if len(template) == 1:
        return template if template[0] is not SLOT else tuple(arrays)
    remaining = iter(arrays)
    return tuple(next(remaining) if part is SLOT else part for part in template)


def _index(x: Any, *arrays: Any, template: Template) -> Any:
    return x[fill(template, arrays) if arrays else template]


def _infer_index(x: Any, *arrays: Any, template: Template) -> tuple[tuple[int, ...] | None, np.dtype[Any]]:
    if any(hasattr(a, "op") and a.dtype.kind == "b" for a in arrays):
        return None, x.dtype
    # Indexing a view without memory behind it (strides 0) costs nothing that depends on the size of x.
    fake = np.broadcast_to(np.zeros((), x.dtype), x.shape)
    indices = tuple(np.zeros(shape_of(a), a.dtype) if hasattr(a, "op") else a for a in arrays)
    return fake[fill(template, indices)].shape, x.dtype


def _index_transpose(i: int, g: Any, ans: Any, x: Any, *arrays: Any, template: Template) -> Any:
    return index_add(g, *arrays, template=template, shape=x.shape)


def _index_add(g: Any, *arrays: Any, template: Template, shape: tuple[int, ...]) -> Any:
    whole = np.zeros(shape, np.asarray(g).dtype)
    if arrays:
        np.add.at(whole, fill(template, arrays), g)
    else:
        whole[template] = g
    return whole


def _infer_index_add(g: Any, *arrays: Any, template: Template, shape: tuple[int, ...]) -> Aval:
    return shape, g.dtype


def _index_add_transpose(
    i: int, g: Any, ans: Any, x: Any, *arrays: Any, template: Template, shape: tuple[int, ...]
) -> Any:
    return index(g, *arrays, template=template)


def _index_set(x: Any, item: Any, *arrays: Any, template: Template) -> Any:
    # Keeps the order in memory, on which depends what is a view of it later, and makes an array of a number.
    whole = np.array(x)
    whole[fill(template, arrays)] = item
    return whole


def _infer_index_set(x: Any, item: Any, *arrays: Any, template: Template) -> Aval:
    return x.shape, x.dtype


def _index_set_transpose(i: int, g: Any, ans: Any, x: Any, item: Any, *arrays: Any, template: Template) -> Any:
    if i == 0:
        return index_set(g, 0, *arrays, template=template)
    kept = last_writers(arrays, template, ans.shape)
    picked = index(g, *arrays, template=template)
    return picked if kept is None else np.where(kept, picked, 0)


def _index_set_push(i: int, t: Any, ans: Any, x: Any, item: Any, *arrays: Any, template: Template) -> Any:
    if i == 0:
        return index_set(t, 0, *arrays, template=template)
    return index_set(np.zeros(ans.shape, ans.dtype), t, *arrays, template=template)


def last_writers(arrays: tuple[Any, ...], template: Template, shape: tuple[int, ...]) -> Any:
    """Which of the entries assigned stay, where index arrays name an entry of the target more than once.

    None where no entry can be named twice.
    """
    if all(a.dtype == bool or a.size <= 1 for a in arrays):
        return None
    number = np.zeros(shape, np.intp)
    picked = index(number, *arrays, template=template)
    order = np.arange(picked.size).reshape(picked.shape)
    kept = index(index_set(number, order, *arrays, template=template), *arrays, template=template) == order
    return None if isinstance(kept, np.ndarray) and kept.all() else kept


def _astype(x: Any, *, dtype: np.dtype[Any]) -> Any:
    return np.asarray(x).astype(dtype)[()] if np.ndim(x) == 0 else x.astype(dtype)


def _infer_astype(x: Any, *, dtype: np.dtype[Any]) -> Aval:
    return shape_of(x), dtype


def _astype_transpose(i: int, g: Any, ans: Any, x: Any, *, dtype: np.dtype[Any]) -> Any:
    return g  # The conversion back to the input's dtype is made in one place, for every operation.


reshape = structural("np.reshape", _evaluate_reshape, _infer_reshape, _reshape_transpose)
transpose = structural("np.transpose", _evaluate_transpose, _infer_transpose, _transpose_transpose)
broadcast_to = structural("np.broadcast_to", _broadcast, _infer_broadcast, _broadcast_transpose)
concatenate = joint("np.concatenate", _concatenate, _infer_concatenate, _concatenate_pull, _concatenate_push, keeps=())
pad_zeros = structural("np.pad", _pad_zeros, _infer_pad, _pad_transpose)
#: ``x[...]``: `template` is the index expression with a `SLOT` where each of the index arrays goes.
index = structural("index", _index, _infer_index, _index_transpose, keeps=tuple(range(2, 66)))
#: An array of zeros with `g` added at the places that an index expression picks: the transpose of `index`.
index_add = structural("index_add", _index_add, _infer_index_add, _index_add_transpose)
#: A copy of an array with an item assigned at the places that an index expression picks.
index_set = structural(
    "index_set",
    _index_set,
    _infer_index_set,
    _index_set_transpose,
    _index_set_push,
    keeps=tuple(range(3, 66)),
)
astype = structural("astype", _astype, _infer_astype, _astype_transpose)

#: Conversion to integers or booleans, which is piecewise constant.
to_integer = piecewise_constant("astype_integer", _astype, _infer_astype)


def convert(x: Any, dtype: np.dtype[Any]) -> Any:
    """Convert to a dtype, by the one or the other operation."""
    if dtype.kind not in "fciub":
        raise TraceError(
            f"A traced value cannot be converted to dtype {dtype}: the derivative would be lost.{user_line()}"
        )
    return astype(x, dtype=dtype) if dtype.kind in "fc" else to_integer(x, dtype=dtype)


def cast(x: Any, dtype: np.dtype[Any], casting: str) -> Any:
    """Convert where NumPy's rule allows it, such as "same_kind"; a Python number that is not complex fits any float."""
    if type(x) in (bool, int, float) and dtype.kind in "fc":
        return x
    x = with_dtype(x)
    if not np.can_cast(x.dtype, dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to {dtype!r} according to the rule {casting!r}")
    return convert(x, dtype)


def with_fraction(x: Any) -> Any:
    """Numbers with a fraction, as they are; what is not becomes an array, and integers float64."""
    x = with_dtype(x)
    return x if x.dtype.kind in "fc" else convert(x, np.dtype(float))


def in_one_dtype(*xs: Any, least: Any = np.float32) -> list[Any]:
    """Arrays in the dtype that they have together, `least` or a wider one: by default one with a fraction."""
    found = [with_dtype(x) for x in xs]
    wide = np.result_type(*(x.dtype for x in found), least)
    return [convert(x, wide) for x in found]


def strong(x: Any) -> Any:
    """Give a Python number NumPy's dtype: some functions let it widen float32, as operators do not."""
    is_number = isinstance(x, (int, float, complex)) and not isinstance(x, np.generic)
    return reshape(x, shape=()) if is_number or getattr(x, "weak", False) else x


SHAPES: tuple[Op, ...] = (
    reshape,
    transpose,
    broadcast_to,
    concatenate,
    pad_zeros,
    index,
    index_add,
    index_set,
    astype,
    to_integer,
)
