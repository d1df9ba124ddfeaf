"""Derivatives of plain NumPy code."""

from typing import TYPE_CHECKING

from chainrule.differentiate.derivatives import grad, value_and_grad, vjp
from chainrule.differentiate.matrices import hessian, jacobian
from chainrule.differentiate.modes import elementwise_grad, hvp, jvp
from chainrule.differentiate.sparse import SparseDerivative, sparse_hessian, sparse_jacobian
from chainrule.on_demand import on_demand as _on_demand

if TYPE_CHECKING:
    from chainrule.differentiate.check import GradientReport, check_gradient

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

__getattr__, __dir__ = _on_demand(__name__, names={"GradientReport": "check", "check_gradient": "check"})
