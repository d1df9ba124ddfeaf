"""The glass box: the numbers of the forward and the backward pass, to be read."""

from chainrule.inspection.backprop import Backprop, LayerBackprop, backprop
from chainrule.inspection.explain import Explanation, explain

__all__ = ["Backprop", "Explanation", "LayerBackprop", "backprop", "explain"]
