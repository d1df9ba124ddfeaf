"""scipy.ndimage: values between the entries of an array, by B-splines of order 0, 1 and 3.

The coefficients of the spline are a linear function of the entries, one matrix an axis, which SciPy's own filter gives
when it is asked for the coefficients of the unit vectors. The weights of the neighbours of a place are the B-splines
themselves (M. Unser, Splines: a perfect fit for signal and image processing, 1999).
"""

import math
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.images import extended
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert, with_fraction
from chainrule.trace.batch import shared_value
from chainrule.trace.hooks import hook

__all__: list[str] = []

_MODES = ("constant", "grid-constant", "nearest", "mirror", "reflect", "grid-mirror", "grid-wrap")


def _checked(name: str, input: Any, output: Any, order: int, mode: str) -> Any:
    if output is not None:
        raise TraceError(
            f"scipy.ndimage.{name}: argument output= is not followed; use the value returned.{user_line()}"
        )
    if order not in (0, 1, 3):
        raise TraceError(f"scipy.ndimage.{name}: order={order} is not followed; orders 0, 1 and 3 are.{user_line()}")
    if mode not in _MODES:
        raise TraceError(
            f"scipy.ndimage.{name}: mode={mode!r} is not followed; these are: {', '.join(_MODES)}.{user_line()}"
        )
    return with_fraction(input)


def _coefficients(x: Any, mode: str, cval: Any) -> tuple[Any, int]:
    """Those of the cubic spline through the entries, and how many entries were put before them."""
    import scipy.ndimage

    pad = 12 if mode in ("nearest", "grid-constant") else 0
    if pad:
        x = extended(x, [(pad, pad)] * len(shape_of(x)), mode, cval)
    for axis, length in enumerate(shape_of(x)):
        if length > 1:
            matrix = scipy.ndimage.spline_filter1d(np.eye(length), 3, axis=0, mode=mode)
            x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x, pad


def _weights(t: Any, order: int) -> list[Any]:
    """Those of the neighbours of a place, `t` behind the one before it."""
    if order == 1:
        return [1 - t, t]
    s = 1 - t
    return [s**3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (4 - 6 * s**2 + 3 * s**3) / 6, t**3 / 6]


def _inside(place: Any, length: int, mode: str) -> Any:
    """The entry that stands at a whole number, where that is outside of the array."""
    if length == 1:
        return np.zeros_like(place)
    if mode in ("reflect", "grid-mirror"):
        place = place % (2 * length)
        return np.where(place >= length, 2 * length - 1 - place, place)
    if mode == "grid-wrap":
        return place % length
    if mode in ("nearest", "grid-constant"):
        return np.clip(place, 0, length - 1)
    place = place % (2 * length - 2)
    return np.where(place >= length, 2 * length - 2 - place, place)


def _values(x: Any, coordinates: list[Any], order: int, mode: str, cval: Any, prefilter: bool) -> Any:
    """The spline at places, one array of coordinates for each axis."""
    lengths = shape_of(x)
    outside: Any = False
    if mode == "constant":
        for c, n in zip(coordinates, lengths, strict=True):
            outside = outside | (c < 0) | (c > n - 1)
    table, pad = _coefficients(x, mode, cval) if order == 3 and prefilter else (x, 0)
    if mode == "nearest":
        coordinates = [np.clip(c, -pad, n - 1 + pad) for c, n in zip(coordinates, lengths, strict=True)]
    if mode == "grid-constant" and not pad:
        # A frame of the constant, which all places outside of the array share.
        table, pad = extended(x, [(1, 1)] * len(lengths), mode, cval), 1
    whole = shape_of(table)
    total: Any = 0.0
    parts = []
    for c, n in zip(coordinates, whole, strict=True):
        before = np.floor(c + 0.5) if order == 0 else np.floor(c)
        first = convert(before, np.dtype(np.intp)) + pad - (1 if order == 3 else 0)
        count = {0: 1, 1: 2, 3: 4}[order]
        weights = [1.0] if order == 0 else _weights(c - before, order)
        parts.append([(_inside(first + k, n, mode), weights[k]) for k in range(count)])
    for corner in np.ndindex(*(len(part) for part in parts)):
        chosen = [part[k] for part, k in zip(parts, corner, strict=True)]
        entry = table[tuple(place for place, _ in chosen)]
        for _, weight in chosen:
            entry = entry * weight
        total = total + entry
    return np.where(outside, cval, total) if mode == "constant" else total


