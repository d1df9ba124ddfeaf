"""The computation graph: nodes, topological order, the checks on it and its text form.

A node names an operation and where its inputs come from. It holds no value of its own: what a graph computes is said by
`chainrule.evaluate`, and a value that does not depend on the graph's inputs stands among the inputs of a node as the
plain constant that it is.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.errors import GraphError, OptionError
from chainrule.lengths import Length, settle

__all__ = ["Graph", "Node", "topological_order", "verify"]

#: Sizes for which a graph with an open leading size keeps what was made of it.
_SIZES_KEPT = 16


class Node:
    """One operation in a graph, immutable once made.

    A plain class with slots, because one is made for every operation recorded.

    Attributes
    ----------
    op : chainrule.ops.op.Op or None
        The operation; None for an input of the graph.
    inputs : tuple
        Nodes, and constants (arrays or Python numbers) where an input does not depend on the graph's inputs.
    params : dict
        What is fixed when the operation is recorded, such as an axis; for an input of the graph its name.
    shape : tuple of int
        Shape of the result; with several outputs a tuple of shapes. A length that only evaluation tells, such as the
        number of steps of a while loop, is None; one that follows from the number of rows is a `Length`.
    dtype : numpy.dtype
        Data type of the result; with several outputs a tuple of them.
    weak : bool
        True for a result that is a Python number, which does not widen a NumPy dtype that it meets; with several
        outputs a tuple, or False for all of them.
    group : str or None
        Name of the NumPy or SciPy function that this operation is a part of, such as ``np.var``.
    kept : tuple
        On the tape of a derivative: what its rules read, ``(ans, *inputs)``, or an empty tuple where they read nothing.
        What need not be kept of that is None, or the node of it. Empty in a graph, whose nodes hold no values.
    line : str
        The user's line, as `chainrule.errors.user_line` gives it. Only in the body of a loop or branch, and only of
        operations without derivative: the derivative is asked for somewhere else. Not set otherwise.
    """

    __slots__ = ("dtype", "group", "inputs", "kept", "line", "op", "params", "shape", "weak")
    line: str

    def __init__(
        self,
        op: Any,
        inputs: tuple[Any, ...],
        params: dict[str, Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        weak: bool = False,
        group: str | None = None,
        kept: tuple[Any, ...] = (),
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.weak = weak
        self.group = group
        self.kept = kept

    @property
    def ndim(self) -> int:
        """Number of axes of the result."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries of the result."""
        return math.prod(self.shape)

    @property
    def name(self) -> str:
        """Name of the operation, or of the input."""
        return str(self.params["name"]) if self.op is None else str(self.op.name)

    def __repr__(self) -> str:
        return f"<{self.name}: {type_text(self)}>"


class Graph:
    """A function as a graph: input nodes, and outputs computed from them.

    Attributes
    ----------
    inputs : tuple of Node
        Nodes without operation, in the order in which `chainrule.evaluate.evaluate` takes their values.
    outputs : tuple
        Nodes, or constants where an output does not depend on the inputs.
    name : str
        Name of the function that was recorded.
    specialized : str or None
        Why the graph holds for the recorded number of rows alone, where one for every number was asked for.
    least : int
        The smallest number of rows for which a graph with an open leading size holds.
    derived : dict
        Graphs made of this one, such as its derivative, kept for the next time they are asked for.
    """

    __slots__ = ("derived", "inputs", "least", "name", "outputs", "specialized")

    def __init__(self, inputs: Iterable[Node], outputs: Iterable[Any], name: str = "f") -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.name = name
        self.specialized: str | None = None
        self.least = 0
        self.derived: dict[Any, Any] = {}

    @property
    def nodes(self) -> list[Node]:
        """The operations that the outputs need, in topological order, without the inputs."""
        return [node for node in topological_order(self.outputs) if node.op is not None]

    @property
    def is_open(self) -> bool:
        """True where the leading size of an input is left open: the graph serves every number of rows."""
        return any(isinstance(length, Length) for node in self.inputs for length in node.shape)

    def rows(self, shapes: Iterable[tuple[int, ...]]) -> int:
        """Find the number of rows that the shapes of the inputs' values agree on.

        Parameters
        ----------
        shapes : iterable of tuple of int
            One for each input.

        Returns
        -------
        int
            The leading size.

        Raises
        ------
        OptionError
            Where two inputs have different numbers of rows, or there are fewer than `least`.
        """
        found: dict[str, int] = {}
        for node, shape in zip(self.inputs, shapes, strict=True):
            if node.shape and isinstance(node.shape[0], Length):
                if len(shape) != len(node.shape):
                    raise OptionError(f"{node.name} was recorded with shape {_shape_text(node.shape)}, found {shape}")
                found[node.name] = shape[0]
        if len(set(found.values())) != 1:
            listed = ", ".join(f"{name}: {rows}" for name, rows in found.items())
            raise OptionError(f"the inputs of {self.name} should have one number of rows, found {listed or 'none'}")
        rows = next(iter(found.values()))
        if rows < self.least:
            raise OptionError(f"{self.name} needs at least {self.least} rows, found {rows}")
        return rows

    def at(self, n: int) -> "Graph":
        """Make the graph for one number of rows.

        Parameters
        ----------
        n : int
            The leading size.

        Returns
        -------
        Graph
            The same operations in the same order, with plain numbers; the graph itself where nothing is open.
        """
        known: dict[int, Graph] = self.derived.get("at", {})
        made = known.get(n)
        if made is None:
            made = _with_rows(self, n)
            # A new dict, since another thread may be reading this one.
            self.derived["at"] = {**dict(list(known.items())[1 - _SIZES_KEPT :]), n: made}
        return made

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self.inputs)} inputs, {len(self.nodes)} operations>"


