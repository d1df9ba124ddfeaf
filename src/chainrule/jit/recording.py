"""Recording a function for a signature: as a graph of its arguments and of the arrays that it reads from outside.

The function runs without values. Where it takes a decision on a traced value, such as ``if x > 0``, that one value is
computed for the call at hand; what was decided on is then an output of the graph, and what came out belongs to the path
that was recorded.
"""

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.graph import Graph, Node, topological_order
from chainrule.jit.signature import Kind, Signature
from chainrule.trace.buffer import settled
from chainrule.trace.recording import arrays_entering
from chainrule.trace.symbolic import NO_VALUE, Body, Symbolic, open_body
from chainrule.trace.tracer import Tracer
from chainrule.trace.unify import Recorded

__all__ = ["Found", "record"]


@dataclass(frozen=True)
class Found:
    """One recording.

    Attributes
    ----------
    graph : Graph
        Its inputs are the arguments, then arrays read from elsewhere. Its outputs are the results, then the decisions.
    arrays : list of tuple of ndarray
        Those arrays, each with its entries when it was read.
    structure : tree.Structure
        Of the result.
    results : tuple
        For each leaf of the result the number of the output, or in a `Constant` what is no number.
    decisions : tuple
        What came out of each decision.
    lines : dict
        The user's line behind each node.
    """

    graph: Graph
    arrays: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    structure: tree.Structure
    results: tuple[Any, ...]
    decisions: tuple[Any, ...]
    lines: dict[Node, str]

    def recorded(self, rows: int = 0) -> Recorded:
        """As `chainrule.trace.unify` compares recordings."""
        return Recorded(self.graph, rows, self.lines)


@dataclass(frozen=True)
class Constant:
    """A leaf of the result that is no number and no array."""

    value: Any


def record(
    f: Callable[..., Any],
    signature: Signature,
    shapes: Sequence[tuple[int, ...]] | None = None,
    *,
    values: Sequence[Any] | None = None,
    careful: bool = False,
) -> Found:
    """Record a function.

    Parameters
    ----------
    f : callable
        The function.
    signature : Signature
        What it is called with.
    shapes : sequence of tuple of int, optional
        Shapes of the arguments, where they are to differ from those of the signature.
    values : sequence, optional
        The numbers and arrays that decisions are taken on; without them a decision raises.
    careful : bool
        Whether derivatives let zero stay zero.

    Returns
    -------
    Found
        The graph, and what it reads besides the arguments.

    Raises
    ------
    TraceError
        Where something cannot be followed.
    """
    kinds = signature.kinds
    shapes = [kind.shape for kind in kinds] if shapes is None else shapes
    body = _OuterBody(None if values is None else {})
    with open_body(inspect.unwrap(f), careful=careful, body=body), arrays_entering(body.traced):
        body.lines = {}
        handles = [
            body.input(name, shape, kind.dtype, kind.weak)
            for name, shape, kind in zip(signature.names(f), shapes, kinds, strict=True)
        ]
        inputs = [handle.node for handle in handles]
        if values is not None:
            body.values = {node: _given(x, kind) for node, x, kind in zip(inputs, values, kinds, strict=True)}
        remaining = iter(handles)
        leaves = [next(remaining) if isinstance(leaf, Kind) else leaf.value for leaf in signature.leaves]
        args, kwargs = signature.structure.unflatten(leaves)
        found, structure = tree.flatten(f(*args, **kwargs))
        outputs: list[Any] = []
        results: list[Any] = []
        for leaf in map(settled, found):
            if isinstance(leaf, Tracer) or _is_numeric(leaf):
                results.append(len(outputs))
                outputs.append(leaf)
            else:
                results.append(Constant(leaf))
        graph = body.graph(inputs, [*outputs, *body.conditions], getattr(f, "__name__", "f"))
    return Found(graph, body.read, structure, tuple(results), tuple(body.decisions), body.lines)


def _is_numeric(x: Any) -> bool:
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype.kind in "fciub"
    return type(x) in (int, float, complex, bool)


def _given(x: Any, kind: Kind) -> Any:
    """A value as decisions see it: a plain array in the machine's byte order."""
    return np.asarray(x, kind.dtype) if kind.form is np.ndarray else x


