"""Loops and choices written out as the operations that ran."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.evaluate import runner
from chainrule.graph import Graph, Node
from chainrule.trace.api import open_recording, traced_input
from chainrule.trace.recording import Recording
from chainrule.trace.symbolic import value_of
from chainrule.trace.tracer import Tracer
from chainrule.transforms.branches import cond_op
from chainrule.transforms.loops import scan_op, while_op
from chainrule.transforms.recompute import recompute_op
from chainrule.transforms.replay import apply

__all__ = ["unrolled"]

#: Operations up to which a loop is written out; a longer one stays a single operation.
_MOST = 400


def unrolled(graph: Graph, values: Sequence[Any]) -> Graph:
    """Write loops and choices out: every step of `scan` and `while_loop`, and the branch of `cond` that was taken.

    Parameters
    ----------
    graph : Graph
        What was recorded.
    values : sequence
        One for each input.

    Returns
    -------
    Graph
        With the same inputs by name, for these values. An operation of a step has it as its group, such as ``step 2 of
        scan``. A loop of more than 400 operations is left as it is; the graph itself is returned where there is
        nothing to write out.

    Examples
    --------
    >>> from chainrule import cond, trace
    >>> graph = trace(lambda x: cond(x > 1, lambda x: x**2, lambda x: -x, x))(3.0)
    >>> print(unrolled(graph, [3.0]))
    <lambda>(x: float64[]*)
      %0 = np.power(x, 2)  float64[]*  in if true
      return %0
    """
    if not any(node.op in _WRITTEN for node in graph.nodes):
        return graph
    with open_recording(unrolled, whole=True) as recording:
        inputs = [traced_input(x, node.name, recording) for node, x in zip(graph.inputs, values, strict=True)]
        outputs = _run(graph, inputs, recording, None)
    ends = [x.node if isinstance(x, Tracer) else x for x in outputs]
    return Graph((x.node for x in inputs), ends, graph.name)


def _run(graph: Graph, values: Sequence[Any], recording: Recording, group: str | None) -> list[Any]:
    """Run the operations of a graph, those of the table below written out."""
    found: dict[Node, Any] = dict(zip(graph.inputs, values, strict=True))
    for node in graph.nodes:
        args = tuple(found[x] if isinstance(x, Node) else x for x in node.inputs)
        if node.name == "output" and isinstance(args[0], list):
            found[node] = args[0][node.params["k"]]
            continue
        write = _WRITTEN.get(node.op)
        written = write(recording, group, *args, **node.params) if write is not None else None
        if written is None:
            recording.group = group or node.group
            try:
                written = apply(node, args)
            finally:
                recording.group = None
        found[node] = written
    return [found[x] if isinstance(x, Node) else x for x in graph.outputs]


def _within(group: str | None, name: str) -> str:
    return name if group is None else f"{group}, {name}"


def _plain(x: Any) -> Any:
    return value_of(x) if isinstance(x, Tracer) else x


def _choice(recording: Recording, group: str | None, decision: Any, *inputs: Any, **sides: Graph) -> list[Any]:
    name = "if_true" if _plain(decision) else "if_false"
    return _run(sides[name], inputs, recording, _within(group, name.replace("_", " ")))


def _again(recording: Recording, group: str | None, *inputs: Any, body: Graph) -> list[Any]:
    return _run(body, inputs, recording, group)


def _steps(
    recording: Recording,
    group: str | None,
    *inputs: Any,
    body: Graph,
    carries: int,
    sequences: int,
    length: int | None,
    reverse: bool,
    store: bool,
) -> list[Any] | None:
    xs, hidden = inputs[carries : carries + sequences], inputs[carries + sequences :]
    count = len(_plain(xs[0])) if length is None else length
    if count * len(body.nodes) > _MOST or count == 0:
        return None
    carry, rows, starts = list(inputs[:carries]), [], []
    for number in range(count):
        k = count - 1 - number if reverse else number
        name = _within(group, f"step {number + 1} of scan")
        recording.group = name
        try:
            entries = [x[k] for x in xs]
        finally:
            recording.group = None
        starts.append(carry)
        found = _run(body, [*carry, *entries, *hidden], recording, name)
        carry = found[:carries]
        rows.append(found[carries:])
    collected = [*zip(*rows, strict=True), *(zip(*starts, strict=True) if store else ())]
    recording.group = _within(group, "scan")
    try:
        stacks = [np.stack(column[::-1] if reverse else column) for column in collected]
    finally:
        recording.group = None
    return [*carry, *stacks]


def _rounds(
    recording: Recording,
    group: str | None,
    *inputs: Any,
    condition: Graph,
    body: Graph,
    carries: int,
    captured: int,
    store: bool,
) -> list[Any] | None:
    hidden, asked = inputs[carries : carries + captured], inputs[carries + captured :]
    test, run = runner(condition), runner(body)
    plain, count = [_plain(x) for x in inputs[:carries]], 0
    limits = [_plain(x) for x in asked]
    # Once with plain values, which tells the number of steps.
    while test(*plain, *limits)[0]:
        plain = run(*plain, *map(_plain, hidden))
        count += 1
    if count * len(body.nodes) > _MOST or store:
        return None
    carry = list(inputs[:carries])
    for number in range(count):
        carry = _run(body, [*carry, *hidden], recording, _within(group, f"step {number + 1} of while_loop"))
    return carry


_WRITTEN: dict[Any, Callable[..., list[Any] | None]] = {
    cond_op: _choice,
    recompute_op: _again,
    scan_op: _steps,
    while_op: _rounds,
}
