"""The glass box: the numbers of the forward and the backward pass, to be read."""

from typing import TYPE_CHECKING

from chainrule.inspection.backprop import Backprop, LayerBackprop, backprop
from chainrule.inspection.checking import BackpropCheck, Exercise, check_backprop, exercise
from chainrule.inspection.counting import Count, count
from chainrule.inspection.diagnosis import Diagnosis, Finding, LayerDiagnosis, Watch, diagnose
from chainrule.inspection.equations import Equation, Equations
from chainrule.inspection.expansion import Expanded, Expansion
from chainrule.inspection.explain import Explanation, explain
from chainrule.inspection.explain_weight import WeightExplanation, explain_weight
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import NOTATIONS, notation_of
from chainrule.inspection.numpy_code import NumpyCode, to_numpy
from chainrule.inspection.opened import Opened, opened
from chainrule.on_demand import on_demand as _on_demand

if TYPE_CHECKING:
    from chainrule.inspection import drawings

__all__ = [
    "NOTATIONS",
    "Backprop",
    "BackpropCheck",
    "Count",
    "Diagnosis",
    "Equation",
    "Equations",
    "Exercise",
    "Expanded",
    "Expansion",
    "Explanation",
    "Finding",
    "LayerBackprop",
    "LayerDiagnosis",
    "Notation",
    "NumpyCode",
    "Opened",
    "Watch",
    "WeightExplanation",
    "backprop",
    "check_backprop",
    "count",
    "diagnose",
    "drawings",
    "exercise",
    "explain",
    "explain_weight",
    "notation_of",
    "opened",
    "to_numpy",
]


# Loaded by who draws.
__getattr__, __dir__ = _on_demand(__name__, ["drawings"])
