"""The operation behind `cond`: of two graphs with the same inputs and outputs, the one that a decision picks."""

from collections.abc import Sequence
from typing import Any

from chainrule.evaluate import runner
from chainrule.graph import Graph, Node
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs
from chainrule.trace.symbolic import open_body
from chainrule.transforms.replay import (
    as_strong,
    aval,
    outputs_of,
    owned,
    pull_through,
    push_through,
    with_arrays,
    zeros_for,
)

__all__ = ["cond_op", "run_cond"]

Flags = tuple[bool, ...]


def run_cond(inputs: Sequence[Any], if_true: Graph, if_false: Graph) -> list[Any]:
    """Apply the operation, and list its outputs."""
    ans = cond_op(*inputs, if_true=if_true, if_false=if_false)
    return outputs_of(ans, len(if_true.outputs))


def _run(decision: Any, *inputs: Any, if_true: Graph, if_false: Graph) -> Outputs:
    chosen = if_true if decision else if_false
    return Outputs(owned(runner(chosen)(*inputs), inputs, chosen))


def _infer(decision: Any, *inputs: Any, if_true: Graph, if_false: Graph) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    outputs = Outputs(if_true.outputs)
    return outputs.shape, outputs.dtype


def _weak(decision: Any, *inputs: Any, if_true: Graph, if_false: Graph) -> Flags:
    return tuple(x.weak if isinstance(x, Node) else not hasattr(x, "dtype") for x in if_true.outputs)


def _pull(wanted: Flags, g: list[Any], ans: Any, *inputs: Any, if_true: Graph, if_false: Graph) -> list[Any]:
    decision, *rest = inputs
    asked = tuple(w and x.dtype.kind in "fc" for w, x in zip(wanted[1:], if_true.inputs, strict=True))
    use = tuple(seed is not None and _is_smooth(x) for seed, x in zip(g, if_true.outputs, strict=True))
    if not any(asked) or not any(use):
        return [None] * len(wanted)
    sides = [_pulled(graph, asked, use) for graph in (if_true, if_false)]
    given = [
        *rest,
        *(as_strong(seed, aval(x)[1]) for seed, x, u in zip(g, if_true.outputs, use, strict=True) if u),
    ]
    graphs, arrays = with_arrays(sides)
    found = iter(run_cond([decision, *given, *arrays], *graphs))
    return [None, *(next(found) if w else None for w in asked)]


def _push(tangents: list[Any], ans: Any, *inputs: Any, if_true: Graph, if_false: Graph) -> list[Any]:
    decision, *rest = inputs
    moving = tuple(t is not None and x.dtype.kind in "fc" for t, x in zip(tangents[1:], if_true.inputs, strict=True))
    if not any(moving):
        return [None] * len(if_true.outputs)
    sides = [_pushed(graph, moving) for graph in (if_true, if_false)]
    given = [
        *rest,
        *(as_strong(t, x.dtype) for t, x, m in zip(tangents[1:], if_true.inputs, moving, strict=True) if m),
    ]
    graphs, arrays = with_arrays(sides)
    found = iter(run_cond([decision, *given, *arrays], *graphs))
    return [next(found) if _is_smooth(x) else None for x in if_true.outputs]


def _is_smooth(x: Any) -> bool:
    return aval(x)[1].kind in "fc"


def _pulled(graph: Graph, asked: Flags, use: Flags) -> tuple[Graph, list[Any]]:
    """The backward pass of one branch, kept with it."""
    key = ("pull", asked, use)
    if key not in graph.derived:
        with open_body() as level:
            values = [level.like(x) for x in graph.inputs]
            seeds = [level.input("d result", *aval(x)) if u else None for x, u in zip(graph.outputs, use, strict=True)]
            nodes = [x.node for x in (*values, *(seed for seed in seeds if seed is not None))]
            found = pull_through(graph, values, asked, seeds)
            ends = [
                zeros_for(x) if part is None else as_strong(part, x.dtype)
                for x, part, w in zip(graph.inputs, found, asked, strict=True)
                if w
            ]
            made = level.graph(nodes, ends, f"{graph.name} backward")
        graph.derived[key] = (made, level.arrays)
    return graph.derived[key]  # type: ignore[no-any-return]


def _pushed(graph: Graph, moving: Flags) -> tuple[Graph, list[Any]]:
    """The forward pass of tangents of one branch, kept with it."""
    key = ("push", moving)
    if key not in graph.derived:
        with open_body() as level:
            values = [level.like(x) for x in graph.inputs]
            dots = [
                level.input(f"t {x.name}", x.shape, x.dtype) if m else None
                for x, m in zip(graph.inputs, moving, strict=True)
            ]
            nodes = [x.node for x in (*values, *(dot for dot in dots if dot is not None))]
            found = push_through(graph, values, dots)
            ends = [
                zeros_for(x) if t is None else as_strong(t, aval(x)[1])
                for x, t in zip(graph.outputs, found, strict=True)
                if _is_smooth(x)
            ]
            made = level.graph(nodes, ends, f"{graph.name} forward")
        graph.derived[key] = (made, level.arrays)
    return graph.derived[key]  # type: ignore[no-any-return]


cond_op: Op = joint("chainrule.cond", _run, _infer, _pull, _push, keeps=(-1,), infer_weak=_weak)