@hook("scipy.ndimage", "map_coordinates")
def _map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x = _checked("map_coordinates", input, output, order, mode)
    places = with_dtype(coordinates)
    if shape_of(places)[0] != len(shape_of(x)):
        raise RuntimeError("invalid shape for coordinate array")
    return _values(x, [places[k] for k in range(len(shape_of(x)))], order, mode, cval, prefilter)


@hook("scipy.ndimage", "shift")
def _shift(
    input: Any,
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x = _checked("shift", input, output, order, mode)
    lengths = shape_of(x)
    by = np.broadcast_to(with_dtype(shift), (len(lengths),))
    grids = np.meshgrid(*(np.arange(n) - by[k] for k, n in enumerate(lengths)), indexing="ij")
    return _values(x, list(grids), order, mode, cval, prefilter)


@hook("scipy.ndimage", "zoom")
def _zoom(
    input: Any,
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Any:
    x = _checked("zoom", input, output, order, mode)
    lengths = shape_of(x)
    factors = np.broadcast_to(shared_value(with_dtype(zoom), "scipy.ndimage.zoom"), (len(lengths),))
    made = [round(n * float(f)) for n, f in zip(lengths, factors, strict=True)]
    if grid_mode:
        axes = [(np.arange(m) + 0.5) * (n / max(m, 1)) - 0.5 for n, m in zip(lengths, made, strict=True)]
    else:
        # The first and the last entries stay where they are.
        axes = [np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 1.0) for n, m in zip(lengths, made, strict=True)]
        axes = [np.minimum(axis, n - 1) for axis, n in zip(axes, lengths, strict=True)]
    return _values(x, list(np.meshgrid(*axes, indexing="ij")), order, mode, cval, prefilter)


def _affine(x: Any, matrix: Any, offset: Any, shape: Any, options: tuple[Any, ...]) -> Any:
    ndim = len(shape_of(x))
    made = shape_of(x) if shape is None else tuple(int(n) for n in shape)
    grid = np.stack(np.meshgrid(*(np.arange(float(n)) for n in made), indexing="ij"))
    matrix, offset = with_dtype(matrix), with_dtype(offset)
    if len(shape_of(matrix)) == 1:
        matrix = matrix * np.eye(ndim)
    elif shape_of(matrix) in ((ndim, ndim + 1), (ndim + 1, ndim + 1)):
        matrix, offset = matrix[:ndim, :ndim], matrix[:ndim, ndim]
    places = np.tensordot(matrix, grid, 1) + np.reshape(np.broadcast_to(offset, (ndim,)), (ndim,) + (1,) * ndim)
    return _values(x, [places[k] for k in range(ndim)], *options)


@hook("scipy.ndimage", "affine_transform")
def _affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x = _checked("affine_transform", input, output, order, mode)
    return _affine(x, matrix, offset, output_shape, (order, mode, cval, prefilter))


@hook("scipy.ndimage", "rotate")
def _rotate(
    input: Any,
    angle: Any,
    axes: Any = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x = _checked("rotate", input, output, order, mode)
    ndim = len(shape_of(x))
    first, second = sorted(k % ndim for k in axes)
    turn = with_dtype(angle) * (math.pi / 180)
    c, s = np.cos(turn), np.sin(turn)
    lengths = [shape_of(x)[first], shape_of(x)[second]]
    made = lengths
    if reshape:
        cosine, sine = (float(shared_value(v, "scipy.ndimage.rotate")) for v in (c, s))
        corners = np.array([[cosine, sine], [-sine, cosine]]) @ [
            [0, 0, lengths[0], lengths[0]],
            [0, lengths[1], 0, lengths[1]],
        ]
        made = [int(n) for n in np.ptp(corners, axis=1) + 0.5]
    middle, centre = [(n - 1) / 2 for n in lengths], [(m - 1) / 2 for m in made]
    planes = np.moveaxis(x, (first, second), (0, 1))
    rows, columns = np.meshgrid(np.arange(float(made[0])), np.arange(float(made[1])), indexing="ij")
    rows, columns = rows - centre[0], columns - centre[1]
    places = [c * rows + s * columns + middle[0], c * columns - s * rows + middle[1]]
    flat = np.reshape(planes, (*lengths, math.prod(shape_of(planes)[2:])))
    turned = [_values(flat[..., k], places, order, mode, cval, prefilter) for k in range(shape_of(flat)[-1])]
    return np.moveaxis(np.reshape(np.stack(turned, axis=-1), (*made, *shape_of(planes)[2:])), (0, 1), (first, second))
