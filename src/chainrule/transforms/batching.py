"""Loops, branches and recomputed blocks on a batch: their bodies are recorded again for all examples at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.batching import BATCHING
from chainrule.ops.outputs import Outputs
from chainrule.ops.shapes import broadcast_to
from chainrule.trace.batch import Batch, Batched, BatchedOutputs, batched
from chainrule.trace.symbolic import open_body
from chainrule.transforms.branches import cond_op, run_cond
from chainrule.transforms.loop_bodies import Flags, waiting_body, with_quick
from chainrule.transforms.loops import run_loop, scan_op, while_op
from chainrule.transforms.recompute import recompute_op
from chainrule.transforms.replay import is_differentiated, outputs_of, replay, with_arrays

__all__: list[str] = []


def _every(x: Any, size: int, is_batched: bool) -> Any:
    """A value with a batch axis, repeated where it had none."""
    return x if is_batched else broadcast_to(x if hasattr(x, "dtype") else np.asarray(x), shape=(size, *shape_of(x)))


def _inside(values: Sequence[Any], flags: Sequence[bool], batch: Batch) -> list[Any]:
    return [batched(x, batch) if b else x for x, b in zip(values, flags, strict=True)]


def _outside(values: Sequence[Any], batch: Batch) -> tuple[list[Any], Flags]:
    mine = tuple(isinstance(x, Batched) and x.recording is batch for x in values)
    return [x.value if b else x for x, b in zip(values, mine, strict=True)], mine


def _whole(
    graph: Graph, size: int, flags: Flags, least: Sequence[bool], run: Callable[[list[Any]], list[Any]], key: str
) -> tuple[Graph, Flags, list[Any]]:
    """The graph for all examples: which of its outputs are batched, and the large constants that it reads besides.

    Parameters
    ----------
    graph : Graph
        For one example.
    size : int
        Number of examples.
    flags : tuple of bool
        Which inputs are batched.
    least : sequence of bool
        Outputs that have to be batched.
    run : callable
        Computes the outputs from the inputs, on one example.
    key : str
        What `run` does, since the result is kept with the graph.
    """
    place = (key, size, flags, tuple(least))
    if place not in graph.derived:
        with open_body() as level:
            batch = Batch(size)
            inputs = [
                level.input(x.name, (size, *x.shape), x.dtype) if b else level.like(x)
                for x, b in zip(graph.inputs, flags, strict=True)
            ]
            nodes = [x.node for x in inputs]
            values, found = _outside(run(_inside(inputs, flags, batch)), batch)
            ends = [_every(x, size, b) if need else x for x, b, need in zip(values, found, least, strict=True)]
            made = level.graph(nodes, ends, graph.name)
        graph.derived[place] = (made, tuple(a or b for a, b in zip(found, least, strict=True)), level.arrays)
    return graph.derived[place]  # type: ignore[no-any-return]


def _settled_carries(
    graph: Graph, size: int, flags: Flags, carries: int, run: Callable[[list[Any]], list[Any]], key: str
) -> tuple[Graph, Flags, Flags, list[Any]]:
    """A body for all examples, in which a carry that becomes batched is batched from the start."""
    while True:
        least = (*flags[:carries], *(False,) * (len(graph.outputs) - carries))
        whole, found, arrays = _whole(graph, size, flags, least, run, key)
        if found[:carries] == flags[:carries]:
            return whole, flags, found, arrays
        flags = (*found[:carries], *flags[carries:])


def _started(args: Sequence[Any], size: int, given: Flags, now: Flags) -> list[Any]:
    """The carries to start with, repeated for every example where they become different from one to the next."""
    return [_every(x, size, was) if b else x for x, was, b in zip(args, given, now, strict=True)]


def _scan(
    size: int,
    args: tuple[Any, ...],
    flags: Flags,
    *,
    body: Graph,
    carries: int,
    sequences: int,
    length: int | None,
    reverse: bool,
    store: bool,
) -> BatchedOutputs:
    whole, now, found, arrays = _settled_carries(body, size, flags, carries, _replaying(body), "batch")
    quick = body.derived.get("quick")
    if quick is not None:
        also, _, more = _whole(quick, size, now, found, _replaying(quick), "batch")
        whole, arrays = with_quick((whole, arrays), (also, more))
    last = carries + sequences
    xs = [np.moveaxis(x, 0, 1) if b else x for x, b in zip(args[carries:last], flags[carries:last], strict=True)]
    outputs = run_loop(
        scan_op,
        [*_started(args[:carries], size, flags[:carries], now[:carries]), *xs, *args[last:], *arrays],
        {
            "body": whole,
            "carries": carries,
            "sequences": sequences,
            "length": length,
            "reverse": reverse,
            "store": store,
        },
    )
    return _stacked(outputs, carries, found, store)


def _while(
    size: int,
    args: tuple[Any, ...],
    flags: Flags,
    *,
    condition: Graph,
    body: Graph,
    carries: int,
    captured: int,
    store: bool,
) -> BatchedOutputs:
    last = carries + captured
    asked_flags = flags[last:]
    whole, now, found, arrays = _settled_carries(body, size, flags[:last], carries, _replaying(body), "batch")
    _, (differs,), _ = _whole(condition, size, (*now[:carries], *asked_flags), (False,), _replaying(condition), "batch")
    besides = args[carries:last]
    if differs:
        # Examples that are done wait for the others, with the carry that they have.
        both = waiting_body(condition, body, carries)
        whole, now, found, arrays = _settled_carries(both, size, flags, carries, _replaying(both), "batch")
        besides = args[carries:]

    def any_example(values: list[Any]) -> list[Any]:
        (asked,) = replay(condition, values)
        return [np.any(asked.value) if isinstance(asked, Batched) else asked]

    asked, _, asked_arrays = _whole(condition, size, (*now[:carries], *asked_flags), (False,), any_example, "any")
    outputs = run_loop(
        while_op,
        [
            *_started(args[:carries], size, flags[:carries], now[:carries]),
            *besides,
            *arrays,
            *args[last:],
            *asked_arrays,
        ],
        {
            "condition": asked,
            "body": whole,
            "carries": carries,
            "captured": len(besides) + len(arrays),
            "store": store,
        },
    )
    return _stacked(outputs, carries, found, store)


def _replaying(graph: Graph) -> Callable[[list[Any]], list[Any]]:
    return lambda values: replay(graph, values)


def _stacked(outputs: list[Any], carries: int, found: Flags, store: bool) -> BatchedOutputs:
    """Give results along time the batch as their first axis; what was stored beyond what was asked for is left out."""
    every = (*found, *(found[:carries] if store else ()))
    ends = [
        np.moveaxis(y, 1, 0) if b and k >= carries else y
        for k, (y, b) in enumerate(zip(outputs[: len(every)], every, strict=True))
    ]
    return BatchedOutputs(Outputs(ends), every)


def _cond(size: int, args: tuple[Any, ...], flags: Flags, *, if_true: Graph, if_false: Graph) -> BatchedOutputs:
    decision, *rest = args
    if flags[0]:
        batch = Batch(size)
        going, *inside = _inside(args, flags, batch)
        sides = [replay(graph, inside, store=is_differentiated(args)) for graph in (if_true, if_false)]
        chosen = [np.where(going, a, b) for a, b in zip(*sides, strict=True)]
        values, found = _outside(chosen, batch)
        return BatchedOutputs(Outputs(values), found)
    # Both sides are to agree on which outputs are batched.
    count = len(if_true.outputs)
    none = (False,) * count
    first = [_whole(g, size, flags[1:], none, _replaying(g), "batch")[1] for g in (if_true, if_false)]
    least = tuple(a or b for a, b in zip(*first, strict=True))
    made = [_whole(g, size, flags[1:], least, _replaying(g), "batch") for g in (if_true, if_false)]
    graphs, arrays = with_arrays([(graph, own) for graph, _, own in made])
    outputs = run_cond([decision, *rest, *arrays], *graphs)
    return BatchedOutputs(Outputs(outputs), least)


def _recompute(size: int, args: tuple[Any, ...], flags: Flags, *, body: Graph) -> BatchedOutputs:
    whole, found, arrays = _whole(body, size, flags, (False,) * len(body.outputs), _replaying(body), "batch")
    ans = recompute_op(*args, *arrays, body=whole)
    return BatchedOutputs(Outputs(outputs_of(ans, len(found))), found)


BATCHING.update({scan_op.name: _scan, while_op.name: _while, cond_op.name: _cond, recompute_op.name: _recompute})
