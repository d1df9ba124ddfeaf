"""scipy.signal: recursive filters, trends, smoothing and resampling along one axis."""

import itertools
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library import signal
from chainrule.library.images import correlated_along, windows
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.matrix_functions import solve_banded
from chainrule.ops.shapes import convert, in_one_dtype
from chainrule.trace.hooks import hook

__all__: list[str] = []


def _padded(c: Any, length: int) -> Any:
    return np.pad(c, (0, length - shape_of(c)[0]))


def _filtered(b: Any, a: Any, x: Any, zi: Any = None) -> tuple[Any, Any]:
    """A recursive filter along the last axis, and the state that it ends in.

    a_0 y_n = sum_k b_k x_(n-k) - sum_(k>0) a_k y_(n-k) is a system of equations for y with one band below its diagonal
    for each a_k. The state z of the transposed direct form II is added to the first right-hand sides, and is
    z_k = sum_(m>k) b_m x_(N-m+k) - a_m y_(N-m+k) in the end.
    """
    order = max(shape_of(b)[0], shape_of(a)[0]) - 1
    b, a = _padded(b, order + 1) / a[0], _padded(a, order + 1) / a[0]
    count, others = shape_of(x)[-1], shape_of(x)[:-1]
    rows = np.reshape(x, (-1, count))
    before = np.pad(rows, ((0, 0), (order, 0)))
    right = windows(before, {1: order + 1}) @ b[::-1]
    state = np.zeros((1, order), rows.dtype) if zi is None else np.reshape(zi, (-1, order))
    right = right + np.pad(state, ((0, 0), (0, max(count - order, 0))))[:, :count]
    bands = np.broadcast_to(a[:, None], (order + 1, count))
    y = solve_banded(bands, right.T, lower=order, upper=0).T if order and count else right
    ends = []
    for k in range(order):
        after = state[:, k + count] if count + k < order else 0.0
        for m in range(k + 1, order + 1):
            if count - m + k >= 0:
                after = after + b[m] * rows[:, count - m + k] - a[m] * y[:, count - m + k]
        ends.append(after + np.zeros_like(rows[:, 0]))
    final = np.stack(ends, axis=-1) if ends else np.zeros((*shape_of(rows)[:1], 0))
    return np.reshape(y, (*others, count)), np.reshape(final, (*others, order))


@hook("scipy.signal", "lfilter")
def _lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    b, a, x = in_one_dtype(np.atleast_1d(with_dtype(b)), np.atleast_1d(with_dtype(a)), x)
    last = None if zi is None else np.moveaxis(with_dtype(zi), axis, -1)
    y, final = _filtered(b, a, np.moveaxis(x, axis, -1), last)
    y = np.moveaxis(y, -1, axis)
    return y if zi is None else (y, np.moveaxis(final, -1, axis))


@hook("scipy.signal", "lfilter_zi")
def _lfilter_zi(b: Any, a: Any) -> Any:
    b, a = in_one_dtype(np.atleast_1d(with_dtype(b)), np.atleast_1d(with_dtype(a)))
    order = max(shape_of(b)[0], shape_of(a)[0]) - 1
    b, a = _padded(b, order + 1) / a[0], _padded(a, order + 1) / a[0]
    # The state z = A^T z + B in which a step goes on for ever, with A the companion matrix of a.
    moved = np.eye(order, k=1) - np.concatenate([a[1:, None], np.zeros((order, order - 1))], axis=1)
    return np.linalg.solve(np.eye(order) - moved, b[1:] - a[1:] * b[0])


@hook("scipy.signal", "sosfilt")
def _sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    sos, x = in_one_dtype(sos, x)
    x = np.moveaxis(x, axis, -1)
    states = []
    for k in range(shape_of(sos)[0]):
        last = None if zi is None else np.moveaxis(with_dtype(zi)[k], axis, -1)
        x, state = _filtered(sos[k, :3], sos[k, 3:], x, last)
        states.append(np.moveaxis(state, -1, axis))
    y = np.moveaxis(x, -1, axis)
    return y if zi is None else (y, np.stack(states))


def _turned_out(x: Any, count: int, padtype: Any) -> Any:
    """More entries on both sides, along the last axis, as filtfilt goes on there."""
    if not count:
        return x
    first, last = x[..., :1], x[..., -1:]
    if padtype == "constant":
        before, after = (np.broadcast_to(end, (*shape_of(x)[:-1], count)) for end in (first, last))
    else:
        before, after = x[..., count:0:-1], x[..., -2 : -count - 2 : -1]
        if padtype == "odd":
            before, after = 2 * first - before, 2 * last - after
    return np.concatenate([before, x, after], axis=-1)


