"""Operations whose rules need differentiation."""

import chainrule.transforms.batching  # noqa: F401  (registers how its operations work on a batch)
from chainrule.transforms.cond import cond
from chainrule.transforms.custom import custom_gradient
from chainrule.transforms.recompute import recompute
from chainrule.transforms.scan import scan
from chainrule.transforms.vectorize import vectorize
from chainrule.transforms.while_loop import while_loop

__all__ = ["cond", "custom_gradient", "recompute", "scan", "vectorize", "while_loop"]
