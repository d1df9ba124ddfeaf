"""scipy.signal: sums of products of neighbours, in any number of axes."""

from typing import Any

import numpy as np

from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import in_one_dtype
from chainrule.trace.hooks import hook

__all__ = ["convolve", "fftconvolve"]

Lengths = tuple[int, ...]


def _centred(full: Any, lengths: Lengths) -> Any:
    """The middle part of those lengths."""
    starts = [(n - length) // 2 for n, length in zip(shape_of(full), lengths, strict=True)]
    return full[tuple(slice(start, start + length) for start, length in zip(starts, lengths, strict=True))]


def _part(full: Any, one: Lengths, other: Lengths, mode: str, axes: Lengths) -> Any:
    """What a mode keeps of all places at which two arrays overlap; along other axes everything."""
    if mode == "full":
        return full
    if mode == "same":
        return _centred(full, one)
    if mode != "valid":
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    inside = tuple(abs(one[k] - other[k]) + 1 if k in axes else n for k, n in enumerate(shape_of(full)))
    return _centred(full, inside)


def _check(one: Lengths, other: Lengths, mode: str, axes: Lengths) -> None:
    if len(one) != len(other):
        raise ValueError("in1 and in2 should have the same dimensionality")
    ordered = [one[k] >= other[k] for k in axes], [one[k] <= other[k] for k in axes]
    if mode == "valid" and not any(map(all, ordered)):
        raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")


def _by_spectra(x: Any, y: Any, axes: Lengths) -> Any:
    """Every place at which two arrays overlap, by the product of their Fourier transforms."""
    p, q = shape_of(x), shape_of(y)
    lengths = tuple(p[k] + q[k] - 1 for k in axes)
    if not axes:
        return x * y
    if x.dtype.kind == "c" or y.dtype.kind == "c":
        return np.fft.ifftn(np.fft.fftn(x, lengths, axes) * np.fft.fftn(y, lengths, axes), lengths, axes)
    return np.fft.irfftn(np.fft.rfftn(x, lengths, axes) * np.fft.rfftn(y, lengths, axes), lengths, axes)


@hook("scipy.signal", "convolve")
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Convolve two arrays, as `scipy.signal.convolve` does.

    Parameters
    ----------
    in1, in2 : array or traced array
        With as many axes.
    mode : {"full", "valid", "same"}
        All places at which they overlap, those at which they do whole, or as many as `in1` has entries.
    method : {"auto", "direct", "fft"}
        "fft" goes by the product of the Fourier transforms in one dimension, too.

    Returns
    -------
    array or traced array
        With as many axes.

    Examples
    --------
    >>> import numpy as np
    >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0]))
    array([1., 3., 5., 3.])
    """
    x, y = in_one_dtype(in1, in2, least=np.bool_)
    p, q = shape_of(x), shape_of(y)
    axes = tuple(range(len(p)))
    _check(p, q, mode, axes)
    if not p:
        return x * y
    full = np.convolve(x, y) if len(p) == 1 and method != "fft" else _by_spectra(x, y, axes)
    return _part(full, p, q, mode, axes)


@hook("scipy.signal", "fftconvolve")
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """Convolve along some axes by the product of the Fourier transforms, as `scipy.signal.fftconvolve` does.

    Parameters
    ----------
    in1, in2 : array or traced array
        With as many axes.
    mode : {"full", "valid", "same"}
        As for `convolve`.
    axes : int or tuple of int, optional
        The axes; otherwise all of them.

    Returns
    -------
    array or traced array
        With as many axes.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(fftconvolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0]), mode="valid"), 12)
    array([3., 5.])
    """
    x, y = in_one_dtype(in1, in2, least=np.bool_)
    p, q = shape_of(x), shape_of(y)
    places = normalize_axes(axes, len(p))
    _check(p, q, mode, places)
    return _part(_by_spectra(x, y, places), p, q, mode, places)


@hook("scipy.signal", "correlate")
def _correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    y = with_dtype(in2)
    turned = np.flip(np.conjugate(y) if y.dtype.kind == "c" else y)
    return convolve(in1, turned, mode, method)
