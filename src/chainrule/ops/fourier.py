"""Discrete Fourier transforms along one axis.

Each is linear. That of complex numbers is a symmetric matrix, exp(-2 pi i j k / n), so that it is its own transpose.
The transforms of real numbers leave out half of the spectrum, which is that of the other half, conjugated: the
transpose of one of them is the other, with a weight for each frequency.
"""

from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, structural

__all__ = ["FOURIER", "fft", "ifft", "irfft", "rfft"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]

#: The norm by which the inverse has the factor that the transform has by this one.
_EXCHANGED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}

_SINGLE = np.dtype(np.complex64)
# NumPy's annotations want the norm as a literal.
_numpy: Any = np.fft


def _with_length(shape: tuple[int, ...], axis: int, length: int) -> tuple[int, ...]:
    return tuple(length if k == axis else n for k, n in enumerate(shape))


def _fft(x: Any, *, axis: int, norm: str) -> Any:
    return _numpy.fft(x, axis=axis, norm=norm)


def _ifft(x: Any, *, axis: int, norm: str) -> Any:
    return _numpy.ifft(x, axis=axis, norm=norm)


def _rfft(x: Any, *, axis: int, norm: str) -> Any:
    return _numpy.rfft(x, axis=axis, norm=norm)


def _irfft(x: Any, *, n: int, axis: int, norm: str) -> Any:
    return _numpy.irfft(x, n, axis=axis, norm=norm)


def _infer_fft(x: Any, *, axis: int, norm: str) -> Aval:
    return shape_of(x), np.result_type(x.dtype, _SINGLE)


def _infer_rfft(x: Any, *, axis: int, norm: str) -> Aval:
    return _with_length(x.shape, axis, x.shape[axis] // 2 + 1), np.result_type(x.dtype, _SINGLE)


def _infer_irfft(x: Any, *, n: int, axis: int, norm: str) -> Aval:
    return _with_length(x.shape, axis, n), np.zeros((), np.result_type(x.dtype, _SINGLE)).real.dtype


def _fft_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: int, norm: str) -> Any:
    return fft(g, axis=axis, norm=norm)


def _ifft_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: int, norm: str) -> Any:
    return ifft(g, axis=axis, norm=norm)


def _weights(n: int, axis: int, ndim: int, dtype: Any) -> Any:
    """1 for each frequency that stands for itself alone, the lowest and of even n the highest; 2 for the others."""
    weights = np.full(n // 2 + 1, 2.0, np.zeros((), dtype).real.dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape(_with_length((1,) * ndim, axis, n // 2 + 1))


def _rfft_transpose(i: int, g: Any, ans: Any, x: Any, *, axis: int, norm: str) -> Any:
    # dl/dx_j = Re sum_k g_k exp(-2 pi i j k / n) over the frequencies that there are.
    n = x.shape[axis]
    shared = np.conjugate(g) / _weights(n, axis, len(x.shape), g.dtype)
    return irfft(shared, n=n, axis=axis, norm=_EXCHANGED[norm])


def _irfft_transpose(i: int, g: Any, ans: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
    # The derivative by z = u + iv is df/du - i df/dv, so that the spectrum of g is conjugated.
    return np.conjugate(rfft(g, axis=axis, norm=_EXCHANGED[norm])) * _weights(n, axis, len(x.shape), g.dtype)


fft: Op = structural("np.fft.fft", _fft, _infer_fft, _fft_transpose)
ifft: Op = structural("np.fft.ifft", _ifft, _infer_fft, _ifft_transpose)
rfft: Op = structural("np.fft.rfft", _rfft, _infer_rfft, _rfft_transpose)
#: Its input has as many frequencies as a transform of n real numbers: n // 2 + 1.
irfft: Op = structural("np.fft.irfft", _irfft, _infer_irfft, _irfft_transpose)

FOURIER: tuple[Op, ...] = (fft, ifft, rfft, irfft)
