"""The table of primitive operations, one file for each family."""

from chainrule.ops.elementwise import ELEMENTWISE
from chainrule.ops.op import Op
from chainrule.ops.products import PRODUCTS
from chainrule.ops.random import RANDOM
from chainrule.ops.reductions import REDUCTIONS
from chainrule.ops.shapes import SHAPES

__all__ = ["PRIMITIVES", "Op"]

#: Every primitive operation by name.
PRIMITIVES: dict[str, Op] = {op.name: op for op in (*ELEMENTWISE, *REDUCTIONS, *SHAPES, *PRODUCTS, *RANDOM)}
