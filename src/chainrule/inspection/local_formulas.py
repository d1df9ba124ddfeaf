"""The partial derivatives that the table of operations states, as graphs: to be written in any notation."""

from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.ops.shapes import SHAPES
from chainrule.passes import optimized
from chainrule.trace import trace

__all__ = ["contribution_graph", "local_graph"]


def local_graph(node: Node, i: int, values: tuple[Any, ...]) -> tuple[Graph, tuple[int, ...]] | None:
    """Record the rule for the derivative of an elementwise operation by one of its inputs.

    Parameters
    ----------
    node : Node
        The operation.
    i : int
        Which input.
    values : tuple
        The output and the inputs.

    Returns
    -------
    graph : Graph
        What the rule computes; without inputs where it is a number.
    reads : tuple of int
        What its inputs are: 0 for the output, 1 and on for the inputs of the operation.

    None is returned for an operation that is not elementwise.
    """
    if node.op.partials is None:
        return None
    partial = node.op.partials[i]
    if partial is None or partial.rule is None:
        constant = 0.0 if partial is None else partial.constant
        return Graph((), (constant,)), ()
    stated, takes_g = partial.rule, partial.takes_g
    # A constant stays one: the rule for a power asks whether its exponent is a number.
    traced = tuple(k for k in partial.reads if k == 0 or isinstance(node.inputs[k - 1], Node))

    def rule(*given: Any) -> Any:
        known = dict(zip(traced, given, strict=True))
        read = [known[k] if k in known else values[k] for k in partial.reads]
        return stated(1.0, *read) if takes_g else stated(*read)

    return _recorded(rule, [values[k] for k in traced]), traced


def contribution_graph(node: Node, i: int, derivative: Any, values: tuple[Any, ...]) -> Graph | None:
    """Record what an operation that is not elementwise passes on to one of its inputs.

    Parameters
    ----------
    node : Node
        The operation.
    i : int
        Which input.
    derivative : number or array
        What arrived at the output.
    values : tuple
        The output and the inputs.

    Returns
    -------
    Graph or None
        Its inputs are the derivative, the output, and the inputs of the operation that are not constants. None for an
        operation with rules for all inputs at once, unless it only moves entries.
    """
    op = node.op
    if op.transpose is None and op not in SHAPES:
        return None
    free = [k for k, x in enumerate(node.inputs) if isinstance(x, Node)]

    def rule(g: Any, ans: Any, *given: Any) -> Any:
        inputs = list(values[1:])
        for k, x in zip(free, given, strict=True):
            inputs[k] = x
        if op.pull_all is not None:
            return op.pull_all([k == i for k in range(len(inputs))], g, ans, *inputs, **node.params)[i]
        return op.transpose(i, g, ans, *inputs, **node.params)

    return _recorded(rule, [derivative, values[0], *(values[k + 1] for k in free)])


def _recorded(rule: Any, values: list[Any]) -> Graph:
    with np.errstate(all="ignore"):
        return optimized(trace(rule)(*values))
