"""scipy.signal: power spectra by periodograms, and the frequency response of filters."""

import math
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.filters import _detrend
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert, in_one_dtype
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _power(
    name: str,
    x: Any,
    y: Any,
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
    """Frequencies, and means over parts of conj(X) Y for the spectra X of x and Y of y; of x alone where y is None."""
    import scipy.signal

    signals = in_one_dtype(x) if y is None else in_one_dtype(x, y)
    is_complex = signals[0].dtype.kind == "c"
    weights = with_dtype(window) if np.ndim(window) else scipy.signal.get_window(window, nperseg)
    count = nperseg if nfft is None else int(nfft)
    # SciPy takes all frequencies of complex numbers, whatever is asked for.
    is_whole = is_complex or not return_onesided
    spectra = []
    for each in signals:
        rows = np.moveaxis(each, axis, -1)
        starts = np.arange(0, shape_of(rows)[-1] - nperseg + 1, nperseg - noverlap)
        parts = np.take(rows, starts[:, None] + np.arange(nperseg), axis=-1)
        if callable(detrend):
            parts = detrend(parts)
        elif detrend:
            parts = _detrend(parts, -1, detrend)
        spectra.append((np.fft.fft if is_whole else np.fft.rfft)(parts * weights, count))
    first = spectra[0]
    power = np.real(first) ** 2 + np.imag(first) ** 2 if y is None else np.conjugate(first) * spectra[1]
    if scaling not in ("density", "spectrum"):
        raise ValueError(f"Unknown scaling: {scaling!r}")
    power = power / (fs * np.sum(weights * weights) if scaling == "density" else np.sum(weights) ** 2)
    if not is_whole:
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
    frequencies = (np.fft.fftfreq if is_whole else np.fft.rfftfreq)(count, 1 / fs)
    mean = np.mean(power, axis=-2)
    # SciPy computes in the precision of the signals.
    dtype = np.result_type(signals[0].dtype, np.complex64) if mean.dtype.kind == "c" else np.real(signals[0]).dtype
    return frequencies, np.moveaxis(convert(mean, dtype), -1, axis)


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
    return _power("periodogram", x, None, fs, window, length, 0, nfft, detrend, return_onesided, scaling, axis, "mean")


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
    each, overlap = _parts_of(x, window, nperseg, noverlap, axis)
    return _power("welch", x, None, fs, window, each, overlap, nfft, detrend, return_onesided, scaling, axis, average)


@hook("scipy.signal", "csd")
def _csd(
    x: Any,
    y: Any,
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
    if x is not y and shape_of(with_dtype(x))[axis] != shape_of(with_dtype(y))[axis]:
        raise TraceError(f"scipy.signal.csd is followed for signals x and y of one length.{user_line()}")
    other = None if x is y else y
    each, overlap = _parts_of(x, window, nperseg, noverlap, axis)
    return _power("csd", x, other, fs, window, each, overlap, nfft, detrend, return_onesided, scaling, axis, average)


def _parts_of(x: Any, window: Any, nperseg: Any, noverlap: Any, axis: int) -> tuple[int, int]:
    """The length of the parts that a signal is cut into, and by how much they overlap."""
    given = shape_of(with_dtype(window))[0] if np.ndim(window) else 256
    each = min(given if nperseg is None else int(nperseg), shape_of(with_dtype(x))[axis])
    return each, each // 2 if noverlap is None else int(noverlap)


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
