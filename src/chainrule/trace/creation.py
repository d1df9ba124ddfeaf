"""NumPy's functions that make arrays, as the user's code meets them while something is recorded.

They are builtins, so that only their names can be exchanged: in the module `numpy`, and in modules that imported them
by name. For calls from other threads and from inside libraries they do what NumPy's do.
"""

import dis
import functools
import os
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Literal

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops import shapes
from chainrule.trace.assignment import array_of_number, as_array
from chainrule.trace.buffer import Buffer, buffer
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.tracer import Tracer, peel

__all__ = ["MADE", "array", "exchange", "look_for_names", "name_called", "recording_here", "restore"]

#: Libraries whose own calls are left alone.
_LIBRARIES = frozenset({"chainrule", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "autograd", "jax", "torch"})


class _Here(threading.local):
    """Number of recordings that are open in this thread, and whether they keep the garbage collector off."""

    depth = 0
    has_paused_collector = False


recording_here = _Here()


def _users_call(made: Callable[..., Any]) -> bool:
    """Say whether `made`, which asks, was called by the user's code, in a thread that is recording.

    Compiled code has no frame of its own: when numpy.random asks for `np.empty`, the frame found is that of the user's
    call of numpy.random. So the call that this frame is in the middle of has to be one of `made` by its name.
    """
    if recording_here.depth == 0:
        return False
    frame = sys._getframe(2)
    code = frame.f_code
    known = _calls.get(id(code))
    if known is None or known[0] is not code:
        known = _calls[id(code)] = (code, {})
    answers = known[1]
    name = answers.get(frame.f_lasti)
    if name is None:
        name = answers[frame.f_lasti] = "" if _is_library(frame) else name_called(code, frame.f_lasti)
    return name == made.__name__ or (name != "" and frame.f_globals.get(name, frame.f_locals.get(name)) is made)


# For each code object the names that its calls call, by their place.
_calls: dict[int, tuple[CodeType, dict[int, str]]] = {}


@functools.cache
def _library_folders() -> tuple[str, ...]:
    # Imported here, since that takes a twentieth of the time of `import chainrule`.
    import sysconfig

    return tuple(os.path.join(sysconfig.get_path(kind), "") for kind in ("stdlib", "platstdlib", "purelib", "platlib"))


def _is_library(frame: FrameType) -> bool:
    """Say whether a frame is of a library: those expect NumPy's own arrays of its functions."""
    module = frame.f_globals.get("__name__", "").partition(".")[0]
    return module in _LIBRARIES or frame.f_code.co_filename.startswith(_library_folders())


def name_called(code: CodeType, place: int) -> str:
    """Name of the function in the call at a place of the code: ``zeros`` for ``np.zeros(3)``, '' where none is called.

    Of the names loaded where the text of the call begins, it is the one that ends last, before the call does.
    """
    instructions = list(dis.get_instructions(code))
    # The place may be that of a cache, which belongs to the instruction before it.
    call = max((each for each in instructions if each.offset <= place), key=lambda each: each.offset)
    if "CALL" not in call.opname or call.positions is None or call.positions.end_col_offset is None:
        return ""
    start, end = _span(call)
    name, furthest = "", start
    for each in instructions:
        if each.offset >= call.offset or each.positions is None or each.positions.end_col_offset is None:
            continue
        begins, ends = _span(each)
        if begins == start and furthest < ends < end and isinstance(each.argval, str):
            name, furthest = each.argval, ends
    return name


def _span(instruction: dis.Instruction) -> tuple[tuple[int, int], tuple[int, int]]:
    where: Any = instruction.positions
    return (where.lineno, where.col_offset), (where.end_lineno, where.end_col_offset)


#: What leaves entries as they are found in memory. A recording gets zeros, the same each time the function runs.
_UNSET = (np.empty, np.empty_like)


def _making(function: Any) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        if not _users_call(make):
            return made
        if function in _UNSET and made.dtype.kind in "fc":
            made.fill(0)
        return buffer(made)

    make.__name__ = make.__qualname__ = function.__name__
    make.__doc__ = function.__doc__
    return make


