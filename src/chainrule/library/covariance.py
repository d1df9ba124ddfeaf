"""Covariance and correlation of variables."""

import math
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert
from chainrule.trace.dispatch import composition

__all__: list[str] = []


def _variables(m: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """The variables as rows."""
    given = [with_dtype(x) for x in (m, y) if x is not None]
    if any(len(shape_of(x)) > 2 for x in given):
        raise ValueError(
            "m has more than 2 dimensions" if len(shape_of(given[0])) > 2 else "y has more than 2 dimensions"
        )
    wide = np.result_type(*(x.dtype for x in given), np.float64) if dtype is None else np.dtype(dtype)
    rows = [np.atleast_2d(convert(x, wide)) for x in given]
    if not rowvar:
        rows = [x.T if len(shape_of(x_given)) == 2 else x for x, x_given in zip(rows, given, strict=True)]
    return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=0)


@composition(np.cov, "np.cov")
def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    X = _variables(m, y, rowvar, dtype)
    free = (0 if bias else 1) if ddof is None else ddof
    weights = None if fweights is None else with_dtype(fweights)
    if aweights is not None:
        weights = with_dtype(aweights) if weights is None else weights * aweights
    if weights is None:
        count = shape_of(X)[1]
        centred = X - np.mean(X, axis=1, keepdims=True)
        right = centred
        whole: Any = float(max(count - free, 0))
    else:
        total = np.sum(weights)
        centred = X - np.sum(X * weights, axis=1, keepdims=True) / total
        right = centred * weights
        if free == 0:
            whole = total
        elif aweights is None:
            whole = total - free
        else:
            whole = total - free * np.sum(weights * aweights) / total
    square = centred @ (np.conjugate(right) if X.dtype.kind == "c" else right).T
    # NumPy multiplies by the inverse, and says that of one variable alone there is no matrix.
    with np.errstate(all="ignore"):
        return np.squeeze(square * (1.0 / whole if not isinstance(whole, float) or whole else math.inf))


@composition(np.corrcoef, "np.corrcoef")
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = _cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    c = c / spread[:, None] / spread[None, :]
    # Rounding may lead just outside of the range.
    if c.dtype.kind != "c":
        return np.clip(c, -1, 1)
    return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
