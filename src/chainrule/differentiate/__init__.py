"""Derivatives of plain NumPy code."""

from chainrule.differentiate.derivatives import grad, value_and_grad, vjp

__all__ = ["grad", "value_and_grad", "vjp"]
