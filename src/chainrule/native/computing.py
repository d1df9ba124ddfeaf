"""One elementwise operation on registers: its operands brought to the dtype that NumPy computes in, and its rule."""

from collections.abc import Callable, Iterable
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.lengths import Length, Quotient
from chainrule.native.elementwise import FUNCTIONS, operand_dtypes
from chainrule.native.emitter import Emitter
from chainrule.native.sizes import size_of
from chainrule.native.types import register

__all__ = ["Literals", "can_compute", "computed", "is_literal", "literals_of"]

#: Operations that change the dtype alone, or of a single number nothing.
CONVERSIONS = frozenset({"astype", "astype_integer", "np.broadcast_to"})

Literals = dict[Length | Quotient, tuple[ir.Value, np.dtype[Any]]]

_INTEGER, _DOUBLE = np.dtype(np.int64), np.dtype(np.float64)


def is_literal(x: Any) -> bool:
    """True for an input that is one number, known or following from n, and stands in no memory."""
    return not isinstance(x, Node) and np.ndim(x) == 0


def literals_of(e: Emitter, n: ir.Value, nodes: Iterable[Node]) -> Literals:
    """Compute the numbers that follow from n, before the loops.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    nodes : iterable of Node
        The operations that may read such numbers.

    Returns
    -------
    dict
        Each as a value and its dtype: an integer, or a float of 64 bits.
    """
    found: Literals = {}
    for node in nodes:
        for x in node.inputs:
            if isinstance(x, Length):
                found[x] = size_of(x).emit(e, n), _INTEGER
            elif isinstance(x, Quotient):
                below = e.b.sitofp(size_of(x.length).emit(e, n), register(_DOUBLE))
                found[x] = e.b.fdiv(e.const(x.numerator, below.type), below), _DOUBLE
    return found


def can_compute(node: Node) -> bool:
    """Say whether an operation is elementwise and has native instructions for the dtypes at hand."""
    return _dtypes(node) is not None


def _dtypes(node: Node) -> tuple[np.dtype[Any], ...] | None:
    """What the inputs are converted to; None where there is no native form."""
    name = node.op.name
    if name == "np.broadcast_to" and not is_literal(node.inputs[0]):
        return None
    if name in CONVERSIONS:
        known = all(x.dtype.kind in "biuf" for x in node.inputs if isinstance(x, Node)) and node.dtype.kind in "biuf"
        return (node.dtype,) if known else None
    if name not in FUNCTIONS:
        return None
    kinds = [_kind(x) for x in node.inputs]
    constants = [x if is_literal(x) and not isinstance(x, (Length, Quotient)) else None for x in node.inputs]
    return operand_dtypes(name, [dtype for dtype, _ in kinds], [weak for _, weak in kinds], constants)


def _kind(x: Any) -> tuple[np.dtype[Any], bool]:
    """The dtype of an input, and whether it is a Python number."""
    if isinstance(x, Node):
        return x.dtype, x.weak is True
    if isinstance(x, (Length, Quotient)):
        kind: Any = x.kind
        return np.dtype(kind), kind in (int, float)
    return (x.dtype, False) if hasattr(x, "dtype") else (np.dtype(type(x)), True)


def computed(e: Emitter, node: Node, value_of: Callable[[Any], ir.Value], literals: Literals, lanes: int) -> ir.Value:
    """Write the instructions of an elementwise operation.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    node : Node
        The operation.
    value_of : callable
        The register that holds an input, for nodes and arrays.
    literals : dict
        As `literals_of` makes it.
    lanes : int
        Entries side by side.

    Returns
    -------
    Value
        The result.
    """
    operands = []
    dtypes = _dtypes(node)
    assert dtypes is not None, "grouping asks can_compute first"
    for source, dtype in zip(node.inputs, dtypes, strict=True):
        if isinstance(source, (Length, Quotient)):
            number, found = literals[source]
            operands.append(e.splat(e.convert(number, found, dtype), lanes))
        elif is_literal(source):
            operands.append(e.const(dtype.type(source), register(dtype, lanes)))
        else:
            operands.append(e.convert(value_of(source), source.dtype, dtype))
    return operands[0] if node.op.name in CONVERSIONS else FUNCTIONS[node.op.name](e, dtypes[-1], *operands)
