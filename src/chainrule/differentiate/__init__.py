"""Derivatives of plain NumPy code."""

from chainrule.differentiate.check import GradientReport, check_gradient
from chainrule.differentiate.derivatives import grad, value_and_grad, vjp

__all__ = ["GradientReport", "check_gradient", "grad", "value_and_grad", "vjp"]
