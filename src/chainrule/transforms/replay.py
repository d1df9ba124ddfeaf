"""A recorded graph run again on other values: plain, traced, or batched ones; and its derivatives."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.differentiate.forward import push_forward
from chainrule.differentiate.reverse import accumulate
from chainrule.errors import NoDerivativeError
from chainrule.graph import Graph, Node
from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op
from chainrule.ops.outputs import Outputs, output
from chainrule.ops.shapes import convert
from chainrule.trace.api import open_recording
from chainrule.trace.record import record
from chainrule.trace.recording import Recording
from chainrule.trace.tracer import Tracer

__all__ = [
    "apply",
    "as_strong",
    "aval",
    "is_differentiated",
    "outputs_of",
    "owned",
    "pull_through",
    "push_through",
    "replay",
    "with_arrays",
    "zeros_for",
]


def replay(graph: Graph, values: Sequence[Any], *, store: bool = False) -> list[Any]:
    """Run the operations of a graph on `values`.

    Parameters
    ----------
    graph : Graph
        What to run.
    values : sequence
        One for each input.
    store : bool
        True to have loops inside store what their derivatives read.

    Returns
    -------
    list
        The value of each output.
    """
    found: dict[Node, Any] = dict(zip(graph.inputs, values, strict=True))
    for node in graph.nodes:
        args = tuple(found[x] if isinstance(x, Node) else x for x in node.inputs)
        found[node] = apply(node, args, store=store)
    return [found[x] if isinstance(x, Node) else x for x in graph.outputs]


def apply(node: Node, args: tuple[Any, ...], *, store: bool = False) -> Any:
    """Apply the operation of a node to other inputs; what is a Python number there is one here.

    Parameters
    ----------
    node : Node
        The operation with its parameters.
    args : tuple
        Its inputs.
    store : bool
        As for `replay`.

    Returns
    -------
    array, number or traced value
        The result.
    """
    params = {**node.params, "store": True} if store and "store" in node.params else node.params
    try:
        ans = _number(node.op, args, params) if node.weak is True else node.op(*args, **params)
    except NoDerivativeError as problem:
        # What stands on the stack is where the derivative is taken.
        if not hasattr(node, "line"):
            raise
        raise NoDerivativeError(str(problem).partition("\n  at ")[0] + node.line) from None
    if isinstance(ans, Tracer) and hasattr(node, "line"):
        ans.node.line = node.line
    return ans


def _number(op: Op, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Compute what is a Python number, as Python's operators do; at every level below as well."""

    def compute(*values: Any) -> Any:
        return _number(op, values, params)

    if any(isinstance(x, Tracer) for x in args):
        return record(op, args, params, compute)
    ans = op.evaluate(*args, **params)
    return ans.item() if hasattr(ans, "item") else ans


def outputs_of(ans: Any, count: int) -> list[Any]:
    """List the outputs of an operation with several."""
    return list(ans) if isinstance(ans, Outputs) else [output(ans, k=k) for k in range(count)]


def is_differentiated(values: Sequence[Any]) -> bool:
    """Say whether a derivative is being recorded of one of some values, at any level."""
    for x in values:
        while isinstance(x, Tracer):
            if type(x.recording) is Recording and not x.recording.whole:
                return True
            x = x.value
    return False


def as_strong(x: Any, dtype: np.dtype[Any]) -> Any:
    """A value of just this dtype, which is no Python number."""
    if isinstance(x, Tracer):
        return convert(x, dtype) if x.weak or x.dtype != dtype else x
    # A dtype compared with None is compared with float64.
    return x if hasattr(x, "dtype") and x.dtype == dtype else np.asarray(x, dtype)[()]


