"""Derivatives of plain NumPy code."""

from chainrule.differentiate.check import GradientReport, check_gradient
from chainrule.differentiate.derivatives import grad, value_and_grad, vjp
from chainrule.differentiate.matrices import hessian, jacobian
from chainrule.differentiate.modes import elementwise_grad, hvp, jvp

__all__ = [
    "GradientReport",
    "check_gradient",
    "elementwise_grad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
]
