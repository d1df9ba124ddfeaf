"""Derivatives of plain NumPy code."""

from chainrule.differentiate.check import GradientReport, check_gradient
from chainrule.differentiate.derivatives import grad, value_and_grad, vjp
from chainrule.differentiate.matrices import hessian, jacobian
from chainrule.differentiate.modes import elementwise_grad, hvp, jvp
from chainrule.differentiate.sparse import SparseDerivative, sparse_hessian, sparse_jacobian

__all__ = [
    "GradientReport",
    "SparseDerivative",
    "check_gradient",
    "elementwise_grad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "sparse_hessian",
    "sparse_jacobian",
    "value_and_grad",
    "vjp",
]