def topological_order(outputs: Iterable[Any]) -> list[Node]:
    """List every node that `outputs` depend on, each after its inputs.

    Parameters
    ----------
    outputs : iterable of Node
        Where to start; what is not a node is passed over.

    Returns
    -------
    list of Node
        Inputs of the graph included.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.graph import topological_order
    >>> graph = trace(lambda x: np.sin(x) * x)(1.0)
    >>> [node.name for node in topological_order(graph.outputs)]
    ['x', 'np.sin', 'np.multiply']
    """
    order: list[Node] = []
    seen: set[Node] = set()
    # An explicit stack, since a recorded loop is deeper than Python's recursion limit.
    stack: list[tuple[Node, Iterator[Any]]] = []
    for output in outputs:
        if not isinstance(output, Node) or output in seen:
            continue
        seen.add(output)
        stack.append((output, iter(output.inputs)))
        while stack:
            node, remaining = stack[-1]
            for source in remaining:
                if isinstance(source, Node) and source not in seen:
                    seen.add(source)
                    stack.append((source, iter(source.inputs)))
                    break
            else:
                stack.pop()
                order.append(node)
    return order


def verify(graph: Graph) -> None:
    """Check that a graph keeps the rules that every pass and every reader relies on.

    Parameters
    ----------
    graph : Graph
        Any graph.

    Raises
    ------
    GraphError
        Where an input is listed twice or missing from the list, a constant is neither an array nor a number, or a
        node's shape or dtype is not what its operation makes of its inputs. Where only a run tells a length of an
        input, that is left open.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.graph import verify
    >>> verify(trace(lambda x: np.sum(x**2))(np.ones(3)))
    """
    if graph.is_open:
        for n in _VERIFIED_AT:
            verify(graph.at(max(n, graph.least)))
        return
    declared = set(graph.inputs)
    if len(declared) != len(graph.inputs):
        raise GraphError(f"graph {graph.name}: an input is listed twice")
    for node in topological_order(graph.outputs):
        if node.op is None:
            if node not in declared:
                raise GraphError(f"graph {graph.name}: {node!r} is used, but is not among the inputs")
            continue
        for source in node.inputs:
            if not isinstance(source, (Node, np.ndarray, np.generic, bool, int, float, complex)):
                raise GraphError(f"graph {graph.name}: {node!r} has an input of type {type(source).__name__}")
        for part in node.params.values():
            if isinstance(part, Graph):
                verify(part)
        if any(isinstance(source, Node) and _is_open(source.shape) for source in node.inputs):
            continue  # Rules are written for known lengths.
        shape, dtype = node.op.infer(*node.inputs, **node.params)
        if shape is None:
            shape = node.shape  # A mask that is computed: only values tell how many entries it picks.
        if not _agrees(tuple(shape), node.shape) or dtype != node.dtype:
            raise GraphError(
                f"graph {graph.name}: {node!r} should have shape {tuple(shape)} and dtype {dtype} by the rule "
                f"of {node.name}"
            )


