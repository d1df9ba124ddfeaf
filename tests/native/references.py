"""What functions are, in a dtype wider than the one that is tested."""

import numpy as np


def expit(x):
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1) / (1 + z)


def log_expit(x):
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def logit(x):
    return np.where(np.abs(x - 0.5) < 0.25, np.log1p((2 * x - 1) / (1 - x)), np.log(x / (1 - x)))


def cosm1(x):
    return -2 * np.sin(x / 2) ** 2


def gaussian(x, half=False):
    """e^(-x^2), or its square root, with x^2 in two parts."""
    scale = x.dtype.type(-0.5 if half else -1)
    x = np.clip(x, -1000, 1000)
    head = x.astype(np.float32).astype(x.dtype)
    return np.exp(scale * head * head) * np.exp(scale * (x - head) * (x + head))


def scaled_tail(a):
    """e^(a^2) erfc(a), a >= 0, by the series of erf up to 2 and the continued fraction beyond (DLMF 7.6.2, 7.9.2)."""
    one = a.dtype.type(1)
    root = np.sqrt(np.arctan(one) * 4)
    near, far = np.minimum(a, 2), np.maximum(a, 2)
    term = total = near
    for k in range(1, 90):
        term = term * near * near * 2 / (2 * k + 1)
        total = total + term
    # e^(x^2) (1 - erf x) with erf x = 2 / sqrt(pi) e^(-x^2) total
    series = np.exp(near * near) - 2 / root * total
    fraction = far
    for k in range(300, 0, -1):
        fraction = far + k * one / 2 / fraction
    return np.where(a < 2, series, 1 / (fraction * root))


def erfc(x):
    y = gaussian(x) * scaled_tail(np.abs(x))
    return np.where(x < 0, 2 - y, y)


def erf(x):
    a = np.minimum(np.abs(x), 10)
    small = np.minimum(a, 1)
    term = total = small
    for k in range(1, 40):
        term = term * small * small * 2 / (2 * k + 1)
        total = total + term
    root = np.sqrt(np.arctan(x.dtype.type(1)) * 4)
    y = np.where(a < 1, 2 / root * np.exp(-small * small) * total, 1 - gaussian(a) * scaled_tail(a))
    return np.copysign(y, x)


def erfcx(x):
    y = scaled_tail(np.abs(x))
    return np.where(x < 0, 2 / gaussian(x) - y, y)


def ndtr(x):
    y = gaussian(x, half=True) * scaled_tail(np.abs(x) / np.sqrt(x.dtype.type(2))) / 2
    return np.where(x < 0, y, 1 - y)


def log_ndtr(x):
    g = scaled_tail(np.abs(x) / np.sqrt(x.dtype.type(2))) / 2
    return np.where(x > 0, np.log1p(-gaussian(x, half=True) * g), np.log(g) - x * x / 2)


def xlogy(x, y):
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y))


def xlog1py(x, y):
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(y))
