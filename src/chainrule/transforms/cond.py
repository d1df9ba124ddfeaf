"""`cond`: a choice between two computations as one operation."""

from collections.abc import Callable
from typing import Any

from chainrule import tree
from chainrule.errors import TraceError, user_line
from chainrule.graph import Graph, Node
from chainrule.trace.buffer import settled
from chainrule.transforms.bodies import (
    Kind,
    Recorded,
    agreed,
    handed_out,
    kind_of,
    leaf_kinds,
    name_of,
    record_body,
    with_kinds,
)
from chainrule.transforms.branches import run_cond

__all__ = ["cond"]


def cond(decision: Any, if_true: Callable[..., Any], if_false: Callable[..., Any], *operands: Any) -> Any:
    """Choose between two computations, as one operation of the graph.

    It computes ``if_true(*operands) if decision else if_false(*operands)``, and can stand where the decision has no
    value yet: in the bodies of `scan` and `while_loop`, and in `vectorize`.

    Parameters
    ----------
    decision : bool
        One Boolean or number, traced or not.
    if_true, if_false : callable
        The two computations, in plain NumPy. Both are recorded and not run on values; one is evaluated. They may read
        traced values from outside.
    *operands : array, number or tree
        What both of them take.

    Returns
    -------
    array, number or tree
        What the one chosen returned.

    Raises
    ------
    TraceError
        Where the two return other trees, shapes or dtypes, or take a decision on a traced value; where the decision is
        not one Boolean or number.
    OptionError
        Where one of the two is no function; between two values `np.where` chooses.

    Notes
    -----
    A Python number that one of them returns takes the dtype of the array that the other returns. The derivative is
    that of the computation chosen; the decision counts as constant. In `vectorize`, with a decision that differs
    between the examples, both are computed for all of them and the entries selected.

    Both get arrays of their own, and so does who calls: what they write into the operands stays inside, and what they
    return is a new array.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import cond, grad
    >>> def f(x):
    ...     return cond(x > 1, lambda x: x**2, lambda x: -x, x)
    >>> f(3.0), grad(f)(3.0), grad(f)(-3.0)
    (9.0, 6.0, -1.0)
    """
    decision = _checked(settled(decision))
    structures = [tree.flatten(operand)[1] for operand in operands]
    rows = [
        (path, settled(leaf))
        for k, operand in enumerate(operands)
        for path, leaf in tree.leaves_with_paths(operand, f"operand {k + 1}")
    ]
    inputs = [(path, kind) for (path, _), kind in zip(rows, leaf_kinds("cond", rows), strict=True)]

    def arrange(leaves: list[Any]) -> list[Any]:
        remaining = iter(leaves)
        return [structure.unflatten([next(remaining) for _ in range(structure.size)]) for structure in structures]

    def split(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        return tree.leaves_with_paths(result, "the result"), tree.flatten(result)[1]

    sides = [record_body("cond", f, inputs, arrange, split) for f in (if_true, if_false)]
    kinds = _common_kinds(if_true, if_false, *sides)
    first, second = (with_kinds(side.graph, kinds) for side in sides)
    # Both take what the one and what the other captured.
    shared = len(inputs)
    graphs = (
        Graph((*first.inputs, *_copies(second.inputs[shared:])), first.outputs, first.name),
        Graph(
            (*second.inputs[:shared], *_copies(first.inputs[shared:]), *second.inputs[shared:]),
            second.outputs,
            second.name,
        ),
    )
    found = run_cond([decision, *(leaf for _, leaf in rows), *sides[0].hidden, *sides[1].hidden], *graphs)
    return handed_out(sides[0].structure, found)


def _copies(nodes: tuple[Node, ...]) -> list[Node]:
    return [Node(None, (), node.params, node.shape, node.dtype, node.weak) for node in nodes]


def _checked(decision: Any) -> Any:
    kind = kind_of(decision)
    if kind is None or kind.shape != ():
        found = type(decision).__name__ if kind is None else f"an array of shape {kind.shape}"
        raise TraceError(
            f"cond: the decision is {found}, but one Boolean or number is needed. Join several entries with np.any or "
            f"np.all; np.where chooses entry by entry.{user_line()}"
        )
    return decision


def _common_kinds(
    if_true: Callable[..., Any], if_false: Callable[..., Any], first: Recorded, second: Recorded
) -> list[Kind]:
    both = f"{name_of(if_true)} (if_true) and {name_of(if_false)} (if_false)"
    if first.structure != second.structure:
        raise TraceError(
            f"cond: {both} must return the same tree, but return {first.structure!r} and {second.structure!r}."
            f"{user_line()}"
        )
    kinds = []
    for path, a, b in zip(first.paths, first.kinds, second.kinds, strict=True):
        kind = agreed(a, b)
        if kind is None:
            raise TraceError(
                f"cond: {both} must return the same shapes and dtypes, but {path} is {a} from the one and {b} from "
                f"the other.{user_line()}"
            )
        kinds.append(kind)
    return kinds
