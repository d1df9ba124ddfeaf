"""Products: dot and its kin, tensordot, and every form of einsum's subscripts."""

import functools
import math
from typing import Any

import numpy as np

from chainrule.library.shapes import entries_of_diagonal
from chainrule.ops import products, reductions, shapes
from chainrule.ops.axes import as_operand, length_of, normalize_axes, shape_of, with_dtype
from chainrule.ops.shapes import convert, strong
from chainrule.trace.dispatch import composition

__all__: list[str] = []

#: In einsum's order; to import `string` for them takes as long as all of this file.
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@composition(np.dot, "np.dot")
def _dot(a: Any, b: Any) -> Any:
    a, b = as_operand(a), as_operand(b)
    p, q = shape_of(a), shape_of(b)
    if not p or not q:
        return strong(a) * strong(b)
    if len(p) <= 2 and len(q) <= 2:
        return products.matmul(a, b)
    return _tensordot(a, b, ((-1,), (-1 if len(q) == 1 else -2,)))


@composition(np.inner, "np.inner")
def _inner(a: Any, b: Any, /) -> Any:
    a, b = as_operand(a), as_operand(b)
    if not shape_of(a) or not shape_of(b):
        return strong(a) * strong(b)
    return _tensordot(a, b, ((-1,), (-1,)))


@composition(np.outer, "np.outer")
def _outer(a: Any, b: Any) -> Any:
    a, b = with_dtype(a), with_dtype(b)
    # The row needs no axis in front: broadcasting puts it there.
    column = shapes.reshape(a, shape=(math.prod(shape_of(a)), 1))
    return column * (b if len(shape_of(b)) == 1 else np.reshape(b, (-1,)))


@composition(np.vdot, "np.vdot")
def _vdot(a: Any, b: Any, /) -> Any:
    a, b = np.reshape(a, -1), np.reshape(b, -1)
    return products.matmul(np.conjugate(a) if a.dtype.kind == "c" else a, b)


@composition(np.tensordot, "np.tensordot")
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = as_operand(a), as_operand(b)
    p, q = shape_of(a), shape_of(b)
    if isinstance(axes, (int, np.integer)):
        left: tuple[int, ...] = tuple(range(len(p) - int(axes), len(p)))
        right: tuple[int, ...] = tuple(range(int(axes)))
    else:
        left, right = normalize_axes(axes[0], len(p)), normalize_axes(axes[1], len(q))
    if [p[k] for k in left] != [q[k] for k in right]:
        raise ValueError("shape-mismatch for sum")
    # The axes summed over become the columns of one matrix and the rows of the other.
    rows = tuple(k for k in range(len(p)) if k not in left)
    columns = tuple(k for k in range(len(q)) if k not in right)
    length = length_of(p, left)
    x = _arranged(a, rows + left, (length_of(p, rows), length))
    y = _arranged(b, right + columns, (length, length_of(q, columns)))
    result = tuple([p[k] for k in rows] + [q[k] for k in columns])
    return _arranged(products.matmul(x, y), (0, 1), result)


def _arranged(x: Any, order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The axes in an order, and then the entries in a shape; neither where it is so already."""
    if order != tuple(range(len(order))):
        x = shapes.transpose(x, axes=order)
    return x if shape_of(x) == shape else shapes.reshape(x, shape=shape)


@composition(np.trace, "np.trace")
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    entries = entries_of_diagonal(a, offset, axis1, axis2)
    if dtype is not None:
        entries = convert(entries, np.dtype(dtype))
    return reductions.sum(entries, axis=None if len(shape_of(entries)) == 1 else -1)


@composition(np.einsum, "np.einsum")
def _einsum(*operands: Any, optimize: Any = False) -> Any:
    """Rewrite any form that NumPy takes to explicit subscripts, no ellipsis, each at most once in a term."""
    subscripts, given = _as_string(operands)
    arrays = [as_operand(a) for a in given]
    terms, result, written = _explicit(subscripts, tuple([len(shape_of(a)) for a in arrays]))
    if written is not None:
        return products.einsum(*arrays, subscripts=written)
    pairs = [_without_repeats(term, array) for term, array in zip(terms, arrays, strict=True)]
    return products.einsum(
        *(array for _, array in pairs), subscripts=f"{','.join(term for term, _ in pairs)}->{result}"
    )


def _as_string(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    if isinstance(operands[0], str):
        return operands[0], list(operands[1:])
    # The other form: einsum(a, [0, 1], b, [1, 2], [0, 2]).
    arrays = list(operands[0:-1:2]) if len(operands) % 2 else list(operands[0::2])
    lists = list(operands[1::2])
    text = ",".join(_letters(labels) for labels in lists)
    return (f"{text}->{_letters(operands[-1])}" if len(operands) % 2 else text), arrays


def _letters(labels: Any) -> str:
    return "".join("..." if label is Ellipsis else _LETTERS[label] for label in labels)


@functools.lru_cache(maxsize=1024)
def _explicit(subscripts: str, ndims: tuple[int, ...]) -> tuple[list[str], str, str | None]:
    """Terms and result of explicit subscripts, and all of them in one where no letter is repeated within a term."""
    terms, result = _terms(subscripts.replace(" ", ""), ndims)
    has_repeats = any(len(set(term)) < len(term) for term in terms)
    return terms, result, None if has_repeats else f"{','.join(terms)}->{result}"


def _terms(subscripts: str, ndims: tuple[int, ...]) -> tuple[list[str], str]:
    left, arrow, result = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum has {len(terms)} terms for {len(ndims)} operands: {subscripts!r}")
    free = [letter for letter in _LETTERS if letter not in subscripts]
    # An ellipsis stands for as many axes as are left over; they are aligned from the right, as in broadcasting.
    left_over = [ndim - len(term.replace("...", "")) for term, ndim in zip(terms, ndims, strict=True)]
    names = "".join(free[: max(left_over, default=0)])
    terms = [
        term.replace("...", names[len(names) - count :] if count > 0 else "")
        for term, count in zip(terms, left_over, strict=True)
    ]
    for term, ndim in zip(terms, ndims, strict=True):
        if len(term) != ndim:
            raise ValueError(f"einsum subscripts {subscripts!r} do not fit an operand of {ndim} axes")
    if arrow:
        return terms, result.replace("...", names)
    counts = "".join(terms)
    once = sorted(letter for letter in set(counts) - set(names) if counts.count(letter) == 1)
    return terms, names + "".join(once)


def _without_repeats(term: str, array: Any) -> tuple[str, Any]:
    for letter in term:
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            array = np.diagonal(array, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    return term, array
