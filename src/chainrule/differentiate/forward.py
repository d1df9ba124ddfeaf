"""The forward pass of derivatives: tangents pushed from the inputs to the outputs, along the same tape."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.differentiate.reverse import as_careful_as_needed, careful_product, complete, contribution
from chainrule.graph import Node
from chainrule.ops import shapes
from chainrule.ops.op import Op
from chainrule.ops.outputs import output
from chainrule.trace.tracer import Tracer

__all__ = ["last_reads", "push_forward"]


def push_forward(
    entries: Sequence[Node], tangents: dict[Node, Any], outputs: Sequence[Node], *, careful: bool | None = None
) -> list[Any]:
    """Push tangents through a tape.

    Parameters
    ----------
    entries : sequence of Node
        The tape: operations in the order of computation, with the values that their rules read.
    tangents : dict
        The tangent of each input: the direction in which it moves.
    outputs : sequence of Node
        Whose tangents are wanted.
    careful : bool, optional
        As in `chainrule.differentiate.reverse.accumulate`.

    Returns
    -------
    list
        The tangent of each output; None where no input with a tangent leads to it.
    """
    last = last_reads(entries, outputs)
    return as_careful_as_needed(
        lambda careful: _pass(entries, tangents.copy(), last, careful=careful), outputs, careful
    )


def last_reads(entries: Sequence[Node], outputs: Sequence[Node]) -> list[Sequence[Node]]:
    """For each operation the nodes that it reads last; what is asked for in the end is never among them."""
    seen = set(outputs)
    found: list[Sequence[Node]] = []
    for node in reversed(entries):
        last = [x for x in node.inputs if type(x) is Node and x not in seen]
        seen.update(last)
        found.append(last)
    found.reverse()
    return found


def _pass(
    entries: Sequence[Node], tangents: dict[Node, Any], last: Sequence[Sequence[Node]], *, careful: bool
) -> dict[Node, Any]:
    done: Sequence[Node] = ()
    for node, reads in zip(entries, last, strict=True):
        # A tangent that nobody reads any more is given up, so that its memory serves the next.
        for x in done:
            tangents.pop(x, None)
        done = reads
        op = node.op
        if op.is_constant:
            continue
        if op is shapes.index_set and _assign_in_place(
            tangents, node, may_reuse=any(x is node.inputs[0] for x in reads)
        ):
            continue
        if op.push_all is not None:
            if op is output:
                t = tangents.get(node.inputs[0], ())
                if t and t[node.params["k"]] is not None:
                    tangents[node] = t[node.params["k"]]
            else:
                _push_all(tangents, node)
            continue
        total = None
        for i, source in enumerate(node.inputs):
            t = tangents.get(source) if type(source) is Node else None
            if t is None:
                continue
            part = _part(op, i, t, node, careful=careful)
            if part is not None:
                total = part if total is None else total + part
        if total is not None:
            tangents[node] = _fit(total, node)
    return tangents


def _assign_in_place(tangents: dict[Node, Any], node: Node, *, may_reuse: bool) -> bool:
    """Assign the tangent of an item into the tangent of the array, where nothing else reads that any more.

    A loop that fills an array so takes time in proportion to its length, not to its square.
    """
    array, item = node.inputs[:2]
    t = tangents.get(item, 0) if type(item) is Node else 0
    whole = tangents.get(array) if type(array) is Node else None
    if isinstance(t, Tracer) or isinstance(whole, Tracer):
        return False
    if whole is None:
        if type(item) is not Node or item not in tangents:
            return True  # Nothing that moves is assigned into something that does not move.
        whole = np.zeros(node.shape, node.dtype)
    elif may_reuse and type(whole) is np.ndarray and whole.base is None and sys.getrefcount(whole) <= 3:
        # The dictionary, `whole` here and the argument of getrefcount: no tangent is a view of it or the same array.
        del tangents[array]
    else:
        whole = np.array(whole)
    whole[shapes.fill(node.params["template"], complete(node)[1][2:])] = t
    tangents[node] = whole
    return True


def _push_all(tangents: dict[Node, Any], node: Node) -> None:
    given = [tangents.get(source) if type(source) is Node else None for source in node.inputs]
    if all(t is None for t in given):
        return
    ans, inputs = complete(node)
    found = node.op.push_all(given, ans, *inputs, **node.params)
    if isinstance(found, list):
        tangents[node] = found
    elif found is not None:
        tangents[node] = _fit(found, node)


def _part(op: Op, i: int, t: Any, node: Node, *, careful: bool) -> Any:
    if op.partials is not None:
        partial = op.partials[i]
        assert partial is not None, "recording refuses an operation without rule"
        if partial.constant is None:
            return contribution(partial, t, node.kept, careful=careful)
        return None if partial.constant == 0 else t if partial.constant == 1 else partial.constant * t
    ans, inputs = complete(node)
    if op.push is not None:
        return op.push(i, t, ans, *inputs, **node.params)
    if careful and op.is_multilinear:
        return careful_product(
            lambda t, *factors: op(*factors[:i], t, *factors[i:], **node.params), t, inputs[:i] + inputs[i + 1 :]
        )
    return op(*inputs[:i], t, *inputs[i + 1 :], **node.params)


def _fit(total: Any, node: Node) -> Any:
    """Bring a tangent to the shape and dtype of the value it belongs to."""
    if type(total) in (float, complex):
        total = total.real if node.dtype.kind == "f" else total
        return np.full(node.shape, total, node.dtype) if node.shape else total
    if total.dtype != node.dtype:
        if node.dtype.kind != "c" and total.dtype.kind == "c":
            total = np.real(total)
        total = shapes.convert(total, node.dtype)
    if total.shape != node.shape:
        total = shapes.broadcast_to(total, shape=node.shape)
    return total if isinstance(total, Tracer) or node.shape else total[()]
