"""The functions that NumPy's protocols do not hand over, caught while something is being recorded.

SciPy writes some functions in Python: they turn their arguments into plain arrays, so that a traced value is lost in
them. While at least one recording is open, the code of such a function is exchanged for a short one that looks at its
arguments: with a traced value among them it goes to the composition, otherwise on to SciPy's own code. Exchanging the
code reaches names that were imported earlier, too. When the last recording closes, SciPy's code is back; nothing
else is ever touched.
"""

import functools
import gc
import importlib.machinery
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, MethodType
from typing import Any

from chainrule.trace import collector, creation
from chainrule.trace.closures import reads_traced
from chainrule.trace.dispatch import follow, has_tracer
from chainrule.trace.tables import Composition

__all__ = ["HOOKED", "UNLISTED", "function_at", "hook", "install", "remove"]

#: What is caught: module and name, and how it is followed.
HOOKED: dict[tuple[str, str], Composition] = {}

#: What is caught besides: what is private in SciPy, or refused.
UNLISTED: dict[tuple[str, str], Composition] = {}

# For functions that take more ways of calling than their composition: what makes its arguments of a call.
_bindings: dict[tuple[str, str], Callable[..., tuple[Any, ...]]] = {}

# Functions that take functions, which may read traced values from around them.
_calling: set[tuple[str, str]] = set()

_lock = threading.Lock()
_open_recordings = 0
_modules_seen = 0
_watching = False
# Each function found, with its own code and the code that catches traced values.
_found: dict[tuple[str, str], tuple[FunctionType, CodeType, CodeType]] = {}


def hook(
    module: str,
    name: str,
    *,
    public: str | None = None,
    bind: Callable[..., tuple[Any, ...]] | None = None,
    listed: bool = True,
    calls: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how a Python function of a library is followed.

    Parameters
    ----------
    module, name : str
        Where it is found; the module is never imported for this. The name of a method has dots in it, such as
        ``rv_continuous.pdf``. What a version of the library does not have is not caught.
    public : str, optional
        As its users write it; otherwise module and name.
    bind : callable, optional
        Takes what the function is called with, and returns the positional arguments of the composition. Otherwise
        these are the same.
    listed : bool
        False for what is no function of its own that users have: a private one, which only some versions have, or one
        that is caught to be refused in better words.
    calls : bool
        True for what calls functions among its arguments: it is followed too where one of them reads a traced value
        from around it.

    Returns
    -------
    callable
        A decorator; the decorated function has the same arguments as far as they are followed.
    """

    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        table = HOOKED if listed else UNLISTED
        table[module, name] = Composition(public or f"{module}.{name}", follow)
        if bind is not None:
            _bindings[module, name] = bind
        if calls:
            _calling.add((module, name))
        return follow

    return register


def install(names: dict[str, Any]) -> None:
    """Open a recording: from the first one on, the functions are caught.

    Parameters
    ----------
    names : dict
        The globals of the function that is recorded.
    """
    global _open_recordings, _watching
    creation.recording_here.depth += 1
    with _lock:
        _open_recordings += 1
        creation.look_for_names(names)
        is_first = _open_recordings == 1
        if is_first:
            creation.exchange()
            gc.callbacks.append(collector.pause)
        if len(_found) < len(HOOKED) + len(UNLISTED):
            if len(sys.modules) != _modules_seen:
                _find()
            if not _watching:
                _watching = True
                sys.meta_path.insert(0, _watch)
        if is_first and _found:
            for function, _, catching in _found.values():
                function.__code__ = catching


def remove() -> None:
    """Close a recording: with the last one every function gets its own code back."""
    global _open_recordings, _watching
    here = creation.recording_here
    here.depth = depth = here.depth - 1
    if depth == 0 and here.has_paused_collector:
        collector.resume()
    with _lock:
        _open_recordings -= 1
        if _open_recordings == 0:
            gc.callbacks.remove(collector.pause)
            creation.restore()
            for function, own, _ in _found.values():
                function.__code__ = own
            if _watching:
                _watching = False
                sys.meta_path.remove(_watch)


def function_at(module: str, name: str) -> FunctionType | None:
    """The Python function of that name, where its module has been imported and has it."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, MethodType):
        found = found.__func__
    return found if isinstance(found, FunctionType) else None


def _find() -> None:
    global _modules_seen
    _modules_seen = len(sys.modules)
    for key, entry in (*HOOKED.items(), *UNLISTED.items()):
        if key not in _found:
            function = function_at(*key)
            if function is not None:
                _found[key] = (function, function.__code__, _catching_code(key, function, entry))


class _Watch:
    """Sees a module with functions to catch being imported for the first time while a recording is open."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if not any(name == module for module, _ in (*HOOKED, *UNLISTED)):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            catching: Any = _CatchAfterwards(spec.loader)
            spec.loader = catching
        return spec


class _CatchAfterwards:
    """Runs a module as its own loader does, and then catches its functions."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        with _lock:
            _find()
            if _open_recordings:
                for function, _, catching in _found.values():
                    function.__code__ = catching


# Python asks finders and loaders for their methods only; the base classes of importlib.abc would cost 10 ms of import.
_watch: Any = _Watch()


def _catching_code(key: tuple[str, str], function: FunctionType, entry: Composition) -> CodeType:
    plain = _plain_copy(function)
    bind = _bindings.get(key)
    finds = reads_traced if key in _calling else has_tracer

    def dispatch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not finds(args) and not finds(tuple(kwargs.values())):
            return plain(*args, **kwargs)
        if bind is None:
            return follow(entry, args, kwargs)
        try:
            bound = bind(*args, **kwargs)
        except TypeError:
            # A wrong call: the function itself says what is wrong with it.
            return plain(*args, **kwargs)
        return follow(entry, bound, {})

    # The code runs among the globals of SciPy's module, so that it can name nothing of ours: the dispatcher
    # travels as one of its constants, where the marker stands.
    cells = function.__code__.co_freevars
    catch = _catch_among(len(cells))
    constants = tuple(dispatch if value == _MARKER else value for value in catch.co_consts)
    line = _catching_code.__code__.co_firstlineno
    return catch.replace(co_consts=constants, co_name=function.__name__, co_freevars=cells, co_firstlineno=line)


_MARKER = "the dispatcher goes here"


@functools.cache
def _catch_among(cells: int) -> CodeType:
    """Code that hands its arguments to the dispatcher, of a closure over that many cells.

    Of a closure Python asks for as many cells as its own code has. Nobody looks into them; but whoever shows the
    variables of a frame, as debuggers do, reads them, so that the code has to take them over as it starts.
    """
    names = "".join(f"cell{k} = " for k in range(cells))
    source = f"""def around():
    {names}None
    def catch(*args, **kwargs):
        dispatch = {_MARKER!r}
        if False:
            return {names.replace(" =", ",")}None
        return dispatch(args, kwargs)
"""
    (around,) = (x for x in compile(source, __file__, "exec").co_consts if isinstance(x, CodeType))
    (catch,) = (x for x in around.co_consts if isinstance(x, CodeType))
    return catch


def _plain_copy(function: FunctionType) -> FunctionType:
    copied = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    return copied
