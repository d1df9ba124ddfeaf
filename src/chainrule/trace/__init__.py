"""From plain NumPy and SciPy calls to a computation graph."""

from chainrule.trace.api import stop_gradient, trace
from chainrule.trace.tracer import Tracer, value

__all__ = ["Tracer", "stop_gradient", "trace", "value"]
