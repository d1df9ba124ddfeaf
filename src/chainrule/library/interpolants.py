"""What the interpolants of scipy.interpolate share: what an object keeps, points, axes, and intervals."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, structural
from chainrule.ops.reductions import searchsorted
from chainrule.ops.shapes import SLOT, convert, index, with_fraction
from chainrule.trace.buffer import settled
from chainrule.trace.creation import array
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.symbolic import value_of
from chainrule.trace.tracer import Tracer

__all__ = [
    "Corners",
    "arrange",
    "given",
    "inside",
    "interval",
    "keep",
    "kept",
    "known_value",
    "new_pieces",
    "points",
    "set_pieces",
    "taken",
    "tensor",
    "wrapped",
]

_FLOAT = np.dtype(np.float64)


def kept(self: Any, name: str) -> Any:
    """An array that an interpolant keeps."""
    return getattr(self, _place(self, name))


def keep(self: Any, **arrays: Any) -> None:
    """Put arrays where an interpolant keeps them."""
    for name, x in arrays.items():
        setattr(self, _place(self, name), x)
    if any(_place(self, name) != name for name in arrays):
        # What SciPy's properties hand out is made an array by this.
        self._asarray = settled


def _place(self: Any, name: str) -> str:
    """Since SciPy 1.17 the array stands behind a property of its name."""
    return f"_{name}" if isinstance(getattr(type(self), name, None), property) else name


def given(x: Any) -> Any:
    """Data as an array of float64 or complex128, as SciPy takes them."""
    x = settled(array(x) if isinstance(x, (list, tuple)) else x)
    if not isinstance(x, Tracer):
        x = np.asarray(x)
    wide = np.result_type(x.dtype, _FLOAT)
    return convert(x, wide) if x.dtype != wide or getattr(x, "weak", False) else x


def in_its_precision(x: Any) -> Any:
    """Data as an array that stays in single precision, as those of interp1d and RegularGridInterpolator do in SciPy."""
    return with_fraction(settled(array(x) if isinstance(x, (list, tuple)) else x))


def points(x: Any) -> Any:
    """Points at which an interpolant is asked for."""
    x = given(x)
    if x.dtype.kind != "f":
        raise TraceError(f"An interpolant was asked for at complex points; real ones are needed.{user_line()}")
    return x


def known_value(x: Any) -> Any:
    """The plain array behind what may be traced; None where it is not known yet."""
    found = value_of(x) if isinstance(x, Tracer) else x
    return None if found is NO_VALUE else np.asarray(found)


def interval(knots: Any, t: Any, first: int, last: int) -> Any:
    """The number i of the interval from knot i to the next in which each point lies; the outer ones have no end."""
    return np.clip(searchsorted(knots, t, side="right") - 1, first, last)


def taken(table: Any, i: Any) -> Any:
    """Entries of the first axis of a table, which may be plain where the places are traced."""
    return index(table, i, template=(SLOT,))


def wrapped(t: Any, low: Any, high: Any) -> Any:
    """Points of a periodic function, moved into one period."""
    return low + (t - low) % (high - low)


def arrange(values: Any, ndim: int, axis: int) -> Any:
    """Values with the axes of the points first, brought to where the interpolation axis was."""
    if axis == 0:
        return values
    order = list(range(len(shape_of(values))))
    return np.transpose(values, order[ndim : ndim + axis] + order[:ndim] + order[ndim + axis :])


def set_pieces(self: Any, c: Any, x: Any, extrapolate: Any, axis: int) -> None:
    """Make an object of SciPy's the piecewise polynomial of these coefficients and breakpoints."""
    keep(self, c=c, x=x)
    self.extrapolate = extrapolate if extrapolate == "periodic" else True if extrapolate is None else bool(extrapolate)
    self.axis = axis


def new_pieces(like: Any, c: Any, extrapolate: Any) -> Any:
    """A piecewise polynomial with the breakpoints of another."""
    made = object.__new__(type(like))
    set_pieces(made, c, kept(like, "x"), extrapolate, like.axis)
    return made


def _evaluate_inside(x: Any, *, low: float, high: float, what: str) -> Any:
    if np.any(x < low) or np.any(x > high):
        raise ValueError(f"{what}: a point is outside of the data, which go from {low} to {high}")
    return x


#: The points themselves, or an error: it is looked at when the values are there.
inside: Op = structural(
    "scipy.interpolate: inside",
    _evaluate_inside,
    lambda x, **params: (shape_of(x), x.dtype),
    lambda i, g, ans, x, **params: g,
    lambda i, t, ans, x, **params: t,
)


#: For one dimension of a grid the places of the entries that a point reads, each with its weight; None counts as 1.
Corners = Sequence[tuple[Any, Any]]


def tensor(values: Any, dimensions: Sequence[Corners]) -> Any:
    """The sum of the entries at all corners, each times the product of its weights; None counts as a weight of 1."""
    shape = shape_of(values)
    ndim = len(dimensions)
    flat = np.reshape(values, (-1, *shape[ndim:]))
    strides = [int(np.prod(shape[k + 1 : ndim])) for k in range(ndim)]
    total: Any = None
    for corner in itertools.product(*dimensions):
        place = sum(i * stride for (i, _), stride in zip(corner, strides, strict=True))
        term = taken(flat, place)
        weights = [weight for _, weight in corner if weight is not None]
        if weights:
            weight = weights[0]
            for other in weights[1:]:
                weight = weight * other
            term = term * np.reshape(weight, (*shape_of(weight), *(1,) * (len(shape) - ndim)))
        total = term if total is None else total + term
    return total
