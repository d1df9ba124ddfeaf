"""From plain NumPy and SciPy calls to a computation graph."""

from chainrule.trace.api import stop_gradient
from chainrule.trace.tracer import Tracer, value
from chainrule.trace.whole import trace

__all__ = ["Tracer", "stop_gradient", "trace", "value"]
