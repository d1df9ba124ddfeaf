"""Functions that rearrange entries of one array."""

import functools
import math
import operator
from typing import Any, Literal

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import elementwise, shapes
from chainrule.ops.axes import as_operand, axis_of_reduction, normalize_axes, shape_of
from chainrule.ops.shapes import SLOT, cast
from chainrule.trace.assignment import Taken, is_surely_a_view, read_only_by, taken_from
from chainrule.trace.dispatch import composition
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import Tracer, peel

__all__ = ["entries_of_diagonal"]


def _row_major(order: str | None, name: str) -> None:
    if order not in (None, "C", "K", "A"):
        raise TraceError(f"{name}: order={order!r} is not followed on traced values; transpose first.{user_line()}")


@composition(np.reshape, "np.reshape", on_handles=True)
def _reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: bool | None = None) -> Any:
    _row_major(order, "np.reshape")
    wanted = _as_shape(shape if newshape is None else newshape)
    here = shape_of(a)
    if -1 in wanted:
        wanted = _without_open(wanted, here)
    return a if wanted == here else _reshaped(a, wanted)


_INTEGERS = frozenset({int})


def _as_shape(given: Any) -> tuple[int, ...]:
    """A shape as NumPy's functions take it: a number, or several in a tuple, a list or an array."""
    if type(given) is int:
        return (given,)
    if type(given) is tuple and _INTEGERS.issuperset(map(type, given)):
        return given
    return tuple(np.atleast_1d(given).tolist())


