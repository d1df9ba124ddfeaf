"""The forward pass of derivatives: tangents pushed from the inputs to the outputs, along the same tape."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.differentiate.reverse import Entry, as_careful_as_needed, contribution
from chainrule.graph import Node
from chainrule.ops import shapes
from chainrule.ops.op import Op
from chainrule.ops.outputs import output
from chainrule.trace.tracer import Tracer

__all__ = ["push_forward"]


def push_forward(
    entries: Sequence[Entry], tangents: dict[Node, Any], outputs: Sequence[Node], *, careful: bool | None = None
) -> list[Any]:
    """Push tangents through a tape.

    Parameters
    ----------
    entries : sequence of (Node, values)
        The tape, in the order of computation; values are the output and the inputs as far as the rules read them.
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
    return as_careful_as_needed(
        lambda careful: _pass(entries, tangents.copy(), outputs, careful=careful), outputs, careful
    )


def _pass(
    entries: Sequence[Entry], tangents: dict[Node, Any], outputs: Sequence[Node], *, careful: bool
) -> dict[Node, Any]:
    last_readers: dict[Any, Node] = {}
    for node, values in entries:
        op = node.op
        if op.is_constant:
            continue
        if op is shapes.index_set:
            last_readers = last_readers or _last_readers(entries, outputs)
            array = node.inputs[0]
            may_reuse = type(array) is Node and last_readers.get(array) is node
            if _assign_in_place(tangents, node, values, may_reuse=may_reuse):
                continue
        if op.push_all is not None:
            if op is output:
                t = tangents.get(node.inputs[0], ())
                if t and t[node.params["k"]] is not None:
                    tangents[node] = t[node.params["k"]]
            else:
                _push_all(tangents, node, values)
            continue
        total = None
        for i, source in enumerate(node.inputs):
            t = tangents.get(source) if type(source) is Node else None
            if t is None:
                continue
            part = _part(op, i, t, node, values, careful=careful)
            if part is not None:
                total = part if total is None else total + part
        if total is not None:
            tangents[node] = _fit(total, node)
    return tangents


def _last_readers(entries: Sequence[Entry], outputs: Sequence[Node]) -> dict[Any, Node]:
    """Which operation reads each node last; none for outputs, which are read in the end."""
    found = {source: node for node, _ in entries for source in node.inputs if type(source) is Node}
    for node in outputs:
        found.pop(node, None)
    return found


def _assign_in_place(tangents: dict[Node, Any], node: Node, values: tuple[Any, ...], *, may_reuse: bool) -> bool:
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
    elif may_reuse and whole.base is None and sys.getrefcount(whole) <= 3:
        # The dictionary, `whole` here and the argument of getrefcount: no tangent is a view of it or the same array.
        del tangents[array]
    else:
        whole = np.array(whole)
    whole[shapes.fill(node.params["template"], values[3:])] = t
    tangents[node] = whole
    return True


def _push_all(tangents: dict[Node, Any], node: Node, values: tuple[Any, ...]) -> None:
    given = [tangents.get(source) if type(source) is Node else None for source in node.inputs]
    if all(t is None for t in given):
        return
    ans = node if values[0] is None else values[0]
    found = node.op.push_all(given, ans, *values[1:], **node.params)
    if isinstance(found, list):
        tangents[node] = found
    elif found is not None:
        tangents[node] = _fit(found, node)


def _part(op: Op, i: int, t: Any, node: Node, values: tuple[Any, ...], *, careful: bool) -> Any:
    if op.partials is not None:
        partial = op.partials[i]
        assert partial is not None, "recording refuses an operation without rule"
        if partial.constant is None:
            return contribution(partial, t, values, careful=careful)
        return None if partial.constant == 0 else t if partial.constant == 1 else partial.constant * t
    # A structural operation that keeps nothing has an empty tape entry; its rules read shapes from the nodes.
    ans, *inputs = values
    if op.push is not None:
        return op.push(i, t, node if ans is None else ans, *inputs, **node.params)
    inputs[i] = t
    return op(*inputs, **node.params)


def _fit(total: Any, node: Node) -> Any:
    """Bring a tangent to the shape and dtype of the value it belongs to."""
    if type(total) in (float, complex):
        return total.real if node.dtype.kind == "f" else total
    if total.dtype != node.dtype:
        if node.dtype.kind != "c" and total.dtype.kind == "c":
            total = np.real(total)
        total = shapes.convert(total, node.dtype)
    if total.shape != node.shape:
        total = shapes.broadcast_to(total, shape=node.shape)
    return total if isinstance(total, Tracer) or node.shape else total[()]
