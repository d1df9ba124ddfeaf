"""Whether what a run is made of is all from this package, or functions and classes of the user's are among it."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import partial
from types import FunctionType, MethodType
from typing import Any

__all__ = ["has_users_code"]


def has_users_code(*things: Any) -> bool:
    """Look for functions and classes of the user's in objects, and in what they hold.

    This package's own functions and classes compute the same each time they are called; and its transforms make NaN of
    NaN, where a function of the user's may make a number of it.

    Parameters
    ----------
    *things : object
        Networks, losses, transforms and the like.

    Returns
    -------
    bool
        False where everything that is found comes from this package, NumPy or SciPy.

    Examples
    --------
    >>> import statistics
    >>> from chainrule import nn, optim
    >>> has_users_code(nn.Network.of(2, (3,)), optim.adam(optim.schedules.cosine(0.1, 100)))
    False
    >>> has_users_code(nn.losses.loss(statistics.fmean))
    True
    """
    seen: set[int] = set()
    waiting = list(things)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        maker = thing if isinstance(thing, (FunctionType, type)) else type(thing)
        if maker.__module__.partition(".")[0] not in _KNOWN:
            return True
        waiting += _held(thing)
    return False


_KNOWN = frozenset({"builtins", "chainrule", "functools", "numpy", "scipy"})


def _held(thing: Any) -> Iterable[Any]:
    if isinstance(thing, FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        return [*cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, MethodType):
        return thing.__func__, thing.__self__
    if isinstance(thing, partial):
        return thing.func, *thing.args, *thing.keywords.values()
    if isinstance(thing, (tuple, list, set, frozenset)):
        return thing
    if isinstance(thing, dict):
        return thing.values()
    if is_dataclass(thing) and not isinstance(thing, type):
        return [getattr(thing, field.name) for field in fields(thing)]
    return ()
