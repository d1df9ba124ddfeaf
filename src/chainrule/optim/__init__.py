"""Optimisers: gradient transforms with ``init`` and ``update``, chained, and schedules of their rates."""

from chainrule.optim import schedules
from chainrule.optim.optimizers import OPTIMIZERS, adam, adamw, optimizer, sgd
from chainrule.optim.transforms import (
    Transform,
    add_decayed_weights,
    apply_updates,
    chain,
    clip_by_global_norm,
    momentum,
    scale,
    scale_by_adam,
    scale_by_rate,
)

__all__ = [
    "OPTIMIZERS",
    "Transform",
    "adam",
    "adamw",
    "add_decayed_weights",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "momentum",
    "optimizer",
    "scale",
    "scale_by_adam",
    "scale_by_rate",
    "schedules",
    "sgd",
]
