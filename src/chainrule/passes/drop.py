"""Leaving out what loops and branches compute for nobody.

Any other operation that nobody reads is in no graph: a graph is what its outputs need.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.graph import Graph, Node, topological_order
from chainrule.ops.outputs import output
from chainrule.passes.rewriting import with_outputs

__all__ = ["drop"]


@dataclass(frozen=True)
class _Slim:
    """What is left of an operation with several outputs.

    Attributes
    ----------
    inputs, outputs : sequence of int
        Numbers of those that stay.
    params : dict
        Of what is left.
    """

    inputs: Sequence[int]
    outputs: Sequence[int]
    params: dict[str, Any]


def drop(graph: Graph) -> Graph:
    """Drop the results and carries of loops and branches that nothing reads, and what only they need.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Returns
    -------
    Graph
        In which every output of a loop or branch is read, or keeps one alive that is.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import scan, trace
    >>> def last(xs):
    ...     (total, square), sums = scan(lambda c, x: ((c[0] + x, c[1] * x), c[0]), (0.0, 1.0), xs)
    ...     return total
    >>> len(trace(last)(np.ones(3)).nodes[0].shape), len(drop(trace(last)(np.ones(3))).nodes[0].shape)
    (3, 1)
    """
    nodes = graph.nodes
    if not any(node.op.name in _SLIMMED for node in nodes):
        return graph
    slim, needed = _slimmed(graph, nodes)
    if not slim:
        return graph
    made: dict[Node, Any] = {}

    def source(x: Any) -> Any:
        return made.get(x, x) if isinstance(x, Node) else x

    for node in filter(needed.__contains__, nodes):
        found = slim.get(node)
        inputs, params = node.inputs, node.params
        kind: tuple[Any, Any, Any] = node.shape, node.dtype, node.weak
        if found is not None:
            inputs, params = tuple(inputs[k] for k in found.inputs), found.params
            shape, dtype, weak = (tuple(part[k] for k in found.outputs) if part else part for part in kind)
            kind = shape, dtype, weak
        elif node.op is output and node.inputs[0] in slim:
            params = {"k": list(slim[node.inputs[0]].outputs).index(params["k"])}
        sources = tuple(map(source, inputs))
        if params is not node.params or any(a is not b for a, b in zip(sources, node.inputs, strict=True)):
            made[node] = Node(node.op, sources, params, *kind, node.group)
    return with_outputs(graph, map(source, graph.outputs))


def _slimmed(graph: Graph, nodes: Sequence[Node]) -> tuple[dict[Node, _Slim], set[Node]]:
    """The operations of which something can go, and all that are needed then.

    Who reads comes before what it reads, so that what it lets go of can go too.
    """
    found: dict[Node, _Slim] = {}
    read = {x for x in graph.outputs if isinstance(x, Node)}
    wanted: dict[Node, set[int]] = {}
    for node in reversed(nodes):
        if node not in read:
            continue
        inputs = node.inputs
        if node.op is output:
            read.add(node.inputs[0])
            wanted.setdefault(node.inputs[0], set()).add(node.params["k"])
            continue
        if node.op.name in _SLIMMED:
            slim = _SLIMMED[node.op.name](node, wanted[node])
            if len(slim.outputs) < len(node.shape) or len(slim.inputs) < len(inputs):
                found[node] = slim
                inputs = tuple(inputs[k] for k in slim.inputs)
        read.update(x for x in inputs if isinstance(x, Node))
    return found, read


def _part(body: Graph, inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
    """A body with some of its inputs and outputs, and so the form of it that is right where no NaN comes out."""
    made = with_outputs(body, (body.outputs[k] for k in outputs), tuple(body.inputs[k] for k in inputs))
    if "quick" in body.derived:
        made.derived["quick"] = _part(body.derived["quick"], inputs, outputs)
    return made


def _reads(body: Graph, outputs: Sequence[int]) -> set[int]:
    """Numbers of the inputs that some outputs of a body need, in either of its forms."""
    forms = [body, body.derived["quick"]] if "quick" in body.derived else [body]
    found: set[int] = set()
    for form in forms:
        needed = set(topological_order(form.outputs[k] for k in outputs))
        found |= {k for k, node in enumerate(form.inputs) if node in needed}
    return found


def _alive(wanted: set[int], reads: Callable[[Sequence[int]], set[int]], carries: int) -> list[int]:
    """The carries that are wanted, or that the next value of one that is alive is computed from."""
    alive = wanted
    while True:
        more = alive | {k for k in reads(sorted(alive)) if k < carries}
        if more == alive:
            return sorted(alive)
        alive = more


def _slim_cond(node: Node, wanted: set[int]) -> _Slim:
    sides = node.params["if_true"], node.params["if_false"]
    outputs = sorted(wanted)
    inputs = sorted(set().union(*(_reads(side, outputs) for side in sides)))
    if_true, if_false = (_part(side, inputs, outputs) for side in sides)
    return _Slim([0, *(1 + k for k in inputs)], outputs, {"if_true": if_true, "if_false": if_false})


def _slim_scan(node: Node, wanted: set[int]) -> _Slim:
    body, c, m = (node.params[name] for name in ("body", "carries", "sequences"))
    count = len(body.outputs)
    results = [k for k in sorted(wanted) if c <= k < count]
    stacks = {k - count for k in wanted if k >= count}
    carries = _alive({k for k in wanted if k < c} | stacks, lambda some: _reads(body, [*some, *results]), c)
    read = _reads(body, [*carries, *results])
    # The number of steps is that of the first sequence where it is not given.
    sequences = [k for k in range(c, c + m) if k in read or (k == c and node.params["length"] is None)]
    inputs = [*carries, *sequences, *(k for k in range(c + m, len(body.inputs)) if k in read)]
    params = {
        **node.params,
        "body": _part(body, inputs, [*carries, *results]),
        "carries": len(carries),
        "sequences": len(sequences),
        "store": bool(stacks),
    }
    return _Slim(inputs, [*carries, *results, *(count + k for k in carries if stacks)], params)


def _slim_while(node: Node, wanted: set[int]) -> _Slim:
    condition, body, c, captured = (node.params[name] for name in ("condition", "body", "carries", "captured"))
    stacks = {k - c for k in wanted if k >= c}
    asked = _reads(condition, [0])
    start = {k for k in wanted if k < c} | stacks | {k for k in asked if k < c}
    carries = _alive(start, lambda some: _reads(body, some), c)
    read = _reads(body, carries)
    hidden = [k for k in range(c, c + captured) if k in read]
    of_condition = [k for k in range(c, len(condition.inputs)) if k in asked]
    params = {
        "condition": _part(condition, [*carries, *of_condition], [0]),
        "body": _part(body, [*carries, *hidden], carries),
        "carries": len(carries),
        "captured": len(hidden),
        "store": bool(stacks),
    }
    inputs = [*carries, *hidden, *(captured + k for k in of_condition)]
    return _Slim(inputs, [*carries, *(c + k for k in carries if stacks)], params)


_SLIMMED: dict[str, Callable[[Node, set[int]], _Slim]] = {
    "chainrule.cond": _slim_cond,
    "chainrule.scan": _slim_scan,
    "chainrule.while_loop": _slim_while,
}