_array, _full, _copy = np.array, np.full, np.copy


def array(object: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """Make an array as `numpy.array` does; of traced values a traced one."""
    copied: Any
    if isinstance(object, Tracer) and object.is_traced:
        if kwargs.pop("copy", True) is not True and (dtype is None or np.dtype(dtype) == object.dtype):
            copied = object
        else:
            copied = +object if object.shape else array_of_number(object)
    else:
        try:
            return buffer(_array(object, dtype, **kwargs))
        except TraceError:
            if not isinstance(object, (list, tuple)):
                raise
        except ValueError as problem:
            # NumPy asks a traced value for its length first, and hides the real reason behind that.
            if not isinstance(problem.__cause__, TraceError) or not isinstance(object, (list, tuple)):
                raise
        parts = [array(part) for part in object]
        if any(np.result_type(part).kind not in "fciub" for part in parts if not isinstance(part, list)):
            raise TraceError(
                f"An array of objects or of text cannot be made of traced values; keep them in a list.{user_line()}"
            )
        copied = np.stack(parts)
    missing = kwargs.get("ndmin", 0) - copied.ndim
    if missing > 0:
        copied = np.reshape(copied, (1,) * missing + copied.shape)
    return copied if dtype is None or np.dtype(dtype) == copied.dtype else shapes.convert(copied, np.dtype(dtype))


def _users_array(object: Any, dtype: Any = None, **kwargs: Any) -> Any:
    return array(object, dtype, **kwargs) if _users_call(_users_array) else _array(object, dtype, **kwargs)


def _converting(function: Any) -> Callable[..., Any]:
    def make(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not _users_call(make):
            return function(a, dtype, **kwargs)
        if isinstance(a, Tracer):
            return as_array(a if dtype is None or np.dtype(dtype) == a.dtype else shapes.convert(a, np.dtype(dtype)))
        return array(a, dtype, **kwargs) if not isinstance(a, np.ndarray) else function(a, dtype, **kwargs)

    make.__name__ = function.__name__
    return make


def _in_order(function: Any, order: Literal["C", "F"]) -> Callable[..., Any]:
    def make(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not _users_call(make) or not (isinstance(a, Tracer) or has_tracer([a])):
            return function(a, dtype, **kwargs)
        memory = peel(a)
        kept = isinstance(memory, np.ndarray) and memory.flags[order] and dtype in (None, a.dtype)
        made = a if kept else array(a, dtype)
        return made if made.ndim else np.reshape(made, (1,))

    make.__name__ = function.__name__
    return make


def _users_copy(a: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(a, Tracer) and a.is_traced and _users_call(_users_copy):
        return array(a)
    made = _copy(a, *args, **kwargs)
    return buffer(made) if _users_call(_users_copy) else made


def _users_full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if not _users_call(_users_full):
        return _full(shape, fill_value, dtype, **kwargs)
    if not (isinstance(fill_value, Tracer) and fill_value.is_traced):
        return buffer(_full(shape, fill_value, dtype, **kwargs))
    wanted = shape if isinstance(shape, tuple) else (shape,)
    filled = shapes.broadcast_to(fill_value, shape=tuple(int(n) for n in wanted))
    if dtype is None or np.dtype(dtype) == filled.dtype:
        return filled
    return as_array(shapes.convert(filled, np.dtype(dtype)))


def _column(part: Any) -> Any:
    return part if np.ndim(part) >= 2 else np.reshape(part, (-1, 1))


class _Joining:
    """`np.r_` and `np.c_`: where a traced value is among the parts, they are joined by np.concatenate."""

    def __init__(self, own: Any, join: Callable[[list[Any]], Any]) -> None:
        self._own = own
        self._join = join

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(isinstance(part, Tracer) and part.is_traced for part in parts):
            return self._own[tuple(part.value if isinstance(part, Buffer) else part for part in parts)]
        if any(isinstance(part, str) for part in parts):
            raise TraceError("np.r_ and np.c_ with a directive in a string are not followed; use np.concatenate.")
        return self._join([np.r_[part] if isinstance(part, slice) else part for part in parts])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


#: NumPy's names, and what stands under them in the user's code while something is recorded.
MADE: dict[str, Any] = {
    "zeros": _making(np.zeros),
    "empty": _making(np.empty),
    "ones": _making(np.ones),
    "eye": _making(np.eye),
    "identity": _making(np.identity),
    "zeros_like": _making(np.zeros_like),
    "empty_like": _making(np.empty_like),
    "ones_like": _making(np.ones_like),
    "full_like": _making(np.full_like),
    "copy": _users_copy,
    "arange": _making(np.arange),
    "linspace": _making(np.linspace),
    "array": _users_array,
    "asarray": _converting(np.asarray),
    "asanyarray": _converting(np.asanyarray),
    "ascontiguousarray": _in_order(np.ascontiguousarray, "C"),
    "asfortranarray": _in_order(np.asfortranarray, "F"),
    "full": _users_full,
    "r_": _Joining(np.r_, lambda parts: np.concatenate([np.atleast_1d(part) for part in parts])),
    "c_": _Joining(np.c_, lambda parts: np.concatenate([_column(part) for part in parts], axis=-1)),
}
_users_array.__name__, _users_full.__name__, _users_copy.__name__ = "array", "full", "copy"
_OWN: dict[str, Any] = {name: getattr(np, name) for name in MADE}
_NUMPY = np.__dict__
_made_for = {id(own): name for name, own in _OWN.items()} | {id(made): name for name, made in MADE.items()}

# Namespaces that imported some of the names: what to put there, and what was there. Those of modules stay; those of
# code that was run otherwise (a notebook's copy, a doctest) are looked at again for every recording.
_Named = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
_in_modules: dict[int, _Named] = {}
_passing: dict[int, _Named] = {}
# Each module's namespace, with its number of names when it was looked at.
_lengths: dict[int, tuple[dict[str, Any], int]] = {}
_modules_seen = 0
_exchanged = False


def exchange() -> None:
    """Put our functions in the place of NumPy's."""
    global _exchanged
    _exchanged = True
    _NUMPY.update(MADE)
    if _in_modules or _passing:
        for names, ours, _ in (*_in_modules.values(), *_passing.values()):
            names.update(ours)


def restore() -> None:
    """Put NumPy's functions back."""
    global _exchanged
    _exchanged = False
    _NUMPY.update(_OWN)
    if _in_modules or _passing:
        for names, _, own in (*_in_modules.values(), *_passing.values()):
            names.update(own)
        _passing.clear()


def look_for_names(own: dict[str, Any]) -> None:
    """Look for names imported from NumPy in modules that are new, and among the globals of the function recorded."""
    global _modules_seen
    if len(sys.modules) != _modules_seen:
        _modules_seen = len(sys.modules)
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] not in _LIBRARIES and hasattr(module, "__dict__"):
                _look_in_module(module.__dict__)
    known = _lengths.get(id(own))
    if known is not None and known[0] is own:
        if known[1] != len(own):
            _look_in_module(own)
    elif id(own) not in _passing and own.get("__name__", "").partition(".")[0] not in _LIBRARIES:
        _look_in(own, _passing)


def _look_in_module(names: dict[str, Any]) -> None:
    # Names are added far more often than exchanged for others, so that the number of names tells of a change.
    known = _lengths.get(id(names))
    if known is None or known[1] != len(names):
        _lengths[id(names)] = (names, len(names))
        _look_in(names, _in_modules)


def _look_in(names: dict[str, Any], known: dict[int, _Named]) -> None:
    if _made_for.keys().isdisjoint(map(id, list(names.values()))):  # Of nearly every module, without a loop in Python.
        return
    found = {name: _made_for[id(value)] for name, value in list(names.items()) if id(value) in _made_for}
    if found:
        ours = {name: MADE[made] for name, made in found.items()}
        known[id(names)] = (names, ours, {name: _OWN[made] for name, made in found.items()})
        if _exchanged:
            names.update(ours)
