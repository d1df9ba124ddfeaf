"""The operations behind `scan` and `while_loop`, and their derivatives, which are scans again.

A scan takes carries, sequences along its first axis, and what the body reads besides; its body maps carries and one
entry of each sequence to the next carries and to entries of the results. With `store` the carries before each step are
outputs too. With those as sequences both derivatives are linear scans: the tangents go forward, the adjoints backward
through time, and the parameters' derivatives are summed in further carries (A. Griewank and A. Walther, Evaluating
Derivatives, 2nd ed., SIAM 2008, section 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.differentiate.reverse import has_nan
from chainrule.evaluate import runner
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs
from chainrule.transforms.loop_bodies import (
    Flags,
    Pulled,
    is_smooth,
    moving_carries,
    picked,
    pulled_body,
    pushed_body,
    waiting_body,
)
from chainrule.transforms.replay import as_strong, aval, is_differentiated, outputs_of, owned, zeros_for

__all__ = ["run_loop", "scan_op", "while_op"]


def run_loop(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """Apply one of the operations, and list its outputs; it stores where a derivative is being recorded."""
    params = {**params, "store": params.get("store", False) or is_differentiated(inputs)}
    ans = op(*inputs, **params)
    return outputs_of(ans, len(ans.shape))


def _described(graph: Graph, start: int) -> tuple[list[Any], list[Any]]:
    """Shapes and dtypes of some outputs of a body."""
    rows = [aval(x) for x in graph.outputs[start:]]
    return [shape for shape, _ in rows], [dtype for _, dtype in rows]


# scan


def _run_scan(*inputs: Any, body: Graph, **params: Any) -> Outputs:
    quick = body.derived.get("quick")
    if quick is None:
        return _run_steps(*inputs, body=body, **params)
    # As everywhere in derivatives: 0 * inf shows as NaN, and only then the form that treats it is needed.
    with np.errstate(all="ignore"):
        found = _run_steps(*inputs, body=quick, **params)
        return _run_steps(*inputs, body=body, **params) if any(has_nan(x) for x in found) else found


def _run_steps(
    *inputs: Any, body: Graph, carries: int, sequences: int, length: int | None, reverse: bool, store: bool
) -> Outputs:
    run = runner(body)
    xs, hidden = inputs[carries : carries + sequences], inputs[carries + sequences :]
    carry = list(inputs[:carries])
    steps = len(xs[0]) if length is None else length
    shapes, dtypes = _described(body, carries)
    ys = [np.empty((steps, *shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    starts = body.inputs[:carries]
    stacks = [np.empty((steps, *node.shape), node.dtype) for node in starts] if store else []
    weak = [node.weak for node in body.inputs[carries : carries + sequences]]
    for k in range(steps - 1, -1, -1) if reverse else range(steps):
        for stack, value in zip(stacks, carry, strict=bool(stacks)):
            stack[k] = value
        found = run(*carry, *(x[k].item() if w else x[k] for x, w in zip(xs, weak, strict=True)), *hidden)
        carry = found[:carries]
        for y, value in zip(ys, found[carries:], strict=True):
            y[k] = value
    return Outputs([*owned(carry, inputs, body), *ys, *stacks])


def _infer_scan(
    *inputs: Any, body: Graph, carries: int, sequences: int, length: int | None, reverse: bool, store: bool
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    starts = body.inputs[:carries]
    shapes, dtypes = _described(body, carries)
    if length is None:
        length = shape_of(inputs[carries])[0]
    stacked = [*shapes, *(node.shape for node in starts if store)]
    return (
        (*(node.shape for node in starts), *((length, *shape) for shape in stacked)),
        (*(node.dtype for node in starts), *dtypes, *(node.dtype for node in starts if store)),
    )


def _weak_scan(*inputs: Any, body: Graph, carries: int, store: bool, **params: Any) -> Flags:
    ys = len(body.outputs) - carries
    return (*(node.weak for node in body.inputs[:carries]), *(False,) * (ys + carries * store))


def _stored_scan(ans: Any, inputs: Sequence[Any], params: dict[str, Any]) -> "_Loop":
    body, carries = params["body"], params["carries"]
    if params["store"]:
        found = outputs_of(ans, len(body.outputs) + carries)
    else:
        found = run_loop(scan_op, inputs, {**params, "store": True})
    stacks = found[len(body.outputs) :]
    return _Loop(body, carries, params["sequences"], params["length"], params["reverse"], stacks, inputs[carries:])


def _pull_scan(wanted: Flags, g: list[Any], ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    more = [None] * (params["carries"] * (not params["store"]))
    return _stored_scan(ans, inputs, params).pull(wanted, [*g, *more])


def _push_scan(tangents: list[Any], ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    return _stored_scan(ans, inputs, params).push(tangents, store=params["store"])


# while


def _run_while(*inputs: Any, condition: Graph, body: Graph, carries: int, captured: int, store: bool) -> Outputs:
    test, run = runner(condition), runner(body)
    hidden, asked = inputs[carries : carries + captured], inputs[carries + captured :]
    carry = list(inputs[:carries])
    stacks = [np.empty((0, *node.shape), node.dtype) for node in body.inputs[:carries]] if store else []
    steps = 0
    while test(*carry, *asked)[0]:
        if stacks and len(stacks[0]) == steps:
            _resize(stacks, steps + steps // 8 + 1)
        for stack, value in zip(stacks, carry, strict=bool(stacks)):
            stack[steps] = value
        carry = run(*carry, *hidden)
        steps += 1
    _resize(stacks, steps)
    return Outputs([*owned(carry, inputs, body), *stacks])


def _resize(stacks: list[np.ndarray], steps: int) -> None:
    # In place, so that never two stacks are held: they grow by an eighth at a time, which is linear time in all.
    for stack in stacks:
        stack.resize((steps, *stack.shape[1:]), refcheck=False)


def _infer_while(
    *inputs: Any, condition: Graph, body: Graph, carries: int, captured: int, store: bool
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    starts = body.inputs[:carries]
    shapes = tuple(node.shape for node in starts)
    # How many steps there are only the values tell.
    stacked = tuple((None, *shape) for shape in shapes) if store else ()
    return (*shapes, *stacked), tuple(node.dtype for node in starts) * (1 + store)


def _weak_while(*inputs: Any, body: Graph, carries: int, store: bool, **params: Any) -> Flags:
    return (*(node.weak for node in body.inputs[:carries]), *(False,) * (carries * store))


def _stored_while(ans: Any, inputs: Sequence[Any], params: dict[str, Any]) -> "_Loop":
    carries = params["carries"]
    if params["store"]:
        stacks = outputs_of(ans, 2 * carries)[carries:]
    else:
        stacks = run_loop(while_op, inputs, {**params, "store": True})[carries:]
    # The length is left to the values: a graph of this is right for other numbers of steps too.
    body = waiting_body(params["condition"], params["body"], carries)
    return _Loop(body, carries, 0, None, False, stacks, inputs[carries:])


def _pull_while(wanted: Flags, g: list[Any], ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    more = [None] * (params["carries"] * (not params["store"]))
    return _stored_while(ans, inputs, params).pull(wanted, [*g, *more])


def _push_while(tangents: list[Any], ans: Any, *inputs: Any, **params: Any) -> list[Any]:
    return _stored_while(ans, inputs, params).push(tangents, store=params["store"])


# Derivatives


@dataclass(frozen=True)
class _Loop:
    """A loop that ran, with the carries before each step.

    Attributes
    ----------
    body, carries, sequences, length, reverse
        As the parameters of a scan; `length` is None where only the values tell.
    stacks : list
        The carries before each step.
    rest : sequence
        The sequences, then what the body reads besides.
    """

    body: Graph
    carries: int
    sequences: int
    length: int | None
    reverse: bool
    stacks: list[Any]
    rest: Sequence[Any]

    def pull(self, wanted: Flags, g: list[Any]) -> list[Any]:
        """Derivatives by all inputs, of the derivatives by carries, results and stored carries."""
        c, m, body = self.carries, self.sequences, self.body
        moving, results = moving_carries(body, c, m, wanted)
        use = [given is not None for given in g]
        kinds = Pulled(
            tuple(moving),
            tuple(w and is_smooth(x) for w, x in zip(wanted[c:], body.inputs[c:], strict=True)),
            tuple(u and r for u, r in zip(use[c : len(body.outputs)], results, strict=True)),
            tuple(u and a for u, a in zip(use[len(body.outputs) :], moving, strict=True)),
        )
        if not any(moving) and not any(kinds.wanted):
            return [None] * len(wanted)
        graph, present, arrays = pulled_body(body, c, m, kinds)
        starts = [
            zeros_for(node) if given is None else as_strong(given, node.dtype)
            for node, given, on in zip(body.inputs[:c], g[:c], moving, strict=True)
            if on
        ]
        hidden_nodes = body.inputs[c + m :]
        sums = [zeros_for(node) for node, on in zip(hidden_nodes, kinds.wanted[m:], strict=True) if on]
        arriving = [
            *picked(g[c : len(body.outputs)], kinds.results),
            *picked(g[len(body.outputs) :], kinds.stored),
        ]
        sequences = [*self.stacks, *self.rest[:m], *arriving]
        found = run_loop(
            scan_op,
            [*starts, *sums, *sequences, *self.rest[m:], *arrays],
            {
                "body": graph,
                "carries": len(starts) + len(sums),
                "sequences": len(sequences),
                "length": self.length,
                "reverse": not self.reverse,
            },
        )
        parts = iter(found)
        by_carry = [next(parts) if on else None for on in moving]
        by_hidden = [next(parts) if on else None for on in kinds.wanted[m:]]
        by_sequence = [next(parts) if on else None for on in present]
        return [*(part if w else None for part, w in zip(by_carry, wanted[:c], strict=True)), *by_sequence, *by_hidden]

    def push(self, tangents: list[Any], *, store: bool) -> list[Any]:
        """Tangents of carries, results and stored carries, of the tangents of all inputs."""
        c, m, body = self.carries, self.sequences, self.body
        given = tuple(t is not None for t in tangents)
        moving, _ = moving_carries(body, c, m, given)
        kinds = (tuple(moving), tuple(g and is_smooth(x) for g, x in zip(given[c:], body.inputs[c:], strict=True)))
        graph, present, arrays = pushed_body(body, c, m, *kinds, store)
        starts = [
            zeros_for(node) if t is None else as_strong(t, node.dtype)
            for node, t, on in zip(body.inputs[:c], tangents[:c], moving, strict=True)
            if on
        ]
        sequences = [*self.stacks, *self.rest[:m], *picked(tangents[c : c + m], kinds[1][:m])]
        found = run_loop(
            scan_op,
            [*starts, *sequences, *self.rest[m:], *picked(tangents[c + m :], kinds[1][m:]), *arrays],
            {
                "body": graph,
                "carries": len(starts),
                "sequences": len(sequences),
                "length": self.length,
                "reverse": self.reverse,
            },
        )
        parts = iter(found)
        ends = [next(parts) if on else None for on in (*moving, *present)]
        return ends + ([next(parts) if on else None for on in moving] if store else [])


scan_op: Op = joint(
    "chainrule.scan", _run_scan, _infer_scan, _pull_scan, _push_scan, keeps=(0, -1), infer_weak=_weak_scan
)
while_op: Op = joint(
    "chainrule.while_loop", _run_while, _infer_while, _pull_while, _push_while, keeps=(0, -1), infer_weak=_weak_while
)
