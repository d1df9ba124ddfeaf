"""The graphs inside loops and branches, made ready to become machine code."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.lengths import Length, Quotient
from chainrule.native.padding import operands_padded
from chainrule.native.rewrites import in_terms_of_kernels
from chainrule.native.small_products import small_products_opened
from chainrule.passes import Pass, optimized, run
from chainrule.passes.rewriting import rewritten, with_outputs

__all__ = ["LOWERING", "bound", "quick_form", "with_open_lengths", "without_recompute"]


def without_recompute(graph: Graph) -> Graph:
    """Put the bodies of `recompute` in the place of the operation: what that keeps does not matter any more.

    Parameters
    ----------
    graph : Graph
        Stays as it is.

    Returns
    -------
    Graph
        The same graph where there is nothing to do.
    """
    if not any(node.op.name == "chainrule.recompute" for node in graph.nodes):
        return graph
    made: dict[Node, Any] = {node: node for node in graph.inputs}
    return with_outputs(graph, _copied(graph, made))


def with_open_lengths(graph: Graph) -> Graph:
    """Leave open what only a run tells.

    How many steps a while loop takes, and how many entries a mask picks, was recorded for the values of the recording;
    others have other numbers.

    Parameters
    ----------
    graph : Graph
        Stays as it is.

    Returns
    -------
    Graph
        Where such a length stood, and where one followed from it, is None.
    """
    if not any(map(_is_open, graph.nodes)):
        return graph

    def rule(node: Node) -> Node:
        if _is_open(node) or any(isinstance(x, Node) and x in opened for x in node.inputs):
            shape = _inferred(node)
            if shape != node.shape:
                node = Node(node.op, node.inputs, node.params, shape, node.dtype, node.weak, node.group)
                opened.add(node)
        return node

    opened: set[Node] = set()
    return rewritten(graph, rule)


#: What makes a graph ready for machine code.
LOWERING: tuple[Pass, ...] = (
    without_recompute,
    in_terms_of_kernels,
    small_products_opened,
    operands_padded,
    with_open_lengths,
)


def bound(body: Graph, given: Sequence[Any]) -> Graph:
    """Copy a body with some of its inputs set to numbers.

    Parameters
    ----------
    body : Graph
        Stays as it is.
    given : sequence
        For each input the number that it is, or None where it stays open.

    Returns
    -------
    Graph
        With the same inputs, though none reads those that are given. All nodes are new, so that a body may stand in a
        program several times.
    """
    inputs = [Node(None, (), x.params, x.shape, x.dtype, x.weak) for x in body.inputs]
    made: dict[Node, Any] = {
        x: fresh if value is None else _number(value, x)
        for x, fresh, value in zip(body.inputs, inputs, given, strict=True)
    }
    return run(optimized(Graph(inputs, _copied(body, made), body.name)), LOWERING)


def quick_form(body: Graph) -> Graph | None:
    """The form of a body that is right where no NaN comes out, where there is one."""
    return body.derived.get("quick")


def _number(value: Any, node: Node) -> Any:
    if node.weak is True or isinstance(value, (Length, Quotient)):
        return value
    return np.asarray(value).astype(node.dtype)[()]


def _is_open(node: Node) -> bool:
    if node.op.name == "index":
        return any(isinstance(a, Node) and a.dtype == bool for a in node.inputs[1:])
    return bool(node.op.name == "chainrule.while_loop" and node.params["store"])


def _inferred(node: Node) -> Any:
    try:
        shape = node.op.infer(*node.inputs, **node.params)[0]
    except (TypeError, ValueError):
        # Rules are written for known lengths; NumPy's broadcasting refuses others.
        shape = None
    return (None,) * len(node.shape) if shape is None else shape


def _copied(graph: Graph, made: dict[Node, Any]) -> list[Any]:
    """Copy the operations of a graph, with the operations of `recompute` opened; list the outputs."""
    opened: dict[Node, list[Any]] = {}

    def source(x: Any) -> Any:
        return made[x] if isinstance(x, Node) else x

    for node in graph.nodes:
        inputs = tuple(source(x) for x in node.inputs)
        if node.op.name == "chainrule.recompute":
            body = node.params["body"]
            opened[node] = _copied(body, dict(zip(body.inputs, inputs, strict=True)))
            made[node] = None
        elif node.op.name == "output" and node.inputs[0] in opened:
            made[node] = opened[node.inputs[0]][node.params["k"]]
        else:
            made[node] = Node(node.op, inputs, node.params, node.shape, node.dtype, node.weak, node.group)
    return [source(x) for x in graph.outputs]
