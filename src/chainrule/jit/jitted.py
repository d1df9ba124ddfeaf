"""`jit`: a function as machine code."""

import functools
import sys
import threading
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.jit.captures import Captures
from chainrule.jit.signature import Signature, Static, is_traced, signature_of

if TYPE_CHECKING:
    from chainrule.jit.compiling import Event, Specialized
    from chainrule.jit.stages import Stages

__all__ = ["Jitted", "jit"]


#: Values of what is fixed, such as an integer, for which programs are made; for others the function runs uncompiled.
_FIXED_VALUES = 32
#: Kinds of calls for which programs are kept.
_KEPT = 256
#: Bytes of an array from outside up to which its entries are compared at each call, since code may do more with it
#: than the program does. Of a larger one that the program reads only the identity is looked at.
_SMALL = 1 << 12


def _not_yet(*args: Any) -> Any:
    return NotImplemented


class Jitted:
    """A function that is compiled for what it is called with; `jit` makes it.

    It is called as the function is. Whatever has been compiled is kept with it, and several threads may call
    it at once.
    """

    __name__: str
    __qualname__: str

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self.__name__ = getattr(f, "__name__", "f")
        self.__qualname__ = getattr(f, "__qualname__", "f")
        self._f = f
        self._entry: Callable[..., Any] = _not_yet
        self._last: Specialized | None = None
        self._known: dict[Signature, Specialized] = {}
        self._captures = Captures(_not_yet)
        self._free: frozenset[int] = frozenset()
        self._events: list[Event] = []
        self._lock = threading.RLock()

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call it as the function itself."""
        if not kwargs:
            found = self._entry(*args)
            if found is not NotImplemented:
                return found
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The way for names, and for all that the entry of the last call does not take."""
        last = self._last
        if last is not None and self._captures.hold():
            known = last.read((args, kwargs))
            found = NotImplemented if known is None else last.entry(*known)
            if found is not NotImplemented:
                return found
        leaves, structure = tree.flatten((args, kwargs))
        return self._call_leaves(args, kwargs, leaves, structure)

    def _call_leaves(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: list[Any], structure: tree.Structure
    ) -> Any:
        """The long way: find out what has been compiled for such a call, and compile what has not."""
        if is_traced(leaves):
            return self._f(*args, **kwargs)
        signature, values = signature_of(leaves, structure)
        if not self._captures.hold():
            self._forget()
        found = self._known.get(signature)
        if found is None:
            with self._lock:
                found = self._known.get(signature)
                if found is None:
                    found = self._compiled(signature, values)
                    if found is None:
                        return self._f(*args, **kwargs)
        result = found.run(leaves, values)
        if result is NotImplemented:
            return self._f(*args, **kwargs)
        self._entry = found.entry_for_calls(self._captures)
        self._last = found
        return result

    def _compiled(self, signature: Signature, values: list[Any]) -> "Specialized | None":
        # The compiler is loaded when it is first needed, so that `import chainrule` stays light.
        from chainrule.jit.compiling import Event, Specialized
        from chainrule.jit.paths import owner

        if self._captured((*self._known, signature)).has_traced:
            return None
        if sum(other.differs_in_values(signature) for other in self._known) >= _FIXED_VALUES:
            said = Event(
                f"given up: more than {_FIXED_VALUES} values of an argument that is fixed; a float or an array is not"
            )
            if said not in self._events:
                self._events.append(said)
            return None
        known = [other for other in self._known if other.is_like(signature)]
        made = Specialized.for_call(self._f, signature, values, [self._known[other] for other in known], self._events)
        self._free |= {id(owner(x)) for x in made.arrays if x.nbytes > _SMALL}
        self._captures = self._captured((*self._known, signature))
        # A new dict, since other threads may be reading this one.
        self._known = {**dict(list(self._known.items())[1 - _KEPT :]), signature: made}
        return made

    def _forget(self) -> None:
        """Compile anew, since something that the function reads from around it has changed."""
        with self._lock:
            if self._captures.hold():
                return
            self._entry = _not_yet
            self._last = None
            from chainrule.jit.compiling import Event
            from chainrule.jit.paths import owner

            self._events.append(Event("something that it reads from around it has changed"))

            same = [found for found in self._known.values() if found.is_still_right()]
            if len(same) == len(self._known):
                # The programs read the entries that have changed by themselves.
                self._free |= {id(owner(x)) for found in same for x in found.arrays}
            self._known = {found.signature: found for found in same}
            self._captures = self._captured(self._known)

    def _captured(self, signatures: Iterable[Signature]) -> Captures:
        objects = (leaf.value for one in signatures for leaf in one.leaves if isinstance(leaf, Static))
        return Captures(self._f, self._free, objects)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        """As functions are pickled: by name where that leads here, otherwise by the function."""
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        return self.__qualname__ if found is self else (jit, (self._f,))

    def __repr__(self) -> str:
        return f"<jit of {self._f!r}>"

    def stages(self) -> "Stages":
        """Show what has been made of the function.

        Returns
        -------
        Stages
            How often the function was compiled and why; for each program the graph as it was recorded and after every
            pass, what runs in which order, what shares a loop, what goes through NumPy, and where each value stands.
            Its text is what `print` shows.

        Examples
        --------
        >>> import numpy as np
        >>> from chainrule import jit
        >>> f = jit(lambda x: np.tanh(x) + 1.0)
        >>> f(np.zeros(2))
        array([1., 1.])
        >>> print(f.stages().recorded[0])
        <lambda>(x: float64[2])
          %0 = np.tanh(x)      float64[2]
          %1 = np.add(%0, 1.0)  float64[2]
          return %1
        """
        from chainrule.jit.stages import Stages

        texts = tuple(event.text for event in self._events)
        return Stages(self.__name__, list(self._known.values()), texts, sum(event.compiles for event in self._events))


_Made = TypeVar("_Made", covariant=True)


class _Compilable(Protocol[_Made]):
    """What is compiled in a way of its own, such as `sparse_jacobian(f)`."""

    def __chainrule_jit__(self, compiler: Callable[..., Jitted]) -> _Made: ...


@overload
def jit(f: _Compilable[_Made]) -> _Made: ...
@overload
def jit(f: Callable[..., Any]) -> Jitted: ...
def jit(f: Any) -> Any:
    """Compile a function to machine code, for what it is called with.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that `chainrule.trace` can record, or a derivative of one: ``jit(grad(f))``. Its
        arguments are trees of arrays and numbers; whatever else stands in them, and Python's integers, is taken as
        fixed, and another one is another call.

    Returns
    -------
    Jitted
        Called as `f` is, with the same results up to rounding. The first call for a structure, for shapes and dtypes
        compiles.

    Raises
    ------
    OptionError
        Where `f` is no function.
    TraceError
        From the call: where something cannot be followed, or `f` does not do the same each time.

    Notes
    -----
    Decisions on values are followed: each way that they lead is compiled when it is first taken. Arrays that `f` reads
    from around it are read anew at each call. Called with traced values, as in ``grad(jit(f))``, `f` itself runs.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import grad, jit
    >>> slope = jit(grad(lambda x: np.sum(x**2)))
    >>> slope(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    if not callable(f):
        raise OptionError(f"the first argument should be a function, but is {type(f).__name__}")
    compiled = getattr(f, "__chainrule_jit__", None)
    return Jitted(f) if compiled is None else compiled(jit)
