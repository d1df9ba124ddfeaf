"""Networks: layers, activations, losses, initialisers, regularisers, and the objective of training."""

from chainrule.nn import activations, initializers, losses, regularizers
from chainrule.nn.activations import Activation
from chainrule.nn.layers import Dense, LayerPass
from chainrule.nn.losses import Loss
from chainrule.nn.network import Network, Parameters
from chainrule.nn.objective import example_losses, objective
from chainrule.nn.regularizers import L1, L2

__all__ = [
    "L1",
    "L2",
    "Activation",
    "Dense",
    "LayerPass",
    "Loss",
    "Network",
    "Parameters",
    "activations",
    "example_losses",
    "initializers",
    "losses",
    "objective",
    "regularizers",
]
