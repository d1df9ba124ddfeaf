"""chainrule: backpropagation you can read, at the speed of C, for people who work in NumPy.

The names below are the short way to what is used most; everything else is found in the rooms `chainrule.nn`,
`chainrule.optim`, `chainrule.data`, `chainrule.train`, `chainrule.estimators` and `chainrule.inspection`.
"""

from typing import TYPE_CHECKING

import chainrule.library  # noqa: F401  (registers the compositions with the tables)
from chainrule.differentiate import (
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    sparse_hessian,
    sparse_jacobian,
    value_and_grad,
    vjp,
)
from chainrule.errors import ChainruleError, NoDerivativeError, SolutionError, TraceError
from chainrule.jit import jit
from chainrule.on_demand import on_demand as _on_demand
from chainrule.trace import stop_gradient, trace, value
from chainrule.transforms import cond, custom_gradient, recompute, scan, vectorize, while_loop

if TYPE_CHECKING:
    from chainrule.bridges import minimize
    from chainrule.differentiate import check_gradient
    from chainrule.inspection import check_backprop, count, diagnose
    from chainrule.inspection.backprop import backprop
    from chainrule.inspection.explain import explain

__version__ = "0.1.0"

__all__ = [
    "ChainruleError",
    "NoDerivativeError",
    "SolutionError",
    "TraceError",
    "backprop",
    "check_backprop",
    "check_gradient",
    "cond",
    "count",
    "custom_gradient",
    "diagnose",
    "elementwise_grad",
    "explain",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "minimize",
    "recompute",
    "scan",
    "sparse_hessian",
    "sparse_jacobian",
    "stop_gradient",
    "trace",
    "value",
    "value_and_grad",
    "vectorize",
    "vjp",
    "while_loop",
]

# Rooms that are loaded when they are first asked for, so that `import chainrule` stays light.
_ROOMS = ("bridges", "cli", "data", "estimators", "inspection", "lessons", "nn", "optim", "random", "train")
_LATER = {
    "backprop": "inspection",
    "check_backprop": "inspection",
    "check_gradient": "differentiate",
    "count": "inspection",
    "diagnose": "inspection",
    "explain": "inspection",
    "minimize": "bridges",
}


__getattr__, __dir__ = _on_demand(__name__, _ROOMS, _LATER)
