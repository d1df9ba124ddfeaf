"""Products of matrices and tensors."""

import functools
import math
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, multilinear, of_arrays

__all__ = ["PRODUCTS", "convolve", "einsum", "matmul"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]

_NDARRAY = np.ndarray


def _infer_matmul(x: Any, y: Any) -> Aval:
    a, b = shape_of(x), shape_of(y)
    if a[-1] != b[-2 if len(b) > 1 else -1]:
        raise ValueError(f"np.matmul: shapes {a} and {b} do not fit, {a[-1]} is not {b[-2 if len(b) > 1 else -1]}")
    rows = a[-2:-1]
    columns = b[-1:] if len(b) > 1 else ()
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *rows, *columns), np.result_type(x.dtype, y.dtype)


def _matmul_transpose(i: int, g: Any, ans: Any, x: Any, y: Any) -> Any:
    # With c = x y: dl/dx = g y^T, dl/dy = x^T g. A vector is a matrix of one row (left) or one column (right).
    x_ndim, y_ndim = len(x.shape), len(y.shape)
    if x_ndim == 1 and y_ndim == 1:
        return g * (y if i == 0 else x)
    if y_ndim == 1:
        if i == 0:
            return g[..., None] * y
        return _times(g, x) if x_ndim == 2 else np.reshape(g, (math.prod(x.shape[:-1]),)) @ _rows(x)
    if x_ndim == 1:
        return (y @ g[..., None])[..., 0] if i == 0 else x[:, None] * g[..., None, :]
    if x_ndim == 2 and y_ndim == 2:
        return _times(g, y.T) if i == 0 else _times(x.T, g)
    if i == 0:
        return g @ y.mT
    if y_ndim == 2 and x_ndim > 2:
        # One product over all leading axes instead of one for each, summed afterwards.
        return _rows(x).T @ _rows(g)
    return x.mT @ g


def _times(x: Any, y: Any) -> Any:
    """Product of a vector or matrix with a matrix; an array's own method takes half the time of the ufunc."""
    return x.dot(y) if type(x) is _NDARRAY and type(y) is _NDARRAY else x @ y


def _rows(x: Any) -> Any:
    return np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


_numpys_einsum = of_arrays(np.einsum)


def _einsum(*operands: Any, subscripts: str) -> Any:
    if len(operands) < 3:
        return _numpys_einsum(subscripts, *operands)
    # The order of the products decides the cost, so NumPy is asked to choose it. It multiplies in pairs then, which
    # must not round to the smaller dtype of two on the way.
    common = np.result_type(*(x.dtype for x in operands))
    return np.einsum(subscripts, *(x.astype(common, copy=False) for x in operands), optimize=True)


def _infer_einsum(*operands: Any, subscripts: str) -> Aval:
    terms, result = split_subscripts(subscripts)
    lengths: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for letter, length in zip(term, operand.shape, strict=True):
            known = lengths.get(letter, 1)
            if known != length and 1 not in (known, length):
                raise ValueError(f"np.einsum: {subscripts!r} gives the axis {letter} the lengths {known} and {length}")
            lengths[letter] = length if known == 1 else known
    return tuple(lengths[letter] for letter in result), np.result_type(*(operand.dtype for operand in operands))


def split_subscripts(subscripts: str) -> tuple[list[str], str]:
    """Take ``'ij,jk->ik'`` apart into the terms of the operands and that of the result."""
    left, result = subscripts.split("->")
    return left.split(","), result


@functools.lru_cache(maxsize=1024)
def _transposed_subscripts(i: int, subscripts: str) -> tuple[str, tuple[bool, ...]]:
    """The subscripts of the derivative by an operand, and of which of its axes they have the letters."""
    terms, result = split_subscripts(subscripts)
    others = terms[:i] + terms[i + 1 :]
    known = set(result).union(*others)
    present = "".join(letter for letter in terms[i] if letter in known)
    return f"{','.join([result, *others])}->{present}", tuple(letter in known for letter in terms[i])


def _einsum_transpose(i: int, g: Any, ans: Any, *operands: Any, subscripts: str) -> Any:
    # The derivative by one operand is the product of g and the others, with that operand's subscripts as the result.
    turned, has_letter = _transposed_subscripts(i, subscripts)
    part = einsum(g, *operands[:i], *operands[i + 1 :], subscripts=turned)
    shape = operands[i].shape
    if shape_of(part) == shape:
        return part
    # Along an axis that only this operand has, or that has length 1 in all others, the derivative is the same
    # everywhere.
    lengths = iter(shape_of(part))
    spread = tuple(next(lengths) if known else 1 for known in has_letter)
    full = tuple(length if here == 1 else here for here, length in zip(spread, shape, strict=True))
    return np.broadcast_to(np.reshape(part, spread), full)


def _infer_convolve(x: Any, y: Any) -> Aval:
    return (x.shape[0] + y.shape[0] - 1,), np.result_type(x.dtype, y.dtype)


def _convolve_transpose(i: int, g: Any, ans: Any, x: Any, y: Any) -> Any:
    # ans_k = sum x_j y_{k-j}, so that dl/dx_j = sum g_{j+k} y_k: where g and the other vector, turned round, overlap
    # in full.
    other = y if i == 0 else x
    length = other.shape[0]
    return convolve(g, other[::-1])[length - 1 : length - 1 + (x if i == 0 else y).shape[0]]


matmul = multilinear("np.matmul", np.matmul, _infer_matmul, _matmul_transpose, keeps=(1, 2))
#: Explicit subscripts only, each at most once in a term and without an ellipsis: other forms are rewritten to this one.
einsum = multilinear("np.einsum", _einsum, _infer_einsum, _einsum_transpose, keeps=(-1,))

#: All places at which two vectors overlap: ``np.convolve(x, y, "full")``.
convolve = multilinear("np.convolve", np.convolve, _infer_convolve, _convolve_transpose, keeps=(1, 2))

PRODUCTS: tuple[Op, ...] = (matmul, einsum, convolve)
