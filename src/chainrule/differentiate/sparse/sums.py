"""Patterns of the operations that run over axes: reductions, running sums, products, transforms, linear algebra."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.differentiate.sparse.patterns import Pattern, gathered, grouped, scattered, union
from chainrule.graph import Node
from chainrule.ops import decompositions, fourier, linalg, matrix_functions, products, reductions
from chainrule.ops.axes import normalize_axes, reduced_shape, shape_of

__all__ = ["SUMS"]

Parts = Sequence[Pattern | None]
Shape = tuple[int, ...]


def _numbers(shape: Shape) -> np.ndarray[Any, Any]:
    return np.arange(int(np.prod(shape, dtype=int))).reshape(shape)


def _along(p: Pattern, shape: Shape, axes: Iterable[int]) -> tuple[Pattern, Shape]:
    """The pattern of sums over axes, which stay as axes of length 1."""
    axes = tuple(axes)
    if not axes:
        return p, shape
    short = reduced_shape(shape, axes, keepdims=True)
    groups = _numbers(short)
    return grouped(p, np.broadcast_to(groups, shape), groups.size), short


def _spread(p: Pattern, shape: Shape, to: Shape) -> Pattern:
    return gathered(p, np.broadcast_to(_numbers(shape), to))


def _reduction(node: Node, parts: Parts) -> Pattern:
    (p,) = parts
    assert p is not None, "an operation of one input has a pattern for it"
    shape = shape_of(node.inputs[0])
    return _along(p, shape, normalize_axes(node.params.get("axis"), len(shape)))[0]


def _transform(node: Node, parts: Parts) -> Pattern:
    """Of a Fourier transform every entry depends on the whole axis."""
    (p,) = parts
    assert p is not None, "an operation of one input has a pattern for it"
    shape = shape_of(node.inputs[0])
    return _spread(*_along(p, shape, normalize_axes(node.params["axis"], len(shape))), node.shape)


def _running(node: Node, parts: Parts) -> Pattern:
    """Each entry depends on those before it, too: of 1, 2, 4 and so on of them in turn."""
    (p,) = parts
    assert p is not None, "an operation of one input has a pattern for it"
    numbers = np.moveaxis(_numbers(node.shape), node.params["axis"], -1)
    length, shift = numbers.shape[-1], 1
    while shift < length:
        before = np.full_like(numbers, -1)
        before[..., shift:] = numbers[..., :-shift]
        places = np.empty(numbers.size, int)
        places[numbers.ravel()] = before.ravel()
        p = union([p, gathered(p, places)])
        shift *= 2
    return p


def _einsum(node: Node, parts: Parts) -> Pattern:
    terms, result = products.split_subscripts(node.params["subscripts"])
    return _product(node, parts, terms, result)


def _matmul(node: Node, parts: Parts) -> Pattern:
    x, y = (len(shape_of(z)) for z in node.inputs)
    stack = max(x, y, 2) - 2
    letters = "abcdefghijklmnopqrstuvw"[:stack]
    left = letters[stack - max(x - 2, 0) :] + ("xz" if x > 1 else "z")
    right = letters[stack - max(y - 2, 0) :] + ("zy" if y > 1 else "z")
    result = letters + ("x" if x > 1 else "") + ("y" if y > 1 else "")
    return _product(node, parts, [left, right], result)


def _product(node: Node, parts: Parts, terms: Sequence[str], result: str) -> Pattern:
    """Of a product an entry depends on the entries of each factor that agree with it in the axes they share."""
    mine = []
    for x, term, p in zip(node.inputs, terms, parts, strict=True):
        if p is None:
            continue
        p, shape = _along(p, shape_of(x), (k for k, letter in enumerate(term) if letter not in result))
        order = sorted((k for k, letter in enumerate(term) if letter in result), key=lambda k: result.index(term[k]))
        numbers = _numbers(shape).transpose((*order, *(k for k in range(len(term)) if k not in order)))
        lengths = dict(zip((term[k] for k in order), numbers.shape, strict=False))
        mine.append(gathered(p, np.broadcast_to(numbers.reshape([lengths.get(c, 1) for c in result]), node.shape)))
    return union(mine)


def _convolve(node: Node, parts: Parts) -> Pattern:
    mine = []
    for p, other in zip(parts, reversed(node.inputs), strict=True):
        if p is not None:
            sources, shifts = np.indices((p.shape[0], shape_of(other)[0]))
            mine.append(scattered(p, sources, sources + shifts, node.size))
    return union(mine)


def _by_matrix(*by_column: int) -> Callable[[Node, Parts], Any]:
    """The rule of linear algebra: every entry of a result depends on the whole matrix, of the same stack.

    Parameters
    ----------
    *by_column : int
        Inputs of which a column of the result depends on the same column alone.
    """

    def rule(node: Node, parts: Parts) -> Any:
        several = isinstance(node.dtype, tuple)
        stack = max(len(shape_of(x)) for x in node.inputs) - 2
        results: Any = node.shape if several else (node.shape,)
        found = []
        for result in results:
            mine = []
            for i, (x, p) in enumerate(zip(node.inputs, parts, strict=True)):
                if p is None:
                    continue
                ndim = len(shape_of(x))
                p, shape = _along(p, shape_of(x), (ndim - 2,) if i in by_column else (ndim - 2, ndim - 1))
                last = shape[-1:] if i in by_column else (1,) * (len(result) - stack)
                kept = shape[:-2] + ((1,) * (len(result) - stack - 1) + last if i in by_column else last)
                mine.append(_spread(p, kept, result))
            found.append(union(mine))
        return found if several else found[0]

    return rule


_REDUCTIONS = (reductions.sum, reductions.prod, reductions.amax, reductions.amin)
_ON_MATRICES = (
    *(op for op in linalg.LINALG if op is not linalg.solve),
    *decompositions.DECOMPOSITIONS,
    *(op for op in matrix_functions.matrix_function.values()),
)

#: The rules by name of the operation.
SUMS: dict[str, Callable[[Node, Parts], Any]] = {
    **{op.name: _reduction for op in _REDUCTIONS},
    **{op.name: _running for op in (reductions.cumsum, reductions.cumprod)},
    **{op.name: _transform for op in fourier.FOURIER},
    products.matmul.name: _matmul,
    products.einsum.name: _einsum,
    products.convolve.name: _convolve,
    **{op.name: _by_matrix() for op in _ON_MATRICES},
    **{op.name: _by_matrix(1) for op in (linalg.solve, linalg.solve_triangular)},
}
