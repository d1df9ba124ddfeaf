"""The table of primitive operations, one file for each family."""

from chainrule.ops.cholesky import CHOLESKY
from chainrule.ops.decompositions import DECOMPOSITIONS
from chainrule.ops.elementwise import ELEMENTWISE
from chainrule.ops.fourier import FOURIER
from chainrule.ops.linalg import LINALG
from chainrule.ops.lu import LU
from chainrule.ops.matrix_functions import MATRIX_FUNCTIONS
from chainrule.ops.op import Op
from chainrule.ops.products import PRODUCTS
from chainrule.ops.random import RANDOM
from chainrule.ops.reductions import REDUCTIONS
from chainrule.ops.shapes import SHAPES
from chainrule.ops.sparse import SPARSE

__all__ = ["PRIMITIVES", "Op"]

_FAMILIES = (
    ELEMENTWISE,
    REDUCTIONS,
    SHAPES,
    PRODUCTS,
    FOURIER,
    LINALG,
    CHOLESKY,
    DECOMPOSITIONS,
    LU,
    MATRIX_FUNCTIONS,
    SPARSE,
    RANDOM,
)

#: Every primitive operation by name.
PRIMITIVES: dict[str, Op] = {op.name: op for family in _FAMILIES for op in family}
