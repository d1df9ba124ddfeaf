"""NumPy dtypes as LLVM types, in memory and in registers."""

from functools import cache
from typing import Any

import llvmlite.ir as ir
import numpy as np

__all__ = ["INT", "POINTER", "in_memory", "is_float", "lanes_of", "register", "scalar_of"]

INT = ir.IntType(64)
POINTER = ir.PointerType()

_BIT, _BYTE = ir.IntType(1), ir.IntType(8)


@cache
def in_memory(dtype: np.dtype[Any]) -> ir.Type:
    """Type of one entry of an array: a bool takes a byte.

    Parameters
    ----------
    dtype : numpy.dtype
        A float of 32 or 64 bits, an integer or a bool.

    Returns
    -------
    llvmlite.ir.Type
        Its type in memory.

    Raises
    ------
    KeyError
        For a dtype without a native form, such as a complex one.
    """
    kind, size = dtype.kind, dtype.itemsize
    if kind == "f" and size in (4, 8):
        return ir.FloatType() if size == 4 else ir.DoubleType()
    if kind in "iu":
        return ir.IntType(8 * size)
    if kind == "b":
        return _BYTE
    raise KeyError(dtype)


@cache
def register(dtype: np.dtype[Any], lanes: int = 1) -> ir.Type:
    """Type of a value that is computed with: a bool is a bit; `lanes` entries side by side are a vector."""
    scalar = _BIT if dtype.kind == "b" else in_memory(dtype)
    return scalar if lanes == 1 else ir.VectorType(scalar, lanes)


def scalar_of(kind: ir.Type) -> ir.Type:
    """Type of one lane."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def lanes_of(kind: ir.Type) -> int:
    """Number of lanes: 1 for what is no vector."""
    return int(kind.count) if isinstance(kind, ir.VectorType) else 1


def is_float(kind: ir.Type) -> bool:
    """True for float and double, and vectors of them."""
    return isinstance(scalar_of(kind), (ir.FloatType, ir.DoubleType))