#: Numbers of rows with which a graph that serves every number is verified: a small one, and one that is no
#: usual length of another axis.
_VERIFIED_AT = (2, 47)


def _with_rows(graph: Graph, n: int) -> Graph:
    made: dict[Node, Node] = {}

    def source(x: Any) -> Any:
        return made[x] if isinstance(x, Node) else settle(x, n)

    def parameter(x: Any) -> Any:
        return x.at(n) if isinstance(x, Graph) else settle(x, n)

    for node in (*graph.inputs, *graph.nodes):
        inputs = tuple(source(x) for x in node.inputs)
        params = {name: parameter(x) for name, x in node.params.items()}
        made[node] = Node(node.op, inputs, params, settle(node.shape, n), node.dtype, node.weak, node.group)
    return Graph((made[node] for node in graph.inputs), (source(x) for x in graph.outputs), graph.name)


def _is_open(shape: tuple[Any, ...]) -> bool:
    """True where only a run tells a length."""
    return any(n is None or (isinstance(n, tuple) and None in n) for n in shape)


def _agrees(inferred: tuple[Any, ...], found: tuple[Any, ...]) -> bool:
    """Compare shapes, of which the one that was inferred may leave lengths open."""
    return len(inferred) == len(found) and all(
        _agrees(a, b) if isinstance(a, tuple) and isinstance(b, tuple) else a is None or a == b
        for a, b in zip(inferred, found, strict=True)
    )


def type_text(node: Node) -> str:
    """Write dtype and shape as ``float64[2, 3]``, with a star where the value is a Python number."""
    if isinstance(node.dtype, tuple):
        weak = node.weak or (False,) * len(node.dtype)
        return f"({', '.join(_type(*one) for one in zip(node.dtype, node.shape, weak, strict=True))})"
    return _type(node.dtype, node.shape, node.weak)


def _type(dtype: Any, shape: Any, weak: Any) -> str:
    return f"{dtype}[{', '.join('?' if n is None else str(n) for n in shape)}]{'*' if weak else ''}"


def _shape_text(shape: tuple[Any, ...]) -> str:
    return f"({', '.join(str(length) for length in shape)}{',' if len(shape) == 1 else ''})"


def constant_text(value: Any) -> str:
    """Write a constant: a number as it is, an array by its type."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return f"{value.dtype}[{', '.join(str(length) for length in value.shape)}]"
    return repr(value.item()) if isinstance(value, (np.generic, np.ndarray)) else repr(value)


def names_of(graph: Graph) -> dict[Node, str]:
    """What inputs and operations are called in the text form: ``x``, ``%0``."""
    inputs = {node: node.name for node in graph.inputs}
    return inputs | {node: f"%{number}" for number, node in enumerate(graph.nodes)}


def operation_text(node: Node, names: dict[Node, str]) -> str:
    """Write an operation as ``np.sum(%0, axis=None, keepdims=False)``; names are those of `names_of`."""
    arguments = [names[source] if isinstance(source, Node) else constant_text(source) for source in node.inputs]
    bodies = {name: value for name, value in node.params.items() if isinstance(value, Graph)}
    arguments += [f"{name}={value!r}" for name, value in node.params.items() if name not in bodies]
    arguments += [f"{name}={value.name}" for name, value in bodies.items()]
    return f"{node.name}({', '.join(arguments)})"


def _lines(graph: Graph) -> Iterator[str]:
    names = names_of(graph)
    yield f"{graph.name}({', '.join(f'{node.name}: {type_text(node)}' for node in graph.inputs)})"
    if graph.specialized:
        yield f"  for this number of rows alone: {graph.specialized}"
    rows: list[tuple[str, str]] = []
    width = 0
    for node in graph.nodes:
        part = f"  in {node.group}" if node.group and node.group != node.name else ""
        rows.append((f"  {names[node]} = {operation_text(node, names)}", type_text(node) + part))
        # The functions that an operation runs stand below it, further in; its own line is long.
        bodies = [value for value in node.params.values() if isinstance(value, Graph)]
        width = width if bodies else max(width, len(rows[-1][0]))
        rows += [(f"    {line}", "") for inside in bodies for line in _lines(inside)]
    for left, right in rows:
        yield f"{left:<{width}}  {right}" if right else left
    outputs = (names[x] if isinstance(x, Node) else constant_text(x) for x in graph.outputs)
    yield f"  return {', '.join(outputs)}"
