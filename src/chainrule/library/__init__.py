"""The second table: NumPy and SciPy functions as compositions of the primitive operations.

Importing this room registers every composition with `chainrule.trace.dispatch`.
"""

from chainrule.library import (
    choices,
    constants,
    joining,
    multivariate,
    products,
    reductions,
    shapes,
    special,
    stats,
    writing,
)

__all__ = [
    "choices",
    "constants",
    "joining",
    "multivariate",
    "products",
    "reductions",
    "shapes",
    "special",
    "stats",
    "writing",
]
