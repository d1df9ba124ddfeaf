"""Which NumPy functions are followed, and how: looked up at every call on a traced value."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import user_line
from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op

__all__ = ["FUNCTIONS", "SPECIAL_COMPOSITIONS", "UFUNCS", "UFUNC_COMPOSITIONS", "Composition"]


class Composition:
    """How a NumPy or SciPy function is followed.

    Attributes
    ----------
    name : str
        As its users write it, such as ``np.var``.
    follow : callable
        The same function in terms of the primitives.
    names : tuple of str
        Names of the arguments that `follow` takes.
    accepts : frozenset of str
        The same names, for looking up.
    most : float
        Number of positional arguments that it takes at most.
    on_handles : bool
        True where the result can be a view of the argument, or the argument is written into.

    With `real_only` what follows refuses complex numbers (see `chainrule.trace.hooks.hook`).
    """

    __slots__ = ("accepts", "follow", "most", "name", "names", "on_handles")

    def __init__(
        self, name: str, follow: Callable[..., Any], on_handles: bool = False, *, real_only: bool = False
    ) -> None:
        self.name = name
        self.on_handles = on_handles
        self.follow = _refusing_complex_numbers(name, follow) if real_only else follow
        # The code object tells this in a hundredth of the time that inspect.signature takes, at every import.
        code = follow.__code__
        is_variadic = bool(code.co_flags & inspect.CO_VARARGS)
        named = code.co_argcount + code.co_kwonlyargcount
        self.names: tuple[str, ...] = code.co_varnames[: named + is_variadic]
        self.accepts = frozenset(self.names)
        self.most = math.inf if is_variadic else code.co_argcount


def _refusing_complex_numbers(name: str, follow: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(follow)
    def refusing(*args: Any, **kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()):
            dtype = getattr(x, "dtype", None)
            if type(x) is complex or getattr(dtype, "kind", None) == "c":
                raise TypeError(f"{name} takes real numbers, and got complex ones.{user_line()}")
        return follow(*args, **kwargs)

    return refusing


#: NumPy functions that are not ufuncs, each with the composition that follows it.
FUNCTIONS: dict[Any, Composition] = {}

#: NumPy's ufuncs that are primitives as they are, with a rule for each input; the others take the long way.
UFUNCS: dict[np.ufunc, Op] = {
    function: op
    for name, op in PRIMITIVES.items()
    if name.startswith("np.")
    and isinstance(function := getattr(np, name[3:], None), np.ufunc)
    and op.evaluate is function
    and all(op.has_derivative(i) for i in range(function.nin))
}

#: Ufuncs that are followed by a composition of primitives.
UFUNC_COMPOSITIONS: dict[np.ufunc, Composition] = {}

#: Ufuncs of scipy.special that are followed by a composition, by their own name, so that it need not be imported.
SPECIAL_COMPOSITIONS: dict[str, Composition] = {}
