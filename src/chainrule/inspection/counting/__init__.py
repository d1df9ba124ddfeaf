"""Counting: what a training step costs, layer by layer, from its recorded graph."""

from chainrule.inspection.counting.counting import count
from chainrule.inspection.counting.operations import multiplications
from chainrule.inspection.counting.result import Count, Piece, Work

__all__ = ["Count", "Piece", "Work", "count", "multiplications"]
