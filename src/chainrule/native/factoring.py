"""One factorisation for all equations, inverses and determinants of the same matrix.

The derivative of what is made of a matrix takes its factors again: that of ``solve(x, y)`` solves with the transpose of
x, that of ``slogdet(x)`` has the inverse.
"""

from collections import Counter
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node
from chainrule.native.dense import MOST_ROWS_IN_LANES, can_solve
from chainrule.ops import linalg
from chainrule.ops.lu import packed_with_exchanges
from chainrule.ops.op import Op
from chainrule.ops.outputs import Outputs
from chainrule.ops.shapes import transpose
from chainrule.passes.rewriting import with_inputs, with_outputs

__all__ = ["factored_once", "swaps_last"]

#: Smaller matrices are solved in registers.
_FEWEST_ROWS = 9

#: What has been made of a matrix: by the name of the operation, the matrix and the dtype.
_Made = dict[tuple[str, Node, np.dtype[Any]], Node]


def factored_once(graph: Graph) -> Graph:
    """Factor a matrix once that several operations take.

    Parameters
    ----------
    graph : Graph
        Stays as it is.

    Returns
    -------
    Graph
        The same graph where there is nothing to do.
    """
    counts = Counter(_matrix(node)[:2] for node in graph.nodes if _can_share(node))
    if max(counts.values(), default=0) < 2:
        return graph
    made: dict[Node, Any] = {x: x for x in graph.inputs}
    factors: _Made = {}
    for node in graph.nodes:
        made[node] = with_inputs(node, tuple(made[x] if isinstance(x, Node) else x for x in node.inputs))
        if _can_share(node) and counts[_matrix(node)[:2]] > 1:
            made[node] = _by_factors(made[node], factors)
    return with_outputs(graph, (made[x] if isinstance(x, Node) else x for x in graph.outputs), graph.inputs)


def _can_share(node: Node) -> bool:
    if node.op.name not in _BY_FACTORS or not isinstance(node.inputs[0], Node) or not can_solve(node):
        return False
    *stack, rows, _ = node.inputs[0].shape
    return not isinstance(rows, int) or rows > (MOST_ROWS_IN_LANES if stack else _FEWEST_ROWS - 1)


def _matrix(node: Node) -> tuple[Node, np.dtype[Any], bool]:
    """What is factored, in which dtype, and whether the operation takes its transpose."""
    x, trans = node.inputs[0], False
    while x.op is transpose and isinstance(x.inputs[0], Node) and swaps_last(x.params["axes"]):
        x, trans = x.inputs[0], not trans
    return x, node.dtype[0] if isinstance(node.dtype, tuple) else node.dtype, trans


def swaps_last(axes: tuple[int, ...]) -> bool:
    """Say whether a transpose is one of matrices in the last two axes."""
    rank = len(axes)
    return axes == (*range(rank - 2), rank - 1, rank - 2)


def _by_factors(node: Node, made: _Made) -> Node:
    x, dtype, trans = _matrix(node)
    shape, _ = _infer_kept(x, dtype=dtype)
    factors = made.setdefault((_KEPT.name, x, dtype), Node(_KEPT, (x,), {"dtype": dtype}, shape, dtype))
    op = _BY_FACTORS[node.op.name]
    inputs = (factors, x, *node.inputs[1:])
    if op is _SOLVE:
        return Node(op, inputs, {"trans": trans}, node.shape, node.dtype)
    found = made.setdefault((op.name, x, dtype), Node(op, inputs, {}, node.shape, node.dtype))
    if not trans or op not in (_INV, _COFACTORS):
        return found
    rank = len(node.shape)
    return Node(transpose, (found,), {"axes": (*range(rank - 2), rank - 1, rank - 2)}, node.shape, node.dtype)


# Through NumPy each takes the matrix itself, so that errors and singular matrices are NumPy's.


def _infer_kept(x: Any, *, dtype: np.dtype[Any]) -> Any:
    *stack, n, _ = x.shape
    return (*stack, n + 1, n), dtype


def _solve(f: Any, x: Any, y: Any, *, trans: bool) -> Any:
    return np.linalg.solve(x.mT if trans else x, y)


def _infer_solve(f: Any, x: Any, y: Any, *, trans: bool) -> Any:
    return linalg.solve.infer(x, y)


_KEPT = Op("lu_kept", packed_with_exchanges, _infer_kept)
_SOLVE = Op("solve_by_lu", _solve, _infer_solve)
_INV = Op("inv_by_lu", lambda f, x: np.linalg.inv(x), lambda f, x: linalg.inv.infer(x))
_DET = Op("det_by_lu", lambda f, x: np.linalg.det(x), lambda f, x: linalg.det.infer(x))
_SLOGDET = Op("slogdet_by_lu", lambda f, x: Outputs(np.linalg.slogdet(x)), lambda f, x: linalg.slogdet.infer(x))
_COFACTORS = Op("cofactors_by_lu", lambda f, x: linalg.cofactors(x), lambda f, x: linalg.cofactors.infer(x))

_BY_FACTORS = {
    "np.linalg.solve": _SOLVE,
    "np.linalg.inv": _INV,
    "np.linalg.det": _DET,
    "np.linalg.slogdet": _SLOGDET,
    "cofactors": _COFACTORS,
}
