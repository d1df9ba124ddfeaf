"""scipy.ndimage: filters of arrays with any number of axes, by the windows around each entry."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import with_fraction
from chainrule.trace.batch import shared_value
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook

__all__ = ["EXTENSIONS", "correlated_along", "extended", "extended_for", "image", "per_axis", "reach", "windows"]

#: How SciPy calls a way of going on beyond an edge, and how NumPy does.
EXTENSIONS = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "constant",
    "grid-constant": "constant",
}

Widths = list[tuple[int, int]]


def image(name: str, x: Any, output: Any = None) -> Any:
    """Take an image as numbers with a fraction, for a function that writes into no array of its caller.

    Parameters
    ----------
    name : str
        The function of scipy.ndimage, for the message.
    x : array or traced array
        The image; integers become float64.
    output : object
        What the caller gave for it.

    Returns
    -------
    array or traced array
        Of the same shape.

    Raises
    ------
    TraceError
        Where the result was to be written elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> image("correlate", np.array([1, 2]))
    array([1., 2.])
    """
    if output is not None:
        raise TraceError(
            f"scipy.ndimage.{name}: argument output= is not followed; use the value returned.{user_line()}"
        )
    return with_fraction(x)


def extended(x: Any, widths: Widths, mode: str, cval: Any = 0.0) -> Any:
    """Put more entries before and after an array along each axis.

    Parameters
    ----------
    x : array or traced array
        The image.
    widths : sequence of (int, int)
        How many before and after, for each axis.
    mode : str
        How scipy.ndimage calls what they are: "reflect", "mirror", "nearest", "wrap", "constant" and kin.
    cval : number
        What they are for "constant".

    Returns
    -------
    array or traced array
        The larger image.

    Examples
    --------
    >>> import numpy as np
    >>> extended(np.array([1.0, 2.0, 3.0]), [(2, 1)], "reflect")
    array([2., 1., 1., 2., 3., 3.])
    """
    if mode not in EXTENSIONS:
        raise ValueError(f"boundary mode not supported: {mode!r}")
    # Around no entries it does not matter what stands, since no window reads it.
    if EXTENSIONS[mode] == "constant" or 0 in shape_of(x):
        return np.pad(x, widths, "constant", constant_values=cval)
    return np.pad(x, widths, EXTENSIONS[mode])  # type: ignore[call-overload]


def windows(x: Any, lengths: dict[int, int]) -> Any:
    """Lay out the windows of an array along some axes.

    Parameters
    ----------
    x : array or traced array
        The image.
    lengths : dict of int to int
        The length of a window along each axis that has one.

    Returns
    -------
    array or traced array
        The axes of the image, shorter by the length less 1 where there are windows, then those of the windows, in the
        order of their axes.

    Examples
    --------
    >>> import numpy as np
    >>> windows(np.array([1.0, 2.0, 3.0]), {0: 2})
    array([[1., 2.],
           [2., 3.]])
    """
    for axis in sorted(lengths):
        count = shape_of(x)[axis] - lengths[axis] + 1
        places = np.arange(count)[:, None] + np.arange(lengths[axis])
        x = np.moveaxis(np.take(x, places, axis=axis), axis + 1, -1)
    return x


def reach(length: int, origin: int) -> tuple[int, int]:
    """Count the entries of a window before and after its own place.

    Parameters
    ----------
    length : int
        The length of the window.
    origin : int
        By how much it is moved.

    Returns
    -------
    tuple of int
        Before, and after.

    Raises
    ------
    ValueError
        Where its own place is outside the window.

    Examples
    --------
    >>> reach(4, 0)
    (2, 1)
    """
    before = length // 2 + int(origin)
    if not 0 <= before < length:
        raise ValueError("invalid origin")
    return before, length - 1 - before


def extended_for(
    x: Any, places: Sequence[int], lengths: Sequence[int], origins: Sequence[int], mode: Any, cval: Any
) -> Any:
    """Put as many entries around an array as windows of some lengths reach beyond it.

    Parameters
    ----------
    x : array or traced array
        The image.
    places, lengths, origins : sequence of int
        The axes with windows, and the length of a window and by how much it is moved along each of them.
    mode : str or sequence of str
        What stands beyond the ends, for all of these axes or for each.
    cval : number
        As for `extended`.

    Returns
    -------
    array or traced array
        The larger image.

    Examples
    --------
    >>> import numpy as np
    >>> extended_for(np.array([1.0, 2.0]), [0], [3], [0], "nearest", 0.0)
    array([1., 1., 2., 2.])
    """
    for place, n, o, m in zip(places, lengths, origins, per_axis(mode, len(places)), strict=True):
        widths = [(0, 0)] * len(shape_of(x))
        widths[place] = reach(n, o)
        x = extended(x, widths, m, cval)
    return x


def correlated_along(x: Any, weights: Any, axis: int, mode: str, cval: Any = 0.0, origin: int = 0) -> Any:
    """Sum over the window around each entry with weights, along one axis.

    Parameters
    ----------
    x : array or traced array
        The image.
    weights : array or traced array of shape (length,)
        The weights of a window.
    axis : int
        The axis.
    mode, cval
        What stands beyond the ends, as for `extended`.
    origin : int
        By how much the windows are moved.

    Returns
    -------
    array or traced array
        Of the shape of the image.

    Examples
    --------
    >>> import numpy as np
    >>> correlated_along(np.array([1.0, 2.0, 4.0]), np.array([-1.0, 0.0, 1.0]), 0, "nearest")
    array([1., 3., 2.])
    """
    length = shape_of(weights)[0]
    return windows(extended_for(x, [axis], [length], [origin], mode, cval), {axis: length}) @ weights


def per_axis(given: Any, count: int) -> list[Any]:
    """Give an argument for each axis, where it may be one for all.

    Parameters
    ----------
    given : object or sequence
        The argument.
    count : int
        Number of axes.

    Returns
    -------
    list
        One for each.

    Examples
    --------
    >>> per_axis(1.5, 2), per_axis((1, 2), 2)
    ([1.5, 1.5], [1, 2])
    """
    return list(given) if isinstance(given, (list, tuple, np.ndarray)) and np.ndim(given) else [given] * count


def _conjugated(weights: Any) -> Any:
    """Complex weights as a correlation takes them."""
    weights = with_dtype(weights)
    return np.conjugate(weights) if weights.dtype.kind == "c" else weights


@hook("scipy.ndimage", "correlate1d")
def _correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    x = image("correlate1d", input, output)
    return correlated_along(x, _conjugated(weights), axis % len(shape_of(x)), mode, cval, origin)


@hook("scipy.ndimage", "convolve1d")
def _convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    x, turned = image("convolve1d", input, output), with_dtype(weights)[::-1]
    return correlated_along(x, turned, axis % len(shape_of(x)), mode, cval, -origin - (1 - shape_of(turned)[0] % 2))


def _several(
    name: str, input: Any, weights: Any, output: Any, mode: Any, cval: Any, origin: Any, axes: Any, turned: bool
) -> Any:
    x, weights = image(name, input, output), with_dtype(weights)
    places = normalize_axes(axes, len(shape_of(x)))
    if len(places) != len(shape_of(weights)):
        raise RuntimeError("filter weights array has incorrect shape.")
    origins = per_axis(origin, len(places))
    if turned:
        weights = np.flip(weights)
        origins = [-o - (1 - n % 2) for o, n in zip(origins, shape_of(weights), strict=True)]
    x = extended_for(x, places, shape_of(weights), origins, mode, cval)
    # The weights stand in the order of the axes given, the windows in that of the array.
    weights = np.transpose(weights, np.argsort(places))
    found = windows(x, dict(zip(places, [shape_of(weights)[k] for k in np.argsort(np.argsort(places))], strict=True)))
    return np.tensordot(found, weights, len(places))


@hook("scipy.ndimage", "correlate")
def _correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    return _several("correlate", input, _conjugated(weights), output, mode, cval, origin, axes, False)


@hook("scipy.ndimage", "convolve")
def _convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    return _several("convolve", input, weights, output, mode, cval, origin, axes, True)


# Filters along one axis after the other.


def _gaussian_weights(sigma: Any, order: int, truncate: float, radius: int | None) -> Any:
    reach = (
        int(truncate * float(shared_value(sigma, "scipy.ndimage.gaussian_filter")) + 0.5) if radius is None else radius
    )
    if not has_tracer((sigma,)):
        import scipy.ndimage

        # SciPy's own weights: what it makes of a single 1.
        peak = np.zeros(2 * reach + 1)
        peak[reach] = 1.0
        options: Any = {"radius": reach} if reach else {"truncate": truncate}
        return scipy.ndimage.gaussian_filter1d(peak, sigma, order=order, mode="constant", **options)[::-1]
    if order != 0:
        raise TraceError(
            f"scipy.ndimage.gaussian_filter: order={order} is followed where sigma is not traced.{user_line()}"
        )
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    return weights / np.sum(weights)


@hook("scipy.ndimage", "gaussian_filter1d")
def _gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
) -> Any:
    x = image("gaussian_filter1d", input, output)
    weights = _gaussian_weights(sigma, order, truncate, radius)
    return correlated_along(x, weights, axis % len(shape_of(x)), mode, cval)


@hook("scipy.ndimage", "gaussian_filter")
def _gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Any:
    x = image("gaussian_filter", input, output)
    places = normalize_axes(axes, len(shape_of(x)))
    sigmas = list(sigma) if len(shape_of(sigma)) or isinstance(sigma, (list, tuple)) else [sigma] * len(places)
    others = (per_axis(given, len(places)) for given in (order, mode, radius))
    for place, s, o, m, r in zip(places, sigmas, *others, strict=True):
        x = (
            x
            if shared_value(s, "scipy.ndimage.gaussian_filter") < 1e-15
            else _gaussian_filter1d(x, s, place, o, None, m, cval, truncate, radius=r)
        )
    return x


@hook("scipy.ndimage", "uniform_filter1d")
def _uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    return _correlate1d(input, np.full(size, 1.0 / size), axis, output, mode, cval, origin)


@hook("scipy.ndimage", "uniform_filter")
def _uniform_filter(
    input: Any,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    x = image("uniform_filter", input, output)
    places = normalize_axes(axes, len(shape_of(x)))
    for place, n, m, o in zip(places, *(per_axis(given, len(places)) for given in (size, mode, origin)), strict=True):
        x = _uniform_filter1d(x, int(n), place, None, m, cval, o)
    return x


def _edges(name: str, across: tuple[float, ...]) -> None:
    def follow(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
        x = image(name, input, output)
        ndim = len(shape_of(x))
        modes = per_axis(mode, ndim)
        found = correlated_along(x, np.array([-1.0, 0.0, 1.0]), axis % ndim, modes[axis % ndim], cval)
        for place in range(ndim):
            if place != axis % ndim:
                found = correlated_along(found, np.array(across), place, modes[place], cval)
        return found

    hook("scipy.ndimage", name)(follow)


_edges("sobel", (1.0, 2.0, 1.0))
_edges("prewitt", (1.0, 1.0, 1.0))


@hook("scipy.ndimage", "laplace")
def _laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None) -> Any:
    x = image("laplace", input, output)
    places = normalize_axes(axes, len(shape_of(x)))
    second = np.array([1.0, -2.0, 1.0])
    modes = per_axis(mode, len(places))
    parts = [correlated_along(x, second, place, m, cval) for place, m in zip(places, modes, strict=True)]
    return sum(parts[1:], parts[0])


def _gaussian_parts(
    name: str, x: Any, sigma: Any, order: int, mode: Any, cval: Any, axes: Any, options: Any
) -> list[Any]:
    places = normalize_axes(axes, len(shape_of(x)))
    orders = [[order if k == place else 0 for k in places] for place in places]
    return [_gaussian_filter(x, sigma, each, None, mode, cval, axes=places, **options) for each in orders]


def _bind_gaussian(
    input: Any,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> tuple[Any, ...]:
    return input, sigma, output, mode, cval, axes, kwargs


@hook("scipy.ndimage", "gaussian_laplace", bind=_bind_gaussian)
def _gaussian_laplace(input: Any, sigma: Any, output: Any, mode: Any, cval: Any, axes: Any, options: Any) -> Any:
    x = image("gaussian_laplace", input, output)
    parts = _gaussian_parts("gaussian_laplace", x, sigma, 2, mode, cval, axes, options)
    return sum(parts[1:], parts[0])


@hook("scipy.ndimage", "gaussian_gradient_magnitude", bind=_bind_gaussian)
def _gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any, mode: Any, cval: Any, axes: Any, options: Any
) -> Any:
    x = image("gaussian_gradient_magnitude", input, output)
    parts = _gaussian_parts("gaussian_gradient_magnitude", x, sigma, 1, mode, cval, axes, options)
    if x.dtype.kind == "c":
        return np.sqrt(np.sum(np.stack(parts) ** 2, axis=0))  # SciPy takes squares of complex numbers as they are.
    return np.linalg.norm(np.stack(parts), axis=0)