def _without_open(shape: tuple[int, ...], here: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with the length left open filled in."""
    others = -math.prod(shape)
    if others > 0 and shape.count(-1) == 1 and min(shape) == -1 and math.prod(here) % others == 0:
        return tuple(math.prod(here) // others if n == -1 else n for n in shape)
    # NumPy says what is wrong with an impossible one. No memory is touched.
    return np.empty(here, bool).reshape(shape).shape


@composition(np.ravel, "np.ravel", on_handles=True)
def _ravel(a: Any, order: str = "C") -> Any:
    _row_major(order, "np.ravel")
    made = shapes.reshape(a, shape=(a.size,))
    if isinstance(made, Tracer) and made.view is not None:
        # Unlike np.reshape, np.ravel copies whatever does not lie in memory without gaps, a row with steps even.
        orders: tuple[Literal["C", "F"], ...] = ("C",) if is_surely_a_view(made.shape, a.shape) else ("C", "F")
        if not any(_memory(a, order).flags.c_contiguous for order in orders):
            made = made if made.is_traced else shapes.reshape(+a, shape=(a.size,))
            made.view = None
    return made


def _reshaped(a: Any, shape: tuple[int, ...]) -> Any:
    """A reshape, which is no view where NumPy has to copy since `a` is spread or strided over other memory."""
    made = shapes.reshape(a, shape=shape)
    if isinstance(made, Tracer) and made.view is not None and read_only_by(a) is not None:
        memories = [_memory(a, order) for order in ("C", "F")]
        if not any(np.shares_memory(memory, np.reshape(memory, shape)) for memory in memories):
            made.view = None
    return made


def _memory(x: Tracer, order: Literal["C", "F"]) -> Any:
    """An array with the strides that NumPy's would have; what is not a view lies in `order` where that is unknown."""
    found = peel(x)
    if x.view is not None and (found is NO_VALUE or read_only_by(x) is not None):
        return x.view.op(_memory(x.view.parent, order), **x.view.params)
    if isinstance(found, np.ndarray) and found.size:
        # In a batch each example lies as the first one does.
        found = found[(0,) * (found.ndim - x.ndim)]
    return found if isinstance(found, np.ndarray) and found.shape == x.shape else np.empty(x.shape, x.dtype, order)


@composition(np.transpose, "np.transpose", on_handles=True)
def _transpose(a: Any, axes: Any = None) -> Any:
    ndim = len(shape_of(a))
    order = tuple(reversed(range(ndim))) if axes is None else normalize_axes(axes, ndim)
    if len(order) != ndim:
        raise ValueError("axes don't match array")
    return shapes.transpose(a, axes=order)


@composition(np.swapaxes, "np.swapaxes", on_handles=True)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    (first,), (second,) = (normalize_axes((axis,), a.ndim) for axis in (axis1, axis2))
    order = list(range(a.ndim))
    order[first], order[second] = order[second], order[first]
    return shapes.transpose(a, axes=tuple(order))


@composition(np.moveaxis, "np.moveaxis", on_handles=True)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    ndim = a.ndim
    taken, places = normalize_axes(source, ndim), normalize_axes(destination, ndim)
    if len(taken) != len(places):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [k for k in range(ndim) if k not in taken]
    for place, k in sorted(zip(places, taken, strict=True)):
        order.insert(place, k)
    return shapes.transpose(a, axes=tuple(order))


@composition(np.squeeze, "np.squeeze", on_handles=True)
def _squeeze(a: Any, axis: Any = None) -> Any:
    here, axis = shape_of(a), axis_of_reduction(a, axis)
    axes = tuple(k for k, n in enumerate(here) if n == 1) if axis is None else normalize_axes(axis, len(here))
    if any(here[k] != 1 for k in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return shapes.reshape(a, shape=tuple(n for k, n in enumerate(here) if k not in axes))


@composition(np.expand_dims, "np.expand_dims", on_handles=True)
def _expand_dims(a: Any, axis: Any) -> Any:
    wanted = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(shape_of(a)) + len(wanted)
    axes = normalize_axes(tuple(wanted), ndim)
    lengths = iter(shape_of(a))
    return shapes.reshape(a, shape=tuple(1 if k in axes else next(lengths) for k in range(ndim)))


def _spread(array: Any, shape: tuple[int, ...]) -> Any:
    return shapes.broadcast_to(array, shape=shape) if isinstance(array, Tracer) else np.broadcast_to(array, shape)


#: A view that cannot be written into, as NumPy's.
_BROADCAST = Taken("np.broadcast_to", _spread)


@composition(np.broadcast_to, "np.broadcast_to", on_handles=True)
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return taken_from(array, _BROADCAST, shape=_as_shape(shape))


@composition(np.broadcast_arrays, "np.broadcast_arrays", on_handles=True)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    arrays = [as_operand(a) for a in args]
    wanted = np.broadcast_shapes(*(shape_of(a) for a in arrays))
    return tuple(_broadcast_to(a, wanted) for a in arrays)


@composition(np.flip, "np.flip", on_handles=True)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = normalize_axes(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))]


@composition(np.flipud, "np.flipud", on_handles=True)
def _flipud(m: Any) -> Any:
    return _flip(m, 0)


@composition(np.fliplr, "np.fliplr", on_handles=True)
def _fliplr(m: Any) -> Any:
    return _flip(m, 1)


def _pick(a: Any, indices: Any, axis: int) -> Any:
    """Entries at `indices` along one axis."""
    before = (slice(None),) * (axis % a.ndim)
    return shapes.index(a, indices, template=(*before, SLOT))


@composition(np.take, "np.take")
def _take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    length = a.shape[axis]
    indices = np.asarray(indices) if not hasattr(type(indices), "__chainrule_record__") else indices
    if mode == "wrap":
        indices = indices % length
    elif mode == "clip":
        indices = np.clip(indices, 0, length - 1)
    return _pick(a, indices, axis)


@composition(np.take_along_axis, "np.take_along_axis")
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        return _pick(np.reshape(arr, -1), indices, 0)
    axis %= arr.ndim
    grid = tuple(
        indices if k == axis else np.arange(n).reshape((-1,) + (1,) * (arr.ndim - k - 1))
        for k, n in enumerate(arr.shape)
    )
    return shapes.index(arr, *grid, template=(SLOT,) * arr.ndim)


@composition(np.repeat, "np.repeat")
def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return _pick(a, np.repeat(np.arange(a.shape[axis]), repeats), axis)


