"""Functions as machine code."""

import chainrule.jit.bodies  # noqa: F401  (compiles the functions that SciPy's solvers call)
from chainrule.jit.jitted import Jitted, jit

__all__ = ["Jitted", "jit"]
