"""Sparse matrices of derivatives: their patterns, and directions that tell many columns at once."""

from chainrule.differentiate.sparse.matrices import SparseDerivative, sparse_hessian, sparse_jacobian

__all__ = ["SparseDerivative", "sparse_hessian", "sparse_jacobian"]
