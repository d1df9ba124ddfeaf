"""Which operations of numpy.linalg and scipy.linalg have a native form: solving and factoring stacks of matrices.

`dense_stacks` writes them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph import Node
from chainrule.native.access import has_form

if TYPE_CHECKING:
    import llvmlite.ir as ir

    from chainrule.native.emitter import Emitter

__all__ = ["DENSE", "MOST_ROWS", "MOST_ROWS_IN_LANES", "can_solve", "has_at_most", "is_small_dense"]

#: Rows of a single matrix that is held in registers.
MOST_ROWS = 4
#: Rows of matrices of which there is one in each lane.
MOST_ROWS_IN_LANES = 12


def can_solve(node: Node) -> bool:
    """Say whether there is a native form of an operation on matrices: for real numbers, and rows to work on."""
    if not all(isinstance(x, Node | np.ndarray) and has_form(x) for x in node.inputs):
        return False
    return has_form(node) and all(0 not in x.shape[-2:] for x in node.inputs)


def is_small_dense(node: Node) -> bool:
    """True where the matrices have so few numbers that they are held in registers."""
    return has_at_most(node, (MOST_ROWS, 2 * MOST_ROWS))


def has_at_most(node: Node, sizes: tuple[int, int]) -> bool:
    """True where all matrices have at most so many rows and columns."""
    shapes = [x.shape[-2:] for x in node.inputs]
    return all(type(k) is int and k <= most for shape in shapes for k, most in zip(shape, sizes, strict=True))


def _dense(scene: Any, e: "Emitter", n: "ir.Value", node: Node, base: Any) -> None:
    # Loaded by who writes one, not by all who compile.
    from chainrule.native.dense_stacks import emit_dense_stack

    emit_dense_stack(scene, e, n, node, base)


DENSE: dict[str, Callable[[Any, "Emitter", "ir.Value", Node, Any], None]] = dict.fromkeys(
    (
        *("np.linalg.solve", "np.linalg.inv", "np.linalg.det", "np.linalg.slogdet", "np.linalg.cholesky"),
        *("cofactors", "cholesky_pullback", "scipy.linalg.solve_triangular"),
        *("lu_kept", "solve_by_lu", "inv_by_lu", "det_by_lu", "slogdet_by_lu", "cofactors_by_lu"),
    ),
    _dense,
)
