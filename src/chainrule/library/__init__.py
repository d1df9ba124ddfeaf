"""The second table: NumPy and SciPy functions as compositions of the primitive operations.

Importing this room registers every composition with `chainrule.trace.dispatch`.
"""

from chainrule.library import (
    choices,
    constants,
    covariance,
    differences,
    fourier,
    joining,
    linalg,
    matrices,
    multivariate,
    orders,
    polynomials,
    products,
    rearranging,
    reductions,
    scipy_linalg,
    selecting,
    shapes,
    signal,
    special,
    stats,
    without_nan,
    writing,
)

__all__ = [
    "choices",
    "constants",
    "covariance",
    "differences",
    "fourier",
    "joining",
    "linalg",
    "matrices",
    "multivariate",
    "orders",
    "polynomials",
    "products",
    "rearranging",
    "reductions",
    "scipy_linalg",
    "selecting",
    "shapes",
    "signal",
    "special",
    "stats",
    "without_nan",
    "writing",
]
