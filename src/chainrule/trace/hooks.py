"""The functions that NumPy's protocols do not hand over, caught while something is being recorded.

SciPy writes some functions in Python: they turn their arguments into plain arrays, so that a traced value is lost in
them. While at least one recording is open, the code of such a function is exchanged for a short one that looks at its
arguments: with a traced value among them it goes to the composition, otherwise on to SciPy's own code. Exchanging the
code reaches names that were imported earlier, too. When the last recording has closed, SciPy's code is back as soon as
one of its functions is called; nothing else is ever touched.
"""

import functools
import gc
import importlib.machinery
import inspect
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, MethodType
from typing import Any

from chainrule.ops.op import copy_of
from chainrule.trace import collector, creation
from chainrule.trace.closures import reads_traced
from chainrule.trace.dispatch import follow, has_tracer
from chainrule.trace.tables import Composition

__all__ = ["HOOKED", "UNLISTED", "function_at", "hook", "hook_later", "install", "remove"]

#: What is caught: module and name, and how it is followed.
HOOKED: dict[tuple[str, str], Composition] = {}

#: What is caught besides: what is private in SciPy, or refused.
UNLISTED: dict[tuple[str, str], Composition] = {}

# By package, what registers how its functions are followed; done as soon as it has been imported.
_later: dict[str, Callable[[], None]] = {}

# For functions that take more ways of calling than their composition: what makes its arguments of a call.
_bindings: dict[tuple[str, str], Callable[..., tuple[Any, ...]]] = {}

# Where a list among the arguments is what an array can be made of, as SciPy itself does.
_TAKE_LISTS = tuple(f"scipy.{package}" for package in ("special", "linalg", "signal", "fft", "ndimage", "spatial"))

# Functions that take functions, which may read traced values from around them.
_calling: set[tuple[str, str]] = set()

# What stands, while something is recorded, in the place of an object in C whose methods cannot be caught.
_standing_in: dict[tuple[str, str], Callable[..., Any]] = {}

# One that the same thread can take again: what it guards may set off a collection that calls anything.
_lock = threading.RLock()
_here = creation.recording_here
_open_recordings = 0
_modules_seen = 0
_watching = False
# What has been found of them.
_found: set[tuple[str, str]] = set()


class _OwnSignature(inspect.Signature):
    """The signature of a function, whichever code it has just now; found when somebody asks for it."""

    __slots__ = ("_function", "_plain")

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._plain = copy_of(function)

    def _found(self) -> inspect.Signature:
        self._plain.__annotations__ = self._function.__annotations__
        return inspect.signature(self._plain)

    @property
    def _parameters(self) -> Any:
        return self._found().parameters

    @property
    def _return_annotation(self) -> Any:
        return self._found().return_annotation

    def replace(self, **parts: Any) -> inspect.Signature:  # type: ignore[override]
        return self._found().replace(**parts)


class _Caught:
    """Functions that are caught together: each with its own code, and with the code that catches traced values.

    To exchange the code of three hundred functions takes as long as to differentiate a small function. So it stays as
    it is when a recording closes, until the next one finds it there, or until one of them is called: called while
    nothing is recorded, the code that catches puts all of them back first.

    Attributes
    ----------
    are_caught : bool
        Whether they have the code that catches.
    """

    __slots__ = ("_catching", "_own", "are_caught")

    def __init__(self) -> None:
        self._own: list[tuple[FunctionType, CodeType]] = []
        self._catching: list[tuple[FunctionType, CodeType]] = []
        self.are_caught = False

    def add(self, function: FunctionType, catching: CodeType) -> None:
        if not hasattr(function, "__wrapped__") and not hasattr(function, "__signature__"):
            function.__dict__["__signature__"] = _OwnSignature(function)
        self._own.append((function, function.__code__))
        self._catching.append((function, catching))
        if self.are_caught:
            function.__code__ = catching

    def catch(self) -> None:
        """Give them the code that catches."""
        self.are_caught = True
        for function, code in self._catching:
            function.__code__ = code

    def put_back(self) -> None:
        """Give them their own code again, unless something is recorded."""
        if self.are_caught and _open_recordings == 0:
            self.are_caught = False
            for function, code in self._own:
                function.__code__ = code


# NumPy's functions, some of which are called between most recordings, and those of other libraries, which are many.
_numpy, _others = _Caught(), _Caught()


