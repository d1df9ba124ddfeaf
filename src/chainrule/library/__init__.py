"""The second table: NumPy and SciPy functions as compositions of the primitive operations.

Importing this room registers every composition with `chainrule.trace.dispatch`.
"""

from chainrule.library import constants, joining, products, reductions, shapes, special, writing

__all__ = ["constants", "joining", "products", "reductions", "shapes", "special", "writing"]
