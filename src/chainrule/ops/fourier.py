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

# Cosine and sine transforms of real numbers, without a factor: with N entries x_n, from the documentation of SciPy,
#   dct 1: x_0 + (-1)^k x_{N-1} + 2 sum_{0<n<N-1} x_n cos(pi k n / (N-1))
#   dct 2: 2 sum x_n cos(pi k (2n+1) / 2N)           dct 3: x_0 + 2 sum_{n>0} x_n cos(pi (2k+1) n / 2N)
#   dct 4: 2 sum x_n cos(pi (2k+1) (2n+1) / 4N)
# and the sine transforms likewise, where it is the last entry of the third that stands for itself. Of the matrices
# without the entries that count once, those of the types 1 and 4 are symmetric, and those of 2 and 3 transposes.


def _infer_trigonometric(x: Any, *, type: int, axis: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    dtype = x.dtype if x.dtype in (np.float32, np.complex64, np.complex128) else np.dtype(np.float64)
    return tuple(x.shape), dtype


def _scaled(x: Any, axis: int, factor: float, places: tuple[int, ...]) -> Any:
    """Some of the entries along an axis times a factor."""
    n = x.shape[axis]
    weights = np.ones(n, np.zeros((), x.dtype).real.dtype)
    weights[list(places)] = factor
    return x * weights.reshape(_with_length((1,) * len(x.shape), axis, n))


def _dct(x: Any, *, type: int, axis: int) -> Any:
    import scipy.fft

    return scipy.fft.dct(x, type=type, axis=axis)


def _dst(x: Any, *, type: int, axis: int) -> Any:
    import scipy.fft

    return scipy.fft.dst(x, type=type, axis=axis)


def _dct_transpose(i: int, g: Any, ans: Any, x: Any, *, type: int, axis: int) -> Any:
    if type == 1:
        return _scaled(dct(_scaled(g, axis, 2.0, (0, -1)), type=1, axis=axis), axis, 0.5, (0, -1))
    if type == 2:
        return dct(_scaled(g, axis, 2.0, (0,)), type=3, axis=axis)
    return dct(g, type=4, axis=axis) if type == 4 else _scaled(dct(g, type=2, axis=axis), axis, 0.5, (0,))


def _dst_transpose(i: int, g: Any, ans: Any, x: Any, *, type: int, axis: int) -> Any:
    if type == 2:
        return dst(_scaled(g, axis, 2.0, (-1,)), type=3, axis=axis)
    return _scaled(dst(g, type=2, axis=axis), axis, 0.5, (-1,)) if type == 3 else dst(g, type=type, axis=axis)


dct: Op = structural("scipy.fft.dct", _dct, _infer_trigonometric, _dct_transpose)
dst: Op = structural("scipy.fft.dst", _dst, _infer_trigonometric, _dst_transpose)

FOURIER: tuple[Op, ...] = (fft, ifft, rfft, irfft, dct, dst)
