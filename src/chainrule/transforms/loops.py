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

from chainrule.evaluate import runner
from chainrule.graph import Graph, Node
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs
from chainrule.trace.symbolic import open_body
from chainrule.transforms.replay import (
    as_strong,
    aval,
    is_differentiated,
    outputs_of,
    pull_through,
    push_through,
    replay,
    zeros_for,
)

__all__ = ["run_loop", "scan_op", "waiting_body", "while_op"]

Flags = tuple[bool, ...]


def run_loop(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """Apply one of the operations, and list its outputs; it stores where a derivative is being recorded."""
    params = {**params, "store": params.get("store", False) or is_differentiated(inputs)}
    ans = op(*inputs, **params)
    return outputs_of(ans, len(ans.shape))


def _own(values: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """Results that do not share the memory of an input: a body may hand its arguments on."""
    given = {id(x) for x in inputs}
    return [
        x if not isinstance(x, np.ndarray) else x[()] if not x.ndim else x.copy() if id(x) in given or x.base is not None else x
        for x in values
    ]


def _described(graph: Graph, start: int) -> tuple[list[Any], list[Any]]:
    """Shapes and dtypes of some outputs of a body."""
    rows = [aval(x) for x in graph.outputs[start:]]
    return [shape for shape, _ in rows], [dtype for _, dtype in rows]


# scan


def _run_scan(
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
    return Outputs([*_own(carry, inputs), *ys, *stacks])


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


def _pull_scan(
    wanted: Flags,
    g: list[Any],
    ans: Any,
    *inputs: Any,
    body: Graph,
    carries: int,
    sequences: int,
    length: int | None,
    reverse: bool,
    store: bool,
) -> list[Any]:
    if not store:
        params = {"carries": carries, "sequences": sequences, "length": length, "reverse": reverse}
        stored = run_loop(scan_op, inputs, {"body": body, **params, "store": True})
    else:
        stored = outputs_of(ans, len(body.outputs) + carries)
    loop = _Loop(body, carries, sequences, length, reverse, stored[len(body.outputs) :], inputs[carries:])
    return loop.pull(wanted, [*g, *[None] * (carries * (not store))])


def _push_scan(
    tangents: list[Any],
    ans: Any,
    *inputs: Any,
    body: Graph,
    carries: int,
    sequences: int,
    length: int | None,
    reverse: bool,
    store: bool,
) -> list[Any]:
    if not store:
        params = {"carries": carries, "sequences": sequences, "length": length, "reverse": reverse}
        stored = run_loop(scan_op, inputs, {"body": body, **params, "store": True})
    else:
        stored = outputs_of(ans, len(body.outputs) + carries)
    loop = _Loop(body, carries, sequences, length, reverse, stored[len(body.outputs) :], inputs[carries:])
    return loop.push(tangents, store=store)


# while


def _run_while(*inputs: Any, condition: Graph, body: Graph, carries: int, captured: int, store: bool) -> Outputs:
    test, run = runner(condition), runner(body)
    hidden, asked = inputs[carries : carries + captured], inputs[carries + captured :]
    carry = list(inputs[:carries])
    kept: list[list[Any]] = []
    while test(*carry, *asked)[0]:
        if store:
            kept.append(carry)
        carry = run(*carry, *hidden)
    stacks = []
    for k, node in enumerate(body.inputs[:carries] if store else ()):
        stack = np.empty((len(kept), *node.shape), node.dtype)
        for step, row in enumerate(kept):
            stack[step] = row[k]
        stacks.append(stack)
    return Outputs([*_own(carry, inputs), *stacks])


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


def waiting_body(condition: Graph, body: Graph, carries: int) -> Graph:
    """The body of a while loop that leaves the carry as it is where the condition fails; kept with the body.

    In a batch the examples that are done wait so for the others, and their derivative passes the steps of waiting.
    """
    key = ("waiting", condition)
    if key not in body.derived:
        with open_body() as level:
            values = [level.like(x) for x in body.inputs]
            asked = [level.like(x) for x in condition.inputs[carries:]]
            (going_on,) = replay(condition, [*values[:carries], *asked])
            new = replay(body, values)
            ends = [
                as_strong(np.where(going_on, a, b), x.dtype)
                for x, a, b in zip(body.inputs, new, values[:carries], strict=False)
            ]
            body.derived[key] = level.graph([x.node for x in (*values, *asked)], ends, body.name)
    return body.derived[key]  # type: ignore[no-any-return]


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
        moving, results = _moving(body, c, m, wanted)
        use = [given is not None for given in g]
        kinds = _Pulled(
            tuple(moving),
            tuple(w and _is_smooth(x) for w, x in zip(wanted[c:], body.inputs[c:], strict=True)),
            tuple(u and r for u, r in zip(use[c : len(body.outputs)], results, strict=True)),
            tuple(u and a for u, a in zip(use[len(body.outputs) :], moving, strict=True)),
        )
        if not any(moving) and not any(kinds.wanted):
            return [None] * len(wanted)
        graph, present, arrays = _pulled(body, c, m, kinds)
        starts = [
            zeros_for(node) if given is None else as_strong(given, node.dtype)
            for node, given, on in zip(body.inputs[:c], g[:c], moving, strict=True)
            if on
        ]
        hidden_nodes = body.inputs[c + m :]
        sums = [zeros_for(node) for node, on in zip(hidden_nodes, kinds.wanted[m:], strict=True) if on]
        arriving = [
            *_picked(g[c : len(body.outputs)], kinds.results),
            *_picked(g[len(body.outputs) :], kinds.stored),
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
        return [
            *(part if w else None for part, w in zip(by_carry, wanted[:c], strict=True)), *by_sequence, *by_hidden
        ]

    def push(self, tangents: list[Any], *, store: bool) -> list[Any]:
        """Tangents of carries, results and stored carries, of the tangents of all inputs."""
        c, m, body = self.carries, self.sequences, self.body
        given = tuple(t is not None for t in tangents)
        moving, _ = _moving(body, c, m, given)
        kinds = (tuple(moving), tuple(g and _is_smooth(x) for g, x in zip(given[c:], body.inputs[c:], strict=True)))
        graph, present, arrays = _pushed(body, c, m, *kinds, store)
        starts = [
            zeros_for(node) if t is None else as_strong(t, node.dtype)
            for node, t, on in zip(body.inputs[:c], tangents[:c], moving, strict=True)
            if on
        ]
        sequences = [*self.stacks, *self.rest[:m], *_picked(tangents[c : c + m], kinds[1][:m])]
        found = run_loop(
            scan_op,
            [*starts, *sequences, *self.rest[m:], *_picked(tangents[c + m :], kinds[1][m:]), *arrays],
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


@dataclass(frozen=True)
class _Pulled:
    """Which derivatives a backward loop takes and gives.

    Attributes
    ----------
    moving : tuple of bool
        The carries that have a derivative.
    wanted : tuple of bool
        The sequences, then the values read besides, whose derivative is asked for.
    results, stored : tuple of bool
        The results and the stored carries at which a derivative arrives.
    """

    moving: Flags
    wanted: Flags
    results: Flags
    stored: Flags


def _picked(values: Sequence[Any], flags: Sequence[bool]) -> list[Any]:
    return [x for x, on in zip(values, flags, strict=True) if on]


def _is_smooth(node: Node) -> bool:
    return node.dtype.kind in "fc"


def _moving(body: Graph, carries: int, sequences: int, wanted: Sequence[bool]) -> tuple[list[bool], list[bool]]:
    """Which carries, and which results, depend smoothly on the inputs that are differentiated by."""
    moving = [w and _is_smooth(x) for w, x in zip(wanted[:carries], body.inputs, strict=False)]
    while True:
        on = {x for x, w in zip(body.inputs, (*moving, *wanted[carries:]), strict=True) if w and _is_smooth(x)}
        for node in body.nodes:
            if not node.op.is_constant and any(isinstance(x, Node) and x in on for x in node.inputs):
                on.add(node)
        ends = [isinstance(x, Node) and x in on and _is_smooth(x) for x in body.outputs]
        grown = [a or b for a, b in zip(moving, ends[:carries], strict=True)]
        if grown == moving:
            return moving, ends[carries:]
        moving = grown


def _pulled(body: Graph, c: int, m: int, kinds: _Pulled) -> tuple[Graph, Flags, list[Any]]:
    """The body of the backward loop, kept with the body.

    Its carries are the derivatives by the carries and the sums for what is read besides; its sequences the carries
    stored, the sequences, and the derivatives that arrive at results and stored carries.
    """
    key = ("pull", c, m, kinds)
    if key in body.derived:
        return body.derived[key]  # type: ignore[no-any-return]
    moving, (wanted_x, wanted_h) = kinds.moving, (kinds.wanted[:m], kinds.wanted[m:])
    starts, hidden = body.inputs[:c], body.inputs[c + m :]
    with open_body() as level:
        bars = [level.input(f"d {x.name}", x.shape, x.dtype) for x in _picked(starts, moving)]
        sums = [level.input(f"d {x.name}", x.shape, x.dtype) for x in _picked(hidden, wanted_h)]
        before = [level.like(x) for x in body.inputs[: c + m]]
        arriving = [
            level.input("d result", *aval(x)) for x in _picked(body.outputs[c:], kinds.results)
        ]
        stored = [level.input(f"d {x.name}", x.shape, x.dtype) for x in _picked(starts, kinds.stored)]
        besides = [level.like(x) for x in hidden]
        inputs = [*bars, *sums, *before, *arriving, *stored, *besides]
        nodes = [x.node for x in inputs]
        seed, seed_y = iter(bars), iter(arriving)
        seeds = [
            *(next(seed) if on else None for on in moving),
            *(next(seed_y) if on else None for on in kinds.results),
        ]
        found = pull_through(body, [*before, *besides], (*moving, *kinds.wanted), seeds)
        extra, total = iter(stored), iter(sums)
        new = []
        for x, part, on, has_more in zip(starts, found[:c], moving, kinds.stored, strict=True):
            if not on:
                continue
            part = zeros_for(x) if part is None else as_strong(part, x.dtype)
            new.append(part + next(extra) if has_more else part)
        for x, part, on in zip(hidden, found[c + m :], wanted_h, strict=True):
            if on:
                so_far = next(total)
                new.append(so_far if part is None else so_far + as_strong(part, x.dtype))
        present = tuple(part is not None for part in found[c : c + m])
        rows = [
            as_strong(part, x.dtype)
            for x, part in zip(body.inputs[c : c + m], found[c : c + m], strict=True)
            if part is not None
        ]
        graph = level.graph(nodes, [*new, *rows], f"{body.name} backward")
    assert not level.captured, "the graph of a body reads nothing but its inputs"
    body.derived[key] = made = (graph, present, level.arrays)
    return made


def _pushed(
    body: Graph, c: int, m: int, moving: Flags, given: Flags, store: bool
) -> tuple[Graph, Flags, list[Any]]:
    """The body of the forward loop of tangents, kept with the body."""
    key = ("push", c, m, moving, given, store)
    if key in body.derived:
        return body.derived[key]  # type: ignore[no-any-return]
    starts, rest = body.inputs[:c], body.inputs[c:]
    with open_body() as level:
        dots = [level.input(f"t {x.name}", x.shape, x.dtype) for x in _picked(starts, moving)]
        before = [level.like(x) for x in body.inputs[: c + m]]
        dots_x = [level.input(f"t {x.name}", x.shape, x.dtype) for x in _picked(rest[:m], given[:m])]
        besides = [level.like(x) for x in rest[m:]]
        dots_h = [level.input(f"t {x.name}", x.shape, x.dtype) for x in _picked(rest[m:], given[m:])]
        inputs = [*dots, *before, *dots_x, *besides, *dots_h]
        nodes = [x.node for x in inputs]
        waiting = iter([*dots, *dots_x, *dots_h])
        tangents = [next(waiting) if on else None for on in (*moving, *given)]
        found = push_through(body, [*before, *besides], tangents)
        new = [
            zeros_for(x) if t is None else as_strong(t, x.dtype)
            for x, t, on in zip(starts, found[:c], moving, strict=True)
            if on
        ]
        present = tuple(t is not None for t in found[c:])
        rows = [as_strong(t, aval(x)[1]) for x, t in zip(body.outputs[c:], found[c:], strict=True) if t is not None]
        graph = level.graph(nodes, [*new, *rows, *(dots if store else [])], f"{body.name} forward")
    assert not level.captured, "the graph of a body reads nothing but its inputs"
    body.derived[key] = made = (graph, present, level.arrays)
    return made


scan_op: Op = joint(
    "chainrule.scan", _run_scan, _infer_scan, _pull_scan, _push_scan, keeps=(0, -1), infer_weak=_weak_scan
)
while_op: Op = joint(
    "chainrule.while_loop", _run_while, _infer_while, _pull_while, _push_while, keeps=(0, -1), infer_weak=_weak_while
)
