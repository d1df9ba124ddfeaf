"""The names of graphs on disk, which are the same in every process."""

from collections.abc import Hashable, Iterator

import numpy as np

from chainrule.graph import Graph
from chainrule.lengths import Length, Quotient
from chainrule.native.cache_keys import key_of
from chainrule.ops import PRIMITIVES, Op
from chainrule.ops.outputs import output
from chainrule.ops.shapes import SLOT
from chainrule.passes.keys import graph_key
from chainrule.transforms.branches import cond_op
from chainrule.transforms.loops import scan_op, while_op
from chainrule.transforms.recompute import recompute_op

__all__ = ["bodies_of", "name_of"]

_OPS = {**PRIMITIVES, **{op.name: op for op in (output, scan_op, while_op, cond_op, recompute_op)}}


class _Unknown(Exception):
    """Something has no name that another process would know."""


def name_of(kind: str, graph: Graph, facts: Hashable) -> str | None:
    """Name what follows from a graph.

    Parameters
    ----------
    kind : str
        What it is.
    graph : Graph
        Any graph.
    facts : hashable
        Tuples, numbers and texts: what it follows from besides.

    Returns
    -------
    str or None
        For `chainrule.native.cache`. None where something in the graph has no name that another process would know,
        such as an operation that a function of the user's defines.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import trace
    >>> from chainrule.native.graph_names import name_of
    >>> double, also, triple = (trace(lambda x, k=k: k * x)(np.ones(3)) for k in (2.0, 2.0, 3.0))
    >>> name_of("code", double, 1) == name_of("code", also, 1), name_of("code", double, 1) == name_of("code", triple, 1)
    (True, False)
    >>> name_of("code", double, 1) == name_of("code", double, 2)
    False
    """
    # Loops take the quick form of a body where there is one.
    quick = (body.derived.get("quick") for body in bodies_of(graph))
    parts: list[str] = []
    try:
        _write((graph_key(graph), tuple(None if found is None else graph_key(found) for found in quick), facts), parts)
    except _Unknown:
        return None
    return key_of(kind, " ".join(parts))


def _write(x: Hashable, parts: list[str]) -> None:
    """Write a key as text, which is the same in every process; tuples are almost all there is."""
    kind = type(x)
    if kind is tuple:
        parts.append("(")
        for part in x:  # type: ignore[attr-defined]
            _write(part, parts)
        parts.append(")")
    elif x is None or x is Ellipsis or x is SLOT or kind in (bool, int, float, str, bytes):
        parts.append(repr(x))
    elif isinstance(x, np.dtype):
        parts.append(f"dtype {x.str}")
    elif isinstance(x, Op):
        # What a user's function defines under a name may be something else the next time.
        if _OPS.get(x.name) is not x:
            raise _Unknown
        parts.append(f"op {x.name}")
    elif isinstance(x, type):
        parts.append(f"type {x.__module__}.{x.__qualname__}")
    elif isinstance(x, Length):
        parts.append("length")
        _write((x.factor, x.offset, x.kind), parts)
    elif isinstance(x, Quotient):
        parts.append("quotient")
        _write((type(x.numerator), repr(x.numerator), x.length, x.kind), parts)
    else:
        raise _Unknown


def bodies_of(graph: Graph) -> Iterator[Graph]:
    """The graphs inside of operations, theirs included."""
    for node in graph.nodes:
        for x in node.params.values():
            if isinstance(x, Graph):
                yield x
                yield from bodies_of(x)
