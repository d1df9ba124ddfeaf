"""What a step keeps in memory: what the backward pass reads of the forward pass, and all that is there at once."""

from collections.abc import Sequence
from typing import Any

from chainrule.graph import Graph, Node
from chainrule.inspection.counting.operations import base, is_view, nbytes
from chainrule.inspection.counting.pieces import Step

__all__ = ["alive", "stored"]


def stored(step: Step) -> tuple[list[Node], ...]:
    """List what each forward piece has computed that a backward piece reads.

    Parameters
    ----------
    step : Step
        A recorded step.

    Returns
    -------
    tuple of lists of Node
        One for each layer, and one for the loss.
    """
    read = {base(x) for piece in step.backward for node in piece if not is_view(node) for x in _nodes(node)}
    return tuple([node for node in piece if node in read and not is_view(node)] for piece in step.forward)


def alive(graph: Graph) -> list[int]:
    """Bytes of all results that are there at each operation, as the interpreter goes through a graph.

    Parameters
    ----------
    graph : Graph
        At one size.

    Returns
    -------
    list of int
        One for each operation: its result, what it reads, and earlier results that are still to be read. Room for the
        outputs is there from the start, as it is where machine code runs. The graph's inputs are not among them.
    """
    nodes = graph.nodes
    outputs = {base(end) for end in _only_nodes(graph.outputs)}
    last: dict[Any, int] = {}
    for k, node in enumerate(nodes):
        last.update(dict.fromkeys((base(x) for x in (node, *_nodes(node))), k))
    ends: dict[int, list[Node]] = {}
    for node, k in last.items():
        if isinstance(node, Node) and node.op is not None and node not in outputs:
            ends.setdefault(k, []).append(node)
    found, now = [], sum(nbytes(x) for x in outputs if isinstance(x, Node) and x.op is not None)
    for k, node in enumerate(nodes):
        if not is_view(node) and node not in outputs:
            now += nbytes(node)
        found.append(now)
        now -= sum(nbytes(one) for one in ends.get(k, ()))
    return found


def _nodes(node: Node) -> list[Node]:
    return _only_nodes(node.inputs)


def _only_nodes(inputs: Sequence[Any]) -> list[Node]:
    return [x for x in inputs if isinstance(x, Node)]
