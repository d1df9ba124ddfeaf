"""Functions as machine code."""

from chainrule.jit.jitted import Jitted, jit

__all__ = ["Jitted", "jit"]
