"""The functions that NumPy's protocols do not hand over, caught while something is being recorded.

SciPy writes some functions in Python: they turn their arguments into plain arrays, so that a traced value is lost in
them. While at least one recording is open, the code of such a function is exchanged for a short one that looks at its
arguments: with a traced value among them it goes to the composition, otherwise on to SciPy's own code. Exchanging the
code reaches names that were imported earlier, too. When the last recording closes, SciPy's code is back; nothing
else is ever touched.
"""

import sys
import threading
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from chainrule.trace.dispatch import Composition, follow, has_tracer

__all__ = ["HOOKED", "hook", "install", "remove"]

#: What is caught: module and name, and how it is followed.
HOOKED: dict[tuple[str, str], Composition] = {}

_lock = threading.Lock()
_open_recordings = 0
_exchanged: list[tuple[FunctionType, CodeType]] = []


def hook(module: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how a Python function of a library is followed.

    Parameters
    ----------
    module, name : str
        Where it is found; the module is never imported for this.

    Returns
    -------
    callable
        A decorator; the decorated function has the same arguments as far as they are followed.
    """

    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        HOOKED[module, name] = Composition(f"{module}.{name}", follow)
        return follow

    return register


def install() -> None:
    """Open a recording: from the first one on, the functions are caught."""
    global _open_recordings
    with _lock:
        _open_recordings += 1
        if len(_exchanged) < len(HOOKED):
            _exchange()


def remove() -> None:
    """Close a recording: with the last one every function gets its own code back."""
    global _open_recordings
    with _lock:
        _open_recordings -= 1
        if _open_recordings == 0:
            while _exchanged:
                function, code = _exchanged.pop()
                function.__code__ = code


def _exchange() -> None:
    done = {function for function, _ in _exchanged}
    for (module_name, name), entry in HOOKED.items():
        # A module that nobody imported so far is looked for again when the next recording opens.
        module = sys.modules.get(module_name)
        function = getattr(module, name, None)
        if not isinstance(function, FunctionType) or function in done:
            continue
        own = function.__code__
        function.__code__ = _catching_code(function, entry)
        _exchanged.append((function, own))


def _catching_code(function: FunctionType, entry: Composition) -> CodeType:
    plain = _plain_copy(function)

    def dispatch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if has_tracer(args) or has_tracer(tuple(kwargs.values())):
            return follow(entry, args, kwargs)
        return plain(*args, **kwargs)

    # The code runs among the globals of SciPy's module, so that it can name nothing of ours: the dispatcher
    # travels as one of its constants, where the marker stands.
    constants = tuple(dispatch if value == _MARKER else value for value in _catch.__code__.co_consts)
    return _catch.__code__.replace(co_consts=constants, co_name=function.__name__)


_MARKER = "the dispatcher goes here"


def _catch(*args: Any, **kwargs: Any) -> Any:
    dispatch: Any = "the dispatcher goes here"
    return dispatch(args, kwargs)


def _plain_copy(function: FunctionType) -> FunctionType:
    copied = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    return copied
