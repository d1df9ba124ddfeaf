"""chainrule: backpropagation you can read, at the speed of C, for people who work in NumPy.

The names below are the short way to what is used most; everything else is found in the rooms `chainrule.nn`,
`chainrule.optim`, `chainrule.data`, `chainrule.train` and `chainrule.inspection`.
"""

import chainrule.library  # noqa: F401  (registers the compositions with the tables)
from chainrule.differentiate import grad, value_and_grad, vjp
from chainrule.errors import ChainruleError, NoDerivativeError, TraceError
from chainrule.trace import stop_gradient, trace, value

__version__ = "0.1.0"

__all__ = [
    "ChainruleError",
    "NoDerivativeError",
    "TraceError",
    "grad",
    "stop_gradient",
    "trace",
    "value",
    "value_and_grad",
    "vjp",
]
