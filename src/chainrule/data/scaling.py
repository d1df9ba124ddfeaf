"""Means and scales of columns, in float64 whatever the input, NaN left out."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "PIXELS_AT_LEAST", "alike", "mean_and_scale"]

LARGEST = 1e300
"""The largest size of a value that can be standardised; the difference of two such values is still finite."""

PIXELS_AT_LEAST = 16
"""Fewer columns are never taken for pixels."""

_CHUNK = 1 << 20


def mean_and_scale(values: NDArray[Any], *, shared: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the mean and the standard deviation of each column, or of all values together.

    Parameters
    ----------
    values : array of shape (rows, columns), floating
        No infinities, nothing larger than `LARGEST`. NaN does not count.
    shared : bool
        One mean and one scale for all columns.

    Returns
    -------
    means, scales : arrays of shape (columns,), or (1,) where shared, float64
        The scale is 1 where all values are equal, or differ only by rounding: less than ten units in the
        last place. A column without values has mean 0.

    Examples
    --------
    >>> import numpy as np
    >>> mean_and_scale(np.array([[1.0, 5.0], [3.0, 5.0]]))
    (array([2., 5.]), array([1., 1.]))
    """
    low, high = _extremes(values)
    if shared:
        low, high = np.fmin.reduce(low, keepdims=True), np.fmax.reduce(high, keepdims=True)
    # Divided by the largest value of its column, no value overflows or vanishes when it is squared.
    unit = np.fmax(np.abs(low), np.abs(high))
    unit = np.where(unit > 0, unit, 1.0)
    count, total, square = np.zeros(low.shape), np.zeros(low.shape), np.zeros(low.shape)
    for chunk in _chunks(values, unit, shared):
        count += np.sum(~np.isnan(chunk), axis=0)
        total += np.nansum(chunk, axis=0)
    count = np.maximum(count, 1)
    mean = total / count
    for chunk in _chunks(values, unit, shared):
        square += np.nansum((chunk - mean) ** 2, axis=0)
    deviation = np.sqrt(square / count)
    constant = (low == high) | (deviation <= 10 * np.finfo(np.float64).eps) | (deviation * unit == 0)
    means = np.where(low == high, low, mean * unit)
    return means, np.where(constant, 1.0, deviation * unit)


def alike(values: NDArray[Any]) -> bool:
    """Tell whether columns look like the pixels of images, so that one scale should serve them all.

    They do if there are at least `PIXELS_AT_LEAST`, and at least three quarters of those that vary span
    half of the range of all together, and the others are nearly constant: at least three quarters of their
    values are their lowest or highest, as for pixels at the border. Scaled each by its own deviation, the
    nearly constant ones would reach very large values.

    Parameters
    ----------
    values : array of shape (rows, columns), floating
        NaN does not count.
    """
    if values.shape[1] < PIXELS_AT_LEAST:
        return False
    low, high = _extremes(values)
    # Halves, because the difference of two large numbers may be infinite.
    spans = high / 2 - low / 2
    varies = spans > 0
    small = varies & (spans < (np.fmax.reduce(high) / 2 - np.fmin.reduce(low) / 2) / 2)
    if not varies.any() or 4 * np.sum(small) > np.sum(varies):
        return False
    at_low, at_high = (np.mean(values[:, small] == end[small], axis=0) for end in (low, high))
    return bool(np.all(np.maximum(at_low, at_high) >= 0.75))


def _extremes(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    return low.astype(np.float64), high.astype(np.float64)


def _chunks(values: NDArray[Any], unit: NDArray[np.float64], shared: bool) -> Iterator[NDArray[np.float64]]:
    rows = max(1, _CHUNK // max(1, values.shape[1]))
    for begin in range(0, len(values), rows):
        chunk = values[begin : begin + rows] / unit
        yield chunk.reshape(-1, 1) if shared else chunk
