"""How functions and their arguments are called by those who write them; for messages."""

import inspect
import operator
import re
import sys
from typing import Any

import numpy as np

from chainrule.ops.op import Op

__all__ = ["public_name", "which_argument"]


def public_name(function: Any) -> str:
    """A function as its users write it, such as ``np.exp``."""
    module = getattr(function, "__module__", None)
    if module is None:
        import scipy.special

        module = "scipy.special" if getattr(scipy.special, function.__name__, None) is function else "numpy"
    return f"{module}.{function.__name__}".replace("numpy.", "np.")


def which_argument(op: Op, i: int) -> str:
    """An input of an operation as the documentation of the function calls it: ``argument a (the first)``."""
    module, _, name = op.name.replace("np.", "numpy.").rpartition(".")
    number = ("first", "second", "third", "fourth")[i] if i < 4 else f"{i + 1}th"
    try:
        names = _arguments(operator.attrgetter(name)(sys.modules.get(module)), name)
    except AttributeError:
        names = []
    return f"argument {names[i]} (the {number})" if i < len(names) else f"{number} argument"


def _arguments(function: Any, name: str) -> list[str]:
    if not isinstance(function, np.ufunc):
        return list(inspect.signature(function).parameters)
    # NumPy tells first that there are x1 and x2, and scipy.special then what they are called.
    written = re.findall(rf"^ *{name}\(([^)=]*)", function.__doc__ or "", re.MULTILINE)
    return re.findall(r"\w+", written[min(1, len(written) - 1)].replace("out", "")) if written else []
