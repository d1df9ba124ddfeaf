"""Functions that join arrays, take them apart, or choose between them."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import elementwise, shapes
from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.trace.creation import array
from chainrule.trace.dispatch import composition
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _parts(arrays: Any) -> list[Any]:
    """What is to be joined, as arrays and traced values."""
    parts = list(arrays)
    if not parts:
        raise ValueError("need at least one array to concatenate")
    return [part if hasattr(part, "shape") else array(part) for part in parts]


def _join(parts: list[Any], axis: int) -> Any:
    ndim = len(shape_of(parts[0]))
    if ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    for part in parts[1:]:
        if len(shape_of(part)) != ndim:
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match exactly, but the "
                f"arrays have shapes {', '.join(str(shape_of(p)) for p in parts)}"
            )
    return shapes.concatenate(*parts, axis=axis % ndim)


@composition(np.concatenate, "np.concatenate")
def _concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None) -> Any:
    parts = _parts(arrays)
    if axis is None:
        # Only here can Python numbers be joined, and they do not widen float32.
        common = np.result_type(
            *(x if isinstance(x, (int, float, complex)) else part for x, part in zip(arrays, parts, strict=True))
        )
        parts, axis = [shapes.convert(np.reshape(part, -1), common) for part in parts], 0
    if dtype is not None:
        parts = [shapes.convert(part, np.dtype(dtype)) for part in parts]
    return _join(parts, axis)


@composition(np.stack, "np.stack")
def _stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> Any:
    parts = _parts(arrays)
    if len({shape_of(part) for part in parts}) > 1:
        raise ValueError("all input arrays must have the same shape")
    here = shape_of(parts[0])
    ndim = len(here) + 1
    (place,) = normalize_axes((axis,), ndim)
    spread = (*here[:place], 1, *here[place:])
    return _concatenate([shapes.reshape(part, shape=spread) for part in parts], place, dtype=dtype)


@composition(np.hstack, "np.hstack")
def _hstack(tup: Any, *, dtype: Any = None) -> Any:
    parts = [np.reshape(part, (1,)) if not shape_of(part) else part for part in _parts(tup)]
    return _concatenate(parts, 0 if len(shape_of(parts[0])) == 1 else 1, dtype=dtype)


def _at_least_2d(part: Any) -> Any:
    here = shape_of(part)
    return part if len(here) >= 2 else np.reshape(part, (1, *here) if here else (1, 1))


@composition(np.vstack, "np.vstack")
def _vstack(tup: Any, *, dtype: Any = None) -> Any:
    return _concatenate([_at_least_2d(part) for part in _parts(tup)], 0, dtype=dtype)


@composition(np.column_stack, "np.column_stack")
def _column_stack(tup: Any) -> Any:
    parts = [part if len(shape_of(part)) >= 2 else np.reshape(part, (-1, 1)) for part in _parts(tup)]
    return _concatenate(parts, 1)


@composition(np.block, "np.block")
def _block(arrays: Any) -> Any:
    return _joined_blocks(arrays, _depth(arrays))


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _joined_blocks(arrays: Any, depth: int) -> Any:
    # The innermost lists are joined along the last axis, the lists of those along the one before, and so on.
    if not isinstance(arrays, list):
        return arrays
    parts = [_joined_blocks(part, depth - 1) for part in arrays]
    ndim = max(depth, *(len(shape_of(part)) for part in parts))
    parts = [np.reshape(part, (1,) * (ndim - len(shape_of(part))) + shape_of(part)) for part in _parts(parts)]
    return _concatenate(parts, -depth)


@composition(np.linspace, "np.linspace")
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    strong = [end.dtype for end in (start, stop) if hasattr(end, "dtype") and not getattr(end, "weak", False)]
    wide = np.result_type(*strong, 0.0)
    start, stop = shapes.convert(start, wide), shapes.convert(stop, wide)
    ndim = len(np.broadcast_shapes(shape_of(start), shape_of(stop)))
    count = max(num - 1 if endpoint else num, 1)
    share = np.reshape(np.arange(num, dtype=wide) / wide.type(count), (-1,) + (1,) * ndim)
    points = start + (stop - start) * share
    if endpoint and num > 1:
        # NumPy sets the last entry to `stop` itself, which the formula can miss by a rounding.
        points = np.where(share == 1, stop, points)
    points = points if dtype is None else shapes.convert(points, np.dtype(dtype))
    points = np.moveaxis(points, 0, axis) if ndim else points
    return (points, (stop - start) / count) if retstep else points


@composition(np.geomspace, "np.geomspace")
def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = with_dtype(start) * 1.0, with_dtype(stop) * 1.0
    # NumPy goes over to double precision here, whatever it is given.
    start, stop = (shapes.convert(x, np.result_type(x.dtype, np.float64)) for x in (start, stop))
    if start.dtype.kind == "c" or stop.dtype.kind == "c":
        # The sign of a complex number, by which NumPy turns both, falls out of their quotient.
        points = start * np.exp(_linspace(np.zeros(()), np.log(stop / start), num, endpoint))
    else:
        # sign 10^(linspace of the logarithms), with the ends as they were given.
        sign = np.sign(start)
        points = sign * np.power(10.0, _linspace(np.log10(start / sign), np.log10(stop / sign), num, endpoint))
    share = np.reshape(np.arange(num), (-1,) + (1,) * (len(shape_of(points)) - 1))
    points = np.where((share == 0) & (num > 0), start, points)
    points = np.where((share == num - 1) & (num > 1) & endpoint, stop, points)
    points = points if dtype is None else shapes.convert(points, np.dtype(dtype))
    return np.moveaxis(points, 0, axis)


@composition(np.logspace, "np.logspace")
def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, *, axis: int = 0
) -> Any:
    if len(shape_of(base)):
        raise TraceError(f"np.logspace: base= is followed where it is a number.{user_line()}")
    found = np.power(base, _linspace(start, stop, num, endpoint, axis=axis))
    return found if dtype is None else shapes.convert(found, np.dtype(dtype))


@composition(np.append, "np.append")
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, values, axis = np.reshape(arr, -1), np.reshape(values, -1), 0
    return _concatenate([arr, values], axis)


def _pieces(ary: Any, cuts: list[int], axis: int) -> list[Any]:
    before = (slice(None),) * (axis % ary.ndim)
    return [ary[(*before, slice(start, end))] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]


@composition(np.split, "np.split", on_handles=True)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


@composition(np.array_split, "np.array_split", on_handles=True)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if np.ndim(indices_or_sections):
        return _pieces(ary, [int(cut) for cut in indices_or_sections], axis)
    lengths = [len(part) for part in np.array_split(np.arange(ary.shape[axis]), int(indices_or_sections))]
    return _pieces(ary, np.cumsum(lengths)[:-1].tolist(), axis)


@composition(np.hsplit, "np.hsplit", on_handles=True)
def _hsplit(ary: Any, indices_or_sections: Any) -> Any:
    if ary.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return _split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@composition(np.vsplit, "np.vsplit", on_handles=True)
def _vsplit(ary: Any, indices_or_sections: Any) -> Any:
    if ary.ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return _split(ary, indices_or_sections, 0)


@composition(np.where, "np.where")
def _where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None or y is None:
        raise TraceError(
            "np.where with one argument depends on values, so that its shape does; use np.where(condition, x, y), "
            f"or np.nonzero(chainrule.value(x)).{user_line()}"
        )
    return elementwise.where(condition, x, y)


@hook("numpy", "bmat", listed=False)
def _bmat(obj: Any, ldict: Any = None, gdict: Any = None) -> Any:
    raise TraceError(
        f"np.bmat makes an np.matrix, which multiplies in a way of its own; use np.block on traced values.{user_line()}"
    )