@composition(np.tile, "np.tile")
def _tile(A: Any, reps: Any) -> Any:
    counts = _as_shape(reps)
    if any(isinstance(count, Tracer) for count in counts):
        raise TraceError(f"np.tile: reps is traced, expected plain integers.{user_line()}")
    here = shape_of(A)
    ndim = max(len(counts), len(here))
    counts = (1,) * (ndim - len(counts)) + counts
    here = (1,) * (ndim - len(here)) + here
    # An axis of length n that is repeated becomes a pair (repetitions, n), which is then read as one axis.
    pairs: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    for count, length in zip(counts, here, strict=True):
        pairs += (length,) if count == 1 else (1, length)
        whole += (length,) if count == 1 else (count, length)
    # Broadcasting puts axes of length 1 in front by itself.
    first = next((k for k, n in enumerate(pairs) if n != 1), len(pairs))
    spread = A if shape_of(A) == pairs[first:] else shapes.reshape(A, shape=pairs)
    spread = shapes.broadcast_to(spread, shape=whole)
    result = tuple(count * n for count, n in zip(counts, here, strict=True))
    return spread if whole == result else shapes.reshape(spread, shape=result)


@composition(np.roll, "np.roll")
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        if a.ndim != 1:
            return np.reshape(_roll(np.reshape(a, -1), shift, 0), a.shape)
        axis = 0
    if type(shift) is int and type(axis) is int:
        return _turned(a, shift, axis)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    for step, k in np.broadcast(shift, axes):
        a = _turned(a, int(step), int(k))
    return a


def _turned(a: Any, step: int, axis: int) -> Any:
    """The entries along an axis moved by a number of places; those that leave at one end come in at the other."""
    (axis,) = normalize_axes(axis, a.ndim)
    length = a.shape[axis]
    if not length:
        return +a
    place = -step % length
    before = (slice(None),) * axis
    return shapes.concatenate(a[(*before, slice(place, None))], a[(*before, slice(None, place))], axis=axis)


def entries_of_diagonal(a: Any, offset: int, axis1: int, axis2: int) -> Any:
    """Take the diagonal out, as an array of its own, which is no view.

    Parameters
    ----------
    a : array, at least two-dimensional
        Traced or plain.
    offset : int
        How far the diagonal lies above the main one.
    axis1, axis2 : int
        Rows and columns.

    Returns
    -------
    array
        The other axes, then the diagonal; of a plain array it is NumPy's view.

    Examples
    --------
    >>> entries_of_diagonal(np.arange(6.0).reshape(2, 3), 1, 0, 1)
    array([1., 5.])
    """
    if not isinstance(a, Tracer):
        return np.diagonal(a, offset, axis1, axis2)
    moved: Any = a
    shape = a.shape
    if (axis1, axis2) not in ((-2, -1), (len(shape) - 2, len(shape) - 1)):
        moved = np.moveaxis(a, (axis1, axis2), (-2, -1))  # type: ignore[type-var]
        shape = moved.shape
    flat, places = (_known_diagonal if type(a) is Tracer else _diagonal_of)(shape, operator.index(offset))
    found = shapes.reshape(moved, shape=flat)
    # Nobody else has these handles, so that there is nothing that they could be views for.
    found.view = None
    found = found[places]
    found.view = None
    return found


def _diagonal_of(shape: tuple[int, ...], offset: int) -> tuple[tuple[int, ...], Any]:
    """The shape with the rows one after the other, in which a matrix has its diagonal at regular places; and these."""
    *leading, rows, columns = shape
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    start = max(offset, 0) + max(-offset, 0) * columns if length else 0
    places = slice(start, start + length * (columns + 1) - columns if length else 0, columns + 1)
    return (*leading, rows * columns), (Ellipsis, places) if leading else places


# For known lengths alone: those that are open compare in a way of their own.
_known_diagonal = functools.lru_cache(maxsize=1024)(_diagonal_of)


#: A view that cannot be written into, as NumPy's.
_DIAGONAL = Taken("np.diagonal", entries_of_diagonal)


