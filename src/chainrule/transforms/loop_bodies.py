"""The bodies of the loops that are derivatives of loops, made of the body of the loop and kept with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.trace.recording import arrays_entering
from chainrule.trace.symbolic import open_body
from chainrule.transforms.replay import as_strong, aval, pull_through, push_through, replay, with_arrays, zeros_for

__all__ = [
    "Flags",
    "Pulled",
    "is_smooth",
    "moving_carries",
    "picked",
    "pulled_body",
    "pushed_body",
    "waiting_body",
    "with_quick",
]

Flags = tuple[bool, ...]

#: A body, which of the results that were asked for it gives, and the large constants that are its last inputs.
Derived = tuple[Graph, Flags, list[Any]]


@dataclass(frozen=True)
class Pulled:
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


def picked(values: Sequence[Any], flags: Sequence[bool]) -> list[Any]:
    """The values whose flag is set."""
    return [x for x, on in zip(values, flags, strict=True) if on]


def is_smooth(node: Node) -> bool:
    """Say whether a derivative by the value of a node can exist."""
    return node.dtype.kind in "fc"


def moving_carries(body: Graph, carries: int, sequences: int, wanted: Sequence[bool]) -> tuple[list[bool], list[bool]]:
    """Which carries, and which results, depend smoothly on the inputs that are differentiated by."""
    moving = [w and is_smooth(x) for w, x in zip(wanted[:carries], body.inputs, strict=False)]
    while True:
        on = {x for x, w in zip(body.inputs, (*moving, *wanted[carries:]), strict=True) if w and is_smooth(x)}
        for node in body.nodes:
            if not node.op.is_constant and any(isinstance(x, Node) and x in on for x in node.inputs):
                on.add(node)
        ends = [isinstance(x, Node) and x in on and is_smooth(x) for x in body.outputs]
        grown = [a or b for a, b in zip(moving, ends[:carries], strict=True)]
        if grown == moving:
            return moving, ends[carries:]
        moving = grown


def pulled_body(body: Graph, c: int, m: int, kinds: Pulled) -> Derived:
    """The body of the backward loop, kept with the body.

    Its carries are the derivatives by the carries and the sums for what is read besides; its sequences the carries
    stored, the sequences, and the derivatives that arrive at results and stored carries.
    """
    key = ("pull", c, m, kinds)
    if key not in body.derived:
        body.derived[key] = _in_two_forms(body, lambda graph, careful: _pull(graph, c, m, kinds, careful))
    return body.derived[key]  # type: ignore[no-any-return]


def _in_two_forms(body: Graph, make: Callable[[Graph, bool], Derived]) -> Derived:
    """A derivative in which zero stays zero, and beside it the quick form, which is right where no NaN comes out."""
    graph, present, arrays = make(body, True)
    quick, also_present, more = make(body.derived.get("quick", body), False)
    if present != also_present:
        return graph, present, arrays
    whole, shared = with_quick((graph, arrays), (quick, more))
    return whole, present, shared


def with_quick(graph: tuple[Graph, list[Any]], quick: tuple[Graph, list[Any]]) -> tuple[Graph, list[Any]]:
    """Keep the quick form of a body with it; both take the same inputs."""
    (whole, short), arrays = with_arrays([graph, quick])
    if len(short.nodes) < len(whole.nodes):
        whole.derived["quick"] = short
    return whole, arrays


def _pull(body: Graph, c: int, m: int, kinds: Pulled, careful: bool) -> Derived:
    moving, wanted_h = kinds.moving, kinds.wanted[m:]
    starts, hidden = body.inputs[:c], body.inputs[c + m :]
    with open_body() as level, arrays_entering(None):
        bars = [level.input(f"d {x.name}", x.shape, x.dtype) for x in picked(starts, moving)]
        sums = [level.input(f"d {x.name}", x.shape, x.dtype) for x in picked(hidden, wanted_h)]
        before = [level.like(x) for x in body.inputs[: c + m]]
        arriving = [level.input("d result", *aval(x)) for x in picked(body.outputs[c:], kinds.results)]
        stored = [level.input(f"d {x.name}", x.shape, x.dtype) for x in picked(starts, kinds.stored)]
        besides = [level.like(x) for x in hidden]
        inputs = [*bars, *sums, *before, *arriving, *stored, *besides]
        nodes = [x.node for x in inputs]
        seed, seed_y = iter(bars), iter(arriving)
        seeds = [
            *(next(seed) if on else None for on in moving),
            *(next(seed_y) if on else None for on in kinds.results),
        ]
        found = pull_through(body, [*before, *besides], (*moving, *kinds.wanted), seeds, careful=careful)
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
    return graph, present, level.arrays


def pushed_body(body: Graph, c: int, m: int, moving: Flags, given: Flags, store: bool) -> Derived:
    """The body of the forward loop of tangents, kept with the body."""
    key = ("push", c, m, moving, given, store)
    if key not in body.derived:
        body.derived[key] = _in_two_forms(
            body, lambda graph, careful: _push(graph, c, m, moving, given, store, careful)
        )
    return body.derived[key]  # type: ignore[no-any-return]


def _push(body: Graph, c: int, m: int, moving: Flags, given: Flags, store: bool, careful: bool) -> Derived:
    starts, rest = body.inputs[:c], body.inputs[c:]
    with open_body() as level, arrays_entering(None):
        dots = [level.input(f"t {x.name}", x.shape, x.dtype) for x in picked(starts, moving)]
        before = [level.like(x) for x in body.inputs[: c + m]]
        dots_x = [level.input(f"t {x.name}", x.shape, x.dtype) for x in picked(rest[:m], given[:m])]
        besides = [level.like(x) for x in rest[m:]]
        dots_h = [level.input(f"t {x.name}", x.shape, x.dtype) for x in picked(rest[m:], given[m:])]
        inputs = [*dots, *before, *dots_x, *besides, *dots_h]
        nodes = [x.node for x in inputs]
        waiting = iter([*dots, *dots_x, *dots_h])
        tangents = [next(waiting) if on else None for on in (*moving, *given)]
        found = push_through(body, [*before, *besides], tangents, careful=careful)
        new = [
            zeros_for(x) if t is None else as_strong(t, x.dtype)
            for x, t, on in zip(starts, found[:c], moving, strict=True)
            if on
        ]
        present = tuple(t is not None for t in found[c:])
        rows = [as_strong(t, aval(x)[1]) for x, t in zip(body.outputs[c:], found[c:], strict=True) if t is not None]
        graph = level.graph(nodes, [*new, *rows, *(dots if store else [])], f"{body.name} forward")
    assert not level.captured, "the graph of a body reads nothing but its inputs"
    return graph, present, level.arrays


def waiting_body(condition: Graph, body: Graph, carries: int) -> Graph:
    """The body of a while loop that leaves the carry as it is where the condition fails; kept with the body.

    In a batch the examples that are done wait so for the others, and their derivative passes the steps of waiting.
    """
    key = ("waiting", condition)
    if key not in body.derived:
        with open_body() as level, arrays_entering(None):
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
