"""Bodies of loops and branches: recorded with their trees, and brought to agree in shapes and dtypes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError, TraceError, user_line
from chainrule.graph import Graph, Node
from chainrule.trace.buffer import buffer, settled
from chainrule.trace.creation import recording_here
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.record import dtype_of
from chainrule.trace.symbolic import Symbolic, open_body
from chainrule.trace.tracer import Tracer
from chainrule.transforms.replay import as_strong

__all__ = [
    "Kind",
    "Recorded",
    "agreed",
    "converted",
    "handed_out",
    "kind_of",
    "leaf_kinds",
    "name_of",
    "record_body",
    "type_name",
    "with_kinds",
]


@dataclass(frozen=True)
class Kind:
    """What a body knows of a value before it runs.

    Attributes
    ----------
    shape, dtype, weak
        As in `Node`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    weak: bool = False

    def __str__(self) -> str:
        if self.weak:
            return f"a Python {self.dtype.type(0).item().__class__.__name__}"
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Recorded:
    """A body as a graph.

    Attributes
    ----------
    graph : Graph
        From the arguments, then what was captured, to the leaves of the result.
    hidden : tuple
        The values of what was captured: traced ones first, large arrays after them.
    structure : tree.Structure
        Of the result.
    kinds : tuple of Kind
        Of the leaves of the result.
    paths : tuple of str
        Where each leaf of the result stands in it.
    """

    graph: Graph
    hidden: tuple[Any, ...]
    structure: tree.Structure
    kinds: tuple[Kind, ...]
    paths: tuple[str, ...]


def name_of(f: Callable[..., Any]) -> str:
    """Name of a function, for messages."""
    return getattr(f, "__name__", type(f).__name__)


def type_name(x: Any) -> str:
    """What a value is, for messages."""
    return "one array or number" if isinstance(x, Tracer) else type(x).__name__


def kind_of(x: Any) -> Kind | None:
    """What a leaf is; None where it is neither an array nor a number."""
    if isinstance(x, Tracer):
        return Kind(x.shape, x.dtype, x.weak)
    if type(x) in (bool, int, float, complex):
        return Kind((), dtype_of(type(x)), True)
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fciub":
        return Kind(x.shape, x.dtype)
    return None


def leaf_kinds(where: str, leaves: Sequence[tuple[str, Any]]) -> list[Kind]:
    """Say of every leaf what it is.

    Raises
    ------
    TraceError
        Where a leaf is neither an array nor a number.
    """
    kinds = []
    for path, leaf in leaves:
        kind = kind_of(leaf)
        if kind is None:
            raise TraceError(
                f"{where}: {path} is of type {type(leaf).__name__}; an array, a number, or a tree of them is needed."
                f"{_instead(leaf)}{user_line()}"
            )
        kinds.append(kind)
    return kinds


def _instead(leaf: Any) -> str:
    if isinstance(leaf, range):
        return " Pass np.array of it."
    if isinstance(leaf, Iterator):
        return " Pass the arrays that it goes over, several as a tuple."
    return ""


def record_body(
    where: str,
    f: Callable[..., Any],
    inputs: Sequence[tuple[str, Kind]],
    arrange: Callable[[list[Any]], Sequence[Any]],
    split: Callable[[Any], tuple[list[tuple[str, Any]], Any]],
) -> Recorded:
    """Run a body without values.

    Parameters
    ----------
    where : str
        The function that asks for it, for messages.
    f : callable
        The body.
    inputs : sequence of (str, Kind)
        Name and kind of every leaf of its arguments.
    arrange : callable
        Makes the arguments of the leaves.
    split : callable
        Takes the result apart into the leaves with their paths, and a structure.

    Returns
    -------
    Recorded
        The body as a graph.

    Raises
    ------
    OptionError
        Where the body is no function.
    TraceError
        Where the body takes a decision on a traced value, or a leaf is neither an array nor a number.
    """
    if not callable(f):
        raise OptionError(
            f"{where}: a function is needed, but {type_name(f)} was given; for a value write lambda: value."
            f"{user_line()}"
        )
    with open_body(f) as body:
        handles = [body.input(name, kind.shape, kind.dtype, kind.weak) for name, kind in inputs]
        nodes = [handle.node for handle in handles]
        leaves, structure = split(f(*arrange(handles)))
        settled_leaves = [(path, settled(leaf)) for path, leaf in leaves]
        kinds = leaf_kinds(where, settled_leaves)
        graph = body.graph(nodes, [leaf for _, leaf in settled_leaves], name_of(f))
    hidden = (*body.captured, *body.arrays)
    return Recorded(graph, hidden, structure, tuple(kinds), tuple(path for path, _ in leaves))


def agreed(a: Kind, b: Kind) -> Kind | None:
    """What two values become where they have to be of one kind; None where they cannot.

    A Python number takes the dtype of an array that can hold it, as in arithmetic. Two Python numbers of different
    types become an array of the wider one.
    """
    if a.shape != b.shape:
        return None
    if a.dtype == b.dtype:
        return Kind(a.shape, a.dtype, a.weak and b.weak)
    if a.weak and b.weak:
        return Kind(a.shape, np.result_type(a.dtype, b.dtype))
    if not (a.weak or b.weak):
        return None
    number, array = (a, b) if a.weak else (b, a)
    python = {"b": False, "i": 0, "f": 0.0, "c": 0j}[number.dtype.kind]
    return Kind(a.shape, array.dtype) if np.result_type(python, array.dtype) == array.dtype else None


def converted(x: Any, kind: Kind) -> Any:
    """A value as one of a kind that it agreed to."""
    return x if kind.weak else as_strong(x, kind.dtype)


def handed_out(structure: tree.Structure, leaves: Sequence[Any]) -> Any:
    """The tree of results, as the user's code gets them.

    While something is recorded, traced values may be assigned into plain arrays that it makes, these included.
    """
    return structure.unflatten([buffer(x) for x in leaves] if recording_here.depth else list(leaves))


def with_kinds(graph: Graph, kinds: Sequence[Kind | None]) -> Graph:
    """The graph with its outputs brought to `kinds`, but for those that are None."""

    def differs(x: Any, kind: Kind | None) -> bool:
        return kind is not None and kind_of_output(x) != kind

    if not any(differs(x, kind) for x, kind in zip(graph.outputs, kinds, strict=True)):
        return graph
    with open_body() as body:
        handles = {node: Symbolic(node, NO_VALUE, body) for node in graph.nodes}
        handles |= {node: Symbolic(node, NO_VALUE, body) for node in graph.inputs}
        outputs = [
            converted(handles[x] if isinstance(x, Node) else x, kind) if kind is not None else handles.get(x, x)
            for x, kind in zip(graph.outputs, kinds, strict=True)
        ]
        return body.graph(graph.inputs, outputs, graph.name)


def kind_of_output(x: Any) -> Kind | None:
    """What an output of a graph is."""
    return Kind(x.shape, x.dtype, x.weak) if isinstance(x, Node) else kind_of(x)