@composition(np.diagonal, "np.diagonal", on_handles=True)
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return taken_from(a, _DIAGONAL, offset=offset, axis1=axis1, axis2=axis2)


@composition(np.diag, "np.diag", on_handles=True)
def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return _diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    size = v.shape[0] + abs(k)
    steps = np.arange(v.shape[0])
    return shapes.index_add(v, steps + max(-k, 0), steps + max(k, 0), template=(SLOT, SLOT), shape=(size, size))


def _below(m: Any, k: int) -> Any:
    # For a vector NumPy takes a square of its length.
    rows, columns = (m.shape * 2)[-2:]
    return np.tri(rows, columns, k, dtype=bool)


@composition(np.tril, "np.tril")
def _tril(m: Any, k: int = 0) -> Any:
    return np.where(_below(m, k), m, 0)


@composition(np.triu, "np.triu")
def _triu(m: Any, k: int = 0) -> Any:
    return np.where(_below(m, k - 1), 0, m)


@composition(np.copy, "np.copy")
def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return +a


@composition(np.pad, "np.pad")
def _pad(
    array: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = 0,
    reflect_type: str = "even",
) -> Any:
    here = shape_of(array)
    given = np.broadcast_to(np.asarray(pad_width), (len(here), 2)).tolist()
    widths = tuple((int(before), int(after)) for before, after in given)
    if mode == "constant":
        return _pad_constant(array, widths, constant_values)
    if mode not in ("edge", "wrap", "reflect", "symmetric") or reflect_type != "even":
        raise TraceError(
            f"np.pad: mode={mode!r} with reflect_type={reflect_type!r} is not followed; constant, edge, wrap, "
            f"reflect and symmetric are.{user_line()}"
        )
    for axis, (length, width) in enumerate(zip(here, widths, strict=True)):
        if width != (0, 0):
            array = _pick(array, np.pad(np.arange(length), width, mode=mode), axis)  # type: ignore[call-overload]
    return array


def _pad_constant(array: Any, widths: tuple[tuple[int, int], ...], values: Any) -> Any:
    padded = shapes.pad_zeros(array, widths=widths)
    if not hasattr(type(values), "__chainrule_record__") and not np.any(values):
        return padded
    # What surrounds the array: the corners belong to the last axis, as in NumPy.
    pairs = np.broadcast_to(values, (len(widths), 2))
    around: Any = np.zeros((), padded.dtype)
    for axis, (before, _) in enumerate(widths):
        places = np.arange(padded.shape[axis]).reshape((-1,) + (1,) * (padded.ndim - axis - 1))
        end = before + shape_of(array)[axis]
        around = np.where(places < before, pairs[axis, 0], np.where(places >= end, pairs[axis, 1], around))
    inside = shapes.pad_zeros(np.ones(shape_of(array), bool), widths=widths)
    return np.where(inside, padded, convert_like(around, padded))


def convert_like(x: Any, other: Any) -> Any:
    """Give `x` the dtype of `other`."""
    return x if getattr(x, "dtype", None) == other.dtype else shapes.convert(x, other.dtype)


@composition(np.real, "np.real", on_handles=True)
def _real(val: Any) -> Any:
    # Of real numbers the array itself, of complex ones a view.
    return taken_from(val, elementwise.real) if val.dtype.kind == "c" else val


@composition(np.imag, "np.imag", on_handles=True)
def _imag(val: Any) -> Any:
    return taken_from(val, elementwise.imag) if val.dtype.kind == "c" else elementwise.imag(val)


@composition(np.nan_to_num, "np.nan_to_num")
def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    if x.dtype.kind == "c":
        parts = (_nan_to_num(part, copy, nan, posinf, neginf) for part in (np.real(x), np.imag(x)))
        return next(parts) + 1j * next(parts)
    limits = np.finfo(x.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    nan, high, low = (cast(number, x.dtype, "same_kind") for number in (nan, high, low))
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, high, x)
    return np.where(x == -np.inf, low, x)
