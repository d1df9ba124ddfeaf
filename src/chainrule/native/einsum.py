"""np.einsum of two factors as a matrix product, or as a stack of them."""

import math
from collections.abc import Sequence
from typing import Any

from chainrule.graph import Node
from chainrule.ops.products import matmul, split_subscripts
from chainrule.ops.shapes import reshape, transpose

__all__ = ["as_product"]


def as_product(node: Node) -> Node:
    """Write a sum of products as np.matmul.

    ``bij,bjk->bik`` is one in any order of axes. In its place may stand several axes where they follow each other in
    both factors and in the result, and none: views of a transpose or of another shape cost nothing.

    Parameters
    ----------
    node : Node
        A node of np.einsum, with each letter at most once in a term.

    Returns
    -------
    Node
        The same one where it is no product: with other than two factors, with a letter of only one factor that is
        summed over, without a sum over a letter of both, or where axes of length 1 are broadcast.
    """
    terms, result = split_subscripts(node.params["subscripts"])
    if len(terms) != 2 or not all(isinstance(x, Node) and x.dtype == node.dtype for x in node.inputs):
        return node
    x, y = node.inputs
    first, second = terms
    lengths = {**dict(zip(first, x.shape, strict=True)), **dict(zip(second, y.shape, strict=True))}
    both = [letter for letter in result if letter in first and letter in second]
    inner = [letter for letter in first if letter in second and letter not in result]
    left = [letter for letter in result if letter in first and letter not in second]
    right = [letter for letter in result if letter in second and letter not in first]
    if not inner or any(lengths[letter] != length for letter, length in zip(first, x.shape, strict=True)):
        return node
    if len(both + left + inner) != len(first) or len(both + inner + right) != len(second):
        return node
    for apart in ([], left[:-1], right[:-1], left[:-1] + right[:-1]):
        # Letters of one factor may be axes of the stack, along which the other one is the same.
        stack = [letter for letter in result if letter in both or letter in apart]
        sides = [[letter for letter in side if letter not in apart] for side in (left, right)]
        found = _product(node, stack, sides, inner, lengths)
        if found is not None:
            return found
    return node


def _product(
    node: Node, stack: list[str], sides: list[list[str]], inner: list[str], lengths: dict[str, Any]
) -> Node | None:
    """The product, with axes in the order of the result."""
    (first, second), result = split_subscripts(node.params["subscripts"])
    # Without a stack a missing axis makes a vector of a factor; in a stack it needs a length.
    left, right = ([side] if stack or side else [] for side in sides)
    a = _arranged(node.inputs[0], first, [*_axes(stack, first), *left, inner], lengths)
    b = _arranged(node.inputs[1], second, [*_axes(stack, second), inner, *right], lengths)
    if a is None or b is None:
        return None
    shape = (*(lengths[letter] for letter in stack), *(_length(side, lengths) for side in (*left, *right)))
    product = Node(matmul, (a, b), {}, shape, node.dtype, False, node.group)
    letters = [*stack, *sides[0], *sides[1]]
    return _with_axes(_reshaped(product, tuple(lengths[letter] for letter in letters)), letters, list(result))


def _axes(stack: list[str], term: str) -> list[list[str]]:
    return [[letter] if letter in term else [] for letter in stack]


def _arranged(x: Node, term: str, groups: Sequence[list[str]], lengths: dict[str, Any]) -> Node | None:
    """A factor with an axis for each group of letters, in their order; None where letters of a group stand apart."""
    if any("".join(group) not in term for group in groups):
        return None
    if any(len(group) > 1 and not all(type(lengths[letter]) is int for letter in group) for group in groups):
        return None
    wanted = [group for group in groups if group]
    present = sorted(wanted, key=lambda group: term.index(group[0]))
    merged = _reshaped(x, tuple(_length(group, lengths) for group in present))
    turned = _with_axes(merged, ["".join(group) for group in present], ["".join(group) for group in wanted])
    return _reshaped(turned, tuple(_length(group, lengths) for group in groups))


def _length(group: list[str], lengths: dict[str, Any]) -> Any:
    return lengths[group[0]] if len(group) == 1 else math.prod(lengths[letter] for letter in group)


def _reshaped(x: Node, shape: tuple[Any, ...]) -> Node:
    return x if x.shape == shape else Node(reshape, (x,), {"shape": shape}, shape, x.dtype)


def _with_axes(x: Node, names: list[str], wanted: list[str]) -> Node:
    if names == wanted:
        return x
    axes = tuple(names.index(name) for name in wanted)
    return Node(transpose, (x,), {"axes": axes}, tuple(x.shape[k] for k in axes), x.dtype)
