"""scipy.integrate: integrals of samples."""

from typing import Any

import numpy as np

from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import convert
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)


def _place(y: Any, axis: int) -> int:
    (place,) = normalize_axes((axis,), len(shape_of(y)))
    return place


def _steps(where: str, y: Any, x: Any, place: int) -> Any:
    """The distances of the samples along their axis."""
    x = with_dtype(x)
    ndim = len(shape_of(y))
    if len(shape_of(x)) == 1:
        x = np.reshape(x, tuple(-1 if k == place else 1 for k in range(ndim)))
    elif len(shape_of(x)) != ndim:
        raise ValueError(f"{where}: x should be one-dimensional or of the shape of y")
    if shape_of(x)[place] != shape_of(y)[place]:
        raise ValueError(f"{where}: x has {shape_of(x)[place]} samples along its axis, and y {shape_of(y)[place]}")
    return np.diff(x, axis=place)


@hook("scipy.integrate", "trapezoid")
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = with_dtype(y)
    # SciPy adds up in the dtype of the samples.
    own = y.dtype if y.dtype.kind in "fc" else np.dtype(float)
    return convert(np.trapezoid(y, x, dx, axis), own)


@hook("scipy.integrate", "cumulative_trapezoid")
def _cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    where = "scipy.integrate.cumulative_trapezoid"
    y = with_dtype(y)
    place = _place(y, axis)
    if shape_of(y)[place] == 0:
        raise ValueError(f"{where} needs at least one sample along its axis")
    if initial is not None and initial != 0:
        raise ValueError(f"{where}: initial should be None or 0, and is {initial!r}")
    width = dx if x is None else _steps(where, y, x, place)
    heights = y[_along(place, slice(1, None))] + y[_along(place, slice(None, -1))]
    sums = np.cumsum(width * heights / 2.0, axis=place)
    if initial is None:
        return sums
    shape = tuple(1 if k == place else n for k, n in enumerate(shape_of(sums)))
    return np.concatenate([np.zeros(shape, sums.dtype), sums], axis=place)


@hook("scipy.integrate", "simpson")
def _simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    y = with_dtype(y)
    place = _place(y, axis)
    count = shape_of(y)[place]
    steps = None if x is None else _steps("scipy.integrate.simpson", y, x, place)

    def entry(z: Any, k: int) -> Any:
        return z[(*(slice(None),) * place, k)]

    if count == 2:
        return 0.5 * (dx if steps is None else entry(steps, -1)) * (entry(y, -1) + entry(y, -2))
    # SciPy has distances in double precision.
    steps = None if steps is None else convert(steps, np.dtype(float))
    total = _parabolas(y, steps, dx, place, count - 3 + count % 2)
    if count % 2:
        return total
    # The last interval of an even number of samples (K. V. Cartwright, Simpson's rule integration with MS Excel and
    # irregularly-spaced data, 2017, equation 8): under the parabola through the last three.
    step = convert(dx, np.dtype(float))
    before, last = (step, step) if steps is None else (entry(steps, -2), entry(steps, -1))
    alpha = _ratio(2 * last**2 + 3 * before * last, 6 * (last + before))
    beta = _ratio(last**2 + 3.0 * before * last, 6 * before)
    eta = _ratio(last**3, 6 * before * (before + last))
    found = total + alpha * entry(y, -1) + beta * entry(y, -2) - eta * entry(y, -3)
    # SciPy adds it in place, which keeps the dtype of an array, but not of a number.
    return convert(found, total.dtype) if shape_of(total) else found


def _parabolas(y: Any, steps: Any, dx: Any, place: int, end: int) -> Any:
    """The sum of the areas under parabolas through three samples each, of which the first is one before `end`."""
    first, middle, last = (y[_along(place, slice(k, end + k, 2))] for k in range(3))
    if steps is None:
        return np.sum(first + 4.0 * middle + last, axis=place) * (dx / 3.0)
    before, after = (steps[_along(place, slice(k, end + k, 2))] for k in range(2))
    both = before + after
    part = first * (2.0 - _ratio(after, before)) + middle * both * _ratio(both, before * after)
    return np.sum(both / 6.0 * (part + last * (2.0 - _ratio(before, after))), axis=place)


def _ratio(x: Any, y: Any) -> Any:
    """A quotient, and 0 where the divisor is 0: where samples stand at one place."""
    return np.where(y != 0, x / np.where(y != 0, y, 1.0), 0.0)