def hook(
    module: str,
    name: str,
    *,
    public: str | None = None,
    bind: Callable[..., tuple[Any, ...]] | None = None,
    listed: bool = True,
    calls: bool = False,
    stand_in: Callable[..., Any] | None = None,
    real_only: bool = False,
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
    stand_in : callable, optional
        Takes what the function made of plain arguments while something is recorded, and these, and returns what its
        caller gets: for an object in C, whose methods cannot be caught.
    real_only : bool
        True for a function of real numbers, whose formulas would mean something else for complex ones: SciPy refuses
        those, or drops their imaginary parts with a warning; here a TypeError names the function. Where a formula is
        made of functions that refuse them by themselves, as `np.hypot` does, nothing is to be said.

    Returns
    -------
    callable
        A decorator; the decorated function has the same arguments as far as they are followed.
    """

    def register(follow: Callable[..., Any]) -> Callable[..., Any]:
        table = HOOKED if listed else UNLISTED
        table[module, name] = Composition(public or f"{module}.{name}", follow, real_only=real_only)
        if bind is not None:
            _bindings[module, name] = bind
        if calls:
            _calling.add((module, name))
        if stand_in is not None:
            _standing_in[module, name] = stand_in
        return follow

    return register


def hook_later(package: str, register: Callable[[], None]) -> None:
    """Put off registering until a package has been imported: before that there is nothing to catch in it.

    Parameters
    ----------
    package : str
        A package of a library, such as ``scipy.stats``.
    register : callable
        Calls `hook` for its functions; called by the first recording that finds the package imported, or that is open
        when it is.
    """
    _later[package] = register


def install(names: dict[str, Any]) -> None:
    """Open a recording: from the first one on, the functions are caught.

    Parameters
    ----------
    names : dict
        The globals of the function that is recorded.
    """
    global _open_recordings, _watching
    _here.depth += 1
    with _lock:
        _open_recordings += 1
        if _later or len(_found) < len(HOOKED) + len(UNLISTED):
            if len(sys.modules) != _modules_seen:
                _find()
            if not _watching:
                _watching = True
                sys.meta_path.insert(0, _watch)
        creation.look_for_names(names)
        if _open_recordings == 1:
            creation.exchange()
            gc.callbacks.append(collector.pause)
        if not _numpy.are_caught:
            _numpy.catch()
        if not _others.are_caught:
            _others.catch()


def remove() -> None:
    """Close a recording; after the last one no traced value is left to catch."""
    global _open_recordings, _watching
    depth = _here.depth = _here.depth - 1
    if depth == 0 and _here.has_paused_collector:
        collector.resume()
    with _lock:
        _open_recordings -= 1
        if _open_recordings == 0:
            gc.callbacks.remove(collector.pause)
            creation.restore()
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
    for package in [package for package in _later if package in sys.modules]:
        _later[package]()
        _later.pop(package, None)
    _modules_seen = len(sys.modules)
    for key, entry in (*HOOKED.items(), *UNLISTED.items()):
        if key not in _found:
            function = function_at(*key)
            if function is not None:
                _found.add(key)
                group = _numpy if key[0].partition(".")[0] == "numpy" else _others
                group.add(function, _catching_code(key, function, entry, group))


class _Watch:
    """Sees a module with functions to catch being imported for the first time while a recording is open."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name not in _later and not any(name == module for module, _ in (*HOOKED, *UNLISTED)):
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


# Python asks finders and loaders for their methods only; the base classes of importlib.abc would cost 10 ms of import.
_watch: Any = _Watch()


def _list_as_array(argument: Any) -> Any:
    return creation.array(argument) if type(argument) is list and has_tracer(argument) else argument


def _catching_code(key: tuple[str, str], function: FunctionType, entry: Composition, group: _Caught) -> CodeType:
    plain = copy_of(function)
    bind = _bindings.get(key)
    finds = reads_traced if key in _calling else has_tracer
    stand_in = _standing_in.get(key)
    takes_lists = key[0].startswith(_TAKE_LISTS)

    def dispatch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _open_recordings == 0:
            with _lock:
                group.put_back()
            return plain(*args, **kwargs)
        if not finds(args) and not finds(tuple(kwargs.values())):
            made = plain(*args, **kwargs)
            return stand_in(made, *args, **kwargs) if stand_in and _here.depth else made
        if takes_lists:
            args = tuple(map(_list_as_array, args))
            kwargs = {name: _list_as_array(value) for name, value in kwargs.items()}
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