def aval(x: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of an output of a graph: a node, or a constant."""
    return shape_of(x), x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def owned(values: Sequence[Any], inputs: Sequence[Any], graph: Graph) -> list[Any]:
    """Results that share no memory with inputs or constants, which a body may hand on; scalars as NumPy's scalars."""
    shared = {id(x) for x in (*inputs, *graph.outputs)}
    found = []
    for x in values:
        if isinstance(x, np.ndarray) and x.ndim == 0:
            found.append(x[()])
        elif isinstance(x, np.ndarray) and (x.base is not None or id(x) in shared):
            found.append(x.copy())
        else:
            found.append(x)
    return found


def zeros_for(x: Any) -> Any:
    """The derivative of an input or output of a graph by what it does not depend on."""
    return np.zeros(*aval(x))[()]


def _handles(graph: Graph, values: Sequence[Any], wanted: Sequence[bool], recording: Recording) -> list[Any]:
    return [
        Tracer(Node(None, (), {"name": node.name}, shape_of(x), node.dtype, node.weak), x, recording) if w else x
        for node, x, w in zip(graph.inputs, values, wanted, strict=True)
    ]


def _derive(graph: Graph, values: Sequence[Any], wanted: Sequence[bool], then: Callable[..., Any]) -> Any:
    with open_recording(replay) as recording:
        handles = _handles(graph, values, wanted, recording)
        sources = [h.node if w else None for h, w in zip(handles, wanted, strict=True)]
        ends = [
            y.node if isinstance(y, Tracer) and y.recording is recording else None
            for y in replay(graph, handles, store=True)
        ]
        return then(recording.entries, sources, ends)


def pull_through(
    graph: Graph,
    values: Sequence[Any],
    wanted: Sequence[bool],
    seeds: Sequence[Any],
    *,
    careful: bool | None = None,
) -> list[Any]:
    """Run a graph and its backward pass.

    Parameters
    ----------
    graph : Graph
        What to differentiate.
    values : sequence
        One for each input.
    wanted : sequence of bool
        For each input, whether its derivative is asked for.
    seeds : sequence
        The derivative by each output, or None.
    careful : bool, optional
        As in `chainrule.differentiate.reverse.accumulate`.

    Returns
    -------
    list
        The derivative by each input; None where it is not wanted or no path leads there.
    """

    def then(entries: Any, sources: list[Node | None], ends: list[Node | None]) -> list[Any]:
        derivatives: dict[Node, Any] = {}
        for end, seed in zip(ends, seeds, strict=True):
            if end is not None and seed is not None:
                before = derivatives.get(end)
                derivatives[end] = seed if before is None else before + seed
        found = iter(accumulate(entries, derivatives, [s for s in sources if s is not None], careful=careful))
        return [None if s is None else next(found) for s in sources]

    return _derive(graph, values, wanted, then)  # type: ignore[no-any-return]


def push_through(
    graph: Graph, values: Sequence[Any], tangents: Sequence[Any], *, careful: bool | None = None
) -> list[Any]:
    """Run a graph and push tangents through it.

    Parameters
    ----------
    graph : Graph
        What to differentiate.
    values : sequence
        One for each input.
    tangents : sequence
        The tangent of each input, or None.
    careful : bool, optional
        As in `chainrule.differentiate.reverse.accumulate`.

    Returns
    -------
    list
        The tangent of each output, or None.
    """

    def then(entries: Any, sources: list[Node | None], ends: list[Node | None]) -> list[Any]:
        given = {s: t for s, t in zip(sources, tangents, strict=True) if s is not None}
        found = iter(push_forward(entries, given, [e for e in ends if e is not None], careful=careful))
        return [None if e is None else next(found) for e in ends]

    return _derive(graph, values, [t is not None for t in tangents], then)  # type: ignore[no-any-return]


def with_arrays(sides: list[tuple[Graph, list[Any]]]) -> tuple[list[Graph], list[Any]]:
    """Give two graphs the same inputs: what they share, and then the large constants of the one and of the other."""
    (first, first_arrays), (second, second_arrays) = sides
    if not first_arrays and not second_arrays:
        return [first, second], []
    ours, theirs = (graph.inputs[len(graph.inputs) - len(arrays) :] for graph, arrays in sides)
    return [
        Graph((*first.inputs, *(_copy(x) for x in theirs)), first.outputs, first.name),
        Graph(
            (*second.inputs[: len(second.inputs) - len(theirs)], *(_copy(x) for x in ours), *theirs),
            second.outputs,
            second.name,
        ),
    ], [*first_arrays, *second_arrays]


def _copy(node: Node) -> Node:
    return Node(None, (), node.params, node.shape, node.dtype, node.weak)
