"""numpy.fft: the transforms of each length, norm and number of axes, by those along one axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.ops import fourier
from chainrule.ops.axes import normalize_axes, shape_of
from chainrule.ops.op import Op
from chainrule.ops.shapes import pad_zeros
from chainrule.trace.dispatch import composition

__all__: list[str] = []

#: Of the length of each axis, as it is given: a number, or None for what is there.
_Lengths = Sequence[int | None] | None


def checked_norm(norm: str | None) -> str:
    """The way of scaling, in full."""
    found = "backward" if norm is None else norm
    if found not in ("backward", "ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return found


def sized(a: Any, n: int, axis: int) -> Any:
    """Cut off, or filled up with zeros, to a length along one axis."""
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    length = shape_of(a)[axis]
    if n < length:
        return a[(*(slice(None),) * axis, slice(n))]
    return a if n == length else pad_zeros(a, widths=tuple((0, n - length if k == axis else 0) for k in range(a.ndim)))


def _transformed(op: Op, a: Any, n: int | None, axis: int, norm: str | None) -> Any:
    (place,) = normalize_axes((axis,), len(shape_of(a)))
    return op(sized(a, shape_of(a)[place] if n is None else n, place), axis=place, norm=checked_norm(norm))


@composition(np.fft.fft, "np.fft.fft")
def _fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    return _transformed(fourier.fft, a, n, axis, norm)


@composition(np.fft.ifft, "np.fft.ifft")
def _ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    return _transformed(fourier.ifft, a, n, axis, norm)


@composition(np.fft.rfft, "np.fft.rfft")
def _rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    if a.dtype.kind == "c":
        raise TypeError("np.fft.rfft takes real numbers, and got complex ones")
    return _transformed(fourier.rfft, a, n, axis, norm)


@composition(np.fft.irfft, "np.fft.irfft")
def _irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    (place,) = normalize_axes((axis,), len(shape_of(a)))
    length = (shape_of(a)[place] - 1) * 2 if n is None else n
    if length < 1:
        raise ValueError(f"Invalid number of FFT data points ({length}) specified.")
    return fourier.irfft(sized(a, length // 2 + 1, place), n=length, axis=place, norm=checked_norm(norm))


#: Of each way of scaling the one of the transform back.
EXCHANGED: dict[str | None, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


@composition(np.fft.hfft, "np.fft.hfft")
def _hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    return _irfft(np.conjugate(a), n, axis, EXCHANGED[None if norm is None else checked_norm(norm)])


@composition(np.fft.ihfft, "np.fft.ihfft")
def _ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
    return np.conjugate(_rfft(a, n, axis, EXCHANGED[None if norm is None else checked_norm(norm)]))


# Several axes, one after the other, as in NumPy.


def axes_and_lengths(a: Any, s: _Lengths, axes: Any) -> list[tuple[int, int | None]]:
    """The axes, each with its length where one is given."""
    ndim = len(shape_of(a))
    if axes is None:
        axes = range(ndim) if s is None else range(-len(s), 0)
    places = [normalize_axes((axis,), ndim)[0] for axis in axes]
    lengths = [None] * len(places) if s is None else [None if n is None or n == -1 else int(n) for n in s]
    if len(lengths) != len(places):
        raise ValueError("Shape and axes have different lengths.")
    return list(zip(places, lengths, strict=True))


@composition(np.fft.fftn, "np.fft.fftn")
def _fftn(a: Any, s: _Lengths = None, axes: Any = None, norm: str | None = None) -> Any:
    for axis, n in reversed(axes_and_lengths(a, s, axes)):
        a = _fft(a, n, axis, norm)
    return a


@composition(np.fft.ifftn, "np.fft.ifftn")
def _ifftn(a: Any, s: _Lengths = None, axes: Any = None, norm: str | None = None) -> Any:
    for axis, n in reversed(axes_and_lengths(a, s, axes)):
        a = _ifft(a, n, axis, norm)
    return a


@composition(np.fft.rfftn, "np.fft.rfftn")
def _rfftn(a: Any, s: _Lengths = None, axes: Any = None, norm: str | None = None) -> Any:
    *others, (axis, n) = axes_and_lengths(a, s, axes)
    a = _rfft(a, n, axis, norm)
    for axis, n in reversed(others):
        a = _fft(a, n, axis, norm)
    return a


@composition(np.fft.irfftn, "np.fft.irfftn")
def _irfftn(a: Any, s: _Lengths = None, axes: Any = None, norm: str | None = None) -> Any:
    *others, (last, length) = axes_and_lengths(a, s, axes)
    for axis, n in others:
        a = _ifft(a, n, axis, norm)
    return _irfft(a, length, last, norm)


@composition(np.fft.fft2, "np.fft.fft2")
def _fft2(a: Any, s: _Lengths = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return _fftn(a, s, axes, norm)


@composition(np.fft.ifft2, "np.fft.ifft2")
def _ifft2(a: Any, s: _Lengths = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return _ifftn(a, s, axes, norm)


@composition(np.fft.rfft2, "np.fft.rfft2")
def _rfft2(a: Any, s: _Lengths = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return _rfftn(a, s, axes, norm)


@composition(np.fft.irfft2, "np.fft.irfft2")
def _irfft2(a: Any, s: _Lengths = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return _irfftn(a, s, axes, norm)


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    places = normalize_axes(axes, len(shape_of(x)))
    return np.roll(x, tuple(sign * (shape_of(x)[k] // 2) for k in places), places)


@composition(np.fft.fftshift, "np.fft.fftshift")
def _fftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, 1)


@composition(np.fft.ifftshift, "np.fft.ifftshift")
def _ifftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, -1)
