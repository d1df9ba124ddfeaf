"""scipy.signal: power spectra by periodograms, and the frequency response of filters."""

import math
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.filters import _detrend
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _power(
    name: str,
    x: Any,
    fs: Any,
    window: Any,
    nperseg: int,
    noverlap: int,
    nfft: Any,
    detrend: Any,
    return_onesided: bool,
    scaling: str,
    axis: int,
    average: str,
) -> Any:
    import scipy.signal

    x = with_dtype(x)
    if x.dtype.kind == "c" or not return_onesided:
        raise TraceError(f"scipy.signal.{name} is followed for real signals, with return_onesided=True.{user_line()}")
    x = np.moveaxis(x if x.dtype.kind == "f" else convert(x, np.dtype(float)), axis, -1)
    weights = with_dtype(window) if np.ndim(window) else scipy.signal.get_window(window, nperseg)
    count = nperseg if nfft is None else int(nfft)
    starts = np.arange(0, shape_of(x)[-1] - nperseg + 1, nperseg - noverlap)
    parts = np.take(x, starts[:, None] + np.arange(nperseg), axis=-1)
    if callable(detrend):
        parts = detrend(parts)
    elif detrend:
        parts = _detrend(parts, -1, detrend)
    spectrum = np.fft.rfft(parts * weights, count)
    power = np.real(spectrum) ** 2 + np.imag(spectrum) ** 2
    if scaling not in ("density", "spectrum"):
        raise ValueError(f"Unknown scaling: {scaling!r}")
    power = power / (fs * np.sum(weights * weights) if scaling == "density" else np.sum(weights) ** 2)
    # All frequencies stand for their negative ones, too, but 0 and the highest one of an even number.
    factor = np.full(count // 2 + 1, 2.0)
    factor[0] = 1.0
    if count % 2 == 0:
        factor[-1] = 1.0
    power = power * factor
    if average not in ("mean", "median"):
        raise ValueError(f'average must be "median" or "mean", got {average}')
    if average == "median":
        raise TraceError(f"scipy.signal.{name}: average='median' is not followed.{user_line()}")
    return np.fft.rfftfreq(count, 1 / fs), np.moveaxis(np.mean(power, axis=-2), -1, axis)


@hook("scipy.signal", "periodogram")
def _periodogram(
    x: Any,
    fs: Any = 1.0,
    window: Any = "boxcar",
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
) -> Any:
    length = shape_of(with_dtype(x))[axis]
    if nfft is not None and nfft < length:
        raise TraceError(f"scipy.signal.periodogram: nfft= below the length of x is not followed.{user_line()}")
    window = "boxcar" if window is None else window
    return _power("periodogram", x, fs, window, length, 0, nfft, detrend, return_onesided, scaling, axis, "mean")


@hook("scipy.signal", "welch")
def _welch(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann",
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> Any:
    length = shape_of(with_dtype(x))[axis]
    given = shape_of(with_dtype(window))[0] if np.ndim(window) else 256
    nperseg = min(given if nperseg is None else int(nperseg), length)
    overlap = nperseg // 2 if noverlap is None else int(noverlap)
    return _power("welch", x, fs, window, nperseg, overlap, nfft, detrend, return_onesided, scaling, axis, average)


@hook("scipy.signal", "freqz")
def _freqz(
    b: Any,
    a: Any = 1,
    worN: Any = 512,
    whole: bool = False,
    plot: Any = None,
    fs: Any = 2 * math.pi,
    include_nyquist: bool = False,
) -> Any:
    b, a = np.atleast_1d(with_dtype(b)), np.atleast_1d(with_dtype(a))
    if np.ndim(worN) == 0:
        count = 512 if worN is None else int(worN)
        w = np.linspace(0, 2 * math.pi if whole else math.pi, count, endpoint=include_nyquist and not whole)
    else:
        w = with_dtype(worN) * (2 * math.pi / fs)
    turn = np.exp(-1j * w)
    # sum_k b_k e^(-i w k), over the same of a.
    response = np.polyval(b[::-1] + 0j, turn) / np.polyval(a[::-1] + 0j, turn)
    return w * (fs / (2 * math.pi)), response