def _to_and_fro(x: Any, padtype: Any, padlen: Any, default: int, run: Any) -> Any:
    if padtype not in (None, "odd", "even", "constant"):
        raise ValueError(f"Unknown value '{padtype}' given to padtype.")
    count = 0 if padtype is None else default if padlen is None else int(padlen)
    if shape_of(x)[-1] <= count:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {count}.")
    x = _turned_out(x, count, padtype)
    there = run(x, x[..., :1])
    back = run(there[..., ::-1], there[..., -1:])[..., ::-1]
    return back[..., count : shape_of(back)[-1] - count]


@hook("scipy.signal", "filtfilt")
def _filtfilt(
    b: Any,
    a: Any,
    x: Any,
    axis: int = -1,
    padtype: Any = "odd",
    padlen: Any = None,
    method: str = "pad",
    irlen: Any = None,
) -> Any:
    if method != "pad":
        raise TraceError(f"scipy.signal.filtfilt: method={method!r} is not followed; 'pad' is.{user_line()}")
    b, a, x = in_one_dtype(np.atleast_1d(with_dtype(b)), np.atleast_1d(with_dtype(a)), x)
    state = _lfilter_zi(b, a)

    def run(x: Any, start: Any) -> Any:
        return _filtered(b, a, x, state * start)[0]

    longest = max(shape_of(b)[0], shape_of(a)[0])
    return np.moveaxis(_to_and_fro(np.moveaxis(x, axis, -1), padtype, padlen, 3 * longest, run), -1, axis)


@hook("scipy.signal", "sosfiltfilt")
def _sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    sos, x = in_one_dtype(sos, x)
    count = shape_of(sos)[0]
    scale, states = 1.0, []
    for k in range(count):
        states.append(scale * _lfilter_zi(sos[k, :3], sos[k, 3:]))
        # What a step becomes behind this section.
        scale = scale * np.sum(sos[k, :3]) / np.sum(sos[k, 3:])

    def run(x: Any, start: Any) -> Any:
        for k in range(count):
            x = _filtered(sos[k, :3], sos[k, 3:], x, states[k] * start)[0]
        return x

    at_zero = [int(np.sum(sos[:, k] == 0)) for k in (2, 5)]
    default = 3 * (2 * count + 1 - min(at_zero))
    return np.moveaxis(_to_and_fro(np.moveaxis(x, axis, -1), padtype, padlen, default, run), -1, axis)


# What is linear in the signal.


