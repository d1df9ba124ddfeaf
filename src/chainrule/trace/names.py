"""How functions and their arguments are called by those who write them; for messages."""

import inspect
import operator
import re
import sys
from types import FrameType
from typing import Any

import numpy as np

from chainrule.errors import frames_to_user
from chainrule.ops.op import Op

__all__ = ["function_called", "is_followed", "passed_through", "public_name", "which_argument"]


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


def function_called(*, compiled: bool) -> str:
    """The function of NumPy or SciPy in which the user's line is now, such as ``scipy.stats.zscore``; '' for none.

    One that is compiled has no frame of its own, so that only its name is known, from the text of the line.
    """
    from chainrule.trace.creation import name_called

    frames, user = frames_to_user()
    called = name_called(user.f_code, user.f_lasti) if user is not None else ""
    if user is not None and called:
        # By another name, too: that of a variable.
        called = getattr(user.f_locals.get(called, user.f_globals.get(called)), "__name__", called)
    passed = [(str(frame.f_globals.get("__name__", "")), frame.f_code.co_qualname) for frame in reversed(frames)]
    passed = [(module, name) for module, name in passed if module.partition(".")[0] in ("numpy", "scipy")]
    if not passed and not compiled:
        return ""
    modules = [module for module, _ in passed] or ["numpy", "numpy.random", "scipy.special"]
    if all(module.startswith("scipy._lib.") for module in modules):
        # A decorator alone, which serves all of SciPy.
        modules += [place for place in sys.modules if place.startswith("scipy.") and "._" not in place]
    entered = [frame for frame in frames if str(frame.f_globals.get("__name__", "")).startswith(("numpy", "scipy"))]
    if entered and (method := _method(entered[-1], called)):
        return method
    # Decorators of the function are frames, too, so that what the user wrote comes first.
    names = [(module, called) for module in modules]
    names += [(module, name.removesuffix(".__init__")) for module, name in passed if "<" not in name]
    return next(filter(None, (_public(module, name) for module, name in names)), "")


def is_followed(name: str) -> bool:
    """Say whether the function of a public name is followed, if not with any arguments."""
    from chainrule.trace.hooks import HOOKED
    from chainrule.trace.tables import FUNCTIONS

    return any(entry.name == name for entry in (*HOOKED.values(), *FUNCTIONS.values()))


def passed_through(package: str) -> bool:
    """Say whether the user's line is now in a function of a package, which called on."""
    return any(str(frame.f_globals.get("__name__", "")).startswith(f"{package}.") for frame in frames_to_user()[0])


def _method(frame: FrameType, called: str) -> str:
    """A method of an object that the module has, such as ``scipy.stats.norm.entropy``; '' for anything else."""
    owner = frame.f_locals.get("self")
    if owner is None or not called:
        return ""
    parts = [part for part in type(owner).__module__.split(".") if not part.startswith("_")]
    place = vars(sys.modules.get(".".join(parts), object))
    names = (f"{'.'.join(parts)}.{name}.{called}" for name, value in place.items() if value is owner)
    return next(names, "").replace("numpy.", "np.")


def _public(module: str, name: str) -> str:
    """A name where its users find it: in the module, or in one around it."""
    parts = [part for part in module.split(".") if not part.startswith("_")]
    while parts and name:
        place = ".".join(parts)
        if hasattr(sys.modules.get(place), name.partition(".")[0]):
            return f"{place}.{name}".replace("numpy.", "np.")
        parts.pop()
    return ""