#: Operations that may pick by a mask, with the number of inputs before the indices.
_BY_MASK = {"index": 1, "index_add": 1, "index_set": 2}


class _OuterBody(Body):
    """The level of a function that is compiled: arrays are inputs, and decisions are noted.

    Attributes
    ----------
    read : list of tuple of ndarray
        The arrays that became inputs, each with a copy from the time when it was read.
    conditions : list
        What was decided on, as traced values.
    decisions : list
        What came out.
    values : dict or None
        What nodes are for the call at hand, as far as a decision needed it; None where decisions are not allowed.
    """

    __slots__ = ("_known", "_masks", "conditions", "decisions", "read", "values")

    def __init__(self, values: dict[Node, Any] | None) -> None:
        super().__init__()
        self._known: dict[int, list[int]] = {}
        self._masks: dict[Node, np.ndarray[Any, Any]] = {}
        self.read: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        self.conditions: list[Any] = []
        self.decisions: list[Any] = []
        self.values = values

    def input(self, name: str, shape: tuple[int, ...], dtype: Any, weak: bool = False, value: Any = NO_VALUE) -> Any:
        made = super().input(name, shape, dtype, weak, value)
        return _Deciding(made.node, made.value, self)

    def compute(self, op: Any, args: Any, params: Any, compute: Any) -> Any:
        if self.values is not None and op.name in _BY_MASK:
            first = _BY_MASK[op.name]
            args = (*args[:first], *(self._settled_mask(x) for x in args[first:]))
        made = super().compute(op, args, params, compute)
        return _Deciding(made.node, made.value, self)

    def _settled_mask(self, x: Any) -> Any:
        """A mask that is computed, as it is in the call at hand: how many entries it picks is a decision."""
        if not (isinstance(x, Symbolic) and x.recording is self and x.dtype.kind == "b"):
            return x
        mask = self._masks.get(x.node)
        if mask is None:
            assert self.values is not None
            mask = self._masks[x.node] = np.array(_valued(x.node, self.values))
            self.conditions.append(np.all(np.equal(x, mask)))
            self.decisions.append(True)
        return mask

    def _entered(self, x: Any) -> Any:
        # Masks say how many entries they pick, and stay what they are.
        if type(x) is np.ndarray and x.ndim and x.dtype.kind in "fciu":
            return self.traced(x)
        return super()._entered(x)

    def traced(self, x: np.ndarray[Any, Any]) -> Any:
        """Make an array an input of the graph."""
        if self._closed:
            return x
        for number in self._known.get(id(x), ()):
            _, copy = self.read[number]
            if copy is x or copy.tobytes() == x.tobytes():
                return self._array_inputs[number]
        number = len(self.read)
        copy = self._holder.keep(x)  # A large one is read-only until the recording ends, instead of copied.
        self.read.append((x, copy))
        self._known.setdefault(id(x), []).append(number)
        made = self._array_inputs[number] = self.input(f"array {number}", x.shape, x.dtype)
        if self.values is not None:
            self.values[made.node] = copy
        return made

    def decided(self, x: Symbolic, look: Callable[[Any], Any]) -> Any:
        """Take a decision on the value that a traced one has in the call at hand, and note it."""
        assert self.values is not None, "asked for by a value that knows"
        outcome = look(_valued(x.node, self.values))
        self.conditions.append(x.same_handle())
        self.decisions.append(outcome)
        return outcome


def _valued(wanted: Node, values: dict[Node, Any]) -> Any:
    """Compute a node from what is known, and note everything on the way."""
    for node in topological_order([wanted]):
        if node not in values:
            with np.errstate(all="ignore"):
                ans = node.op.evaluate(*(values[x] if isinstance(x, Node) else x for x in node.inputs), **node.params)
            values[node] = ans.item() if node.weak is True and hasattr(ans, "item") else ans
    return values[wanted]


class _Deciding(Symbolic):
    """A traced value without a value, of which decisions are taken as the call at hand has them."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return bool(super().__bool__() if self.recording.values is None else self.recording.decided(self, bool))

    def __index__(self) -> int:
        if self.recording.values is None or self.dtype.kind not in "iub":
            return super().__index__()
        return int(self.recording.decided(self, operator.index))
