"""Checking somebody's own backpropagation: the layer, the array and the likely slip."""

from chainrule.inspection.checking.check import check_backprop
from chainrule.inspection.checking.exercises import Exercise, exercise
from chainrule.inspection.checking.found import BackpropCheck, Difference, FoundSlip
from chainrule.inspection.checking.slips import SLIPS, Slip

__all__ = ["SLIPS", "BackpropCheck", "Difference", "Exercise", "FoundSlip", "Slip", "check_backprop", "exercise"]