@hook("scipy.signal", "detrend")
def _detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Any:
    (x,) = in_one_dtype(data)
    if type in ("constant", "c"):
        return x - np.mean(x, axis, keepdims=True)
    if type not in ("linear", "l"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    rows = np.moveaxis(x, axis, -1)
    count = shape_of(rows)[-1]
    edges = np.unique(np.concatenate([[0], np.ravel(bp), [count]])).astype(int)
    parts = []
    for low, high in itertools.pairwise(edges):
        part, n = rows[..., low:high], high - low
        line = np.stack([np.arange(1, n + 1) / n, np.ones(n)], axis=1)
        parts.append(part - (part @ np.linalg.pinv(line).T) @ line.T)
    return convert(np.moveaxis(np.concatenate(parts, axis=-1), -1, axis), x.dtype)


@hook("scipy.signal", "savgol_filter", real_only=True)
def _savgol_filter(
    x: Any,
    window_length: int,
    polyorder: int,
    deriv: int = 0,
    delta: float = 1.0,
    axis: int = -1,
    mode: str = "interp",
    cval: Any = 0.0,
) -> Any:
    import scipy.signal

    (x,) = in_one_dtype(x)
    place = axis % len(shape_of(x))
    if mode != "interp":
        weights = scipy.signal.savgol_coeffs(window_length, polyorder, deriv=deriv, delta=delta)[::-1]
        before = (window_length - 1) // 2
        return correlated_along(x, weights, place, mode, cval, before - window_length // 2)
    rows = np.moveaxis(x, place, -1)
    if window_length > shape_of(rows)[-1]:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    # A polynomial through one window, at each of its places: SciPy's own answer for the unit vectors.
    fitted = scipy.signal.savgol_filter(np.eye(window_length), window_length, polyorder, deriv, delta, axis=0)
    half = window_length // 2
    middle = windows(rows, {len(shape_of(rows)) - 1: window_length}) @ fitted[half]
    first = rows[..., :window_length] @ fitted[:half].T
    last = rows[..., -window_length:] @ fitted[half + 1 :].T
    return np.moveaxis(np.concatenate([first, middle, last], axis=-1), -1, place)


@hook("scipy.signal", "hilbert")
def _hilbert(x: Any, N: int | None = None, axis: int = -1) -> Any:
    (x,) = in_one_dtype(x)
    if x.dtype.kind == "c":
        raise ValueError("x must be real.")
    count = shape_of(x)[axis] if N is None else N
    # Positive frequencies twice, negative ones never.
    factor = np.zeros(count)
    factor[0] = 1
    factor[1 : (count + 1) // 2] = 2
    if count % 2 == 0:
        factor[count // 2] = 1
    shape = [1] * len(shape_of(x))
    shape[axis] = count
    found = np.fft.ifft(np.fft.fft(x, count, axis) * np.reshape(factor, shape), axis=axis)
    return convert(found, np.result_type(x.dtype, np.complex64))


@hook("scipy.signal", "resample")
def _resample(x: Any, num: int, t: Any = None, axis: int = 0, window: Any = None, domain: str = "time") -> Any:
    if t is not None or window is not None or domain != "time":
        raise TraceError(
            f"scipy.signal.resample: arguments t=, window= and domain= are not followed on traced values.{user_line()}"
        )
    (x,) = in_one_dtype(x)
    rows = np.moveaxis(x, axis, -1)
    count, num = shape_of(rows)[-1], int(num)
    if rows.dtype.kind == "c":
        return np.moveaxis(_resample_complex(rows, count, num), -1, axis)
    kept = min(num, count)
    spectrum = np.fft.rfft(rows)[..., : kept // 2 + 1]
    if kept % 2 == 0 and num != count:
        # The highest frequency stands for two, of which one falls away or comes anew.
        factor = np.ones(kept // 2 + 1)
        factor[-1] = 2.0 if num < count else 0.5
        spectrum = spectrum * factor
    return np.moveaxis(np.fft.irfft(spectrum, num) * (num / count), -1, axis)


def _resample_complex(rows: Any, count: int, num: int) -> Any:
    spectrum = np.fft.fft(rows)
    kept = min(num, count)
    half = kept // 2
    above, below = spectrum[..., : half + 1], spectrum[..., count - (kept - half - 1) :]
    if kept % 2 == 0 and num != count:
        # The highest frequency and its negative one, which a longer signal tells apart and a shorter one does not.
        highest = spectrum[..., half : half + 1]
        highest = highest + spectrum[..., count - half : count - half + 1] if num < count else 0.5 * highest
        above = np.concatenate([above[..., :-1], highest], axis=-1)
        below = below if num < count else np.concatenate([highest, below], axis=-1)
    between = np.zeros((*shape_of(rows)[:-1], num - shape_of(above)[-1] - shape_of(below)[-1]), rows.dtype)
    return np.fft.ifft(np.concatenate([above, between, below], axis=-1)) * (num / count)


# Convolutions in the plane, and by blocks.


@hook("scipy.signal", "oaconvolve")
def _oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    return signal.fftconvolve(in1, in2, mode, axes)


def _in_the_plane(name: str, in1: Any, in2: Any, mode: str, boundary: str, fillvalue: Any) -> Any:
    x, y = in_one_dtype(in1, in2)
    if len(shape_of(x)) != 2 or len(shape_of(y)) != 2:
        raise ValueError(f"{name} inputs must both be 2-D arrays")
    if boundary in ("fill", "pad") and fillvalue == 0:
        return signal.convolve(x, y, mode, "fft")
    modes = {"wrap": "wrap", "circular": "wrap", "symm": "symmetric", "symmetric": "symmetric", "fill": "constant"}
    if boundary not in modes or mode == "valid":
        raise TraceError(f"scipy.signal.{name}: boundary={boundary!r} with mode={mode!r} is not followed.{user_line()}")
    m, n = shape_of(y)
    options = {"constant_values": fillvalue} if boundary == "fill" else {}
    wide = np.pad(x, ((m - 1, m - 1), (n - 1, n - 1)), modes[boundary], **options)  # type: ignore[call-overload]
    full = signal.convolve(wide, y, "valid", "fft")
    if mode == "full":
        return full
    starts = (m - 1) // 2, (n - 1) // 2
    return full[tuple(slice(s, s + length) for s, length in zip(starts, shape_of(x), strict=True))]


@hook("scipy.signal", "convolve2d")
def _convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    return _in_the_plane("convolve2d", in1, in2, mode, boundary, fillvalue)


@hook("scipy.signal", "correlate2d")
def _correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    if mode == "same" or boundary != "fill":
        raise TraceError(
            f"scipy.signal.correlate2d: modes 'full' and 'valid' are followed, with boundary='fill'; use "
            f"convolve2d of the kernel turned round.{user_line()}"
        )
    x, y = in_one_dtype(in1, in2)
    turned = np.flip(np.conjugate(y) if y.dtype.kind == "c" else y)
    return _in_the_plane("correlate2d", x, turned, mode, boundary, fillvalue)
