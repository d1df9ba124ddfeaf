"""Networks: layers, activations, losses, initialisers, regularisers, and the objective of training."""

from chainrule.nn import activations, initializers, losses, regularizers
from chainrule.nn.activations import Activation
from chainrule.nn.dropout import Dropout
from chainrule.nn.embedding import Embedding
from chainrule.nn.layers import Dense, Layer, LayerPass
from chainrule.nn.losses import Loss
from chainrule.nn.network import Network, Parameters, State
from chainrule.nn.normalization import BatchNorm, LayerNorm
from chainrule.nn.objective import example_losses, objective
from chainrule.nn.places import PlacedLayer
from chainrule.nn.regularizers import L1, L2
from chainrule.nn.residual import Residual
from chainrule.nn.weighting import weighted, with_weights

__all__ = [
    "L1",
    "L2",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "Layer",
    "LayerNorm",
    "LayerPass",
    "Loss",
    "Network",
    "Parameters",
    "PlacedLayer",
    "Residual",
    "State",
    "activations",
    "example_losses",
    "initializers",
    "losses",
    "objective",
    "regularizers",
    "weighted",
    "with_weights",
]
