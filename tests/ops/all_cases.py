"""The case tables of all families, in one tuple."""

from tests.library import (
    cases_constants,
    cases_covariance,
    cases_differences,
    cases_fourier,
    cases_integrate,
    cases_joining,
    cases_linalg,
    cases_lu,
    cases_matrices,
    cases_orders,
    cases_polynomials,
    cases_rearranging,
    cases_scipy_fft,
    cases_scipy_linalg,
    cases_selecting,
    cases_signal,
    cases_sparse,
    cases_special,
    cases_stats,
    cases_ufuncs,
    cases_without_nan,
    cases_writing,
)
from tests.library import cases_products as cases_products_made
from tests.library import cases_reductions as cases_reductions_made
from tests.library import cases_shapes as cases_shapes_made
from tests.ops import cases_elementwise, cases_integrals, cases_products, cases_random, cases_reductions, cases_shapes
from tests.ops import cases_special as cases_special_elementwise

TABLES = (
    cases_elementwise,
    cases_special_elementwise,
    cases_integrals,
    cases_reductions,
    cases_products,
    cases_shapes,
    cases_random,
    cases_constants,
    cases_covariance,
    cases_differences,
    cases_fourier,
    cases_integrate,
    cases_joining,
    cases_linalg,
    cases_lu,
    cases_matrices,
    cases_orders,
    cases_polynomials,
    cases_products_made,
    cases_rearranging,
    cases_scipy_fft,
    cases_scipy_linalg,
    cases_reductions_made,
    cases_selecting,
    cases_signal,
    cases_shapes_made,
    cases_sparse,
    cases_special,
    cases_stats,
    cases_ufuncs,
    cases_without_nan,
    cases_writing,
)

CASES = tuple(case for table in TABLES for case in table.CASES)
