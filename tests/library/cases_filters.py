"""scipy.signal: filters, trends, resampling and spectra."""

import numpy as np
from scipy import signal
from tests.ops.case import POSITIVE, REALS, Case, between, fixed, in_double

SMALL = between(-0.4, 0.4)
SOS = signal.butter(3, 0.4, output="sos")
B, A = signal.butter(2, 0.3)
WAVE = fixed((REALS, (2, 16)))


def of(name, *args, draws=WAVE, label="", **options):
    call = in_double(lambda x: getattr(signal, name)(x, *args, **options))
    return Case(
        f"scipy.signal.{name}",
        call,
        draws,
        complex=name in ("detrend", "resample") or "return_onesided" in options,
        label=label,
    )


def with_one(a):
    return np.concatenate([np.array([1.25]), a])


CASES = (
    Case(
        "scipy.signal.lfilter",
        in_double(lambda b, a, x: signal.lfilter(b, with_one(a), x)),
        fixed((REALS, (2,)), (SMALL, (2,)), (REALS, (2, 6))),
        complex=True,
    ),
    Case(
        "scipy.signal.lfilter",
        in_double(lambda b, x: signal.lfilter(b, 1.0, x, axis=0)),
        fixed((REALS, (3,)), (REALS, (5, 2))),
        label="without recursion",
    ),
    Case(
        "scipy.signal.lfilter",
        in_double(lambda x, z: signal.lfilter(B, A, x, zi=z)),
        fixed((REALS, (5,)), (REALS, (2,))),
        label="from a state",
    ),
    Case(
        "scipy.signal.lfilter_zi",
        in_double(lambda b, a: signal.lfilter_zi(b, with_one(a))),
        fixed((REALS, (3,)), (SMALL, (2,))),
        complex=True,
    ),
    Case(
        "scipy.signal.sosfilt",
        in_double(lambda s, x: signal.sosfilt(SOS + 0.01 * s * (SOS != 1), x)),
        fixed((REALS, (2, 6)), (REALS, (8,))),
        complex=True,
    ),
    Case(
        "scipy.signal.filtfilt",
        in_double(lambda b, x: signal.filtfilt(B + 0.01 * b, A, x)),
        fixed((REALS, (3,)), (REALS, (12,))),
        complex=True,
    ),
    Case("scipy.signal.sosfiltfilt", in_double(lambda x: signal.sosfiltfilt(SOS, x)), WAVE, complex=True),
    of("detrend"),
    of("detrend", type="constant", axis=0, label="of a constant"),
    of("detrend", bp=[5, 9], label="in pieces"),
    of("savgol_filter", 5, 2),
    of("savgol_filter", 5, 3, deriv=1, delta=0.5, mode="nearest", axis=1, label="of a slope"),
    of("hilbert", N=12, label="of fewer"),
    of("resample", 9, axis=1),
    of("resample", 24, axis=1, label="of more"),
    of("resample", 10, axis=1, label="to an even number"),
    of("resample", 16, axis=1, label="to as many"),
    of("periodogram"),
    of("periodogram", return_onesided=False, label="of all frequencies"),
    of("welch", nperseg=6, return_onesided=False, label="of all frequencies"),
    *(
        Case(
            "scipy.signal.csd",
            in_double(lambda x, y, options=options: signal.csd(x, y, nperseg=6, **options)),
            fixed((REALS, (2, 16)), (REALS, (16,))),
            complex=not options.get("return_onesided", True),
            label=label,
        )
        for label, options in (("", {}), ("of all frequencies", {"return_onesided": False}))
    ),
    Case("scipy.signal.csd", in_double(lambda x: signal.csd(x, x, nperseg=5)), WAVE, label="of one signal"),
    of("welch", nperseg=8, fs=2.0),
    of("welch", nperseg=6, window="hamming", scaling="spectrum", detrend="linear", label="as a spectrum"),
    Case(
        "scipy.signal.freqz",
        in_double(lambda b, a: signal.freqz(b, with_one(a), 6)),
        fixed((REALS, (3,)), (SMALL, (2,))),
        complex=True,
    ),
    Case("scipy.signal.oaconvolve", in_double(signal.oaconvolve), fixed((REALS, (6,)), (REALS, (3,))), complex=True),
    Case(
        "scipy.signal.convolve2d",
        in_double(lambda x, y: signal.convolve2d(x, y, "same", "symm")),
        fixed((REALS, (4, 5)), (REALS, (3, 2))),
        complex=True,
    ),
    Case(
        "scipy.signal.convolve2d",
        in_double(lambda x, y: signal.convolve2d(x, y, "full", "wrap")),
        fixed((REALS, (3, 4)), (REALS, (2, 2))),
        label="wrapped",
    ),
    Case(
        "scipy.signal.convolve2d",
        in_double(signal.convolve2d),
        fixed((REALS, (3, 4)), (REALS, (2, 2))),
        label="with zeros",
    ),
    Case(
        "scipy.signal.correlate2d",
        in_double(lambda x, y: signal.correlate2d(x, y, "valid")),
        fixed((POSITIVE, (3, 4)), (REALS, (2, 2))),
        complex=True,
    ),
)
